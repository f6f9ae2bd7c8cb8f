#pragma once
// The times that texts name. A language lists, with their hours, the words by which its texts may
// name a time (`times` of text.en.yaml and of each catalogue); any other word of time is refused.
// So a text cannot go on naming a time that its target, once changed, no longer allows.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace myoflag::rules::loading {

class Context;
struct Node;

// Letters of A to Z are small.
struct TimeWords {
  struct Phrase {
    std::string words;
    std::optional<int> hours;  // empty: no time by which somebody is to be seen
  };
  std::vector<Phrase> phrases;                      // longest first
  std::map<std::string, int, std::less<>> targets;  // whole texts of targets
  std::vector<std::string> words;                   // stand in a phrase, or nowhere

  bool is_known() const { return !words.empty(); }  // otherwise nothing can be said of a text
};

struct NamedTimes {
  struct Place {
    std::size_t at = 0;
    int hours = 0;
  };
  std::vector<Place> places;           // by the order of the phrases
  std::optional<std::size_t> unknown;  // of a word of time outside every phrase

  std::vector<int> hours() const;  // sorted
};

NamedTimes times_in(const TimeWords& words, std::string_view text);

TimeWords read_time_words(Context& context, const Node& node);

// Reports a time later than `latest` hours (empty: any will do), and words of time that are not
// known.
void check_times(Context& context, const Node& text, const TimeWords& words,
                 std::optional<int> latest);

}  // namespace myoflag::rules::loading
