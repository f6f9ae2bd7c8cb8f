#include "rules/loader/context.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

namespace myoflag::rules::loading {
namespace {

constexpr std::size_t kMaxProblems =
    2000;  // a listing nobody reads to its end; also a bound for hostile files

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

std::string_view name_of(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      return "a single value";
    case Node::Kind::sequence:
      return "a list";
    case Node::Kind::map:
      return "a map";
  }
  return "";
}

std::string shown(std::string_view text) { return excerpt_of(text.substr(0, 80)); }

}  // namespace

void Context::add(const Node& at, std::size_t offset, std::string_view code, std::string text,
                  Severity severity) {
  ++found_;
  if (listed_ < kMaxProblems) {
    ++listed_;
    problems_.push_back(problem_at(*at.document, offset, std::string(code), std::move(text)));
    problems_.back().severity = severity;
  }
}

void Context::report(const Node& at, std::string_view code, std::string text) {
  add(at, at.offset, code, std::move(text), Severity::error);
}

void Context::report_inside(const Node& scalar, std::size_t index, std::string_view code,
                            std::string text) {
  const std::size_t offset = unlisted() == 0 ? place_in(scalar, index) : scalar.offset;
  add(scalar, offset, code, std::move(text), Severity::error);
}

void Context::warn(const Node& at, std::string_view code, std::string text) {
  add(at, at.offset, code, std::move(text), Severity::warning);
}

void Context::warn_inside(const Node& scalar, std::size_t index, std::string_view code,
                          std::string text) {
  add(scalar, place_in(scalar, index), code, std::move(text), Severity::warning);
}

void Context::define(Names& names, const Node& at, std::string_view id, std::size_t index) {
  if (names.places.size() <= index) {
    names.places.resize(index + 1, nullptr);
  }
  names.places[index] = &at;
  if (!id.empty() && !names.index.emplace(id, static_cast<int>(index)).second) {
    report(at, "MF-2020", fmt::format("{} `{}` is defined twice", names.what, shown(id)));
  }
}

void Context::also(Names& names, const Node& at, std::string_view id) {
  if (!id.empty() && names.index.emplace(id, static_cast<int>(names.places.size())).second) {
    names.places.push_back(&at);
  }
}

int Context::find(const Names& names, const Node& at) {
  const auto name = text(at);
  if (!name) {
    return -1;
  }
  const auto found = names.index.find(*name);
  if (found != names.index.end()) {
    return found->second;
  }
  if (names.complete) {
    report(at, "MF-2021", no_such(names, *name));
  }
  return -1;
}

std::string Context::no_such(const Names& names, std::string_view name) const {
  return fmt::format("there is no {} `{}`{}", names.what, shown(name), nearest(names, name));
}

// Nothing once the listing is full: comparing with every name takes long.
std::string Context::nearest(const Names& names, std::string_view wrong) const {
  std::vector<std::string_view> known;
  if (listed_ >= kMaxProblems) {
    return "";
  }
  for (const auto& [id, index] : names.index) {
    known.push_back(id);
  }
  return suggestion(wrong, known);
}

std::vector<int> Context::find_all(const Names& names, const Node* list_node) {
  std::vector<int> found;
  if (list_node == nullptr) {
    return found;
  }
  for (const Node& element : list(*list_node)) {
    const int index = find(names, element);
    if (index < 0) {
      continue;
    }
    if (std::find(found.begin(), found.end(), index) != found.end()) {
      report(element, "MF-2023",
             fmt::format("`{}` stands twice in this list", shown(element.text)));
    } else {
      found.push_back(index);
    }
  }
  return found;
}

bool Context::id(const Node& at) {
  const auto value = text(at);
  if (!value) {
    return false;
  }
  const auto is_word_char = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool good = value->size() <= 100 && is_word_char(value->front()) &&
                    is_word_char(value->back()) && value->find("--") == std::string::npos &&
                    std::all_of(value->begin(), value->end(),
                                [&](char c) { return is_word_char(c) || c == '-'; });
  if (!good) {
    report(at, "MF-2016",
           fmt::format("`{}` is no id: lower-case words and digits joined by `-`", shown(*value)));
  }
  return good;
}

std::optional<std::string> Context::text(const Node& at) {
  if (at.kind != Node::Kind::scalar) {
    report(at, "MF-2010", fmt::format("expected text here, found {}", name_of(at.kind)));
    return std::nullopt;
  }
  std::string value = at.text;
  while (!value.empty() && is_space(value.back())) {
    value.pop_back();
  }
  if (value.empty()) {
    report(at, "MF-2017", "the text is empty");
    return std::nullopt;
  }
  return value;
}

