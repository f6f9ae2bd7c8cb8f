#pragma once
// A client that sends whatever bytes a test wants, and waits for nothing longer than ten seconds.

#include <cstdint>
#include <string>
#include <string_view>

namespace myoflag::testing {

struct Answer {
  int status = 0;
  std::string head;  // with its empty line
  std::string body;
  bool has(std::string_view line) const;  // "Connection: close", as a line of the head
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port);  // throws when nobody listens
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool send(std::string_view bytes);  // false: the other side is gone
  void half_close();
  void reset();  // closes with RST

  // The next answer; status 0 when the connection ended before a whole one came.
  Answer answer(bool without_body = false);
  // True when the other side closes without a further byte.
  bool is_closed();

  int descriptor() const { return socket_; }  // for what speaks over it

 private:
  bool fill();

  int socket_ = -1;
  std::string received_;
};

}  // namespace myoflag::testing
