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

constexpr std::size_t kShortestMonth = 3;  // characters

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80;
  }));
}

bool begins(std::string_view name, std::string_view typed) {
  const bool enough = characters(typed) >= kShortestMonth || typed.size() == name.size();
  return enough && typed.size() <= name.size() &&
         std::equal(typed.begin(), typed.end(), name.begin(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

Wrong wrong(const YAML::Node& where, const std::string& text) {
  return {where.IsDefined() ? where.Mark().line + 1 : 0, text};
}

}  // namespace

class TextsReader {
 public:
  TextsReader(const YAML::Node& root, const Catalogue& catalogue, std::vector<Wrong>& found)
      : root_(root), catalogue_(catalogue), found_(found) {}

  // What is wrong stands in `found` then; only where nothing more can be read it is thrown.
  Texts read() {
    check_map(root_);
    constexpr std::array<std::string_view, 8> known{"language", "name", "direction", "reviewed",
                                                    "months",   "date", "same",      "texts"};
    for (const auto& entry : root_) {
      const auto key = entry.first.as<std::string>();
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        found_.push_back(wrong(entry.first, fmt::format("nothing here is called {}", key)));
      }
    }
    read_header();
    read_months(needed("months"));
    read_texts(needed("texts"));
    return std::move(out_);
  }

 private:
  void read_header() {
    out_.language_ = needed("language").as<std::string>();
    out_.name_ = needed("name").as<std::string>();
    out_.direction_ = needed("direction").as<std::string>();
    if (out_.direction_ != "ltr" && out_.direction_ != "rtl") {
      found_.push_back(wrong(root_["direction"], "direction is ltr or rtl"));
    }
    out_.is_reviewed_ = needed("reviewed").as<bool>();
    out_.date_ = needed("date").as<std::string>();
    const std::vector<std::string> parts{"day", "month", "year"};
    if (rules::placeholders_in(out_.date_) != parts) {
      found_.push_back(wrong(root_["date"], "a date is made of {day}, {month} and {year}"));
    }
    if (const YAML::Node same = root_["same"]; same.IsDefined()) {
      out_.same_ = same.as<std::vector<std::string>>();
    }
  }

  void read_months(const YAML::Node& months) {
    if (!months.IsSequence() || months.size() != out_.months_.size()) {
      found_.push_back(wrong(months, "twelve months are expected here"));
      return;
    }
    for (std::size_t i = 0; i < out_.months_.size(); ++i) {
      out_.months_[i] = months[i].as<std::string>();
    }
  }

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
      read_text(entry.first, entry.second);
    }
    for (const TextKey& key : catalogue_.keys) {
      if (!out_.texts_.contains(key.name)) {
        found_.push_back(wrong(texts, fmt::format("{} is missing", key.name)));
      }
    }
  }

  void read_text(const YAML::Node& name_node, const YAML::Node& node) {
    const auto name = name_node.as<std::string>();
    const TextKey* key = find(name);
    if (key == nullptr) {
      found_.push_back(wrong(name_node, fmt::format("nobody says {}", name)));
      return;
    }
    auto text = node.as<std::string>();
    if (text.empty()) {
      found_.push_back(wrong(node, fmt::format("{} is empty", name)));
    }
    check_placeholders(node, text, key->may);
    out_.texts_.emplace(name, std::move(text));
  }

  const TextKey* find(std::string_view name) const {
    const auto found = std::find_if(catalogue_.keys.begin(), catalogue_.keys.end(),
                                    [&](const TextKey& key) { return key.name == name; });
    return found == catalogue_.keys.end() ? nullptr : &*found;
  }

  void check_placeholders(const YAML::Node& where, std::string_view text, std::string_view may) {
    const std::string allowed = fmt::format(" {} {} ", catalogue_.everywhere, may);
    for (auto at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
      const auto end = text.find('}', at);
      auto name = text.substr(at + 1, end == std::string_view::npos ? 0 : end - at - 1);
      name = rules::read_placeholder(name).name;
      if (name.empty() || allowed.find(fmt::format(" {} ", name)) == std::string::npos) {
        found_.push_back(wrong(where, fmt::format("{{{}}} is not filled in here", name)));
      }
    }
  }

  const YAML::Node& root_;
  const Catalogue& catalogue_;
  Texts out_;
  std::vector<Wrong>& found_;
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
  return rules::fill(date_, {{"day", std::to_string(static_cast<unsigned>(date.day()))},
                             {"month", months_[static_cast<unsigned>(date.month()) - 1]},
                             {"year", std::to_string(static_cast<int>(date.year()))}});
}

std::vector<std::string> Texts::differences(const Texts& english) const {
  std::vector<std::string> out;
  for (const auto& [key, text] : texts_) {
    const std::string& original = english.text(key);
    if (rules::placeholders_in(text) != rules::placeholders_in(original)) {
      out.push_back(fmt::format("{}: the placeholders are not those of the English text", key));
    }
    if (rules::numbers_in(text) != rules::numbers_in(original)) {
      out.push_back(fmt::format("{}: the numbers are not those of the English text", key));
    }
    const bool may_be_same = std::find(same_.begin(), same_.end(), key) != same_.end();
    if ((text == original) != may_be_same) {
      out.push_back(fmt::format("{}: {}", key,
                                may_be_same ? "it is under `same`, and is not the English text"
                                            : "the same as in English, and not under `same`"));
    }
  }
  return out;
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
  std::vector<Wrong> found;
  try {
    const YAML::Node root = YAML::Load(yaml);
    auto texts = TextsReader(root, catalogue, found).read();
    if (found.empty()) {
      return texts;
    }
  } catch (const Wrong& error) {
    found.push_back(error);
  } catch (const YAML::Exception& error) {
    found.emplace_back(error.mark.line + 1, error.msg);
  }
  std::string all;
  for (const Wrong& one : found) {
    all += fmt::format("{}MF-4262: {}:{}: {}", all.empty() ? "" : "\n", file_name, one.line,
                       one.what());
  }
  return tl::unexpected(Failure{Exit::usage, std::move(all)});
}

}  // namespace myoflag::browser
