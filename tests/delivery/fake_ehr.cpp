#include "tests/delivery/fake_ehr.h"

#include <algorithm>

#include <fmt/format.h>

#include "plugin/delivery/plan.h"

namespace myoflag::delivery {

using fhir::Json;
using fhir::client::Arrival;
using fhir::client::Method;
using fhir::client::Request;
using fhir::client::Response;
using fhir::client::TransportFailure;

namespace {

const std::string base = "https://ehr.example/fhir";

Json refusal(int status, const char* issue) {
  return Json::object(
      {{"status", fmt::format("{}", status)},
       {"outcome",
        Json::object(
            {{"resourceType", "OperationOutcome"},
             {"issue", Json::array({Json::object({{"severity", "error"}, {"code", issue}})})}})}});
}

int status_of(const Json& response) {
  return std::stoi(std::string(response.string_of("status").substr(0, 3)));
}

Response http(const Json& response) {
  Response out{status_of(response), {}, {}};
  if (const Json* outcome = response.find("outcome")) {
    out.body = fhir::write_json(*outcome);
  }
  if (response.has("location")) {
    out.headers.push_back({"Location", base + "/" + std::string(response.string_of("location"))});
  }
  return out;
}

Response said(int status, const Json& body) { return {status, {}, fhir::write_json(body)}; }

}  // namespace

FakeEhr::Answer FakeEhr::send(const Request& request) {
  at_exchange();
  const Fault now = fault(++exchanges);
  const auto broken = tl::unexpected(TransportFailure{"MF-1505", "broke", Arrival::unknown});
  switch (now) {
    case Fault::unavailable:
      return Response{503, {}, ""};
    case Fault::throttled:
      return Response{429, {{"Retry-After", "7"}}, ""};
    case Fault::error_before:
      return Response{500, {}, "<html>Ärger</html>"};
    case Fault::cut:
      return broken;
    default:
      break;
  }
  Response response = answer(request);
  for (; checked_ < stored.size(); ++checked_) {
    check_references(stored[checked_]);
  }
  at_exchange();
  if (now == Fault::lost_answer) {
    return broken;
  }
  if (now == Fault::half_answer) {
    response.body.resize(response.body.size() / 2);
  }
  return now == Fault::error_behind ? Response{502, {}, "bad gateway"} : response;
}

FakeEhr::Answer FakeEhr::download(const Request&, const std::string&) {
  return Response{404, {}, ""};
}

Response FakeEhr::answer(const Request& request) {
  std::string path = request.url.substr(base.size());
  asked.push_back((request.method == Method::get    ? "GET "
                   : request.method == Method::post ? "POST "
                                                    : "PUT ") +
                  path.substr(0, path.find('?')));
  if (auto other = instead ? instead(request) : std::optional<Response>()) {
    return *other;
  }
  if (path == "/metadata") {
    return said(200, statement_);
  }
  const std::string query =
      path.find('?') == std::string::npos ? "" : path.substr(path.find('?') + 1);
  path = path.substr(0, path.find('?'));
  if (request.method == Method::get) {
    return search(path.substr(1), query);
  }
  const auto body = fhir::read_json(request.body);
  if (!body) {
    wrong.push_back("a body that is no JSON");
    return {400, {}, ""};
  }
  if (path.empty()) {
    return together(*body);
  }
  if (request.method == Method::post) {
    return http(create(*body, fhir::client::value_of(request.headers, "If-None-Exist")));
  }
  for (Json& one : stored) {
    if (one.string_of("resourceType") == body->string_of("resourceType") &&
        one.string_of("id") == body->string_of("id")) {
      check_references(*body);
      one = *body;
      return {200, {}, ""};
    }
  }
  return {405, {}, ""};
}

Response FakeEhr::search(std::string_view type, std::string_view query) {
  Json entries = Json::array();
  for (const Json& one : stored) {
    if (one.string_of("resourceType") == type && (ignores_search || answers_to(one, query))) {
      entries.push(Json::object({{"resource", one}}));
    }
  }
  return said(
      200, Json::object(
               {{"resourceType", "Bundle"}, {"type", "searchset"}, {"entry", std::move(entries)}}));
}

std::vector<Json*> FakeEhr::matches(std::string_view type, std::string_view query) {
  std::vector<Json*> out;
  for (Json& one : stored) {
    if (one.string_of("resourceType") == type && answers_to(one, query)) {
      out.push_back(&one);
    }
  }
  return out;
}

bool FakeEhr::takes(std::string_view type, std::string_view interaction,
                    std::string_view condition) const {
  const TypeAbility can = ability_of(statement_).of(type);
  return condition == "conditionalCreate"   ? can.conditional_create
         : condition == "conditionalUpdate" ? can.conditional_update
         : interaction == "create"          ? can.create
                                            : can.update;
}

// What is referred to is there, under the name that this server gave it.
void FakeEhr::check_references(const Json& value) {
  if (const auto* array = value.as_array()) {
    for (const Json& element : *array) {
      check_references(element);
    }
  } else if (const auto* object = value.as_object()) {
    const std::string_view to = value.string_of("reference");
    const std::string_view id = to.substr(std::min(to.find('/'), to.size()));
    const bool is_ours = id.size() > 4 && id.find_first_not_of("/0123456789") == id.npos;
    const bool is_there = std::any_of(stored.begin(), stored.end(), [&](const Json& one) {
      return to == fmt::format("{}/{}", one.string_of("resourceType"), one.string_of("id"));
    });
    if (to.starts_with("urn:") || (is_ours && !is_there)) {
      wrong.push_back(fmt::format("a reference to {}", to));
    }
    for (const auto& member : *object) {
      check_references(member.value);
    }
  }
}

Json FakeEhr::create(Json resource, std::string_view if_none_exist) {
  const std::string type(resource.string_of("resourceType"));
  if (!takes(type, "create", if_none_exist.empty() ? "" : "conditionalCreate")) {
    wrong.push_back("a create that the server does not take: " + type);
    return refusal(404, "not-supported");
  }
  const auto found = if_none_exist.empty() ? std::vector<Json*>() : matches(type, if_none_exist);
  if (found.size() > 1) {
    return refusal(412, "multiple-matches");
  }
  Json response = Json::object({{"status", found.empty() ? "201 Created" : "200 OK"}});
  std::string id =
      found.empty() ? fmt::format("{}", ++next_id_) : std::string(found.front()->string_of("id"));
  if (found.empty()) {
    resource.set("id", id);
    stored.push_back(std::move(resource));
  }
  if (tells_place) {
    response.set("location", fmt::format("{}/{}/_history/1", type, id));
  }
  return response;
}

Json FakeEhr::replace(Json resource, std::string_view query) {
  const std::string type(resource.string_of("resourceType"));
  if (!takes(type, "update", "conditionalUpdate")) {
    wrong.push_back("an update that the server does not take: " + type);
    return refusal(404, "not-supported");
  }
  const auto found = matches(type, query);
  if (found.size() > 1) {
    return refusal(412, "multiple-matches");
  }
  const std::string id =
      found.empty() ? fmt::format("{}", ++next_id_) : std::string(found.front()->string_of("id"));
  resource.set("id", id);
  if (found.empty()) {
    stored.push_back(std::move(resource));
  } else {
    *found.front() = std::move(resource);
  }
  return Json::object({{"status", found.empty() ? "201" : "200"},
                       {"location", fmt::format("{}/{}/_history/2", type, id)}});
}

Response FakeEhr::together(const Json& bundle) {
  const bool is_transaction = bundle.string_of("type") == "transaction";
  const Ability can = ability_of(statement_);
  if (is_transaction ? !can.transaction : !can.batch) {
    wrong.push_back("a bundle that the server does not take");
    return {400, {}, ""};
  }
  const auto before = stored;
  // A transaction knows the ids of all its entries before it writes the first: those that are there
  // already keep theirs.
  Names names;
  int next = next_id_;
  for (const Json& entry : bundle.array_of("entry")) {
    const Json& request = *entry.find("request");
    const std::string type(entry.find("resource")->string_of("resourceType"));
    const std::string_view url = request.string_of("url");
    const auto found = matches(type, request.has("ifNoneExist") ? request.string_of("ifNoneExist")
                                                                : url.substr(url.find('?') + 1));
    if (is_transaction) {
      names.ids[std::string(entry.string_of("fullUrl"))] = fmt::format(
          "{}/{}", type,
          found.empty() ? fmt::format("{}", ++next) : std::string(found.front()->string_of("id")));
    }
  }
  Json answers = Json::array();
  for (const Json& entry : bundle.array_of("entry")) {
    Json resource = *entry.find("resource");
    rename(resource, names);
    const Json& request = *entry.find("request");
    const std::string_view url = request.string_of("url");
    Json response = request.string_of("method") == "PUT"
                        ? replace(std::move(resource), url.substr(url.find('?') + 1))
                        : create(std::move(resource), request.string_of("ifNoneExist"));
    if (is_transaction && status_of(response) >= 300) {
      stored = before;
      return http(response);
    }
    answers.push(Json::object({{"response", std::move(response)}}));
  }
  return said(200,
              Json::object({{"resourceType", "Bundle"},
                            {"type", is_transaction ? "transaction-response" : "batch-response"},
                            {"entry", std::move(answers)}}));
}

Json statement_of(bool transaction, bool batch, const std::vector<std::string>& types) {
  Json interactions = Json::array();
  for (const auto& [has, code] :
       {std::pair(transaction, "transaction"), std::pair(batch, "batch")}) {
    if (has) {
      interactions.push(Json::object({{"code", code}}));
    }
  }
  Json resources = Json::array();
  for (const std::string& text : types) {
    Json resource = Json::object({{"type", text.substr(0, text.find(':'))}});
    Json codes = Json::array();
    std::string rest = text.substr(text.find(':') + 1);
    while (!rest.empty()) {
      const std::string word = rest.substr(0, rest.find(','));
      rest.erase(0, std::min(word.size() + 1, rest.size()));
      if (word.starts_with("conditional")) {
        resource.set(word, true);
      } else {
        codes.push(Json::object({{"code", word}}));
      }
    }
    resource.set("interaction", std::move(codes));
    resources.push(std::move(resource));
  }
  return Json::object({{"resourceType", "CapabilityStatement"},
                       {"rest", Json::array({Json::object({{"mode", "server"},
                                                           {"interaction", interactions},
                                                           {"resource", resources}})})}});
}

Json generous_statement() {
  std::vector<std::string> types;
  for (const char* type : {"Device", "QuestionnaireResponse", "Observation", "ServiceRequest",
                           "DocumentReference", "Provenance", "Communication"}) {
    types.push_back(std::string(type) +
                    ":create,update,search-type,conditionalCreate,conditionalUpdate");
  }
  return statement_of(true, true, types);
}

Json epic_statement() {
  return statement_of(
      false, false,
      {"Observation:create,update,search-type", "QuestionnaireResponse:create,search-type",
       "Questionnaire:read", "ServiceRequest:create,update,search-type",
       "DocumentReference:create,update,search-type", "Communication:create,search-type",
       "Condition:create", "Procedure:create", "Task:update", "Flag:read", "Provenance:read"});
}

Json millennium_statement() {
  return statement_of(
      false, true,
      {"Observation:create,search-type", "QuestionnaireResponse:read,search-type,update",
       "Questionnaire:read", "ServiceRequest:read,search-type",
       "DocumentReference:create,search-type", "Communication:create,search-type",
       "Condition:create", "Procedure:create", "Provenance:create,search-type"});
}

}  // namespace myoflag::delivery
