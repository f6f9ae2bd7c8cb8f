#pragma once
// The criterion language as a tree: what an author wrote, name by name. docs/knowledge-authoring.md
// has the forms. Program (rules/program.h) is compiled from it; the explanation, the FHIRPath form
// and the second evaluator of the tests read it.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "rules/number.h"

namespace myoflag::rules {

enum class Compare : std::uint8_t { less, at_most, at_least, more };

constexpr bool holds(Number value, Compare compare, Number limit) {
  switch (compare) {
    case Compare::less:
      return value < limit;
    case Compare::at_most:
      return value <= limit;
    case Compare::at_least:
      return value >= limit;
    case Compare::more:
      return value > limit;
  }
  return false;
}

struct Criterion {
  enum class Kind : std::uint8_t {
    all,         // children joined by and
    any,         // children joined by or
    is_false,    // one child
    any_of,      // any(link: options)
    only,        // only(link: options)
    count,       // count(link: options) compare limit
    is_none,     // isNone(link)
    answered,    // answered(link)
    unsure,      // unsure(link)
    number,      // num(link) compare limit
    sum,         // sum(links) compare limit
    age,         // age compare limit
    is,          // is(name)
    med,         // med(options)
    cond,        // cond(options)
    lab,         // lab(name) compare limit
    fired_tier,  // firedTier(options)
  };
  Kind kind = Kind::all;
  std::vector<Criterion> children;
  std::vector<std::string> names;    // link ids, the name of is(), of lab()
  std::vector<std::string> options;  // option codes, sets written out; tiers of firedTier
  Compare compare = Compare::at_least;
  Number limit;
  std::size_t offset = 0;  // of the form in the criterion's text
  // Where each name and option stands in it; options of a set stand where the set's name does.
  std::vector<std::size_t> name_offsets, option_offsets;

  friend bool operator==(const Criterion&, const Criterion&) = default;
};

struct OptionSet {
  std::string item;  // empty while loading: the set cannot be read
  std::vector<std::string> options;
};
using OptionSets = std::map<std::string, OptionSet, std::less<>>;

struct CriterionError {
  std::size_t offset = 0;  // in bytes
  std::string text;        // empty: what is wrong stands elsewhere, and is told there
  // An option set does not belong to the question that is named there; which may be the one that is
  // mistyped. Empty otherwise.
  std::string question;
  std::size_t question_offset = 0;
};

// Option sets are written out; that they belong to the item they are used with is checked here,
// that items and options exist is checked when the criterion is compiled.
tl::expected<Criterion, CriterionError> read_criterion(std::string_view text,
                                                       const OptionSets& sets,
                                                       std::string_view medicines_item,
                                                       std::string_view conditions_item);

}  // namespace myoflag::rules
