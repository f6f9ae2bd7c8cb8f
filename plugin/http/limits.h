#pragma once
// What one server bears from its clients. Every number has a status of its own or closes the
// connection; none can be switched off.

#include <chrono>
#include <cstddef>

namespace myoflag::http {

struct Limits {
  std::size_t head_bytes = 16u << 10;   // request line and fields: 431
  std::size_t target_bytes = 2u << 10;  // 414
  std::size_t fields = 100;             // 431
  std::size_t body_bytes = 1u << 20;    // where a route says nothing else: 413
  // Each for the whole of it, not from byte to byte: a trickle ends when a silence does.
  std::chrono::milliseconds head_time{5'000};     // from its first byte: 408
  std::chrono::milliseconds body_time{10'000};    // 408
  std::chrono::milliseconds idle_time{30'000};    // before the first byte of a request: closed
  std::chrono::milliseconds write_time{10'000};   // of an answer: closed
  std::chrono::milliseconds answer_time{10'000};  // where a route says nothing else: 503
  std::chrono::milliseconds drain_time{10'000};   // of an orderly stop
  std::size_t connections = 4'096;                // idle ones give way, further ones wait
  std::size_t connections_per_address = 4'096;    // further ones are closed at once
  std::size_t requests_per_connection = 10'000;   // the last one's answer closes it
  std::size_t waiting_requests = 256;             // for a worker: 503
  unsigned io_threads = 1;
  unsigned workers = 2;
};

}  // namespace myoflag::http
