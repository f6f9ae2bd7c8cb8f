#include "tests/support/fhirpath_variables.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace myoflag::mapping::testing {
namespace {

using fhir::Json;
using rules::Item;
using rules::ItemState;

std::string variable(std::string_view prefix, std::string_view name) {
  std::string out = fmt::format("{}{}", prefix, name);
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

Json codes_of(const Item& item, std::uint64_t options) {
  Json codes = Json::array();
  for (std::size_t i = 0; i < item.options.size(); ++i) {
    if (((options >> i) & 1U) != 0) {
      codes.push(item.options[i].code);
    }
  }
  if ((options & rules::kNotOffered) != 0) {
    codes.push("#not-offered");
  }
  return codes;
}

Json number_json(rules::Number value) { return Json(Json::Number{rules::to_text(value)}); }

Json answer_list(const Item& item, std::size_t at, const rules::AnswerRecord& answers) {
  Json out = codes_of(item, answers.chosen[at]);
  switch (answers.state[at]) {
    case ItemState::not_shown:
      out.push("#not-shown");
      break;
    case ItemState::answered:
      if (item.type != rules::ItemType::choice) {
        out.push("#answered");
      }
      break;
    default:
      out.push("#missing");
  }
  return out;
}

void add_scores(const Item& item, std::size_t at, const rules::AnswerRecord& answers, Json& out) {
  int low = 0;
  int high = 0;
  int top = 0;
  for (const auto& option : item.options) {
    top = std::max(top, option.score);
  }
  if (answers.state[at] == ItemState::answered && (answers.chosen[at] & item.open()) == 0) {
    for (std::size_t i = 0; i < item.options.size(); ++i) {
      if (((answers.chosen[at] >> i) & 1U) != 0) {
        low = high = item.options[i].score;
      }
    }
  } else if (answers.state[at] != ItemState::not_shown) {
    high = top;
  }
  if (top > 0) {
    out.set(variable("low_", item.link_id), low);
    out.set(variable("high_", item.link_id), high);
  }
}

void add_item(const rules::Knowledge& knowledge, std::size_t at, const rules::Facts& facts,
              Json& out) {
  const Item& item = knowledge.items[at];
  out.set(answer_variable(item), answer_list(item, at, facts.answers));
  out.set(variable("raw_", item.link_id), answer_list(item, at, facts.raw));
  add_scores(item, at, facts.answers, out);
  const bool numeric =
      item.type == rules::ItemType::integer || item.type == rules::ItemType::decimal;
  if (numeric) {
    const bool answered = facts.answers.state[at] == ItemState::answered;
    out.set(variable("n_", item.link_id),
            answered ? number_json(facts.answers.number[at]) : Json(nullptr));
  }
  if (item.type == rules::ItemType::choice) {
    out.set(variable("r_", item.link_id), codes_of(item, facts.record.chosen[at]));
    out.set(variable("k_", item.link_id), facts.record.known[at]);
  }
}

void add_labs(const rules::Knowledge& knowledge, const rules::Facts& facts, Json& out) {
  std::set<int> days;
  for (const auto& op : knowledge.program.ops) {
    if (op.kind == rules::Criterion::Kind::lab) {
      days.insert(op.max_age);
    }
  }
  for (std::size_t i = 0; i < knowledge.labs.size(); ++i) {
    const rules::Lab& lab = facts.record.labs[i];
    for (const int limit : days) {
      const bool current = lab.state == rules::LabState::known && lab.age_days <= limit;
      out.set(variable("lab_", fmt::format("{}_{}", knowledge.labs[i].name, limit)),
              current ? number_json(lab.value) : Json(nullptr));
    }
  }
}

}  // namespace

std::string answer_variable(const Item& item) { return variable("a_", item.link_id); }

Json fhirpath_variables(const rules::Knowledge& knowledge, const rules::Facts& facts,
                        const rules::FiredTiers& fired) {
  Json out = Json::object();
  for (std::size_t at = 0; at < knowledge.items.size(); ++at) {
    const auto type = knowledge.items[at].type;
    if (type != rules::ItemType::group && type != rules::ItemType::display) {
      add_item(knowledge, at, facts, out);
    }
  }
  Json ages = Json::array();
  const auto age = static_cast<std::size_t>(knowledge.bindings.age);
  if (facts.answers.state[age] == ItemState::answered) {
    ages.push(number_json(facts.answers.number[age]));
  }
  if (facts.record.age) {
    ages.push(number_json(*facts.record.age));
  }
  out.set("ages", std::move(ages));
  add_labs(knowledge, facts, out);
  for (const auto tier : rules::kTiers) {
    const rules::Tri value = fired[static_cast<std::size_t>(tier)];
    out.set(variable("fired_", rules::code_of(tier)),
            value == rules::Tri::unknown ? Json(nullptr) : Json(value == rules::Tri::yes));
  }
  return out;
}

}  // namespace myoflag::mapping::testing
