// myoflag serve: the sidecar, until it is told to end.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <signal.h>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "fhir/datetime.h"
#include "fhir/json.h"
#include "plugin/cds/hook_request.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/demo.h"
#include "plugin/cli/intake_setup.h"
#include "plugin/cli/launch_setup.h"
#include "plugin/cli/options.h"
#include "plugin/cli/polling.h"
#include "plugin/cli/prefilling.h"
#include "plugin/cli/sidecar_setup.h"
#include "plugin/delivery/site.h"
#include "plugin/ehr/fetch_pool.h"
#include "plugin/ehr/process.h"
#include "plugin/http/server.h"
#include "plugin/safe_text.h"
#include "plugin/sidecar/call_fetcher.h"
#include "plugin/sidecar/deliverer.h"
#include "plugin/sidecar/feedback_keeper.h"
#include "plugin/sidecar/key_refresher.h"
#include "plugin/sidecar/line_log.h"
#include "plugin/sidecar/metrics.h"
#include "plugin/sidecar/routes.h"
#include "plugin/store/store.h"
#include "plugin/trust/gate.h"

namespace myoflag::cli {
namespace {

struct Options {
  std::string config;  // file; empty: the defaults
  bool demo = false;
  bool deliver = false;  // in a demo, too
  ClockOptions clock;
  // Said on the command line, they count more than the configuration.
  std::optional<std::string> host, knowledge, intake_link, summary_app;
  std::optional<std::uint16_t> port;
};

constexpr rlim_t most_files = 16'384;

tl::expected<void, Failure> check_address(const std::string& option,
                                          const std::optional<std::string>& address) {
  const bool good = !address || address->starts_with("https://") || address->starts_with("http://");
  if (!good) {
    return tl::unexpected(Failure{
        Exit::usage, fmt::format("MF-4242: {} wants an absolute address (https://...)", option)});
  }
  return {};
}

// The configuration, and what the command line says of it.
tl::expected<config::Loaded, Failure> loaded_for(const Options& options) {
  for (const auto& checked : {check_address("--intake-link", options.intake_link),
                              check_address("--summary-app", options.summary_app)}) {
    if (!checked) {
      return tl::unexpected(checked.error());
    }
  }
  auto loaded = open_config(options.config);
  if (!loaded) {
    return loaded;
  }
  auto& config = loaded->config();
  config.host = options.host.value_or(config.host);
  config.port = options.port.value_or(config.port);
  config.intake_link = options.intake_link.value_or(config.intake_link);
  config.summary_app = options.summary_app.value_or(config.summary_app);
  if (options.knowledge) {
    config.knowledge = std::filesystem::absolute(*options.knowledge).string();
  }
  return loaded;
}

// `demo`: brings the store; nothing: none.
sidecar::Setup setup_with(config::Loaded loaded, const Options& options,
                          const std::optional<DemoFolder>& demo) {
  if (demo) {
    use_demo(*demo, options.deliver && loaded.config().delivery.store.empty(), loaded.config());
  }
  return setup_of(std::move(loaded), options.config);
}

// A demo for which no store is configured brings one.
tl::expected<std::optional<DemoFolder>, Failure> demo_folder(const Options& options,
                                                             const config::Config& config) {
  if (!options.demo || !config.intake.store.empty()) {
    return std::nullopt;
  }
  return DemoFolder::make().map(
      [](DemoFolder&& folder) { return std::optional(std::move(folder)); });
}

// Where nobody who calls is checked, nobody else may be able to call.
tl::expected<void, Failure> may_listen(const Options& options, const config::Config& config) {
  if (options.demo ? !config.clients.empty() : !config::serves_anybody(config)) {
    const auto* why = options.demo
                          ? "--demo checks nobody, but the configuration lists clients"
                          : "nobody could be served: the configuration has neither a client in "
                            "trust.clients nor intake.store; --demo serves this machine alone, "
                            "for trying out";
    return tl::unexpected(Failure{Exit::usage, fmt::format("MF-4240: {}", why)});
  }
  const bool secure = !options.demo && !config.tls.certificate.empty();
  if (!secure && !config::is_loopback(config.host)) {
    const auto* why = options.demo ? "--demo checks nobody who calls" : "there is no certificate";
    return tl::unexpected(Failure{
        Exit::usage,
        fmt::format("MF-4241: {}, so it listens on loopback only (127.0.0.1 or ::1)", why)});
  }
  return {};
}

rules::Instant system_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

// Nothing but what is listed in Access, so no patient data.
std::string access_line(const http::Access& access) {
  return fmt::format(
      R"({{"time":"{}","request":"{}","method":"{}","route":"{}","status":{},"ms":{:.1f},"in":{},"out":{}}})",
      fhir::instant_text(system_now()), access.request, access.method, access.route, access.status,
      static_cast<double>(access.time.count()) / 1000.0, access.bytes_in, access.bytes_out);
}

// The signals that it waits for come to this thread alone, and only when it does.
sigset_t awaited_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  return signals;
}

std::string base_of(const config::Config& config, std::uint16_t port) {
  const auto* scheme = config.tls.certificate.empty() ? "http" : "https";
  const bool v6 = config.host.find(':') != std::string::npos;
  return v6 ? fmt::format("{}://[{}]:{}", scheme, config.host, port)
            : fmt::format("{}://{}:{}", scheme, config.host, port);
}

// A refused token, for who has to find out why. Never the token.
std::string denied_line(const std::string& request, std::string_view why) {
  return fmt::format(R"({{"time":"{}","request":"{}","denied":"{}"}})",
                     fhir::instant_text(system_now()), request, why);
}

// Why a patient got no page. Free of what the patient sent.
std::string failed_line(const std::string& request, std::string_view why) {
  return fhir::write_json(fhir::Json::object({{"time", fhir::instant_text(system_now())},
                                              {"request", request},
                                              {"failed", safe_text(why)}}));
}

// Whether a part was read again; if not, why, and the old one stays in use.
std::string reload_line(std::string_view part, const rules::Problems& problems) {
  auto line = fhir::Json::object({{"time", fhir::instant_text(system_now())},
                                  {"reload", part},
                                  {"result", problems.empty() ? "done" : "refused"}});
  fhir::Json why = fhir::Json::array();
  for (const auto& problem : problems) {
    why.push(safe_text(rules::to_text(problem)));
  }
  line.set_if("problems", std::move(why));
  return fhir::write_json(line);
}

// A connection is a file; the usual soft limit is fewer than the server can hold.
void allow_connections() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = std::max(files.rlim_cur, std::min<rlim_t>(files.rlim_max, most_files));
    setrlimit(RLIMIT_NOFILE, &files);  // else further connections wait
  }
}

