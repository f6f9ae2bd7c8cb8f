#include "plugin/mapping/record_teller.h"

#include <algorithm>

#include "fhir/issue.h"
#include "plugin/mapping/record_place.h"
#include "plugin/mapping/record_values.h"
#include "rules/texts.h"
#include "rules/unjudged.h"

namespace myoflag::mapping {

namespace {

// Entries that say the same in different words, or that no rule reads; more help nobody.
constexpr std::size_t most_alike = 20;

// No test of the knowledge.
constexpr int no_workup = -1;

}  // namespace

void RecordTeller::add_place(const std::string& place, RecordProblem& problem) {
  if (place != problem.place && problem.also.size() < fhir::max_issues) {
    problem.also.push_back(place);
  }
}

void RecordTeller::say(std::string_view key, const RecordResource& resource,
                       std::initializer_list<rules::Fill> values) {
  say_at(resource.place, key, values);
}

void RecordTeller::say_at(const std::string& place, std::string_view key,
                          std::initializer_list<rules::Fill> values) {
  if (out_.problems.size() >= fhir::max_issues) {
    return;
  }
  const auto last = out_.problems.size() + 1 == fhir::max_issues;
  const auto text = rules::fill(knowledge_.text(last ? "record-more" : key), values);
  out_.problems.push_back(
      {"MF-3033", rules::fill(text, {{"place", place_in_words(knowledge_, place)}}), place});
}

void RecordTeller::say_count(std::string place, std::string_view key,
                             std::initializer_list<rules::Fill> values) {
  out_.counts.push_back({"MF-3033", rules::fill(knowledge_.text(key), values), std::move(place)});
}

// Said once, of all of them.
void RecordTeller::say_unread(const RecordResource& resource) {
  if (unread_at_ == nowhere) {
    unread_at_ = out_.problems.size();
    say("record-no-rule-reads", resource);
  }
  if (unread_at_ < out_.problems.size() && unread_places_.insert(resource.place).second) {
    add_place(resource.place, out_.problems[unread_at_]);
  }
}

void RecordTeller::add_said_words(const RecordResource& resource) {
  if (heard_.insert(&resource).second) {
    mapping::add_said_words(resource.json, out_.unread_words);
  }
}

// It may be anything.
void RecordTeller::doubt_without_code(const Named& named, const RecordResource& resource) {
  if (named.name.empty()) {
    say("record-no-code", resource);
    out_.doubtful = true;
  }
}

// A code alone that the knowledge does not have may mean one that it has.
void RecordTeller::doubt_untold(const Named& named, const RecordResource& resource) {
  doubt_without_code(named, resource);
  if (!named.told && !named.name.empty()) {
    say("record-unknown-code", resource);
    out_.doubtful = true;
  }
}

// What the knowledge has no words for may be anything: a person must read it. Words that the
// knowledge does not have never count for less than a code alone.
void RecordTeller::list_unread(std::pair<RecordEntry::Kind, int> asked, const Named& named,
                               const RecordResource& resource, const Moment& when,
                               bool is_current) {
  if (asked.second < 0 || named.name.empty()) {
    return;
  }
  add(asked.first, asked.second, 0, named.name, resource, when);
  rules::add_words(named.name, out_.unread_words);
  add_said_words(resource);
  if (is_current && named.told) {
    say_unread(resource);
  }
  out_.doubtful = out_.doubtful || is_current;
}

void RecordTeller::list_text(std::string text, const RecordResource& resource, Moment when,
                             bool is_current) {
  texts_.push_back({std::move(text), &resource, std::move(when), is_current});
  add_said_words(resource);
  if (is_current) {
    say_unread(resource);
    out_.doubtful = true;
  }
}

// What is current first, then the latest: only so many are listed.
void RecordTeller::list_texts() {
  std::stable_sort(texts_.begin(), texts_.end(),
                   [](const Text& a, const Text& b) { return a.order() < b.order(); });
  for (auto& one : texts_) {
    add(RecordEntry::Kind::test, no_workup, 0, std::move(one.text), *one.resource, one.when);
  }
}

void RecordTeller::list_unjudged(std::string text, const Moment& when) {
  if (out_.unjudged.size() < most_alike) {
    out_.unjudged.push_back(when.day.empty() ? std::move(text)
                                             : rules::fill(knowledge_.text("record-value-dated"),
                                                           {{"value", text}, {"date", when.day}}));
  } else {
    ++out_.unjudged_more;
  }
}

void RecordTeller::say_unjudged() {
  if (const auto count = out_.unjudged.size() + out_.unjudged_more; count > 0) {
    say_count({}, "record-not-judged", {{"count", std::to_string(count)}});
  }
}

std::string RecordTeller::or_unnamed(std::string words) const {
  if (words.empty()) {
    return knowledge_.text("record-unnamed");
  }
  return words;
}

std::string RecordTeller::statement_text(const RecordResource& resource, std::string words) const {
  return rules::fill(knowledge_.text("record-statement"),
                     {{"type", resource.type}, {"words", or_unnamed(std::move(words))}});
}

void RecordTeller::assert_options(RecordEntry::Kind kind, int item, std::uint64_t options,
                                  std::string text, const RecordResource& resource,
                                  const Moment& when) {
  if (item < 0 || options == 0) {
    return;
  }
  const auto slot = static_cast<std::size_t>(item);
  out_.facts.chosen[slot] |= options;
  // A list in a record is never whole; sex and pregnancy have one answer.
  out_.facts.known[slot] = kind == RecordEntry::Kind::sex || kind == RecordEntry::Kind::pregnancy;
  add(kind, item, options, std::move(text), resource, when);
}

void RecordTeller::assert_conditions(const Named& named, const RecordResource& resource,
                                     const Moment& when) {
  assert_options(RecordEntry::Kind::condition, bindings_.conditions, named.meaning.conditions,
                 named.name_or(resource.type), resource, when);
}

void RecordTeller::assert_pregnancy(const Named& named, const RecordResource& resource,
                                    const Moment& when) {
  assert_options(RecordEntry::Kind::pregnancy, bindings_.pregnancy, named.meaning.pregnancies,
                 named.name_or(resource.type), resource, when);
}

void RecordTeller::add_cautions(const Named& named, const RecordResource& resource,
                                const Moment& when) {
  for (const int place : named.meaning.cautions) {
    told_cautions_.insert(place);
    const auto& binding = bindings_.cautions[static_cast<std::size_t>(place)];
    add(RecordEntry::Kind::caution, -1, 0,
        binding.label + " (" + named.name_or(resource.type) + ")", resource, when, binding.caution);
  }
}

rules::RecordEntry RecordTeller::entry_of(RecordEntry::Kind kind, int item, std::uint64_t options,
                                          std::string text, const RecordResource& resource,
                                          const Moment& when) {
  RecordEntry entry;
  entry.kind = kind;
  entry.item = item;
  entry.options = options;
  entry.text = std::move(text);
  entry.reference = resource.reference;
  entry.when = when.at;
  entry.date = when.day;
  entry.unread = kind == RecordEntry::Kind::test && item == no_workup;
  return entry;
}

// A medicine prescribed ten times is one fact, of the last time.
void RecordTeller::add(RecordEntry::Kind kind, int item, std::uint64_t options, std::string text,
                       const RecordResource& resource, const Moment& when,
                       const std::string& caution) {
  auto& alike = said_[{kind, item, options, caution}];
  if (const auto known = alike.find(text); known != alike.end()) {
    auto& entry = out_.entries[known->second];
    if (entry.when < when.at) {
      entry = entry_of(kind, item, options, std::move(text), resource, when);
      entry.caution = caution;
    }
    return;
  }
  if (is_told_enough(kind, item, options, caution)) {
    if (cut_.insert({kind, item, 0, caution}).second) {
      say_at({}, "record-cut", {{"count", std::to_string(most_alike)}});
    }
    return;
  }
  alike.emplace(text, out_.entries.size());
  out_.entries.push_back(entry_of(kind, item, options, std::move(text), resource, when));
  out_.entries.back().caution = caution;
  for (const auto bit : bits_of(options)) {
    ++alike_[{kind, item, bit, caution}];
  }
}

// Every option by itself, so that the entries are bounded whatever options stand together, and
// none of them is without words.
bool RecordTeller::is_told_enough(RecordEntry::Kind kind, int item, std::uint64_t options,
                                  const std::string& caution) {
  const auto bits = bits_of(options);
  return std::all_of(bits.begin(), bits.end(), [&](std::uint64_t bit) {
    return alike_[{kind, item, bit, caution}] >= most_alike;
  });
}

// Each of the options; 0 for none.
std::vector<std::uint64_t> RecordTeller::bits_of(std::uint64_t options) {
  std::vector<std::uint64_t> bits;
  for (auto left = options; left != 0; left &= left - 1) {
    bits.push_back(left & (~left + 1));
  }
  return bits.empty() ? std::vector<std::uint64_t>{0} : bits;
}

}  // namespace myoflag::mapping
