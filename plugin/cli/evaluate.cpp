// myoflag evaluate: one response, with or without the patient's record.
#include <memory>

#include <CLI/CLI.hpp>

#include "fhir/convert.h"
#include "plugin/assess.h"
#include "plugin/cds/service.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/issues.h"
#include "plugin/cli/options.h"
#include "plugin/mapping/assessment_json.h"
#include "plugin/mapping/bundle.h"
#include "rules/explain.h"
#include "rules/languages.h"

namespace myoflag::cli {
namespace {

struct Options {
  CaseOptions given;
  Colour colour = Colour::automatic;
  std::string format = "text";
  bool all = false;
  bool patient = false;
};

tl::expected<std::string, Failure> bundle(const Options& options, const Assessed& assessed) {
  if (const auto problem =
          mapping::missing_subject(assessed.assessment, assessed.response, assessed.record)) {
    return tl::unexpected(
        Failure{Exit::rejected, first_issue_lines(options.given.input.file, {*problem})});
  }
  const fhir::Json json =
      mapping::transaction_bundle(assessed.assessment, assessed.response, assessed.record);
  if (options.format == "bundle") {
    return fhir::write_json(json, fhir::JsonStyle::pretty);
  }
  auto text = fhir::json_to_xml(json);
  if (!text) {
    return tl::unexpected(
        Failure{Exit::rejected,
                first_issue_lines(options.given.input.file, {fhir::to_issue(text.error())})});
  }
  return std::move(*text);
}

// In the language that is asked for; else in that of the response, where it is one of ours.
tl::expected<rules::PatientText, Failure> patient_text(const Options& options,
                                                       const rules::Assessment& assessment) {
  const rules::Knowledge& knowledge = *assessment.knowledge;
  const std::string& tag = options.given.knowledge.language;
  tl::expected<const rules::Language*, Failure> language =
      rules::language_of(knowledge, assessment.input->response.language);
  if (!tag.empty()) {
    language = find_language(knowledge, tag);
  }
  return language.map(
      [&](const rules::Language* one) { return rules::explain_for_patient(assessment, one); });
}

tl::expected<std::string, Failure> output(const Options& options, const Assessor& assessor,
                                          const Assessed& assessed, rules::Instant now) {
  const rules::Assessment& assessment = assessed.assessment;
  if (options.format == "assessment") {
    return fhir::write_json(mapping::assessment_json(assessment, options.all),
                            fhir::JsonStyle::pretty);
  }
  if (options.format == "bundle" || options.format == "bundle-xml") {
    return bundle(options, assessed);
  }
  if (options.format == "cards") {
    return fhir::write_json(cds::cards_of(assessor, assessed, now), fhir::JsonStyle::pretty);
  }
  const Screen where = screen(options.colour);
  if (options.patient) {
    return patient_text(options, assessment).map([&](const rules::PatientText& text) {
      return draw(text, assessment.tier, where);
    });
  }
  return draw(rules::explain_for_clinician(assessment, {options.all}), where);
}

Exit evaluate(const Options& options) {
  const auto open = open_case(options.given);
  if (!open) {
    return fail(open.error());
  }
  const auto assessed = open->assessor.assess(open->bytes, open->how);
  if (!assessed) {
    say(first_issue_lines(options.given.input.file, assessed.error()));
    return Exit::rejected;
  }
  const auto out = output(options, open->assessor, *assessed, open->how.now);
  if (!out) {
    say(out.error().text);
    return out.error().exit;
  }
  if (!assessed->warnings.empty()) {
    say(first_issue_lines(options.given.input.file, assessed->warnings));
  }
  return write_output(*out);
}

}  // namespace

void add_evaluate(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "evaluate", "Judges one QuestionnaireResponse, or a Bundle with it and the patient's record");
  add_case(*command, options->given, Sentences::any);
  command
      ->add_option("--format", options->format,
                   "text: the explanation for a clinician; assessment: JSON for programs; bundle, "
                   "bundle-xml: a FHIR transaction; cards: what a CDS Hooks client would show")
      ->check(CLI::IsMember({"text", "assessment", "bundle", "bundle-xml", "cards"}))
      ->capture_default_str();
  command->add_flag("--all", options->all, "Nothing shortened; also what is excluded");
  command->add_flag("--patient", options->patient, "What the patient is told (with --format text)");
  add_colour(*command, options->colour);
  command->footer(
      "Examples:\n"
      "  myoflag evaluate response.json\n"
      "  myoflag evaluate bundle.xml --format bundle --now 2026-11-22T09:00:00Z\n"
      "  cat response.json | myoflag evaluate --patient --lang es\n\n"
      "An input that is refused gives exit code 1, the reasons on standard error, and nothing on\n"
      "standard output; `myoflag check --format outcome` gives them as an OperationOutcome.");
  command->callback([options, &run] {
    if (options->patient && options->format != "text") {
      throw CLI::ValidationError("--patient", "goes with --format text only");
    }
    const std::string& language = options->given.knowledge.language;
    if (!language.empty() && language != "en" && !options->patient) {
      throw CLI::ValidationError("--lang", "goes with --patient; for clinicians there is English");
    }
    run = [options] { return evaluate(*options); };
  });
}

}  // namespace myoflag::cli
