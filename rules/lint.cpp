#include "rules/lint.h"

#include <algorithm>
#include <set>
#include <string>

#include <fmt/format.h>

#include "rules/cases.h"
#include "rules/evaluate.h"
#include "rules/loader/load.h"
#include "rules/satisfiable.h"

namespace myoflag::rules {
namespace {

using loading::Context;
using loading::Names;
using loading::Node;
using loading::PendingCriterion;

bool reads_item(const Op& op) {
  using Kind = Criterion::Kind;
  return op.kind != Kind::all && op.kind != Kind::any && op.kind != Kind::is_false &&
         op.kind != Kind::sum && op.kind != Kind::lab && op.kind != Kind::fired_tier;
}

bool holds_word(std::string_view text, std::string_view word) {
  const auto is_word_char = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !is_word_char(text[at - 1])) &&
        (end == text.size() || !is_word_char(text[end]))) {
      return true;
    }
  }
  return false;
}

constexpr std::int64_t kMaxWork = 200'000'000;  // for the parts of all criteria: a few seconds

class Lint {
 public:
  explicit Lint(Context& context) : context_(context), k_(context.knowledge) {}

  void run() {
    warn_of_large_criteria();
    check_parts();
    check_unused_terms();
    check_unused_sources();
    check_unused_hypotheses();
    check_unused_items();
    check_unused_option_sets();
    check_seeds();
    check_cases();
    check_languages();
  }

 private:
  static std::size_t at(int index) { return static_cast<std::size_t>(index); }

  void warn_of_large_criteria() {
    for (const auto& pending : context_.pending) {
      if (pending.undecided) {
        context_.warn(*pending.node, "MF-2202",
                      "too large to tell whether it can be true and false");
      }
    }
  }

  // A part that can never be true, or never false, does nothing: usually a slip in another part.
  void check_parts() {
    for (const auto& pending : context_.pending) {
      if (pending.possible) {
        const int root = context_.root_of(pending);
        check_parts(pending, pending.criterion, k_.program.roots[at(root)], root);
      }
      if (work_left_ == 0) {
        context_.warn(*pending.node, "MF-2202",
                      "too large to look at its parts one by one, and at those of the criteria "
                      "behind it");
        return;
      }
    }
  }

  void check_parts(const PendingCriterion& pending, const Criterion& criterion, std::size_t op,
                   int root) {
    using Kind = Criterion::Kind;
    if (criterion.kind != Kind::any && criterion.kind != Kind::all) {
      return;
    }
    std::size_t child = op + 1;
    for (const Criterion& part : criterion.children) {
      if (work_left_ == 0) {
        return;
      }
      if (is_idle(pending, criterion.kind, child, root)) {
        context_.warn_inside(*pending.node, part.offset, "MF-2211",
                             fmt::format("no answers make this part {}",
                                         criterion.kind == Kind::any ? "true" : "false"));
      } else {
        check_parts(pending, part, child, root);
      }
      child = k_.program.ops[child].end;
    }
  }

  bool is_idle(const PendingCriterion& pending, Criterion::Kind joined, std::size_t part,
               int root) {
    SatisfiableQuery query;
    query.max_evaluations =
        static_cast<int>(std::min<std::int64_t>(query.max_evaluations, work_left_));
    query.raw = context_.owner_of(pending).raw;
    if (joined == Criterion::Kind::any) {
      query.wanted = {{root, Tri::yes}, {root, Tri::yes, part}};
    } else {
      query.wanted = {{root, Tri::no, part}};
    }
    const Satisfiable found = satisfiable(k_, query);
    work_left_ -= std::min(found.work, work_left_);
    return found.possibility == Possibility::impossible;
  }

  // ---- unused things
  // ----------------------------------------------------------------------------------------

  void warn_unused(const Names& names, std::size_t index, std::string_view code,
                   std::string_view id) {
    context_.warn(*names.places[index], code,
                  fmt::format("{} `{}` is used nowhere", names.what, id));
  }

  void check_unused_terms() {
    for (std::size_t i = 0; i < k_.terms.size(); ++i) {
      if (!context_.used_terms.contains(static_cast<int>(i))) {
        warn_unused(context_.terms, i, "MF-2203", context_.term_ids[i]);
      }
    }
  }

  void check_unused_sources() {
    std::set<int> used;
    const auto use = [&](const auto& list) {
      for (const auto& each : list) {
        used.insert(each.sources.begin(), each.sources.end());
      }
    };
    use(k_.rules);
    use(k_.policies);
    use(k_.advice);
    use(k_.items);
    use(k_.languages);
    for (std::size_t i = 0; i < k_.sources.size(); ++i) {
      const auto& id = k_.sources[i].id;
      const bool in_seed = std::any_of(k_.seeds.begin(), k_.seeds.end(), [&](const Seed& seed) {
        return holds_word(seed.explanation, id) || holds_word(seed.coverage, id);
      });
      if (!used.contains(static_cast<int>(i)) && !in_seed) {
        warn_unused(context_.sources, i, "MF-2204", id);
      }
    }
  }

