#include "plugin/cli/intake_setup.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "plugin/delivery/site.h"
#include "plugin/review/service.h"
#include "plugin/review/texts.h"

namespace myoflag::cli {
namespace {

constexpr std::chrono::hours kDemoTime{24};

intake::Settings settings_of(const config::IntakeOptions& options, delivery::Urgency urgency,
                             bool communication) {
  intake::Settings settings;
  settings.site = {options.clinic, options.phone, options.emergency_number};
  settings.patience.tries = options.tries;
  settings.patience.lock = options.lock;
  settings.idle = options.idle;
  settings.requests_per_minute = options.requests_per_minute;
  settings.proxy_field = options.proxy_field;
  const char* tenant = std::getenv("MYOFLAG_TENANT");  // as for myoflag deliver
  settings.tenant = tenant != nullptr ? tenant : "";
  settings.urgency = std::move(urgency);
  settings.communication = communication;
  return settings;
}

// Nobody who needs help looks at a demo; the numbers belong to nobody but the emergency service of
// Europe.
config::IntakeOptions for_demo(config::IntakeOptions options) {
  options.clinic = options.clinic.empty() ? "Example Clinic" : options.clinic;
  options.phone = options.phone.empty() ? "020 7946 0123" : options.phone;
  options.emergency_number = options.emergency_number.empty() ? "112" : options.emergency_number;
  return options;
}

tl::expected<std::string, Failure> demo_path(intake::Invitations& invitations, rules::Instant now) {
  return invitations.invite({"Patient/example", std::string(kDemoBorn), "", now + kDemoTime}, now)
      .map([](const intake::Created& created) { return intake::path_of(created.token); });
}

// For its owner only.
tl::expected<std::string, Failure> new_folder() {
  std::error_code error;
  auto path = (std::filesystem::temp_directory_path(error) / "myoflag-demo-XXXXXX").string();
  if (error || ::mkdtemp(path.data()) == nullptr) {
    return tl::unexpected(
        Failure{Exit::outside,
                "MF-3100: the store cannot be kept: there is no place for a temporary file"});
  }
  return path;
}

}  // namespace

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) {
    std::filesystem::remove_all(path_, ignored);
  }
}

tl::expected<std::unique_ptr<Intake>, Failure> open_intake(const sidecar::Setup& setup, bool demo,
                                                           rules::Instant now) {
  const auto& options = setup.config().intake;
  if (options.store.empty() && !demo) {
    return nullptr;
  }
  auto sites = delivery::load_sites("");
  auto languages = intake::embedded_texts();
  auto presentation = intake::embedded_presentation();
  if (!sites || !languages || !presentation) {
    return tl::unexpected(!sites       ? sites.error()
                          : !languages ? languages.error()
                                       : presentation.error());
  }
  auto clinic_texts = review::embedded_texts();
  auto folder = options.store.empty() ? new_folder() : std::string();
  if (!clinic_texts || !folder) {
    return tl::unexpected(!folder ? folder.error() : clinic_texts.error());
  }
  TemporaryFolder temporary(*folder);
  const auto store = folder->empty() ? setup.path_of(options.store) : *folder + "/store.sqlite";
  auto invitations = intake::Invitations::open(store);
  if (!invitations) {
    return tl::unexpected(std::move(invitations.error()));
  }
  auto desk = review::Desk::open(store);
  if (!desk) {
    return tl::unexpected(std::move(desk.error()));
  }
  auto path = options.store.empty() ? demo_path(*invitations, now) : std::string();
  if (!path) {
    return tl::unexpected(std::move(path.error()));
  }
  return std::make_unique<Intake>(Intake{
      std::move(temporary), *std::move(invitations), *std::move(desk), *std::move(clinic_texts),
      settings_of(demo ? for_demo(options) : options, std::move(sites->urgency),
                  !setup.config().delivery.escalate.empty()),
      *std::move(languages), *std::move(presentation), *std::move(path)});
}

sidecar::Checked<std::shared_ptr<const sidecar::Serving>> serving_of(const sidecar::Setup& setup,
                                                                     const Intake* intake) {
  auto serving = setup.serving();
  if (!serving || intake == nullptr) {
    return serving;
  }
  if (auto misfit = intake::misfit(intake->presentation, *(*serving)->assessor.knowledge())) {
    return tl::unexpected(rules::Problems{setup.problem_at("service.knowledge", *misfit)});
  }
  return serving;
}

void add_intake(http::Router& router, Intake& intake, const sidecar::Current& serving,
                sidecar::FeedbackKeeper* keeper, const std::function<rules::Instant()>& now,
                const std::function<void(const std::string& request, std::string_view why)>& log) {
  const auto assessor = [&serving]() -> std::shared_ptr<const Assessor> {
    auto current = serving.get();
    const auto* held = &current->assessor;
    return {std::move(current), held};
  };
  intake::add_routes(router, {intake.invitations, assessor, now, log, intake.settings,
                              intake.languages, intake.presentation});
  review::Parts clinic{intake.desk, intake.invitations,  assessor, now,
                       log,         intake.clinic_texts, nullptr,  nullptr};
  if (keeper != nullptr) {
    clinic.show = [keeper](cds::ShownCard card) { keeper->show({std::move(card)}); };
    clinic.keep = [keeper](const feedback::Feedback& one) {
      return keeper->keep({one}).has_value();
    };
  }
  review::add_routes(router, clinic);
}

}  // namespace myoflag::cli
