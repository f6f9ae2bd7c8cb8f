#pragma once
// Invitations for programs: an EHR makes one, asks how it stands, withdraws it. JSON in and out;
// what is wrong comes as an OperationOutcome. Nothing of a patient stands in an address or in an
// answer. Who may do it is for `admission` to say, which is never null. Errors: MF-4263 to MF-4265,
// MF-4290 to MF-4293, MF-4295.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "plugin/assess.h"
#include "plugin/http/router.h"
#include "plugin/intake/invitations.h"
#include "plugin/intake/service.h"

namespace myoflag::intake {

inline constexpr std::string_view kInvitationsPath = "/intake/invitations";
inline constexpr std::chrono::days kUsualInvitation{14};

struct InvitingParts {
  Invitations& invitations;
  http::Admission admission;
  std::string base;  // of links, without a slash at the end: "https://cds.example"
  std::function<std::shared_ptr<const Assessor>()> assessor;
  std::function<rules::Instant()> now;
  std::function<void(const std::string& request, std::string_view why)> log;
  Languages languages;
  std::vector<std::string> only_languages = {};  // of Settings
};

// `parts` is copied; what it refers to outlives the router.
void add_invitation_routes(http::Router& router, const InvitingParts& parts);

}  // namespace myoflag::intake
