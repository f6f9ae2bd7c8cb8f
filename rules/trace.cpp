#include "rules/trace.h"

#include <algorithm>
#include <set>

#include "rules/notices.h"

namespace myoflag::rules {
namespace {

using Kind = Criterion::Kind;

class Tracer {
 public:
  Tracer(const Knowledge& knowledge, const Rule& rule, const EvaluationInput& input,
         const FiredTiers& fired, Reading reading)
      : knowledge_(knowledge),
        answers_(rule.raw ? input.facts.raw : input.facts.answers),
        input_(input),
        fired_(fired),
        reading_(reading) {}

  // Collects what makes a true node true and leaves an unknown node open.
  void visit(std::size_t at) {
    const Op& op = knowledge_.program.ops[at];
    const Tri value = value_at(at);
    if (value == Tri::no) {
      return;
    }
    if (op.kind == Kind::all || op.kind == Kind::any) {
      for (std::size_t child = at + 1; child < op.end; child = knowledge_.program.ops[child].end) {
        if (value == Tri::unknown || value_at(child) == Tri::yes) {
          visit(child);
        }
      }
    } else if (op.kind == Kind::is_false) {
      visit_negated(at + 1, value);
    } else if (value == Tri::yes) {
      add_evidence(at);
    } else {
      add_missing(at);
    }
  }

  Trace take() {
    Trace out;
    out.because = std::move(because_);
    std::stable_sort(out.because.begin(), out.because.end(), before);
    for (const int item : missing_) {
      out.missing.push_back(&knowledge_.items[static_cast<std::size_t>(item)]);
    }
    return out;
  }

 private:
  static bool before(const Evidence& a, const Evidence& b) {
    if ((a.item == nullptr) != (b.item == nullptr)) {
      return a.item != nullptr;
    }
    return a.item != b.item ? a.item < b.item : a.origin < b.origin;
  }

  Tri value_at(std::size_t at) const {
    return knowledge_.program.evaluate_at(at, answers_, input_.facts.record, fired_, reading_);
  }

  const Item& item_at(std::size_t at) const {
    return knowledge_.items[knowledge_.program.ops[at].item];
  }

  // "Known to be false" rests on the given answers of every question named; what is unknown in it
  // is missing.
  void visit_negated(std::size_t at, Tri value) {
    const Op& op = knowledge_.program.ops[at];
    for (std::size_t node = at; node < op.end; ++node) {
      const Kind kind = knowledge_.program.ops[node].kind;
      if (kind == Kind::all || kind == Kind::any || kind == Kind::is_false || kind == Kind::sum ||
          kind == Kind::fired_tier || kind == Kind::lab) {
        continue;
      }
      if (value_at(node) == Tri::unknown) {
        if (value != Tri::yes) {
          add_missing(node);
        }
      } else {
        add_given(node);
      }
    }
  }

  void add_given(std::size_t at) {
    const Op& op = knowledge_.program.ops[at];
    const ItemState state = answers_.state[op.item];
    if (op.kind == Kind::answered && state != ItemState::answered) {
      merge({Origin::patient, &item_at(at), nullptr, 0, {}, {}, {}});
    } else if (state == ItemState::answered) {
      merge(patient_evidence(op.item, answers_.chosen[op.item]));
    }
  }

  Evidence patient_evidence(std::size_t item, std::uint64_t options) const {
    Evidence evidence;
    evidence.item = &knowledge_.items[item];
    evidence.options = options;
    if (evidence.item->is_numeric()) {
      evidence.number = answers_.number[item];
    }
    return evidence;
  }

  void add_evidence(std::size_t at) {
    const Op& op = knowledge_.program.ops[at];
    switch (op.kind) {
      case Kind::lab:
        add_lab(op);
        break;
      case Kind::fired_tier:
        break;
      case Kind::sum:
        for (std::size_t child = at + 1; child < op.end; ++child) {
          add_given(child);
        }
        break;
      case Kind::age:
        add_age(op);
        break;
      case Kind::is:
      case Kind::med:
      case Kind::cond:
        add_record(op);
        [[fallthrough]];
      case Kind::any_of:
      case Kind::count:
        if (const auto options = answers_.chosen[op.item] & op.mask; options != 0) {
          merge(patient_evidence(op.item, options));
        }
        break;
      case Kind::unsure:
        if ((answers_.chosen[op.item] & (op.mask | kNotOffered)) != 0) {
          merge(patient_evidence(op.item, answers_.chosen[op.item] & op.mask));
        }
        break;
      default:
        merge(patient_evidence(op.item, answers_.chosen[op.item]));
    }
  }

