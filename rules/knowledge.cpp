#include "rules/knowledge.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include <fmt/format.h>

namespace myoflag::rules {
namespace {

template <typename List, typename Name>
int index_of(const List& list, std::string_view name, Name name_of) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const auto& e) { return name_of(e) == name; });
  return found == list.end() ? -1 : static_cast<int>(found - list.begin());
}

}  // namespace

const Headline& TierInfo::headline_for(const Target& target) const {
  if (!target.hours) {
    return patient.back();
  }
  const auto longer = std::find_if(patient.begin(), patient.end(), [&](const Headline& headline) {
    return !headline.within_hours || *headline.within_hours > *target.hours;
  });
  return longer == patient.begin() ? *longer : *std::prev(longer);
}

int Item::option(std::string_view code) const {
  return index_of(options, code, [](const Option& o) -> std::string_view { return o.code; });
}

std::uint64_t Knowledge::open_options(int item) const {
  std::uint64_t open = items[static_cast<std::size_t>(item)].open();
  for (const auto& [name, set] : is_sets) {
    open |= set.item == item ? set.unknown : 0;
  }
  return open;
}

bool Workup::may_come_from(int rule) const {
  const auto has = [rule](const std::vector<int>& list) {
    return std::find(list.begin(), list.end(), rule) != list.end();
  };
  return (only_from.empty() || has(only_from)) && !has(never_from);
}

const OtherForm::Question* OtherForm::question(std::string_view link_id) const {
  const int found =
      index_of(questions, link_id, [](const Question& q) -> std::string_view { return q.link_id; });
  return found < 0 ? nullptr : &questions[static_cast<std::size_t>(found)];
}

bool OtherForm::asks(int item) const {
  return std::any_of(questions.begin(), questions.end(),
                     [&](const Question& question) { return question.item == item; });
}

std::string Knowledge::form_url() const { return canonical + "/Questionnaire/" + id; }

const OtherForm* Knowledge::other_form(std::string_view url, std::string_view form_version) const {
  const auto found = std::find_if(
      other_forms.begin(), other_forms.end(),
      [&](const OtherForm& form) { return form.url == url && form.version == form_version; });
  return found == other_forms.end() ? nullptr : &*found;
}

int Knowledge::item(std::string_view link_id) const {
  return index_of(items, link_id, [](const Item& i) -> std::string_view { return i.link_id; });
}

int Knowledge::lab(std::string_view name) const {
  return index_of(labs, name, [](const LabBinding& l) -> std::string_view { return l.name; });
}

int Knowledge::workup(std::string_view code) const {
  return index_of(workups, code, [](const Workup& w) -> std::string_view { return w.code; });
}

const Rule* Knowledge::rule(std::string_view rule_id) const {
  for (const auto* list : {&rules, &gaps}) {
    const int found =
        index_of(*list, rule_id, [](const Rule& r) -> std::string_view { return r.id; });
    if (found >= 0) {
      return &(*list)[static_cast<std::size_t>(found)];
    }
  }
  return nullptr;
}

const std::string& Knowledge::text(std::string_view key) const {
  const auto found = texts.find(key);
  if (found == texts.end()) {
    throw std::logic_error(fmt::format("text.en.yaml has no sentence `{}`", key));
  }
  return found->second;
}

}  // namespace myoflag::rules
