// myoflag check: every finding about a response and the record beside it.
#include <memory>

#include <CLI/CLI.hpp>

#include "plugin/cli/commands.h"
#include "plugin/cli/issues.h"
#include "plugin/cli/options.h"

namespace myoflag::cli {
namespace {

struct Options {
  CaseOptions given;
  std::string format = "text";
};

std::string text_of(const std::string& file, const fhir::Issues& issues) {
  return issues.empty() ? safe_name(file) + ": no findings\n" : issue_lines(file, issues);
}

// The input itself is at fault, too large for example: a finding like any other.
Exit refuse(const Failure& failure, const Options& options) {
  if (failure.exit != Exit::rejected) {
    return fail(failure);
  }
  const auto& file = options.given.input.file;
  const auto name = safe_name(file == "-" ? "standard input" : file) + ": ";
  auto words = failure.words();
  words.remove_prefix(words.starts_with(name) ? name.size() : 0);  // it stands before every finding
  const fhir::Issues issues{{fhir::Severity::error,
                             "processing",
                             std::string(failure.code()),
                             std::string(words),
                             {},
                             {}}};
  if (options.format == "outcome") {
    const Exit written =
        write_output(fhir::write_json(fhir::operation_outcome(issues), fhir::JsonStyle::pretty));
    return written == Exit::done ? fail(failure) : written;
  }
  const Exit written = write_output(issue_lines(file, issues));
  return written == Exit::done ? Exit::rejected : written;
}

Exit check(const Options& options) {
  const auto open = open_case(options.given);
  if (!open) {
    return refuse(open.error(), options);
  }
  const fhir::Issues issues = open->assessor.check(open->bytes, open->how);
  const std::string out =
      options.format == "outcome"
          ? fhir::write_json(fhir::operation_outcome(issues), fhir::JsonStyle::pretty)
          : text_of(options.given.input.file, issues);
  const Exit written = write_output(out);
  if (written != Exit::done) {
    return written;
  }
  return fhir::has_errors(issues) ? Exit::rejected : Exit::done;
}

}  // namespace

void add_check(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "check", "Every finding about a response, and about the record beside it in a Bundle");
  add_case(*command, options->given);
  command
      ->add_option("--format", options->format,
                   "text: one line for each finding; outcome: a FHIR OperationOutcome")
      ->check(CLI::IsMember({"text", "outcome"}))
      ->capture_default_str();
  command->footer(
      "Example:\n  myoflag check response.json --format outcome\n\n"
      "The findings are the result and go to standard output: first those about the response, "
      "then\n"
      "warnings about what of the record cannot be used as it stands. Exit code 1 when one is an\n"
      "error.");
  command->callback([options, &run] { run = [options] { return check(*options); }; });
}

}  // namespace myoflag::cli