// What there is to open in a demo that brought its own patients.
std::string things_to_open(const std::string& base, const DemoFolder& folder,
                           const DemoPatients& patients, bool is_delivering) {
  auto text = fmt::format(
      "Two invented patients:\n"
      "  has not answered yet: {}{}\n"
      "                        date of birth to type: {}\n",
      base, patients.open.path, patients.open.born);
  if (patients.answered) {
    text += fmt::format(
        "  has answered:         {}{}\n"
        "                        date of birth to type: {}\n"
        "The card about the one who has answered:\n"
        "  curl -H 'Content-Type: application/json' --data-binary @{} {}/cds-services/{}\n",
        base, patients.answered->path, patients.answered->born, folder.call(), base,
        cds::kServiceId);
  }
  if (!patients.answered) {
    text += "  The other one's answers do not fit this knowledge: nobody has answered.\n";
  }
  text += fmt::format("The clinic's worklist, and from there a summary:\n  {}/c/worklist\n", base);
  if (is_delivering) {
    text += fmt::format("What the record has got, as files:\n  {}\n", folder.ehr());
  }
  return text;
}

// `to_open`: empty where nothing was brought.
void welcome(const std::string& base, bool demo, const std::string& to_open) {
  if (!demo) {
    say(fmt::format("Listening on {}", base));
    return;
  }
  say(
      fmt::format("Listening on {}\n"
                  "Demo: whoever is on this machine can call; not for use near patients.\n"
                  "What an EHR sees first:\n  curl {}/cds-services\n"
                  "{}One line of JSON for each request follows; SIGTERM or Ctrl-C ends.",
                  base, base, to_open));
}

// A run of the delivery failed; its process has said why, where the text is empty.
std::string delivery_line(const char* what, const Failure& failure,
                          std::chrono::milliseconds wait) {
  auto line = fhir::Json::object({{"time", fhir::instant_text(system_now())},
                                  {what, "failed"},
                                  {"again", fmt::format("{} ms", wait.count())}});
  line.set_if("why", failure.text);
  return fhir::write_json(line);
}

