#include "plugin/mapping/record_labs.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include "fhir/datetime.h"
#include "fhir/issue.h"
#include "plugin/mapping/lab_risk.h"
#include "plugin/mapping/record_dates.h"
#include "plugin/mapping/record_status.h"
#include "plugin/mapping/record_unread.h"
#include "plugin/mapping/record_values.h"
#include "plugin/mapping/units.h"
#include "rules/texts.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::Instant;
using rules::Lab;
using rules::LabState;
using rules::Number;
using rules::RecordEntry;

// The key of the reason that the resource as a whole was set aside. Why, was said of the resource.
constexpr std::string_view set_aside_reason = "record-lab-set-aside";
constexpr std::string_view other_kind_reason = "record-lab-other-kind";

struct Result {
  const RecordResource* resource = nullptr;
  // Of the sample: the last moment, at least to the day, and the first, empty where nobody knows.
  std::optional<fhir::DateTime> date, first;
  std::optional<Instant> when, issued;
  std::optional<Number> value;
  bool may_lie_further = false;  // only a bound is known, and some limits lie beyond it
  std::string_view problem;      // key of the reason why it is not used
  bool marked_abnormal = false;  // by the laboratory
  bool marked_normal = false;    // by the laboratory, and nothing beside it is unread
  bool has_note = false;         // that nobody has read
  bool several_limits = false;   // the lowest was used
  std::string_view doubt;        // key of what speaks against it, though it is used
  std::string text;              // as the record words it
  std::string name;              // the same, of what was measured; may be empty
  std::string code;              // shown where there is no name

  auto order() const { return std::tie(when, issued, value, text, resource->place); }
};

// What began and goes on lasts until now.
Extent until_now(Extent extent, Instant now) {
  const bool goes_on = !extent.last || is_certainly_future(*extent.last, now);
  if (goes_on && extent.first && !is_certainly_future(*extent.first, now)) {
    extent.last = fhir::parse_date_time(fhir::instant_text(now));
    extent.is_closed = false;
  }
  return extent;
}

bool set_date(const Extent& extent, Result& result) {
  if (!extent.last || extent.last->precision < fhir::Precision::day) {
    return false;
  }
  result.first = extent.first;
  result.date = extent.last;
  result.when = moment_of(*extent.last);
  return true;
}

// The date of the sample, else of the report. The key of what is wrong with it; empty: nothing.
std::string_view read_date(const RecordResource& resource, const Results& reports, Instant now,
                           Result& result) {
  const auto own = until_now(effective_extent(resource.json), now);
  const bool dated = set_date(own, result);
  const auto issued = fhir::parse_date_time(resource.json.string_of("issued"));
  if (!dated && !set_date({{}, issued, issued, true}, result)) {
    set_date(until_now(reports.report_date(resource), now), result);
  }
  if (result.date && is_certainly_future(*result.date, now)) {
    return "record-lab-future";
  }
  return !dated ? "record-lab-undated" : own.is_closed ? "" : "record-lab-lasting";
}

// ---- a value of which only a bound is known

struct Span {
  Number near, far;
};

Span span_of(const LabValue& value) {
  using Bound = LabValue::Bound;
  constexpr Number lowest{std::numeric_limits<std::int64_t>::min()};
  constexpr Number highest{std::numeric_limits<std::int64_t>::max()};
  const Number number = value.number;
  switch (value.bound) {
    case Bound::above:
      return {{std::min(number.nano, highest.nano - 1) + 1}, highest};
    case Bound::at_least:
      return {number, highest};
    case Bound::below:
      return {{std::max(number.nano, lowest.nano + 1) - 1}, lowest};
    case Bound::at_most:
      return {number, lowest};
    case Bound::exact:
      break;
  }
  return {number, number};
}

// The near end stands for all of the span where no limit lies inside it. Where one does, it is
// still used if a rule holds at it, for then it holds for most of the span, and dropping it would
// be calm.
void set_value(const LabRisk& risk, std::size_t lab, const LabValue& value, Result& result) {
  const Span span = span_of(value);
  result.may_lie_further = !risk.same_side(lab, span.near, span.far);
  if (result.may_lie_further && !risk.concerns_a_rule(lab, span.near)) {
    result.problem = reason_key(LabProblem::comparator);
    return;
  }
  result.value = risk.same_side(lab, value.number, span.near) ? value.number : span.near;
}

// A result that may still change, whose sample may be older, or that somebody was asked for, is
// used where a rule looks for such a result: waiting for a better one would be calm.
void settle_doubt(const LabRisk& risk, std::size_t lab, Result& result) {
  if (result.value && !result.doubt.empty() && !risk.concerns_a_rule(lab, *result.value)) {
    result.value.reset();
    result.problem = result.doubt;
  }
}

