#include "tests/fhir_forms/random_form.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "tests/fhir_forms/case_files.h"

namespace myoflag::fhir::testing {

namespace {

std::size_t below(Random& random, std::size_t limit) { return random() % limit; }
bool one_in(Random& random, std::size_t n) { return below(random, n) == 0; }

const std::string& pick(Random& random, const std::vector<std::string>& from) {
  return from[below(random, from.size())];
}

const std::vector<std::string> question_types{
    "boolean", "decimal", "integer", "date",     "dateTime",    "time",      "string",
    "text",    "url",     "choice",  "quantity", "open-choice", "reference", "attachment"};

struct Value {
  std::string member;  // "Coding" of valueCoding and answerCoding
  Json json;
};

// Few different values, so that conditions are met often.
Value random_value(const std::string& type, Random& random) {
  const int n = static_cast<int>(below(random, 3)) + 1;
  if (type == "boolean") {
    return {"Boolean", n > 1};
  }
  if (type == "decimal") {
    return {"Decimal", Json::Number{fmt::format("{}.50", n)}};
  }
  if (type == "integer") {
    return {"Integer", n};
  }
  if (type == "date") {
    return {"Date", fmt::format("2024-0{}-01", n)};
  }
  if (type == "dateTime") {
    return {"DateTime", fmt::format("2024-0{}-01T10:00:00Z", n)};
  }
  if (type == "time") {
    return {"Time", fmt::format("0{}:00:00", n)};
  }
  if (type == "string" || type == "text") {
    return {"String", fmt::format("text {}", n)};
  }
  if (type == "url") {
    return {"Uri", fmt::format("http://example.org/{}", n)};
  }
  if (type == "choice" || type == "open-choice") {
    if (type == "open-choice" && one_in(random, 3)) {
      return {"String", "something else"};
    }
    return {"Coding",
            Json::object({{"system", "http://example.org/cs"}, {"code", fmt::to_string(n)}})};
  }
  if (type == "quantity") {
    return {"Quantity",
            Json::object({{"value", n}, {"system", "http://unitsofmeasure.org"}, {"code", "mg"}})};
  }
  if (type == "reference") {
    return {"Reference", Json::object({{"reference", fmt::format("Patient/{}", n)}})};
  }
  return {"Attachment", Json::object({{"contentType", "text/plain"}, {"data", "YWJj"}})};
}

struct Asked {
  std::string link_id;
  std::string type;
  bool many = false;  // it, or a group around it, repeats
};

class FormMaker {
 public:
  explicit FormMaker(Random& random) : random_(random) {}

  Json items(int depth, bool many) {
    Json list = Json::array();
    const auto count = 1 + below(random_, depth == 0 ? 6 : 3);
    for (std::size_t i = 0; i < count; ++i) {
      list.push(item(depth, many));
    }
    return list;
  }

 private:
  Json item(int depth, bool many) {
    const bool group = depth < 3 && one_in(random_, 3);
    const auto type = group                 ? "group"
                      : one_in(random_, 12) ? "display"
                                            : pick(random_, question_types);
    Json item =
        Json::object({{"linkId", fmt::format("q{}", ++count_)}, {"type", type}, {"text", type}});
    const auto link_id = std::string(item.string_of("linkId"));
    add_conditions(item);
    if (type == "display") {
      return item;
    }
    const bool repeats = one_in(random_, 3);
    item.set("repeats", repeats);
    item.set("required", one_in(random_, 2));
    add_options(item, type);
    if (!group) {
      asked_.push_back({link_id, type, many || repeats});
    }
    if (group || (depth < 3 && one_in(random_, 6))) {
      item.set("item", items(depth + 1, many || repeats));
    }
    return item;
  }

  void add_options(Json& item, const std::string& type) {
    if (type != "choice" && type != "open-choice") {
      return;
    }
    Json options;
    for (int n = 1; n <= 3; ++n) {
      Json option;
      option.set("valueCoding",
                 Json::object({{"system", "http://example.org/cs"}, {"code", fmt::to_string(n)}}));
      options.push(option);
    }
    item.set("answerOption", options);
  }

  // Only questions that came before, so that there is no circle.
  void add_conditions(Json& item) {
    if (asked_.empty() || one_in(random_, 2)) {
      return;
    }
    Json conditions;
    const auto count = 1 + below(random_, 3);
    for (std::size_t i = 0; i < count; ++i) {
      conditions.push(condition(asked_[below(random_, asked_.size())]));
    }
    item.set("enableWhen", conditions);
    if (count > 1) {
      item.set("enableBehavior", one_in(random_, 2) ? "all" : "any");
    }
  }

