#pragma once
// From what was fetched of a patient's record to what the pages suggest. Pure. Which questions a
// record answers, and by which codes and words, is the knowledge's business (bindings.yaml).

#include <string>

#include <tl/expected.hpp>

#include "fhir/json.h"
#include "plugin/assess.h"
#include "plugin/intake/flow.h"
#include "plugin/intake/invitations.h"
#include "rules/answers.h"

namespace myoflag::intake {

// Of a record with a longer text nothing is kept.
inline constexpr std::size_t kMostRecord = 1u << 20;

// "123" of "Patient/123".
std::string patient_id(const std::string& patient);

// What the record asserts, by question: options that say something, never "none", "not sure" or
// "prefer not to say". Where one answer is possible and the record asserts several, none.
Draft suggestions_of(const rules::Knowledge& knowledge, const rules::RecordFacts& facts);

// Nothing fails here: 403, 404 or 410 to who asked for the patient, so that nothing of it may be
// used.
bool is_refused(const fhir::Json& prefetch);

// Nothing is missing: no part failed, none has a further page.
bool is_whole(const fhir::Json& prefetch);

// What was fetched too long ago: what it says counts, what it does not say is unknown, as of a
// request that failed.
void mark_old(fhir::Json& prefetch, rules::Instant fetched);

// What Invitations keeps.
struct Prefill {
  std::string record, suggested;
};

// Of a prefetch (plugin/cds/fetching.h). MF-4268 and why: the record is somebody else's, in part or
// as a whole, or another one than the invitation means, or too long. Without patient data.
tl::expected<Prefill, std::string> prefill_of(const Assessor& assessor,
                                              const Invitation& invitation,
                                              const fhir::Json& prefetch, rules::Instant now);

}  // namespace myoflag::intake
