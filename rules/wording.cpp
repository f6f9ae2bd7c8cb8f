#include "rules/wording.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>

#include "rules/ascii.h"

namespace myoflag::rules {
namespace {

bool says_none(const Evidence& evidence) {
  return evidence.origin == Origin::patient && evidence.item != nullptr && evidence.options != 0 &&
         (evidence.options & ~evidence.item->none) == 0;
}

// Evidence of one question and origin as one, in the order of first mention.
std::vector<Evidence> merged(const std::vector<Evidence>& evidence) {
  std::vector<Evidence> result;
  for (const Evidence& one : evidence) {
    const auto same = std::find_if(result.begin(), result.end(), [&](const Evidence& other) {
      return other.origin == one.origin && other.item == one.item && other.lab == one.lab &&
             other.record_text == one.record_text;
    });
    if (same == result.end()) {
      result.push_back(one);
      continue;
    }
    same->options |= one.options;
    if (!same->number) {
      same->number = one.number;
    }
  }
  return result;
}

int rank_of(const Knowledge& knowledge, const Evidence& evidence) {
  if (evidence.lab != nullptr || is_sign(evidence)) {
    return 0;
  }
  const auto index =
      evidence.item == nullptr ? -1 : static_cast<int>(evidence.item - knowledge.items.data());
  return index == knowledge.bindings.age || index == knowledge.bindings.sex ? 2 : 1;
}

// UCUM as people write it: "mL/min/{1.73_m2}" is "mL/min/1.73 m2", "m[IU]/L" is "mIU/L".
std::string unit_text(std::string_view ucum) {
  std::string text;
  for (const char c : ucum) {
    if (c == '_') {
      text += ' ';
    } else if (c != '{' && c != '}' && c != '[' && c != ']') {
      text += c;
    }
  }
  return text;
}

// Every number that a rule compares this laboratory value with.
std::vector<Number> limits_of(const Knowledge& knowledge, std::size_t lab) {
  std::vector<Number> limits;
  for (const auto& op : knowledge.program.ops) {
    if (op.kind == Criterion::Kind::lab && op.item == lab) {
      limits.push_back(op.limit);
    }
  }
  return limits;
}

// The record's own words, its unit as people write it where it is that of the limits.
std::string record_words(const LabBinding& lab, const std::string& record_text) {
  const std::string unit = ' ' + lab.unit;
  return record_text.ends_with(unit)
             ? record_text.substr(0, record_text.size() - unit.size()) + ' ' + unit_text(lab.unit)
             : record_text;
}

// The record's own words where they say it all: a value in the unit of the limits.
std::string_view lab_key(const LabBinding& lab, std::string_view record_text) {
  if (record_text.empty()) {
    return "explain-answer-lab";
  }
  if (lab.relative_to_upper_limit) {
    return "explain-answer-lab-times";
  }
  return record_text.ends_with(' ' + unit_text(lab.unit)) ? "explain-answer-lab-plain"
                                                          : "explain-answer-lab-as";
}

std::string lab_line(const Assessment& assessment, const Evidence& evidence) {
  const Knowledge& knowledge = *assessment.knowledge;
  const auto index = static_cast<std::size_t>(evidence.lab - knowledge.labs.data());
  const Lab& lab = assessment.input->facts.record.labs[index];
  const std::string value =
      rounded_text(evidence.number.value_or(lab.value), limits_of(knowledge, index));
  const std::string days = std::to_string(lab.age_days);
  const std::string record = record_words(*evidence.lab, evidence.record_text);
  return say(knowledge, lab_key(*evidence.lab, record),
             {{"test", evidence.lab->title},
              {"record", record},
              {"value", value},
              {"unit", unit_text(evidence.lab->unit)},
              {"days", days}});
}

std::string dated(const Knowledge& knowledge, const std::string& answer, const std::string& date) {
  return date.empty() ? answer
                      : say(knowledge, "explain-dated", {{"answer", answer}, {"date", date}});
}

std::string answer_line(const Assessment& assessment, const Evidence& evidence) {
  const Knowledge& knowledge = *assessment.knowledge;
  if (evidence.lab != nullptr) {
    return lab_line(assessment, evidence);
  }
  if (evidence.item == nullptr) {
    return say(knowledge, "explain-record-unread",
               {{"answer", dated(knowledge, evidence.record_text, evidence.record_date)}});
  }
  const std::string question = evidence.item->label;
  std::string answer;
  if (evidence.origin == Origin::record) {
    answer = evidence.record_text;
    if (answer.empty() && evidence.options != 0) {
      answer = quoted_options(*evidence.item, evidence.options);
    }
    if (answer.empty() && evidence.number) {
      answer = to_text(*evidence.number);
    }
    answer = dated(knowledge, answer, evidence.record_date);
    const bool is_read = evidence.options != 0 || evidence.number.has_value();
    return say(knowledge, is_read ? "explain-answer-record" : "explain-answer-unread",
               {{"question", question}, {"answer", answer}});
  }
  answer = evidence.options != 0 ? quoted_options(*evidence.item, evidence.options)
           : evidence.number     ? to_text(*evidence.number)
                                 : gap_text(assessment, evidence.item);
  if (answer.empty()) {
    answer = knowledge.text("explain-no-answer");
  }
  return say(knowledge, "explain-answer", {{"question", question}, {"answer", answer}});
}

bool ends_sentence(std::string_view text, std::size_t i) {
  if (text[i] != '.' && text[i] != '?' && text[i] != '!') {
    return false;
  }
  if (i + 1 == text.size()) {
    return true;
  }
  return i + 2 < text.size() && text[i + 1] == ' ' && is_upper(text[i + 2]);
}

// Of a question that was denied before a newer form: nothing of its answer stays.
bool denied_all(const Assessment& assessment, const Item* item) {
  const auto at = static_cast<std::size_t>(item - assessment.knowledge->items.data());
  return assessment.input->facts.answers.state[at] == ItemState::invalid;
}

}  // namespace

std::string say(const Knowledge& knowledge, std::string_view key,
                std::initializer_list<Fill> values) {
  return fill(knowledge.text(key), values);
}

std::string gap_text(const Assessment& assessment, const Item* item) {
  const auto gap = std::find_if(assessment.gaps.begin(), assessment.gaps.end(),
                                [item](const Gap& each) { return each.item == item; });
  if (gap == assessment.gaps.end()) {
    return {};
  }
  switch (gap->state) {
    case GapState::skipped:
      return assessment.knowledge->text("explain-gap-skipped");
    case GapState::unsure:
      return assessment.knowledge->text("explain-gap-unsure");
    case GapState::declined:
      return assessment.knowledge->text("explain-gap-declined");
    case GapState::contradicted:
      return assessment.knowledge->text("explain-gap-contradicted");
    case GapState::invalid:
      return assessment.knowledge->text("explain-gap-invalid");
    case GapState::not_asked:
      return assessment.knowledge->text("explain-gap-not-asked");
    case GapState::denied_earlier:
      return assessment.knowledge->text(denied_all(assessment, item)
                                            ? "explain-gap-denied-earlier"
                                            : "explain-gap-denied-in-part");
  }
  return {};
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string result;
  for (const std::string& part : parts) {
    if (!result.empty()) {
      result += between;
    }
    result += part;
  }
  return result;
}

bool is_sign(const Evidence& evidence) {
  return evidence.item != nullptr && evidence.item->none != 0 &&
         (evidence.options & evidence.item->positive()) != 0;
}

std::string quoted_options(const Item& item, std::uint64_t options) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < item.options.size(); ++i) {
    if ((options >> i & 1U) != 0) {
      texts.push_back('"' + item.options[i].text + '"');
    }
  }
  return joined(texts, ", ");
}