// Null: there is no outbox. Without arguments nothing is done, but told how it stands. `what`: in
// the log.
tl::expected<std::unique_ptr<sidecar::Deliverer>, Failure> deliverer(
    const sidecar::Setup& setup, const std::vector<std::string>& arguments, const char* what,
    sidecar::Deliverer::Waits waits, sidecar::LineLog& log) {
  if (setup.outbox().empty()) {
    return nullptr;
  }
  sidecar::Deliverer::Work work;
  if (!arguments.empty()) {
    work = [arguments, patience = setup.config().limits.drain_time](const std::atomic<bool>& stop) {
      return ehr::run_ehr(arguments, stop, STDIN_FILENO, patience);
    };
  }
  return store::Store::open(setup.outbox()).map([&](store::Store&& outbox) {
    return std::make_unique<sidecar::Deliverer>(
        std::move(outbox), std::move(work),
        [&log, what](const Failure& failure, std::chrono::milliseconds wait) {
          log.write(delivery_line(what, failure, wait));
        },
        sidecar::Deliverer::Times(), waits);
  });
}

bool has_results(const store::Counts& counts) { return counts.waiting > 0; }
bool has_alerts(const store::Counts& counts) { return counts.alerts_waiting > 0; }

// Whole seconds since the oldest came that waits; 0 where none does.
std::int64_t age_of(const std::optional<store::Time>& oldest) {
  return oldest ? std::max<std::int64_t>(0, (system_now() - *oldest).count()) : 0;
}

void count_outbox(sidecar::Metrics& metrics, sidecar::Deliverer& deliverer) {
  metrics.add_source([&deliverer](sidecar::Metrics& to) {
    const auto status = deliverer.status();
    to.set("myoflag_outbox_up", "Whether the outbox can be read", {}, status ? 1 : 0);
    if (!status) {
      return;
    }
    const auto& counts = status->counts;
    const auto set = [&to](const char* state, std::uint64_t value) {
      to.set("myoflag_outbox_items", "Results by how far they are on their way", {{"state", state}},
             static_cast<double>(value));
    };
    set("waiting", counts.waiting);
    set("parked", counts.parked);
    set("delivered", counts.done);
    to.set("myoflag_outbox_oldest_seconds", "Since the oldest came that waits", {},
           static_cast<double>(age_of(counts.oldest)));
    to.set("myoflag_outbox_urgent", "Urgent results that nobody has acknowledged", {},
           static_cast<double>(counts.urgent));
    to.set("myoflag_delivery_failures", "Runs of the delivery that failed, one after the other", {},
           status->failures);
  });
}

void count_alerts(sidecar::Metrics& metrics, sidecar::Deliverer& telling) {
  metrics.add_source([&telling](sidecar::Metrics& to) {
    const auto status = telling.status();
    if (!status) {
      return;  // myoflag_outbox_up says so
    }
    const auto& counts = status->counts;
    const auto set = [&to](const char* state, std::uint64_t value) {
      to.set("myoflag_alerts", "Urgent results by whether the web hook knows", {{"state", state}},
             static_cast<double>(value));
    };
    set("waiting", counts.alerts_waiting);
    set("parked", counts.alerts_parked);
    set("told", counts.alerts_told);
    to.set("myoflag_alerts_oldest_seconds",
           "Since the oldest urgent result that the web hook is still to be told of", {},
           static_cast<double>(age_of(counts.oldest_alert)));
    to.set("myoflag_alert_failures", "Runs of what tells it that failed, one after the other", {},
           status->failures);
  });
}

// Null: nothing is fetched for calls.
tl::expected<std::unique_ptr<sidecar::CallFetcher>, Failure> call_fetcher(
    const sidecar::Setup& setup, const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    return nullptr;
  }
  const auto& how = setup.config().fetching;
  return ehr::FetchPool::open(arguments, how.at_once).map([&](auto&& pool) {
    return std::make_unique<sidecar::CallFetcher>(setup.fhir_servers(), std::move(pool),
                                                  how.deadline);
  });
}

void count_fetches(sidecar::Metrics& metrics, const sidecar::CallFetcher& fetcher) {
  metrics.add_source([&fetcher](sidecar::Metrics& to) {
    const auto counts = fetcher.counts();
    constexpr const char* name = "myoflag_fetches";
    constexpr const char* help = "Searches since the start for what did not come with a call";
    to.set(name, help, {{"result", "fetched"}}, static_cast<double>(counts.fetched));
    to.set(name, help, {{"result", "not fetched"}}, static_cast<double>(counts.not_fetched));
    to.set("myoflag_fetch_processes_replaced", "Since the start: they died, or were late", {},
           static_cast<double>(counts.replaced));
  });
}

