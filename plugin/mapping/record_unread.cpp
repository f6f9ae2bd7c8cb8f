#include "plugin/mapping/record_unread.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "fhir/answer_value.h"
#include "fhir/datetime.h"
#include "plugin/mapping/record_dates.h"
#include "plugin/mapping/record_status.h"
#include "plugin/mapping/record_values.h"
#include "plugin/mapping/record_words.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;

struct Part {
  const RecordResource* resource = nullptr;
  const Json* json = nullptr;
  Extent extent;
  bool is_current = true;  // nobody is reassured beside it
};

// A panel says what its members say.
bool is_panel(const Json& observation) {
  return !has_value_inside(observation) && observation.has("hasMember");
}

// Words that somebody typed beside a code: a text that is none of the displays.
bool has_typed_text(const Json* one) {
  if (one == nullptr || fhir::is_blank(one->string_of("text"))) {
    return false;
  }
  const auto text = one->string_of("text");
  const auto plain = plain_words(text);
  const auto& codings = one->array_of("coding");
  return std::none_of(codings.begin(), codings.end(), [&](const Json& coding) {
    const auto display = coding.string_of("display");
    return display == text || (!plain.empty() && plain_words(display) == plain);
  });
}

// Why there is no value, in words.
bool has_typed_reason(const Json& part) {
  const auto* reason = part.find("dataAbsentReason");
  return is_typed(reason) || (reason != nullptr && !fhir::is_blank(reason->string_of("text")));
}

bool is_named_alone(const Json& part) {
  return !has_own_value(part) && !part.has("dataAbsentReason");
}

bool has_mark(const rules::Calm& calm, const Json& one) {
  return is_marked_abnormal(calm, one) || has_unread_mark(calm, one);
}

std::vector<Part> parts_of(const rules::Calm& calm, const RecordResource& resource) {
  const auto extent = effective_extent(resource.json);
  const auto says = [](const Json& part) { return has_own_value(part) || has_typed_reason(part); };
  std::vector<Part> parts;
  for (const auto& component : resource.json.array_of("component")) {
    if (says(component) || is_named_alone(component)) {
      parts.push_back({&resource, &component, extent, true});
    }
  }
  const bool is_passed_over = is_panel(resource.json) && !has_mark(calm, resource.json);
  if (says(resource.json) || (parts.empty() && !is_passed_over)) {
    parts.push_back({&resource, &resource.json, extent, true});
  }
  return parts;
}

bool is_laboratory_value(const ConceptIndex& index, const Json& part) {
  const auto meaning = index.read_member(part, "code").meaning;
  return !meaning.labs.empty() || (!meaning.other_labs.empty() && has_own_value(part));
}

bool is_number(const Json& part) {
  constexpr std::array<std::string_view, 5> numbers{"valueQuantity", "valueInteger", "valueRange",
                                                    "valueRatio", "valueSampledData"};
  return std::any_of(numbers.begin(), numbers.end(),
                     [&](std::string_view name) { return part.has(name); });
}

bool is_in_words(const Json& part) {
  const auto* chosen = part.find("valueCodeableConcept");
  return !fhir::is_blank(part.string_of("valueString")) || is_typed(chosen) ||
         has_typed_text(chosen) || has_typed_reason(part);
}

// What the knowledge knows as a condition, a pregnancy or a caution: by the value, or by the name
// beside a plain yes, in whatever words the knowledge has for that.
bool is_of_health(const ConceptIndex& index, const Json& part) {
  const auto* chosen = part.find("valueCodeableConcept");
  if (index.denies_pregnancy(chosen)) {
    return false;
  }
  Named named;
  index.read(chosen, named);
  index.read_text(part.string_of("valueString"), named);
  if (index.pregnancy_answer(part) == PregnancyAnswer::yes) {
    index.read(part.find("code"), named);
  }
  return named.meaning.is_of_health();
}

// A number or a choice beside the name of a condition ("Year of stroke"); a plain no says nothing.
bool is_named_for_health(const ConceptIndex& index, const Json& part) {
  const auto named = index.read_member(part, "code");
  return named.meaning.conditions != 0 && !index.names_instrument(named.name) &&
         index.pregnancy_answer(part) != PregnancyAnswer::no;
}

// Something that only words say: by the value, by the name alone, or by the choice of a value that
// a sign has no number for.
bool says_in_words(const Part& part) {
  const auto& json = *part.json;
  const bool is_chosen = is_sign(part.resource->json) && has_own_value(json);
  return is_in_words(json) || ((is_named_alone(json) || is_chosen) && !is_number(json));
}

