#include "plugin/batch/byte_source.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <zlib.h>
#include <zstd.h>

#include <fmt/format.h>

namespace myoflag::batch {
namespace {

constexpr std::size_t kBlock = 256u << 10;
constexpr std::size_t kMagic = 4;
constexpr int kWindowLog = 24;  // 16 MiB: what a zstd frame may make us hold

using fhir::Error;

Error error(std::string code, std::string text) { return {std::move(code), std::move(text), {}}; }

// Whether there is something to read, or the end. False when `stop` says so first.
bool wait_for_input(int file, const std::function<bool()>& stop) {
  constexpr int kPatience = 200;  // milliseconds
  pollfd one{file, POLLIN, 0};
  while (stop) {
    if (stop()) {
      return false;
    }
    if (::poll(&one, 1, kPatience) > 0) {
      break;
    }
  }
  return true;
}

Error unreadable() {
  if (errno == ECANCELED) {
    return error(ByteSource::kStopped, "stopped");
  }
  return error("MF-4101", fmt::format("cannot be read: {}", std::strerror(errno)));
}

// Input of a decoder and where its output goes.
struct Flow {
  const char* in;
  std::size_t in_size;
  char* out;
  std::size_t out_size;
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  // Moves the flow on; false when the data is damaged.
  virtual bool decode(Flow& flow) = 0;
  // At the end of a member or frame: the input may end here.
  virtual bool complete() const = 0;
};

class Gzip : public Decoder {
 public:
  Gzip() { good_ = ::inflateInit2(&stream_, 15 + 16) == Z_OK; }
  ~Gzip() override { ::inflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  bool decode(Flow& flow) override {
    if (complete_ && pass_padding(flow)) {
      return flow.in_size == 0;
    }
    if (complete_) {
      good_ = good_ && ::inflateReset(&stream_) == Z_OK;
      complete_ = false;
    }
    // zlib does not write through next_in.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(flow.in));
    stream_.avail_in = static_cast<uInt>(flow.in_size);
    stream_.next_out = reinterpret_cast<Bytef*>(flow.out);
    stream_.avail_out = static_cast<uInt>(flow.out_size);
    const int status = good_ ? ::inflate(&stream_, Z_NO_FLUSH) : Z_STREAM_ERROR;
    flow.in += flow.in_size - stream_.avail_in;
    flow.in_size = stream_.avail_in;
    flow.out += flow.out_size - stream_.avail_out;
    flow.out_size = stream_.avail_out;
    complete_ = status == Z_STREAM_END;
    return status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR;
  }
  bool complete() const override { return complete_; }

 private:
  // Zeros behind the last member, which fill a block of a tape; true when there were some.
  bool pass_padding(Flow& flow) {
    for (; flow.in_size > 0 && *flow.in == 0; ++flow.in, --flow.in_size) {
      padded_ = true;
    }
    return padded_;
  }

  z_stream stream_{};
  bool padded_ = false;
  bool good_ = false;
  bool complete_ = false;
};

class Zstd : public Decoder {
 public:
  Zstd() : stream_(::ZSTD_createDStream(), &::ZSTD_freeDStream) {
    ::ZSTD_DCtx_setParameter(stream_.get(), ::ZSTD_d_windowLogMax, kWindowLog);
  }

  bool decode(Flow& flow) override {
    ZSTD_inBuffer in{flow.in, flow.in_size, 0};
    ZSTD_outBuffer out{flow.out, flow.out_size, 0};
    const std::size_t status = ::ZSTD_decompressStream(stream_.get(), &out, &in);
    flow.in += in.pos;
    flow.in_size -= in.pos;
    flow.out += out.pos;
    flow.out_size -= out.pos;
    complete_ = status == 0;
    return ::ZSTD_isError(status) == 0;
  }
  bool complete() const override { return complete_; }

 private:
  std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream_;
  bool complete_ = false;
};

std::unique_ptr<Decoder> decoder_for(std::string_view start) {
  if (start.starts_with("\x1F\x8B")) {
    return std::make_unique<Gzip>();
  }
  // Skippable frames (RFC 8878, 3.1.2) may stand before the first one with data.
  const bool skippable =
      start.size() >= kMagic && (start[0] & 0xF0) == 0x50 && start.substr(1, 3) == "\x2A\x4D\x18";
  if (skippable || start.starts_with("\x28\xB5\x2F\xFD")) {
    return std::make_unique<Zstd>();
  }
  return nullptr;
}

}  // namespace

struct ByteSource::State {
  int file = -1;
  bool owned = false;
  std::uint64_t taken = 0;
  std::array<char, kBlock> block;
  std::size_t begin = 0, end = 0;  // what is in the block and not yet given
  bool at_end = false;
  std::unique_ptr<Decoder> decoder;
  struct stat opened {};
  std::function<bool()> stop;
  std::optional<Error> failure;  // to tell when what came before it has been given

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (owned) {
      ::close(file);
    }
  }