sidecar::Readiness readiness_of(sidecar::Deliverer& deliverer) {
  const auto status = deliverer.status();
  if (!status) {
    return {"outbox", false, {}};
  }
  const auto& counts = status->counts;
  const auto number = [](std::uint64_t value) {
    return fhir::Json(static_cast<std::int64_t>(value));
  };
  return {"outbox", true,
          fhir::Json::object({{"waiting", number(counts.waiting)},
                              {"parked", number(counts.parked)},
                              {"urgent", number(counts.urgent)},
                              {"oldestSeconds", fhir::Json(age_of(counts.oldest))},
                              {"failures", status->failures}})};
}

sidecar::Readiness alerts_of(sidecar::Deliverer& telling) {
  const auto status = telling.status();
  if (!status) {
    return {"alerts", false, {}};
  }
  const auto number = [](std::uint64_t value) {
    return fhir::Json(static_cast<std::int64_t>(value));
  };
  const auto& counts = status->counts;
  return {"alerts", true,
          fhir::Json::object({{"waiting", number(counts.alerts_waiting)},
                              {"parked", number(counts.alerts_parked)},
                              {"oldestSeconds", fhir::Json(age_of(counts.oldest_alert))},
                              {"failures", status->failures}})};
}

// What runs, and what of it can be replaced.
struct Running {
  const Options& options;
  std::optional<DemoFolder>& demo;
  const sidecar::Setup& setup;
  sidecar::Current& serving;
  const Intake* intake;  // null: off
  trust::Gate* gate;     // null: nobody is checked
  http::Server& server;
  sidecar::LineLog& log;
  std::atomic<bool>& is_ending;
};

// The configuration itself is read at the start only: what was changed in it since is said.
void tell_what_needs_a_restart(const Running& running) {
  if (running.options.config == "-") {
    return;  // standard input is not read twice
  }
  const auto now = loaded_for(running.options).map([&](config::Loaded&& loaded) {
    return setup_with(std::move(loaded), running.options, running.demo);
  });
  auto line = fhir::Json::object({{"time", fhir::instant_text(system_now())},
                                  {"reload", "configuration"},
                                  {"result", now ? "needs a restart" : "refused"}});
  if (!now) {
    line.set("problems", fhir::Json::array({safe_text(now.error().text)}));
    running.log.write(fhir::write_json(line));
    return;
  }
  fhir::Json names = fhir::Json::array();
  for (const auto& name : config::differences(running.setup.config(), now->config())) {
    names.push(name);
  }
  if (!names.is_empty()) {
    line.set("code", "MF-4252");
    line.set("options", std::move(names));
    running.log.write(fhir::write_json(line));
  }
}

// Each part is checked first and replaced whole, or stays as it is.
void reload(const Running& running) {
  tell_what_needs_a_restart(running);
  const auto replace = [&](std::string_view part, auto checked, auto use) {
    running.log.write(reload_line(part, checked ? rules::Problems() : checked.error()));
    if (checked) {
      use(*std::move(checked));
    }
  };
  replace("knowledge", serving_of(running.setup, running.intake),
          [&](auto serving) { running.serving.set(std::move(serving)); });
  if (running.gate != nullptr) {
    replace("trust", running.setup.clients(),
            [&](auto clients) { running.gate->use(std::move(clients)); });
  }
  if (!running.setup.config().tls.certificate.empty()) {
    replace("certificate", running.setup.tls(),
            [&](auto tls) { running.server.use(std::move(tls)); });
  }
}

std::string keys_line(std::size_t client, bool fetched) {
  return fhir::write_json(fhir::Json::object({{"time", fhir::instant_text(system_now())},
                                              {"keys", fmt::format("trust.clients[{}]", client)},
                                              {"result", fetched ? "fetched" : "kept"}}));
}

// In another process, which says itself why it could not. What was fetched before stays.
void fetch_key_sets(const sidecar::Setup& setup, bool only_missing, sidecar::LineLog& log,
                    const std::atomic<bool>& stop) {
  const auto& clients = setup.config().clients;
  for (std::size_t i = 0; i < clients.size() && !stop; ++i) {
    const auto file = setup.path_of(clients[i].key_set);
    std::error_code error;
    const bool skipped = only_missing && std::filesystem::exists(file, error);
    if (!clients[i].key_set_url.empty() && !skipped) {
      const auto done =
          ehr::run_ehr({"keys", "--url", clients[i].key_set_url, "--out", file}, stop);
      log.write(keys_line(i, done.has_value()));
    }
  }
}

