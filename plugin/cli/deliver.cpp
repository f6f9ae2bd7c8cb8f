// myoflag deliver: what is on its way to the EHR. This program keeps the outbox; the one beside it
// speaks to the server.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "fhir/datetime.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/delivery_run.h"
#include "plugin/cli/issues.h"
#include "plugin/cli/options.h"
#include "plugin/cli/polling.h"
#include "plugin/delivery/site.h"
#include "plugin/delivery/submission.h"
#include "plugin/ehr/ehr_options.h"
#include "plugin/ehr/process.h"
#include "plugin/safe_text.h"
#include "plugin/store/inbox.h"
#include "plugin/store/place.h"
#include "plugin/store/store.h"

namespace myoflag::cli {
namespace {

using store::ItemState;
using store::Store;

struct Options {
  std::string store;
  bool urgent = false;
  bool all = false;
  std::int64_t id = 0;
  std::string by;  // who acknowledges
  // add
  std::vector<std::string> files;
  std::size_t max_bytes = kDefaultMaxBytes;
  std::string escalate;
  KnowledgeOptions knowledge;
  ClockOptions clock;
  // run, alert
  ehr::EhrOptions ehr;
  std::string hook;
  ehr::DeliveryChoice how;
};

std::atomic<bool> stop_asked{false};

extern "C" void ask_delivery_to_stop(int signal) {
  stop_asked = true;
  std::signal(signal, SIG_DFL);
}

store::Time now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

// Only `add` makes one: a mistyped name must not look like an empty outbox.
tl::expected<Store, Failure> open_store(const Options& options) {
  if (store::is_missing(options.store)) {
    return tl::unexpected(Failure{
        Exit::usage, fmt::format("MF-3108: there is no store {}", safe_name(options.store))});
  }
  return Store::open(options.store);
}

std::string text_of(std::optional<std::int64_t> hours) {
  return hours ? fmt::format("{} h", *hours) : "-";
}

std::string_view name_of(ItemState state) {
  return state == ItemState::done ? "delivered" : state == ItemState::parked ? "parked" : "waiting";
}

std::string why(const store::Item& item) {
  std::string text = item.code.empty() ? "" : item.code + ": " + item.reason;
  if (item.state == ItemState::waiting && item.tries > 0) {
    text += fmt::format(" (tried {} times, again {})", item.tries, fhir::instant_text(item.due));
  }
  if (!item.folded.empty()) {
    text += fmt::format("{}in the document: {}", text.empty() ? "" : "; ", item.folded);
  }
  return text;
}

std::string acknowledged_text(const store::Escalation& one) {
  return one.acknowledged ? fmt::format("  {} by {}", fhir::instant_text(*one.acknowledged),
                                        safe_text(one.acknowledged_by))
                          : "";
}

// What the web hook knows of it; empty where there is none, or it has not been tried.
std::string alert_text(const store::Escalation& one) {
  if (one.told) {
    return fmt::format("  web hook told {}", fhir::instant_text(*one.told));
  }
  if (one.is_alert_parked) {
    return fmt::format("  web hook NOT told, parked: {}", one.alert_why);
  }
  return one.alert_tries > 0
             ? fmt::format("  web hook not told yet, {} tries: {}", one.alert_tries, one.alert_why)
             : "";
}

Exit list_urgent(Store& store, bool with_acknowledged) {
  const auto urgent = store.escalations(with_acknowledged);
  if (!urgent) {
    return fail(urgent.error());
  }
  if (urgent->empty()) {
    return write_output("nothing urgent that nobody has acknowledged\n");
  }
  std::string out =
      fmt::format("{:>6}  {:>6}  {:<9}  {:>6}  {:<20}  {:<9}{}\n", "urgent", "item", "tier",
                  "target", "since", "delivery", with_acknowledged ? "  acknowledged" : "");
  for (const auto& one : *urgent) {
    out += fmt::format("{:>6}  {:>6}  {:<9}  {:>6}  {:<20}  {:<9}{}{}\n", one.id, one.item,
                       one.tier, text_of(one.target_hours), fhir::instant_text(one.raised),
                       name_of(one.item_state), acknowledged_text(one), alert_text(one));
  }
  return write_output(out +
                      "whom it is about: myoflag deliver show ITEM; when somebody acts: myoflag "
                      "deliver acknowledge URGENT --by WHO\n");
}

Exit list(const Options& options) {
  auto store = open_store(options);
  if (!store) {
    return fail(store.error());
  }
  if (options.urgent) {
    return list_urgent(*store, options.all);
  }
  const auto items = store->items(options.all);
  const auto counts = store->counts();
  if (!items || !counts) {
    return fail(items ? counts.error() : items.error());
  }
  std::string out;
  if (!items->empty()) {
    out = fmt::format("{:>6}  {:<9}  {:<9}  {:>6}  {:<20}  {:>7}  {}\n", "item", "state", "tier",
                      "target", "arrived", "written", "");
  }
  for (const auto& item : *items) {
    std::string line = fmt::format(
        "{:>6}  {:<9}  {:<9}  {:>6}  {:<20}  {:>7}  {}", item.id, name_of(item.state), item.tier,
        text_of(item.target_hours), fhir::instant_text(item.arrived),
        item.steps > 0 ? fmt::format("{}/{}", item.steps_done, item.steps) : "-", why(item));
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  out += fmt::format("{} waiting, {} parked, {} delivered; {} urgent and not acknowledged\n",
                     counts->waiting, counts->parked, counts->done, counts->urgent);
  auto inbox = store::Inbox::open(options.store);
  const auto found = inbox ? inbox->counts() : tl::unexpected(inbox.error());
  if (!found) {
    return fail(found.error());
  }
  if (found->waiting + found->parked > 0) {
    out +=
        fmt::format("found in the EHR and not judged: {} wait, {} parked: myoflag deliver found\n",
                    found->waiting, found->parked);
  }
  return write_output(out);
}

Exit show(const Options& options) {
  auto store = open_store(options);
  if (!store) {
    return fail(store.error());
  }
  const auto text = store->assessment(options.id);
  return text ? write_output(*text) : fail(text.error());
}

// What changes one row.
template <typename Change>
Exit change(const Options& options, Change&& change) {
  auto store = open_store(options);
  if (!store) {
    return fail(store.error());
  }
  const store::Done done = change(*store);
  return done ? Exit::done : fail(done.error());
}

tl::expected<std::string, Failure> add_one(const std::string& file, const Options& options,
                                           const Assessor& assessor, const AssessOptions& how,
                                           const delivery::SubmissionOptions& keep, Store& store) {
  auto bytes = read_input(file, options.max_bytes);
  if (!bytes) {
    return tl::unexpected(bytes.error());
  }
  const auto assessed = assessor.assess(*bytes, how);
  if (!assessed) {
    return tl::unexpected(Failure{Exit::rejected, first_issue_lines(file, assessed.error())});
  }
  const auto submission = delivery::submission_of(*assessed, *bytes, keep);
  if (!submission) {
    return tl::unexpected(
        Failure{Exit::rejected, fmt::format("{}: {}", file, submission.error().text)});
  }
  return store.submit(*submission, now()).map([&](const store::Receipt& receipt) {
    return fmt::format("{}: item {}, {}{}\n", file, receipt.item, submission->tier,
                       !receipt.is_new         ? "; it was there already"
                       : submission->is_urgent ? "; URGENT until somebody acknowledges it"
                                               : "");
  });
}

tl::expected<delivery::SubmissionOptions, Failure> keeping(const Options& options) {
  return delivery::load_sites(options.how.sites).map([&](const delivery::Sites& sites) {
    const char* tenant = std::getenv("MYOFLAG_TENANT");
    return delivery::SubmissionOptions{tenant != nullptr ? tenant : "", sites.urgency,
                                       options.escalate == "communication"};
  });
}

Exit add(const Options& options) {
  const auto knowledge = load(options.knowledge);
  const auto clock = instant(options.clock);
  const auto keep = keeping(options);
  if (!knowledge || !clock || !keep) {
    return fail(!knowledge ? knowledge.error() : !clock ? clock.error() : keep.error());
  }
  auto store = Store::open(options.store);
  if (!store) {
    return fail(store.error());
  }
  AssessOptions how;
  how.now = *clock;
  how.limits.bytes = options.max_bytes;
  const Assessor assessor(*knowledge);
  std::string out;
  Exit exit = Exit::done;
  for (const std::string& file : options.files) {
    auto line = add_one(file, options, assessor, how, *keep, *store);
    if (line) {
      out += *line;
    } else {
      say(line.error().text);
      exit = std::max(exit, line.error().exit);
    }
  }
  const Exit wrote = write_output(out);
  return wrote == Exit::done ? exit : wrote;
}

Exit run_it(const Options& options) {
  auto store = open_store(options);
  if (!store) {
    return fail(store.error());
  }
  std::signal(SIGINT, ask_delivery_to_stop);
  std::signal(SIGTERM, ask_delivery_to_stop);
  return deliver_all(*store, {options.store, options.how, options.ehr}, stop_asked);
}

Exit alert_it(const Options& options) {
  auto store = open_store(options);
  if (!store) {
    return fail(store.error());
  }
  std::signal(SIGINT, ask_delivery_to_stop);
  std::signal(SIGTERM, ask_delivery_to_stop);
  std::vector<std::string> arguments{"alert", "--store", options.store, "--url", options.hook};
  if (options.how.once) {
    arguments.emplace_back("--once");
  }
  if (options.how.quiet) {
    arguments.emplace_back("--quiet");
  }
  const auto more = ehr::arguments_of(options.ehr);
  arguments.insert(arguments.end(), more.begin(), more.end());
  if (const auto ran = ehr::run_ehr(arguments, stop_asked); !ran) {
    return ran.error().text.empty() ? ran.error().exit : fail(ran.error());
  }
  const auto counts = store->counts();
  if (!counts) {
    return fail(counts.error());
  }
  say(fmt::format("urgent results: the web hook was told of {}; {} wait, {} parked",
                  counts->alerts_told, counts->alerts_waiting, counts->alerts_parked));
  return counts->alerts_parked > 0 ? Exit::rejected : Exit::done;
}

Exit poll_it(const Options& options) {
  const auto knowledge = load(options.knowledge);
  const auto keep = keeping(options);
  auto inbox = store::Inbox::open(options.store);
  if (!knowledge || !keep || !inbox) {
    return fail(!knowledge ? knowledge.error() : !keep ? keep.error() : inbox.error());
  }
  std::signal(SIGINT, ask_delivery_to_stop);
  std::signal(SIGTERM, ask_delivery_to_stop);
  const Assessor assessor(*knowledge);
  const auto judged =
      poll_and_judge(*inbox,
                     ehr::poll_arguments(options.store, options.ehr, poll::forms_of(**knowledge),
                                         options.how.quiet),
                     assessor, *keep, stop_asked);
  if (!judged) {
    return judged.error().text.empty() ? judged.error().exit : fail(judged.error());
  }
  const auto counts = inbox->counts();
  if (!counts) {
    return fail(counts.error());
  }
  say(fmt::format("{} responses judged, {} of them urgent; {} wait, {} parked", judged->judged,
                  judged->urgent, counts->waiting, counts->parked));
  return counts->parked > 0 ? Exit::rejected : Exit::done;
}

std::string_view name_of(store::FoundState state) {
  switch (state) {
    case store::FoundState::judged:
      return "judged";
    case store::FoundState::ours:
      return "ours";
    case store::FoundState::parked:
      return "parked";
    default:
      return "waiting";
  }
}

Exit list_found(const Options& options) {
  const auto is_there = open_store(options);
  auto inbox = store::Inbox::open(options.store);
  if (!is_there || !inbox) {
    return fail(is_there ? inbox.error() : is_there.error());
  }
  const auto all = inbox->list(options.all);
  const auto polling = inbox->polling();
  if (!all || !polling) {
    return fail(all ? polling.error() : all.error());
  }
  std::string out;
  for (const auto& one : *all) {
    const auto item = one.item ? fmt::format("  item {}", *one.item) : "";
    const auto why = one.code.empty() ? "" : fmt::format("  {}: {}", one.code, one.reason);
    out += fmt::format("{:>6}  {:<8}  {}  {}{}{}\n", one.id, name_of(one.state),
                       fhir::instant_text(one.since), safe_text(one.source), item, why);
  }
  out += polling->done ? fmt::format("all was seen at {}", fhir::instant_text(*polling->done))
                       : "the EHR was not seen to the end yet";
  out += polling->failures > 0
             ? fmt::format("; {} rounds failed since: {}\n", polling->failures, polling->why)
             : "\n";
  return write_output(out);
}

Exit retry_found(const Options& options) {
  const auto is_there = open_store(options);
  auto inbox = store::Inbox::open(options.store);
  if (!is_there || !inbox) {
    return fail(is_there ? inbox.error() : is_there.error());
  }
  const auto done = inbox->retry(options.id);
  return done ? Exit::done : fail(done.error());
}

// Empty when it is one: it stands in a list.
std::string is_name(const std::string& text) {
  constexpr std::size_t most = 100;
  const bool is_blank = text.find_first_not_of(' ') == std::string::npos;
  return is_blank || text.size() > most ? "is no name of at most 100 bytes" : "";
}

CLI::App* command_with_id(CLI::App& deliver, const char* name, const char* what, Options& options) {
  CLI::App* command = deliver.add_subcommand(name, what);
  command->add_option("ID", options.id)->required();
  command->fallthrough();
  return command;
}

void add_run(CLI::App& deliver, const std::shared_ptr<Options>& options, Run& run) {
  CLI::App* command = deliver.add_subcommand("run", "Delivers until nothing waits any more");
  command->fallthrough();
  CLI::Option* to = command->add_option("--to", options->ehr.base, "Base of the FHIR endpoint");
  command->add_option("--folder", options->how.folder, "For --site file: where the files go")
      ->excludes(to);
  command->add_option("--site", options->how.site, "What is known of the server")
      ->capture_default_str();
  command->add_option("--sites", options->how.sites, "YAML file with sites instead of our own");
  command->add_flag("--once", options->how.once, "Ends when nothing is due now");
  command->add_flag("--quiet", options->how.quiet, "Says nothing of each item");
  ehr::add_ehr_options(*command, options->ehr);
  command->callback([options, &run] {
    if (options->ehr.base.empty() && options->how.folder.empty()) {
      throw CLI::RequiredError("--to, or --folder,");
    }
    run = [options] { return run_it(*options); };
  });
}

void add_poll(CLI::App& deliver, const std::shared_ptr<Options>& options, Run& run) {
  CLI::App* command = deliver.add_subcommand(
      "poll", "Looks once for new responses in the EHR, and judges them for delivery");
  command->fallthrough();
  command->add_option("--from", options->ehr.base, "Base of the FHIR endpoint")->required();
  command
      ->add_option("--escalate", options->escalate,
                   "communication: an urgent result also writes a Communication")
      ->check(CLI::IsMember({"communication"}));
  command->add_option("--sites", options->how.sites, "YAML file that says what is urgent");
  command->add_flag("--quiet", options->how.quiet, "Says only how it ended");
  add_knowledge_options(*command, options->knowledge);
  ehr::add_ehr_options(*command, options->ehr);
  command->callback([options, &run] { run = [options] { return poll_it(*options); }; });
  CLI::App* found = deliver.add_subcommand(
      "found", "Responses found in the EHR that wait or are parked; --all: all");
  found->fallthrough();
  found->callback([options, &run] { run = [options] { return list_found(*options); }; });
  command_with_id(deliver, "retry-found", "Takes a parked one up again", *options)
      ->callback([options, &run] { run = [options] { return retry_found(*options); }; });
}

void add_alert(CLI::App& deliver, const std::shared_ptr<Options>& options, Run& run) {
  CLI::App* command =
      deliver.add_subcommand("alert", "Tells a web hook of what is urgent, until it knows all");
  command->fallthrough();
  command->add_option("--to", options->hook, "Address of the web hook")->required();
  command->add_option("--ca", options->ehr.ca_file,
                      "PEM file with certificates to trust beside the system's");
  command->add_option("--proxy", options->ehr.proxy, "http://host:port");
  command->add_flag("--once", options->how.once, "Ends when nothing is due now");
  command->add_flag("--quiet", options->how.quiet, "Says nothing of each result");
  command->footer(
      "MYOFLAG_HOOK_SECRET of the environment signs what is told. docs/delivery.md has the "
      "message.");
  command->callback([options, &run] { run = [options] { return alert_it(*options); }; });
}

void add_add(CLI::App& deliver, const std::shared_ptr<Options>& options, Run& run) {
  CLI::App* command = deliver.add_subcommand("add", "Judges responses and keeps them for delivery");
  command->fallthrough();
  command->add_option("FILES", options->files, "As for evaluate")->required();
  command
      ->add_option("--escalate", options->escalate,
                   "communication: an urgent result also writes a Communication")
      ->check(CLI::IsMember({"communication"}));
  command->add_option("--sites", options->how.sites, "YAML file that says what is urgent");
  command->add_option("--max-bytes", options->max_bytes, "Larger inputs are refused")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 30U))
      ->capture_default_str();
  add_knowledge_options(*command, options->knowledge);
  add_clock(*command, options->clock);
  command->callback([options, &run] { run = [options] { return add(*options); }; });
}

}  // namespace

