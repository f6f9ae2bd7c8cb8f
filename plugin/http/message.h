#pragma once
// A request and its answer as plain values: what handlers see of HTTP. Nothing of the library that
// speaks it.

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace myoflag::http {

struct Field {
  std::string name;  // lower case in requests
  std::string value;
};
using Fields = std::vector<Field>;

// The first of that name; empty when absent. `name` in lower case.
std::string_view field_of(const Fields& fields, std::string_view name);

// "application/fhir+json" of "Application/FHIR+JSON; charset=utf-8".
std::string media_type(std::string_view content_type);

using Clock = std::chrono::steady_clock;

struct Request {
  std::string id;       // UUID; names the request in the log and in the answer's X-Request-Id
  std::string address;  // of the other end of the connection, which may be a proxy: "192.0.2.1"
  std::string method;   // "GET", also for HEAD
  std::string path;     // as sent. Path and query may hold patient data: never to be logged
  std::string query;    // without "?"
  std::map<std::string, std::string, std::less<>> parameters;  // of the route's pattern, decoded
  Fields fields;                                               // of the head; trailers are not read
  std::string body;
  Clock::time_point deadline{};  // afterwards nobody waits for the answer any more
};

// The decoded value of a query parameter; nothing when it is absent or not decodable.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

// "%41" becomes "A". Nothing for a broken escape.
std::optional<std::string> percent_bytes(std::string_view text);

// The same; nothing for control characters either.
std::optional<std::string> percent_decoded(std::string_view text);

struct Response {
  int status = 200;
  std::string content_type;  // empty where there is no body
  std::string body;
  Fields fields;
};

}  // namespace myoflag::http