  void check_unused_hypotheses() {
    std::set<int> used;
    for (const Rule& rule : k_.rules) {
      used.insert(rule.hypotheses.begin(), rule.hypotheses.end());
    }
    for (std::size_t i = 0; i < k_.hypotheses.size(); ++i) {
      if (!used.contains(static_cast<int>(i))) {
        warn_unused(context_.hypotheses, i, "MF-2205", k_.hypotheses[i].code);
      }
    }
  }

  void check_unused_items() {
    std::set<std::size_t> read;
    for (const auto& pending : context_.pending) {
      if (context_.owner_of(pending).raw) {
        continue;  // it names every question, and uses none
      }
      const std::size_t root = k_.program.roots[at(context_.root_of(pending))];
      for (std::size_t i = root; i < k_.program.ops[root].end; ++i) {
        if (reads_item(k_.program.ops[i])) {
          read.insert(k_.program.ops[i].item);
        }
      }
    }
    std::set<std::size_t> used = read;
    for (const Item& item : k_.items) {
      for (const auto& when : item.enable) {
        used.insert(at(when.item));
      }
    }
    for (const auto* list : {&k_.change.items, &k_.change.grew}) {
      for (const int item : *list) {
        used.insert(at(item));
      }
    }
    for (std::size_t i = 0; i < k_.items.size(); ++i) {
      const Item& item = k_.items[i];
      const bool question = item.type != ItemType::group && item.type != ItemType::display;
      if (question && !item.context_only && !used.contains(i)) {
        context_.warn(
            *context_.items.places[i], "MF-2206",
            fmt::format("no rule reads question `{}`: mark it context-only", item.link_id));
      }
      if (item.context_only && read.contains(i)) {
        context_.warn(
            *context_.items.places[i], "MF-2207",
            fmt::format("question `{}` is marked context-only, and a rule reads it", item.link_id));
      }
    }
  }

  void check_unused_option_sets() {
    for (const auto& [name, index] : context_.option_sets.index) {
      const bool used = std::any_of(context_.pending.begin(), context_.pending.end(),
                                    [&, set = std::string_view(name)](const auto& p) {
                                      return holds_word(p.node->text, set);
                                    });
      if (!used) {
        warn_unused(context_.option_sets, at(index), "MF-2208", name);
      }
    }
  }

  // ---- facts and cases
  // --------------------------------------------------------------------------------------

  bool names_something(std::string_view id) const {
    for (const Names* names :
         {&context_.items, &context_.rules, &context_.policies, &context_.workups, &context_.advice,
          &context_.hypotheses, &context_.labs, &context_.option_sets, &context_.sources}) {
      if (names->index.contains(id)) {
        return true;
      }
    }
    return std::any_of(k_.items.begin(), k_.items.end(),
                       [&](const Item& item) { return item.option(id) >= 0; });
  }

  void check_seeds() {
    for (std::size_t i = 0; i < k_.seeds.size(); ++i) {
      const Node& node = *context_.seeds.places[i];
      const Node* covered = node.find("covered-by");
      if (k_.seeds[i].covered_by.empty() && k_.seeds[i].flag.empty()) {
        context_.warn(node, "MF-2209", fmt::format("nothing covers fact `{}`", k_.seeds[i].id));
      }
      for (std::size_t n = 0; covered != nullptr && n < covered->items.size(); ++n) {
        if (!names_something(covered->items[n].text)) {
          context_.warn(covered->items[n], "MF-2209",
                        fmt::format("there is nothing of the name `{}`", covered->items[n].text));
        }
      }
    }
  }

  void check_languages() {
    for (const Node* text : context_.untranslated) {
      context_.warn(*text, "MF-2212",
                    "the same as in English: translate it, or write `same: true`");
    }
  }

  void check_cases() {
    std::set<const Rule*> fired;
    Verdicts verdicts;
    for (const Case& one : k_.cases) {
      evaluate(k_, input_of(k_, one, Instant{}).facts, EvaluateFlags{}, verdicts);
      for (std::size_t i = 0; i < k_.rules.size(); ++i) {
        if (verdicts.rules[i] == Tri::yes) {
          fired.insert(&k_.rules[i]);
        }
      }
    }
    for (std::size_t i = 0; i < k_.rules.size(); ++i) {
      if (!fired.contains(&k_.rules[i])) {
        context_.warn(*context_.rule_nodes[i], "MF-2210",
                      fmt::format("rule `{}` fires in no worked case", k_.rules[i].id));
      }
    }
  }

  Context& context_;
  const Knowledge& k_;
  std::int64_t work_left_ = kMaxWork;
};

}  // namespace

Problems lint(const KnowledgeFiles& files) {
  const auto run = loading::run(files);
  if (run->whole) {
    Lint(run->context).run();
  }
  return loading::listing_of(*run);
}

}  // namespace myoflag::rules