// The whole may be marked for its parts.
bool is_marked(const rules::Calm& calm, const Part& part) {
  return has_mark(calm, *part.json) || has_mark(calm, part.resource->json);
}

enum class Weight : std::uint8_t { none, unjudged, told_of_late, told };

// Of a laboratory alone: what else is not found, a reflex or a pulse, may be a sign.
bool is_plain_negative(const ConceptIndex& index, const Part& part) {
  const auto& whole = part.resource->json;
  return is_laboratory(whole) && !has_note(whole) && index.is_negative(*part.json) &&
         index.has_calm_marks(*part.json) && index.has_calm_marks(whole);
}

// A laboratory judges its words, too, unless they say that something was found; words that nobody
// knows are listed all the same. Elsewhere a mark is of a number.
Weight weight_of(const ConceptIndex& index, const Part& part) {
  const auto& whole = part.resource->json;
  const bool is_known = is_of_health(index, *part.json) ||
                        (is_usual(whole) && is_named_for_health(index, *part.json));
  const bool is_normal = is_marked_normal(index.calm(), *part.json) && !is_known &&
                         !index.says_found(*part.json) && !has_mark(index.calm(), whole) &&
                         (is_laboratory(whole) || !is_in_words(*part.json));
  if (is_plain_negative(index, part) && !is_known) {
    return Weight::unjudged;
  }
  if (has_note(whole) || (!is_normal && (!is_usual(whole) || is_marked(index.calm(), part)))) {
    return Weight::told;
  }
  if (is_normal) {
    return index.says_nothing_found(*part.json) ? Weight::none : Weight::unjudged;
  }
  return is_known || says_in_words(part) ? Weight::told_of_late
         : has_own_value(*part.json)     ? Weight::unjudged
                                         : Weight::none;
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
    const auto& first = part.extent.first;
    if (!name.empty() && first && !is_certainly_future(*first, now_) &&
        is_final(part.resource->json)) {
      dates_[name].add(*first);
    }
  }
  bool has_later_than(const Part& part) const {
    const auto known = dates_.find(replaceable_as(part));
    const auto& last = part.extent.last;
    return known != dates_.end() && last && known->second.is_surpassed(*last);
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
  const auto value = value_text(part);
  if (value.empty() && has_typed_reason(part)) {
    text += (text.empty() ? "" : ": ") + shown(words_of(part.find("dataAbsentReason")));
  } else if (!value.empty()) {
    text += (text.empty() ? "" : ": ") + shown(value);
  }
  std::string marks;
  for (const auto& mark : part.array_of("interpretation")) {
    const auto words = words_or_code_of(&mark);
    marks += (marks.empty() || words.empty() ? "" : ", ") + std::string(words);
  }
  return marks.empty() ? text : text + " (" + shown(marks) + ")";
}

namespace {

// A later one first.
std::vector<UnreadResult> in_words(std::vector<Part> parts) {
  std::stable_sort(parts.begin(), parts.end(), is_later);
  std::vector<UnreadResult> results;
  for (const auto& part : parts) {
    const auto name = words_or_code_of(part.json->find("code"));
    auto text = result_text(name.empty() ? part.resource->type : name, *part.json);
    results.push_back({part.resource, std::move(text), part.is_current});
  }
  return results;
}

}  // namespace

UnreadResults unread_results(const ConceptIndex& index,
                             const std::vector<const RecordResource*>& observations,
                             rules::Instant now,
                             const std::function<bool(const RecordResource&)>& is_told,
                             const std::function<bool(const RecordResource&)>& is_too_old) {
  std::vector<Part> unread;
  Latest latest(now);
  for (const auto* resource : observations) {
    if (is_void(resource->json) || index.is_own(resource->json)) {
      continue;
    }
    const bool told = is_told(*resource);
    for (const auto& part : parts_of(index.calm(), *resource)) {
      const bool is_own = part.json == &resource->json;
      if (!(is_own && told) && !is_laboratory_value(index, *part.json)) {
        latest.add(part);
        unread.push_back(part);
      }
    }
  }
  UnreadResults results;
  std::vector<Part> told, unjudged;
  for (auto& part : unread) {
    const auto weight = weight_of(index, part);
    part.is_current = weight == Weight::told || !is_too_old(*part.resource);
    if (weight == Weight::unjudged) {
      if (part.is_current || is_laboratory(part.resource->json)) {
        unjudged.push_back(part);
      }
    } else if (weight != Weight::none && !latest.has_later_than(part)) {
      told.push_back(part);
    }
  }
  results.told = in_words(std::move(told));
  results.unjudged = in_words(std::move(unjudged));
  return results;
}

}  // namespace myoflag::mapping
