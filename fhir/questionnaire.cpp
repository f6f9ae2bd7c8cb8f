#include "fhir/questionnaire.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "fhir/decimal.h"
#include "fhir/modifier.h"
#include "fhir/questionnaire_rules.h"

namespace myoflag::fhir {

namespace {

constexpr std::array<std::string_view, 16> item_type_names{
    "group",       "display",    "boolean",   "decimal", "integer", "date",
    "dateTime",    "time",       "string",    "text",    "url",     "choice",
    "open-choice", "attachment", "reference", "quantity"};

constexpr std::size_t max_depth = 64;

}  // namespace

std::string_view fhir_name(ItemType type) {
  return item_type_names[static_cast<std::size_t>(type)];
}

std::optional<ItemType> item_type_of(std::string_view code) {
  const auto it = std::find(item_type_names.begin(), item_type_names.end(), code);
  if (it == item_type_names.end()) {
    return std::nullopt;
  }
  return static_cast<ItemType>(it - item_type_names.begin());
}

namespace {

bool an_option_is(const FormItem& item, ValueType type) {
  return std::any_of(item.options.begin(), item.options.end(),
                     [type](const AnswerOption& option) { return option.value.type == type; });
}

bool choice_accepts(const FormItem& item, ValueType type) {
  return item.options.empty() ? type == ValueType::coding : an_option_is(item, type);
}

}  // namespace

bool accepts(const FormItem& item, ValueType type) {
  switch (item.type) {
    case ItemType::group:
    case ItemType::display:
      return false;
    case ItemType::boolean:
      return type == ValueType::boolean;
    case ItemType::decimal:
      return type == ValueType::decimal;
    case ItemType::integer:
      return type == ValueType::integer;
    case ItemType::date:
      return type == ValueType::date;
    case ItemType::date_time:
      return type == ValueType::date_time;
    case ItemType::time:
      return type == ValueType::time;
    case ItemType::string:
    case ItemType::text:
      return type == ValueType::string;
    case ItemType::url:
      return type == ValueType::uri;
    case ItemType::choice:
      return choice_accepts(item, type);
    case ItemType::open_choice:
      return type == ValueType::string || choice_accepts(item, type);
    case ItemType::attachment:
      return type == ValueType::attachment;
    case ItemType::reference:
      return type == ValueType::reference;
    case ItemType::quantity:
      return type == ValueType::quantity;
  }
  return false;
}

std::size_t Questionnaire::index_of(std::string_view link_id) const {
  const auto it = by_link_id_.find(link_id);
  return it == by_link_id_.end() ? no_item : it->second;
}

namespace {

std::optional<std::int64_t> whole_number(const Json* json) {
  const auto* number = json == nullptr ? nullptr : json->as_number();
  const auto value = number == nullptr ? std::nullopt : to_integer(number->text);
  return value && *value >= 0 ? std::optional<std::int64_t>(*value) : std::nullopt;
}

// Typed access to the members of one element; a member of the wrong kind is reported, never taken
// for absent.
class Members {
 public:
  Members(const Json& json, const std::string& place, const std::string& link_id,
          FormReport& report)
      : json_(json), place_(place), link_id_(link_id), report_(report) {}

  std::string text(std::string_view name) const {
    const auto* value = json_.find(name);
    if (value == nullptr) {
      return {};
    }
    if (!value->is_string()) {
      wrong(name, "a string");
      return {};
    }
    return *value->as_string();
  }

  bool flag(std::string_view name) const {
    const auto* value = json_.find(name);
    if (value == nullptr) {
      return false;
    }
    if (!value->is_bool()) {
      wrong(name, "true or false");
      return false;
    }
    return *value->as_bool();
  }

  std::optional<std::int64_t> count(std::string_view name) const {
    const auto* value = json_.find(name);
    if (value == nullptr) {
      return std::nullopt;
    }
    const auto number = whole_number(value);
    if (!number) {
      wrong(name, "a whole number that is not negative");
    }
    return number;
  }

  // The elements of an array that are objects.
  std::vector<const Json*> objects(std::string_view name) const {
    std::vector<const Json*> found;
    const auto* value = json_.find(name);
    if (value == nullptr) {
      return found;
    }
    if (!value->is_array()) {
      wrong(name, "an array");
      return found;
    }
    for (const auto& element : *value->as_array()) {
      if (element.is_object()) {
        found.push_back(&element);
      } else {
        wrong(name, "an array of objects");
      }
    }
    return found;
  }

