#include "plugin/cli/intake_setup.h"

#include <cstdlib>
#include <utility>

#include "plugin/cli/demo.h"
#include "plugin/delivery/site.h"
#include "plugin/review/launch_service.h"
#include "plugin/review/service.h"
#include "plugin/review/texts.h"

namespace myoflag::cli {
namespace {

intake::Settings settings_of(const config::IntakeOptions& options, delivery::Urgency urgency,
                             bool communication) {
  intake::Settings settings;
  settings.site = {options.clinic, options.phone, options.emergency_number};
  settings.patience.tries = options.tries;
  settings.patience.lock = options.lock;
  settings.order = options.order == "adaptive" ? intake::Order::adaptive : intake::Order::whole;
  settings.idle = options.idle;
  settings.requests_per_minute = options.requests_per_minute;
  settings.proxy_field = options.proxy_field;
  const char* tenant = std::getenv("MYOFLAG_TENANT");  // as for myoflag deliver
  settings.tenant = tenant != nullptr ? tenant : "";
  settings.urgency = std::move(urgency);
  settings.communication = communication;
  return settings;
}

}  // namespace

tl::expected<std::unique_ptr<Intake>, Failure> open_intake(const sidecar::Setup& setup, bool demo) {
  const auto& options = setup.config().intake;
  if (options.store.empty()) {
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
  if (!clinic_texts) {
    return tl::unexpected(clinic_texts.error());
  }
  const auto store = setup.path_of(options.store);
  auto invitations = intake::Invitations::open(store);
  if (!invitations) {
    return tl::unexpected(std::move(invitations.error()));
  }
  auto desk = review::Desk::open(store);
  if (!desk) {
    return tl::unexpected(std::move(desk.error()));
  }
  return std::make_unique<Intake>(
      Intake{*std::move(invitations), *std::move(desk), *std::move(clinic_texts),
             settings_of(demo ? for_demo(options) : options, std::move(sites->urgency),
                         !setup.config().delivery.escalate.empty()),
             *std::move(languages), *std::move(presentation)});
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
                sidecar::FeedbackKeeper* keeper, Launch* launch,
                const std::function<rules::Instant()>& now,
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
  if (launch != nullptr) {
    clinic.door.emplace(review::Door{launch->sessions(), launch->frames()});
    review::LaunchParts entrance{*clinic.door,
                                 launch->launches(),
                                 intake.clinic_texts,
                                 now,
                                 log,
                                 [launch](std::string_view outcome) { launch->count(outcome); },
                                 nullptr,
                                 static_cast<double>(intake.settings.requests_per_minute),
                                 intake.settings.proxy_field,
                                 launch->most_at_once()};
    if (launch->has_keys()) {
      entrance.key_set = [launch] { return launch->key_set(); };
    }
    review::add_launch_routes(router, entrance);
  }
  review::add_routes(router, clinic);
}

}  // namespace myoflag::cli
