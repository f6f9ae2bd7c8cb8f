#pragma once
// What did not come with a call, and is fetched with the call's own token before it is answered.
// What was asked for and did not come is failed, not absent. Pure: who fetches is an argument.

#include <functional>
#include <string>
#include <vector>

#include "plugin/cds/hook_request.h"

namespace myoflag::cds {

// Of one server, for one call.
struct Wanted {
  std::string server;                // as the call names it, without a slash at the end
  std::string token;                 // for that server alone
  std::vector<std::string> queries;  // what follows the server: "/Patient/1", "?page=2"
};

// The pages that are there in time as JSON, in the order of the queries; none: not fetched. Empty
// as a whole: the server is none that may be asked.
using Pages = std::vector<std::string>;
using Fetch = std::function<std::vector<Pages>(const Wanted&)>;

// What the templates ask of a record, but for the intake answers, under the keys of a prefetch. The
// id may be one of FHIR's only. The token of what is wanted is empty.
fhir::Json fetch_record(const std::string& server, const std::string& patient_id,
                        const Fetch& fetch);

// Completes the call's prefetch: keys that it lacks, and further pages of those that have one. A
// key that stays without an answer becomes an OperationOutcome, which is how an EHR says that it
// failed. Does nothing where the call brings no token.
void fetch_missing(HookRequest& request, const Fetch& fetch);

}  // namespace myoflag::cds
