// myoflag serve: the sidecar, until it is told to end.
#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <signal.h>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "fhir/datetime.h"
#include "fhir/json.h"
#include "plugin/assess.h"
#include "plugin/cds/hook_request.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/options.h"
#include "plugin/http/server.h"
#include "plugin/sidecar/line_log.h"
#include "plugin/sidecar/routes.h"
#include "plugin/trust/site.h"

namespace myoflag::cli {
namespace {

struct Options {
  KnowledgeOptions knowledge;
  ClockOptions clock;
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;
  bool demo = false;
  std::string trust;  // file; empty: none
  cds::CardSettings cards;
};

bool is_loopback(const std::string& host) {
  constexpr std::uint32_t first_byte = 127;
  in_addr address{};
  return host == "::1" || (inet_pton(AF_INET, host.c_str(), &address) == 1 &&
                           ntohl(address.s_addr) >> 24U == first_byte);
}

constexpr std::size_t most_trust_bytes = 1u << 20;
constexpr rlim_t most_files = 16'384;

// Where nobody who calls is checked, nobody else may be able to call.
tl::expected<void, Failure> may_listen(const Options& options) {
  if (!options.demo && options.trust.empty()) {
    return tl::unexpected(
        Failure{Exit::usage,
                "MF-4240: no trust is configured, so nobody who calls could be told from anybody "
                "else; --demo serves this machine alone, for trying out"});
  }
  if (!is_loopback(options.host)) {
    const auto* why = options.demo ? "--demo checks nobody who calls"
                                   : "TLS is not there yet (a proxy on this machine can have it)";
    return tl::unexpected(Failure{
        Exit::usage,
        fmt::format("MF-4241: {}, so it listens on loopback only (127.0.0.1 or ::1)", why)});
  }
  return {};
}

// Null where nobody is checked.
tl::expected<std::unique_ptr<trust::Gate>, Failure> gate_of(const Options& options) {
  if (options.trust.empty()) {
    return nullptr;
  }
  const auto read = [](const std::string& path) { return read_input(path, most_trust_bytes); };
  const auto folder = std::filesystem::path(options.trust).parent_path();
  return read(options.trust)
      .and_then([&](const std::string& text) {
        return trust::read_site(
            text, [&](const std::string& path) { return read((folder / path).string()); });
      })
      .map([](trust::Site&& site) { return std::make_unique<trust::Gate>(std::move(site)); });
}

tl::expected<void, Failure> check_address(const std::string& option, const std::string& address) {
  const bool good =
      address.empty() || address.starts_with("https://") || address.starts_with("http://");
  if (!good) {
    return tl::unexpected(Failure{
        Exit::usage, fmt::format("MF-4242: {} wants an absolute address (https://...)", option)});
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

// The signals that end the service come to this thread alone, and only when it waits for them.
sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

std::string base_of(const Options& options, std::uint16_t port) {
  const bool v6 = options.host.find(':') != std::string::npos;
  return v6 ? fmt::format("http://[{}]:{}", options.host, port)
            : fmt::format("http://{}:{}", options.host, port);
}

// A refused token, for who has to find out why. Never the token.
std::string denied_line(const std::string& request, std::string_view why) {
  return fmt::format(R"({{"time":"{}","request":"{}","denied":"{}"}})",
                     fhir::instant_text(system_now()), request, why);
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

Exit run_until_told(http::Server& server, const sigset_t& signals) {
  int signal = 0;
  sigwait(&signals, &signal);
  if (server.stop()) {
    return Exit::done;
  }
  say("MF-4245: a request did not end in time and was cut off");
  // A handler still runs; waiting for it is what the time limit excludes.
  std::_Exit(static_cast<int>(Exit::outside));
}

Exit serve(const Options& options) {
  for (const auto& checked :
       {may_listen(options), check_address("--intake-link", options.cards.intake_link),
        check_address("--summary-app", options.cards.summary_app)}) {
    if (!checked) {
      return fail(checked.error());
    }
  }
  auto knowledge = load(options.knowledge);
  if (!knowledge) {
    return fail(knowledge.error());
  }
  const auto fixed = instant(options.clock);
  if (!fixed) {
    return fail(fixed.error());
  }
  const auto gate = gate_of(options);
  if (!gate) {
    return fail(gate.error());
  }
  const auto signals = ending_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread begins, which inherit it

  const Assessor assessor(*std::move(knowledge));
  const cds::Service service(assessor, options.cards);
  const bool is_fixed = !options.clock.now.empty();
  allow_connections();
  sidecar::LineLog log(STDERR_FILENO);
  http::ServerOptions listening;
  listening.host = options.host;
  listening.port = options.port;
  auto& workers = listening.limits.workers;
  workers = std::max(workers, std::thread::hardware_concurrency());
  listening.log = [&log](const http::Access& access) { log.write(access_line(access)); };
  auto server = http::Server::start(
      [&](std::uint16_t port) {
        return sidecar::routes({assessor, service, gate->get(),
                                [&log](const std::string& request, std::string_view why) {
                                  log.write(denied_line(request, why));
                                },
                                [is_fixed, now = *fixed] { return is_fixed ? now : system_now(); },
                                MYOFLAG_VERSION, *gate ? (*gate)->base() : base_of(options, port)});
      },
      std::move(listening));
  if (!server) {
    return fail(server.error());
  }
  welcome(base_of(options, (*server)->port()), options.demo);
  return run_until_told(**server, signals);
}

}  // namespace

void add_serve(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("serve", "Answers an EHR over CDS Hooks, until SIGTERM or Ctrl-C");
  command->add_option("--port", options->port, "Port; 0 takes any free one")->capture_default_str();
  command->add_option("--host", options->host, "Address to listen on")->capture_default_str();
  auto* demo =
      command->add_flag("--demo", options->demo,
                        "Without checking who calls: for this machine alone, never near patients");
  command
      ->add_option("--trust", options->trust,
                   "JSON file with the clients that may call and their public keys")
      ->excludes(demo);
  command->add_option("--intake-link", options->cards.intake_link,
                      "Address of the intake form; cards before a visit then offer it");
  command->add_option("--summary-app", options->cards.summary_app,
                      "Launch address of the SMART app with the summary; cards then link to it");
  add_knowledge_options(*command, options->knowledge);
  add_clock(*command, options->clock);
  command->footer(
      "Example:\n"
      "  myoflag serve --demo --port 8080\n"
      "  curl http://127.0.0.1:8080/cds-services\n\n"
      "Without --trust there is no other mode than --demo. TLS is not there yet, so both listen "
      "on\n"
      "loopback only; docs/cds-hooks.md has the form of the file.");
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