void add_deliver(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "deliver", "What is on its way to the EHR: lists, adds, delivers, retries, parks");
  command
      ->add_option("--store", options->store,
                   "File of the outbox, or postgresql://user@host/database")
      ->envname("MYOFLAG_STORE")
      ->required();
  command->add_flag("--urgent", options->urgent, "Lists what is urgent and nobody acknowledged");
  command->add_flag("--all", options->all,
                    "Lists what is delivered, too; of what is urgent, what is acknowledged");
  command->require_subcommand(0, 1);
  add_add(*command, options, run);
  add_run(*command, options, run);
  add_alert(*command, options, run);
  add_poll(*command, options, run);
  command_with_id(*command, "retry-alert", "Tells the web hook again of what it refused", *options)
      ->callback([options, &run] {
        run = [options] {
          return change(*options,
                        [&](Store& store) { return store.retry_alert(options->id, now()); });
        };
      });
  command_with_id(*command, "retry", "Puts a parked item into the queue again", *options)
      ->callback([options, &run] {
        run = [options] {
          return change(*options, [&](Store& store) { return store.retry(options->id, now()); });
        };
      });
  command_with_id(*command, "park", "Takes a waiting item out of the queue", *options)
      ->callback([options, &run] {
        run = [options] {
          return change(*options, [&](Store& store) {
            return store.park(options->id, "MF-3164", "parked by hand");
          });
        };
      });
  CLI::App* acknowledge =
      command_with_id(*command, "acknowledge", "Somebody looks after what is urgent", *options);
  acknowledge->add_option("--by", options->by, "Who, so that others can ask")
      ->required()
      ->check(CLI::Validator(is_name, "", "name"));
  acknowledge->callback([options, &run] {
    run = [options] {
      return change(*options, [&](Store& store) {
        return store.acknowledge(options->id, options->by, now());
      });
    };
  });
  command_with_id(*command, "show", "The assessment of an item, with patient data", *options)
      ->callback([options, &run] { run = [options] { return show(*options); }; });
  command->footer(
      "Examples:\n"
      "  myoflag deliver --store outbox.sqlite add response.json\n"
      "  myoflag deliver --store outbox.sqlite run --to https://ehr.example/fhir/R4 --site "
      "epic-like \\\n"
      "    --client-id myoflag --key key.pem\n"
      "  myoflag deliver --store outbox.sqlite --urgent\n\n"
      "Nothing is lost and nothing written twice, whatever ends meanwhile: docs/delivery.md.");
  command->callback([options, command, &run] {
    if (command->get_subcommands().empty()) {
      run = [options] { return list(*options); };
    }
  });
}

}  // namespace myoflag::cli
