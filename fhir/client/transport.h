#pragma once
// One HTTP exchange with a server we were configured for: the EHR's FHIR endpoint, its token
// endpoint, a key set. What the exchange means is client.h's business. Failures are values and free
// of patient data; none of them quotes an address or a body.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace myoflag::fhir::client {

enum class Method { get, post, put, remove };

struct Header {
  std::string name;
  std::string value;

  friend bool operator==(const Header&, const Header&) = default;
};
using Headers = std::vector<Header>;

// The first value of that name, in any case; empty when there is none.
std::string_view value_of(const Headers& headers, std::string_view name);

struct Request {
  Method method = Method::get;
  std::string url;  // absolute: https, or http on loopback
  Headers headers;
  std::string body;
  std::chrono::milliseconds deadline{10'000};  // from the call to the last byte of the answer
  std::size_t most_bytes = 16u << 20;          // of the answer's body
  const std::atomic<bool>* stop = nullptr;     // a download is given up when it is set
};

struct Response {
  int status = 0;
  Headers headers;
  std::string body;
};

// Whether the server may have done what was asked.
enum class Arrival { not_sent, unknown };

struct TransportFailure {
  std::string code;  // docs/errors/client.md
  std::string text;
  Arrival arrival = Arrival::unknown;
};

class Transport {
 public:
  virtual ~Transport() = default;
  // Waits for the answer; from many threads at once. Never follows a redirect, never repeats.
  virtual tl::expected<Response, TransportFailure> send(const Request& request) = 0;
  // As send, but the body, whatever the status, goes into that file, which is made or emptied; the
  // answer's body is empty. On failure the file holds what had come.
  virtual tl::expected<Response, TransportFailure> download(const Request& request,
                                                            const std::string& file) = 0;
};

// "https://ehr.example:8443" of an address, lower case, with the port where it is not the usual
// one. Empty when it is no absolute http or https address, or holds a user, a fragment, or a
// character that no address has.
std::string origin_of(std::string_view url);
// https, or http on 127.0.0.0/8, ::1 or localhost: what leaves this machine is encrypted.
bool may_be_called(std::string_view url);

}  // namespace myoflag::fhir::client
