#pragma once
// What a client says became of our cards, read and checked. Of it only what was decided is kept:
// never a comment, and no word that is not ours. Source: CDS Hooks 2.0, "Feedback". Errors: MF-4220
// to MF-4222, MF-4228, and those of the JSON gate, each with its place ("feedback[2].card").

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "fhir/issue.h"
#include "rules/knowledge.h"

namespace myoflag::feedback {

inline constexpr std::size_t kMostOfACall = 200;

enum class Outcome { accepted, overridden };

struct Feedback {
  std::string card;  // uuid, lower case
  Outcome outcome = Outcome::accepted;
  std::int64_t at = 0;                   // nanoseconds since 1970: two clicks may share a second
  std::vector<std::string> suggestions;  // uuids, lower case; of what was accepted
  std::string reason;                    // code of ours, "other", or empty: none was given
  bool has_comment = false;
};

// A reason that is not one of ours.
inline constexpr std::string_view kOtherReason = "other";

// All of them, or everything that is wrong.
tl::expected<std::vector<Feedback>, fhir::Issues> read_feedback(std::string_view body,
                                                                const rules::Knowledge& knowledge);

}  // namespace myoflag::feedback
