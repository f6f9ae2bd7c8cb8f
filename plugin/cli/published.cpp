#include "plugin/cli/published.h"

#include "plugin/cli/issues.h"
#include "plugin/mapping/questionnaire.h"

namespace myoflag::cli {

tl::expected<rules::KnowledgePtr, Failure> load_publishable(const KnowledgeOptions& options) {
  auto knowledge = load(options);
  if (!knowledge) {
    return knowledge;
  }
  if (const fhir::Issues issues = mapping::form_issues(**knowledge); fhir::has_errors(issues)) {
    return tl::unexpected(
        Failure{Exit::usage, "MF-4007: the form of this knowledge cannot be published\n" +
                                 issue_lines("questions.yaml", issues)});
  }
  return knowledge;
}

}  // namespace myoflag::cli
