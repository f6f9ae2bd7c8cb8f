#include "plugin/cli/intake_setup.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "plugin/cli/demo.h"
#include "plugin/delivery/site.h"
#include "plugin/intake/tasks.h"
#include "plugin/mapping/code_system.h"
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
  settings.device_idle = options.device_idle;
  settings.requests_per_minute = options.requests_per_minute;
  settings.proxy_field = options.proxy_field;
  settings.record_age = options.prefill_age;
  settings.languages = options.languages;
  const char* tenant = std::getenv("MYOFLAG_TENANT");  // as for myoflag deliver
  settings.tenant = tenant != nullptr ? tenant : "";
  settings.urgency = std::move(urgency);
  settings.communication = communication;
  return settings;
}

// From records, and of staff.
void add_entrances(
    http::Router& router, const Intake& intake, Launch& launch, const review::Door& door,
    const std::function<rules::Instant()>& now,
    const std::function<void(const std::string& request, std::string_view why)>& log) {
  const auto parts_for = [&](launch::Launches& launches) {
    return review::LaunchParts{door,
                               launches,
                               intake.clinic_texts,
                               now,
                               log,
                               nullptr,
                               nullptr,
                               static_cast<double>(intake.settings.requests_per_minute),
                               intake.settings.proxy_field,
                               launch.most_at_once()};
  };
  auto key_set = launch.has_keys()
                     ? std::function<std::string()>([&launch] { return launch.key_set(); })
                     : nullptr;
  if (launch.launches() != nullptr) {
    auto parts = parts_for(*launch.launches());
    parts.count = [&launch](std::string_view outcome) { launch.count(outcome); };
    parts.key_set = std::exchange(key_set, nullptr);  // one address for all keys
    review::add_launch_routes(router, parts);
  }
  if (launch.staff() != nullptr) {
    auto parts = parts_for(*launch.staff());
    parts.count = [&launch](std::string_view outcome) { launch.count_staff(outcome); };
    parts.key_set = std::move(key_set);
    parts.times = launch.staff_times();
    review::add_staff_routes(router, parts);
  }
}

}  // namespace

std::function<std::shared_ptr<const Assessor>()> assessor_of(const sidecar::Current& serving) {
  return [&serving]() -> std::shared_ptr<const Assessor> {
    auto current = serving.get();
    const auto* held = &current->assessor;
    return {std::move(current), held};
  };
}

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
  return std::make_unique<Intake>(Intake{
      *std::move(invitations), *std::move(desk), *std::move(clinic_texts),
      settings_of(demo ? for_demo(options) : options, std::move(sites->urgency),
                  !setup.config().delivery.escalate.empty()),
      *std::move(languages), *std::move(presentation), setup.config().staff.local_access == "on"});
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
  auto problems = language_problems(setup, intake->languages, *(*serving)->assessor.knowledge());
  if (!problems.empty()) {
    return tl::unexpected(std::move(problems));
  }
  return serving;
}

rules::Problems language_problems(const sidecar::Setup& setup, const intake::Languages& texts,
                                  const rules::Knowledge& knowledge) {
  const auto there = intake::offered_languages(texts, {}, knowledge);
  rules::Problems problems;
  for (const auto& tag : setup.config().intake.languages) {
    if (std::find(there.begin(), there.end(), tag) == there.end()) {
      problems.push_back(setup.problem_at(
          "intake.languages",
          {Exit::usage, fmt::format("MF-4267: the pages are not there in {}, but in: {}", tag,
                                    fmt::join(there, ", "))}));
    }
  }
  return problems;
}

tl::expected<int, Failure> tell_record(Intake& intake, const sidecar::Current& serving,
                                       rules::Instant now) {
  const auto current = serving.get();
  const auto& knowledge = *current->assessor.knowledge();
  const intake::TaskWords words{mapping::questionnaire_canonical(knowledge),
                                knowledge.canonical + "/identifier", intake.settings.site.clinic};
  return intake.invitations.tell(
      [&](const intake::Untold& untold) { return intake::task_of(untold, words, now); }, now);
}

void add_inviting(
    http::Router& router, Intake& intake, const sidecar::Current& serving, const std::string& base,
    http::Admission admission, const std::function<rules::Instant()>& now,
    const std::function<void(const std::string& request, std::string_view why)>& log) {
  intake::add_invitation_routes(
      router, {intake.invitations, std::move(admission), base, assessor_of(serving), now, log,
               intake.languages, intake.settings.languages});
}

void add_intake(http::Router& router, Intake& intake, const sidecar::Current& serving,
                sidecar::FeedbackKeeper* keeper, Launch* launch, Prefilling* prefilling,
                const std::function<rules::Instant()>& now,
                const std::function<void(const std::string& request, std::string_view why)>& log) {
  const auto assessor = assessor_of(serving);
  intake::Parts pages{intake.invitations, assessor,           now, log, intake.settings,
                      intake.languages,   intake.presentation};
  if (prefilling != nullptr) {
    pages.open_record = [prefilling](const intake::Invitation& invitation) {
      prefilling->open(invitation);
    };
  }
  intake::add_routes(router, pages);
  review::Parts clinic{intake.desk, intake.invitations,  assessor, now,
                       log,         intake.clinic_texts, nullptr,  nullptr};
  if (keeper != nullptr) {
    clinic.show = [keeper](cds::ShownCard card) { keeper->show({std::move(card)}); };
    clinic.keep = [keeper](const feedback::Feedback& one) {
      return keeper->keep({one}).has_value();
    };
  }
  clinic.is_local_open = intake.is_local_open;
  clinic.presentation = intake.presentation;
  if (launch != nullptr) {
    clinic.door.emplace(review::Door{launch->sessions(), launch->frames()});
    if (auto* const staff = launch->staff(); staff != nullptr) {
      clinic.door->sign_out = [staff, now](const launch::Session& session,
                                           const std::string& browser) {
        return staff->sign_out(session, browser, now());
      };
      clinic.door->give_away = [staff, launches = launch->launches()](
                                   const launch::Session& session, const std::string& browser) {
        staff->give_away(session, browser);
        if (launches != nullptr) {
          launches->give_away(session, browser);
        }
      };
    }
    clinic.has_staff = launch->staff() != nullptr;
    add_entrances(router, intake, *launch, *clinic.door, now, log);
  }
  review::add_routes(router, clinic);
}

}  // namespace myoflag::cli
