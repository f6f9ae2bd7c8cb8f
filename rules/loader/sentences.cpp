// advice.yaml, text.en.yaml
#include <algorithm>

#include <fmt/format.h>

#include "rules/loader/context.h"
#include "rules/texts.h"

namespace myoflag::rules::loading {
namespace {

using Words = std::vector<std::string_view>;

Words words_of(std::string_view text) {
  Words words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

bool contains(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

struct Placeholders {
  Words needs, may;
};
using SaidKeys = std::map<std::string, Placeholders, std::less<>>;

// Every sentence the program says.
SaidKeys said_keys(const Knowledge& knowledge) {
  SaidKeys said;
  for (const TextKey& key : text_keys()) {
    said.emplace(key.key, Placeholders{words_of(key.needs), words_of(key.may)});
  }
  for (const WorkupCategory& category : knowledge.workup_categories) {
    said.emplace("explain-category-" + category.id, Placeholders());
  }
  return said;
}

Words known_words(const Placeholders& placeholders) {
  Words known = placeholders.needs;
  known.insert(known.end(), placeholders.may.begin(), placeholders.may.end());
  return known;
}

// What stands between braces, each with its place; a brace without its partner is reported.
std::vector<std::pair<std::size_t, std::string_view>> braced(Context& context, const Node& value) {
  std::vector<std::pair<std::size_t, std::string_view>> found;
  const std::string_view text = value.text;
  for (std::size_t at = text.find_first_of("{}"); at != std::string_view::npos;
       at = text.find_first_of("{}", at + 1)) {
    const std::size_t end = text.find_first_of("{}", at + 1);
    if (text[at] == '}' || end == std::string_view::npos || text[end] == '{') {
      context.report_inside(value, at, "MF-2018", "a brace without its partner");
      continue;
    }
    found.emplace_back(at, text.substr(at + 1, end - at - 1));
    at = end;
  }
  return found;
}

bool has_both_words(const Placeholder& placeholder) {
  const auto is_word = [](std::string_view text) {
    return !text.empty() && text.find_first_of("|:") == std::string_view::npos;
  };
  return is_word(placeholder.one) && is_word(placeholder.other);
}

void check_placeholders(Context& context, const Node& value, const Placeholders& placeholders) {
  const Words known = known_words(placeholders);
  Words held;
  for (const auto& [at, inside] : braced(context, value)) {
    const Placeholder placeholder = read_placeholder(inside);
    const std::string_view name = placeholder.name;
    held.push_back(name);
    if (placeholder.counted && !has_both_words(placeholder)) {
      context.report_inside(value, at, "MF-2018",
                            "after the colon stand the word for one and the word for more, as in "
                            "`{days:day|days}`");
    }
    if (!contains(known, name)) {
      context.report_inside(value, at, "MF-2018",
                            fmt::format("nothing is filled in for `{{{}}}` here{}",
                                        excerpt_of(name.substr(0, 80)), suggestion(name, known)));
    }
  }
  for (const std::string_view name : placeholders.needs) {
    if (!contains(held, name)) {
      context.report(value, "MF-2018", fmt::format("`{{{}}}` must stand in this sentence", name));
    }
  }
}

void read_sentence(Context& context, const SaidKeys& said, const Node& key, const Node& value) {
  const bool is_id = context.id(key);
  auto text = context.text(value);
  if (!is_id || !text) {
    return;
  }
  if (const auto found = said.find(key.text); found != said.end()) {
    check_placeholders(context, value, found->second);
  } else if (context.workups.complete || !key.text.starts_with("explain-category-")) {
    Words known;
    for (const auto& [name, placeholders] : said) {
      known.push_back(name);
    }
    context.report(key, "MF-2012",
                   fmt::format("no sentence of the name `{}` is said{}", key.text,
                               suggestion(key.text, known)));
  }
  if (key.text == "patient-neutral") {
    check_times(context, value, context.times, 0);
  }
  if (!context.knowledge.texts.emplace(key.text, std::move(*text)).second) {
    context.report(key, "MF-2013", fmt::format("key `{}` stands twice", key.text));
  }
}

}  // namespace

void read_english_times(Context& context, const Node& root) {
  if (const Node* times = root.find("times")) {
    context.times = read_time_words(context, *times);
  }
}

void read_advice(Context& context, const Node& root) {
  auto& list = context.knowledge.advice;
  const Fields file(context, root, {"advice"});
  for (const Node& node : file.list_of("advice", context.advice)) {
    const Fields fields(context, node, {"id", "text", "when", "rules", "sources"});
    Advice advice;
    advice.id = fields.id("id");
    advice.text = fields.text("text");
    if (const Node* text = fields.find("text")) {
      check_times(context, *text, context.times, 0);
    }
    const int when = fields.word("when", {"not-emergency", "fired", "free-text"});
    advice.when = static_cast<Advice::When>(std::max(when, 0));
    advice.rules = context.find_all(context.rules, fields.find("rules"));
    advice.sources = context.find_all(context.sources, fields.need("sources"));
    const Node* rules = fields.find("rules");
    if (when == 1 && (rules == nullptr || rules->items.empty())) {
      context.report(node, "MF-2011", "advice with `when: fired` needs the key `rules`");
    }
    if (when != 1 && when >= 0 && rules != nullptr) {
      context.report(*rules, "MF-2030", "`rules` is for `when: fired` only");
    }
    context.define(context.advice, node, advice.id, list.size());
    list.push_back(std::move(advice));
  }
}

void read_texts(Context& context, const Node& root) {
  const Fields file(context, root, {"text", "times"});
  file.need("times");  // read before all else
  const Node* map = file.need("text");
  if (map == nullptr) {
    return;
  }
  if (map->kind != Node::Kind::map) {
    context.report(*map, "MF-2010", "expected a map of sentences here");
    return;
  }
  const SaidKeys said = said_keys(context.knowledge);
  for (const auto& [key, value] : map->fields) {
    read_sentence(context, said, key, value);
  }
  for (const auto& [key, placeholders] : said) {
    if (map->find(key) == nullptr) {
      context.report(*map, "MF-2011", fmt::format("the sentence `{}` is missing", key));
    }
  }
}

}  // namespace myoflag::rules::loading
