// myoflag invite: links that patients answer the questions with, before an appointment.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "fhir/datetime.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/options.h"
#include "plugin/cli/sidecar_setup.h"
#include "plugin/intake/service.h"
#include "plugin/knowledge/knowledge.h"
#include "plugin/safe_text.h"
#include "rules/languages.h"

namespace myoflag::cli {
namespace {

using intake::Invitation;
using intake::Invitations;

struct Options {
  std::string config, store, base;
  ClockOptions clock;
  // create
  std::string patient, born;
  std::string language, appointment;
  int days = 14;
  // list
  bool with_patients = false;
  // withdraw
  std::int64_t id = 0;
};

constexpr std::size_t kMostBytes = 64;  // of a date

// Where the invitations are, and the address in front of their links.
struct Place {
  std::string store, base;
};

tl::expected<Place, Failure> place_of(const Options& options) {
  auto setup = open_setup(options.config);
  if (!setup) {
    return tl::unexpected(std::move(setup.error()));
  }
  const auto& config = setup->config();
  Place place{options.store, options.base.empty() ? config.base : options.base};
  if (place.store.empty() && !config.intake.store.empty()) {
    place.store = setup->path_of(config.intake.store);
  }
  if (place.store.empty()) {
    return tl::unexpected(Failure{
        Exit::usage, "MF-4266: no store: --config with intake.store in it, or --store, names it"});
  }
  const auto is_address = place.base.starts_with("https://") || place.base.starts_with("http://");
  if (!place.base.empty() && (!is_address || place.base.ends_with('/'))) {
    return tl::unexpected(Failure{Exit::usage,
                                  "MF-4242: --base wants an absolute address (https://...) "
                                  "without a slash at its end"});
  }
  return place;
}

// Only `create` makes one: a mistyped name must not look like nobody was invited.
tl::expected<Invitations, Failure> open_invitations(const Place& place, bool makes) {
  std::error_code error;
  if (!makes && !std::filesystem::exists(place.store, error)) {
    return tl::unexpected(
        Failure{Exit::usage, fmt::format("MF-3108: there is no store {}", place.store)});
  }
  return Invitations::open(place.store);
}

// A command line is seen by others on this machine: "-" takes the date from standard input.
tl::expected<std::string, Failure> born_of(const Options& options) {
  if (options.born != "-") {
    return options.born;
  }
  return read_input("-", kMostBytes).map([](std::string text) {
    text.erase(text.find_last_not_of(" \t\r\n") + 1);
    return text;
  });
}

// Nothing: the pages are there in this language.
std::optional<Failure> language_failure(const std::string& tag) {
  const auto texts = intake::embedded_texts();
  if (!texts) {
    return texts.error();
  }
  const auto knowledge = embedded_knowledge();
  const bool is_there = tag == "en" || rules::language_of(*knowledge, tag) != nullptr;
  if (tag.empty() || (is_there && texts->contains(tag))) {
    return std::nullopt;
  }
  std::string known = "en";
  for (const rules::Language& language : knowledge->languages) {
    known += texts->contains(language.tag) ? ", " + language.tag : "";
  }
  return Failure{
      Exit::usage,
      fmt::format("MF-4266: the pages are not there in this language, but in: {}", known)};
}

// For what prints links.
tl::expected<Place, Failure> place_with_base(const Options& options) {
  auto place = place_of(options);
  if (place && place->base.empty()) {
    return tl::unexpected(Failure{
        Exit::usage,
        "MF-4266: no address for the link: --config with service.base in it, or --base, names it"});
  }
  return place;
}

std::string link_of(const Place& place, const std::string& token) {
  return fmt::format("{}{}\n", place.base, intake::path_of(token));
}

Exit print_another(Invitations& invitations, std::int64_t id, const Place& place,
                   rules::Instant now) {
  const auto token = invitations.another_link(id, now);
  return token ? write_output(link_of(place, *token)) : fail(token.error());
}

Exit create(const Options& options) {
  const auto place = place_with_base(options);
  const auto now = instant(options.clock);
  if (!place || !now) {
    return fail(place ? now.error() : place.error());
  }
  if (const auto failure = language_failure(options.language)) {
    return fail(*failure);
  }
  const auto born = born_of(options);
  auto invitations =
      born.and_then([&](const std::string& /*born*/) { return open_invitations(*place, true); });
  if (!invitations) {
    return fail(invitations.error());
  }
  const auto created =
      invitations->invite({options.patient, *born, options.language,
                           *now + std::chrono::days(options.days), options.appointment},
                          *now);
  if (!created) {
    return fail(created.error());
  }
  if (created->token.empty()) {
    say(fmt::format("the appointment has invitation {} already: another link to it", created->id));
    return print_another(*invitations, created->id, *place, *now);
  }
  return write_output(link_of(*place, created->token));
}

Exit link(const Options& options) {
  const auto place = place_with_base(options);
  const auto now = instant(options.clock);
  if (!place || !now) {
    return fail(place ? now.error() : place.error());
  }
  auto invitations = open_invitations(*place, false);
  return invitations ? print_another(*invitations, options.id, *place, *now)
                     : fail(invitations.error());
}

Exit list(const Options& options) {
  const auto place = place_of(options);
  const auto now = instant(options.clock);
  if (!place || !now) {
    return fail(place ? now.error() : place.error());
  }
  auto invitations = open_invitations(*place, false);
  if (!invitations) {
    return fail(invitations.error());
  }
  const auto all = invitations->list();
  if (!all) {
    return fail(all.error());
  }
  std::string out = fmt::format("{:>10}  {:<11}  {:<20}  {:<20}{}\n", "invitation", "state", "made",
                                "expires", options.with_patients ? "  patient" : "");
  for (const auto& one : *all) {
    out += fmt::format("{:>10}  {:<11}  {:<20}  {:<20}{}\n", one.id, intake::state_of(one, *now),
                       fhir::instant_text(one.made), fhir::instant_text(one.expires),
                       options.with_patients ? "  " + safe_text(one.patient) : "");
  }
  return write_output(out);
}

Exit withdraw(const Options& options) {
  const auto place = place_of(options);
  const auto now = instant(options.clock);
  if (!place || !now) {
    return fail(place ? now.error() : place.error());
  }
  auto invitations = open_invitations(*place, false);
  if (!invitations) {
    return fail(invitations.error());
  }
  const auto done = invitations->withdraw(options.id, *now);
  return done ? Exit::done : fail(done.error());
}

}  // namespace

void add_invite(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "invite", "Links for patients to answer the questions before an appointment");
  command->add_option("--config", options->config,
                      "Configuration with intake.store and service.base");
  command
      ->add_option("--store", options->store, "File of the store, instead of the configuration's")
      ->envname("MYOFLAG_STORE");
  command->add_option("--base", options->base,
                      "Address of the pages, instead of the configuration's service.base");
  add_clock(*command, options->clock);
  command->require_subcommand(1);

