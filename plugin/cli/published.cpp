#include "plugin/cli/published.h"

#include "plugin/cli/issues.h"
#include "plugin/mapping/questionnaire.h"

namespace myoflag::cli {

tl::expected<rules::KnowledgePtr, Failure> load_publishable(const KnowledgeOptions& options,
                                                            Exit when_wrong) {
  auto knowledge = load(options, when_wrong);
  if (!knowledge) {
    return knowledge;
  }
  if (const fhir::Issues issues = mapping::form_issues(**knowledge); fhir::has_errors(issues)) {
    return tl::unexpected(
        Failure{when_wrong, "MF-4007: the form of this knowledge cannot be published\n" +
                                issue_lines("questions.yaml", issues)});
  }
  return knowledge;
}

}  // namespace myoflag::cli
