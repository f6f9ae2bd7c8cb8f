#include "rules/unjudged.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "rules/tri.h"

namespace myoflag::rules {
namespace {

using Kind = Criterion::Kind;

bool is_joint(Kind kind) {
  return kind == Kind::all || kind == Kind::any || kind == Kind::is_false;
}

bool is_current(const Op& op, const Lab& lab) {
  return lab.state == LabState::known && lab.age_days <= op.max_age;
}

bool is_unusable(const Op& op, const Lab& lab) {
  return lab.state == LabState::unusable && lab.age_days <= op.max_age;
}

// A criterion with laboratory values that could not be read left unknown, and isFalse of something
// unknown as well.
class Reader {
 public:
  Reader(const Knowledge& knowledge, const Facts& facts, bool without_any_result)
      : program_(knowledge.program), facts_(facts), without_any_result_(without_any_result) {}

  Tri value(std::size_t at) const {
    const Op& op = program_.ops[at];
    if (op.kind == Kind::lab) {
      return lab_value(op);
    }
    if (!is_joint(op.kind)) {
      return program_.evaluate_at(at, facts_.answers, facts_.record, FiredTiers{},
                                  Reading::unresolved);
    }
    Tri all = op.kind == Kind::any ? Tri::no : Tri::yes;
    for (std::size_t child = at + 1; child < op.end; child = program_.ops[child].end) {
      const Tri one = value(child);
      all = op.kind == Kind::any ? (all || one) : (all && one);
    }
    return op.kind == Kind::is_false ? negated(all) : all;
  }

 private:
  Tri lab_value(const Op& op) const {
    const Lab& lab = facts_.record.labs[op.item];
    if (is_current(op, lab)) {
      return tri(holds(lab.value, op.compare, op.limit));
    }
    return without_any_result_ || is_unusable(op, lab) ? Tri::unknown : Tri::no;
  }

  const Program& program_;
  const Facts& facts_;
  bool without_any_result_;
};

}  // namespace

bool reads_only_labs(const Knowledge& knowledge, const Rule& rule) {
  if (rule.root < 0) {
    return false;
  }
  const auto& program = knowledge.program;
  const std::size_t root = program.roots[static_cast<std::size_t>(rule.root)];
  return std::all_of(program.ops.begin() + static_cast<std::ptrdiff_t>(root),
                     program.ops.begin() + program.ops[root].end,
                     [](const Op& op) { return op.kind == Kind::lab || is_joint(op.kind); });
}

bool is_read_by_a_rule(const Knowledge& knowledge, std::size_t lab, const Lab& value) {
  const auto& ops = knowledge.program.ops;
  return std::any_of(ops.begin(), ops.end(), [&](const Op& op) {
    return op.kind == Kind::lab && op.item == lab && is_current(op, value);
  });
}

bool has_outlived(const Knowledge& knowledge, std::size_t lab, const Lab& value) {
  const auto& reads = knowledge.tape.lab;
  return value.state == LabState::known &&
         std::any_of(reads.begin(), reads.end(), [&](const Tape::LabLeaf& read) {
           return read.lab == lab && value.age_days > read.max_age &&
                  holds(value.value, read.compare, read.limit);
         });
}

namespace {

bool reads_unusable(const Program& program, std::size_t root, const RecordFacts& record) {
  return std::any_of(program.ops.begin() + static_cast<std::ptrdiff_t>(root),
                     program.ops.begin() + program.ops[root].end, [&](const Op& op) {
                       return op.kind == Kind::lab && is_unusable(op, record.labs[op.item]);
                     });
}

bool may_hold(const Assessment& assessment, const Finding& finding, bool without_any_result) {
  const Rule& rule = *finding.rule;
  if (finding.status != FindingStatus::excluded || rule.root < 0 || rule.raw || rule.last ||
      rule.benign) {
    return false;
  }
  const Program& program = assessment.knowledge->program;
  const Facts& facts = assessment.input->facts;
  const std::size_t root = program.roots[static_cast<std::size_t>(rule.root)];
  return (without_any_result || reads_unusable(program, root, facts.record)) &&
         Reader(*assessment.knowledge, facts, without_any_result).value(root) != Tri::no;
}

}  // namespace

bool is_unjudged(const Assessment& assessment, const Finding& finding) {
  return may_hold(assessment, finding, reads_only_labs(*assessment.knowledge, *finding.rule));
}

bool is_excluded_by_answers(const Assessment& assessment, const Finding& finding) {
  const Rule& rule = *finding.rule;
  if (finding.status != FindingStatus::excluded || rule.kind != Rule::Kind::rule || rule.root < 0) {
    return false;
  }
  if (rule.raw || rule.last || rule.benign) {
    return true;
  }
  Facts facts = assessment.input->facts;
  for (ItemState& state : facts.answers.state) {
    state = state == ItemState::not_shown ? ItemState::skipped : state;
  }
  const Knowledge& knowledge = *assessment.knowledge;
  const std::size_t root = knowledge.program.roots[static_cast<std::size_t>(rule.root)];
  return Reader(knowledge, facts, true).value(root) == Tri::no;
}

bool waits_for_a_result(const Assessment& assessment, const Finding& finding) {
  return may_hold(assessment, finding, false);
}

namespace {

Words words_of(std::string_view text) {
  Words words;
  add_words(text, words);
  return words;
}

// In how many titles of red flags a word stands.
std::map<std::string, int, std::less<>> words_of_titles(const Knowledge& knowledge) {
  std::map<std::string, int, std::less<>> counts;
  for (const Rule& rule : knowledge.rules) {
    if (knowledge.is_red_flag(rule)) {
      for (const std::string& word : words_of(rule.title)) {
        ++counts[word];
      }
    }
  }
  return counts;
}

}  // namespace

void add_words(std::string_view text, Words& words) {
  constexpr std::size_t shortest = 5;
  std::string word;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ' ';
    const bool is_large = c >= 'A' && c <= 'Z';
    const bool is_letter =
        is_large || (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) > 0x7F;
    if (is_letter) {
      word += is_large ? static_cast<char>(c - 'A' + 'a') : c;
      continue;
    }
    if (word.size() >= shortest) {
      words.insert(word);
    }
    word.clear();
  }
}

std::set<const Rule*> named_in_record(const Assessment& assessment) {
  constexpr int few = 3;
  const Knowledge& knowledge = *assessment.knowledge;
  std::set<const Rule*> named;
  if (assessment.input == nullptr || assessment.input->unread_words.empty()) {
    return named;
  }
  const Words& said = assessment.input->unread_words;
  const auto counts = words_of_titles(knowledge);
  for (const Finding& finding : assessment.findings) {
    const Words title = words_of(finding.rule->title);
    if (finding.status == FindingStatus::excluded && knowledge.is_red_flag(*finding.rule) &&
        std::any_of(title.begin(), title.end(), [&](const std::string& word) {
          return said.contains(word) && counts.find(word)->second <= few;
        })) {
      named.insert(finding.rule);
    }
  }
  return named;
}

std::vector<std::string> unread_entries(const Assessment& assessment) {
  std::vector<std::string> texts;
  for (const RecordEntry& entry : assessment.input->record) {
    using Entry = RecordEntry::Kind;
    const bool is_named = entry.kind == Entry::medicine || entry.kind == Entry::condition;
    const bool is_unread =
        is_named ? entry.options == 0 : entry.kind == Entry::test && entry.item < 0;
    if (is_unread && std::find(texts.begin(), texts.end(), entry.text) == texts.end()) {
      texts.push_back(entry.text);
    }
  }
  return texts;
}

}  // namespace myoflag::rules
