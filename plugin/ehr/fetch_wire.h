#pragma once
// What passes between the sidecar and the process that fetches for it, over one socket: frames of a
// length (4 bytes, the highest first) and so many bytes. An order goes one way; answers come the
// other way, as soon as each is there, and an empty frame after the last. Tokens travel here and
// nowhere else.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace myoflag::ehr {

// Who we are to a token endpoint (private_key_jwt): a signed assertion goes with the form.
struct SignAs {
  std::string client_id;  // empty: nothing is signed
  std::string key_file;
  std::string key_id;  // empty: the thumbprint
};

// One exchange with a server that is no FHIR endpoint: a configuration, a key set, a token.
struct WebRequest {
  std::string url;
  std::string form = {};  // sent by POST; empty: GET
  SignAs sign = {};
  std::string authorization = {};  // the field, as it is; empty: none
};

// What was answered. Redirects are answers like others: none is followed.
struct WebAnswer {
  int status = 0;  // 0: nothing came
  std::string body;
  std::string code;  // where nothing came: of the transport, or MF-4131, of our key
};

// Queries of a FHIR endpoint, or requests to anybody.
struct FetchOrder {
  std::string base;                  // of the FHIR endpoint
  std::string token;                 // for it alone; empty: as whom the process itself is there
  std::vector<std::string> queries;  // what follows the base: "/Patient/1", "?page=2"
  std::chrono::milliseconds time{0};
  std::vector<WebRequest> requests = {};  // instead of all but the time
};

// One page of the query of that number, in their order.
struct FetchAnswer {
  std::size_t query = 0;
  std::string json;
};

inline constexpr std::size_t kMostFetched = 2u << 20;    // bytes of one query, all pages together
inline constexpr std::size_t kMostOrdered = 256u << 10;  // bytes of an order
inline constexpr std::size_t kMostQueries = 16;
inline constexpr std::size_t kMostOfTheWeb = 256u << 10;  // bytes of one answer to a request

std::string frame_of(std::string_view content);
std::string order_frame(const FetchOrder& order);
std::string answer_frame(const FetchAnswer& answer);
// An answer to a request is the one page of its number.
std::string web_answer_text(const WebAnswer& answer);
WebAnswer read_web_answer(std::string_view json);
inline std::string end_frame() { return frame_of({}); }

// Nothing where it is none.
std::optional<FetchOrder> read_order(std::string_view content);
std::optional<FetchAnswer> read_answer(std::string_view content);

// Takes a stream of bytes apart.
class FrameReader {
 public:
  explicit FrameReader(std::size_t most) : most_(most) {}

  void take(std::string_view bytes) { bytes_.append(bytes); }
  // The next frame's content. Nothing: it is not all there yet, or `is_broken`.
  std::optional<std::string> next();
  // A frame is longer than allowed: nothing of what follows can be told apart.
  bool is_broken() const { return is_broken_; }

 private:
  const std::size_t most_;
  std::string bytes_;
  bool is_broken_ = false;
};

}  // namespace myoflag::ehr