// Nobody, where the EHR is told of no invitations. What is given outlives it.
std::unique_ptr<sidecar::KeyRefresher> task_keeper(const sidecar::Setup& setup, Intake* intake,
                                                   const sidecar::Current& serving,
                                                   const std::function<rules::Instant()>& clock,
                                                   sidecar::LineLog& log) {
  constexpr std::chrono::seconds kEvery{2};
  if (intake == nullptr || setup.config().intake.task != "on") {
    return nullptr;
  }
  const auto round = [intake, &serving, &clock, &log](const std::atomic<bool>& stop) {
    for (int kept = 1; kept > 0 && !stop;) {
      const auto told = tell_record(*intake, serving, clock());
      if (!told) {
        log.write(failed_line("tasks", told.error().text));
      }
      kept = told.value_or(0);
    }
  };
  return std::make_unique<sidecar::KeyRefresher>(round, kEvery, kEvery);
}

// Nobody, where key sets are not fetched. What is given outlives it.
std::unique_ptr<sidecar::KeyRefresher> key_refresher(const sidecar::Setup& setup, trust::Gate* gate,
                                                     sidecar::LineLog& log) {
  const auto& config = setup.config();
  if (config.key_refresh.count() == 0 || gate == nullptr) {
    return nullptr;
  }
  return std::make_unique<sidecar::KeyRefresher>(
      [&setup, gate, &log](const std::atomic<bool>& stop) {
        fetch_key_sets(setup, false, log, stop);
        if (auto clients = setup.clients()) {
          gate->use(*std::move(clients));
        } else {
          log.write(reload_line("trust", clients.error()));
        }
      },
      config.key_refresh, std::min(config.key_refresh, config.key_refresh_least));
}

// SIGHUP also says that the terminal is gone: then nobody is there who could end it otherwise.
void wait_for_the_end(const Running& running, const sigset_t& signals) {
  const bool had_terminal = isatty(STDERR_FILENO) == 1;
  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) {
    if (had_terminal && isatty(STDERR_FILENO) == 0) {
      return;
    }
    reload(running);
  }
}

Exit run_until_told(const Running& running, const sigset_t& signals) {
  wait_for_the_end(running, signals);
  running.is_ending = true;
  if (running.server.stop()) {
    return Exit::done;
  }
  // A handler still runs; waiting for it is what the time limit excludes. The log ends first.
  running.log.flush();
  if (running.demo) {
    running.demo->remove();
  }
  say("MF-4245: a request did not end in time and was cut off");
  std::_Exit(static_cast<int>(Exit::outside));
}

// Empty: nothing is to outlive the program.
tl::expected<std::string, Failure> state_folder(const sidecar::Setup& setup) {
  if (setup.config().state.empty()) {
    return std::string();
  }
  const auto folder = setup.path_of(setup.config().state);
  const auto mask = ::umask(077);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  ::umask(mask);
  if (error) {
    return tl::unexpected(
        Failure{Exit::usage, fmt::format("MF-4258: {}: {}", safe_name(folder), error.message())});
  }
  return folder;
}

tl::expected<std::unique_ptr<trust::Replays>, Failure> replays_in(const std::string& folder) {
  if (folder.empty()) {
    return std::make_unique<trust::ReplaysInMemory>();
  }
  return trust::ReplayFile::open((std::filesystem::path(folder) / "tokens.sqlite").string());
}

// The demo keeps feedback until it ends. Null: none is kept.
tl::expected<std::unique_ptr<sidecar::FeedbackKeeper>, Failure> feedback_keeper(
    const std::string& folder, bool is_demo, const std::function<rules::Instant()>& now) {
  if (folder.empty() && !is_demo) {
    return nullptr;
  }
  return feedback::Store::open(folder.empty() ? folder : feedback_file(folder))
      .map([&](feedback::Store&& store) {
        return std::make_unique<sidecar::FeedbackKeeper>(std::move(store), now);
      });
}

void count_feedback(sidecar::Metrics& metrics, sidecar::FeedbackKeeper& keeper) {
  metrics.add_source([&keeper](sidecar::Metrics& to) {
    to.set("myoflag_feedback_unknown_cards", "Feedback since the start of cards that are not known",
           {}, static_cast<double>(keeper.strangers()));
    const auto answered = keeper.answered();
    to.set("myoflag_feedback_store_up", "Whether what became of cards can be read", {},
           answered ? 1 : 0);
    for (const auto& one : answered.value_or(std::vector<feedback::Answered>())) {
      const auto* outcome = one.outcome == feedback::Outcome::accepted ? "accepted" : "overridden";
      to.set(
          "myoflag_cards_answered",
          "Cards by what clinicians did with them, and by the rule that was their strongest reason",
          {{"rule", one.rule}, {"outcome", outcome}}, static_cast<double>(one.cards));
    }
  });
}

