// cases.yaml, seeds.yaml
#include <algorithm>

#include <fmt/format.h>

#include "rules/loader/context.h"

namespace myoflag::rules::loading {
namespace {

using Answers = std::map<std::string, std::vector<std::string>>;

// One answer: options of a choice, a number, or a text.
std::vector<std::string> read_answer(Context& context, const Item& item, const Node& node) {
  switch (item.type) {
    case ItemType::choice:
      if (node.kind == Node::Kind::sequence && node.items.size() > 1 && !item.repeats) {
        context.report(node, "MF-2060",
                       fmt::format("question `{}` takes one answer", item.link_id));
      }
      context.options(item, node);
      return context.one_or_more(node);
    case ItemType::integer:
    case ItemType::decimal:
      if (!context.number(node)) {
        return {};
      }
      return {*context.text(node)};
    case ItemType::text:
      return {context.text(node).value_or("")};
    default:
      context.report(node, "MF-2060", fmt::format("`{}` is no question", item.link_id));
      return {};
  }
}

// Answers of a map; later ones replace earlier ones of the same question.
void read_answers(Context& context, const Node& map, Answers& answers) {
  if (map.kind != Node::Kind::map) {
    context.report(map, "MF-2010", "expected a map of answers here");
    return;
  }
  std::set<std::string_view> seen;
  for (const auto& [key, value] : map.fields) {
    const int index = context.find(context.items, key);
    if (!seen.insert(key.text).second) {
      context.report(key, "MF-2013", fmt::format("key `{}` stands twice", key.text));
    }
    if (index >= 0 && !context.untyped.contains(index)) {
      answers[key.text] =
          read_answer(context, context.knowledge.items[static_cast<std::size_t>(index)], value);
    }
  }
}

std::vector<std::string> read_options_of(Context& context, const Node* list, int item_index) {
  if (list == nullptr || item_index < 0) {
    return {};
  }
  context.options(context.knowledge.items[static_cast<std::size_t>(item_index)], *list);
  return context.texts(*list);
}

void read_case_context(Context& context, const Node& node, Case& out) {
  const Fields fields(context, node, {"labs", "medicines", "conditions", "age"});
  if (const Node* labs = fields.find("labs")) {
    if (labs->kind != Node::Kind::map) {
      context.report(*labs, "MF-2010", "expected a map of laboratory values here");
    }
    for (const auto& [key, value] : labs->fields) {
      if (context.find(context.labs, key) >= 0 && context.number(value)) {
        out.labs[key.text] = *context.text(value);
      }
    }
  }
  const Bindings& bindings = context.knowledge.bindings;
  out.medicines = read_options_of(context, fields.find("medicines"), bindings.medicines);
  out.conditions = read_options_of(context, fields.find("conditions"), bindings.conditions);
  if (const Node* age = fields.find("age")) {
    out.age = context.number(*age);
  }
}

void read_case(Context& context, const Node& node, const Answers& base) {
  const Fields fields(context, node,
                      {"name", "change", "omit", "blank", "context", "tier", "fires"});
  Case out;
  out.name = fields.text("name");
  if (!fields.flag("blank")) {
    out.answers = base;
  }
  for (const Node& link_id : fields.list_if("omit")) {
    if (context.find(context.items, link_id) >= 0) {
      out.answers.erase(link_id.text);
    }
  }
  if (const Node* change = fields.find("change")) {
    read_answers(context, *change, out.answers);
  }
  if (const Node* record = fields.find("context")) {
    read_case_context(context, *record, out);
  }
  if (const Node* tier = fields.need("tier")) {
    out.tier = context.tier(*tier).value_or(Tier::routine);
  }
  for (const Node& id : fields.list("fires")) {
    if (context.find(context.fired, id) >= 0) {
      out.fires.push_back(*context.text(id));
    }
  }
  context.knowledge.cases.push_back(std::move(out));
}

void read_seed(Context& context, const Node& node) {
  const Fields fields(context, node,
                      {"id", "category", "fact", "coverage", "covered-by", "flag", "explanation"});
  Seed seed;
  seed.id = fields.text("id");
  seed.category = fields.id("category");
  seed.fact = fields.text("fact");
  seed.coverage = fields.text("coverage");
  seed.flag = fields.text_if("flag");
  seed.explanation = fields.text_if("explanation");
  if (const Node* covered = fields.find("covered-by")) {
    seed.covered_by = context.texts(*covered);
  }
  context.define(context.seeds, node, seed.id, context.knowledge.seeds.size());
  context.knowledge.seeds.push_back(std::move(seed));
}

}  // namespace

void read_cases(Context& context, const Node& root) {
  const Fields file(context, root, {"base", "cases"});
  Answers base;
  if (const Node* answers = file.need("base")) {
    read_answers(context, *answers, base);
  }
  Names names{"case", {}, {}};
  std::size_t index = 0;
  for (const Node& node : file.list("cases")) {
    read_case(context, node, base);
    context.define(names, node, context.knowledge.cases.back().name, index++);
  }
}

void read_seeds(Context& context, const Node& root) {
  const Fields file(context, root, {"seeds"});
  for (const Node& node : file.list("seeds")) {
    read_seed(context, node);
  }
}

}  // namespace myoflag::rules::loading
