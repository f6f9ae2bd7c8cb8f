// usage: emitted_driver bundle|xml|assessment|html|questionnaire [INSTANT] < INPUTS.ndjson
//
// What the program emits for many inputs, in one process: one input a line in; one bundle, one
// assessment (all findings), one page a line out. xml: the XML of each bundle, each ending in a
// line with a NUL. An input that is refused gives the line
// {"resourceType":"Parameters"}, so that line numbers stay, and a message on standard error. Exit 1
// when one was refused.
#include <cstdio>
#include <iostream>
#include <string>

#include <fmt/format.h>

#include "fhir/convert.h"
#include "fhir/datetime.h"
#include "fhir/json.h"
#include "plugin/assess.h"
#include "plugin/knowledge/knowledge.h"
#include "plugin/mapping/assessment_json.h"
#include "plugin/mapping/bundle.h"
#include "plugin/mapping/summary_html.h"

namespace {

using myoflag::Assessed;
using myoflag::fhir::Json;

std::string xml_of(const Json& bundle) {
  const auto xml = myoflag::fhir::json_to_xml(bundle);
  if (!xml) {
    throw std::runtime_error(fmt::format("{} {}", xml.error().code, xml.error().place));
  }
  return *xml;
}

std::string emitted(const std::string& form, const Assessed& one) {
  namespace mapping = myoflag::mapping;
  if (form == "assessment") {
    return write_json(mapping::assessment_json(one.assessment, true)) + "\n";
  }
  if (form == "html") {
    return write_json(Json(mapping::summary_html(one.assessment))) + "\n";
  }
  const Json bundle = mapping::transaction_bundle(one.assessment, one.response, one.record);
  return form == "xml" ? xml_of(bundle) + std::string("\0\n", 2) : write_json(bundle) + "\n";
}

}  // namespace

int main(int argc, char** argv) {
  const std::string form = argc > 1 ? argv[1] : "";
  const auto now = myoflag::fhir::parse_instant(argc > 2 ? argv[2] : "2026-11-20T10:00:00Z");
  const bool known = form == "bundle" || form == "xml" || form == "assessment" || form == "html";
  if (!now || (!known && form != "questionnaire")) {
    std::cerr << "usage: emitted_driver bundle|xml|assessment|html|questionnaire [INSTANT]\n";
    return 2;
  }
  const myoflag::Assessor assessor(myoflag::embedded_knowledge());
  if (form == "questionnaire") {
    std::cout << write_json(assessor.questionnaire()) << "\n";
    return 0;
  }
  myoflag::AssessOptions options;
  options.now = *myoflag::fhir::to_sys_seconds(*now);
  std::ios::sync_with_stdio(false);
  std::string line;
  int refused = 0;
  for (int number = 1; std::getline(std::cin, line); ++number) {
    const auto one = assessor.assess(line, options);
    if (one) {
      std::cout << emitted(form, *one);
      continue;
    }
    ++refused;
    const auto& issue = one.error().front();
    std::cerr << fmt::format("line {}: {} {} {}\n", number, issue.code, issue.place, issue.text);
    std::cout << "{\"resourceType\":\"Parameters\"}\n";
  }
  return refused == 0 && std::cout.flush() ? 0 : 1;
}
