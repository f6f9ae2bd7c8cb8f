#include "plugin/cli/files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "plugin/cli/screen.h"
#include "plugin/write_all.h"

namespace myoflag::cli {
namespace {

constexpr std::size_t kBlock = 64u << 10;

class Descriptor {
 public:
  explicit Descriptor(int value, bool owned) : value_(value), owned_(owned) {}
  ~Descriptor() {
    if (owned_ && value_ >= 0) {
      ::close(value_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
  bool owned_;
};

std::string reason() { return std::strerror(errno); }

std::string name_of(const std::string& path) {
  return path == "-" ? "standard input" : safe_name(path);
}

Failure too_large(const std::string& path, std::size_t max_bytes) {
  return {Exit::rejected, fmt::format("MF-4003: {}: larger than {} bytes; --max-bytes raises the "
                                      "limit",
                                      name_of(path), max_bytes)};
}

tl::expected<void, Failure> check_kind(int file, const std::string& path, std::size_t max_bytes,
                                       std::size_t& expected_size) {
  struct stat status {};
  if (::fstat(file, &status) != 0) {
    return tl::unexpected(
        Failure{Exit::outside, fmt::format("MF-4004: {}: {}", name_of(path), reason())});
  }
  if (S_ISDIR(status.st_mode)) {
    return tl::unexpected(
        Failure{Exit::usage, fmt::format("MF-4002: {}: is a folder, not a file", name_of(path))});
  }
  if (S_ISREG(status.st_mode)) {
    expected_size = static_cast<std::size_t>(status.st_size);
    if (expected_size > max_bytes) {
      return tl::unexpected(too_large(path, max_bytes));
    }
  }
  return {};
}

tl::expected<std::string, Failure> read_all(int file, const std::string& path,
                                            std::size_t max_bytes, std::size_t expected_size) {
  std::string bytes;
  bytes.reserve(expected_size + 1);
  std::array<char, kBlock> block{};
  for (;;) {
    const ssize_t got = ::read(file, block.data(), block.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return tl::unexpected(
          Failure{Exit::outside, fmt::format("MF-4004: {}: {}", name_of(path), reason())});
    }
    if (got == 0) {
      return bytes;
    }
    bytes.append(block.data(), static_cast<std::size_t>(got));
    if (bytes.size() > max_bytes) {
      return tl::unexpected(too_large(path, max_bytes));
    }
  }
}

}  // namespace

tl::expected<std::string, Failure> read_input(const std::string& path, std::size_t max_bytes) {
  const bool standard = path == "-";
  const Descriptor file(standard ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC),
                        !standard);
  if (file.get() < 0) {
    return tl::unexpected(
        Failure{Exit::usage, fmt::format("MF-4001: {}: {}", name_of(path), reason())});
  }
  std::size_t expected_size = 0;
  if (auto kind = check_kind(file.get(), path, max_bytes, expected_size); !kind) {
    return tl::unexpected(std::move(kind.error()));
  }
  return read_all(file.get(), path, max_bytes, expected_size);
}

Exit write_output(std::string_view text) {
  const auto written = write_file("-", text);
  return written ? Exit::done : fail(written.error());
}

tl::expected<void, Failure> write_file(const std::string& path, std::string_view text,
                                       unsigned mode) {
  const bool standard = path == "-";
  if (!(standard ? write_all(STDOUT_FILENO, text) : replace_file(path, text, mode))) {
    const auto name = standard ? "standard output" : safe_name(path);
    return tl::unexpected(Failure{Exit::outside, fmt::format("MF-4005: {}: {}", name, reason())});
  }
  return {};
}

void say(std::string_view message) {
  while (message.ends_with('\n')) {
    message.remove_suffix(1);
  }
  // Standard error is the last resort: when it cannot be written there is nobody left to tell.
  (void)write_all(STDERR_FILENO, safe_text(message) + "\n");
}

Exit fail(const Failure& failure) {
  say("error: " + failure.text);
  return failure.exit;
}

}  // namespace myoflag::cli
