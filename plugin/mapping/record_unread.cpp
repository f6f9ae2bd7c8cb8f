#include "plugin/mapping/record_unread.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "fhir/datetime.h"
#include "plugin/mapping/record_dates.h"
#include "plugin/mapping/record_status.h"
#include "plugin/mapping/record_values.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;

struct Part {
  const RecordResource* resource = nullptr;
  const Json* json = nullptr;
  std::optional<fhir::DateTime> date;
};

// A panel says what its members say.
bool is_panel(const Json& observation) {
  return !has_value_inside(observation) && observation.has("hasMember");
}

std::vector<Part> parts_of(const RecordResource& resource) {
  const auto date = fhir::parse_date_time(effective_text(resource.json));
  std::vector<Part> parts;
  for (const auto& component : resource.json.array_of("component")) {
    if (has_own_value(component)) {
      parts.push_back({&resource, &component, date});
    }
  }
  if (has_own_value(resource.json) || (parts.empty() && !is_panel(resource.json))) {
    parts.push_back({&resource, &resource.json, date});
  }
  return parts;
}

bool is_laboratory_value(const ConceptIndex& index, const Json& part) {
  const auto meaning = index.read_member(part, "code").meaning;
  return !meaning.labs.empty() || (!meaning.other_labs.empty() && has_own_value(part));
}

// The whole may be marked for its parts.
bool is_harmless(const Part& part) {
  const auto& whole = part.resource->json;
  const bool is_normal = is_marked_normal(*part.json);
  const auto is_marked = [](const Json& one) {
    return is_marked_abnormal(one) || has_unread_mark(one);
  };
  return !has_note(whole) &&
         (is_normal || (is_sign_or_habit(whole) && !is_marked(*part.json) && !is_marked(whole)));
}

// Empty: another one does not replace it.
std::string replaceable_as(const Part& part) {
  return is_laboratory(part.resource->json) && part.json->has("valueQuantity")
             ? concept_key(part.json->find("code"))
             : std::string();
}

class Latest {
 public:
  explicit Latest(rules::Instant now) : now_(now) {}

  void add(const Part& part) {
    const auto name = replaceable_as(part);
    if (!name.empty() && part.date && !is_certainly_future(*part.date, now_) &&
        is_final(part.resource->json)) {
      dates_[name].add(*part.date);
    }
  }
  bool has_later_than(const Part& part) const {
    const auto known = dates_.find(replaceable_as(part));
    return known != dates_.end() && part.date && known->second.is_surpassed(*part.date);
  }

 private:
  rules::Instant now_;
  std::map<std::string, LatestDates> dates_;
};

// Without a date it may be of today.
bool is_later(const Part& a, const Part& b) {
  const auto when = [](const Part& part) {
    return moment_of(effective_text(part.resource->json)).value_or(rules::Instant::max());
  };
  return when(b) < when(a);
}

}  // namespace

std::string result_text(std::string_view name, const Json& part) {
  std::string text = shown(name);
  if (const auto value = value_text(part); !value.empty()) {
    text += (text.empty() ? "" : ": ") + shown(value);
  }
  std::string marks;
  for (const auto& mark : part.array_of("interpretation")) {
    const auto words = words_or_code_of(&mark);
    marks += (marks.empty() || words.empty() ? "" : ", ") + std::string(words);
  }
  return marks.empty() ? text : text + " (" + shown(marks) + ")";
}

std::vector<UnreadResult> unread_results(
    const ConceptIndex& index, const std::vector<const RecordResource*>& observations,
    rules::Instant now, const std::function<bool(const RecordResource&)>& is_told) {
  std::vector<Part> unread;
  Latest latest(now);
  for (const auto* resource : observations) {
    if (is_void(resource->json) || is_survey(resource->json)) {
      continue;
    }
    const bool told = is_told(*resource);
    for (const auto& part : parts_of(*resource)) {
      const bool is_own = part.json == &resource->json;
      if (!(is_own && told) && !is_laboratory_value(index, *part.json)) {
        latest.add(part);
        unread.push_back(part);
      }
    }
  }
  std::erase_if(unread,
                [&](const Part& part) { return is_harmless(part) || latest.has_later_than(part); });
  std::stable_sort(unread.begin(), unread.end(), is_later);
  std::vector<UnreadResult> results;
  for (const auto& part : unread) {
    const auto name = words_or_code_of(part.json->find("code"));
    results.push_back(
        {part.resource, result_text(name.empty() ? part.resource->type : name, *part.json)});
  }
  return results;
}

}  // namespace myoflag::mapping
