#include "plugin/write_all.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace myoflag {
namespace {

// Closed, with errno as it was.
bool closed(int file, bool done) {
  const int why = errno;
  ::close(file);
  errno = why;
  return done;
}

bool write_to(const std::string& path, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  return file >= 0 && closed(file, write_all(file, text));
}

bool take_over(int file, const struct stat& earlier, unsigned mode) {
  const bool owned = ::fchown(file, earlier.st_uid, earlier.st_gid) == 0 || errno == EPERM;
  return owned && ::fchmod(file, earlier.st_mode & mode) == 0;
}

// Where a link leads to: not the link is replaced.
std::string real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> found(::realpath(path.c_str(), nullptr), std::free);
  return found ? std::string(found.get()) : path;
}

}  // namespace

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(file, text.data(), text.size());
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put <= 0) {
      errno = put == 0 ? EIO : errno;
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

bool sync_folder(const std::string& folder) {
  const int file =
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return file >= 0 && closed(file, ::fsync(file) == 0);
}

bool replace_file(const std::string& path, std::string_view text, unsigned mode) {
  struct stat earlier {};
  const bool is_there = ::stat(path.c_str(), &earlier) == 0;
  if (is_there && !S_ISREG(earlier.st_mode)) {
    return write_to(path, text);
  }
  const std::string target = is_there ? real_path(path) : path;
  const std::string part = target + ".part";
  ::unlink(part.c_str());  // of one that was broken off
  const int file = ::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0) {
    return false;
  }
  const bool written =
      (!is_there || take_over(file, earlier, mode)) && write_all(file, text) && ::fsync(file) == 0;
  if (!closed(file, written) || std::rename(part.c_str(), target.c_str()) != 0) {
    const int why = errno;
    ::unlink(part.c_str());
    errno = why;
    return false;
  }
  return sync_folder(std::filesystem::path(target).parent_path().string());
}

}  // namespace myoflag