  CLI::App* make = command->add_subcommand("create", "Prints a link, which stands nowhere else");
  make->fallthrough();
  make->add_option("--patient", options->patient, "Patient/ID of the record")->required();
  make->add_option("--born", options->born,
                   "Date of birth, YYYY-MM-DD, which the patient is asked for; -: from standard "
                   "input")
      ->required();
  make->add_option("--days", options->days, "Until the link ends")
      ->check(CLI::Range(1, 90))
      ->capture_default_str();
  make->add_option("--lang,--language", options->language,
                   "Of the pages until the patient chooses another one; default: the browser's");
  make->add_option("--appointment", options->appointment,
                   "Appointment/ID of the record: it has one invitation, however often it is made");
  make->callback([options, &run] { run = [options] { return create(*options); }; });

  CLI::App* all = command->add_subcommand("list", "All invitations and what became of them");
  all->fallthrough();
  all->add_flag("--with-patients", options->with_patients, "Says whom each is for");
  all->callback([options, &run] { run = [options] { return list(*options); }; });

  CLI::App* again = command->add_subcommand(
      "link", "Prints another link to an invitation; those before stay good");
  again->fallthrough();
  again->add_option("ID", options->id, "As listed")->required();
  again->callback([options, &run] { run = [options] { return link(*options); }; });

  CLI::App* end = command->add_subcommand("withdraw", "Ends an invitation; its draft is deleted");
  end->fallthrough();
  end->add_option("ID", options->id, "As listed")->required();
  end->callback([options, &run] { run = [options] { return withdraw(*options); }; });

  command->footer(
      "Examples:\n"
      "  myoflag invite --config myoflag.yaml create --patient Patient/123 --born 1980-02-27\n"
      "  myoflag invite --config myoflag.yaml list\n"
      "  myoflag invite --config myoflag.yaml withdraw 7\n\n"
      "Nothing in a link says whom it is for: docs/intake.md.");
}

}  // namespace myoflag::cli
