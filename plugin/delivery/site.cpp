#include "plugin/delivery/site.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "plugin/delivery/embedded_sites.h"
#include "plugin/safe_text.h"

namespace myoflag::delivery {

namespace {

constexpr std::string_view kLetters = "TBSLDF";  // in the order of Rung
constexpr std::size_t kMostBytes = 1u << 20U;

// Ends the reading of a file; goes no further than read_sites.
class Wrong : public std::runtime_error {
 public:
  Wrong(const YAML::Node& where, const std::string& text)
      : std::runtime_error(text), line(where.IsDefined() ? where.Mark().line + 1 : 0) {}
  int line;
};

void check_keys(const YAML::Node& map, std::initializer_list<std::string_view> allowed) {
  if (!map.IsMap()) {
    throw Wrong(map, "a map is expected here");
  }
  std::set<std::string> seen;
  for (const auto& entry : map) {
    const auto key = entry.first.as<std::string>();
    if (std::find(allowed.begin(), allowed.end(), key) == allowed.end()) {
      throw Wrong(entry.first, fmt::format("nothing here is called {}", key));
    }
    if (!seen.insert(key).second) {
      throw Wrong(entry.first, fmt::format("{} stands here twice", key));
    }
  }
}

YAML::Node needed(const YAML::Node& map, const char* key) {
  const YAML::Node node = map[key];
  if (!node.IsDefined() || node.IsNull()) {
    throw Wrong(map, fmt::format("{} is missing", key));
  }
  return node;
}

std::set<std::string, std::less<>> words(const YAML::Node& list) {
  if (!list.IsSequence()) {
    throw Wrong(list, "a list is expected here");
  }
  std::set<std::string, std::less<>> out;
  for (const auto& word : list) {
    out.insert(word.as<std::string>());
  }
  return out;
}

Site site(const std::string& name, const YAML::Node& node, const YAML::Node& folded) {
  check_keys(node, {"highest", "takes", "refuses"});
  Site out;
  out.name = name;
  const auto highest = rung_of(needed(node, "highest").as<std::string>());
  if (!highest) {
    throw Wrong(node["highest"], "the rungs are T, B, S, L, D and F");
  }
  out.highest = *highest;
  out.folded_title = needed(folded, "title").as<std::string>();
  out.folded_text = needed(folded, "text").as<std::string>();
  if (node["refuses"].IsDefined()) {
    out.refuses = words(node["refuses"]);
  }
  if (!node["takes"].IsDefined()) {
    return out;
  }
  if (!node["takes"].IsMap()) {
    throw Wrong(node["takes"], "a map is expected here");
  }
  out.takes.emplace();
  for (const auto& type : node["takes"]) {
    auto what = words(type.second);
    for (const auto& word : what) {
      if (word != "create" && word != "update") {
        throw Wrong(type.second, "a server takes create or update");
      }
    }
    out.takes->insert_or_assign(type.first.as<std::string>(), std::move(what));
  }
  return out;
}

Sites sites_of(const YAML::Node& root) {
  check_keys(root, {"escalation", "folded", "sites"});
  const YAML::Node escalation = needed(root, "escalation");
  check_keys(escalation, {"tiers", "under-hours"});
  const YAML::Node folded = needed(root, "folded");
  check_keys(folded, {"title", "text"});
  Sites out;
  out.urgency = {words(needed(escalation, "tiers")), needed(escalation, "under-hours").as<int>()};
  const YAML::Node sites = needed(root, "sites");
  if (!sites.IsMap()) {
    throw Wrong(sites, "a map is expected here");
  }
  for (const auto& entry : sites) {
    const auto name = entry.first.as<std::string>();
    if (!out.by_name.emplace(name, site(name, entry.second, folded)).second) {
      throw Wrong(entry.first, fmt::format("{} stands here twice", name));
    }
  }
  return out;
}

tl::unexpected<Failure> unusable(const std::string& file, int line, std::string_view why) {
  return tl::unexpected(
      Failure{Exit::usage, line > 0 ? fmt::format("MF-3152: {}:{}: {}", safe_name(file), line, why)
                                    : fmt::format("MF-3152: {}: {}", safe_name(file), why)});
}

}  // namespace

char letter_of(Rung rung) { return kLetters[static_cast<std::size_t>(rung)]; }

std::optional<Rung> rung_of(std::string_view letter) {
  const auto at = letter.size() == 1 ? kLetters.find(letter) : std::string_view::npos;
  return at == std::string_view::npos ? std::nullopt : std::optional(static_cast<Rung>(at));
}

bool Urgency::holds(std::string_view tier, std::optional<std::int64_t> target_hours) const {
  return tiers.contains(tier) || (target_hours && *target_hours < under_hours);
}

tl::expected<Sites, Failure> read_sites(const std::string& yaml, const std::string& file_name) {
  try {
    return sites_of(YAML::Load(yaml));
  } catch (const Wrong& wrong) {
    return unusable(file_name, wrong.line, wrong.what());
  } catch (const YAML::Exception& error) {
    return unusable(file_name, error.mark.line + 1, error.msg);
  }
}

tl::expected<Sites, Failure> load_sites(const std::string& file) {
  if (file.empty()) {
    return read_sites(std::string(kEmbeddedSites), "sites.yaml");
  }
  std::ifstream in(file, std::ios::binary);
  std::string text(kMostBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  if (in.bad() || text.empty() || text.size() > kMostBytes) {
    return unusable(file, 0, "it cannot be read, is empty, or longer than 1 MiB");
  }
  return read_sites(text, file);
}

tl::expected<Site, Failure> site_of(const Sites& sites, const std::string& name) {
  const auto found = sites.by_name.find(name);
  if (found != sites.by_name.end()) {
    return found->second;
  }
  std::string names;
  for (const auto& [known, ignored] : sites.by_name) {
    names += (names.empty() ? "" : ", ") + known;
  }
  return tl::unexpected(
      Failure{Exit::usage, fmt::format("MF-3153: no site is called so; there are {}", names)});
}

}  // namespace myoflag::delivery
