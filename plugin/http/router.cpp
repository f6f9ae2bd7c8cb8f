#include "plugin/http/router.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace myoflag::http {
namespace {

using Parameters = std::map<std::string, std::string, std::less<>>;

// Takes "/segment" from the front of a path.
std::string_view next_segment(std::string_view& path) {
  const auto end = path.find('/', 1);
  const auto segment = path.substr(1, end == std::string_view::npos ? end : end - 1);
  path = end == std::string_view::npos ? std::string_view() : path.substr(end);
  return segment;
}

std::optional<Parameters> parameters_of(std::string_view pattern, std::string_view path) {
  Parameters parameters;
  while (!pattern.empty() && !path.empty()) {
    const auto wanted = next_segment(pattern);
    auto given = percent_decoded(next_segment(path));
    if (!given || given->empty()) {
      return std::nullopt;
    }
    if (wanted.starts_with('{')) {
      parameters.emplace(wanted.substr(1, wanted.size() - 2), *std::move(given));
    } else if (wanted != *given) {
      return std::nullopt;
    }
  }
  return pattern.empty() && path.empty() ? std::optional(std::move(parameters)) : std::nullopt;
}

void add_allowed(std::string& list, std::string_view method) {
  list += list.empty() ? "" : ", ";
  list += method;
}

}  // namespace

void Router::add(Route route) { routes_.push_back(std::move(route)); }

bool Router::wants_outcome(std::string_view path) const {
  std::size_t longest = 0;
  bool wants = false;
  for (const auto& [prefix, is_outcome] : outcomes_under_) {
    const auto after = path.substr(std::min(prefix.size(), path.size()));
    if (prefix.size() > longest && path.starts_with(prefix) &&
        (after.empty() || after.front() == '/')) {
      longest = prefix.size();
      wants = is_outcome;
    }
  }
  return wants;
}

Match Router::match(std::string_view method, std::string_view path) const {
  Match match;
  const auto wanted = method == "HEAD" ? std::string_view("GET") : method;
  for (const auto& route : routes_) {
    auto parameters = parameters_of(route.pattern, path);
    if (!parameters) {
      continue;
    }
    add_allowed(match.allow, route.method);
    if (route.method == "GET") {
      add_allowed(match.allow, "HEAD");
    }
    if (route.method == wanted && match.route == nullptr) {
      match.route = &route;
      match.parameters = *std::move(parameters);
    }
  }
  if (!match.allow.empty()) {
    add_allowed(match.allow, "OPTIONS");
  }
  return match;
}

}  // namespace myoflag::http
