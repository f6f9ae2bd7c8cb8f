#pragma once
// What an answer of a FHIR server means for what was asked: done, worth another try, or final.
// Source: hl7.org/fhir/R4/http.html, operationoutcome.html and RFC 9110. Pure.

#include <chrono>
#include <optional>
#include <string_view>

#include "fhir/client/transport.h"
#include "fhir/json.h"

namespace myoflag::fhir::client {

enum class Next {
  done,       // 2xx
  retry,      // nothing happened, or it may be asked again: wait, then ask again
  look,       // it may have happened: search for it before asking again
  authorise,  // with a new token, once
  final       // asking again brings the same answer
};

// Of an answer. `repeatable`: asking twice does what asking once does.
Next next_of(int status, const Json& outcome, bool repeatable);
// Of no answer.
Next next_of(const TransportFailure& failure, bool repeatable);

// The issue codes of an OperationOutcome that say that the same may go well later.
bool is_transient(const Json& outcome);

// How long a server asks us to wait: seconds or an HTTP date (IMF-fixdate, RFC 9110 5.6.7). Nothing
// where it says neither; never negative, at most a day.
std::optional<std::chrono::seconds> retry_after(std::string_view value,
                                                std::chrono::sys_seconds now);

// Full jitter: somewhere up to 1 s, 2 s, 4 s ... 5 min. `tries`: so far, from 1. `chance`: [0, 1).
std::chrono::milliseconds back_off(int tries, double chance);

}  // namespace myoflag::fhir::client