  Json condition(const Asked& asked) {
    Json condition = Json::object({{"question", asked.link_id}});
    const bool comparable = asked.type != "url" && asked.type != "attachment";
    if (!comparable || one_in(random_, 4)) {
      condition.set("operator", "exists");
      condition.set("answerBoolean", one_in(random_, 2));
      return condition;
    }
    std::vector<std::string> operators{"="};
    if (!asked.many) {
      operators.push_back("!=");
    }
    const std::vector<std::string> ordered{"decimal",  "integer", "date",
                                           "dateTime", "time",    "quantity"};
    if (std::find(ordered.begin(), ordered.end(), asked.type) != ordered.end()) {
      operators.insert(operators.end(), {">", "<", ">=", "<="});
    }
    const auto value = random_value(asked.type, random_);
    condition.set("operator", pick(random_, operators));
    condition.set("answer" + value.member, value.json);
    return condition;
  }

  Random& random_;
  int count_ = 0;
  std::vector<Asked> asked_;
};

Json answered(const Json& form_items, Random& random);

Json answer_to(const Json& form_item, Random& random) {
  const auto value = random_value(std::string(form_item.string_of("type")), random);
  Json answer = Json::object({{"value" + value.member, value.json}});
  if (!form_item.array_of("item").empty()) {
    answer.set("item", answered(*form_item.find("item"), random));
  }
  return answer;
}

std::size_t times(const Json& form_item, Random& random) {
  const auto* repeats = form_item.find("repeats");
  return repeats != nullptr && *repeats->as_bool() ? 1 + below(random, 2) : 1;
}

Json answered(const Json& form_items, Random& random) {
  Json items;
  for (const auto& form_item : *form_items.as_array()) {
    const auto type = form_item.string_of("type");
    const Json start = Json::object(
        {{"linkId", form_item.string_of("linkId")}, {"text", form_item.string_of("text")}});
    const auto count = times(form_item, random);
    if (type == "display") {
      items.push(start);
    } else if (type == "group") {
      for (std::size_t i = 0; i < count; ++i) {
        auto item = start;
        item.set("item", answered(*form_item.find("item"), random));
        items.push(item);
      }
    } else {
      auto item = start;
      Json answers;
      for (std::size_t i = 0; i < count; ++i) {
        answers.push(answer_to(form_item, random));
      }
      item.set("answer", answers);
      items.push(item);
    }
  }
  return items;
}

}  // namespace

Json random_form(Random& random) {
  return form_with(Json::object({{"item", FormMaker(random).items(0, false)}}));
}

Json full_response(const Json& form, Random& random) {
  return response_with(Json::object({{"item", answered(*form.find("item"), random)}}));
}

namespace {

// Every element below, parents first.
void collect(Json& json, std::vector<Json*>& out) {
  out.push_back(&json);
  if (auto* array = json.as_array()) {
    for (auto& element : *array) {
      collect(element, out);
    }
  } else if (auto* object = json.as_object()) {
    for (auto& member : *object) {
      collect(member.value, out);
    }
  }
}

void spoil_once(Json& items, Random& random) {
  std::vector<Json*> all;
  collect(items, all);
  auto& target = *all[below(random, all.size())];
  const auto copy = *all[below(random, all.size())];
  if (auto* array = target.as_array(); array != nullptr && !array->empty() && one_in(random, 2)) {
    if (one_in(random, 2)) {
      array->erase(array->begin() + static_cast<std::ptrdiff_t>(below(random, array->size())));
    } else {
      array->push_back(copy);
    }
    return;
  }
  if (auto* object = target.as_object();
      object != nullptr && !object->empty() && one_in(random, 2)) {
    if (one_in(random, 2)) {
      object->erase(object->begin() + static_cast<std::ptrdiff_t>(below(random, object->size())));
    } else {
      target.set(one_in(random, 2) ? "item" : "answer", copy);
    }
    return;
  }
  target = one_in(random, 2) ? copy : Json(one_in(random, 2) ? Json("q1") : Json(7));
}

}  // namespace

Json spoilt(Json response, Random& random) {
  if (auto* items = response.find("item")) {
    const auto count = 1 + below(random, 4);
    for (std::size_t i = 0; i < count; ++i) {
      spoil_once(*items, random);
    }
  }
  return response;
}

namespace {

// One item of the response with the steps that lead to it, from the top.
struct Step {
  std::string link_id;
  std::string item_place;
  std::string answer_place;  // set on all but the last step when the way goes through an answer
};

struct Node {
  std::vector<Step> way;
  std::vector<const Json*> answers;
};

void walk(const Json& owner, const std::string& place, const std::vector<Step>& way,
          std::vector<Node>& out) {
  const auto& items = owner.array_of("item");
  for (std::size_t i = 0; i < items.size(); ++i) {
    Node node;
    node.way = way;
    node.way.push_back(
        {std::string(items[i].string_of("linkId")), fmt::format("{}.item[{}]", place, i), ""});
    const auto here = node.way;
    const auto item_place = here.back().item_place;
    const auto& answers = items[i].array_of("answer");
    for (const auto& answer : answers) {
      node.answers.push_back(&answer);
    }
    out.push_back(node);
    walk(items[i], item_place, here, out);
    for (std::size_t a = 0; a < answers.size(); ++a) {
      auto below_answer = here;
      below_answer.back().answer_place = fmt::format("{}.answer[{}]", item_place, a);
      walk(answers[a], below_answer.back().answer_place, below_answer, out);
    }
  }
}

using FormPaths =
    std::map<std::string, std::vector<std::string>>;  // linkId -> linkIds from the top to it

void index_form(const Json& owner, const std::vector<std::string>& above, FormPaths& paths,
                std::map<std::string, const Json*>& items) {
  for (const auto& item : owner.array_of("item")) {
    auto path = above;
    path.emplace_back(item.string_of("linkId"));
    paths[path.back()] = path;
    items[path.back()] = &item;
    index_form(item, path, paths, items);
  }
}

class PlainReading {
 public:
  PlainReading(const Json& form, const Json& response) {
    index_form(form, {}, paths_, form_items_);
    walk(response, "QuestionnaireResponse", {}, nodes_);
  }

