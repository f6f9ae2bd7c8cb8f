#include "plugin/intake/presentation.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "plugin/browser/yaml.h"
#include "plugin/intake/embedded.h"

namespace myoflag::intake {

namespace {

constexpr int kMostHours = 24 * 14;

using browser::Wrong;

Wrong wrong(const YAML::Node& where, const std::string& text) {
  return {where.IsDefined() ? where.Mark().line + 1 : 0, text};
}

void check_keys(const YAML::Node& map, const std::set<std::string>& allowed) {
  if (!map.IsMap()) {
    throw wrong(map, "a map is expected here");
  }
  std::set<std::string> seen;
  for (const auto& entry : map) {
    const auto key = entry.first.as<std::string>();
    if (!allowed.contains(key)) {
      throw wrong(entry.first, fmt::format("nothing here is called {}", key));
    }
    if (!seen.insert(key).second) {
      throw wrong(entry.first, fmt::format("{} stands here twice", key));
    }
  }
}

std::string needed(const YAML::Node& map, const char* key) {
  const YAML::Node node = map[key];
  if (!node.IsDefined() || !node.IsScalar()) {
    throw wrong(map, fmt::format("{} is missing", key));
  }
  return node.as<std::string>();
}

Interruption interruption(const YAML::Node& node) {
  check_keys(node, {"display", "action", "tier", "within-hours"});
  Interruption out;
  out.display = needed(node, "display");
  const auto action = needed(node, "action");
  if (action != "emergency" && action != "call-today") {
    throw wrong(node["action"], "the actions are emergency and call-today");
  }
  out.is_emergency = action == "emergency";
  const auto tier = rules::tier_of(needed(node, "tier"));
  if (!tier) {
    throw wrong(node["tier"], "there is no such tier");
  }
  out.tier = *tier;
  if (const YAML::Node hours = node["within-hours"]; hours.IsDefined()) {
    out.within_hours = hours.as<int>();
    if (*out.within_hours < 0 || *out.within_hours > kMostHours) {
      throw wrong(hours, fmt::format("within-hours is 0 to {}", kMostHours));
    }
  }
  return out;
}

Informant informant(const YAML::Node& node) {
  check_keys(node, {"name", "answer", "source", "helped", "text"});
  Informant out{needed(node, "name"), needed(node, "answer"), needed(node, "source"), false,
                needed(node, "text")};
  if (out.source != "Patient" && out.source != "RelatedPerson") {
    throw wrong(node["source"], "the sources are Patient and RelatedPerson");
  }
  if (const YAML::Node helped = node["helped"]; helped.IsDefined()) {
    out.is_helped = helped.as<bool>();
  }
  return out;
}

void add_informants(Presentation& out, const YAML::Node& node) {
  if (!node.IsDefined()) {
    throw Wrong(0, "informants are missing");
  }
  check_keys(node, {"question", "choices"});
  out.informant_question = needed(node, "question");
  const YAML::Node list = node["choices"];
  if (!list.IsDefined() || !list.IsSequence() || list.size() == 0) {
    throw wrong(node, "a list of choices is needed");
  }
  for (const auto& one : list) {
    auto next = informant(one);
    if (std::any_of(out.informants.begin(), out.informants.end(),
                    [&](const Informant& before) { return before.name == next.name; })) {
      throw wrong(one["name"], "this name stands here twice");
    }
    out.informants.push_back(std::move(next));
  }
}

Presentation presentation_of(const YAML::Node& root) {
  check_keys(root, {"interruptions", "informants"});
  const YAML::Node list = root["interruptions"];
  if (!list.IsDefined() || !list.IsSequence() || list.size() == 0) {
    throw wrong(root, "a list of interruptions is needed");
  }
  Presentation out;
  for (const auto& node : list) {
    out.interruptions.push_back(interruption(node));
  }
  if (!out.interruptions.front().is_emergency) {
    throw wrong(list, "the first interruption is the one for emergencies");
  }
  add_informants(out, root["informants"]);
  return out;
}

}  // namespace

tl::expected<Presentation, Failure> read_presentation(const std::string& yaml,
                                                      const std::string& file_name) {
  const auto unusable = [&](int line, const std::string& why) {
    return tl::unexpected(
        Failure{Exit::usage, fmt::format("MF-4260: {}:{}: {}", file_name, line, why)});
  };
  try {
    return presentation_of(YAML::Load(yaml));
  } catch (const Wrong& error) {
    return unusable(error.line, error.what());
  } catch (const YAML::Exception& error) {
    return unusable(error.mark.line + 1, error.msg);
  }
}

tl::expected<Presentation, Failure> embedded_presentation() {
  return read_presentation(std::string(kPresentation), "presentation.yaml");
}

std::optional<Failure> misfit(const Presentation& presentation, const rules::Knowledge& knowledge) {
  for (const auto& one : presentation.interruptions) {
    const int item = knowledge.item(one.display);
    if (item < 0 ||
        knowledge.items[static_cast<std::size_t>(item)].type != rules::ItemType::display) {
      return Failure{Exit::usage,
                     fmt::format("MF-4261: the form of the knowledge has no display {}, which is "
                                 "to interrupt it",
                                 one.display)};
    }
  }
  const int item = knowledge.item(presentation.informant_question);
  for (const auto& one : presentation.informants) {
    if (item < 0 || knowledge.items[static_cast<std::size_t>(item)].option(one.answer) < 0) {
      return Failure{Exit::usage,
                     fmt::format("MF-4261: the form of the knowledge has no question {} with the "
                                 "answer {}, by which staff say who gives the answers",
                                 presentation.informant_question, one.answer)};
    }
  }
  return std::nullopt;
}

const Informant* informant_of(const Presentation& presentation, std::string_view chosen,
                              std::string_view answer) {
  const Informant* found = nullptr;
  for (const Informant& one : presentation.informants) {
    if (one.name == chosen && (answer.empty() || one.answer == answer)) {
      return &one;
    }
    if (one.answer != answer) {
      continue;
    }
    if (found == nullptr && !one.is_helped) {
      found = &one;
    }
  }
  return found;
}

}  // namespace myoflag::intake
