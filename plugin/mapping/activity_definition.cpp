#include "plugin/mapping/activity_definition.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "plugin/mapping/code_system.h"
#include "plugin/mapping/frame.h"
#include "plugin/mapping/rule_codes.h"
#include "rules/texts.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::Knowledge;
using rules::Workup;

// Laboratory, imaging, ...: a definition has no category, and this is what its topic is for.
Json topic(const Knowledge& knowledge, const Workup& workup) {
  const auto& all = knowledge.workup_categories;
  const auto known = std::find_if(
      all.begin(), all.end(), [&](const auto& category) { return category.id == workup.category; });
  Json codings = known == all.end() ? Json::array() : codings_of(known->codes);
  return codeable(std::move(codings), workup.category);
}

// A note that holds only for some says for whom.
std::string usage(const Knowledge& knowledge, const Workup& workup) {
  std::string text;
  for (const auto& note : workup.notes) {
    std::string line = note.text;
    if (const auto hole = line.find("{caution}"); hole != std::string::npos) {
      std::string labels;
      for (const auto& caution : knowledge.bindings.cautions) {
        if (caution.caution == note.caution) {
          labels += (labels.empty() ? "" : ", ") + caution.label;
        }
      }
      line.replace(hole, std::string_view("{caution}").size(), labels);
      line = rules::fill(knowledge.text("publish-where-applies"), {{"note", line}});
    }
    text += (text.empty() ? "" : "\n") + line;
  }
  return text;
}

std::string kind_of(const Workup& workup) { return "workup-" + workup.code; }

}  // namespace

std::string activity_canonical(const Knowledge& knowledge, const Workup& workup) {
  return fmt::format("{}/ActivityDefinition/{}-{}|{}", knowledge.canonical, knowledge.id,
                     kind_of(workup), knowledge.version);
}

Json activity_definition(const Knowledge& knowledge, const Workup& workup) {
  Json resource = artefact_header(knowledge, "ActivityDefinition", kind_of(workup), workup.text);
  resource.set_if("description", workup.note);
  resource.set_if("usage", usage(knowledge, workup));
  resource.set("topic", Json::array({topic(knowledge, workup)}));
  resource.set("kind", "ServiceRequest");
  Json codings = codings_of(workup.codes);
  codings.push(workup_coding(knowledge, workup));
  resource.set("code", codeable(std::move(codings), workup.text));
  resource.set("intent", "proposal");
  return resource;
}

std::vector<Json> activity_definitions(const Knowledge& knowledge) {
  std::vector<Json> all;
  for (const auto& workup : knowledge.workups) {
    all.push_back(activity_definition(knowledge, workup));
  }
  return all;
}

}  // namespace myoflag::mapping
