#pragma once
// What is known of the servers that results are delivered to: site profiles, read from YAML
// (sites.yaml, inside the program, or a file). Errors: MF-3152, with the line.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/failure.h"

namespace myoflag::delivery {

// How results are written; each rung asks less of the server than the one before.
enum class Rung {
  transaction,  // T: all or nothing
  batch,        // B: in waves, each entry by itself
  conditional,  // S: single creates, each of which may be repeated
  plain,        // L: single creates, looked up before each
  document,     // D: the summary document only
  file          // F: files in a folder
};
char letter_of(Rung rung);
std::optional<Rung> rung_of(std::string_view letter);

struct Site {
  std::string name;
  Rung highest = Rung::transaction;
  // By type: "create", "update". Nothing: as the server says itself.
  std::optional<std::map<std::string, std::set<std::string, std::less<>>, std::less<>>> takes;
  std::set<std::string, std::less<>> refuses;  // names of elements
  std::string folded_title;
  std::string folded_text;
};

// What people are shown until they acknowledge it.
struct Urgency {
  std::set<std::string, std::less<>> tiers;
  int under_hours = 0;

  bool holds(std::string_view tier, std::optional<std::int64_t> target_hours) const;
};

struct Sites {
  std::map<std::string, Site, std::less<>> by_name;
  Urgency urgency;
};

tl::expected<Sites, Failure> read_sites(const std::string& yaml, const std::string& file_name);
// Those inside the program, or of a file where one is named.
tl::expected<Sites, Failure> load_sites(const std::string& file);
tl::expected<Site, Failure> site_of(const Sites& sites, const std::string& name);

}  // namespace myoflag::delivery
