// myoflag feedback: what clinicians did with cards, by rule.
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "fhir/datetime.h"
#include "fhir/json.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/options.h"
#include "plugin/cli/sidecar_setup.h"
#include "plugin/feedback/report.h"
#include "plugin/safe_text.h"

namespace myoflag::cli {
namespace {

struct Options {
  std::string state;
  std::string since = "2000-01-01";
  std::string format = "text";
  KnowledgeOptions knowledge;
};

// Only `serve` makes one: a mistyped name must not look like clinicians who never answer.
tl::expected<feedback::Store, Failure> open_store(const std::string& folder) {
  const auto file = feedback_file(folder);
  std::error_code error;
  if (!std::filesystem::exists(file, error)) {
    return tl::unexpected(
        Failure{Exit::usage, fmt::format("MF-3108: there is no store {}", safe_name(file))});
  }
  return feedback::Store::open(file);
}

Exit show(const Options& options) {
  const auto day = fhir::parse_date(options.since);
  if (!day || day->precision != fhir::Precision::day) {
    return fail({Exit::usage, "MF-4006: --since wants a day, for example 2026-11-01"});
  }
  const auto knowledge = load(options.knowledge);
  if (!knowledge) {
    return fail(knowledge.error());
  }
  auto store = open_store(options.state);
  if (!store) {
    return fail(store.error());
  }
  const feedback::Day since =
      std::chrono::year(day->year) / std::chrono::month(day->month) / std::chrono::day(day->day);
  const auto report = feedback::report_of(*store, **knowledge, since);
  if (!report) {
    return fail(report.error());
  }
  return write_output(
      options.format == "json"
          ? fhir::write_json(feedback::to_json(*report, **knowledge), fhir::JsonStyle::pretty)
          : safe_text(feedback::to_text(*report, **knowledge)));
}

}  // namespace

void add_feedback(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "feedback",
      "What clinicians did with cards: which rules they follow and which they set aside");
  command->add_option("--state", options->state, "Folder `service.state` of the sidecar")
      ->envname("MYOFLAG_STATE")
      ->required();
  command->add_option("--since", options->since, "Cards first shown on that day or later")
      ->capture_default_str();
  command->add_option("--format", options->format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  add_knowledge_options(*command, options->knowledge);
  command->footer(
      "Example:\n"
      "  myoflag feedback --state /var/lib/myoflag --since 2026-11-01\n\n"
      "Nothing of a patient is in it. The sidecar may run meanwhile.");
  command->callback([options, &run] { run = [options] { return show(*options); }; });
}

}  // namespace myoflag::cli