// What the resource says of the value.
Result described(const rules::Calm& calm, const RecordResource& resource, const Json& part) {
  Result result;
  result.resource = &resource;
  result.issued = moment_of(resource.json.string_of("issued"));
  result.text = shown(value_text(part));
  result.name = shown(words_of(part.find("code")));
  result.code = shown(words_or_code_of(part.find("code")));
  result.marked_abnormal =
      is_marked_abnormal(calm, part) || is_marked_abnormal(calm, resource.json);
  result.has_note = has_note(resource.json);
  result.marked_normal =
      is_marked_normal(calm, part) && !result.has_note && !has_unread_mark(calm, resource.json);
  return result;
}

Result result_of(const rules::Knowledge& knowledge, const LabRisk& risk, std::size_t lab,
                 const RecordResource& resource, const Json& part, const Results& reports,
                 Instant now) {
  Result result = described(knowledge.bindings.calm, resource, part);
  result.doubt = read_date(resource, reports, now, result);
  if (result.doubt.empty() && !is_final(resource.json)) {
    result.doubt = "record-lab-not-final";
  }
  if (result.doubt.empty() && is_survey(resource.json) && !is_laboratory(resource.json)) {
    result.doubt = "record-lab-survey";
  }
  if (!result.date || result.doubt == "record-lab-future") {
    result.problem = result.doubt;
    return result;
  }
  const auto value = lab_value(knowledge.labs, lab, part);
  if (!value) {
    result.problem = result.doubt.empty() ? reason_key(value.error()) : result.doubt;
  } else if (value->number < Number{}) {
    result.problem = "record-lab-negative";
  } else {
    result.several_limits = value->several_limits;
    set_value(risk, lab, *value, result);
    settle_doubt(risk, lab, result);
  }
  return result;
}

// ---- which of several

// Of results of one moment the one reported last, where all of them say when they were reported.
void keep_last_report(std::vector<const Result*>& results) {
  const bool same = std::all_of(results.begin(), results.end(), [&](const Result* result) {
    const auto is_first = [&](const std::optional<fhir::DateTime>& date) {
      return date && fhir::compare(*date, *results.front()->date) == std::strong_ordering::equal;
    };
    return result->issued && result->date->precision == fhir::Precision::second &&
           is_first(result->date) && is_first(result->first);
  });
  if (!same) {
    return;
  }
  const auto issued = [](const Result* a, const Result* b) { return a->issued < b->issued; };
  const auto last = (*std::max_element(results.begin(), results.end(), issued))->issued;
  std::erase_if(results, [&](const Result* result) { return result->issued < last; });
}

// The usable results that are not certainly older than another usable one.
std::vector<const Result*> current_results(const std::vector<Result>& results) {
  LatestDates latest;
  for (const auto& result : results) {
    if (result.value && result.first) {
      latest.add(*result.first);
    }
  }
  std::vector<const Result*> current;
  for (const auto& result : results) {
    if (result.value && !latest.is_surpassed(*result.date)) {
      current.push_back(&result);
    }
  }
  if (current.size() > 1) {
    keep_last_report(current);
  }
  return current;
}

class LabReader {
 public:
  LabReader(const rules::Knowledge& knowledge, const ConceptIndex& index, const Results& reports,
            Instant now)
      : knowledge_(knowledge),
        index_(index),
        reports_(reports),
        now_(now),
        risk_(knowledge),
        results_(knowledge.labs.size()) {}

  LabResults read(const std::vector<const RecordResource*>& observations,
                  const std::vector<const RecordResource*>& set_aside, bool complete) {
    for (const auto* resource : observations) {
      if (!is_void(resource->json) && !index_.is_own(resource->json)) {
        sort_parts(*resource);
      }
    }
    for (const auto* resource : set_aside) {
      if (!is_void(resource->json) && !index_.is_own(resource->json)) {
        add_set_aside(*resource);
      }
    }
    for (std::size_t lab = 0; lab < results_.size(); ++lab) {
      if (results_[lab].empty()) {
        out_.labs[lab].state =
            complete && !observations.empty() ? LabState::none : LabState::not_fetched;
      } else {
        settle(lab);
      }
    }
    return std::move(out_);
  }

 private:
  // The Observation itself, unless only its components have the value.
  void sort_parts(const RecordResource& resource) {
    std::set<int> in_components;
    for (const auto& component : resource.json.array_of("component")) {
      const auto meaning = meaning_of(component);
      for (const int lab : meaning.labs) {
        in_components.insert(lab);
        add(lab, resource, component);
      }
      add_other_kind(meaning, resource, component);
    }
    const auto meaning = meaning_of(resource.json);
    for (const int lab : meaning.labs) {
      if (has_own_value(resource.json) || !in_components.contains(lab)) {
        add(lab, resource, resource.json);
      }
    }
    add_other_kind(meaning, resource, resource.json);
  }

