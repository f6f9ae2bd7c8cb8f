#pragma once
// From the configuration to the pages that patients answer, and the store behind them. Errors:
// MF-3100 to MF-3103, MF-4260 to MF-4262, MF-4267.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "plugin/browser/texts.h"
#include "plugin/cli/launch_setup.h"
#include "plugin/cli/prefilling.h"
#include "plugin/http/router.h"
#include "plugin/intake/invitation_service.h"
#include "plugin/intake/service.h"
#include "plugin/review/desk.h"
#include "plugin/sidecar/feedback_keeper.h"
#include "plugin/sidecar/serving.h"
#include "plugin/sidecar/setup.h"

namespace myoflag::cli {

struct Intake {
  intake::Invitations invitations;
  review::Desk desk;
  browser::Texts clinic_texts;
  intake::Settings settings;
  intake::Languages languages;
  intake::Presentation presentation;
  bool is_local_open = true;  // who is on this machine sees the clinic's pages
};

// Null: it is off. `demo`: the clinic's name and numbers may be left out.
tl::expected<std::unique_ptr<Intake>, Failure> open_intake(const sidecar::Setup& setup, bool demo);

// The setup's, whose knowledge has what the pages need. `intake` null: it needs nothing.
sidecar::Checked<std::shared_ptr<const sidecar::Serving>> serving_of(const sidecar::Setup& setup,
                                                                     const Intake* intake);

// Of intake.languages, those that the pages or the knowledge do not have: MF-4267.
rules::Problems language_problems(const sidecar::Setup& setup, const intake::Languages& texts,
                                  const rules::Knowledge& knowledge);

// Of now: it can be replaced.
std::function<std::shared_ptr<const Assessor>()> assessor_of(const sidecar::Current& serving);

// The pages for patients and those for the clinic. What is given outlives the router; `keeper`
// null: no figures are kept; `launch` null: nobody signs in to the clinic's pages; `prefilling`
// null: records suggest nothing.
void add_intake(http::Router& router, Intake& intake, const sidecar::Current& serving,
                sidecar::FeedbackKeeper* keeper, Launch* launch, Prefilling* prefilling,
                const std::function<rules::Instant()>& now,
                const std::function<void(const std::string& request, std::string_view why)>& log);

// What the record does not know yet of invitations goes into the outbox, as Tasks. How many.
tl::expected<int, Failure> tell_record(Intake& intake, const sidecar::Current& serving,
                                       rules::Instant now);

// Invitations for the one program that `admission` lets in. `base`: of links.
void add_inviting(http::Router& router, Intake& intake, const sidecar::Current& serving,
                  const std::string& base, http::Admission admission,
                  const std::function<rules::Instant()>& now,
                  const std::function<void(const std::string& request, std::string_view why)>& log);

}  // namespace myoflag::cli
