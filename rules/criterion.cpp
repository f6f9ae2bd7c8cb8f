#include "rules/criterion.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "rules/problem.h"

namespace myoflag::rules {
namespace {

using Kind = Criterion::Kind;
using Parsed = tl::expected<Criterion, CriterionError>;
constexpr int kMaxDepth = 32;
constexpr int kMaxWords = 64;  // names, or options, of one form

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

struct Form {
  std::string_view word;
  Kind kind;
};

// The forms with brackets; `age` stands without.
constexpr Form kForms[] = {
    {"any", Kind::any_of},
    {"only", Kind::only},
    {"count", Kind::count},
    {"isNone", Kind::is_none},
    {"answered", Kind::answered},
    {"unsure", Kind::unsure},
    {"num", Kind::number},
    {"sum", Kind::sum},
    {"is", Kind::is},
    {"med", Kind::med},
    {"cond", Kind::cond},
    {"lab", Kind::lab},
    {"firedTier", Kind::fired_tier},
    {"isFalse", Kind::is_false},
};

class Parser {
 public:
  Parser(std::string_view text, const OptionSets& sets, std::string_view medicines,
         std::string_view conditions)
      : text_(text), sets_(sets), medicines_(medicines), conditions_(conditions) {}

  Parsed read() {
    auto criterion = read_or(0);
    skip_space();
    if (criterion && at_ != text_.size()) {
      return fail("expected `and`, `or` or the end here");
    }
    return criterion;
  }

 private:
  Parsed fail(std::string message) { return fail_at(at_, std::move(message)); }
  static Parsed fail_at(std::size_t offset, std::string message) {
    return tl::unexpected(CriterionError{offset, std::move(message), {}, 0});
  }

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  bool take(char c) {
    skip_space();
    if (at_ < text_.size() && text_[at_] == c) {
      ++at_;
      return true;
    }
    return false;
  }

  std::string_view word() {
    skip_space();
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_word_char(text_[at_])) {
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }

  bool take_word(std::string_view expected) {
    const std::size_t before = at_;
    if (word() == expected) {
      return true;
    }
    at_ = before;
    return false;
  }

  Parsed read_or(int depth) { return read_joined(depth, "or", Kind::any); }
  Parsed read_and(int depth) { return read_joined(depth, "and", Kind::all); }

  Parsed read_joined(int depth, std::string_view joiner, Kind kind) {
    if (depth > kMaxDepth) {
      return fail("brackets are nested too deeply");
    }
    const auto part = [&] { return kind == Kind::any ? read_and(depth) : read_part(depth); };
    skip_space();
    Criterion joined;
    joined.kind = kind;
    joined.offset = at_;
    do {
      auto child = part();
      if (!child) {
        return child;
      }
      joined.children.push_back(std::move(*child));
    } while (take_word(joiner));
    if (joined.children.size() == 1) {
      return std::move(joined.children.front());
    }
    return joined;
  }

  Parsed read_part(int depth) {
    if (take('(')) {
      auto inner = read_or(depth + 1);
      if (inner && !take(')')) {
        return fail("expected `)`");
      }
      return inner;
    }
    skip_space();
    const std::size_t offset = at_;
    const std::string_view name = word();
    if (name == "age") {
      Criterion criterion;
      criterion.kind = Kind::age;
      criterion.offset = offset;
      return read_limit(std::move(criterion));
    }
    const auto* form = std::find_if(std::begin(kForms), std::end(kForms),
                                    [&](const Form& f) { return f.word == name; });
    if (form == std::end(kForms)) {
      return fail_at(offset, name.empty() ? "expected a criterion here" : no_form(name));
    }
    return read_form(form->kind, offset, depth);
  }

  static std::string no_form(std::string_view name) {
    std::vector<std::string_view> known{"age"};
    for (const Form& form : kForms) {
      known.push_back(form.word);
    }
    return fmt::format("`{}` is no form of the language{}", excerpt_of(name.substr(0, 80)),
                       suggestion(name, known));
  }

  Parsed read_form(Kind kind, std::size_t offset, int depth) {
    Criterion criterion;
    criterion.kind = kind;
    criterion.offset = offset;
    if (!take('(')) {
      return fail("expected `(`");
    }
    if (kind == Kind::is_false) {
      auto child = read_or(depth + 1);
      if (!child) {
        return child;
      }
      criterion.children.push_back(std::move(*child));
    } else if (auto error = read_arguments(criterion)) {
      return tl::unexpected(*error);
    }
    if (!take(')')) {
      return fail("expected `)`");
    }
    const bool has_limit =
        kind == Kind::count || kind == Kind::number || kind == Kind::sum || kind == Kind::lab;
    return has_limit ? read_limit(std::move(criterion)) : Parsed(std::move(criterion));
  }

  std::optional<CriterionError> read_arguments(Criterion& criterion) {
    switch (criterion.kind) {
      case Kind::any_of:
      case Kind::only:
      case Kind::count:
        return read_link_and_options(criterion);
      case Kind::med:
        return read_options(criterion, medicines_);
      case Kind::cond:
        return read_options(criterion, conditions_);
      case Kind::fired_tier:
        return read_options(criterion, {});
      case Kind::sum:
        return read_links(criterion);
      default:
        return read_name(criterion);
    }
  }

