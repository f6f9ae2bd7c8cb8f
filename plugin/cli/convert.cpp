// myoflag convert: FHIR JSON to XML and back.
#include "fhir/convert.h"

#include <memory>

#include <CLI/CLI.hpp>

#include "fhir/xml.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/issues.h"
#include "plugin/cli/options.h"

namespace myoflag::cli {
namespace {

struct Options {
  InputOptions input;
  std::string to;  // empty: the other form
};

Exit refuse(const Options& options, const fhir::Error& error) {
  say(issue_lines(options.input.file, {fhir::to_issue(error)}));
  return Exit::rejected;
}

std::string pretty(const fhir::Json& json) {
  return fhir::write_json(json, fhir::JsonStyle::pretty);
}

// Nothing where the output can hold the resource.
fhir::Issues problems(const fhir::Json& resource, bool to_xml) {
  return to_xml ? fhir::check_shape_for_xml(resource) : fhir::check_shape(resource);
}

Exit from_json(const Options& options, std::string_view bytes, bool to_xml) {
  const auto json = fhir::read_json(bytes, limits_for(options.input));
  if (!json) {
    return refuse(options, json.error());
  }
  if (const auto issues = problems(*json, to_xml); !issues.empty()) {
    say(issue_lines(options.input.file, issues));
    return Exit::rejected;
  }
  return write_output(to_xml ? fhir::write_xml(*json) : pretty(fhir::in_definition_order(*json)));
}

Exit from_xml(const Options& options, std::string_view bytes, bool to_xml) {
  const auto converted = fhir::xml_to_json(bytes, limits_for(options.input));
  if (!converted) {
    return refuse(options, converted.error());
  }
  if (const auto issues = problems(converted->resource, to_xml); !issues.empty()) {
    say(issue_lines(options.input.file, issues));
    return Exit::rejected;
  }
  const auto out = to_xml ? fhir::write_xml(converted->resource) : pretty(converted->resource);
  if (!converted->notices.empty()) {
    say(issue_lines(options.input.file, converted->notices));
  }
  return write_output(out);
}

Exit convert(const Options& options) {
  const auto bytes = read_input(options.input.file, options.input.max_bytes);
  if (!bytes) {
    return fail(bytes.error());
  }
  const bool xml = fhir::looks_like_xml(*bytes);
  const bool to_xml = options.to.empty() ? !xml : options.to == "xml";
  return xml ? from_xml(options, *bytes, to_xml) : from_json(options, *bytes, to_xml);
}

}  // namespace

void add_convert(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("convert", "FHIR JSON to XML and back, any R4 resource, nothing lost");
  add_input(*command, options->input);
  command->add_option("--to", options->to, "json or xml; default: the other form")
      ->check(CLI::IsMember({"json", "xml"}));
  command->footer(
      "Example:\n  myoflag convert patient.json > patient.xml\n\n"
      "Comments and processing instructions of XML have no place in JSON: they are dropped, and a\n"
      "note on standard error says so.");
  command->callback([options, &run] { run = [options] { return convert(*options); }; });
}

}  // namespace myoflag::cli
