#include "plugin/feedback/request.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "fhir/json.h"
#include "fhir/uuid.h"
#include "plugin/cds/card.h"
#include "plugin/cds/card_policy.h"

namespace myoflag::feedback {
namespace {

using fhir::Issues;
using fhir::Json;

constexpr fhir::Limits gate{
    .bytes = 256u << 10U, .depth = 16, .string_bytes = 64u << 10U, .nodes = 50'000};

// Clients' UUIDs come in both cases; empty when it is none.
std::string uuid_of(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c | 0x20) : c; });
  return fhir::parse_uuid(lower) ? lower : std::string();
}

// Within years that a count of nanoseconds reaches.
std::optional<std::int64_t> moment_of(std::string_view text) {
  const auto read = fhir::parse_instant(text);
  const auto second = read ? fhir::to_sys_seconds(*read) : std::nullopt;
  constexpr int first_year = 2000;
  constexpr int last_year = 2199;
  if (!second || read->year < first_year || read->year > last_year) {
    return std::nullopt;
  }
  return std::chrono::nanoseconds(second->time_since_epoch()).count() + read->nanosecond;
}

class Reader {
 public:
  explicit Reader(const rules::Knowledge& knowledge) : knowledge_(knowledge) {}

  tl::expected<std::vector<Feedback>, Issues> read(std::string_view body) {
    const auto json = fhir::read_json(body, gate);
    if (!json) {
      return tl::unexpected(Issues{fhir::to_issue(json.error())});
    }
    std::vector<Feedback> list;
    for (const auto& one : list_of(*json)) {
      list.push_back(read_one(one, fmt::format("feedback[{}]", list.size())));
    }
    if (!issues_.empty()) {
      return tl::unexpected(std::move(issues_));
    }
    return list;
  }

 private:
  const Json::Array& list_of(const Json& json) {
    const auto& list = json.array_of("feedback");
    if (!json.is_object()) {
      report("structure", "MF-4220", "", "The feedback is no JSON object.");
    } else if (list.empty()) {
      wrong("feedback", "a list that is not empty");
    } else if (list.size() > kMostOfACall) {
      report("too-costly", "MF-4228", "feedback",
             fmt::format("More than {} cards in one call.", kMostOfACall));
    }
    static const Json::Array none;
    return issues_.empty() ? list : none;
  }

  Feedback read_one(const Json& json, const std::string& place) {
    Feedback feedback;
    feedback.card = uuid_of(json.string_of("card"));
    if (feedback.card.empty()) {
      wrong(place + ".card", "the UUID of a card");
    }
    const auto outcome = json.string_of("outcome");
    if (outcome != "accepted" && outcome != "overridden") {
      wrong(place + ".outcome", "\"accepted\" or \"overridden\"");
    }
    const auto at = moment_of(json.string_of("outcomeTimestamp"));
    if (!at) {
      wrong(place + ".outcomeTimestamp", "a moment such as 2026-11-22T09:00:00Z");
    }
    feedback.at = at.value_or(0);
    if (outcome == "accepted") {
      feedback.suggestions = suggestions_of(json, place + ".acceptedSuggestions");
    } else {
      feedback.outcome = Outcome::overridden;
      read_reason(json, place + ".overrideReason", feedback);
    }
    return feedback;
  }

  std::vector<std::string> suggestions_of(const Json& json, const std::string& place) {
    const auto& list = json.array_of("acceptedSuggestions");
    if (list.empty() || list.size() > cds::kSuggestions) {
      wrong(place, fmt::format("a list of 1 to {} suggestions", cds::kSuggestions));
      return {};
    }
    std::vector<std::string> uuids;
    for (const auto& one : list) {
      uuids.push_back(uuid_of(one.string_of("id")));
      if (uuids.back().empty()) {
        wrong(fmt::format("{}[{}].id", place, uuids.size() - 1), "the UUID of a suggestion");
      }
    }
    return uuids;
  }

  // Whatever a client sends as a reason of its own may be about a patient.
  void read_reason(const Json& json, const std::string& place, Feedback& feedback) {
    const auto* given = json.find("overrideReason");
    if (given == nullptr) {
      return;
    }
    const auto* reason = given->find("reason");
    const auto* comment = given->find("userComment");
    if (!given->is_object() || (reason != nullptr && !reason->is_object()) ||
        (comment != nullptr && !comment->is_string())) {
      wrong(place, "an object with a reason (Coding), a userComment (string), or both");
      return;
    }
    feedback.has_comment = comment != nullptr && !comment->as_string()->empty();
    if (reason != nullptr) {
      feedback.reason = code_of(*reason);
    }
  }

  std::string code_of(const Json& reason) const {
    const auto& ours = cds::card_policy().override_reasons;
    const std::string code(reason.string_of("code"));
    const bool is_ours = reason.string_of("system") == cds::override_system(knowledge_) &&
                         std::find(ours.begin(), ours.end(), code) != ours.end();
    return is_ours ? code : std::string(kOtherReason);
  }

  void wrong(const std::string& place, std::string_view wanted) {
    report("value", "MF-4222", place, fmt::format("{} is to be {}.", place, wanted));
  }

  void report(const char* type, const char* code, std::string place, std::string text) {
    issues_.push_back({fhir::Severity::error, type, code, std::move(text), std::move(place), {}});
  }

  const rules::Knowledge& knowledge_;
  Issues issues_;
};

}  // namespace

tl::expected<std::vector<Feedback>, Issues> read_feedback(std::string_view body,
                                                          const rules::Knowledge& knowledge) {
  return Reader(knowledge).read(body);
}

}  // namespace myoflag::feedback