http::ServerOptions listening(const config::Config& config, std::shared_ptr<const http::Tls> tls,
                              bool is_fetching, bool is_launching, sidecar::LineLog& log,
                              sidecar::Metrics& metrics) {
  http::ServerOptions options;
  options.host = config.host;
  options.port = config.port;
  options.limits = config.limits;
  if (options.limits.workers == 0) {
    options.limits.workers = std::max(2U, std::thread::hardware_concurrency());
  }
  if (!config.intake.store.empty()) {  // an answer of a patient waits for the disk
    constexpr unsigned writing = 6;
    options.limits.workers += writing;
  }
  if (config.intake.prefill == "on") {
    options.limits.workers += static_cast<unsigned>(2 * Prefilling::kAtOnce);
  }
  if (is_fetching) {  // those who wait for an EHR take no worker from the others
    options.limits.workers += static_cast<unsigned>(2 * config.fetching.at_once);
  }
  if (is_launching) {  // codes and launch parameters are long with some EHRs
    constexpr std::size_t longest_target = 8u << 10;
    options.limits.target_bytes = longest_target;
    options.limits.workers += static_cast<unsigned>(2 * config.launch.at_once);
  }
  options.tls = std::move(tls);
  options.cors_origins = config.origins;
  options.log = [&log, &metrics](const http::Access& access) {
    metrics.request(access);
    log.write(access_line(access));
  };
  return options;
}

// Null: nobody looks for responses.
tl::expected<std::unique_ptr<Poller>, Failure> poller(const sidecar::Setup& setup,
                                                      const Options& options,
                                                      const sidecar::Current& current,
                                                      sidecar::LineLog& log) {
  const auto& given = setup.config().delivery;
  if (given.poll.count() == 0 || (options.demo && !options.deliver)) {
    return nullptr;
  }
  const auto assessor = [&current]() -> std::shared_ptr<const Assessor> {
    auto serving = current.get();
    const auto* held = &serving->assessor;
    return {std::move(serving), held};
  };
  const auto sites =
      delivery::load_sites(given.how.sites.empty() ? "" : setup.path_of(given.how.sites));
  if (!sites) {
    return tl::unexpected(sites.error());
  }
  const auto arguments = setup.polling(poll::forms_of(*assessor()->knowledge()));
  if (!arguments) {
    return tl::unexpected(failure_of(arguments.error()));
  }
  const char* tenant = std::getenv("MYOFLAG_TENANT");
  return Poller::start({setup.outbox(),
                        *arguments,
                        assessor,
                        {tenant != nullptr ? tenant : "", sites->urgency, !given.escalate.empty()},
                        given.poll,
                        [&log, every = given.poll](const Failure& failure) {
                          log.write(delivery_line("poll", failure, every));
                        }});
}

std::string prefill_line(std::int64_t invitation, std::string_view why) {
  return fhir::write_json(fhir::Json::object({{"time", fhir::instant_text(system_now())},
                                              {"prefill", "not used"},
                                              {"invitation", fhir::Json(invitation)},
                                              {"why", safe_text(why)}}));
}

// Null: records suggest nothing.
tl::expected<std::unique_ptr<Prefilling>, Failure> prefilling_of(
    const sidecar::Setup& setup, const Options& options, Intake* intake,
    const sidecar::Current& current, const std::function<rules::Instant()>& clock,
    sidecar::LineLog& log) {
  const auto arguments = setup.prefilling();
  if (arguments.empty() || intake == nullptr || (options.demo && !options.deliver)) {
    return nullptr;
  }
  const auto& given = setup.config().intake;
  return Prefilling::start(
      {intake->invitations, assessor_of(current), clock,
       [&log](std::int64_t invitation, std::string_view why) {
         log.write(prefill_line(invitation, why));
       },
       setup.config().delivery.ehr.base, given.prefill_age, given.prefill_wait},
      arguments);
}

// A demo for which nobody has named one.
bool may_take_another_port(const Options& options, const config::Config& config) {
  return options.demo && !options.port && config.port == config::Config().port;
}

