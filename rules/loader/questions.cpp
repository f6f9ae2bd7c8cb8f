// questions.yaml
#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "rules/loader/context.h"

namespace myoflag::rules::loading {
namespace {

constexpr std::size_t kMaxOptions = 63;  // the last bit is kNotOffered
constexpr int kMaxScore = 15;

bool is_question(ItemType type) { return type != ItemType::group && type != ItemType::display; }
std::uint64_t bit(std::size_t index) { return index < 64 ? std::uint64_t{1} << index : 0; }

// The concept without what stands in brackets, else the question.
std::string short_name(const Item& item) {
  const std::string& text = item.concept_text.empty() ? item.text : item.concept_text;
  const std::size_t bracket = text.find(" (");
  return bracket == std::string::npos || bracket == 0 ? text : text.substr(0, bracket);
}

class QuestionReader {
 public:
  explicit QuestionReader(Context& context) : context_(context) {}

  void read(const Node& node) {
    const Fields fields(
        context_, node,
        {"linkId",  "group",        "type",      "text",       "label",      "help",
         "repeats", "required",     "concept",   "codes",      "options",    "enable",
         "min",     "max",          "unit",      "instrument", "sources",    "prefill",
         "note",    "context-only", "screening", "lasting",    "stays-true", "look-back-hours"});
    Item item;
    item.link_id = fields.id("linkId");
    item.text = fields.text("text");
    item.concept_text = fields.text_if("concept");
    item.label = fields.text_if("label");
    item.help = fields.text_if("help");
    if (item.label.empty()) {
      item.label = short_name(item);
    }
    item.prefill = fields.text_if("prefill");
    item.note = fields.text_if("note");
    item.instrument = fields.text_if("instrument");
    if (fields.find("screening") != nullptr &&
        fields.word("screening",
                    {"sdoh", "functional-status", "disability-status", "cognitive-status"}) >= 0) {
      item.screening = fields.text("screening");
    }
    item.repeats = fields.flag("repeats");
    item.required = fields.flag("required");
    item.context_only = fields.flag("context-only");
    item.lasting = fields.flag("lasting");
    item.stays_true = fields.flag("stays-true");
    if (fields.find("look-back-hours") != nullptr) {
      item.look_back_hours = fields.integer("look-back-hours", 1, kMaxHours);
    }
    item.codes = context_.codings(fields.find("codes"));
    item.sources = context_.find_all(context_.sources, fields.find("sources"));
    read_shape(fields, item);
    add(node, std::move(item));
  }

 private:
  // What decides which answers there can be.
  void read_shape(const Fields& fields, Item& item) {
    const std::size_t before = context_.found();
    read_type(fields, item);
    read_group(fields, item);
    read_options(fields, item);
    read_range(fields, item);
    if (type_known_) {
      check_keys_fit(fields, item);
    }
    read_enable(fields, item);
    if (context_.found() != before) {
      context_.doubtful.insert(static_cast<int>(items().size()));
    }
  }

  std::vector<Item>& items() { return context_.knowledge.items; }

  void read_type(const Fields& fields, Item& item) {
    const int type =
        fields.word("type", {"group", "display", "choice", "integer", "decimal", "text"});
    type_known_ = type >= 0;
    item.type = type_known_ ? static_cast<ItemType>(type) : ItemType::display;
    if (!type_known_) {
      context_.untyped.insert(static_cast<int>(items().size()));
    }
  }

  // The items of a group stand together, so that the order of the file is the order of the form.
  void read_group(const Fields& fields, Item& item) {
    const Node* group = fields.find("group");
    if (group == nullptr) {
      open_groups_.clear();
    } else if (const int parent = context_.find(context_.items, *group); parent >= 0) {
      item.parent = parent;
      check_group(*group, parent);
    }
    if (item.type == ItemType::group) {
      open_groups_.push_back(static_cast<int>(items().size()));
    }
  }

