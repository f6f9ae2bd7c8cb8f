#include "plugin/intake/flow.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "fhir/json.h"
#include "rules/relevance.h"
#include "rules/settle.h"

namespace myoflag::intake {

namespace {

using fhir::Json;
using rules::AnswerRecord;
using rules::EnableWhen;
using rules::Item;
using rules::ItemState;
using rules::ItemType;
using rules::Knowledge;
using rules::Tri;

const Item& item_at(const Knowledge& knowledge, int index) {
  return knowledge.items[static_cast<std::size_t>(index)];
}

bool is_asked(const Item& item) { return item.is_question() || item.type == ItemType::text; }

// ---- kept as text

Json answer_json(const Item& item, const Answer& answer) {
  Json out = Json::object({{"linkId", item.link_id}});
  if (answer.is_skipped()) {
    out.set("skipped", true);
  } else if (item.type == ItemType::choice) {
    Json codes = Json::array();
    for (std::size_t i = 0; i < item.options.size(); ++i) {
      if ((answer.chosen >> i & 1U) != 0) {
        codes.push(item.options[i].code);
      }
    }
    out.set("options", std::move(codes));
  } else {
    out.set("text", answer.text);
  }
  return out;
}

// Nothing: something of it is not known here.
std::optional<Answer> read_kept(const Item& item, const Json& kept) {
  if (kept.find("skipped") != nullptr) {
    return Answer{};
  }
  Answer answer;
  if (item.type != ItemType::choice) {
    answer.text = std::string(kept.string_of("text"));
    const bool fits = item.type == ItemType::text || rules::read_number(answer.text);
    return fits && !answer.text.empty() ? std::optional(std::move(answer)) : std::nullopt;
  }
  for (const Json& code : kept.array_of("options")) {
    const auto* text = code.as_string();
    const int option = text == nullptr ? -1 : item.option(*text);
    if (option < 0) {
      return std::nullopt;
    }
    answer.chosen |= std::uint64_t{1} << option;
  }
  return answer.chosen != 0 ? std::optional(std::move(answer)) : std::nullopt;
}

// ---- what applies

ItemState state_without_answer(Tri applies) {
  return applies == Tri::yes  ? ItemState::skipped
         : applies == Tri::no ? ItemState::not_shown
                              : ItemState::not_asked;
}

void put(const Item& item, const Answer& answer, std::size_t at, AnswerRecord& record) {
  if (answer.is_skipped()) {
    return;
  }
  record.state[at] = ItemState::answered;
  record.chosen[at] = answer.chosen;
  if (item.is_numeric()) {
    const auto number = rules::read_number(answer.text);
    const bool inside =
        number && (!item.min || *number >= *item.min) && (!item.max || *number <= *item.max);
    record.state[at] = inside ? ItemState::answered : ItemState::invalid;
    record.number[at] = number.value_or(rules::Number{});
  }
}

// ---- what interrupts

rules::Evidence told(const Item& item, std::uint64_t options) {
  rules::Evidence evidence;
  evidence.item = &item;
  evidence.options = options;
  return evidence;
}

// One for each chosen option that makes the display apply.
void add_display_triggers(const Knowledge& knowledge, const Interruption& what, const Form& form,
                          std::vector<Trigger>& out) {
  const int display = knowledge.item(what.display);
  if (display < 0) {
    return;
  }
  for (const EnableWhen& when : item_at(knowledge, display).enable) {
    if (when.op != EnableWhen::Op::is) {
      continue;
    }
    const Item& asked = item_at(knowledge, when.item);
    const auto chosen = form.answers.chosen[static_cast<std::size_t>(when.item)] & when.options;
    for (std::size_t i = 0; i < asked.options.size(); ++i) {
      const auto bit = std::uint64_t{1} << i;
      if ((chosen & bit) != 0) {
        out.push_back({&what,
                       fmt::format("{} {}.{}", what.display, asked.link_id, asked.options[i].code),
                       {told(asked, bit)}});
      }
    }
  }
}

bool is_as_urgent(const rules::Finding& finding, const Interruption& what) {
  const bool near =
      !what.within_hours || (finding.target.hours && *finding.target.hours <= *what.within_hours);
  return finding.tier > what.tier || (finding.tier == what.tier && near);
}

bool is_patients(const rules::Evidence& evidence) {
  return evidence.origin == rules::Origin::patient && evidence.item != nullptr;
}

// Whether one of the answers interrupts already.
bool is_told(const rules::Finding& finding, const std::vector<Trigger>& before) {
  return std::any_of(before.begin(), before.end(), [&](const Trigger& trigger) {
    return std::any_of(
        finding.because.begin(), finding.because.end(), [&](const rules::Evidence& one) {
          return is_patients(one) && std::any_of(trigger.because.begin(), trigger.because.end(),
                                                 [&](const rules::Evidence& other) {
                                                   return one.item == other.item &&
                                                          (one.options & other.options) != 0;
                                                 });
        });
  });
}

void add_rule_triggers(const Interruption& what, const rules::Assessment& partial,
                       std::vector<Trigger>& out) {
  const std::size_t displays = out.size();
  for (const rules::Finding& finding : partial.findings) {
    // Gaps tell of questions that were not asked yet.
    const bool counts = finding.status == rules::FindingStatus::fired &&
                        finding.rule->kind == rules::Rule::Kind::rule &&
                        is_as_urgent(finding, what);
    const std::vector<Trigger> before(out.begin(),
                                      out.begin() + static_cast<std::ptrdiff_t>(displays));
    if (!counts || is_told(finding, before)) {
      continue;
    }
    Trigger trigger{&what, fmt::format("{} {}", what.display, finding.rule->id), {}};
    std::copy_if(finding.because.begin(), finding.because.end(),
                 std::back_inserter(trigger.because), is_patients);
    const bool stronger = std::any_of(out.begin(), out.end(), [&](const Trigger& one) {
      return one.what != &what && one.reason.ends_with(" " + finding.rule->id);
    });
    if (!stronger) {
      out.push_back(std::move(trigger));
    }
  }
}

}  // namespace

std::string draft_text(const Knowledge& knowledge, const Draft& draft) {
  Json answers = Json::array();
  for (const auto& [item, answer] : draft) {
    answers.push(answer_json(item_at(knowledge, item), answer));
  }
  return fhir::write_json(Json::object({{"answers", std::move(answers)}}));
}

std::optional<Draft> read_draft(const Knowledge& knowledge, std::string_view text) {
  Draft draft;
  if (text.empty()) {
    return draft;
  }
  const auto json = fhir::read_json(text);
  if (!json || json->find("answers") == nullptr) {
    return std::nullopt;
  }
  for (const Json& kept : json->array_of("answers")) {
    const int item = knowledge.item(kept.string_of("linkId"));
    if (item < 0 || !is_asked(item_at(knowledge, item))) {
      continue;
    }
    if (auto answer = read_kept(item_at(knowledge, item), kept)) {
      draft.insert_or_assign(item, *std::move(answer));
    }
  }
  return draft;
}

namespace {

// Given answers and questions that were passed over stand; a question is open until then.
void leave_out_what_changes_nothing(const Knowledge& knowledge, const Draft& draft, Form& form) {
  rules::QuestionSet open;
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    const int index = static_cast<int>(i);
    open[i] = is_asked(knowledge.items[i]) && !(draft.contains(index) && has_page(form, index));
  }
  const auto spared = rules::without_effect(knowledge, form.answers, open);
  const auto is_spared = [&](int page) { return spared[static_cast<std::size_t>(page)]; };
  std::copy_if(form.pages.begin(), form.pages.end(), std::back_inserter(form.not_needed),
               is_spared);
  std::erase_if(form.pages, is_spared);
}

}  // namespace

