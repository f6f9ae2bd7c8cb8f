// myoflag check: every finding about a response.
#include <memory>

#include <CLI/CLI.hpp>

#include "plugin/assess.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/issues.h"
#include "plugin/cli/options.h"

namespace myoflag::cli {
namespace {

struct Options {
  InputOptions input;
  KnowledgeOptions knowledge;
  ClockOptions clock;
  std::string format = "text";
};

std::string text_of(const std::string& file, const fhir::Issues& issues) {
  return issues.empty() ? safe_text(file) + ": no findings\n" : issue_lines(file, issues);
}

Exit check(const Options& options) {
  const auto now = instant(options.clock);
  if (!now) {
    return fail(now.error());
  }
  auto knowledge = load(options.knowledge);
  if (!knowledge) {
    return fail(knowledge.error());
  }
  const auto bytes = read_input(options.input.file, options.input.max_bytes);
  if (!bytes) {
    return fail(bytes.error());
  }
  const Assessor assessor(std::move(*knowledge));
  AssessOptions how;
  how.now = *now;
  how.limits = limits_for(options.input);
  const fhir::Issues issues = assessor.check(*bytes, how);
  const std::string out =
      options.format == "outcome"
          ? fhir::write_json(fhir::operation_outcome(issues), fhir::JsonStyle::pretty)
          : text_of(options.input.file, issues);
  const Exit written = write_output(out);
  if (written != Exit::done) {
    return written;
  }
  return fhir::has_errors(issues) ? Exit::rejected : Exit::done;
}

}  // namespace

void add_check(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("check", "Every finding about a response, or a Bundle with one");
  add_input(*command, options->input);
  add_knowledge_options(*command, options->knowledge);
  add_clock(*command, options->clock);
  command
      ->add_option("--format", options->format,
                   "text: one line for each finding; outcome: a FHIR OperationOutcome")
      ->check(CLI::IsMember({"text", "outcome"}))
      ->capture_default_str();
  command->footer(
      "Example:\n  myoflag check response.json --format outcome\n\n"
      "The findings are the result and go to standard output. Exit code 1 when one is an error.");
  command->callback([options, &run] { run = [options] { return check(*options); }; });
}

}  // namespace myoflag::cli