  void wrong(std::string_view name, std::string_view expected) const {
    report_.error("MF-1301", "structure", fmt::format("{}.{}", place_, name), link_id_,
                  fmt::format("The element \"{}\" must be {}.", name, expected));
  }

 private:
  const Json& json_;
  const std::string& place_;
  const std::string& link_id_;
  FormReport& report_;
};

std::string_view first_code(const Json& concept_) {
  const auto& codings = concept_.array_of("coding");
  return codings.empty() ? std::string_view{} : codings.front().string_of("code");
}

constexpr std::string_view core = "http://hl7.org/fhir/StructureDefinition/";
constexpr std::string_view sdc =
    "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-";

bool is_core(std::string_view url, std::string_view name) {
  return url.size() == core.size() + name.size() && url.starts_with(core) && url.ends_with(name);
}

bool is_sdc(std::string_view url, std::string_view name) {
  return url.size() == sdc.size() + name.size() && url.starts_with(sdc) && url.ends_with(name);
}

// Extensions of one item, each by its full URL. A constraint that cannot be read is an error:
// dropped silently, it would let through what the form's author forbade.
class ItemExtensions {
 public:
  ItemExtensions(FormItem& item, FormReport& report) : item_(item), report_(report) {}

  void read(const Json& extension) {
    const auto url = extension.string_of("url");
    read_limits(url, extension);
    read_rendering(url, extension);
    read_units(url, extension);
    if (is_sdc(url, "observationExtract")) {
      read_observation_extract(extension, item_.observation_extract);
    }
    if (is_sdc(url, "enableWhenExpression")) {
      report_.error("MF-1336", "not-supported", item_.place, item_.link_id,
                    "The item is enabled by an expression, which cannot be decided here.");
    }
    if (is_sdc(url, "answerExpression")) {
      report_.warning(
          "MF-1333", "not-supported", item_.place, item_.link_id,
          "The answers come from an expression; they cannot be checked against a list.");
    }
  }

  static void read_observation_extract(const Json& extension, std::string& out) {
    const auto* flag = extension.find("valueBoolean");
    if (flag != nullptr && flag->is_bool()) {
      out = *flag->as_bool() ? "true" : "false";
    } else {
      out = extension.string_of("valueCode");
    }
  }

 private:
  void unreadable(std::string_view name, std::string_view expected) {
    report_.error("MF-1334", "extension", item_.place, item_.link_id,
                  fmt::format("The extension {} must hold {}.", name, expected));
  }

  void read_limits(std::string_view url, const Json& extension) {
    auto& limits = item_.limits;
    if (is_core(url, "minValue") || is_sdc(url, "minQuantity")) {
      read_bound(extension, limits.min_value);
    } else if (is_core(url, "maxValue") || is_sdc(url, "maxQuantity")) {
      read_bound(extension, limits.max_value);
    } else if (is_core(url, "minLength")) {
      read_count("minLength", extension, limits.min_length);
    } else if (is_core(url, "maxDecimalPlaces")) {
      read_count("maxDecimalPlaces", extension, limits.max_decimal_places);
    } else if (is_core(url, "questionnaire-minOccurs")) {
      read_count("minOccurs", extension, limits.min_occurs);
    } else if (is_core(url, "questionnaire-maxOccurs")) {
      read_count("maxOccurs", extension, limits.max_occurs);
    } else if (is_core(url, "maxSize")) {
      read_max_size(extension);
    } else if (is_core(url, "mimeType")) {
      read_code("mimeType", extension, limits.mime_types);
    } else if (is_core(url, "questionnaire-referenceResource")) {
      read_code("referenceResource", extension, limits.reference_types);
    } else if (is_core(url, "regex")) {
      read_pattern(extension);
    }
  }

  void read_rendering(std::string_view url, const Json& extension) {
    if (is_core(url, "questionnaire-hidden")) {
      const auto* value = extension.find("valueBoolean");
      item_.hidden = value != nullptr && value->is_bool() && *value->as_bool();
    } else if (is_core(url, "questionnaire-itemControl")) {
      const auto* value = extension.find("valueCodeableConcept");
      item_.item_control = value == nullptr ? std::string_view{} : first_code(*value);
    }
  }

