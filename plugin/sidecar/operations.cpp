#include "plugin/sidecar/operations.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "plugin/http/problem.h"
#include "plugin/mapping/bundle.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/intake.h"
#include "plugin/sidecar/negotiate.h"

namespace myoflag::sidecar {
namespace {

using fhir::Issue;
using fhir::Issues;
using fhir::Json;
using fhir::Severity;
using http::Request;
using http::Response;

constexpr std::size_t input_bytes = 4u << 20;  // as a CDS Hooks call: a record comes along
constexpr std::string_view response_type = "QuestionnaireResponse";

Issue issue(Severity severity, std::string type, std::string code, std::string text,
            std::string place = {}) {
  return {severity, std::move(type), std::move(code), std::move(text), std::move(place), {}};
}

struct Refused {
  int status = 400;
  Issues issues;
};

tl::unexpected<Refused> refused(int status, Issue one) {
  return tl::unexpected(Refused{status, {std::move(one)}});
}

// ---- what comes in

struct Operation {
  std::string_view parameter;             // of the resource
  std::vector<std::string_view> types;    // that it may have
  std::vector<std::string_view> further;  // parameters beside it that are understood
};

const Operation& validation() {
  static const Operation one{"resource", {response_type}, {"mode"}};
  return one;
}
const Operation& extraction() {
  static const Operation one{"questionnaire-response", {response_type}, {"questionnaire"}};
  return one;
}
const Operation& assessment() {
  static const Operation one{"input", {response_type, "Bundle"}, {}};
  return one;
}

struct Input {
  Json resource;
  Issues notices;       // what was mended on the way in
  Json::Array further;  // the other parameters
};

bool contains(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Takes the resource out of the parameters. Whatever is not understood refuses the call: it may
// have been meant to change the outcome.
tl::expected<void, Refused> unwrap(const Operation& operation, Input& input) {
  const Json parameters = std::move(input.resource);
  input.resource = {};
  std::vector<std::string_view> seen;
  std::size_t index = 0;
  for (const auto& parameter : parameters.array_of("parameter")) {
    const auto place = fmt::format("Parameters.parameter[{}]", index++);
    const auto name = parameter.string_of("name");
    const bool is_main = name == operation.parameter;
    if (!is_main && !contains(operation.further, name)) {
      return refused(400, issue(Severity::error, "not-supported", "MF-4152",
                                "A parameter of this name is not understood here.", place));
    }
    if (contains(seen, name)) {
      return refused(400, issue(Severity::error, "structure", "MF-4152",
                                "A parameter of this name stands there twice.", place));
    }
    seen.push_back(name);
    const auto* resource = parameter.find("resource");
    if (!is_main) {
      input.further.push_back(parameter);
    } else if (resource != nullptr) {
      input.resource = *resource;
    }
  }
  return {};
}

tl::expected<Input, Refused> read_input(const Operation& operation, const Request& request) {
  const auto type = http::media_type(http::field_of(request.fields, "content-type"));
  fhir::Limits limits;
  limits.bytes = input_bytes;
  auto read = mapping::read_resource(request.body, type.find("xml") != std::string::npos, limits);
  if (!read) {
    return refused(400, fhir::to_issue(read.error()));
  }
  Input input{std::move(read->json), std::move(read->notices), {}};
  if (input.resource.string_of("resourceType") == "Parameters") {
    if (auto unwrapped = unwrap(operation, input); !unwrapped) {
      return tl::unexpected(std::move(unwrapped.error()));
    }
  }
  if (!contains(operation.types, input.resource.string_of("resourceType"))) {
    return refused(400,
                   issue(Severity::error, "structure", "MF-4151",
                         fmt::format("Neither a {} nor Parameters with \"{}\".",
                                     fmt::join(operation.types, " or "), operation.parameter)));
  }
  return input;
}

AssessOptions options_of(const Parts& parts) {
  AssessOptions options;
  options.now = parts.now();
  return options;
}

void append(Issues& to, Issues from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// ---- what goes out

Response outcome(const Request& request, int status, const Issues& issues) {
  return fhir_response(request, status, fhir::operation_outcome(issues));
}

// Two parameters may come out, so they come as Parameters, also when one is missing.
Response result(const Request& request, Json returned, const Issues& issues) {
  Json list = Json::array();
  if (!returned.is_null()) {
    list.push(Json::object({{"name", "return"}, {"resource", std::move(returned)}}));
  }
  if (!issues.empty()) {
    list.push(Json::object({{"name", "issues"}, {"resource", fhir::operation_outcome(issues)}}));
  }
  Json parameters = Json::object({{"resourceType", "Parameters"}});
  parameters.set_if("parameter", std::move(list));
  return fhir_response(request, 200, parameters);
}

// ---- $validate

// Validating for a deletion would look at the record, which is not ours.
tl::expected<void, Refused> check_mode(const Json::Array& parameters) {
  for (const auto& parameter : parameters) {
    const auto mode = parameter.string_of("valueCode");
    if (mode != "create" && mode != "update") {
      return refused(422, issue(Severity::error, "not-supported", "MF-4152",
                                "A response is validated for create and for update."));
    }
  }
  return {};
}

Response validate(const Parts& parts, const Request& request) {
  auto input = read_input(validation(), request);
  if (!input) {
    return outcome(request, input.error().status, input.error().issues);
  }
  if (const auto checked = check_mode(input->further); !checked) {
    return outcome(request, checked.error().status, checked.error().issues);
  }
  AssessOptions options = options_of(parts);
  options.syntax = Syntax::json;
  Issues issues = std::move(input->notices);
  append(issues, parts.serving.get()->assessor.check(fhir::write_json(input->resource), options));
  return outcome(request, 200, issues);
}

// ---- $assess

Response assess(const Parts& parts, const Request& request) {
  auto input = read_input(assessment(), request);
  if (!input) {
    return outcome(request, input.error().status, input.error().issues);
  }
  const auto serving = parts.serving.get();
  auto assessed = serving->assessor.assess_resource(std::move(input->resource), options_of(parts));
  if (!assessed) {
    return outcome(request, 422, assessed.error());
  }
  Issues issues = std::move(input->notices);
  append(issues, std::move(assessed->warnings));
  return result(
      request,
      mapping::transaction_bundle(assessed->assessment, assessed->response, assessed->record),
      issues);
}

// ---- $extract

tl::expected<void, Refused> check_form(const Json& ours, const Json::Array& parameters) {
  for (const auto& parameter : parameters) {
    const auto* form = parameter.find("resource");
    const bool is_ours =
        form != nullptr && form->string_of("resourceType") == "Questionnaire" &&
        form->string_of("url") == ours.string_of("url") &&
        (!form->has("version") || form->string_of("version") == ours.string_of("version"));
    if (!is_ours) {
      return refused(422, issue(Severity::error, "not-supported", "MF-4153",
                                "Responses to our own form are extracted, and to no other."));
    }
  }
  return {};
}

// Of a response without an id, its identifier is what others can know it by.
void name_source(const Json& response, Json& observation) {
  if (!response.string_of("id").empty()) {
    return;
  }
  if (const auto* identifier = response.find("identifier"); identifier != nullptr) {
    observation.set(
        "derivedFrom",
        Json::array({Json::object({{"type", response_type}, {"identifier", *identifier}})}));
  } else {
    observation.erase("derivedFrom");
  }
}

// The answers alone: Observations whose code is a question's.
Json extracted(const rules::Knowledge& knowledge, const Assessed& assessed) {
  mapping::BundleOptions options;
  options.with_document = false;
  if (const auto id = assessed.response.string_of("id"); !id.empty()) {
    options.held_response = fmt::format("{}/{}", response_type, id);
  }
  const auto whole =
      mapping::transaction_bundle(assessed.assessment, assessed.response, assessed.record, options);
  const auto questions = mapping::question_system(knowledge);
  Json entries = Json::array();
  for (const auto& entry : whole.array_of("entry")) {
    const Json& resource = *entry.find("resource");
    const auto* code = resource.find("code");
    const bool is_answer = resource.string_of("resourceType") == "Observation" &&
                           !code->array_of("coding").empty() &&
                           code->array_of("coding").front().string_of("system") == questions;
    if (is_answer) {
      Json copy = entry;
      name_source(assessed.response, *copy.find("resource"));
      entries.push(std::move(copy));
    }
  }
  if (entries.is_empty()) {
    return {};
  }
  return Json::object(
      {{"resourceType", "Bundle"}, {"type", "transaction"}, {"entry", std::move(entries)}});
}

bool is_unanswered(const Issues& issues) {
  return issues.size() == 1 && issues.front().code == nothing_answered;
}

Issue nothing_to_extract() {
  return issue(Severity::warning, "informational", "MF-4154",
               "No answer of the response becomes an Observation.");
}

Response extract(const Parts& parts, const Request& request) {
  auto input = read_input(extraction(), request);
  if (!input) {
    return outcome(request, input.error().status, input.error().issues);
  }
  const auto serving = parts.serving.get();
  const auto& assessor = serving->assessor;
  if (const auto checked = check_form(assessor.questionnaire(), input->further); !checked) {
    return outcome(request, checked.error().status, checked.error().issues);
  }
  Issues issues = std::move(input->notices);
  const auto assessed = assessor.assess_resource(std::move(input->resource), options_of(parts));
  if (!assessed && !is_unanswered(assessed.error())) {
    return outcome(request, 422, assessed.error());
  }
  Json bundle = assessed ? extracted(*assessor.knowledge(), *assessed) : Json();
  if (assessed) {
    append(issues, assessed->warnings);
  }
  if (bundle.is_null()) {
    issues.push_back(nothing_to_extract());
  }
  return result(request, std::move(bundle), issues);
}

// ---- what they are

std::string assess_url(const rules::Knowledge& knowledge) {
  return knowledge.canonical + "/OperationDefinition/assess";
}

Json parameter(std::string_view name, std::string_view use, int min, std::string_view type,
               std::string_view documentation) {
  return Json::object({{"name", name},
                       {"use", use},
                       {"min", min},
                       {"max", "1"},
                       {"documentation", documentation},
                       {"type", type}});
}

Json operation(std::string_view name, std::string_view definition) {
  return Json::object({{"name", name}, {"definition", definition}});
}

Response read_definition(const Parts& parts, const Request& request) {
  const Json definition =
      assess_definition(*parts.serving.get()->assessor.knowledge(), parts.version);
  if (request.parameters.find("id")->second != definition.string_of("id")) {
    return outcome(request, 404,
                   {issue(Severity::error, "not-found", "MF-4155",
                          "There is no OperationDefinition of this id.")});
  }
  return fhir_response(request, 200, definition);
}

}  // namespace

Json assess_definition(const rules::Knowledge& knowledge, std::string_view version) {
  return Json::object(
      {{"resourceType", "OperationDefinition"},
       {"id", "assess"},
       {"url", assess_url(knowledge)},
       {"version", version},
       {"name", "Assess"},
       {"title", "Assess a questionnaire response"},
       {"status", knowledge.status},
       {"kind", "operation"},
       {"date", knowledge.date},
       {"description",
        "Holds one QuestionnaireResponse, alone or in a Bundle with the patient's record, against "
        "the red flags. Nothing is stored and nothing is sent."},
       {"affectsState", false},
       {"code", "assess"},
       {"comment",
        "The result is a transaction, because that is what a client does with it: post it to a "
        "record as it is, as often as it likes, for every entry is conditional. It holds the "
        "answers, the flags, the urgency tier, the proposals, and as a document the explanation "
        "and the whole assessment as JSON. Findings about the input stand beside it, so it comes "
        "inside Parameters."},
       {"system", true},
       {"type", false},
       {"instance", false},
       {"parameter",
        Json::array({parameter("input", "in", 1, "Resource",
                               "A QuestionnaireResponse to our form, or a Bundle with exactly one "
                               "and the record. Also alone as the body."),
                     parameter("return", "out", 1, "Bundle", "A transaction"),
                     parameter("issues", "out", 0, "OperationOutcome",
                               "What was tolerated in the input")})}});
}

Json system_operations(const rules::Knowledge& knowledge) {
  return Json::array({operation("assess", assess_url(knowledge))});
}

Json response_operations() {
  return Json::array(
      {operation("validate", "http://hl7.org/fhir/OperationDefinition/Resource-validate"),
       operation("extract",
                 "http://hl7.org/fhir/uv/sdc/OperationDefinition/QuestionnaireResponse-extract")});
}

void add_operations(http::Router& router, const Parts& parts) {
  using Handler = Response (*)(const Parts&, const Request&);
  const auto post = [&](std::string pattern, std::string summary, Handler handler) {
    router.add({"POST",
                std::move(pattern),
                std::move(summary),
                [parts, handler](const Request& request) { return handler(parts, request); },
                {"application/fhir+json", "application/json", "application/fhir+xml",
                 "application/xml", "text/xml"},
                input_bytes,
                {},
                admission(parts)});
  };
  post("/fhir/QuestionnaireResponse/$validate", "what is wrong with a response", validate);
  post("/fhir/QuestionnaireResponse/$extract", "the answers as Observations", extract);
  post("/fhir/$assess", "a response, judged", assess);
  router.add({"GET",
              "/fhir/OperationDefinition/{id}",
              "what $assess takes and gives",
              [parts](const Request& request) { return read_definition(parts, request); },
              {},
              0,
              {},
              nullptr});
}

}  // namespace myoflag::sidecar
