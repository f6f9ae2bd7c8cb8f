// knowledge.yaml
#include <algorithm>

#include <fmt/format.h>

#include "rules/loader/context.h"

namespace myoflag::rules::loading {
namespace {

void read_version(Context& context, const Fields& fields) {
  context.knowledge.version = fields.text("version");
  const std::string& version = context.knowledge.version;
  const auto dots = std::count(version.begin(), version.end(), '.');
  const bool good = dots == 2 && version.find("..") == std::string::npos &&
                    version.front() != '.' && version.back() != '.' &&
                    std::all_of(version.begin(), version.end(),
                                [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
  if (!version.empty() && !good) {
    context.report(*fields.find("version"), "MF-2015", "expected a version such as 1.2.0");
  }
}

// A tier's sentences for the patient, in the order the explanation chooses by.
std::vector<Headline> read_headlines(Context& context, const Fields& tier) {
  std::vector<Headline> headlines;
  for (const Node& node : tier.list("patient")) {
    const Fields fields(context, node, {"within-hours", "text"});
    Headline headline;
    headline.text = fields.text("text");
    if (const Node* hours = fields.find("within-hours")) {
      headline.within_hours = context.integer(*hours, 0, kMaxHours);
    }
    const Node* text = fields.find("text");
    if (text != nullptr && (headline.within_hours || fields.find("within-hours") == nullptr)) {
      check_times(context, *text, context.times, headline.within_hours.value_or(0));
    }
    if (!headlines.empty() &&
        (!headlines.back().within_hours ||
         (headline.within_hours && *headline.within_hours <= *headlines.back().within_hours))) {
      context.report(node, "MF-2014",
                     "the sentence with the shortest time comes first, one without a time last");
    }
    headlines.push_back(std::move(headline));
  }
  const Node* list = tier.find("patient");
  if (headlines.empty() && list != nullptr && list->kind == Node::Kind::sequence) {
    context.report(*list, "MF-2017", "the list is empty");
  }
  return headlines;
}

void read_tiers(Context& context, const Fields& fields) {
  const Node* node = fields.need("tiers");
  if (node == nullptr) {
    return;
  }
  const auto list = context.list(*node);
  if (node->kind == Node::Kind::sequence && list.size() != kTiers.size()) {
    context.report(*node, "MF-2014", "exactly five tiers, most urgent first");
  }
  for (std::size_t i = 0; i < list.size() && i < kTiers.size(); ++i) {
    const Tier expected = kTiers[kTiers.size() - 1 - i];
    const Fields tier(context, list[i], {"code", "label", "meaning", "patient", "priority"});
    const Node* code = tier.need("code");
    const auto named = code != nullptr ? context.tier(*code) : std::nullopt;
    if (named && *named != expected) {
      context.report(
          *code, "MF-2014",
          fmt::format("tiers stand most urgent first: expected `{}` here", code_of(expected)));
    }
    TierInfo& info = context.knowledge.tiers[static_cast<std::size_t>(expected)];
    info.label = tier.text("label");
    info.meaning = tier.text("meaning");
    info.patient = read_headlines(context, tier);
    if (tier.word("priority", {"stat", "urgent", "asap", "routine"}) >= 0) {
      info.priority = tier.text("priority");
    }
  }
}

bool is_set_name(std::string_view name) {
  return !name.empty() && name.front() >= 'A' && name.front() <= 'Z' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
         });
}

// The question of the key `item`, when it is a choice.
const Item* read_choice(Context& context, const Node* node) {
  const int index = node != nullptr ? context.find(context.items, *node) : -1;
  if (index < 0 || context.untyped.contains(index)) {
    return nullptr;
  }
  const Item& item = context.knowledge.items[static_cast<std::size_t>(index)];
  if (item.type != ItemType::choice) {
    context.report(*node, "MF-2033", fmt::format("question `{}` has no options", item.link_id));
    return nullptr;
  }
  return &item;
}

// A question with problems reported while this stands must not be reasoned about.
class Doubt {
 public:
  Doubt(Context& context, const Item* item)
      : context_(context), item_(item), before_(context.found()) {}
  Doubt(const Doubt&) = delete;
  Doubt& operator=(const Doubt&) = delete;
  ~Doubt() {
    if (item_ != nullptr && context_.found() != before_) {
      context_.doubtful.insert(static_cast<int>(item_ - context_.knowledge.items.data()));
    }
  }

