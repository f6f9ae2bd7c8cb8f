#pragma once
// An endless NDJSON of responses as a registry holds them, 4 to 8 KB each, the same for the same
// seed. Most people answer most questions with "none".

#include <cstdint>
#include <string>
#include <vector>

namespace myoflag::bench {

class InventedIntakes {
 public:
  explicit InventedIntakes(std::uint64_t seed);
  // Puts one line behind `out`; every line is another patient's.
  void next(std::string& out);

 private:
  struct Response {
    std::string before_id, before_patient, before_date, rest;
  };
  std::vector<Response> pool_;
  std::uint64_t state_;
  std::uint64_t count_ = 0;
};

}  // namespace myoflag::bench