Form form_of(const Knowledge& knowledge, const Draft& draft, Order order) {
  Form form;
  std::array<Tri, rules::kMaxItems> applies{};
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    const Item& item = knowledge.items[i];
    const Tri parent = item.parent < 0 ? Tri::yes : applies[static_cast<std::size_t>(item.parent)];
    applies[i] = parent && rules::shown(knowledge, item, form.answers);
    form.answers.state[i] = state_without_answer(applies[i]);
    if (!is_asked(item)) {
      continue;
    }
    const auto given = draft.find(static_cast<int>(i));
    if (applies[i] == Tri::yes) {
      form.pages.push_back(static_cast<int>(i));
      if (given != draft.end()) {
        put(item, given->second, i, form.answers);
      }
    } else if (given != draft.end() && !given->second.is_skipped()) {
      form.hidden.push_back(static_cast<int>(i));
    }
  }
  if (order == Order::adaptive) {
    leave_out_what_changes_nothing(knowledge, draft, form);
  }
  return form;
}

bool has_page(const Form& form, int item) {
  return std::binary_search(form.pages.begin(), form.pages.end(), item);
}

bool takes_answer(const Form& form, int item) {
  return has_page(form, item) ||
         std::binary_search(form.not_needed.begin(), form.not_needed.end(), item);
}

std::optional<int> page_after(const Form& form, int item) {
  const auto next = std::upper_bound(form.pages.begin(), form.pages.end(), item);
  return next == form.pages.end() ? std::nullopt : std::optional(*next);
}

std::optional<int> page_before(const Form& form, int item) {
  const auto at = std::lower_bound(form.pages.begin(), form.pages.end(), item);
  return at == form.pages.begin() ? std::nullopt : std::optional(*(at - 1));
}

std::optional<int> first_open(const Form& form, const Draft& draft) {
  const auto open = std::find_if(form.pages.begin(), form.pages.end(),
                                 [&](int page) { return !draft.contains(page); });
  return open == form.pages.end() ? std::nullopt : std::optional(*open);
}

std::vector<int> notes_of(const Knowledge& knowledge, const Presentation& presentation, int item) {
  std::vector<int> notes;
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    const Item& one = knowledge.items[i];
    const bool interrupts =
        std::any_of(presentation.interruptions.begin(), presentation.interruptions.end(),
                    [&](const Interruption& what) { return what.display == one.link_id; });
    if (is_asked(one)) {
      if (static_cast<int>(i) == item) {
        return notes;
      }
      notes.clear();
    } else if (one.type == ItemType::display && one.enable.empty() && !interrupts) {
      notes.push_back(static_cast<int>(i));
    }
  }
  return item < 0 ? notes : std::vector<int>();
}

Part part_of(const Knowledge& knowledge, int item) {
  int top = item;
  while (item_at(knowledge, top).parent >= 0) {
    top = item_at(knowledge, top).parent;
  }
  Part part{top, 0, 0};
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    const Item& one = knowledge.items[i];
    if (one.parent < 0 && one.type == ItemType::group) {
      ++part.of;
      part.number = static_cast<int>(i) <= top ? part.of : part.number;
    }
  }
  return part;
}

std::vector<Trigger> triggers_of(const Knowledge& knowledge, const Presentation& presentation,
                                 const Form& form, const rules::Assessment* partial) {
  std::vector<Trigger> out;
  for (const Interruption& what : presentation.interruptions) {
    add_display_triggers(knowledge, what, form, out);
    if (partial != nullptr) {
      add_rule_triggers(what, *partial, out);
    }
  }
  return out;
}

}  // namespace myoflag::intake
