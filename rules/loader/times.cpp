#include "rules/loader/times.h"

#include <algorithm>

#include <fmt/format.h>

#include "rules/ascii.h"
#include "rules/loader/context.h"

namespace myoflag::rules::loading {
namespace {

std::string small(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), to_lower);
  return out;
}

constexpr std::size_t kMaxPhrases = 500;  // every text is searched for each of them

// First bytes of the Latin letters beyond A to Z, in UTF-8.
bool begins_wide_letter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0xC3 && byte <= 0xC9;
}

bool is_wide_letter_before(std::string_view text, std::size_t at) {
  return at >= 2 && begins_wide_letter(text[at - 2]);
}

// "hora" stands in no "ahora", and "2 weeks" in no "12 weeks". Scripts without letters of this kind
// have no such borders: there the words stand as the catalogue lists them.
bool begins_word(std::string_view text, std::size_t at) {
  if (at == 0) {
    return true;
  }
  const char before = text[at - 1];
  if (is_digit(text[at])) {
    return !is_digit(before);
  }
  const bool after_letter = is_letter(before) || is_wide_letter_before(text, at);
  return !after_letter || !(is_letter(text[at]) || begins_wide_letter(text[at]));
}

// A phrase is whole: "within a week" stands in no "within a weekend".
bool ends_word(std::string_view text, std::size_t end) {
  const bool is_inside =
      end < text.size() && (is_letter(text[end]) || begins_wide_letter(text[end]));
  return !is_inside || !(is_letter(text[end - 1]) || is_wide_letter_before(text, end));
}

enum class Extent { beginning, whole };

std::size_t find_word(std::string_view text, std::string_view word, std::size_t from,
                      Extent extent) {
  const auto is_there = [&](std::size_t at) {
    return begins_word(text, at) &&
           (extent == Extent::beginning || ends_word(text, at + word.size()));
  };
  std::size_t at = text.find(word, from);
  while (at != std::string_view::npos && !is_there(at)) {
    at = text.find(word, at + 1);
  }
  return at;
}

std::string words_of(Context& context, const Node& node) {
  return small(context.text(node).value_or(""));
}

class TimesReader {
 public:
  explicit TimesReader(Context& context) : context_(context) {}

  TimeWords read(const Fields& fields) {
    for (const Node& word : fields.list("words")) {
      if (std::string text = words_of(context_, word); !text.empty()) {
        out_.words.push_back(std::move(text));
      }
    }
    for (const Node& node : fields.list("by")) {
      read_entry(node);
    }
    add_phrases(fields.list("other"), std::nullopt);
    std::stable_sort(out_.phrases.begin(), out_.phrases.end(),
                     [](const auto& a, const auto& b) { return a.words.size() > b.words.size(); });
    return std::move(out_);
  }

 private:
  void read_entry(const Node& node) {
    const Fields fields(context_, node, {"hours", "phrases", "targets"});
    const Node* hours = fields.need("hours");
    const auto value = hours != nullptr ? context_.integer(*hours, 0, kMaxHours) : std::nullopt;
    add_phrases(fields.list_if("phrases"), value);
    for (const Node& target : fields.list_if("targets")) {
      const std::string text = words_of(context_, target);
      if (!text.empty() && !out_.targets.emplace(text, value.value_or(0)).second) {
        report_twice(target);
      }
    }
  }

  void add_phrases(std::span<const Node> list, std::optional<int> hours) {
    for (const Node& node : list) {
      if (out_.phrases.size() >= kMaxPhrases) {
        context_.report(node, "MF-2022",
                        fmt::format("a language has at most {} phrases of times", kMaxPhrases));
        return;
      }
      const std::string text = words_of(context_, node);
      const bool twice = std::any_of(out_.phrases.begin(), out_.phrases.end(),
                                     [&](const auto& phrase) { return phrase.words == text; });
      if (twice) {
        report_twice(node);
      } else if (!text.empty()) {
        out_.phrases.push_back({text, hours});
      }
    }
  }

  void report_twice(const Node& node) {
    context_.report(node, "MF-2020", "these words of a time are defined twice");
  }

  Context& context_;
  TimeWords out_;
};

}  // namespace

std::vector<int> NamedTimes::hours() const {
  std::vector<int> out;
  for (const Place& place : places) {
    out.push_back(place.hours);
  }
  std::sort(out.begin(), out.end());
  return out;
}

NamedTimes times_in(const TimeWords& words, std::string_view text) {
  NamedTimes found;
  std::string left = small(text);
  if (const auto whole = words.targets.find(left); whole != words.targets.end()) {
    found.places.push_back({0, whole->second});
    return found;
  }
  for (const auto& phrase : words.phrases) {
    for (std::size_t at = find_word(left, phrase.words, 0, Extent::whole); at != std::string::npos;
         at = find_word(left, phrase.words, at + phrase.words.size(), Extent::whole)) {
      if (phrase.hours) {
        found.places.push_back({at, *phrase.hours});
      }
      left.replace(at, phrase.words.size(), phrase.words.size(), '\0');  // read, and not again
    }
  }
  for (const std::string& word : words.words) {
    const std::size_t at = find_word(left, word, 0, Extent::beginning);
    if (at != std::string::npos && (!found.unknown || at < *found.unknown)) {
      found.unknown = at;
    }
  }
  return found;
}

TimeWords read_time_words(Context& context, const Node& node) {
  const std::size_t before = context.found();
  TimeWords words = TimesReader(context).read(Fields(context, node, {"words", "by", "other"}));
  if (context.found() == before && !words.is_known()) {
    context.report(*node.find("words"), "MF-2017", "the list is empty");
  }
  return context.found() == before ? words : TimeWords();
}

void check_times(Context& context, const Node& text, const TimeWords& words,
                 std::optional<int> latest) {
  const NamedTimes found = times_in(words, text.text);
  for (const auto& [at, hours] : found.places) {
    if (latest && hours > *latest) {
      context.report_inside(
          text, at, "MF-2063",
          *latest == 0
              ? "no time may be named here: a more urgent one may hold"
              : fmt::format("the text names a time of {} hours, later than its target of {}", hours,
                            *latest));
    }
  }
  if (found.unknown) {
    context.report_inside(text, *found.unknown, "MF-2064",
                          "words of time that `times` does not list with their hours");
  }
}

}  // namespace myoflag::rules::loading