  // A concept with codes of both kinds was read as the one that can be used.
  void add_other_kind(const Meaning& meaning, const RecordResource& resource, const Json& part) {
    if (!has_own_value(part)) {
      return;
    }
    for (const int lab : meaning.other_labs) {
      if (meaning.labs.contains(lab)) {
        continue;
      }
      Result result = described(index_.calm(), resource, part);
      result.problem = read_date(resource, reports_, now_, result);
      result.problem = result.problem.empty() ? other_kind_reason : result.problem;
      results_[static_cast<std::size_t>(lab)].push_back(std::move(result));
    }
  }

  void add_set_aside(const RecordResource& resource) {
    auto meaning = meaning_of(resource.json);
    for (const auto& component : resource.json.array_of("component")) {
      auto inner = meaning_of(component);
      meaning.labs.merge(inner.labs);
      meaning.other_labs.merge(inner.other_labs);
    }
    auto labs = std::move(meaning.labs);
    labs.merge(meaning.other_labs);
    Result result;
    result.resource = &resource;
    read_date(resource, reports_, now_, result);
    result.problem = set_aside_reason;
    result.text = knowledge_.text(set_aside_reason);
    for (const int lab : labs) {
      results_[static_cast<std::size_t>(lab)].push_back(result);
    }
  }

  Meaning meaning_of(const Json& part) const { return index_.read_member(part, "code").meaning; }

  void add(int lab, const RecordResource& resource, const Json& part) {
    const auto at = static_cast<std::size_t>(lab);
    results_[at].push_back(result_of(knowledge_, risk_, at, resource, part, reports_, now_));
  }

  void settle(std::size_t lab) {
    auto& results = results_[lab];
    // So that the order of the record decides nothing.
    std::sort(results.begin(), results.end(),
              [](const Result& a, const Result& b) { return b.order() < a.order(); });
    const auto current = current_results(results);
    const auto unused = unused_of(results, current);
    const auto* used = riskiest(lab, current);
    // A value that says nothing is no reason to be calm beside a later one that cannot be read.
    if (used == nullptr || (!unused.empty() && is_calm(lab, *used))) {
      out_.labs[lab] = {LabState::unusable, {}, youngest_days(unused)};
      add_entry(lab, *unused.front());
    } else {
      use(lab, *used, current);
    }
    say_unused(lab, unused);
    list_beside(results, current);
  }

  void list_beside(const std::vector<Result>& results, const std::vector<const Result*>& current) {
    const auto used = dates_of(current);
    for (const auto& result : results) {
      if (is_beside(result, used) && !used.is_surpassed(*result.date) && is_recent(result) &&
          !result.marked_normal) {
        out_.beside.push_back({result.resource, result_text_of(result), true});
      }
    }
  }

  bool is_recent(const Result& result) const {
    return !result.when || age_days(result) <= knowledge_.staleness.lab_days;
  }

  static std::string result_text_of(const Result& result) {
    return result.code.empty() ? result.text : result.code + ": " + result.text;
  }

  // Null: there is none.
  const Result* riskiest(std::size_t lab, const std::vector<const Result*>& current) const {
    const auto found =
        std::max_element(current.begin(), current.end(), [&](const Result* a, const Result* b) {
          return risk_.risk(lab, *a->value) < risk_.risk(lab, *b->value);
        });
    return found == current.end() ? nullptr : *found;
  }

  bool is_calm(std::size_t lab, const Result& result) const {
    return risk_.risk(lab, *result.value) == LabRisk::Risk{};
  }

  void use(std::size_t lab, const Result& used, const std::vector<const Result*>& current) {
    out_.labs[lab] = {LabState::known, *used.value, age_days(used)};
    add_entry(lab, used);
    if (is_recent(used)) {
      judge(lab, used, current);
    }
    if (used.several_limits) {
      say("record-lab-limits", lab, used);
    }
    if (!used.doubt.empty()) {
      say("record-lab-doubtful", lab, used, knowledge_.text(used.doubt));
    }
    if (used.may_lie_further) {
      say("record-lab-bound", lab, used);
    }
    if (std::any_of(current.begin(), current.end(), [&](const Result* other) {
          return !risk_.same_side(lab, *used.value, *other->value);
        })) {
      say("record-lab-differ", lab, used);
    }
  }

  // A rule that looks for it may ask for more, which is not there; and that no rule looks for it
  // does not make it normal. Nobody is reassured beside it.
  void judge(std::size_t lab, const Result& used, const std::vector<const Result*>& current) {
    const auto any = [&current](bool Result::*mark) {
      return std::any_of(current.begin(), current.end(),
                         [mark](const Result* result) { return result->*mark; });
    };
    const bool abnormal = any(&Result::marked_abnormal) || risk_.concerns_a_rule(lab, *used.value);
    const bool normal = std::all_of(current.begin(), current.end(),
                                    [](const Result* result) { return result->marked_normal; });
    if (abnormal) {
      say("record-lab-abnormal", lab, used);
    } else if (any(&Result::has_note)) {
      say("record-lab-note", lab, used);
    } else if (!normal) {
      say("record-lab-not-judged", lab, used);
    }
    out_.doubtful[lab] = abnormal || !normal;
    out_.has_unread_note = out_.has_unread_note || any(&Result::has_note);
  }

