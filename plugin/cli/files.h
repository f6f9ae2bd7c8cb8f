#pragma once
// Bytes in and out of the process. Reading is bounded: a file that is too large is refused by its
// size, a stream as soon as it passes the limit. Messages name the file as the user wrote it and
// never quote its content. Errors: MF-4001 to MF-4005.

#include <cstddef>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "plugin/failure.h"

namespace myoflag::cli {

inline constexpr std::size_t kDefaultMaxBytes = 16u << 20;

// "-" is standard input.
tl::expected<std::string, Failure> read_input(const std::string& path, std::size_t max_bytes);

// All of it, or Exit::outside with a message on standard error.
[[nodiscard]] Exit write_output(std::string_view text);
// As replace_file (plugin/write_all.h); "-" is standard output.
tl::expected<void, Failure> write_file(const std::string& path, std::string_view text,
                                       unsigned mode = 0666);

// One message on standard error, made safe for a terminal, with a line end.
void say(std::string_view message);
[[nodiscard]] Exit fail(const Failure& failure);

}  // namespace myoflag::cli