  void add_record(const Op& op) {
    if ((input_.facts.record.chosen[op.item] & op.mask) == 0) {
      return;
    }
    for (const auto& entry : input_.record) {
      const bool about_item = entry.item == op.item && entry.kind != RecordEntry::Kind::lab &&
                              entry.kind != RecordEntry::Kind::test;
      if (about_item && (entry.options & op.mask) != 0) {
        Evidence evidence;
        evidence.origin = Origin::record;
        evidence.item = &knowledge_.items[op.item];
        evidence.options = entry.options & op.mask;
        evidence.record_text = entry.text;
        evidence.record_date = entry.date;
        merge(std::move(evidence));
      }
    }
  }

  void add_age(const Op& op) {
    if (answers_.state[op.item] == ItemState::answered) {
      merge(patient_evidence(op.item, 0));
    }
    if (input_.facts.record.age && (answers_.state[op.item] != ItemState::answered ||
                                    answers_.number[op.item] != *input_.facts.record.age)) {
      Evidence evidence;
      evidence.origin = Origin::record;
      evidence.item = &knowledge_.items[op.item];
      evidence.number = input_.facts.record.age;
      merge(std::move(evidence));
    }
  }

  void add_lab(const Op& op) {
    Evidence evidence;
    evidence.origin = Origin::record;
    evidence.lab = &knowledge_.labs[op.item];
    evidence.number = input_.facts.record.labs[op.item].value;
    if (const RecordEntry* entry = lab_entry(input_, op.item); entry != nullptr) {
      evidence.record_text = entry->text;
    }
    merge(std::move(evidence));
  }

  void merge(Evidence evidence) {
    for (auto& known : because_) {
      if (known.origin == evidence.origin && known.item == evidence.item &&
          known.lab == evidence.lab && known.record_text == evidence.record_text) {
        known.options |= evidence.options;
        return;
      }
    }
    because_.push_back(std::move(evidence));
  }

  void add_missing(std::size_t at) {
    const Op& op = knowledge_.program.ops[at];
    if (op.kind == Kind::fired_tier || op.kind == Kind::lab) {
      return;
    }
    const std::size_t first = op.kind == Kind::sum ? at + 1 : at;
    const std::size_t last = op.kind == Kind::sum ? op.end : at + 1;
    for (std::size_t node = first; node < last; ++node) {
      const int item = knowledge_.program.ops[node].item;
      for (const int question : questions_to_ask(knowledge_, answers_, item)) {
        missing_.insert(question);
      }
    }
  }

  const Knowledge& knowledge_;
  const AnswerRecord& answers_;
  const EvaluationInput& input_;
  const FiredTiers& fired_;
  const Reading reading_;
  std::vector<Evidence> because_;
  std::set<int> missing_;
};

void collect_questions(const Knowledge& knowledge, const AnswerRecord& answers, int item,
                       std::set<int>& out) {
  const auto at = static_cast<std::size_t>(item);
  const Item& it = knowledge.items[at];
  switch (answers.state[at]) {
    case ItemState::not_shown:
      return;
    case ItemState::answered:
      if ((answers.chosen[at] & knowledge.open_options(item)) != 0) {
        out.insert(item);
      }
      return;
    case ItemState::not_asked:
      for (const auto& when : it.enable) {
        collect_questions(knowledge, answers, when.item, out);
      }
      if (it.parent >= 0) {
        collect_questions(knowledge, answers, it.parent, out);
      }
      return;
    case ItemState::skipped:
    case ItemState::invalid:
      if (it.type != ItemType::group && it.type != ItemType::display) {
        out.insert(item);
      }
  }
}

}  // namespace

Trace trace(const Knowledge& knowledge, const Rule& rule, const EvaluationInput& input,
            const FiredTiers& fired, Reading reading) {
  Tracer tracer(knowledge, rule, input, fired, reading);
  tracer.visit(knowledge.program.roots[static_cast<std::size_t>(rule.root)]);
  return tracer.take();
}

std::vector<int> questions_to_ask(const Knowledge& knowledge, const AnswerRecord& answers,
                                  int item) {
  std::set<int> out;
  collect_questions(knowledge, answers, item, out);
  return {out.begin(), out.end()};
}

}  // namespace myoflag::rules