  std::optional<CriterionError> read_name(Criterion& criterion) {
    skip_space();
    const std::size_t offset = at_;
    const std::string_view name = word();
    if (name.empty()) {
      return CriterionError{offset, "expected a name here", {}, 0};
    }
    if (criterion.names.size() >= kMaxWords) {
      return CriterionError{
          offset, fmt::format("more than {} names in one form", kMaxWords), {}, 0};
    }
    criterion.names.emplace_back(name);
    criterion.name_offsets.push_back(offset);
    return std::nullopt;
  }

  std::optional<CriterionError> read_links(Criterion& criterion) {
    do {
      if (auto error = read_name(criterion)) {
        return error;
      }
    } while (take(','));
    return std::nullopt;
  }

  std::optional<CriterionError> read_link_and_options(Criterion& criterion) {
    if (auto error = read_name(criterion)) {
      return error;
    }
    if (!take(':')) {
      return CriterionError{at_, "expected `:` and the options", {}, 0};
    }
    return read_options(criterion, criterion.names.front());
  }

  std::optional<CriterionError> read_options(Criterion& criterion, std::string_view item) {
    int words = 0;
    do {
      skip_space();
      const std::size_t offset = at_;
      if (++words > kMaxWords) {
        return CriterionError{
            offset, fmt::format("more than {} options in one form", kMaxWords), {}, 0};
      }
      const std::string_view option = word();
      if (option.empty()) {
        return CriterionError{offset, "expected an option here", {}, 0};
      }
      if (auto error = add_option(criterion, item, option, offset)) {
        return error;
      }
    } while (take('|'));
    return std::nullopt;
  }

  // Upper-case names are option sets; options are written in lower case.
  std::optional<CriterionError> add_option(Criterion& criterion, std::string_view item,
                                           std::string_view option, std::size_t offset) {
    if (option.front() < 'A' || option.front() > 'Z') {
      add_once(criterion, option, offset);
      return std::nullopt;
    }
    const auto set = sets_.find(option);
    if (set == sets_.end()) {
      std::vector<std::string_view> known;
      for (const auto& [name, options] : sets_) {
        known.push_back(name);
      }
      return CriterionError{
          offset,
          fmt::format("there is no option set `{}`{}", option, suggestion(option, known)),
          {},
          0};
    }
    const bool question_unknown = item.empty() && criterion.kind != Kind::fired_tier;
    if (set->second.item.empty() || question_unknown) {
      return CriterionError{offset, {}, {}, 0};
    }
    if (set->second.item != item) {
      return mismatch(criterion, option, set->second.item, offset);
    }
    for (const auto& code : set->second.options) {
      add_once(criterion, code, offset);
    }
    return std::nullopt;
  }

  static CriterionError mismatch(const Criterion& criterion, std::string_view set,
                                 std::string_view owner, std::size_t offset) {
    const bool named = !criterion.names.empty();
    return {offset, fmt::format("option set `{}` belongs to `{}`", set, owner),
            named ? criterion.names.front() : "", named ? criterion.name_offsets.front() : 0};
  }

  static void add_once(Criterion& criterion, std::string_view option, std::size_t offset) {
    if (std::find(criterion.options.begin(), criterion.options.end(), option) ==
        criterion.options.end()) {
      criterion.options.emplace_back(option);
      criterion.option_offsets.push_back(offset);
    }
  }

  Parsed read_limit(Criterion criterion) {
    skip_space();
    const std::size_t offset = at_;
    std::size_t length = 1;
    if (text_.substr(at_, 2) == ">=") {
      criterion.compare = Compare::at_least;
      length = 2;
    } else if (text_.substr(at_, 2) == "<=") {
      criterion.compare = Compare::at_most;
      length = 2;
    } else if (text_.substr(at_, 1) == ">") {
      criterion.compare = Compare::more;
    } else if (text_.substr(at_, 1) == "<") {
      criterion.compare = Compare::less;
    } else {
      return fail_at(offset, "expected >=, <=, > or < and a number");
    }
    if (criterion.kind == Kind::count && criterion.compare != Compare::at_least) {
      return fail_at(offset, "count takes >= only");
    }
    at_ += length;
    skip_space();
    const std::size_t begin = at_;
    while (at_ < text_.size() &&
           ((text_[at_] >= '0' && text_[at_] <= '9') || text_[at_] == '.' || text_[at_] == '-')) {
      ++at_;
    }
    const auto limit = read_number(text_.substr(begin, at_ - begin));
    if (!limit) {
      return fail_at(begin, "expected a number here");
    }
    if (limit->nano > kGreatestLimit.nano || limit->nano < -kGreatestLimit.nano) {
      return fail_at(begin, "the number is beyond a thousand million");
    }
    criterion.limit = *limit;
    return criterion;
  }

  std::string_view text_;
  const OptionSets& sets_;
  std::string_view medicines_, conditions_;
  std::size_t at_ = 0;
};

}  // namespace

tl::expected<Criterion, CriterionError> read_criterion(std::string_view text,
                                                       const OptionSets& sets,
                                                       std::string_view medicines_item,
                                                       std::string_view conditions_item) {
  return Parser(text, sets, medicines_item, conditions_item).read();
}

}  // namespace myoflag::rules