  void read_units(std::string_view url, const Json& extension) {
    const auto* coding = extension.find("valueCoding");
    if (is_core(url, "questionnaire-unit") || is_core(url, "questionnaire-unitOption")) {
      if (coding == nullptr || !coding->is_object()) {
        unreadable("unit", "a Coding");
      } else if (is_core(url, "questionnaire-unit")) {
        item_.unit = *coding;
      } else {
        item_.unit_options.push_back(*coding);
      }
    } else if (is_sdc(url, "unitOpen") || is_core(url, "questionnaire-unitOpen")) {
      item_.unit_open = extension.string_of("valueCode");
    }
  }

  void read_count(std::string_view name, const Json& extension, std::optional<std::int64_t>& out) {
    out = whole_number(extension.find("valueInteger"));
    if (!out) {
      unreadable(name, "a whole number that is not negative");
    }
  }

  void read_code(std::string_view name, const Json& extension, std::vector<std::string>& out) {
    const auto code = extension.string_of("valueCode");
    if (code.empty()) {
      unreadable(name, "a code");
    } else {
      out.emplace_back(code);
    }
  }

  void read_max_size(const Json& extension) {
    const auto* value = extension.find("valueDecimal");
    if (value == nullptr || !value->is_number()) {
      unreadable("maxSize", "a decimal");
    } else {
      item_.limits.max_size = value->as_number()->text;
    }
  }

  void read_pattern(const Json& extension) {
    const auto expression = extension.string_of("valueString");
    if (expression.empty()) {
      unreadable("regex", "a string");
      return;
    }
    item_.limits.pattern = Pattern::compile(expression);
    if (item_.limits.pattern == nullptr) {
      report_.warning("MF-1335", "not-supported", item_.place, item_.link_id,
                      "The regular expression cannot be used; answers are not checked against it.");
    }
  }

  void read_bound(const Json& extension, std::optional<OwnedValue>& out) {
    const auto choice = choice_element(extension, "value");
    if (choice.extension_only) {
      report_.warning(
          "MF-1335", "not-supported", item_.place, item_.link_id,
          "The limit is computed by an expression; answers are not checked against it.");
      return;
    }
    if (choice.members != 1 || !choice.value || format_problem(*choice.value)) {
      unreadable("minValue or maxValue", "one well-formed value");
      return;
    }
    out = OwnedValue{choice.value->type, *choice.value->json};
    adopt_number_type(*out);
    if (!has_order(out->type) || !accepts(item_, out->type)) {
      unreadable("minValue or maxValue", "a value of the item's type");
      out.reset();
    }
  }

  // A decimal item may be bounded by an integer and the other way round: both are numbers.
  void adopt_number_type(OwnedValue& bound) const {
    const bool number = bound.type == ValueType::decimal || bound.type == ValueType::integer;
    if (number && item_.type == ItemType::decimal) {
      bound.type = ValueType::decimal;
    } else if (number && item_.type == ItemType::integer) {
      bound.type = ValueType::integer;
    }
  }

  FormItem& item_;
  FormReport& report_;
};

std::optional<EnableOperator> operator_of(std::string_view code) {
  constexpr std::array<std::pair<std::string_view, EnableOperator>, 7> table{{
      {"exists", EnableOperator::exists},
      {"=", EnableOperator::equals},
      {"!=", EnableOperator::not_equals},
      {">", EnableOperator::greater},
      {"<", EnableOperator::less},
      {">=", EnableOperator::at_least},
      {"<=", EnableOperator::at_most},
  }};
  const auto it = std::find_if(table.begin(), table.end(),
                               [code](const auto& row) { return row.first == code; });
  return it == table.end() ? std::nullopt : std::optional(it->second);
}

constexpr std::string_view translation_url = "http://hl7.org/fhir/StructureDefinition/translation";

std::vector<Translation> translations_of(const Json& element, std::string_view name) {
  std::vector<Translation> found;
  const auto* shadow = element.find(fmt::format("_{}", name));
  if (shadow == nullptr) {
    return found;
  }
  for (const auto& extension : shadow->array_of("extension")) {
    if (extension.string_of("url") != translation_url) {
      continue;
    }
    Translation translation;
    for (const auto& part : extension.array_of("extension")) {
      if (part.string_of("url") == "lang") {
        translation.language = part.string_of("valueCode");
      } else if (part.string_of("url") == "content") {
        const auto* markdown = part.find("valueMarkdown");
        translation.text = part.string_of(markdown == nullptr ? "valueString" : "valueMarkdown");
      }
    }
    found.push_back(std::move(translation));
  }
  return found;
}

// ordinalValue stands on the option or on its Coding; newer forms call it itemWeight.
std::string ordinal_of(const Json& option) {
  const auto* coding = option.find("valueCoding");
  for (const Json* owner : {&option, coding}) {
    if (owner == nullptr) {
      continue;
    }
    for (const auto& extension : owner->array_of("extension")) {
      const auto url = extension.string_of("url");
      const auto* value = extension.find("valueDecimal");
      if ((is_core(url, "ordinalValue") || is_core(url, "itemWeight")) && value != nullptr &&
          value->is_number()) {
        return value->as_number()->text;
      }
    }
  }
  return {};
}

std::vector<std::string> words_of(const Json& coding) {
  std::vector<std::string> words;
  if (const auto display = coding.string_of("display"); !display.empty()) {
    words.push_back(loose_form(display));
  }
  for (const auto& translation : translations_of(coding, "display")) {
    words.push_back(loose_form(translation.text));
  }
  return words;
}

bool is_exclusive(const Json& option) {
  for (const auto& extension : option.array_of("extension")) {
    const auto* value = extension.find("valueBoolean");
    if (is_core(extension.string_of("url"), "questionnaire-optionExclusive") && value != nullptr &&
        value->is_bool()) {
      return *value->as_bool();
    }
  }
  return false;
}

}  // namespace

class QuestionnaireLoader {
 public:
  explicit QuestionnaireLoader(const Json& resource) : resource_(resource) {}