  // As read(2); ECANCELED when it was stopped.
  ssize_t get(char* to, std::size_t most) const {
    if (!wait_for_input(file, stop)) {
      errno = ECANCELED;
      return -1;
    }
    return ::read(file, to, most);
  }

  // More into an empty block. False on an error of the system.
  bool fill() {
    for (;;) {
      const auto got = get(block.data(), block.size());
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got < 0) {
        return false;
      }
      begin = 0;
      end = static_cast<std::size_t>(got);
      taken += end;
      at_end = got == 0;
      return true;
    }
  }

  // The first bytes, of a slow pipe as well.
  bool fill_start() {
    while (end < kMagic && !at_end) {
      const auto got = get(block.data() + end, block.size() - end);
      if (got < 0 && errno != EINTR) {
        return false;
      }
      at_end = got == 0;
      end += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    taken = end;
    return true;
  }

  fhir::Result<std::size_t> read_plain(char* to, std::size_t most) {
    if (begin == end && !at_end && !fill()) {
      return tl::unexpected(unreadable());
    }
    const auto size = std::min(most, end - begin);
    std::memcpy(to, block.data() + begin, size);
    begin += size;
    return size;
  }

  fhir::Result<std::size_t> read_decoded(char* to, std::size_t most) {
    Flow flow{nullptr, 0, to, most};
    while (flow.out_size == most) {
      if (begin == end && !at_end && !fill()) {
        return tl::unexpected(unreadable());
      }
      if (begin == end && at_end && decoder->complete()) {
        return 0;
      }
      flow.in = block.data() + begin;
      flow.in_size = end - begin;
      const bool good = decoder->decode(flow);
      begin = end - flow.in_size;
      if (!good) {
        return give(most - flow.out_size, "The compressed data is damaged.");
      }
      if (begin == end && at_end && flow.out_size == most && !decoder->complete()) {
        return give(0, "The compressed data ends early.");
      }
    }
    return most - flow.out_size;
  }

  fhir::Result<std::size_t> give(std::size_t size, const char* text) {
    failure = error("MF-4102", text);
    return size == 0 ? fhir::Result<std::size_t>(tl::unexpected(*failure)) : size;
  }
};

ByteSource::ByteSource(std::unique_ptr<State> state) : state_(std::move(state)) {}
ByteSource::~ByteSource() = default;
ByteSource::ByteSource(ByteSource&&) noexcept = default;

fhir::Result<ByteSource> ByteSource::open(const std::string& path, std::function<bool()> stop) {
  auto state = std::make_unique<State>();
  state->stop = std::move(stop);
  state->owned = path != "-";
  state->file = state->owned ? ::open(path.c_str(), O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
  if (state->file < 0) {
    state->owned = false;
    return tl::unexpected(
        error("MF-4101", fmt::format("cannot be opened: {}", std::strerror(errno))));
  }
  if (::fstat(state->file, &state->opened) != 0 || !state->fill_start()) {
    return tl::unexpected(unreadable());
  }
  state->decoder = decoder_for({state->block.data(), state->end});
  return ByteSource(std::move(state));
}

fhir::Result<std::size_t> ByteSource::read(char* to, std::size_t most) {
  if (state_->failure) {
    return tl::unexpected(*state_->failure);
  }
  return state_->decoder ? state_->read_decoded(to, most) : state_->read_plain(to, most);
}

std::uint64_t ByteSource::taken() const { return state_->taken - (state_->end - state_->begin); }

bool ByteSource::changed() const {
  struct stat now {};
  const auto& then = state_->opened;
  return S_ISREG(then.st_mode) && ::fstat(state_->file, &now) == 0 &&
         (now.st_size != then.st_size || now.st_mtim.tv_sec != then.st_mtim.tv_sec ||
          now.st_mtim.tv_nsec != then.st_mtim.tv_nsec);
}

}  // namespace myoflag::batch
