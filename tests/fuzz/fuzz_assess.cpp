// Any bytes as a patient's answers and record, all the way to what is written and said.
//
// Promises: no crash; what is refused is also an error of check, each with code and sentence; what
// is judged gives a bundle that FHIR's structure allows and the same one again, and explanations;
// the quick way and the careful way give the same assessment.
#include <cstdint>

#include "fhir/structure.h"
#include "plugin/assess.h"
#include "plugin/knowledge/knowledge.h"
#include "plugin/mapping/assessment_json.h"
#include "plugin/mapping/bundle.h"
#include "plugin/mapping/summary_html.h"
#include "rules/explain.h"
#include "tests/fuzz/require.h"

namespace {

using namespace myoflag;
using fhir::Json;
using fuzz::require;

AssessOptions options() {
  AssessOptions one;
  one.now = rules::Instant{std::chrono::seconds{1'795'424'400}};
  one.limits.bytes = 1U << 16U;
  return one;
}

void look_at_refusal(const Assessor& assessor, std::string_view bytes, const fhir::Issues& issues) {
  require(fhir::has_errors(issues), "a refusal has a reason");
  require(fhir::has_errors(assessor.check(bytes, options())), "check sees what is refused");
  for (const auto& issue : issues) {
    require(!issue.code.empty() && !issue.text.empty(), "every issue says what it is");
  }
}

void look_at_result(const Assessed& one) {
  const auto bundle = [&one] {
    return mapping::transaction_bundle(one.assessment, one.response, one.record);
  };
  const Json first = bundle();
  require(first == bundle(), "the same assessment gives the same bundle");
  require(fhir::check_shape(first).empty(), "the bundle has the shape of FHIR");
  require(!mapping::summary_html(one.assessment).empty(), "there is a page");
  require(!rules::explain_for_clinician(one.assessment).sections.empty(), "the reasons are told");
}

// A member that means nothing keeps the quick way out.
void compare_ways(const Assessor& assessor, const Assessed& one) {
  Json careful = one.response;
  if (careful.has("_status") || !one.record.empty()) {
    return;
  }
  careful.set("_status", Json::object({{"id", "s"}}));
  const auto other = assessor.assess(fhir::write_json(careful), options());
  require(other.has_value(), "the careful way reads what the quick way reads");
  const bool same = mapping::assessment_json(one.assessment, true) ==
                    mapping::assessment_json(other->assessment, true);
  require(same || one.assessment.input->facts.record.fetched, "both ways give the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Assessor assessor(embedded_knowledge());
  const auto bytes = fuzz::as_text(data, size);
  const auto one = assessor.assess(bytes, options());
  if (one) {
    look_at_result(*one);
    compare_ways(assessor, *one);
  } else {
    look_at_refusal(assessor, bytes, one.error());
  }
  return 0;
}
