#pragma once
// A FHIR R4 Questionnaire as typed, flattened items, checked once at load so that nothing behind it
// has to guess. Immutable after loading and free to copy or share between threads. Holds no
// clinical content of its own. Sources: hl7.org/fhir/R4/questionnaire.html (rules que-0 to que-13),
// the core and SDC extensions named below.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fhir/answer_value.h"
#include "fhir/issue.h"
#include "fhir/json.h"

namespace myoflag::fhir {

enum class ItemType {
  group,
  display,
  boolean,
  decimal,
  integer,
  date,
  date_time,
  time,
  string,
  text,
  url,
  choice,
  open_choice,
  attachment,
  reference,
  quantity,
};

std::string_view fhir_name(ItemType type);  // "open-choice"
std::optional<ItemType> item_type_of(std::string_view code);
inline bool is_question(ItemType type) {
  return type != ItemType::group && type != ItemType::display;
}

enum class EnableOperator { exists, equals, not_equals, greater, less, at_least, at_most };
enum class EnableBehavior { all, any };

inline constexpr std::size_t no_item = static_cast<std::size_t>(-1);

struct EnableCondition {
  std::string question;  // linkId
  std::size_t target = no_item;
  std::size_t scope = no_item;  // lowest item that holds both, no_item when that is the form itself
  EnableOperator op = EnableOperator::equals;
  OwnedValue answer;
};

struct AnswerOption {
  OwnedValue value;
  std::vector<std::string> words;  // display of a Coding and its translations, in loose form
  bool exclusive = false;          // questionnaire-optionExclusive
  bool initially_selected = false;
  std::string ordinal;  // ordinalValue as written, empty if none
};

struct Translation {
  std::string language;
  std::string text;
};

// A compiled regular expression that is matched in linear time and against the whole text.
class Pattern {
 public:
  // Nullptr when the expression is not valid or needs look-around or back-references.
  static std::shared_ptr<const Pattern> compile(std::string_view expression);
  virtual ~Pattern() = default;
  virtual bool matches(std::string_view text) const = 0;
};

// Limits from extensions; absent means no limit.
struct ItemLimits {
  std::optional<OwnedValue> min_value;     // minValue, or sdc-questionnaire-minQuantity
  std::optional<OwnedValue> max_value;     // maxValue, or sdc-questionnaire-maxQuantity
  std::optional<std::int64_t> max_length;  // characters
  std::optional<std::int64_t> min_length;  // characters
  std::optional<std::int64_t> max_decimal_places;
  std::optional<std::int64_t> min_occurs;
  std::optional<std::int64_t> max_occurs;
  std::string max_size;                 // bytes, decimal text, empty if none
  std::vector<std::string> mime_types;  // "image/png" or "image/*"
  std::shared_ptr<const Pattern> pattern;
  std::vector<std::string> reference_types;  // questionnaire-referenceResource
};

struct FormItem {
  std::string link_id;
  ItemType type = ItemType::group;
  std::string text;
  std::string prefix;
  std::string definition;
  std::vector<Translation> translations;  // of text
  std::string place;                      // FHIRPath in the Questionnaire

  std::size_t parent = no_item;
  std::size_t end = 0;  // one past the last descendant: items [index + 1, end) are below this one
  std::size_t depth = 0;

  bool required = false;
  bool repeats = false;
  bool read_only = false;
  bool hidden = false;       // questionnaire-hidden
  std::string item_control;  // code of questionnaire-itemControl
  ItemLimits limits;

  std::vector<Json> codes;
  std::vector<AnswerOption> options;
  std::string answer_value_set;         // canonical or "#id", empty if none
  bool value_set_resolved = false;      // then value_set_codings is the whole list
  std::vector<Json> value_set_codings;  // of a contained ValueSet
  std::vector<OwnedValue> initial;

  std::vector<EnableCondition> enable_when;
  EnableBehavior enable_behavior = EnableBehavior::all;

  Json unit;                       // Coding of questionnaire-unit, null if none
  std::vector<Json> unit_options;  // Codings of questionnaire-unitOption
  std::string unit_open;           // SDC unitOpen: options-only, options-or-type, options-or-string
  // sdc-questionnaire-observationExtract on the item: "true", "false", or the code of SDC 4.0.0;
  // empty if not given.
  std::string observation_extract;
};

// Whether an answer of this type belongs to the item. Choices take the types of their options.
bool accepts(const FormItem& item, ValueType type);

struct FormHeader {
  std::string url;
  std::string version;
  std::string name;
  std::string title;
  std::string status;  // draft, active, retired, unknown
  std::string language;
  std::string effective_start;  // effectivePeriod, as written
  std::string effective_end;
  std::string observation_extract;  // on the form itself
};

class Questionnaire {
 public:
  const FormHeader& header() const { return header_; }
  // Pre-order, as in the form; a parent comes before its children.
  const std::vector<FormItem>& items() const { return items_; }
  const FormItem& item(std::size_t index) const { return items_[index]; }
  std::size_t index_of(std::string_view link_id) const;  // no_item when unknown
  // Every item after its parent and after the questions its conditions ask about.
  const std::vector<std::size_t>& decision_order() const { return decision_order_; }

 private:
  friend class QuestionnaireLoader;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  FormHeader header_;
  std::vector<FormItem> items_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> by_link_id_;
  std::vector<std::size_t> decision_order_;
};

struct LoadedQuestionnaire {
  std::optional<Questionnaire> form;  // present when no issue is an error
  Issues issues;                      // all of them, in form order
};

// Reads and checks a form. Errors are what makes answers undecidable or lost (codes MF-1300 to
// MF-1399); the rest are warnings. The form's own texts may be quoted in issues: a form holds no
// patient data.
LoadedQuestionnaire load_questionnaire(const Json& resource);

}  // namespace myoflag::fhir
