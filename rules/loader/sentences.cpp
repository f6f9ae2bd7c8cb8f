// advice.yaml, text.en.yaml
#include <fmt/format.h>

#include "rules/explain.h"
#include "rules/loader/context.h"
#include "rules/texts.h"

namespace myoflag::rules::loading {

void read_advice(Context& context, const Node& root) {
  auto& list = context.knowledge.advice;
  const Fields file(context, root, {"advice"});
  for (const Node& node : file.list_of("advice", context.advice)) {
    const Fields fields(context, node, {"id", "text", "when", "rules", "sources"});
    Advice advice;
    advice.id = fields.id("id");
    advice.text = fields.text("text");
    const int when = fields.word("when", {"always", "fired"});
    advice.when = when == 1 ? Advice::When::fired : Advice::When::always;
    advice.rules = context.find_all(context.rules, fields.find("rules"));
    advice.sources = context.find_all(context.sources, fields.need("sources"));
    const Node* rules = fields.find("rules");
    if (when == 1 && (rules == nullptr || rules->items.empty())) {
      context.report(node, "MF-2011", "advice with `when: fired` needs the key `rules`");
    }
    if (when == 0 && rules != nullptr) {
      context.report(*rules, "MF-2030", "`rules` is for `when: fired` only");
    }
    context.define(context.advice, node, advice.id, list.size());
    list.push_back(std::move(advice));
  }
}

void read_texts(Context& context, const Node& root) {
  const Fields file(context, root, {"text"});
  const Node* map = file.need("text");
  if (map == nullptr) {
    return;
  }
  if (map->kind != Node::Kind::map) {
    context.report(*map, "MF-2010", "expected a map of sentences here");
    return;
  }
  for (const auto& [key, value] : map->fields) {
    const bool is_id = context.id(key);
    auto text = context.text(value);
    if (is_id && text && !context.knowledge.texts.emplace(key.text, std::move(*text)).second) {
      context.report(key, "MF-2013", fmt::format("key `{}` stands twice", key.text));
    }
  }
  for (const auto keys :
       {assessment_text_keys(), result_text_keys(), record_text_keys(), explanation_text_keys()}) {
    for (const auto key : keys) {
      if (map->find(key) == nullptr) {
        context.report(*map, "MF-2011", fmt::format("the sentence `{}` is missing", key));
      }
    }
  }
}

}  // namespace myoflag::rules::loading