std::string moment_text(Instant moment) {
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date{day};
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(moment - day).count();
  std::array<char, 64> buffer{};
  const int length = std::snprintf(
      buffer.data(), buffer.size(), "%04d-%02u-%02u %02d:%02d UTC", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(minutes / 60), static_cast<int>(minutes % 60));
  return {buffer.data(), static_cast<std::size_t>(length)};
}

std::string day_text(Instant moment) {
  constexpr std::size_t kDay = 10;
  return moment_text(moment).substr(0, kDay);
}

Instant latest_authored(const ResponseInfo& response) {
  constexpr std::size_t kYear = 4, kMonth = 7, kDay = 10;
  constexpr std::chrono::hours kFarthestZone(14);
  const std::size_t size = response.authored_text.size();
  const std::chrono::year_month_day first(
      std::chrono::floor<std::chrono::days>(*response.authored));
  if (size == kYear) {
    return std::chrono::sys_days(first + std::chrono::years(1)) + kFarthestZone;
  }
  if (size == kMonth) {
    return std::chrono::sys_days(first + std::chrono::months(1)) + kFarthestZone;
  }
  if (size == kDay) {
    return std::chrono::sys_days(first) + std::chrono::days(1) + kFarthestZone;
  }
  return *response.authored;
}

std::string authored_text(const ResponseInfo& response) {
  const bool has_time = response.authored_text.find('T') != std::string::npos;
  return response.authored && has_time ? moment_text(*response.authored) : response.authored_text;
}

