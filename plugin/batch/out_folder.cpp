#include "plugin/batch/out_folder.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "plugin/safe_text.h"
#include "plugin/write_all.h"

namespace myoflag::batch {
namespace {

constexpr std::size_t kWaiting = 256u << 10;
constexpr std::size_t kDirect = 64u << 10;
constexpr const char* kPart = ".part";

using Done = tl::expected<void, Failure>;

tl::unexpected<Failure> failed(const std::string& path) {
  return tl::unexpected(Failure{
      Exit::outside, fmt::format("MF-4106: {}: {}", safe_name(path), std::strerror(errno))});
}

// The lines are long, so a search is faster than a look at each byte.
std::uint64_t count_lines(std::string_view text) {
  std::uint64_t lines = 0;
  for (auto at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    ++lines;
  }
  return lines;
}

}  // namespace

OutFolder::~OutFolder() {
  for (const int file : open_) {
    if (file > STDERR_FILENO) {
      ::close(file);
    }
  }
}

OutFolder::OutFolder(OutFolder&& other) noexcept
    : folder_(std::move(other.folder_)),
      names_(std::move(other.names_)),
      open_(std::exchange(other.open_, {})),
      waiting_(std::move(other.waiting_)),
      states_(std::move(other.states_)),
      digests_(std::move(other.digests_)) {}

std::string OutFolder::path(std::size_t file) const { return folder_ + "/" + names_[file]; }

tl::expected<OutFolder, Failure> OutFolder::open(const std::string& folder,
                                                 const std::vector<std::string>& names,
                                                 const std::vector<OutputFileState>& holds) {
  OutFolder out;
  out.folder_ = folder;
  out.names_ = names;
  out.waiting_.resize(names.size());
  out.states_ = holds;
  out.states_.resize(names.size());
  out.digests_ = std::make_unique<Digests>(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto part = out.path(i) + kPart;
    // Broken off while the files got their names: there is no ".part", but the file.
    if (::access(part.c_str(), F_OK) != 0) {
      (void)::rename(out.path(i).c_str(), part.c_str());
    }
    const int opened = ::open(part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    out.open_.push_back(opened);
    const auto size = static_cast<off_t>(out.states_[i].bytes);
    if (opened < 0 || ::lseek(opened, 0, SEEK_END) < size) {
      return opened < 0 ? failed(part)
                        : tl::unexpected(Failure{
                              Exit::outside,
                              fmt::format("MF-4106: {}: shorter than when the batch stopped",
                                          safe_name(part))});
    }
    if (::ftruncate(opened, size) != 0 || ::lseek(opened, size, SEEK_SET) != size) {
      return failed(part);
    }
    if (auto read = out.read_again(i); !read) {
      return tl::unexpected(std::move(read.error()));
    }
  }
  // Their names, before a state speaks of them.
  if (!sync_folder(folder)) {
    return failed(folder);
  }
  return out;
}

OutFolder OutFolder::stream(const std::vector<std::string>& names) {
  OutFolder out;
  out.names_ = names;
  out.waiting_.resize(1);
  out.states_.resize(names.size());
  out.open_.push_back(STDOUT_FILENO);
  return out;
}

Done OutFolder::append(std::size_t file, std::string text) {
  auto& state = states_[file];
  state.bytes += text.size();
  state.lines += count_lines(text);
  const auto to = folder_.empty() ? 0 : file;
  if (text.size() < kDirect) {
    waiting_[to] += text;
    return waiting_[to].size() < kWaiting ? Done() : flush_file(to);
  }
  // As long as this one it is better not copied once more.
  return flush_file(to).and_then([&] { return put(to, std::move(text)); });
}

std::string OutFolder::shown_path(std::size_t file) const {
  return folder_.empty() ? "standard output" : path(file);
}

Done OutFolder::read_again(std::size_t file) {
  for (std::uint64_t at = 0; at < states_[file].bytes;) {
    std::string block(std::min<std::uint64_t>(kWaiting, states_[file].bytes - at), '\0');
    const ssize_t got = ::pread(open_[file], block.data(), block.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return failed(path(file));
    }
    at += static_cast<std::uint64_t>(got);
    block.resize(static_cast<std::size_t>(got));
    digests_->add(file, std::move(block));
  }
  return {};
}

Done OutFolder::flush_file(std::size_t file) {
  return put(file, std::exchange(waiting_[file], {}));
}

Done OutFolder::put(std::size_t file, std::string text) {
  if (!write_all(open_[file], text)) {
    return failed(shown_path(file));
  }
  if (digests_) {
    digests_->add(file, std::move(text));
  }
  return {};
}

Done OutFolder::flush(bool on_disk) {
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    if (auto done = flush_file(i); !done) {
      return done;
    }
    if (on_disk && !folder_.empty() && ::fdatasync(open_[i]) != 0) {
      return failed(path(i));
    }
  }
  return {};
}

Done OutFolder::finish() {
  if (folder_.empty()) {
    return flush(false);
  }
  if (auto done = flush(true); !done) {
    return done;
  }
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (::rename((path(i) + kPart).c_str(), path(i).c_str()) != 0) {
      return failed(path(i));
    }
  }
  return sync_folder(folder_) ? Done() : failed(folder_);
}

std::string OutFolder::digest(std::size_t file) { return digests_->of(file); }

Done OutFolder::write(const std::string& name, std::string_view text) {
  const auto whole = folder_ + "/" + name;
  return replace_file(whole, text, 0640) ? Done() : failed(whole);
}

}  // namespace myoflag::batch
