#include "plugin/browser/texts.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <stdexcept>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "plugin/browser/yaml.h"

namespace myoflag::browser {

namespace {

constexpr std::size_t kShortestMonth = 3;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool begins(std::string_view name, std::string_view typed) {
  return typed.size() >= kShortestMonth && typed.size() <= name.size() &&
         std::equal(typed.begin(), typed.end(), name.begin(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

Wrong wrong(const YAML::Node& where, const std::string& text) {
  return {where.IsDefined() ? where.Mark().line + 1 : 0, text};
}

}  // namespace

class TextsReader {
 public:
  TextsReader(const YAML::Node& root, const Catalogue& catalogue)
      : root_(root), catalogue_(catalogue) {}

  Texts read() {
    check_map(root_);
    for (const auto& entry : root_) {
      const auto key = entry.first.as<std::string>();
      constexpr std::array<std::string_view, 5> known{"language", "direction", "reviewed", "months",
                                                      "texts"};
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        throw wrong(entry.first, fmt::format("nothing here is called {}", key));
      }
    }
    out_.language_ = needed("language").as<std::string>();
    out_.direction_ = needed("direction").as<std::string>();
    if (out_.direction_ != "ltr" && out_.direction_ != "rtl") {
      throw wrong(root_["direction"], "direction is ltr or rtl");
    }
    needed("reviewed").as<bool>();  // for people; there is no other language yet
    const YAML::Node months = needed("months");
    if (!months.IsSequence() || months.size() != out_.months_.size()) {
      throw wrong(months, "twelve months are expected here");
    }
    for (std::size_t i = 0; i < out_.months_.size(); ++i) {
      out_.months_[i] = months[i].as<std::string>();
    }
    read_texts(needed("texts"));
    return std::move(out_);
  }

 private:
  static void check_map(const YAML::Node& node) {
    if (!node.IsMap()) {
      throw wrong(node, "a map is expected here");
    }
    std::set<std::string> seen;
    for (const auto& entry : node) {
      if (!seen.insert(entry.first.as<std::string>()).second) {
        throw wrong(entry.first,
                    fmt::format("{} stands here twice", entry.first.as<std::string>()));
      }
    }
  }

  YAML::Node needed(const char* key) const {
    const YAML::Node node = root_[key];
    if (!node.IsDefined() || node.IsNull()) {
      throw wrong(root_, fmt::format("{} is missing", key));
    }
    return node;
  }

  void read_texts(const YAML::Node& texts) {
    check_map(texts);
    for (const auto& entry : texts) {
      const auto name = entry.first.as<std::string>();
      const TextKey* key = find(name);
      if (key == nullptr) {
        throw wrong(entry.first, fmt::format("nobody says {}", name));
      }
      auto text = entry.second.as<std::string>();
      if (text.empty()) {
        throw wrong(entry.second, fmt::format("{} is empty", name));
      }
      check_placeholders(entry.second, text, key->may);
      out_.texts_.emplace(name, std::move(text));
    }
    for (const TextKey& key : catalogue_.keys) {
      if (!out_.texts_.contains(key.name)) {
        throw wrong(texts, fmt::format("{} is missing", key.name));
      }
    }
  }

  const TextKey* find(std::string_view name) const {
    const auto found = std::find_if(catalogue_.keys.begin(), catalogue_.keys.end(),
                                    [&](const TextKey& key) { return key.name == name; });
    return found == catalogue_.keys.end() ? nullptr : &*found;
  }

  void check_placeholders(const YAML::Node& where, std::string_view text,
                          std::string_view may) const {
    const std::string allowed = fmt::format(" {} {} ", catalogue_.everywhere, may);
    for (auto at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
      const auto end = text.find('}', at);
      auto name = text.substr(at + 1, end == std::string_view::npos ? 0 : end - at - 1);
      name = rules::read_placeholder(name).name;
      if (name.empty() || allowed.find(fmt::format(" {} ", name)) == std::string::npos) {
        throw wrong(where, fmt::format("{{{}}} is not filled in here", name));
      }
    }
  }

  const YAML::Node& root_;
  const Catalogue& catalogue_;
  Texts out_;
};

unsigned Texts::month(std::string_view typed) const {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(typed.data(), typed.data() + typed.size(), number);
  if (error == std::errc() && end == typed.data() + typed.size()) {
    return number >= 1 && number <= months_.size() ? number : 0;
  }
  for (std::size_t i = 0; i < months_.size(); ++i) {
    if (begins(months_[i], typed)) {
      return static_cast<unsigned>(i + 1);
    }
  }
  return 0;
}

std::string Texts::day(std::chrono::sys_seconds moment) const {
  const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(moment));
  return fmt::format("{} {} {}", static_cast<unsigned>(date.day()),
                     months_[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()));
}

const std::string& Texts::text(std::string_view key) const {
  const auto found = texts_.find(key);
  if (found == texts_.end()) {
    throw std::logic_error("the pages say a text that does not exist: " + std::string(key));
  }
  return found->second;
}

std::string Texts::text(std::string_view key, std::initializer_list<rules::Fill> values) const {
  return rules::fill(text(key), values);
}

tl::expected<Texts, Failure> read_texts(const std::string& yaml, const std::string& file_name,
                                        const Catalogue& catalogue) {
  const auto unusable = [&](int line, const std::string& why) {
    return tl::unexpected(
        Failure{Exit::usage, fmt::format("MF-4262: {}:{}: {}", file_name, line, why)});
  };
  try {
    const YAML::Node root = YAML::Load(yaml);
    return TextsReader(root, catalogue).read();
  } catch (const Wrong& error) {
    return unusable(error.line, error.what());
  } catch (const YAML::Exception& error) {
    return unusable(error.mark.line + 1, error.msg);
  }
}

}  // namespace myoflag::browser
