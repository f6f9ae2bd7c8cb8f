#pragma once
// The listening side: HTTP/1.1 with keep-alive and pipelining on Boost.Beast, every limit of
// limits.h, handlers on threads of their own. A client can be as slow, as large and as broken as it
// likes: the others are answered. Errors of a start: MF-4218.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/failure.h"
#include "plugin/http/limits.h"
#include "plugin/http/router.h"
#include "plugin/http/tls.h"

namespace myoflag::http {

// One line of the access log. Nothing of the request but its size: paths and queries may name
// patients.
struct Access {
  std::string request;                        // its id
  std::string_view method;                    // "-" unless a route has it
  std::string_view route;                     // the pattern; "-" where none matched
  int status = 0;                             // of the answer; 0: the client was gone before
  std::uint64_t bytes_in = 0, bytes_out = 0;  // of the bodies
  std::chrono::microseconds time{0};          // from the whole head to the last byte of the answer
};

struct ServerOptions {
  std::string host = "127.0.0.1";  // an address, not a name
  std::uint16_t port = 0;          // 0: any free one
  Limits limits;
  std::function<void(const Access&)> log;  // must not block, is called by several threads
  std::shared_ptr<const Tls> tls;          // null: plain HTTP, for loopback
  // Origins whose pages may call, letter by letter ("https://sandbox.example"). Source: Fetch
  // standard, "CORS protocol"; never with credentials.
  std::vector<std::string> cors_origins = {};
};

class Server {
 public:
  // `routes` is asked once, when the port is known.
  using Routes = std::function<Router(std::uint16_t port)>;
  static tl::expected<std::unique_ptr<Server>, Failure> start(const Routes& routes,
                                                              ServerOptions options);
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);  // of start only
  ~Server();                                      // stops; waits for handlers that still run

  std::uint16_t port() const;
  std::size_t connections() const;

  // From the next connection on. Only for a server that was started with another one.
  void use(std::shared_ptr<const Tls> tls);

  // Accepts nothing more, lets what was begun end, then closes all. False when something did not
  // end within the limits: then the destructor would wait for it. Once.
  [[nodiscard]] bool stop();

 private:
  std::unique_ptr<Parts> parts_;
};

}  // namespace myoflag::http
