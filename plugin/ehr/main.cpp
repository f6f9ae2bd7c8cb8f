// myoflag-ehr: the program in which everything happens that speaks to an EHR. A hostile answer can
// abort the HTTP library; here that ends nothing else. Started by myoflag, which says why it ended.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "fhir/client/cpprest_transport.h"
#include "plugin/bulk/export.h"
#include "plugin/delivery/alert.h"
#include "plugin/delivery/deliver.h"
#include "plugin/ehr/appointments_command.h"
#include "plugin/ehr/fetch_command.h"
#include "plugin/ehr/fetch_keys.h"
#include "plugin/ehr/fetch_wire.h"
#include "plugin/ehr/open_ehr.h"
#include "plugin/ehr/publish_command.h"
#include "plugin/poll/poll.h"
#include "plugin/store/inbox.h"
#include "plugin/store/store.h"

namespace myoflag::ehr {

namespace {

std::atomic<bool> stop_asked{false};

// The first one ends in good order; the next one at once.
extern "C" void ask_to_stop(int signal) {
  stop_asked = true;
  std::signal(signal, SIG_DFL);
}

void say(const std::string& line) { fmt::print(stderr, "{}\n", line); }

Exit fail(const Failure& failure) {
  say("error: " + failure.text);
  return failure.exit;
}

// "system/Patient.rs system/Observation.rs ..."
std::string scope_of(const std::vector<std::string>& types) {
  std::string scope;
  for (const std::string& type : types) {
    scope += fmt::format("{}system/{}.rs", scope.empty() ? "" : " ", type);
  }
  return scope;
}

void tell(const bulk::Exported& exported) {
  for (const auto& file : exported.error) {
    say(fmt::format("the server says in {} what it could not export, or warns",
                    file.path.string()));
  }
  for (const auto& file : exported.deleted) {
    say(fmt::format("the server says in {} what was deleted there; nothing follows from that",
                    file.path.string()));
  }
  for (const auto& remark : exported.remarks) {
    say(remark);
  }
  say(fmt::format("exported: {} files, as of {}", exported.output.size(),
                  exported.transaction_time));
}

Exit fetch(const EhrOptions& options, const ExportChoice& choice, bool quiet, bool reuse) {
  const auto ehr = open_ehr(options, scope_of(choice.types));
  if (!ehr) {
    return fail(ehr.error());
  }
  bulk::ExportOptions how;
  how.base = options.base;
  how.group = choice.group;
  how.types = choice.types;
  how.folder = choice.folder;
  how.reuse = reuse;
  const auto progress = [quiet](const std::string& line) {
    if (!quiet) {
      say(line);
    }
  };
  const auto exported = bulk::fetch_export(*ehr->transport, ehr->authority.get(), how, ehr->world,
                                           progress, stop_asked);
  if (!exported) {
    return fail(exported.error());
  }
  tell(*exported);
  return Exit::done;
}

Exit fetch_key_set(const EhrOptions& options, const std::string& file) {
  const auto ehr = open_ehr(options, {});
  if (!ehr) {
    return fail(ehr.error());
  }
  const auto fetched = fetch_keys(*ehr->transport, options.base, file);
  return fetched ? Exit::done : fail(fetched.error());
}

// What is suggested to patients from their record.
constexpr const char* scope_of_prefill =
    "system/Patient.rs system/Observation.rs system/Condition.rs system/MedicationRequest.rs "
    "system/ServiceRequest.rs";

// In our own name, at one endpoint.
Exit fetch_as_ourselves(const EhrOptions& options) {
  const auto ehr = open_ehr(options, scope_of_prefill);
  return ehr ? fetch_orders(*ehr->transport, STDIN_FILENO, {options.base, ehr->authority.get()})
             : fail(ehr.error());
}

// One order after the other, until whoever gives them is gone.
Exit fetch_for_calls(const EhrOptions& options) {
  fhir::client::TransportOptions how;
  how.ca_file = options.ca_file;
  how.proxy = options.proxy;
  how.most_at_once = static_cast<int>(kMostQueries);
  const auto transport = fhir::client::cpprest_transport(how);
  return fetch_orders(*transport, STDIN_FILENO);
}

// What a delivery reads and writes.
constexpr const char* scope_of_delivery =
    "system/QuestionnaireResponse.crus system/Observation.crus system/ServiceRequest.crus "
    "system/DocumentReference.crus system/Communication.crs system/Provenance.crs "
    "system/Device.crs";

tl::expected<delivery::Delivered, Failure> deliver_to(const EhrOptions& options,
                                                      delivery::DeliverOptions how,
                                                      store::Store& store,
                                                      const delivery::Tell& tell) {
  if (options.base.empty()) {
    return delivery::deliver_files(store, how, fhir::client::real_world(), tell, stop_asked);
  }
  const auto ehr = open_ehr(options, scope_of_delivery);
  const auto for_tasks = open_ehr(options, "system/Task.crus");
  if (!ehr || !for_tasks) {
    return tl::unexpected(ehr ? for_tasks.error() : ehr.error());
  }
  fhir::client::Endpoint endpoint;
  endpoint.base = options.base;
  endpoint.deadline = std::chrono::seconds(30);  // a transaction takes its time
  fhir::client::Client client(*ehr->transport, endpoint, ehr->authority.get(), ehr->world);
  fhir::client::Client tasks(*for_tasks->transport, endpoint, for_tasks->authority.get(),
                             for_tasks->world);
  how.tasks = &tasks;
  return delivery::deliver(store, client, how, ehr->world, tell, stop_asked);
}

Exit deliver(const EhrOptions& options, const DeliveryChoice& choice,
             const std::string& store_file) {
  const auto site = delivery::load_sites(choice.sites).and_then([&](const auto& sites) {
    return delivery::site_of(sites, choice.site);
  });
  if (!site) {
    return fail(site.error());
  }
  const auto lock = delivery::Lock::take(store_file);
  auto store = store::Store::open(store_file);
  if (!lock || !store) {
    return fail(lock ? store.error() : lock.error());
  }
  delivery::DeliverOptions how;
  how.target = choice.folder.empty() ? options.base : choice.folder;
  how.site = *site;
  how.once = choice.once;
  const auto delivered = deliver_to(options, how, *store, [&](const std::string& line) {
    if (!choice.quiet) {
      say(line);
    }
  });
  if (!delivered) {
    return fail(delivered.error());
  }
  say(fmt::format("{} delivered, {} parked; still waiting: {}", delivered->done, delivered->parked,
                  delivered->left.waiting));
  return Exit::done;
}

struct HookChoice {
  std::string url;
  bool once = false, quiet = false;
};

// Neither our certificate nor our tokens are the receiver's business.
Exit tell_hook(const EhrOptions& options, const HookChoice& choice, const std::string& store_file) {
  if (!fhir::client::may_be_called(choice.url)) {
    return fail(
        {Exit::usage, "MF-3165: the address of a web hook is https, or http on this machine"});
  }
  const auto secret = hook_secret();
  if (!secret) {
    return fail(secret.error());
  }
  const auto lock = delivery::Lock::take(store_file + ".alert");
  auto store = store::Store::open(store_file);
  if (!lock || !store) {
    return fail(lock ? store.error() : lock.error());
  }
  fhir::client::TransportOptions how;
  how.ca_file = options.ca_file;
  how.proxy = options.proxy;
  const auto transport = fhir::client::cpprest_transport(how);
  delivery::AlertOptions alert;
  alert.url = choice.url;
  alert.secret = *secret;
  alert.once = choice.once;
  const auto told = delivery::tell_urgent(
      *store, *transport, alert, fhir::client::real_world(),
      [&](const std::string& line) {
        if (!choice.quiet) {
          say(line);
        }
      },
      stop_asked);
  return told ? Exit::done : fail(told.error());
}

CLI::App* add_hook(CLI::App& app, EhrOptions& options, HookChoice& choice,
                   std::string& store_file) {
  CLI::App* command = app.add_subcommand("alert", "Tells a web hook of urgent results");
  command->add_option("--store", store_file)->required();
  command->add_option("--url", choice.url)->required();
  command->add_flag("--once", choice.once);
  command->add_flag("--quiet", choice.quiet);
  add_ehr_options(*command, options);
  return command;
}

// What a look for responses reads: they, and what is held against them.
constexpr const char* scope_of_polling =
    "system/QuestionnaireResponse.rs system/Patient.rs system/Observation.rs system/Condition.rs "
    "system/MedicationRequest.rs system/ServiceRequest.rs";

// No wait inside a round is long: the next one comes anyway.
fhir::client::World impatient(fhir::client::World world) {
  world.wait = [wait = world.wait](std::chrono::milliseconds time) {
    constexpr std::chrono::milliseconds longest{2'000};
    wait(std::min(time, longest));
  };
  return world;
}

Exit look_for_responses(const EhrOptions& options, const std::vector<std::string>& forms,
                        bool quiet, const std::string& store_file) {
  const auto lock = delivery::Lock::take(store_file + ".poll");
  auto inbox = store::Inbox::open(store_file);
  if (!lock || !inbox) {
    return fail(lock ? inbox.error() : lock.error());
  }
  const auto ehr = open_ehr(options, scope_of_polling);
  if (!ehr) {
    return fail(ehr.error());
  }
  const auto world = impatient(ehr->world);
  fhir::client::Endpoint endpoint;
  endpoint.base = options.base;
  endpoint.most_tries = 2;
  fhir::client::Client client(*ehr->transport, endpoint, ehr->authority.get(), world);
  poll::PollOptions how;
  how.forms = forms;
  const auto tell = [quiet](const std::string& line) {
    if (!quiet) {
      say(line);
    }
  };
  const auto polled = poll::poll_once(*inbox, client, how, world, tell, stop_asked);
  if (!polled) {
    return fail(polled.error());
  }
  tell(fmt::format("{} new responses, {} records fetched", polled->taken, polled->fetched));
  return Exit::done;
}

void add_deliver(CLI::App& app, EhrOptions& options, DeliveryChoice& choice,
                 std::string& store_file) {
  CLI::App* command = app.add_subcommand("deliver", "Works an outbox off");
  command->add_option("--store", store_file)->required();
  command->add_option("--base", options.base);
  command->add_option("--folder", choice.folder);
  command->add_option("--site", choice.site);
  command->add_option("--sites", choice.sites);
  command->add_flag("--once", choice.once);
  command->add_flag("--quiet", choice.quiet);
  add_ehr_options(*command, options);
}

CLI::App* add_appointments(CLI::App& app, EhrOptions& options, AppointmentsChoice& choice) {
  CLI::App* command = app.add_subcommand("appointments", "Fetches booked appointments");
  command->add_option("--base", options.base)->required();
  command->add_option("--known", choice.known)->required();
  command->add_option("--out", choice.out)->required();
  command->add_option("--from", choice.from)->required();
  command->add_option("--until", choice.until)->required();
  command->add_option("--type", choice.types)->required();
  add_ehr_options(*command, options);
  return command;
}

Exit run(int argc, char** argv) {
  EhrOptions options;
  std::string key_set;
  ExportChoice choice;
  bool quiet = false;
  bool reuse = false;
  DeliveryChoice delivery;
  std::string store_file;
  CLI::App app("Started by myoflag: speaks to an EHR");
  app.require_subcommand(1);
  CLI::App* command = app.add_subcommand("export", "Fetches a Bulk Data export");
  command->add_option("--base", options.base)->required();
  command->add_flag("--quiet", quiet);
  command->add_flag("--reuse", reuse);
  add_ehr_options(*command, options);
  add_export_choice(*command, choice);
  PublishChoice published;
  CLI::App* publish = app.add_subcommand("publish", "Puts definitions to the endpoint");
  publish->add_option("--base", options.base)->required();
  publish->add_option("--from", published.from)->required();
  publish->add_flag("--dry-run", published.dry_run);
  add_ehr_options(*publish, options);
  CLI::App* keys = app.add_subcommand("keys", "Fetches the key set of a client");
  keys->add_option("--url", options.base)->required();
  keys->add_option("--out", key_set)->required();
  CLI::App* calls = app.add_subcommand("fetch", "Fetches what the sidecar orders");
  calls->add_option("--base", options.base);
  add_ehr_options(*calls, options);
  add_deliver(app, options, delivery, store_file);
  HookChoice hook;
  CLI::App* alert = add_hook(app, options, hook, store_file);
  AppointmentsChoice booked;
  CLI::App* appointments = add_appointments(app, options, booked);
  std::vector<std::string> forms;
  CLI::App* look = app.add_subcommand("poll", "Looks for new responses");
  look->add_option("--store", store_file)->required();
  look->add_option("--base", options.base)->required();
  look->add_option("--form", forms)->required();
  look->add_flag("--quiet", quiet);
  add_ehr_options(*look, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? Exit::done : Exit::usage;
  }
  if (keys->parsed()) {
    return fetch_key_set(options, key_set);  // ends at once at a signal: nothing is half done
  }
  if (appointments->parsed()) {
    return fetch_appointments(options, booked);  // the same
  }
  if (calls->parsed()) {
    std::signal(SIGINT, SIG_IGN);  // of the terminal, to the sidecar, which still answers calls
    return options.base.empty() ? fetch_for_calls(options) : fetch_as_ourselves(options);
  }
  std::signal(SIGINT, ask_to_stop);
  std::signal(SIGTERM, ask_to_stop);
  return command->parsed()   ? fetch(options, choice, quiet, reuse)
         : publish->parsed() ? publish_definitions(options, published, stop_asked)
         : alert->parsed()   ? tell_hook(options, hook, store_file)
         : look->parsed()    ? look_for_responses(options, forms, quiet, store_file)
                             : deliver(options, delivery, store_file);
}

}  // namespace

}  // namespace myoflag::ehr

int main(int argc, char** argv) {
  ::umask(077);                        // what is fetched is for its owner
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // no longer than whoever started it
  try {
    return static_cast<int>(myoflag::ehr::run(argc, argv));
  } catch (const std::exception&) {
    // What a library says may quote an address.
    myoflag::ehr::say("error: MF-4133: the EHR could not be asked");
    return static_cast<int>(myoflag::Exit::outside);
  }
}