  void check_group(const Node& group, int parent) {
    const auto open = std::find(open_groups_.begin(), open_groups_.end(), parent);
    if (context_.untyped.contains(parent)) {
      return;
    }
    if (items()[static_cast<std::size_t>(parent)].type != ItemType::group) {
      context_.report(group, "MF-2031", fmt::format("`{}` is no group", group.text));
    } else if (open == open_groups_.end()) {
      context_.report(group, "MF-2031",
                      fmt::format("the items of group `{}` must stand together", group.text));
    } else {
      open_groups_.erase(open + 1, open_groups_.end());
    }
  }

  void read_options(const Fields& fields, Item& item) {
    const Node* list = fields.find("options");
    if (list == nullptr) {
      return;
    }
    const auto nodes = context_.list(*list);
    for (const Node& node : nodes.first(std::min(nodes.size(), kMaxOptions))) {
      const Fields option(context_, node, {"code", "text", "score", "codes"});
      read_option(option, item);
    }
    if (nodes.size() > kMaxOptions) {
      context_.report(nodes[kMaxOptions], "MF-2022",
                      fmt::format("a question has at most {} options", kMaxOptions));
    }
    for (std::size_t i = 0; i < item.options.size(); ++i) {
      item.all |= bit(i);
    }
    item.none = mask_of(item, "none");
    item.unsure = mask_of(item, "unsure");
    item.declined = mask_of(item, "prefer-not");
  }

  void read_option(const Fields& fields, Item& item) {
    Option option;
    option.code = fields.id("code");
    option.text = fields.text("text");
    option.codes = context_.codings(fields.find("codes"));
    if (const Node* score = fields.find("score")) {
      option.score = context_.integer(*score, 0, kMaxScore).value_or(0);
    }
    if (!option.code.empty() && item.option(option.code) >= 0) {
      context_.report(*fields.find("code"), "MF-2020",
                      fmt::format("option `{}` is defined twice", option.code));
    }
    item.options.push_back(std::move(option));
  }

  static std::uint64_t mask_of(const Item& item, std::string_view code) {
    const int option = item.option(code);
    return option < 0 ? 0 : bit(static_cast<std::size_t>(option));
  }

  void read_range(const Fields& fields, Item& item) {
    if (const Node* min = fields.find("min")) {
      item.min = context_.number(*min);
    }
    if (const Node* max = fields.find("max")) {
      item.max = context_.number(*max);
    }
    item.unit = fields.text_if("unit");
    if (item.min && item.max && *item.min > *item.max) {
      context_.report(*fields.find("max"), "MF-2015", "the largest value is below the smallest");
    }
  }

  void check_keys_fit(const Fields& fields, const Item& item) {
    const auto only_for = [&](std::string_view key, bool fits, std::string_view whom) {
      const Node* node = fields.find(key);
      if (node != nullptr && !fits) {
        context_.report(*node, "MF-2030", fmt::format("`{}` is for {} only", key, whom));
      }
    };
    const bool choice = item.type == ItemType::choice;
    only_for("options", choice, "questions of type choice");
    only_for("repeats", choice, "questions of type choice");
    only_for("lasting", choice, "questions of type choice");
    only_for("look-back-hours", choice, "questions of type choice");
    only_for("stays-true", choice && !item.lasting && item.look_back_hours == 0,
             "choices that are not lasting and look back on no time");
    only_for("min", item.is_numeric(), "numbers");
    only_for("max", item.is_numeric(), "numbers");
    only_for("unit", item.is_numeric(), "numbers");
    only_for("help", is_question(item.type), "questions");
    only_for("required", is_question(item.type), "questions");
    only_for("context-only", is_question(item.type), "questions");
    only_for("instrument", is_question(item.type), "questions");
    only_for("screening", is_question(item.type), "questions");
    if (choice && item.options.empty()) {
      context_.report(fields.node(), "MF-2011", "key `options` is missing");
    }
  }

