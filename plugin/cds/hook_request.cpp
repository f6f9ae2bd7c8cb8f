#include "plugin/cds/hook_request.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "fhir/uuid.h"

namespace myoflag::cds {
namespace {

using fhir::Issue;
using fhir::Issues;
using fhir::Json;

// Beside 20 KB of answers a record may bring some hundred laboratory results.
constexpr fhir::Limits gate{
    .bytes = 4u << 20, .depth = 64, .string_bytes = 1u << 20, .nodes = 500'000};

Issue issue(std::string_view type, std::string_view code, std::string place, std::string text) {
  return {fhir::Severity::error, std::string(type), std::string(code),
          std::move(text),       std::move(place),  {}};
}

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.';
  });
}

// UUIDs of clients come in both cases.
bool is_uuid(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c | 0x20) : c; });
  return fhir::parse_uuid(lower).has_value();
}

bool is_address(std::string_view text) {
  const bool has_scheme = text.starts_with("https://") || text.starts_with("http://");
  return has_scheme &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// Else it could not stand in a header, or would be two.
bool is_token(std::string_view text) {
  constexpr std::size_t most = 64u << 10;
  return text.size() <= most &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// "Practitioner/12" of one of these types; empty when it is none.
std::string_view user_type(std::string_view user) {
  constexpr std::array<std::string_view, 4> types{"Practitioner", "PractitionerRole", "Patient",
                                                  "RelatedPerson"};
  const auto slash = std::min(user.find('/'), user.size());
  const auto type = user.substr(0, slash);
  const bool known = std::find(types.begin(), types.end(), type) != types.end();
  return known && is_id(user.substr(std::min(slash + 1, user.size()))) ? type : "";
}

class Reader {
 public:
  tl::expected<HookRequest, Issues> read(std::string_view body) {
    auto json = fhir::read_json(body, gate);
    if (!json) {
      return tl::unexpected(Issues{fhir::to_issue(json.error())});
    }
    if (!json->is_object()) {
      return tl::unexpected(
          Issues{issue("structure", "MF-4220", {}, "The request is no JSON object.")});
    }
    read_head(*json);
    read_authorization(*json);
    if (auto* context = object(*json, "context", "context", true)) {
      read_context(*context);
    }
    if (auto* prefetch = object(*json, "prefetch", "prefetch", false)) {
      request_.prefetch = std::move(*prefetch);
    } else {
      request_.prefetch = Json::object();
    }
    if (!issues_.empty()) {
      return tl::unexpected(std::move(issues_));
    }
    return std::move(request_);
  }

 private:
  // The string at that name; an issue when it is missing, empty or no string.
  std::string text(const Json& owner, std::string_view name, const std::string& place,
                   bool required) {
    const auto* value = owner.find(name);
    if (value == nullptr) {
      if (required) {
        missing(place);
      }
      return {};
    }
    const auto* text = value->as_string();
    if (text == nullptr || text->empty()) {
      wrong(place, "a string that is not empty");
      return {};
    }
    return *text;
  }

  Json* object(Json& owner, std::string_view name, const std::string& place, bool required) {
    auto* value = owner.find(name);
    if (value != nullptr && value->is_object()) {
      return value;
    }
    if (value != nullptr) {
      wrong(place, "an object");
    } else if (required) {
      missing(place);
    }
    return nullptr;
  }

  void missing(const std::string& place) {
    issues_.push_back(
        issue("required", "MF-4221", place, fmt::format("{} is required here.", place)));
  }

  void wrong(const std::string& place, std::string_view wanted) {
    issues_.push_back(
        issue("value", "MF-4222", place, fmt::format("{} is to be {}.", place, wanted)));
  }

  void read_head(const Json& json) {
    request_.hook = text(json, "hook", "hook", true);
    const bool known = std::find(kHooks.begin(), kHooks.end(), request_.hook) != kHooks.end();
    if (!request_.hook.empty() && !known) {
      issues_.push_back(issue("not-supported", "MF-4223", "hook",
                              "This service does not offer the hook; discovery lists those that "
                              "it does."));
    }
    const auto instance = text(json, "hookInstance", "hookInstance", true);
    if (!instance.empty() && !is_uuid(instance)) {
      wrong("hookInstance", "a UUID");
    }
    request_.fhir_server = text(json, "fhirServer", "fhirServer", json.has("fhirAuthorization"));
    if (!request_.fhir_server.empty() && !is_address(request_.fhir_server)) {
      wrong("fhirServer", "an absolute address");
    }
  }

  void read_authorization(Json& json) {
    auto* given = object(json, "fhirAuthorization", "fhirAuthorization", false);
    if (given == nullptr) {
      return;
    }
    const auto at = [](std::string_view name) { return fmt::format("fhirAuthorization.{}", name); };
    request_.access_token = text(*given, "access_token", at("access_token"), true);
    if (!is_token(request_.access_token)) {
      wrong(at("access_token"), "a token of visible characters without blanks");
    }
    for (const auto* name : {"scope", "subject"}) {
      text(*given, name, at(name), true);
    }
    const auto type = text(*given, "token_type", at("token_type"), true);
    if (!type.empty() && type != "Bearer") {
      wrong(at("token_type"), "\"Bearer\"");
    }
    authorized_patient_ = text(*given, "patient", at("patient"), false);
    const auto* seconds = given->find("expires_in");
    if (seconds == nullptr) {
      missing(at("expires_in"));
    } else if (!seconds->is_number() ||
               seconds->as_number()->text.find_first_not_of("0123456789") != std::string::npos) {
      wrong(at("expires_in"), "a whole number of seconds");
    }
  }

  void read_context(Json& context) {
    read_user(text(context, "userId", "context.userId", true));
    request_.patient_id = id(context, "patientId", true);
    if (!authorized_patient_.empty() && authorized_patient_ != request_.patient_id) {
      issues_.push_back(issue("business-rule", "MF-4224", "fhirAuthorization.patient",
                              "The token is for another patient than the context."));
    }
    request_.encounter_id = id(context, "encounterId", request_.hook == "encounter-start");
    if (request_.hook == "order-select" || request_.hook == "order-sign") {
      if (auto* orders = bundle(context, "draftOrders")) {
        request_.draft_orders = std::move(*orders);
      }
    }
    if (request_.hook == "order-select") {
      read_selections(context);
    }
    if (request_.hook == "appointment-book") {
      read_appointments(context);
    }
  }

  std::string id(const Json& context, std::string_view name, bool required) {
    const auto place = fmt::format("context.{}", name);
    auto value = text(context, name, place, required);
    if (!value.empty() && !is_id(value)) {
      wrong(place, "a FHIR id without its type");
    }
    return value;
  }

  void read_user(std::string_view user) {
    const auto type = user_type(user);
    if (!user.empty() && type.empty()) {
      wrong("context.userId",
            "Practitioner/, PractitionerRole/, Patient/ or RelatedPerson/ with an id");
    }
    request_.reader_is_patient = type == "Patient" || type == "RelatedPerson";
  }

  Json* bundle(Json& context, std::string_view name) {
    const auto place = fmt::format("context.{}", name);
    auto* value = object(context, name, place, true);
    if (value != nullptr && value->string_of("resourceType") != "Bundle") {
      wrong(place, "a Bundle");
      return nullptr;
    }
    return value;
  }

  void read_selections(const Json& context) {
    const auto* selections = context.find("selections");
    const auto* list = selections == nullptr ? nullptr : selections->as_array();
    if (selections == nullptr) {
      missing("context.selections");
    } else if (list == nullptr || !std::all_of(list->begin(), list->end(),
                                               [](const Json& one) { return one.is_string(); })) {
      wrong("context.selections", "a list of references");
    }
  }

  // The page of the hook says a Bundle, its example has a list: both come.
  void read_appointments(Json& context) {
    const auto* given = context.find("appointments");
    if (given == nullptr || !given->is_array()) {
      bundle(context, "appointments");
    }
  }

  HookRequest request_;
  std::string authorized_patient_;  // whom the token is for; empty: not said
  Issues issues_;
};

}  // namespace

tl::expected<HookRequest, Issues> read_hook_request(std::string_view body) {
  return Reader().read(body);
}

}  // namespace myoflag::cds
