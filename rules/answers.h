#pragma once
// What is known of one patient, in the fixed shape that criteria read: one bit set, one state and
// one number for each question, and the same for what the record knows. Filling it may allocate
// nothing; evaluating it never does.

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

#include "rules/number.h"

namespace myoflag::rules {

inline constexpr std::size_t kMaxItems = 128;  // the loader refuses larger forms
inline constexpr std::size_t kMaxLabs = 16;

enum class ItemState : std::uint8_t {
  not_shown,  // a question before it was answered so that it does not apply
  not_asked,  // not shown because the question that leads to it has no clear answer
  skipped,    // shown, without an answer
  invalid,    // answered with something that cannot be used
  answered,
};

struct AnswerRecord {
  std::array<ItemState, kMaxItems> state{};       // index: Item::slot; not_shown by default
  std::array<std::uint64_t, kMaxItems> chosen{};  // bit i: option i of the item is chosen
  std::array<Number, kMaxItems> number{};  // integer and decimal answers, valid when answered
};

static_assert(std::has_unique_object_representations_v<Number> &&
              std::has_unique_object_representations_v<ItemState>);
inline bool operator==(const AnswerRecord& a, const AnswerRecord& b) {
  return std::memcmp(a.state.data(), b.state.data(), sizeof a.state) == 0 && a.chosen == b.chosen &&
         std::memcmp(a.number.data(), b.number.data(), sizeof a.number) == 0;
}

enum class LabState : std::uint8_t {
  none,         // the record was read and holds no such result
  not_fetched,  // the record could not be read, or was not given
  unusable,     // a result is there, but its unit, comparator, date or value cannot be used
  known,
};

struct Lab {
  LabState state = LabState::not_fetched;
  Number value;      // in the unit the knowledge names
  int age_days = 0;  // whole days before the evaluation
};

// What the record says, by the questions it speaks to.
struct RecordFacts {
  bool fetched = false;                           // some record was given
  std::array<std::uint64_t, kMaxItems> chosen{};  // options of an item that the record asserts
  std::array<bool, kMaxItems> known{};            // the record answers the item (sex, pregnancy)
  std::optional<Number> age;                      // years
  std::array<Lab, kMaxLabs> labs{};               // index: Knowledge::labs
};

struct Facts {
  AnswerRecord answers;  // `none` removed where a positive option stands beside it
  AnswerRecord raw;      // as given; only policies marked raw read it
  RecordFacts record;
};

}  // namespace myoflag::rules
