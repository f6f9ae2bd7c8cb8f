#pragma once
// Asks one FHIR R4 endpoint: reads and searches with paging, writes that may be repeated. Says of
// every answer what to do next, and never lets the access token leave the endpoint's origin.
// Source: hl7.org/fhir/R4/http.html.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "fhir/client/transport.h"
#include "fhir/client/verdict.h"
#include "fhir/json.h"

namespace myoflag::fhir::client {

// What the client needs of the world; tests give their own.
struct World {
  std::function<std::chrono::sys_seconds()> now;
  std::function<void(std::chrono::milliseconds)> wait;  // may return early
  std::function<double()> chance;                       // [0, 1)
  std::function<std::string()> uuid;                    // a new one each time
};
World real_world();

// Who we are to the server.
class Authority {
 public:
  virtual ~Authority() = default;
  // The value of the header Authorization. `anew`: the last one was refused.
  virtual tl::expected<std::string, TransportFailure> header(bool anew) = 0;
};

struct Endpoint {
  std::string base;  // "https://ehr.example/fhir/R4", with or without a slash at its end
  std::chrono::milliseconds deadline{10'000};  // of one exchange
  std::size_t most_bytes = 16u << 20;          // of one answer
  int most_tries = 4;                          // of a read
  std::size_t most_pages = 100;                // of a search
  std::size_t most_resources = 10'000;         // of a search
};

// An answer, or why there is none. `text` and `code` are free of patient data; `resource` is the
// server's own and is not to be logged.
struct Reply {
  Next next = Next::final;
  int status = 0;    // 0: no answer
  std::string code;  // docs/errors/client.md; empty when done
  std::string text;
  Json resource;                             // null when the body is no FHIR JSON
  std::string id;                            // of what was written: "Observation/123"
  std::string version;                       // of what was written
  std::optional<std::chrono::seconds> wait;  // asked for by the server
};

struct Found {
  Reply last;                   // of the page that ended the search
  std::vector<Json> resources;  // each type and id once; matches and what was included
  bool is_whole = false;        // false: an error, or more than allowed
};

using Parameters = std::vector<std::pair<std::string, std::string>>;

// "name=value&name=value", percent-encoded.
std::string query_of(const Parameters& parameters);

class Client {
 public:
  // `transport`, `authority` (null: nobody) outlive the client. Throws std::invalid_argument when
  // the base may not be called.
  Client(Transport& transport, Endpoint endpoint, Authority* authority = nullptr,
         World world = real_world());

  // "metadata", "Patient/1", "$export?_type=Patient" and so on; repeated while that may help.
  Reply read(std::string_view path);
  // An absolute address at this server, such as the next page of a search; MF-1511 for any other.
  Reply read_page(const std::string& url);
  Found search(std::string_view type, const Parameters& parameters);

  // One attempt each: what is repeated, and when, is for the owner of the outbox to say.
  // `if_none_exist`: search parameters that find what was created before; empty: plain create.
  Reply create(const Json& resource, const Parameters& if_none_exist);
  // The resource has an id. `if_match`: the version it replaces; empty: any.
  Reply update(const Json& resource, std::string_view if_match);
  // Of type transaction or batch, all of whose entries may be repeated.
  Reply transaction(const Json& bundle);

  const Endpoint& endpoint() const { return endpoint_; }

 private:
  Reply attempt(Request request, bool repeatable);
  Reply exchange(Request request, bool repeatable, bool anew);
  Reply read_url(const std::string& url);
  Request request_for(Method method, std::string url, const Json* body) const;

  Transport& transport_;
  Endpoint endpoint_;
  Authority* authority_;
  World world_;
};

}  // namespace myoflag::fhir::client