  LoadedQuestionnaire load() {
    if (!resource_.is_object() || resource_.string_of("resourceType") != "Questionnaire") {
      report_.error("MF-1300", "structure", "", "", "The resource is not a Questionnaire.");
      return finish();
    }
    read_header();
    const std::string place = "Questionnaire";
    read_items(resource_, place, no_item, 0);
    form_.items_ = std::move(items_);
    resolve_conditions(form_.items_, form_, report_);
    form_.decision_order_ = decision_order(form_.items_, report_);
    return finish();
  }

 private:
  LoadedQuestionnaire finish() {
    LoadedQuestionnaire result{std::nullopt, report_.take()};
    if (!has_errors(result.issues)) {
      result.form = std::move(form_);
    }
    return result;
  }

  void read_header() {
    const std::string place = "Questionnaire";
    const std::string no_link_id;
    const Members members(resource_, place, no_link_id, report_);
    auto& header = form_.header_;
    header.url = members.text("url");
    header.version = members.text("version");
    header.name = members.text("name");
    header.title = members.text("title");
    header.status = members.text("status");
    header.language = members.text("language");
    if (const auto* period = resource_.find("effectivePeriod")) {
      header.effective_start = period->string_of("start");
      header.effective_end = period->string_of("end");
    }
    for (const auto* extension : members.objects("extension")) {
      if (is_sdc(extension->string_of("url"), "observationExtract")) {
        ItemExtensions::read_observation_extract(*extension, header.observation_extract);
      }
    }
    check_header();
    check_modifier(resource_, place, no_link_id);
    if (has_implicit_rules(resource_)) {
      report_.error("MF-1336", "not-supported", "Questionnaire.implicitRules", no_link_id,
                    "Implicit rules change the meaning in a way that is not understood here.");
    }
  }

  void check_header() {
    const auto& header = form_.header_;
    if (header.url.empty()) {
      report_.error("MF-1303", "required", "Questionnaire.url", "",
                    "The form has no canonical url, so no response can name it.");
    }
    if (header.version.empty()) {
      report_.warning("MF-1304", "required", "Questionnaire.version", "",
                      "The form has no version; responses to another version go unnoticed.");
    }
    constexpr std::array<std::string_view, 4> statuses{"draft", "active", "retired", "unknown"};
    if (std::find(statuses.begin(), statuses.end(), header.status) == statuses.end()) {
      report_.error("MF-1305", "code-invalid", "Questionnaire.status", "",
                    "The status must be draft, active, retired or unknown.");
    }
    if (!header.name.empty() && !is_code_safe(header.name)) {
      report_.warning("MF-1302", "invariant", "Questionnaire.name", "",
                      "The name should start with a capital letter and hold only letters, digits "
                      "and underscores (que-0).");
    }
    for (const auto* bound : {&header.effective_start, &header.effective_end}) {
      if (!bound->empty() && !parse_date_time(*bound)) {
        report_.error("MF-1301", "structure", "Questionnaire.effectivePeriod", "",
                      "The effective period must hold valid dates.");
      }
    }
  }

