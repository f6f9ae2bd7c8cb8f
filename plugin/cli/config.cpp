// myoflag config: the configuration of the sidecar, explained or checked.
#include "plugin/config/config.h"

#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "plugin/cli/commands.h"
#include "plugin/cli/intake_setup.h"
#include "plugin/cli/sidecar_setup.h"

namespace myoflag::cli {
namespace {

Exit check(const std::string& file) {
  auto setup = open_setup(file);
  if (!setup) {
    return fail(setup.error());
  }
  auto problems = setup->problems();
  if (const auto serving = setup->serving(); serving) {
    const auto texts = intake::embedded_texts();
    if (!texts) {
      return fail(texts.error());
    }
    const auto more = language_problems(*setup, *texts, *(*serving)->assessor.knowledge());
    problems.insert(problems.end(), more.begin(), more.end());
  }
  if (!problems.empty()) {
    return fail(failure_of(problems));
  }
  return write_output(fmt::format("{} can be used.\n", file));
}

}  // namespace

void add_config(CLI::App& app, Run& run) {
  auto file = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "config", "Prints the configuration of serve with everything explained, or checks one");
  command->add_option("--check", *file,
                      "Configuration to check, with the files that it names; all problems at once");
  command->footer(
      "Example:\n"
      "  myoflag config > myoflag.yaml\n"
      "  myoflag config --check myoflag.yaml\n"
      "  myoflag serve --config myoflag.yaml");
  command->callback([file, &run] {
    run = [file] {
      return file->empty() ? write_output(config::to_text(config::default_config())) : check(*file);
    };
  });
}

}  // namespace myoflag::cli
