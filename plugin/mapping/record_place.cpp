#include "plugin/mapping/record_place.h"

#include <charconv>

#include <fmt/format.h>

#include "rules/wording.h"

namespace myoflag::mapping {

std::string entry_number(std::string_view place) {
  constexpr std::string_view entry = "entry[";
  std::string number;
  for (auto at = place.find(entry); at != std::string_view::npos; at = place.find(entry)) {
    place.remove_prefix(at + entry.size());
    std::size_t index = 0;
    std::from_chars(place.data(), place.data() + place.size(), index);
    number += fmt::format("{}{}", number.empty() ? "" : ".", index + 1);
  }
  return number;
}

std::string place_in_words(const rules::Knowledge& knowledge, std::string_view place) {
  const std::string number = entry_number(place);
  return number.empty() ? knowledge.text("record-place-whole")
                        : rules::say(knowledge, "record-place", {{"number", number}});
}

}  // namespace myoflag::mapping
