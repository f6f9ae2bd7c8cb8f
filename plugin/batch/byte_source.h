#pragma once
// The bytes of one input, plain, gzip or zstd: what it is, its first bytes say. Never more in
// memory than a block. Errors: MF-4101 (cannot be opened or read), MF-4102 (the compressed data is
// damaged or ends early).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "fhir/error.h"

namespace myoflag::batch {

class ByteSource {
 public:
  // "-" is standard input.
  static fhir::Result<ByteSource> open(const std::string& path, std::function<bool()> stop = {});
  ~ByteSource();
  ByteSource(ByteSource&&) noexcept;

  // How many bytes were put to `to`; 0 at the end. What was read before an error is given first.
  // While nothing comes, `stop` is asked from time to time; then the error kStopped.
  fhir::Result<std::size_t> read(char* to, std::size_t most);
  static constexpr const char* kStopped = "stopped";

  std::uint64_t taken() const;  // bytes of the file read so far, before decompression
  // Whether the file is another one than when it was opened (size, time of change). Always false
  // for a stream.
  bool changed() const;

 private:
  struct State;
  explicit ByteSource(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace myoflag::batch
