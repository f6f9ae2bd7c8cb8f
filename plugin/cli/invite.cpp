// myoflag invite: links that patients answer the questions with, before an appointment.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "fhir/datetime.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/invite_many.h"
#include "plugin/cli/options.h"
#include "plugin/cli/sidecar_setup.h"
#include "plugin/intake/service.h"
#include "plugin/knowledge/knowledge.h"
#include "plugin/safe_text.h"
#include "plugin/store/place.h"

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
  // --from-appointments, --reminders
  bool from_appointments = false, reminders = false;
  int appointment_days = 0;  // 0: as the configuration says
  int within = 3;            // days
  bool with_links = false;
  std::string format = "csv", output = "-";
};

constexpr std::size_t kMostBytes = 64;  // of a date

// Where the invitations are, and the address in front of their links.
struct Place {
  std::string store, base;
  std::vector<std::string> appointment_types, languages;
  int appointment_days = 0;
  config::Delivery record;
};

tl::expected<Place, Failure> place_of(const Options& options) {
  auto setup = open_setup(options.config);
  if (!setup) {
    return tl::unexpected(std::move(setup.error()));
  }
  const auto& config = setup->config();
  Place place{options.store,
              options.base.empty() ? config.base : options.base,
              config.intake.appointment_types,
              config.intake.languages,
              config.intake.appointment_days,
              setup->delivery_from_here()};
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
  if (!makes && store::is_missing(place.store)) {
    return tl::unexpected(
        Failure{Exit::usage, fmt::format("MF-3108: there is no store {}", safe_name(place.store))});
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

// Nothing: the pages are offered in this language.
std::optional<Failure> language_failure(const Place& place, const std::string& tag) {
  const auto texts = intake::embedded_texts();
  if (!texts) {
    return texts.error();
  }
  const auto offered = intake::offered_languages(*texts, place.languages, *embedded_knowledge());
  if (tag.empty() || std::find(offered.begin(), offered.end(), tag) != offered.end()) {
    return std::nullopt;
  }
  return Failure{Exit::usage,
                 fmt::format("MF-4266: the pages are not there in this language, but in: {}",
                             fmt::join(offered, ", "))};
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
  if (const auto failure = language_failure(*place, options.language)) {
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

// ---- many at once

// What goes on and what comes out is the same for both; only what is done differs.
using Many = std::function<tl::expected<std::vector<InviteRow>, Failure>(const Inviting& how)>;

tl::expected<void, Failure> write_rows(const Options& options, const std::vector<InviteRow>& rows) {
  const auto text = rows_text(rows, options.format == "json" ? RowFormat::json : RowFormat::csv);
  return write_file(options.output, text, 0600);  // whom the links are for stands beside them
}

void tell(const std::vector<InviteRow>& rows) {
  std::map<std::string, int> counts;
  for (const auto& row : rows) {
    ++counts[row.did];
  }
  std::string text;
  for (const auto& [did, count] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, did);
  }
  say(text.empty() ? "none" : text);
}

Exit do_many(const Options& options, const Place& place, rules::Instant now, const Many& many) {
  auto invitations = open_invitations(place, true);
  const auto texts = intake::embedded_texts();
  if (!invitations || !texts) {
    return fail(invitations ? texts.error() : invitations.error());
  }
  const Inviting how{*invitations, place.base,
                     intake::offered_languages(*texts, place.languages, *embedded_knowledge()), now,
                     options.with_links};
  const auto rows = many(how);
  if (!rows) {
    return rows.error().text.empty() ? rows.error().exit : fail(rows.error());
  }
  if (const auto written = write_rows(options, *rows); !written) {
    return fail({Exit::outside, written.error().text +
                                    "; the invitations stand, and --links gives further links"});
  }
  tell(*rows);
  return Exit::done;
}

Exit invite_from_appointments(const Options& options) {
  const auto place = place_with_base(options);
  const auto now = instant(options.clock);
  if (!place || !now) {
    return fail(place ? now.error() : place.error());
  }
  if (place->appointment_types.empty() || place->record.ehr.base.empty()) {
    return fail({Exit::usage,
                 "MF-4266: no appointments: --config with intake.appointment-types and delivery.to "
                 "in it says which, and where"});
  }
  std::string missing;
  const auto done =
      do_many(options, *place, *now,
              [&](const Inviting& how) -> tl::expected<std::vector<InviteRow>, Failure> {
                const int days = options.appointment_days > 0 ? options.appointment_days
                                                              : place->appointment_days;
                const auto found = ask_for_appointments(place->record, place->appointment_types,
                                                        days, place->store, how.invitations, *now);
                if (!found) {
                  return tl::unexpected(found.error());
                }
                missing = found->why;
                return invite_all(how, found->all);
              });
  // Those that were found are invited; nobody may think that these are all.
  return done == Exit::done && !missing.empty() ? fail({Exit::outside, missing}) : done;
}

Exit remind(const Options& options) {
  const auto place = options.with_links ? place_with_base(options) : place_of(options);
  const auto now = instant(options.clock);
  if (!place || !now) {
    return fail(place ? now.error() : place.error());
  }
  if (store::is_missing(place->store)) {
    return fail(
        {Exit::usage, fmt::format("MF-3108: there is no store {}", safe_name(place->store))});
  }
  return do_many(options, *place, *now, [&](const Inviting& how) {
    return reminders(how, std::chrono::days(options.within));
  });
}

void add_many(CLI::App& command, const std::shared_ptr<Options>& options, Run& run) {
  auto* all = command.add_flag("--from-appointments", options->from_appointments,
                               "Invites everybody with a booked appointment of the configured "
                               "types, once; withdraws where it was cancelled");
  auto* near = command.add_flag("--reminders", options->reminders,
                                "Lists invitations without an answer that end soon");
  all->excludes(near);
  command
      .add_option("--days-ahead", options->appointment_days,
                  "Of appointments; unless told, intake.appointment-days")
      ->check(CLI::Range(1, 90))
      ->needs(all);
  command.add_option("--within", options->within, "Days, for --reminders")
      ->check(CLI::Range(1, 90))
      ->capture_default_str()
      ->needs(near);
  command.add_flag("--links", options->with_links,
                   "Further links also to invitations that were there before");
  command.add_option("--format", options->format, "Of the rows: csv or json")
      ->check(CLI::IsMember({"csv", "json"}))
      ->capture_default_str();
  command.add_option("-o,--output", options->output,
                     "File for the rows, for its owner only; -, as unless told: standard output");
  command.callback([options, &run, &command] {
    const bool is_many = options->from_appointments || options->reminders;
    if (is_many == !command.get_subcommands().empty()) {
      throw CLI::ValidationError(
          "invite", "wants one of create, list, link, withdraw, --from-appointments, --reminders");
    }
    if (is_many) {
      run = [options] {
        return options->reminders ? remind(*options) : invite_from_appointments(*options);
      };
    }
  });
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
  command->require_subcommand(0, 1);
  add_many(*command, options, run);

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
      "  myoflag invite --config myoflag.yaml --from-appointments -o links.csv\n"
      "  myoflag invite --config myoflag.yaml --reminders --links\n"
      "  myoflag invite --config myoflag.yaml list\n"
      "  myoflag invite --config myoflag.yaml withdraw 7\n\n"
      "Nothing in a link says whom it is for: docs/intake.md.");
}

}  // namespace myoflag::cli