std::optional<Number> Context::number(const Node& at) {
  const auto value = text(at);
  const auto number = value ? read_number(*value) : std::nullopt;
  if (value && !number) {
    report(at, "MF-2015", fmt::format("`{}` is no number", shown(*value)));
  }
  if (number && (number->nano > kGreatestLimit.nano || number->nano < -kGreatestLimit.nano)) {
    report(at, "MF-2015", "the number is beyond a thousand million");
    return std::nullopt;
  }
  return number;
}

std::optional<int> Context::integer(const Node& at, int low, int high) {
  const auto value = number(at);
  if (!value) {
    return std::nullopt;
  }
  if (value->nano % whole(1).nano != 0 || *value < whole(low) || *value > whole(high)) {
    report(at, "MF-2015", fmt::format("expected a whole number from {} to {}", low, high));
    return std::nullopt;
  }
  return static_cast<int>(value->nano / whole(1).nano);
}

std::optional<bool> Context::flag(const Node& at) {
  if (at.kind == Node::Kind::scalar && !at.quoted && (at.text == "true" || at.text == "false")) {
    return at.text == "true";
  }
  report(at, "MF-2010", "expected true or false here");
  return std::nullopt;
}

std::string Context::date(const Node& at) {
  const auto value = text(at);
  const bool shaped =
      value && value->size() == 10 &&
      std::equal(value->begin(), value->end(), std::begin("0000-00-00"), [](char c, char shape) {
        return shape == '0' ? c >= '0' && c <= '9' : c == shape;
      });
  const auto number_at = [&](std::size_t begin, std::size_t length) {
    return std::stoi(value->substr(begin, length));
  };
  if (shaped &&
      std::chrono::year_month_day(std::chrono::year(number_at(0, 4)),
                                  std::chrono::month(static_cast<unsigned>(number_at(5, 2))),
                                  std::chrono::day(static_cast<unsigned>(number_at(8, 2))))
          .ok()) {
    return *value;
  }
  if (value) {
    report(at, "MF-2015",
           fmt::format("`{}` is no date: expected a day such as 2026-11-22", shown(*value)));
  }
  return "";
}

std::span<const Node> Context::list(const Node& at) {
  if (at.kind != Node::Kind::sequence) {
    report(at, "MF-2010", fmt::format("expected a list here, found {}", name_of(at.kind)));
    return {};
  }
  if (at.items.size() > kMaxList) {
    report(at.items[kMaxList], "MF-2022", fmt::format("a list has at most {} entries", kMaxList));
    return std::span(at.items).first(kMaxList);
  }
  return at.items;
}

std::vector<std::string> Context::texts(const Node& at) {
  std::vector<std::string> out;
  for (const Node& element : list(at)) {
    if (auto value = text(element)) {
      out.push_back(std::move(*value));
    }
  }
  return out;
}

std::vector<std::string> Context::one_or_more(const Node& at) {
  if (at.kind == Node::Kind::sequence) {
    return texts(at);
  }
  auto value = text(at);
  return value ? std::vector<std::string>{std::move(*value)} : std::vector<std::string>{};
}

void Context::options_into(const Item& item, const Node& code, std::uint64_t& mask) {
  const auto name = text(code);
  if (!name) {
    return;
  }
  const int option = item.option(*name);
  if (option >= 0 && option < 64) {
    mask |= std::uint64_t{1} << option;
    return;
  }
  std::vector<std::string_view> known;
  for (const auto& each : item.options) {
    known.push_back(each.code);
  }
  report(code, "MF-2021",
         fmt::format("question `{}` has no option `{}`{}", item.link_id, shown(*name),
                     suggestion(*name, known)));
}

std::uint64_t Context::options(const Item& item, const Node& at) {
  std::uint64_t mask = 0;
  if (at.kind != Node::Kind::sequence) {
    options_into(item, at, mask);
    return mask;
  }
  for (const Node& code : list(at)) {
    const std::uint64_t before = mask;
    std::uint64_t one = 0;
    options_into(item, code, one);
    mask |= one;
    if (one != 0 && mask == before) {
      report(code, "MF-2023", fmt::format("`{}` stands twice in this list", shown(code.text)));
    }
  }
  if (at.items.empty()) {
    report(at, "MF-2017", "the list is empty");
  }
  return mask;
}

