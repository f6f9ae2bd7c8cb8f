// myoflag serve: the sidecar, until it is told to end.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <signal.h>
#include <string>
#include <sys/resource.h>
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
#include "plugin/cli/options.h"
#include "plugin/cli/sidecar_setup.h"
#include "plugin/ehr/process.h"
#include "plugin/http/server.h"
#include "plugin/safe_text.h"
#include "plugin/sidecar/key_refresher.h"
#include "plugin/sidecar/line_log.h"
#include "plugin/sidecar/routes.h"
#include "plugin/trust/gate.h"

namespace myoflag::cli {
namespace {

struct Options {
  std::string config;  // file; empty: the defaults
  bool demo = false;
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

tl::expected<sidecar::Setup, Failure> setup_for(const Options& options) {
  for (const auto& checked : {check_address("--intake-link", options.intake_link),
                              check_address("--summary-app", options.summary_app)}) {
    if (!checked) {
      return tl::unexpected(checked.error());
    }
  }
  auto loaded = open_config(options.config);
  if (!loaded) {
    return tl::unexpected(std::move(loaded.error()));
  }
  auto& config = loaded->config();
  config.host = options.host.value_or(config.host);
  config.port = options.port.value_or(config.port);
  config.intake_link = options.intake_link.value_or(config.intake_link);
  config.summary_app = options.summary_app.value_or(config.summary_app);
  if (options.knowledge) {
    config.knowledge = std::filesystem::absolute(*options.knowledge).string();
  }
  return setup_of(*std::move(loaded), options.config);
}

// Where nobody who calls is checked, nobody else may be able to call.
tl::expected<void, Failure> may_listen(const Options& options, const config::Config& config) {
  if (options.demo == !config.clients.empty()) {
    const auto* why = options.demo ? "--demo checks nobody, but the configuration lists clients"
                                   : "no trust is configured, so nobody who calls could be told "
                                     "from anybody else; --demo serves this machine alone, for "
                                     "trying out";
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

void welcome(const std::string& base, bool demo) {
  if (!demo) {
    say(fmt::format("Listening on {}", base));
    return;
  }
  say(
      fmt::format("Listening on {}\n"
                  "Demo: whoever is on this machine can call; not for use near patients.\n"
                  "Try: curl {}/cds-services\n"
                  "     curl -H 'Content-Type: application/json' --data-binary "
                  "@samples/cds-hooks/hook-call.txt {}/cds-services/{}\n"
                  "One line of JSON for each request follows; SIGTERM or Ctrl-C ends.",
                  base, base, base, cds::kServiceId));
}

// What runs, and what of it can be replaced.
struct Running {
  const sidecar::Setup& setup;
  sidecar::Current& serving;
  trust::Gate* gate;  // null: nobody is checked
  http::Server& server;
  sidecar::LineLog& log;
};

// Each part is checked first and replaced whole, or stays as it is.
void reload(const Running& running) {
  const auto replace = [&](std::string_view part, auto checked, auto use) {
    running.log.write(reload_line(part, checked ? rules::Problems() : checked.error()));
    if (checked) {
      use(*std::move(checked));
    }
  };
  replace("knowledge", running.setup.serving(),
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

// Nobody, where key sets are not fetched.
std::unique_ptr<sidecar::KeyRefresher> key_refresher(const Running& running) {
  const auto every = running.setup.config().key_refresh;
  if (every.count() == 0 || running.gate == nullptr) {
    return nullptr;
  }
  return std::make_unique<sidecar::KeyRefresher>(
      [running](const std::atomic<bool>& stop) {
        fetch_key_sets(running.setup, false, running.log, stop);
        if (auto clients = running.setup.clients()) {
          running.gate->use(*std::move(clients));
        } else {
          running.log.write(reload_line("trust", clients.error()));
        }
      },
      every);
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
  if (running.server.stop()) {
    return Exit::done;
  }
  // A handler still runs; waiting for it is what the time limit excludes. The log ends first.
  running.log.flush();
  say("MF-4245: a request did not end in time and was cut off");
  std::_Exit(static_cast<int>(Exit::outside));
}

http::ServerOptions listening(const config::Config& config, std::shared_ptr<const http::Tls> tls,
                              sidecar::LineLog& log) {
  http::ServerOptions options;
  options.host = config.host;
  options.port = config.port;
  options.limits = config.limits;
  if (options.limits.workers == 0) {
    options.limits.workers = std::max(2U, std::thread::hardware_concurrency());
  }
  options.tls = std::move(tls);
  options.cors_origins = config.origins;
  options.log = [&log](const http::Access& access) { log.write(access_line(access)); };
  return options;
}

Exit serve(const Options& options) {
  const auto setup = setup_for(options);
  if (!setup) {
    return fail(setup.error());
  }
  const auto& config = setup->config();
  if (const auto allowed = may_listen(options, config); !allowed) {
    return fail(allowed.error());
  }
  const auto fixed = instant(options.clock);
  if (!fixed) {
    return fail(fixed.error());
  }
  const auto signals = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread begins, which inherit it
  sidecar::LineLog log(STDERR_FILENO);
  if (config.key_refresh.count() > 0) {
    fetch_key_sets(*setup, true, log, {});
  }
  auto serving = setup->serving();
  auto clients = setup->clients();
  auto tls = setup->tls();
  if (!serving || !clients || !tls) {
    return fail(failure_of(sidecar::problems_of(serving, clients, tls)));
  }

  sidecar::Current current(*std::move(serving));
  const auto gate =
      options.demo ? nullptr : std::make_unique<trust::Gate>(config.base, *std::move(clients));
  const bool is_fixed = !options.clock.now.empty();
  allow_connections();
  auto server = http::Server::start(
      [&](std::uint16_t port) {
        return sidecar::routes({current, gate.get(),
                                [&log](const std::string& request, std::string_view why) {
                                  log.write(denied_line(request, why));
                                },
                                [is_fixed, now = *fixed] { return is_fixed ? now : system_now(); },
                                MYOFLAG_VERSION,
                                config.base.empty() ? base_of(config, port) : config.base});
      },
      listening(config, *std::move(tls), log));
  if (!server) {
    return fail(server.error());
  }
  welcome(base_of(config, (*server)->port()), options.demo);
  const Running running{*setup, current, gate.get(), **server, log};
  const auto refresher = key_refresher(running);
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
      "  myoflag serve --demo --port 8080\n"
      "  curl http://127.0.0.1:8080/cds-services\n\n"
      "  myoflag config > myoflag.yaml      to be filled in\n"
      "  myoflag serve --config myoflag.yaml\n\n"
      "What else is said here counts more than the configuration. SIGHUP reads knowledge, key "
      "sets\n"
      "and certificate again.");
  command->callback([options, &run] {
    if (!options->demo && !options->clock.now.empty()) {
      throw CLI::ValidationError("--now", "goes with --demo only: ages and tokens need the clock");
    }
    if (options->host == "localhost") {
      options->host = "127.0.0.1";
    }
    run = [options] { return serve(*options); };
  });
}

}  // namespace myoflag::cli