Exit serve(const Options& options) {
  auto loaded = loaded_for(options);
  if (!loaded) {
    return fail(loaded.error());
  }
  if (const auto allowed = may_listen(options, loaded->config()); !allowed) {
    return fail(allowed.error());
  }
  const auto fixed = instant(options.clock);
  if (!fixed) {
    return fail(fixed.error());
  }
  auto demo = demo_folder(options, loaded->config());
  if (!demo) {
    return fail(demo.error());
  }
  const auto setup = setup_with(*std::move(loaded), options, *demo);
  const auto& config = setup.config();
  const auto signals = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread begins, which inherit it
  sidecar::LineLog log(STDERR_FILENO);
  if (config.key_refresh.count() > 0) {
    fetch_key_sets(setup, true, log, {});
  }
  const auto intake = open_intake(setup, options.demo);
  if (!intake) {
    return fail(intake.error());
  }
  auto serving = serving_of(setup, intake->get());
  auto clients = setup.clients();
  auto tls = setup.tls();
  const auto delivery = setup.delivery();
  const auto hook = setup.hook();
  const auto fetching = setup.fetching();
  const auto launching = setup.launching();
  const auto launch_servers = setup.launch_servers();
  const auto staff = setup.staff_server();
  if (!serving || !clients || !tls || !delivery || !hook || !fetching || !launching ||
      !launch_servers || !staff) {
    return fail(failure_of(sidecar::problems_of(serving, clients, tls, delivery, hook, fetching,
                                                launching, launch_servers, staff)));
  }

  std::optional<DemoPatients> patients;
  if (*demo) {
    auto brought = bring_patients(**demo, (*intake)->invitations, (*intake)->settings,
                                  (*serving)->assessor, *fixed);
    if (!brought) {
      return fail(brought.error());
    }
    patients = *std::move(brought);
  }
  sidecar::Current current(*std::move(serving));
  const auto state = state_folder(setup);
  if (!state) {
    return fail(state.error());
  }
  auto replays = replays_in(*state);
  if (!replays) {
    return fail(replays.error());
  }
  const auto gate = options.demo ? nullptr
                                 : std::make_unique<trust::Gate>(config.base, *std::move(clients),
                                                                 *std::move(replays));
  const bool is_fixed = !options.clock.now.empty();
  const std::function<rules::Instant()> clock = [is_fixed, now = *fixed] {
    return is_fixed ? now : system_now();
  };
  const auto keeper = feedback_keeper(*state, options.demo, clock);
  if (!keeper) {
    return fail(keeper.error());
  }
  sidecar::Metrics metrics;
  if (*keeper != nullptr) {
    count_feedback(metrics, **keeper);
  }
  const bool is_delivering = !delivery->empty() && (!options.demo || options.deliver);
  if ((!delivery->empty() || !hook->empty()) && options.demo && !options.deliver) {
    say("Demo: nothing is delivered, though delivery is configured; --deliver has it done");
  }
  const auto delivering = deliverer(setup, is_delivering ? *delivery : std::vector<std::string>(),
                                    "delivery", has_results, log);
  if (!delivering) {
    return fail(delivering.error());
  }
  if (*delivering != nullptr) {
    count_outbox(metrics, **delivering);
  }
  const bool is_telling = !hook->empty() && (!options.demo || options.deliver);
  const auto telling = is_telling ? deliverer(setup, *hook, "alert", has_alerts, log)
                                  : std::unique_ptr<sidecar::Deliverer>();
  if (!telling) {
    return fail(telling.error());
  }
  if (*telling != nullptr) {
    count_alerts(metrics, **telling);
  }
  const auto polling = poller(setup, options, current, log);
  if (!polling) {
    return fail(polling.error());
  }
  if (*polling != nullptr) {
    (*polling)->count(metrics);
  }
  std::atomic<bool> is_ending{false};
  const auto readiness = [&] {
    std::vector<sidecar::Readiness> parts{{"service", !is_ending, {}}};
    if (*keeper != nullptr) {
      parts.push_back({"feedback", (*keeper)->answered().has_value(), {}});
    }
    if (*delivering != nullptr) {
      parts.push_back(readiness_of(**delivering));
    }
    if (*telling != nullptr) {
      parts.push_back(alerts_of(**telling));
    }
    if (*polling != nullptr) {
      parts.push_back((*polling)->readiness());
    }
    return parts;
  };
  const auto fetcher = call_fetcher(setup, *fetching);
  if (!fetcher) {
    return fail(fetcher.error());
  }
  cds::Fetch fetch;
  if (*fetcher != nullptr) {
    count_fetches(metrics, **fetcher);
    fetch = [&fetcher](const cds::Wanted& wanted) { return (*fetcher)->fetch(wanted); };
  }
  const auto launch = open_launch(setup, *launch_servers, *staff, *launching);
  if (!launch) {
    return fail(launch.error());
  }
  if (*launch != nullptr) {
    if (const auto read = (*intake)->desk.catch_up(); !read) {
      return fail(read.error());
    }
    metrics.add_source([&launch, &clock](sidecar::Metrics& to) { (*launch)->tell(to, clock()); });
  }
  const auto refresher = key_refresher(setup, gate.get(), log);
  const auto unknown_key = [&refresher] {
    if (refresher != nullptr) {
      refresher->ask();
    }
  };
  const auto tasks = task_keeper(setup, intake->get(), current, clock, log);
  const auto prefilling = prefilling_of(setup, options, intake->get(), current, clock, log);
  if (!prefilling) {
    return fail(prefilling.error());
  }
  if (*prefilling != nullptr) {
    (*prefilling)->count(metrics);
  }
  allow_connections();
  const auto router_for = [&](std::uint16_t port) {
    const sidecar::Parts parts{current,
                               gate.get(),
                               [&log](const std::string& request, std::string_view why) {
                                 log.write(denied_line(request, why));
                               },
                               clock,
                               MYOFLAG_VERSION,
                               config.base.empty() ? base_of(config, port) : config.base,
                               keeper->get(),
                               &metrics,
                               unknown_key,
                               fetch,
                               readiness,
                               config.card_time};
    auto router = sidecar::routes(parts);
    const auto& inviter = config.intake.inviter;
    if (*intake && !inviter.empty()) {
      add_inviting(router, **intake, current, parts.base,
                   sidecar::admission_of(parts, inviter, std::string(intake::kInvitationsPath)),
                   clock, [&log](const std::string& request, std::string_view why) {
                     log.write(failed_line(request, why));
                   });
    }
    if (*intake) {
      add_intake(router, **intake, current, keeper->get(), launch->get(), prefilling->get(), clock,
                 [&log](const std::string& request, std::string_view why) {
                   log.write(failed_line(request, why));
                 });
    }
    return router;
  };
  auto how =
      listening(config, *std::move(tls), *fetcher != nullptr, *launch != nullptr, log, metrics);
  auto server = http::Server::start(router_for, how);
  if (!server && may_take_another_port(options, config)) {
    say(fmt::format("Port {} is taken or not allowed; another one is used", config.port));
    how.port = 0;
    server = http::Server::start(router_for, how);
  }
  if (!server) {
    return fail(server.error());
  }
  const auto address = base_of(config, (*server)->port());
  welcome(address, options.demo,
          patients ? things_to_open(address, **demo, *patients, is_delivering) : "");
  const Running running{options,    *demo,    setup, current,  intake->get(),
                        gate.get(), **server, log,   is_ending};
  return run_until_told(running, signals);
}

}  // namespace