  static bool is_code_safe(std::string_view name) {
    const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    const auto is_word = [is_upper](char c) {
      return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    };
    return name.size() <= 255 && is_upper(name.front()) &&
           std::all_of(name.begin(), name.end(), is_word);
  }

  void check_modifier(const Json& element, const std::string& place, const std::string& link_id) {
    if (has_modifier(element)) {
      report_.error(
          "MF-1336", "not-supported", place, link_id,
          "A modifier extension changes the meaning in a way that is not understood here.");
    }
  }

  void read_items(const Json& owner, const std::string& owner_place, std::size_t parent,
                  std::size_t depth) {
    const auto* list = owner.find("item");
    if (list == nullptr) {
      return;
    }
    const auto* array = list->as_array();
    if (array == nullptr || depth >= max_depth) {
      report_.error("MF-1301", "structure", owner_place + ".item", "",
                    array == nullptr ? "The element \"item\" must be an array."
                                     : "Items are nested too deeply.");
      return;
    }
    for (std::size_t i = 0; i < array->size(); ++i) {
      auto place = fmt::format("{}.item[{}]", owner_place, i);
      if (!(*array)[i].is_object()) {
        report_.error("MF-1301", "structure", place, "", "An item must be an object.");
        continue;
      }
      read_item((*array)[i], std::move(place), parent, depth);
    }
  }

  void read_item(const Json& json, std::string place, std::size_t parent, std::size_t depth) {
    const auto index = items_.size();
    items_.emplace_back();
    FormItem item;
    item.parent = parent;
    item.depth = depth;
    item.place = place;
    read_identity(json, item, index);
    if (read_type(json, item)) {
      read_content(json, item);
      check_item_rules(item, json, report_);
    }
    items_[index] = std::move(item);
    read_items(json, place, index, depth + 1);
    items_[index].end = items_.size();
  }

  void read_identity(const Json& json, FormItem& item, std::size_t index) {
    item.link_id = Members(json, item.place, item.link_id, report_).text("linkId");
    if (item.link_id.empty()) {
      report_.error("MF-1306", "required", item.place + ".linkId", "", "The item has no linkId.");
    } else if (!form_.by_link_id_.emplace(item.link_id, index).second) {
      report_.error("MF-1307", "duplicate", item.place + ".linkId", item.link_id,
                    fmt::format("The linkId \"{}\" occurs more than once (que-2).", item.link_id));
    }
  }

  bool read_type(const Json& json, FormItem& item) {
    const auto code = Members(json, item.place, item.link_id, report_).text("type");
    const auto type = item_type_of(code);
    if (!type) {
      report_.error("MF-1308", "code-invalid", item.place + ".type", item.link_id,
                    code == "question" ? "The type \"question\" is abstract and cannot be answered."
                                       : "The item has no type of FHIR R4.");
      return false;
    }
    item.type = *type;
    return true;
  }

  void read_content(const Json& json, FormItem& item) {
    const Members members(json, item.place, item.link_id, report_);
    item.text = members.text("text");
    item.prefix = members.text("prefix");
    item.definition = members.text("definition");
    item.translations = translations_of(json, "text");
    item.required = members.flag("required");
    item.repeats = members.flag("repeats");
    item.read_only = members.flag("readOnly");
    item.limits.max_length = members.count("maxLength");
    item.answer_value_set = members.text("answerValueSet");
    for (const auto* code : members.objects("code")) {
      item.codes.push_back(*code);
    }
    check_modifier(json, item.place, item.link_id);
    read_options(members, item);
    read_value_set(item);
    read_initial(members, item);
    ItemExtensions extensions(item, report_);
    for (const auto* extension : members.objects("extension")) {
      extensions.read(*extension);
    }
    read_conditions(members, item);
    read_behavior(members, item);
  }

  void read_options(const Members& members, FormItem& item) {
    std::size_t i = 0;
    std::set<std::string> known;
    for (const auto* json : members.objects("answerOption")) {
      const auto place = fmt::format("{}.answerOption[{}]", item.place, i++);
      const auto choice = choice_element(*json, "value");
      if (choice.members != 1 || !choice.value || format_problem(*choice.value)) {
        report_.error("MF-1331", "structure", place, item.link_id,
                      "An answer option holds exactly one well-formed value.");
        continue;
      }
      AnswerOption option;
      option.value = {choice.value->type, *choice.value->json};
      option.exclusive = is_exclusive(*json);
      const auto* selected = json->find("initialSelected");
      option.initially_selected =
          selected != nullptr && selected->is_bool() && *selected->as_bool();
      option.ordinal = ordinal_of(*json);
      if (option.value.type == ValueType::coding) {
        option.words = words_of(option.value.json);
      }
      check_option(option, place, item);
      if (!known.insert(identity_key(option.value.ref())).second) {
        report_.error("MF-1332", "duplicate", place, item.link_id,
                      "The same answer option is listed twice.");
      }
      item.options.push_back(std::move(option));
    }
  }

