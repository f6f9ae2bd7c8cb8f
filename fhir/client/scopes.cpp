#include "fhir/client/scopes.h"

#include <algorithm>
#include <set>

namespace myoflag::fhir::client {

namespace {

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (end > 0) {
      words.push_back(text.substr(0, end));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

// Create, read, update, delete, search.
std::string_view letters_of(std::string_view rights) {
  return rights == "read" ? "rs" : rights == "write" ? "cud" : rights == "*" ? "cruds" : rights;
}

struct Scope {
  std::string_view type;  // "system/Patient"; all of it where it is no scope of resources
  std::set<char> rights;
};

Scope scope_of(std::string_view word) {
  const auto slash = word.find('/');
  const auto dot = word.rfind('.');
  if (slash == std::string_view::npos || dot == std::string_view::npos || dot < slash) {
    return {word, {}};
  }
  const auto letters = letters_of(word.substr(dot + 1));
  return {word.substr(0, dot), {letters.begin(), letters.end()}};
}

bool covers(const Scope& granted, const Scope& asked) {
  const auto slash = asked.type.find('/');
  const bool every_type =
      slash != std::string_view::npos && granted.type.ends_with("/*") &&
      granted.type.substr(0, granted.type.size() - 1) == asked.type.substr(0, slash + 1);
  return (every_type || granted.type == asked.type) &&
         std::includes(granted.rights.begin(), granted.rights.end(), asked.rights.begin(),
                       asked.rights.end());
}

}  // namespace

std::vector<std::string> not_granted(std::string_view asked, std::string_view granted) {
  std::vector<Scope> given;
  for (const auto word : words_of(granted)) {
    if (word.find('?') == std::string_view::npos) {
      given.push_back(scope_of(word));
    }
  }
  std::vector<std::string> missing;
  for (const auto word : words_of(asked)) {
    const Scope wanted = scope_of(word);
    if (std::none_of(given.begin(), given.end(),
                     [&](const Scope& scope) { return covers(scope, wanted); })) {
      missing.emplace_back(word);
    }
  }
  return missing;
}

}  // namespace myoflag::fhir::client