void add_serve(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("serve", "Answers an EHR over CDS Hooks, until SIGTERM or Ctrl-C");
  command->add_option("--config", options->config,
                      "Configuration: who may call, certificate, limits; myoflag config prints it");
  command->add_flag("--demo", options->demo,
                    "Without checking who calls: for this machine alone, never near patients");
  command->add_flag(
      "--deliver", options->deliver,
      "With --demo: what the configuration says of delivery is done really; without any, "
      "results go into a folder of the demo");
  command->add_option("--port", options->port, "Port; 0 takes any free one [8080]");
  command->add_option("--host", options->host, "Address to listen on [127.0.0.1]");
  command->add_option("--intake-link", options->intake_link,
                      "Address of the intake form; cards before a visit then offer it");
  command->add_option("--summary-app", options->summary_app,
                      "Launch address of the SMART app with the summary; cards then link to it");
  command->add_option("--knowledge", options->knowledge,
                      "Folder with knowledge files, instead of the knowledge inside the program");
  add_clock(*command, options->clock);
  command->footer(
      "Example:\n"
      "  myoflag serve --demo --deliver\n"
      "  curl http://127.0.0.1:8080/cds-services\n\n"
      "  myoflag config > myoflag.yaml      to be filled in\n"
      "  myoflag serve --config myoflag.yaml\n\n"
      "What else is said here counts more than the configuration. SIGHUP reads knowledge, key "
      "sets\n"
      "and certificate again, and says which other options of the configuration have changed.");
  command->callback([options, &run] {
    if (!options->demo && !options->clock.now.empty()) {
      throw CLI::ValidationError("--now", "goes with --demo only: ages and tokens need the clock");
    }
    if (options->deliver && !options->demo) {
      throw CLI::ValidationError("--deliver", "goes with --demo: without it, it is done anyway");
    }
    if (options->host == "localhost") {
      options->host = "127.0.0.1";
    }
    run = [options] { return serve(*options); };
  });
}

}  // namespace myoflag::cli