  void read_enable(const Fields& fields, Item& item) {
    const Node* node = fields.find("enable");
    if (node == nullptr) {
      return;
    }
    const Fields enable(context_, *node, {"behavior", "when"});
    const auto list = enable.list("when");
    for (const Node& condition : list) {
      read_condition(condition, item);
    }
    const Node* when = enable.find("when");
    if (when != nullptr && when->kind == Node::Kind::sequence && list.empty()) {
      context_.report(*when, "MF-2017", "the list is empty");
    }
    if (list.size() > 1 || enable.find("behavior") != nullptr) {
      item.enable_any = enable.word("behavior", {"any", "all"}) != 1;
    }
  }

  void read_condition(const Node& node, Item& item) {
    const Fields fields(context_, node, {"question", "is", "not", "at-least", "at-most"});
    const Node* question = fields.need("question");
    const Item* asked = question != nullptr ? find_earlier(*question, item) : nullptr;
    constexpr std::pair<std::string_view, EnableWhen::Op> kOps[] = {
        {"is", EnableWhen::Op::is},
        {"not", EnableWhen::Op::is_not},
        {"at-least", EnableWhen::Op::at_least},
        {"at-most", EnableWhen::Op::at_most}};
    int found = 0;
    for (const auto& [key, op] : kOps) {
      const Node* value = fields.find(key);
      if (value == nullptr) {
        continue;
      }
      ++found;
      if (asked != nullptr) {
        add_condition(*value, *asked, op, item);
      }
    }
    if (found != 1 && fields.is_map()) {
      context_.report(node, "MF-2033", "expected exactly one of: is, not, at-least, at-most");
    }
  }

  const Item* find_earlier(const Node& question, const Item& item) {
    if (question.kind == Node::Kind::scalar && question.text == item.link_id) {
      context_.report(question, "MF-2032", "a question cannot depend on itself");
      return nullptr;
    }
    if (question.kind == Node::Kind::scalar && later_.contains(question.text) &&
        !context_.items.index.contains(question.text)) {
      context_.report(question, "MF-2032",
                      fmt::format("question `{}` comes later in the form", question.text));
      return nullptr;
    }
    const int index = context_.find(context_.items, question);
    return index < 0 ? nullptr : &items()[static_cast<std::size_t>(index)];
  }

  void add_condition(const Node& value, const Item& asked, EnableWhen::Op op, Item& item) {
    EnableWhen when;
    when.item = static_cast<int>(&asked - items().data());
    when.op = op;
    const bool by_option = op == EnableWhen::Op::is || op == EnableWhen::Op::is_not;
    if (context_.untyped.contains(when.item)) {
      return;
    }
    const bool fits = by_option ? asked.type == ItemType::choice : asked.is_numeric();
    if (!fits) {
      context_.report(
          value, "MF-2033",
          fmt::format("question `{}` is not of the type this condition needs", asked.link_id));
      return;
    }
    if (by_option) {
      when.options = context_.options(asked, value);
    } else {
      when.limit = context_.number(value).value_or(Number{});
    }
    item.enable.push_back(when);
  }

  void add(const Node& node, Item item) {
    context_.define(context_.items, node, item.link_id, items().size());
    items().push_back(std::move(item));
  }

 public:
  // Names that stand anywhere in the file: to tell "later" from "nowhere".
  std::set<std::string, std::less<>> later_;

 private:
  Context& context_;
  std::vector<int> open_groups_;  // from the outermost to the innermost
  bool type_known_ = false;
};

}  // namespace

void read_questions(Context& context, const Node& root) {
  const Fields fields(context, root, {"items"});
  const auto list = fields.list_of("items", context.items);
  QuestionReader reader(context);
  for (const Node& node : list) {
    if (const Node* link_id = node.find("linkId")) {
      reader.later_.insert(link_id->text);
    }
  }
  context.knowledge.items.reserve(list.size());
  for (const Node& node : list.first(std::min(list.size(), kMaxItems))) {
    reader.read(node);
  }
  if (list.size() > kMaxItems) {
    context.items.complete = false;
    context.report(list[kMaxItems], "MF-2022",
                   fmt::format("a form has at most {} items", kMaxItems));
  }
}

}  // namespace myoflag::rules::loading