std::vector<Coding> Context::codings(const Node* list_node) {
  std::vector<Coding> out;
  for (const int term : find_all(terms, list_node)) {
    used_terms.insert(term);
    out.push_back(knowledge.terms[static_cast<std::size_t>(term)]);
  }
  return out;
}

Rule& Context::owner_of(const PendingCriterion& criterion) {
  using Owner = PendingCriterion::Owner;
  const bool is_rule = criterion.owner == Owner::rule || criterion.owner == Owner::rule_target;
  return (is_rule ? knowledge.rules : knowledge.gaps)[criterion.rule];
}

int& Context::root_of(const PendingCriterion& criterion) {
  using Owner = PendingCriterion::Owner;
  const bool own = criterion.owner == Owner::rule || criterion.owner == Owner::gap;
  return own ? owner_of(criterion).root
             : owner_of(criterion).target_when[criterion.target].criterion;
}

std::optional<Tier> Context::tier(const Node& at) {
  const auto code = text(at);
  const auto tier = code ? tier_of(*code) : std::nullopt;
  if (code && !tier) {
    constexpr std::string_view kCodes[] = {"emergency", "urgent", "soon", "routine", "self-care"};
    report(at, "MF-2021",
           fmt::format("there is no tier `{}`{}", shown(*code), suggestion(*code, kCodes)));
  }
  return tier;
}

Fields::Fields(Context& context, const Node& node, std::initializer_list<std::string_view> known)
    : context_(context), node_(node), is_map_(node.kind == Node::Kind::map) {
  if (!is_map_) {
    context.report(node, "MF-2010",
                   fmt::format("expected a map here, found {}", name_of(node.kind)));
    return;
  }
  std::set<std::string_view> seen;
  for (const auto& field : node.fields) {
    const std::string& key = field.key.text;
    if (field.key.kind != Node::Kind::scalar) {
      context.report(field.key, "MF-2010", "a key must be a word");
    } else if (std::find(known.begin(), known.end(), key) == known.end()) {
      context.report(field.key, "MF-2012",
                     fmt::format("unknown key `{}`{}", shown(key),
                                 suggestion(key, std::span(known.begin(), known.size()))));
    } else if (!seen.insert(key).second) {
      context.report(field.key, "MF-2013", fmt::format("key `{}` stands twice", key));
    }
  }
}

const Node* Fields::find(std::string_view key) const { return node_.find(key); }

const Node* Fields::need(std::string_view key) const {
  const Node* field = find(key);
  if (field == nullptr && is_map_) {
    context_.report(node_, "MF-2011", fmt::format("key `{}` is missing", key));
  }
  return field;
}

std::string Fields::text(std::string_view key) const {
  const Node* field = need(key);
  return field != nullptr ? context_.text(*field).value_or("") : "";
}

std::string Fields::text_if(std::string_view key) const {
  const Node* field = find(key);
  return field != nullptr ? context_.text(*field).value_or("") : "";
}

std::string Fields::id(std::string_view key) const {
  const Node* field = need(key);
  return field != nullptr && context_.id(*field) ? *context_.text(*field) : "";
}

bool Fields::flag(std::string_view key) const {
  const Node* field = find(key);
  return field != nullptr && context_.flag(*field).value_or(false);
}

int Fields::integer(std::string_view key, int low, int high) const {
  const Node* field = need(key);
  return field != nullptr ? context_.integer(*field, low, high).value_or(low) : low;
}

std::span<const Node> Fields::list(std::string_view key) const {
  const Node* field = need(key);
  return field != nullptr ? context_.list(*field) : std::span<const Node>();
}

std::span<const Node> Fields::list_of(std::string_view key, Names& names) const {
  const Node* field = find(key);
  names.complete = names.complete && field != nullptr && field->kind == Node::Kind::sequence &&
                   field->items.size() <= kMaxList;
  return list(key);
}

std::span<const Node> Fields::list_if(std::string_view key) const {
  const Node* field = find(key);
  return field != nullptr ? context_.list(*field) : std::span<const Node>();
}

int Fields::word(std::string_view key, std::initializer_list<std::string_view> words) const {
  const Node* field = need(key);
  const auto value = field != nullptr ? context_.text(*field) : std::nullopt;
  if (!value) {
    return -1;
  }
  const auto found = std::find(words.begin(), words.end(), *value);
  if (found != words.end()) {
    return static_cast<int>(found - words.begin());
  }
  context_.report(*field, "MF-2014",
                  fmt::format("`{}` is none of: {}", shown(*value), fmt::join(words, ", ")));
  return -1;
}

}  // namespace myoflag::rules::loading
