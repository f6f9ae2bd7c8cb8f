#include "rules/languages.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "rules/ascii.h"

namespace myoflag::rules {
namespace {

class Collector {
 public:
  explicit Collector(const Knowledge& knowledge) : knowledge_(knowledge) {}

  std::vector<PatientWords> run() {
    add(knowledge_.title, {}, "the title");
    for (const Item& item : knowledge_.items) {
      add_item(item);
    }
    for (std::size_t i = knowledge_.tiers.size(); i-- > 0;) {
      for (const Headline& headline : knowledge_.tiers[i].patient) {
        tell(headline.text, fmt::format("tier {}", code_of(static_cast<Tier>(i))),
             headline.within_hours);
      }
    }
    for (const auto* list : {&knowledge_.rules, &knowledge_.gaps}) {
      for (const Rule& rule : *list) {
        add_rule(rule);
      }
    }
    for (const Advice& advice : knowledge_.advice) {
      tell(advice.text, fmt::format("advice {}", advice.id), 0);
    }
    add_neutral_words();
    return std::move(out_);
  }

 private:
  void add(const std::string& english, std::string_view item, std::string place,
           bool is_instrument = false) {
    if (!english.empty()) {
      out_.push_back({&english, item, std::move(place), false, is_instrument, std::nullopt});
    }
  }

  void tell(const std::string& english, std::string place, std::optional<int> latest) {
    if (!english.empty()) {
      out_.push_back({&english, {}, std::move(place), true, false, latest});
    }
  }

  void add_item(const Item& item) {
    const bool is_instrument = !item.instrument.empty();
    add(item.text, item.link_id, fmt::format("question {}", item.link_id), is_instrument);
    add(item.help, item.link_id, fmt::format("question {}, help", item.link_id));
    for (const Option& option : item.options) {
      add(option.text, item.link_id,
          fmt::format("question {}, option {}", item.link_id, option.code), is_instrument);
    }
  }

  // Said in place of words that comfort.
  void add_neutral_words() {
    const bool is_said =
        std::any_of(knowledge_.rules.begin(), knowledge_.rules.end(),
                    [](const Rule& rule) { return rule.comforts && rule.beside.empty(); });
    const auto words = knowledge_.texts.find("patient-neutral");  // missing while loading only
    if (is_said && words != knowledge_.texts.end()) {
      tell(words->second, "patient-neutral", 0);
    }
  }

  void add_rule(const Rule& rule) {
    tell(rule.patient, fmt::format("{}, patient", rule.id), latest_named_by(rule));
    for (const ConditionalTarget& target : rule.target_when) {
      tell(target.patient, fmt::format("{}, patient of target-when", rule.id), target.target.hours);
    }
    tell(rule.beside, fmt::format("{}, beside", rule.id), 0);
    tell(rule.beside_emergency, fmt::format("{}, beside-emergency", rule.id), 0);
  }

  const Knowledge& knowledge_;
  std::vector<PatientWords> out_;
};

// Those that need no blank behind them.
constexpr std::array<std::string_view, 3> kWideEnds{"。", "！", "？"};
constexpr std::array<std::string_view, 4> kEnds{".", "!", "?", "؟"};

bool stands_at(std::string_view text, std::size_t at, std::string_view mark) {
  return text.substr(at, mark.size()) == mark;
}

// Bytes of the end of a sentence that begins there; 0: none does.
std::size_t end_at(std::string_view text, std::size_t at) {
  for (const auto mark : kWideEnds) {
    if (stands_at(text, at, mark)) {
      return mark.size();
    }
  }
  for (const auto mark : kEnds) {
    const std::size_t after = at + mark.size();
    if (stands_at(text, at, mark) && (after == text.size() || text[after] == ' ')) {
      return mark.size();
    }
  }
  return 0;
}

bool same_tag(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return to_lower(x) == to_lower(y); });
}

}  // namespace

// What does not raise the tier is said beside anything.
std::optional<int> latest_named_by(const Rule& rule) {
  return rule.raises() ? rule.target.hours : 0;
}

std::vector<PatientWords> patient_words(const Knowledge& knowledge) {
  return Collector(knowledge).run();
}

const Language* language_of(const Knowledge& knowledge, std::string_view tag) {
  while (!tag.empty()) {
    const auto found = std::find_if(knowledge.languages.begin(), knowledge.languages.end(),
                                    [&](const Language& one) { return same_tag(one.tag, tag); });
    if (found != knowledge.languages.end()) {
      return &*found;
    }
    const auto dash = tag.rfind('-');
    tag = tag.substr(0, dash == std::string_view::npos ? 0 : dash);
  }
  return nullptr;
}

const std::string& in_language(const Language* language, const std::string& english,
                               std::string_view item) {
  if (language == nullptr) {
    return english;
  }
  if (const auto there = language->there.find(item); there != language->there.end()) {
    if (const auto found = there->second.find(english); found != there->second.end()) {
      return found->second;
    }
  }
  const auto found = language->texts.find(english);
  if (found == language->texts.end()) {
    throw std::logic_error("a text for patients has no translation: " + english);
  }
  return found->second;
}

std::vector<std::string> sentences_of_any(std::string_view text) {
  std::vector<std::string> out;
  std::size_t start = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (const std::size_t end = end_at(text, at); end != 0) {
      out.emplace_back(text.substr(start, at + end - start));
      start = at + end;
      start += start < text.size() && text[start] == ' ' ? 1U : 0U;
      at = start - 1;
    }
  }
  if (start < text.size()) {
    out.emplace_back(text.substr(start));
  }
  return out;
}

std::string in_a_row(const std::vector<std::string>& sentences) {
  std::string out;
  for (const std::string& sentence : sentences) {
    const bool is_wide = std::any_of(kWideEnds.begin(), kWideEnds.end(),
                                     [&](std::string_view mark) { return out.ends_with(mark); });
    out += out.empty() || is_wide ? "" : " ";
    out += sentence;
  }
  return out;
}

}  // namespace myoflag::rules
