#include "plugin/mapping/fhirpath_form.h"

#include <algorithm>

#include <fmt/format.h>

namespace myoflag::mapping {
namespace {

using rules::Criterion;
using rules::Item;
using Kind = Criterion::Kind;

std::string variable(std::string_view prefix, std::string_view name) {
  std::string out = fmt::format("{}{}", prefix, name);
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

std::vector<std::string> codes_of(const Item& item, std::uint64_t options) {
  std::vector<std::string> codes;
  for (std::size_t i = 0; i < item.options.size(); ++i) {
    if (((options >> i) & 1U) != 0) {
      codes.push_back(item.options[i].code);
    }
  }
  if ((options & rules::kNotOffered) != 0) {
    codes.emplace_back("#not-offered");
  }
  return codes;
}

// ('a' | 'b')
std::string list(const std::vector<std::string>& codes) {
  std::string out;
  for (const auto& code : codes) {
    out += (out.empty() ? "'" : " | '") + code + "'";
  }
  return "(" + out + ")";
}

std::string list_with(std::vector<std::string> codes, std::initializer_list<const char*> more) {
  codes.insert(codes.end(), more.begin(), more.end());
  return list(codes);
}

std::string meets(std::string_view collection, const std::string& codes) {
  return fmt::format("{}.intersect({}).exists()", collection, codes);
}

std::string iif(std::string_view condition, std::string_view yes, std::string_view no) {
  return fmt::format("iif({}, {}, {})", condition, yes, no);
}

std::string_view sign(rules::Compare compare) {
  switch (compare) {
    case rules::Compare::less:
      return "<";
    case rules::Compare::at_most:
      return "<=";
    case rules::Compare::at_least:
      return ">=";
    case rules::Compare::more:
      return ">";
  }
  return "=";
}

class Form {
 public:
  Form(const rules::Knowledge& knowledge, const rules::Rule& rule)
      : knowledge_(knowledge), rule_(rule) {}

  std::string write(const Criterion& criterion) const {
    switch (criterion.kind) {
      case Kind::all:
        return joined(criterion, " and ");
      case Kind::any:
        return joined(criterion, " or ");
      case Kind::is_false:
        return iif(fmt::format("({}).not()", write(criterion.children.front())), "true", "false");
      case Kind::any_of:
        return any_of(item_of(criterion), criterion.options, answers(item_of(criterion)));
      case Kind::med:
        return with_record(knowledge_.bindings.medicines, criterion.options);
      case Kind::cond:
        return with_record(knowledge_.bindings.conditions, criterion.options);
      case Kind::only:
        return only(criterion);
      case Kind::count:
        return count(criterion);
      case Kind::is_none:
        return is_none(item_of(criterion));
      case Kind::answered:
        return fmt::format("{}.exclude('#missing' | '#not-shown').exists()",
                           answers(item_of(criterion)));
      case Kind::unsure:
        return meets(answers(item_of(criterion)), "('unsure' | '#not-offered')");
      case Kind::number:
        return number(criterion);
      case Kind::sum:
        return sum(criterion);
      case Kind::age:
        return age(criterion);
      case Kind::is:
        return is(criterion);
      case Kind::lab:
        return lab(criterion);
      case Kind::fired_tier:
        return fired(criterion);
    }
    return "{}";
  }

 private:
  const Item& item_of(const Criterion& criterion) const {
    return knowledge_.items[static_cast<std::size_t>(knowledge_.item(criterion.names.front()))];
  }

  std::string answers(const Item& item) const {
    return "%" + variable(rule_.raw ? "raw_" : "a_", item.link_id);
  }

  std::string joined(const Criterion& criterion, std::string_view word) const {
    std::string out;
    for (const auto& child : criterion.children) {
      out += (out.empty() ? "" : std::string(word)) + write(child);
    }
    return "(" + out + ")";
  }

  // Answers that leave it open, other than those the form itself asks for.
  static std::vector<std::string> open_codes(const Item& item,
                                             const std::vector<std::string>& asked) {
    std::vector<std::string> open = codes_of(item, item.open());
    std::erase_if(open, [&](const std::string& code) {
      return std::find(asked.begin(), asked.end(), code) != asked.end();
    });
    return open;
  }

  static std::string any_of(const Item& item, const std::vector<std::string>& asked,
                            const std::string& from, const std::string& record = "") {
    const std::string all = record.empty() ? from : fmt::format("({} | {})", from, record);
    return iif(meets(all, list(asked)), "true",
               iif(meets(from, list_with(open_codes(item, asked), {"#missing"})), "{}", "false"));
  }

  std::string with_record(int index, const std::vector<std::string>& asked) const {
    const Item& item = knowledge_.items[static_cast<std::size_t>(index)];
    return any_of(item, asked, answers(item), "%" + variable("r_", item.link_id));
  }

  std::string only(const Criterion& criterion) const {
    const Item& item = item_of(criterion);
    std::vector<std::string> allowed = criterion.options;
    const auto open = open_codes(item, criterion.options);
    allowed.insert(allowed.end(), open.begin(), open.end());
    return nothing_but(item, allowed, list_with(open, {"#missing"}));
  }

  std::string is_none(const Item& item) const {
    auto allowed = codes_of(item, item.none | item.open());
    return nothing_but(item, allowed, list_with(codes_of(item, item.open()), {"#missing"}));
  }

  // False with anything outside `allowed`, or not shown; unknown with anything open; else true.
  std::string nothing_but(const Item& item, const std::vector<std::string>& allowed,
                          const std::string& open) const {
    const std::string from = answers(item);
    return iif(fmt::format("{}.exclude({}).exists()", from, list_with(allowed, {"#missing"})),
               "false", iif(meets(from, open), "{}", "true"));
  }

  std::string count(const Criterion& criterion) const {
    const Item& item = item_of(criterion);
    const std::string from = answers(item);
    return iif(
        fmt::format("{}.intersect({}).count() >= {}", from, list(criterion.options),
                    rules::to_text(criterion.limit)),
        "true",
        iif(meets(from, list_with(codes_of(item, item.open()), {"#missing"})), "{}", "false"));
  }

  std::string number(const Criterion& criterion) const {
    const Item& item = item_of(criterion);
    return iif(meets(answers(item), "('#not-shown')"), "false",
               fmt::format("(%{} {} {})", variable("n_", item.link_id), sign(criterion.compare),
                           rules::to_text(criterion.limit)));
  }

  std::string sum(const Criterion& criterion) const {
    const auto total = [&](std::string_view prefix) {
      std::string out;
      for (const auto& name : criterion.names) {
        out += (out.empty() ? "%" : " + %") + variable(prefix, name);
      }
      return fmt::format("({}) {} {}", out, sign(criterion.compare),
                         rules::to_text(criterion.limit));
    };
    return iif(total("low_"), "true", iif(total("high_"), "{}", "false"));
  }

  std::string age(const Criterion& criterion) const {
    const std::string test =
        fmt::format("$this {} {}", sign(criterion.compare), rules::to_text(criterion.limit));
    return iif("%ages.exists()",
               rule_.benign ? fmt::format("%ages.all({})", test)
                            : fmt::format("%ages.where({}).exists()", test),
               "{}");
  }

  std::string is(const Criterion& criterion) const {
    const auto& set = knowledge_.is_sets.find(criterion.names.front())->second;
    const Item& item = knowledge_.items[static_cast<std::size_t>(set.item)];
    const std::string from = answers(item);
    const std::string all = fmt::format("({} | %{})", from, variable("r_", item.link_id));
    const std::string open = list_with(codes_of(item, item.open() & ~set.unknown), {"#missing"});
    std::string rest =
        iif(meets(from, open), iif("%" + variable("k_", item.link_id), "false", "{}"), "false");
    if (set.unknown != 0) {
      rest = iif(meets(from, list(codes_of(item, set.unknown))), "{}", rest);
    }
    return iif(meets(all, list(codes_of(item, set.yes))), "true", rest);
  }

  std::string lab(const Criterion& criterion) const;

  std::string fired(const Criterion& criterion) const {
    std::string out;
    for (const auto& tier : criterion.options) {
      out += (out.empty() ? "%" : " or %") + variable("fired_", tier);
    }
    return "(" + out + ")";
  }

  const rules::Knowledge& knowledge_;
  const rules::Rule& rule_;
};

// One for all laboratory values of a rule; with the compiled form only.
int lab_days(const rules::Knowledge& knowledge, const rules::Rule& rule) {
  const auto& ops = knowledge.program.ops;
  const std::size_t root = knowledge.program.roots[static_cast<std::size_t>(rule.root)];
  for (std::size_t at = root; at < ops[root].end; ++at) {
    if (ops[at].kind == Kind::lab) {
      return ops[at].max_age;
    }
  }
  return knowledge.staleness.lab_days;
}

std::string Form::lab(const Criterion& criterion) const {
  const std::string name =
      fmt::format("%lab_{}_{}", criterion.names.front(), lab_days(knowledge_, rule_));
  std::string value = name;
  std::replace(value.begin(), value.end(), '-', '_');
  return iif(
      value + ".exists()",
      fmt::format("({} {} {})", value, sign(criterion.compare), rules::to_text(criterion.limit)),
      "false");
}

}  // namespace

std::string fhirpath_form(const rules::Knowledge& knowledge, const rules::Rule& rule) {
  return Form(knowledge, rule).write(rule.criterion);
}

}  // namespace myoflag::mapping
