#pragma once
// Every option of the configuration, once: reading, checking and the commented file are made from
// this table.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "plugin/config/config.h"

namespace myoflag::config {

// `expected` says what the text is to be, empty where any will do; it is asked for texts that are
// not empty.
struct TextOption {
  std::string& (*at)(Config&);
  std::string_view expected;
  bool (*is_good)(const std::string&);
};

struct NumberOption {
  std::int64_t (*get)(const Config&);
  void (*set)(Config&, std::int64_t);
  std::int64_t least, most;
  std::string_view unit;  // "seconds"; empty: a plain number
};

struct OriginsOption {
  std::vector<std::string>& (*at)(Config&);
};
// `expected` says what each is to be.
struct ListOption {
  std::vector<std::string>& (*at)(Config&);
  std::string_view expected;
  bool (*is_good)(const std::string&);
};
struct ClientsOption {};
struct ServersOption {};

struct Option {
  std::string_view section, name;
  std::string_view about;  // lines
  std::variant<TextOption, NumberOption, OriginsOption, ListOption, ClientsOption, ServersOption>
      how;
};

struct SectionAbout {
  std::string_view name, about;
};

std::span<const SectionAbout> sections();
std::span<const Option> options();  // by section, in their order

bool is_origin(const std::string& text);
bool is_base(const std::string& text);  // of a server: no slash at its end, no query

}  // namespace myoflag::config
