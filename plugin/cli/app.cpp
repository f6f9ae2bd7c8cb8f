#include "plugin/cli/app.h"

#include <algorithm>
#include <csignal>
#include <exception>
#include <new>
#include <string>
#include <typeinfo>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "plugin/cli/commands.h"
#include "plugin/safe_text.h"
#include "rules/problem.h"

namespace myoflag::cli {
namespace {

constexpr const char* kAbout =
    "Decision support for muscle twitching: judges the answers of an intake questionnaire and the\n"
    "patient's record (FHIR R4) against red flags. Not a diagnosis; proposals, never orders.";

constexpr const char* kFooter =
    "Examples:\n"
    "  myoflag evaluate response.json            what a clinician should know, and why\n"
    "  myoflag check response.xml                everything that is wrong with a response\n"
    "  myoflag questionnaire > form.json         the FHIR Questionnaire\n"
    "  myoflag batch answers.ndjson -o out       the same for many, one a line\n"
    "  myoflag deliver --store outbox.sqlite     what is on its way to the EHR\n"
    "  myoflag invite --config F list            who was asked to answer the questions\n"
    "  myoflag serve --demo                      answers an EHR over CDS Hooks, and patients\n"
    "\n"
    "Exit codes: 0 done, 1 an input was rejected, 2 usage or configuration, 3 something outside "
    "failed.\n"
    "Error codes are explained in docs/errors.";

// Where a command was to stand, and something else does: the parser says only that one is missing.
// Empty when nothing stands there.
std::string wrong_command(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  if (!chosen.empty()) {
    return wrong_command(*chosen.front());
  }
  const auto given = app.remaining();
  if (app.get_require_subcommand_min() == 0 || given.empty()) {
    return {};
  }
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  std::vector<std::string> names(commands.size());
  std::transform(commands.begin(), commands.end(), names.begin(),
                 [](const CLI::App* command) { return command->get_name(); });
  const std::vector<std::string_view> known(names.begin(), names.end());
  return fmt::format("\"{}\" is not a command of {}{}\nIts commands: {}\n",
                     safe_name(given.front()), app.get_name(),
                     rules::suggestion(given.front(), known), fmt::join(names, ", "));
}

// What the parser has to say: help and version are results, all else is a usage error.
Exit report(const CLI::App& app, const CLI::ParseError& error) {
  std::ostringstream out;
  std::ostringstream err;
  const bool success = error.get_exit_code() == 0;
  app.exit(error, out, err);
  if (success) {
    return write_output(out.str());
  }
  const bool needs_command = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  const std::string wrong = needs_command ? wrong_command(app) : "";
  std::string text = wrong.empty() ? err.str() : wrong + "Run with --help for more information.";
  while (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  say(text);
  return Exit::usage;
}

// Of whatever takes one: an empty value is a variable that was never set, and must not mean the
// default, the root folder, or that nothing was asked for.
void refuse_empty_values(CLI::App& app) {
  const auto check =
      CLI::Validator([](std::string& value) { return value.empty() ? "is empty" : ""; }, "");
  for (CLI::Option* option : app.get_options()) {
    if (option->get_items_expected_max() > 0) {
      option->check(check);
    }
  }
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    refuse_empty_values(*command);
  }
}

Exit parse_and_run(int argc, char** argv) {
  CLI::App app(kAbout, "myoflag");
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("myoflag ") + MYOFLAG_VERSION);
  app.require_subcommand(1);
  Run run;
  add_evaluate(app, run);
  add_check(app, run);
  add_batch(app, run);
  add_questionnaire(app, run);
  add_convert(app, run);
  add_publish(app, run);
  add_deliver(app, run);
  add_feedback(app, run);
  add_invite(app, run);
  add_serve(app, run);
  add_config(app, run);
  add_knowledge(app, run);
  refuse_empty_values(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report(app, error);
  }
  return run();
}

}  // namespace

int run(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error of write(), not a death
  try {
    return static_cast<int>(parse_and_run(argc, argv));
  } catch (const std::bad_alloc&) {
    return static_cast<int>(fail({Exit::outside, "MF-4008: out of memory"}));
  } catch (const std::exception& error) {
    // Not what it says: that may quote the input.
    return static_cast<int>(
        fail({Exit::outside, fmt::format("MF-4009: internal error ({})", typeid(error).name())}));
  }
}

}  // namespace myoflag::cli
