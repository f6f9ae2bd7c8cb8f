#pragma once
// Everything an assessment has to say to a health record, as one FHIR R4 transaction: the answers,
// red flags, urgency tier, proposed workups, explanation, and where it comes from. Same input, same
// bytes. Every entry is a conditional create (an amended response: a conditional update), so that
// sending twice changes nothing. docs/fhir-mapping-out.md has the tables.

#include <optional>
#include <string>
#include <vector>

#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/uuid.h"
#include "rules/assessment.h"

namespace myoflag::mapping {

struct BundleOptions {
  std::string tenant;  // name of the site; kept secret, it keeps our identifiers from being guessed
  std::string identifier_system;  // empty: "<canonical>/identifier" of the knowledge
  std::string held_response;      // "QuestionnaireResponse/123": the record has it already; it is
                                  // referred to, not sent
  bool with_document = true;      // the explanation and the machine trace
};

// `record`: the other resources that came with the response. Of them only a single Patient is used,
// and only to name the subject where the response does not.
fhir::Json transaction_bundle(const rules::Assessment& assessment, const fhir::Json& response,
                              const std::vector<fhir::Json>& record,
                              const BundleOptions& options = {});

// Whom the resources of the bundle are about, as a Reference that another resource can carry: by
// reference or identifier; null where nothing says it.
fhir::Json named_subject(const rules::Assessment& assessment, const fhir::Json& response,
                         const std::vector<fhir::Json>& record);

// What is wrong with a bundle of it: MF-3027 where neither the response nor what came with it says
// whom it is about, so that what is written would be nobody's. The arguments are those of the
// bundle.
std::optional<fhir::Issue> missing_subject(const rules::Assessment& assessment,
                                           const fhir::Json& response,
                                           const std::vector<fhir::Json>& record);

// Equal for two inputs with the same response about the same patient that led to the same: what a
// list of responses is searched for repetitions by. Nothing where the response says neither whom it
// is about nor which response it is: two people may answer alike.
std::optional<fhir::Uuid> repetition_key(const rules::Assessment& assessment,
                                         const fhir::Json& response,
                                         const std::vector<fhir::Json>& record,
                                         const BundleOptions& options = {});

}  // namespace myoflag::mapping
