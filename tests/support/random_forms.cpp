#include "tests/support/random_forms.h"

#include <algorithm>

namespace myoflag::rules::testing {
namespace {

// Both sides of each limit, and the limit itself.
void add_around(std::vector<Number>& numbers, Number limit, std::int64_t step) {
  for (const std::int64_t delta : {-step, std::int64_t{0}, step}) {
    numbers.push_back({limit.nano + delta});
  }
}

void collect_limits(const Knowledge& knowledge, const Criterion& criterion,
                    std::vector<std::vector<Number>>& numbers,
                    std::vector<std::vector<Number>>& labs) {
  const auto at = [](int index) { return static_cast<std::size_t>(index); };
  if (criterion.kind == Criterion::Kind::age) {
    add_around(numbers[at(knowledge.bindings.age)], criterion.limit, whole(1).nano);
  } else if (criterion.kind == Criterion::Kind::number) {
    add_around(numbers[at(knowledge.item(criterion.names.front()))], criterion.limit,
               whole(1).nano);
  } else if (criterion.kind == Criterion::Kind::lab) {
    add_around(labs[at(knowledge.lab(criterion.names.front()))], criterion.limit,
               whole(1).nano / 100);
  }
  for (const auto& child : criterion.children) {
    collect_limits(knowledge, child, numbers, labs);
  }
}

std::vector<std::string_view> codes_of(const Item& item, std::uint64_t mask) {
  std::vector<std::string_view> codes;
  for (std::size_t i = 0; i < item.options.size(); ++i) {
    if ((mask >> i & 1U) != 0) {
      codes.push_back(item.options[i].code);
    }
  }
  return codes;
}

}  // namespace

std::uint64_t Random::next() {
  std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

RandomForms::RandomForms(const Knowledge& knowledge, std::uint64_t seed)
    : knowledge_(knowledge),
      random_(seed),
      numbers_(knowledge.items.size()),
      lab_values_(knowledge.labs.size()) {
  for (const auto& item : knowledge.items) {
    if (item.type == ItemType::choice || item.type == ItemType::integer ||
        item.type == ItemType::decimal) {
      questions_.push_back(&item);
    }
    for (const auto& when : item.enable) {
      if (when.op == EnableWhen::Op::at_least || when.op == EnableWhen::Op::at_most) {
        add_around(numbers_[static_cast<std::size_t>(when.item)], when.limit, whole(1).nano);
      }
    }
  }
  for (const auto& rule : knowledge.rules) {
    collect_limits(knowledge, rule.criterion, numbers_, lab_values_);
  }
  for (const auto& gap : knowledge.gaps) {
    collect_limits(knowledge, gap.criterion, numbers_, lab_values_);
  }
  for (const auto& one : knowledge.cases) {
    cases_.push_back(form_of(one));
    if (one.name == "brief twitch no trigger") {
      clear_ = cases_.back();
    }
  }
}

Number RandomForms::number(const Item& item) {
  const auto& around = numbers_[static_cast<std::size_t>(&item - knowledge_.items.data())];
  Number value = around.empty() || random_.chance(30)
                     ? whole(static_cast<std::int64_t>(random_.below(100)))
                     : random_.pick(around);
  value = std::max(value, item.min.value_or(value));
  return std::min(value, item.max.value_or(value));
}

NamedAnswer RandomForms::clear_answer(const Item& item) {
  NamedAnswer answer;
  if (item.type != ItemType::choice) {
    answer.number = number(item);
    return answer;
  }
  const auto positive = codes_of(item, item.positive());
  if (item.none != 0 && (positive.empty() || random_.chance(45))) {
    answer.options.push_back("none");
    return answer;
  }
  const std::size_t count = item.repeats ? 1 + random_.below(random_.chance(10) ? 8 : 2) : 1;
  for (std::size_t i = 0; i < count; ++i) {
    const auto option = random_.pick(positive);
    if (std::find(answer.options.begin(), answer.options.end(), option) == answer.options.end()) {
      answer.options.push_back(option);
    }
  }
  return answer;
}

NamedAnswer RandomForms::answer(const Item& item) {
  NamedAnswer answer = clear_answer(item);
  const auto odd = random_.below(100);
  if (odd == 0) {
    answer = {};
    answer.invalid = true;
  } else if (odd < 8 && (item.open() & item.all) != 0) {
    const auto open = random_.pick(codes_of(item, item.open()));
    if (!item.repeats || random_.chance(50)) {
      answer.options.clear();
    }
    answer.options.push_back(open);
  } else if (odd < 11 && item.none != 0 && item.repeats && answer.options.front() != "none") {
    answer.options.push_back("none");
  }
  return answer;
}

void RandomForms::add_record(Form& form) {
  auto& record = form.record;
  record.fetched = true;
  const auto& bindings = knowledge_.bindings;
  const auto item = [&](int index) -> const Item& {
    return knowledge_.items[static_cast<std::size_t>(index)];
  };
  const auto say = [&](int index, int percent) {
    if (random_.chance(percent)) {
      record.says[item(index).link_id].options.push_back(
          random_.pick(codes_of(item(index), item(index).positive())));
    }
  };
  say(bindings.medicines, 35);
  say(bindings.conditions, 35);
  for (const auto& [index, list] :
       {std::pair{bindings.sex, &bindings.sexes}, {bindings.pregnancy, &bindings.pregnancies}}) {
    if (!list->empty() && random_.chance(index == bindings.sex ? 50 : 10)) {
      const auto option = static_cast<std::size_t>(random_.pick(*list).option);
      record.says[item(index).link_id].options = {item(index).options[option].code};
    }
  }
  if (random_.chance(50)) {
    const Item& age = item(bindings.age);
    const auto own = form.answers.find(age.link_id);
    const bool same = own != form.answers.end() && own->second.number && random_.chance(70);
    record.says[age.link_id].number = same ? own->second.number : number(age);
  }
  for (std::size_t i = 0; i < knowledge_.labs.size(); ++i) {
    if (!random_.chance(15)) {
      continue;
    }
    constexpr int kAges[] = {0, 1, 6, 7, 8, 30, 89, 90, 91, 400};
    NamedLab lab;
    lab.state = random_.chance(90) ? LabState::known : LabState::unusable;
    if (!lab_values_[i].empty()) {
      lab.value = random_.pick(lab_values_[i]);
    }
    lab.age_days = random_.chance(60) ? 0 : kAges[random_.below(std::size(kAges))];
    record.labs[knowledge_.labs[i].name] = lab;
  }
}

// The same answers, but for what is compared.
void RandomForms::add_previous(Form& form) {
  form.previous = form.answers;
  for (const int index : knowledge_.change.items) {
    const Item& item = knowledge_.items[static_cast<std::size_t>(index)];
    if (random_.chance(50)) {
      (*form.previous)[item.link_id] = {{"none"}, {}, false};
    } else if (random_.chance(30)) {
      (*form.previous)[item.link_id] = answer(item);
    }
  }
}

void RandomForms::mutate(Form& form) {
  const Item& item = *random_.pick(questions_);
  switch (random_.below(4)) {
    case 0:
      form.answers.erase(item.link_id);
      break;
    case 1: {
      const auto found = form.answers.find(item.link_id);
      if (found != form.answers.end() && item.repeats && !found->second.invalid) {
        const auto option = random_.pick(codes_of(item, item.all));
        auto& options = found->second.options;
        if (std::find(options.begin(), options.end(), option) == options.end()) {
          options.push_back(option);
        }
        break;
      }
      [[fallthrough]];
    }
    default:
      form.answers[item.link_id] = answer(item);
  }
}

Form RandomForms::next() {
  const auto manner = random_.below(10);
  return next(manner < 3   ? Manner::noise
              : manner < 7 ? Manner::mutated_case
                           : Manner::nearly_clear);
}

Form RandomForms::next(Manner manner) {
  Form form;
  if (manner == Manner::noise || cases_.empty()) {
    constexpr int kComplete[] = {15, 50, 80, 97, 100};
    const int percent = kComplete[random_.below(std::size(kComplete))];
    for (const auto* item : questions_) {
      if (random_.chance(percent)) {
        form.answers[item->link_id] = answer(*item);
      }
    }
  } else {
    form = manner == Manner::mutated_case ? random_.pick(cases_) : clear_;
    const std::size_t changes = random_.below(manner == Manner::mutated_case ? 6 : 4);
    for (std::size_t i = 0; i < changes; ++i) {
      mutate(form);
    }
    if (manner == Manner::nearly_clear) {
      // What a clear form may still hold: triggers, a site, a length of time.
      for (const auto* link : {"lifestyle", "duration", "site-scope", "eyelid-detail", "course"}) {
        if (random_.chance(25)) {
          form.answers[link] =
              answer(knowledge_.items[static_cast<std::size_t>(knowledge_.item(link))]);
        }
      }
    }
  }
  if (random_.chance(manner == Manner::nearly_clear ? 20 : 35)) {
    add_record(form);
  }
  form.stale = random_.chance(5);
  form.free_text = random_.chance(5);
  if (random_.chance(6)) {
    add_previous(form);
  }
  return form;
}

}  // namespace myoflag::rules::testing
