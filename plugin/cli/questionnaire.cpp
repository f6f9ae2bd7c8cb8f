// myoflag questionnaire: the form as FHIR has it.
#include "plugin/mapping/questionnaire.h"

#include <memory>

#include <CLI/CLI.hpp>

#include "fhir/convert.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/issues.h"
#include "plugin/cli/options.h"
#include "plugin/cli/published.h"

namespace myoflag::cli {
namespace {

struct Options {
  KnowledgeOptions knowledge;
  std::string format = "json";
};

Exit print(const Options& options) {
  const auto knowledge = load_publishable(options.knowledge);
  if (!knowledge) {
    return fail(knowledge.error());
  }
  const auto language = find_language(**knowledge, options.knowledge.language);
  if (!language) {
    return fail(language.error());
  }
  const fhir::Json form = mapping::questionnaire_resource(**knowledge, *language);
  if (options.format == "json") {
    return write_output(fhir::write_json(form, fhir::JsonStyle::pretty));
  }
  const auto xml = fhir::json_to_xml(form);
  if (!xml) {
    say(issue_lines("questionnaire", {fhir::to_issue(xml.error())}));
    return Exit::usage;
  }
  return write_output(*xml);
}

}  // namespace

void add_questionnaire(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("questionnaire", "Prints the FHIR Questionnaire");
  add_knowledge_options(*command, options->knowledge, Sentences::any);
  command->add_option("--format", options->format, "json or xml")
      ->check(CLI::IsMember({"json", "xml"}))
      ->capture_default_str();
  command->footer(
      "Examples:\n  myoflag questionnaire --format xml > form.xml\n  myoflag questionnaire --lang "
      "es");
  command->callback([options, &run] { run = [options] { return print(*options); }; });
}

}  // namespace myoflag::cli
