#pragma once
// From the configuration to the pages that patients answer, and the store behind them. Errors:
// MF-3100 to MF-3103, MF-4260 to MF-4262.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

#include "plugin/browser/texts.h"
#include "plugin/cli/launch_setup.h"
#include "plugin/http/router.h"
#include "plugin/intake/service.h"
#include "plugin/review/desk.h"
#include "plugin/sidecar/feedback_keeper.h"
#include "plugin/sidecar/serving.h"
#include "plugin/sidecar/setup.h"

namespace myoflag::cli {

// A folder that is gone with it; empty: none.
class TemporaryFolder {
 public:
  TemporaryFolder() = default;
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  ~TemporaryFolder();
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;

 private:
  std::string path_;
};

struct Intake {
  TemporaryFolder folder;  // of the demo; before what lies in it
  intake::Invitations invitations;
  review::Desk desk;
  browser::Texts clinic_texts;
  intake::Settings settings;
  intake::Languages languages;
  intake::Presentation presentation;
  std::string demo_path;  // of an invitation for an invented patient; empty: none
};

// The invented patient of the demo.
inline constexpr std::string_view kDemoBorn = "1980-02-27";

// Null: it is off. The demo has a store of its own that ends with it, and an invitation in it,
// unless one is configured.
tl::expected<std::unique_ptr<Intake>, Failure> open_intake(const sidecar::Setup& setup, bool demo,
                                                           rules::Instant now);

// The setup's, whose knowledge has what the pages need. `intake` null: it needs nothing.
sidecar::Checked<std::shared_ptr<const sidecar::Serving>> serving_of(const sidecar::Setup& setup,
                                                                     const Intake* intake);

// The pages for patients and those for the clinic. What is given outlives the router; `keeper`
// null: no figures are kept; `launch` null: the clinic's pages open on this machine only.
void add_intake(http::Router& router, Intake& intake, const sidecar::Current& serving,
                sidecar::FeedbackKeeper* keeper, Launch* launch,
                const std::function<rules::Instant()>& now,
                const std::function<void(const std::string& request, std::string_view why)>& log);

}  // namespace myoflag::cli
