#include "plugin/batch/manifest.h"

#include <string_view>
#include <utility>

#include "plugin/batch/own_json.h"
#include "plugin/mapping/device.h"

namespace myoflag::batch {
namespace {

using fhir::Json;

// NDJSON of resources is named after their type; the other names begin small.
std::string_view type_of(const ManifestFile& file) {
  const std::string_view name = file.name;
  const bool resources = name.ends_with(".ndjson") && name.front() >= 'A' && name.front() <= 'Z';
  return file.of_outcomes ? "OperationOutcome" : resources ? name.substr(0, name.find('.')) : "";
}

Json file_json(const ManifestFile& file) {
  Json json = Json::object();
  json.set_if("type", type_of(file));
  json.set("url", file.name);
  json.set("count", number(file.state.lines));
  json.set("bytes", number(file.state.bytes));
  json.set("sha256", file.sha256);
  return json;
}

}  // namespace

Json manifest_json(const std::vector<ManifestFile>& files, const Json& inputs,
                   const Summary& summary, const rules::Knowledge& knowledge,
                   const std::string& when) {
  Json output = Json::array();
  Json error = Json::array();
  for (const auto& file : files) {
    (file.of_outcomes ? error : output).push(file_json(file));
  }
  return Json::object({{"transactionTime", when},
                       {"request", "myoflag batch"},
                       {"requiresAccessToken", false},
                       {"output", std::move(output)},
                       {"error", std::move(error)},
                       {"program", mapping::software_version()},
                       {"knowledge", Json::object({{"id", knowledge.id},
                                                   {"version", knowledge.version},
                                                   {"digest", knowledge.digest}})},
                       {"input", inputs},
                       {"summary", to_json(summary)}});
}

}  // namespace myoflag::batch
