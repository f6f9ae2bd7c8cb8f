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

struct FetchOrder {
  std::string base;                  // of the FHIR endpoint
  std::string token;                 // for it alone
  std::vector<std::string> queries;  // what follows the base: "/Patient/1", "?page=2"
  std::chrono::milliseconds time{0};
};

// One page of the query of that number, in their order.
struct FetchAnswer {
  std::size_t query = 0;
  std::string json;
};

inline constexpr std::size_t kMostFetched = 2u << 20;    // bytes of one query, all pages together
inline constexpr std::size_t kMostOrdered = 256u << 10;  // bytes of an order
inline constexpr std::size_t kMostQueries = 16;

std::string frame_of(std::string_view content);
std::string order_frame(const FetchOrder& order);
std::string answer_frame(const FetchAnswer& answer);
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
