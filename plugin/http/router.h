#pragma once
// Which handler answers which method and path, and what of a request is refused before its body is
// read. A path is matched segment by segment, each decoded on its own, so that neither "%2F" nor
// ".." leads anywhere. HEAD is answered as GET, OPTIONS with what is allowed.

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugin/http/message.h"

namespace myoflag::http {

// Runs on a worker, on several at once. An exception that leaves it becomes status 500.
using Handler = std::function<Response(const Request&)>;

// Whether a request is taken at all, by its head alone: it runs before a byte of the body is read,
// on a worker. An answer refuses.
using Admission = std::function<std::optional<Response>(const Request&)>;

// What is answered where the server itself refuses a request to a route (413, 415, 503 ...): for
// people, to whom problem.h says nothing. `head`: of the request its field
// Accept-Language at least, once that was read. Must not block. Nothing: the problem.
using RefusalPage = std::function<std::optional<Response>(int status, const Fields& head)>;

struct Route {
  std::string method;   // "GET", "POST"
  std::string pattern;  // "/cds-services/{id}"
  std::string summary;  // for people
  Handler handler;
  std::vector<std::string> media_types = {};  // of a body that is sent; empty: none is read
  std::size_t body_bytes = 0;                 // 0: as the server's limits say
  std::chrono::milliseconds answer_time{0};   // 0: as the server's limits say
  Admission admission = nullptr;              // null: everybody
  RefusalPage refusal = nullptr;
};

struct Match {
  const Route* route = nullptr;  // null: nobody answers that method there
  std::map<std::string, std::string, std::less<>> parameters;
  std::string allow;  // the methods of this path, empty when nothing is there
};

class Router {
 public:
  void add(Route route);

  // Where `prefix` begins a path, refusals are OperationOutcomes, or not: the longest one decides.
  void add_outcomes_under(std::string prefix) { outcomes_under_[std::move(prefix)] = true; }
  void add_plain_problems_under(std::string prefix) { outcomes_under_[std::move(prefix)] = false; }
  bool wants_outcome(std::string_view path) const;

  // `method` as sent, `path` without query.
  Match match(std::string_view method, std::string_view path) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
  std::map<std::string, bool, std::less<>> outcomes_under_;
};

}  // namespace myoflag::http