  std::vector<std::string> disabled() const {
    std::vector<std::string> places;
    for (const auto& node : nodes_) {
      if (!is_enabled(node.way)) {
        places.push_back(node.way.back().item_place);
      }
    }
    return places;
  }

 private:
  bool is_enabled(const std::vector<Step>& way) const {
    if (way.size() > 1 && !is_enabled({way.begin(), way.end() - 1})) {
      return false;
    }
    const auto& item = *form_items_.at(way.back().link_id);
    const auto& conditions = item.array_of("enableWhen");
    const auto met = [&](const Json& condition) { return is_met(condition, way); };
    if (conditions.empty()) {
      return true;
    }
    return item.string_of("enableBehavior") == "any"
               ? std::any_of(conditions.begin(), conditions.end(), met)
               : std::all_of(conditions.begin(), conditions.end(), met);
  }

  // The text that the places of all answers that count start with.
  std::string scope(const std::string& question, const std::vector<Step>& way) const {
    const auto& path = paths_.at(question);
    std::string prefix = "QuestionnaireResponse";
    for (std::size_t i = 0; i + 1 < way.size() && i < path.size() && way[i].link_id == path[i];
         ++i) {
      const bool is_question_itself = i + 1 == path.size();
      prefix = way[i].answer_place.empty() || is_question_itself ? way[i].item_place
                                                                 : way[i].answer_place;
    }
    return prefix;
  }

  bool is_met(const Json& condition, const std::vector<Step>& way) const {
    const std::string question(condition.string_of("question"));
    const auto prefix = scope(question, way);
    std::vector<const Json*> answers;
    for (const auto& node : nodes_) {
      const auto& place = node.way.back().item_place;
      const bool inside = place == prefix || place.starts_with(prefix + ".");
      if (node.way.back().link_id == question && inside && is_enabled(node.way)) {
        answers.insert(answers.end(), node.answers.begin(), node.answers.end());
      }
    }
    return decide(std::string(condition.string_of("operator")), condition, answers);
  }

  static bool decide(const std::string& op, const Json& condition,
                     const std::vector<const Json*>& answers) {
    if (op == "exists") {
      return *condition.find("answerBoolean")->as_bool() == !answers.empty();
    }
    const auto expected = *choice_element(condition, "answer").value;
    const auto some = [&](auto test) {
      return std::any_of(answers.begin(), answers.end(), [&](const Json* answer) {
        const auto value = *choice_element(*answer, "value").value;
        return value.type == expected.type && test(value);
      });
    };
    if (op == "=") {
      return some([&](ValueRef value) { return equal(value, expected) == Truth::yes; });
    }
    if (op == "!=") {
      return !answers.empty() &&
             !some([&](ValueRef value) { return equal(value, expected) == Truth::yes; });
    }
    return some([&](ValueRef value) {
      const auto order = compare(value, expected).value();
      return op == ">" ? order > 0 : op == "<" ? order < 0 : op == ">=" ? order >= 0 : order <= 0;
    });
  }

  FormPaths paths_;
  std::map<std::string, const Json*> form_items_;
  std::vector<Node> nodes_;
};

}  // namespace

std::vector<std::string> plainly_disabled(const Json& form, const Json& response) {
  return PlainReading(form, response).disabled();
}

}  // namespace myoflag::fhir::testing