  // A result without a date may be of today.
  int youngest_days(const std::vector<const Result*>& results) const {
    int youngest = std::numeric_limits<int>::max();
    for (const auto* result : results) {
      youngest = std::min(youngest, result->when ? age_days(*result) : 0);
    }
    return youngest;
  }

  int age_days(const Result& result) const {
    const auto age = std::chrono::floor<std::chrono::days>(now_ - *result.when);
    return std::max(0, static_cast<int>(age.count()));
  }

  static LatestDates dates_of(const std::vector<const Result*>& results) {
    LatestDates dates;
    for (const auto* result : results) {
      if (result->first) {
        dates.add(*result->first);
      }
    }
    return dates;
  }

  // What cannot be used and is not certainly older than the values that can, latest first.
  static std::vector<const Result*> unused_of(const std::vector<Result>& results,
                                              const std::vector<const Result*>& current) {
    const auto used = dates_of(current);
    std::vector<const Result*> unused;
    for (const auto& result : results) {
      const bool older = result.date && used.is_surpassed(*result.date);
      if (!result.problem.empty() && !older && !is_beside(result, used)) {
        unused.push_back(&result);
      }
    }
    return unused;
  }

  // Measured in another way and not later than a value that can be used: the usual pair of one
  // sample.
  static bool is_beside(const Result& result, const LatestDates& used) {
    return result.problem == other_kind_reason && !used.all_before(*result.date);
  }

  void say_unused(std::size_t lab, const std::vector<const Result*>& unused) {
    std::set<std::pair<std::string_view, std::string_view>> said;
    for (const auto* result : unused) {
      if (result->problem != set_aside_reason &&
          said.emplace(result->problem, result->resource->place).second) {
        say_of(substance(lab, *result), "record-lab-unused", *result,
               knowledge_.text(result->problem));
      }
    }
  }

  // A title that says how something was measured is not that of what was measured otherwise.
  bool has_title(std::size_t lab, const Result& result) const {
    return result.value ||
           (result.problem != other_kind_reason && !knowledge_.labs[lab].relative_to_upper_limit);
  }

  // What was not used is called as the record calls it.
  bool is_named(std::size_t lab, const Result& result) const {
    return !result.value && result.problem != set_aside_reason &&
           !(has_title(lab, result) && result.name.empty());
  }

  std::string_view substance(std::size_t lab, const Result& result) const {
    const auto& binding = knowledge_.labs[lab];
    return has_title(lab, result) || binding.text.empty() ? binding.title : binding.text.front();
  }

  void say(std::string_view key, std::size_t lab, const Result& result,
           std::string_view reason = {}) {
    say_of(knowledge_.labs[lab].title, key, result, reason);
  }

  void say_of(std::string_view lab, std::string_view key, const Result& result,
              std::string_view reason) {
    if (out_.problems.size() >= fhir::max_issues) {
      return;
    }
    const bool last = out_.problems.size() + 1 == fhir::max_issues;
    auto text = rules::fill(knowledge_.text(last ? "record-more" : key),
                            {{"lab", lab}, {"reason", reason}});
    out_.problems.push_back({"MF-3034", std::move(text), result.resource->place});
  }

  void add_entry(std::size_t lab, const Result& result) {
    RecordEntry entry;
    entry.kind = RecordEntry::Kind::lab;
    entry.item = static_cast<int>(lab);
    const auto& text = is_named(lab, result) ? result_text_of(result) : result.text;
    entry.text = text.empty() ? knowledge_.text("record-lab-empty") : text;
    if (result.problem != set_aside_reason) {
      entry.reference = result.resource->reference;
    }
    entry.when = result.when;
    out_.entries.push_back(std::move(entry));
  }

  const rules::Knowledge& knowledge_;
  const ConceptIndex& index_;
  const Results& reports_;
  Instant now_;
  LabRisk risk_;
  std::vector<std::vector<Result>> results_;  // by lab
  LabResults out_;
};

}  // namespace

LabResults read_labs(const rules::Knowledge& knowledge, const ConceptIndex& index,
                     const std::vector<const RecordResource*>& observations,
                     const std::vector<const RecordResource*>& set_aside, const Results& reports,
                     bool complete, Instant now) {
  return LabReader(knowledge, index, reports, now).read(observations, set_aside, complete);
}

}  // namespace myoflag::mapping