  static bool is_option_type(ItemType item, ValueType value) {
    switch (value) {
      case ValueType::integer:
        return item == ItemType::integer || item == ItemType::choice ||
               item == ItemType::open_choice;
      case ValueType::date:
        return item == ItemType::date || item == ItemType::choice || item == ItemType::open_choice;
      case ValueType::time:
        return item == ItemType::time || item == ItemType::choice || item == ItemType::open_choice;
      case ValueType::string:
        return item == ItemType::string || item == ItemType::choice ||
               item == ItemType::open_choice;
      case ValueType::coding:
      case ValueType::reference:
        return item == ItemType::choice || item == ItemType::open_choice;
      default:
        return false;
    }
  }

  void check_option(const AnswerOption& option, const std::string& place, const FormItem& item) {
    if (!is_option_type(item.type, option.value.type)) {
      report_.error("MF-1331", "structure", place, item.link_id,
                    fmt::format("An option of type {} does not fit an item of type {}.",
                                fhir_name(option.value.type), fhir_name(item.type)));
    }
  }

  void read_value_set(FormItem& item) {
    if (item.answer_value_set.empty()) {
      return;
    }
    if (auto members = contained_value_set(resource_, item.answer_value_set)) {
      item.value_set_resolved = true;
      item.value_set_codings = *std::move(members);
    } else {
      report_.warning("MF-1333", "not-supported", item.place + ".answerValueSet", item.link_id,
                      "The value set is not contained in the form as a plain list; answers are not "
                      "checked against it.");
    }
  }

  void read_initial(const Members& members, FormItem& item) {
    for (const auto* json : members.objects("initial")) {
      const auto choice = choice_element(*json, "value");
      if (choice.members != 1 || !choice.value || format_problem(*choice.value) ||
          !(accepts(item, choice.value->type) || !is_question(item.type))) {
        report_.error("MF-1338", "structure", item.place + ".initial", item.link_id,
                      "An initial value is one well-formed value of the item's type.");
        continue;
      }
      item.initial.push_back({choice.value->type, *choice.value->json});
    }
  }

  void read_conditions(const Members& members, FormItem& item) {
    std::size_t i = 0;
    for (const auto* json : members.objects("enableWhen")) {
      const auto place = fmt::format("{}.enableWhen[{}]", item.place, i++);
      const auto op = operator_of(json->string_of("operator"));
      const auto choice = choice_element(*json, "answer");
      if (!op || json->string_of("question").empty() || choice.members != 1 || !choice.value ||
          format_problem(*choice.value)) {
        report_.error("MF-1315", "structure", place, item.link_id,
                      "A condition needs a question, an operator of FHIR R4 and one well-formed "
                      "answer.");
        continue;
      }
      EnableCondition condition;
      condition.question = json->string_of("question");
      condition.op = *op;
      condition.answer = {choice.value->type, *choice.value->json};
      check_modifier(*json, place, item.link_id);
      item.enable_when.push_back(std::move(condition));
    }
  }

  void read_behavior(const Members& members, FormItem& item) {
    const auto code = members.text("enableBehavior");
    if (code == "any") {
      item.enable_behavior = EnableBehavior::any;
    } else if (!code.empty() && code != "all") {
      report_.error("MF-1315", "code-invalid", item.place + ".enableBehavior", item.link_id,
                    "enableBehavior must be all or any.");
    } else if (code.empty() && item.enable_when.size() > 1) {
      report_.error("MF-1321", "invariant", item.place, item.link_id,
                    "More than one condition needs enableBehavior (que-12).");
    }
  }

  const Json& resource_;
  Questionnaire form_;
  std::vector<FormItem> items_;
  FormReport report_;
};

LoadedQuestionnaire load_questionnaire(const Json& resource) {
  return QuestionnaireLoader(resource).load();
}

}  // namespace myoflag::fhir