std::string rounded_text(Number value, const std::vector<Number>& limits) {
  constexpr std::int64_t kStep = 10'000'000;  // a hundredth
  if (value.nano > std::numeric_limits<std::int64_t>::max() - kStep ||
      value.nano < std::numeric_limits<std::int64_t>::min() + kStep) {
    return to_text(value);
  }
  const std::int64_t half = value.nano < 0 ? -kStep / 2 : kStep / 2;
  const std::int64_t nearest = (value.nano + half) / kStep * kStep;
  const std::int64_t other = nearest > value.nano ? nearest - kStep : nearest + kStep;
  for (const Number rounded : {Number{nearest}, Number{other}}) {
    const bool same = std::all_of(limits.begin(), limits.end(), [&](Number limit) {
      return (rounded <=> limit) == (value <=> limit);
    });
    if (same) {
      return to_text(rounded);
    }
  }
  return to_text(value);
}

std::vector<std::string> sentences(std::string_view text) {
  std::vector<std::string> result;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (ends_sentence(text, i)) {
      result.emplace_back(text.substr(start, i + 1 - start));
      start = std::min(i + 2, text.size());
    }
  }
  if (start < text.size()) {
    result.emplace_back(text.substr(start));
  }
  return result;
}

std::string first_sentence(std::string_view text) {
  const std::vector<std::string> all = sentences(text);
  return all.empty() ? std::string() : all.front();
}

std::string basis_of(const Knowledge& knowledge, const Rule& rule) {
  std::vector<std::string> sources;
  for (const int source : rule.sources) {
    sources.push_back(knowledge.sources[static_cast<std::size_t>(source)].id);
  }
  return sources.empty() ? rule.id : rule.id + ": " + joined(sources, ", ");
}

std::string when_text(const Knowledge& knowledge, Tier tier, const Target& target) {
  const std::string& label = knowledge.tiers[static_cast<std::size_t>(tier)].label;
  if (target.text.empty()) {
    return label;
  }
  return say(knowledge, "explain-when", {{"tier", label}, {"target", target.text}});
}

std::vector<std::string> answer_lines(const Assessment& assessment,
                                      const std::vector<Evidence>& evidence) {
  const Knowledge& knowledge = *assessment.knowledge;
  std::vector<Evidence> ordered = merged(evidence);
  std::stable_sort(ordered.begin(), ordered.end(), [&](const Evidence& a, const Evidence& b) {
    return rank_of(knowledge, a) < rank_of(knowledge, b);
  });
  std::vector<std::string> lines;
  std::vector<std::string> none;
  for (const Evidence& one : ordered) {
    if (one.item == nullptr && one.lab == nullptr && one.record_text.empty()) {
      continue;
    }
    if (says_none(one)) {
      none.push_back(one.item->label);
    } else {
      lines.push_back(answer_line(assessment, one));
    }
  }
  if (!none.empty()) {
    lines.push_back(say(knowledge, "explain-answered-none", {{"questions", joined(none, "; ")}}));
  }
  return lines;
}

}  // namespace myoflag::rules
