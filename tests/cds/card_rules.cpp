#include "tests/cds/card_rules.h"

#include <set>

#include <fmt/format.h>

#include "fhir/structure.h"
#include "fhir/uuid.h"

namespace myoflag::testing {
namespace {

using fhir::Json;

class Checker {
 public:
  std::vector<std::string> check(const Json& response) {
    members(response, {"cards"}, "response");
    const auto* cards = response.find("cards");
    need(cards != nullptr && cards->is_array(), "cards is a list");
    for (const auto& card : response.array_of("cards")) {
      check_card(card);
      no_empty(card, "card");
    }
    return std::move(faults_);
  }

 private:
  void need(bool holds, std::string what) {
    if (!holds) {
      faults_.push_back(std::move(what));
    }
  }

  void members(const Json& object, const std::set<std::string>& known, const std::string& where) {
    need(object.is_object(), where + " is an object");
    if (object.is_object()) {
      for (const auto& member : *object.as_object()) {
        need(known.contains(member.name), where + " has no " + member.name);
      }
    }
  }

  void no_empty(const Json& json, const std::string& where) {
    need(!json.is_empty(), where + " is not empty");
    if (const auto* object = json.as_object()) {
      for (const auto& member : *object) {
        no_empty(member.value, where + "." + member.name);
      }
    }
    for (std::size_t i = 0; json.as_array() != nullptr && i < json.as_array()->size(); ++i) {
      no_empty((*json.as_array())[i], fmt::format("{}[{}]", where, i));
    }
  }

  void text(const Json& object, const char* name, std::size_t most, const std::string& where) {
    const auto value = object.string_of(name);
    need(!value.empty(), where + " has " + name);
    std::size_t units = 0;
    for (const char c : value) {
      const auto byte = static_cast<unsigned char>(c);
      units += (byte & 0xc0) == 0x80 ? 0U : byte >= 0xf0 ? 2U : 1U;
    }
    need(units <= most, fmt::format("{}.{} has at most {} characters", where, name, most));
  }

  void uuid(const Json& object, const std::string& where) {
    const auto value = object.string_of("uuid");
    need(fhir::parse_uuid(value).has_value(), where + " has a uuid");
    need(uuids_.insert(std::string(value)).second, where + " has a uuid of its own");
  }

  void check_card(const Json& card) {
    members(card,
            {"uuid", "summary", "detail", "indicator", "source", "suggestions", "selectionBehavior",
             "overrideReasons", "links"},
            "card");
    uuid(card, "card");
    text(card, "summary", 139, "card");
    need(card.string_of("summary").find('\n') == std::string_view::npos, "summary is one line");
    const auto indicator = card.string_of("indicator");
    need(indicator == "info" || indicator == "warning" || indicator == "critical", "indicator");
    const auto* source = card.find("source");
    need(source != nullptr, "card has a source");
    if (source != nullptr) {
      members(*source, {"label", "url", "icon", "topic"}, "source");
      text(*source, "label", 200, "source");
    }
    need(card.has("suggestions") == card.has("selectionBehavior"), "selectionBehavior");
    need(!card.has("suggestions") || card.string_of("selectionBehavior") == "any", "any");
    for (const auto& suggestion : card.array_of("suggestions")) {
      check_suggestion(suggestion);
    }
    for (const auto& reason : card.array_of("overrideReasons")) {
      members(reason, {"code", "system", "display"}, "reason");
      text(reason, "code", 64, "reason");
      text(reason, "display", 100, "reason");
    }
    for (const auto& link : card.array_of("links")) {
      check_link(link);
    }
  }

  void check_link(const Json& link) {
    members(link, {"label", "url", "type", "appContext"}, "link");
    text(link, "label", 100, "link");
    need(link.string_of("url").starts_with("http"), "link is absolute");
    const auto type = link.string_of("type");
    need(type == "absolute" || type == "smart", "link has a type");
    need(!link.has("appContext") || type == "smart", "appContext only for smart");
  }

  void check_suggestion(const Json& suggestion) {
    members(suggestion, {"label", "uuid", "isRecommended", "actions"}, "suggestion");
    uuid(suggestion, "suggestion");
    text(suggestion, "label", 160, "suggestion");
    need(suggestion.array_of("actions").size() == 1, "one action");
    for (const auto& action : suggestion.array_of("actions")) {
      members(action, {"type", "description", "resource"}, "action");
      need(action.string_of("type") == "create", "creates");
      text(action, "description", 400, "action");
      const auto* resource = action.find("resource");
      need(resource != nullptr, "action has a resource");
      if (resource != nullptr) {
        check_request(*resource);
      }
    }
  }

  void check_request(const Json& request) {
    need(request.string_of("resourceType") == "ServiceRequest", "ServiceRequest");
    need(request.string_of("status") == "draft", "draft");
    need(request.string_of("intent") == "proposal", "proposal");
    need(!request.has("id") && !request.has("identifier"), "the record names it");
    const auto* subject = request.find("subject");
    const auto reference = subject == nullptr ? "" : subject->string_of("reference");
    need(reference.starts_with("Patient/") || reference.starts_with("https://") ||
             (reference.empty() && subject != nullptr && subject->has("identifier")),
         "subject");
    need(fhir::write_json(request).find("urn:uuid") == std::string::npos,
         "refers to nothing that is not there");
    for (const auto& issue : fhir::check_structure(request)) {
      need(false, "ServiceRequest: " + issue.place + ": " + issue.text);
    }
  }

  std::vector<std::string> faults_;
  std::set<std::string> uuids_;
};

}  // namespace

std::vector<std::string> faults_of_cards(const Json& response) { return Checker().check(response); }

}  // namespace myoflag::testing