 private:
  Context& context_;
  const Item* item_;
  std::size_t before_;
};

void read_option_sets(Context& context, const Node& node) {
  if (node.kind != Node::Kind::map) {
    context.report(node, "MF-2010", "expected a map of option sets here");
    return;
  }
  for (std::size_t i = 0; i < node.fields.size(); ++i) {
    const auto& [key, value] = node.fields[i];
    if (!is_set_name(key.text)) {
      context.report(key, "MF-2016", "the name of an option set is in upper case");
    }
    context.define(context.option_sets, key, key.text, i);
    const Fields fields(context, value, {"item", "options"});
    const Item* item = read_choice(context, fields.need("item"));
    const Doubt doubt(context, item);
    const Node* options = fields.need("options");
    OptionSet set;
    if (options == nullptr || options->kind != Node::Kind::sequence) {
      if (options != nullptr) {
        context.list(*options);
      }
      context.knowledge.option_sets.emplace(key.text, std::move(set));
      continue;
    }
    set.item = item != nullptr ? item->link_id : "";
    set.options = context.texts(*options);
    if (item != nullptr) {
      // An option that does not exist is told once, here, and not again by every criterion.
      context.options(*item, *options);
      std::erase_if(set.options, [&](const auto& code) { return item->option(code) < 0; });
    }
    context.knowledge.option_sets.emplace(key.text, std::move(set));
  }
}

void read_is(Context& context, const Node& node) {
  if (node.kind != Node::Kind::map) {
    context.report(node, "MF-2010", "expected a map of names for is() here");
    return;
  }
  for (const auto& [key, value] : node.fields) {
    if (!context.id(key)) {
      continue;
    }
    const Fields fields(context, value, {"item", "options", "unknown"});
    const Item* item = read_choice(context, fields.need("item"));
    const Doubt doubt(context, item);
    const Node* yes = fields.need("options");
    const Node* unknown = fields.find("unknown");
    IsSet set;
    if (item == nullptr || yes == nullptr) {
      context.knowledge.is_sets.emplace(key.text, set);
      continue;
    }
    set.item = static_cast<int>(item - context.knowledge.items.data());
    set.yes = context.options(*item, *yes);
    set.unknown = unknown != nullptr ? context.options(*item, *unknown) : 0;
    if ((set.yes & set.unknown) != 0) {
      context.report(*unknown, "MF-2014",
                     "an option cannot both make it true and leave it unknown");
    }
    if (!context.knowledge.is_sets.emplace(key.text, set).second) {
      context.report(key, "MF-2013", fmt::format("key `{}` stands twice", key.text));
    }
  }
}

void read_record(Context& context, const Node& node) {
  Bindings& bindings = context.knowledge.bindings;
  const Fields fields(context, node, {"med", "cond", "age", "sex", "pregnancy", "age-rounding"});
  const auto choice = [&](std::string_view key, int& index) {
    const Item* item = read_choice(context, fields.need(key));
    index = item != nullptr ? static_cast<int>(item - context.knowledge.items.data()) : -1;
  };
  choice("med", bindings.medicines);
  choice("cond", bindings.conditions);
  choice("sex", bindings.sex);
  choice("pregnancy", bindings.pregnancy);
  if (fields.find("age-rounding") != nullptr) {
    bindings.age_rounding = fields.integer("age-rounding", 0, 5);
  }
  const Node* age = fields.need("age");
  bindings.age = age != nullptr ? context.find(context.items, *age) : -1;
  if (bindings.age >= 0 && !context.untyped.contains(bindings.age)) {
    const ItemType type = context.knowledge.items[static_cast<std::size_t>(bindings.age)].type;
    if (type != ItemType::integer && type != ItemType::decimal) {
      context.report(*age, "MF-2033", "the question for the age must be a number");
      bindings.age = -1;
    }
  }
}

}  // namespace

void read_settings(Context& context, const Node& root) {
  Knowledge& k = context.knowledge;
  const Fields fields(context, root,
                      {"id", "version", "date", "title", "canonical", "status", "copyright",
                       "tiers", "option-sets", "is", "record", "adult-age", "red-flag-from"});
  k.id = fields.id("id");
  k.title = fields.text("title");
  k.canonical = fields.text("canonical");
  k.copyright = fields.text("copyright");
  read_version(context, fields);
  if (const Node* date = fields.need("date")) {
    k.date = context.date(*date);
  }
  if (fields.word("status", {"draft", "active", "retired", "unknown"}) >= 0) {
    k.status = fields.text("status");
  }
  if (!k.canonical.empty() && (!k.canonical.starts_with("http") || k.canonical.ends_with("/"))) {
    context.report(*fields.find("canonical"), "MF-2014",
                   "expected the base of a web address without `/` at its end");
  }
  k.adult_age = fields.integer("adult-age", 0, 120);
  if (const Node* tier = fields.need("red-flag-from")) {
    k.red_flag_from = context.tier(*tier).value_or(k.red_flag_from);
  }
  read_tiers(context, fields);
  fields.need("option-sets");
  fields.need("is");
  fields.need("record");
}

void read_settings_of_items(Context& context, const Node& root) {
  if (const Node* sets = root.find("option-sets")) {
    read_option_sets(context, *sets);
  }
  if (const Node* names = root.find("is")) {
    read_is(context, *names);
  }
  if (const Node* record = root.find("record")) {
    read_record(context, *record);
  }
}

}  // namespace myoflag::rules::loading
