#include "plugin/write_all.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace myoflag {
namespace {

namespace fs = std::filesystem;

// Closed, with errno as it was.
bool closed(int file, bool done) {
  const int why = errno;
  ::close(file);
  errno = why;
  return done;
}

// In its place: what is no file, or a file whose folder lets nothing be renamed.
bool write_to(const std::string& path, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_TRUNC | O_NOCTTY | O_CLOEXEC);
  if (file < 0) {
    return false;
  }
  const bool written = write_all(file, text);
  return closed(file, written && (::fsync(file) == 0 || errno == EINVAL));  // EINVAL: a pipe
}

bool take_over(int file, const struct stat& earlier, unsigned mode) {
  const bool owned = ::fchown(file, earlier.st_uid, earlier.st_gid) == 0 || errno == EPERM;
  return owned && ::fchmod(file, earlier.st_mode & mode) == 0;
}

struct Place {
  std::string path;     // no link, but where the links lead to; it need not be there
  int descriptor = -1;  // "/dev/stdout": what we have open already
};

int number_of(const std::string& name) {
  int number = -1;
  const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), number);
  return fault == std::errc() && end == name.data() + name.size() ? number : -1;
}

Place place_of(const std::string& given) {
  constexpr int kMostLinks = 40;  // as the system's
  std::error_code fault;
  const auto descriptors = fs::canonical("/proc/self/fd", fault);
  fs::path path = given;
  for (int links = 0; links < kMostLinks; ++links) {
    const auto folder = fs::canonical(path.has_parent_path() ? path.parent_path() : ".", fault);
    if (fault) {
      break;
    }
    if (folder == descriptors) {
      return {given, number_of(path.filename())};
    }
    const auto leads_to = fs::read_symlink(path, fault);
    if (fault) {
      return {folder / path.filename()};
    }
    path = folder / leads_to;
  }
  return {given};
}

std::string part_of(const std::string& target) {
  static std::atomic<unsigned> count{0};
  return fmt::format("{}.{}-{}.part", target, ::getpid(), ++count);
}

// Nobody else's, which may have any name.
int open_part(const std::string& target, unsigned mode, std::string& part) {
  int file = -1;
  do {
    part = part_of(target);
    file = ::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  } while (file < 0 && errno == EEXIST);
  return file;
}

// By a whole new one; `earlier`: what is there.
bool rename_over(const std::string& target, std::string_view text, unsigned mode,
                 const struct stat* earlier) {
  std::string part;
  const int file = open_part(target, earlier == nullptr ? mode : mode & S_IRWXU, part);
  if (file < 0) {
    return false;
  }
  const bool written = (earlier == nullptr || take_over(file, *earlier, mode)) &&
                       write_all(file, text) && ::fsync(file) == 0;
  if (closed(file, written) && std::rename(part.c_str(), target.c_str()) == 0) {
    return true;
  }
  const int why = errno;
  ::unlink(part.c_str());
  errno = why;
  return false;
}

// A folder that is not ours, a single file that is mounted, a name without room for the part's.
bool lets_nothing_be_renamed(int why) {
  constexpr std::array kWhys{EACCES, EPERM, EROFS, EBUSY, EXDEV, ENAMETOOLONG};
  return std::find(kWhys.begin(), kWhys.end(), why) != kWhys.end();
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
  const Place place = place_of(path);
  if (place.descriptor >= 0) {
    return write_all(place.descriptor, text);
  }
  struct stat earlier {};
  if (::stat(path.c_str(), &earlier) != 0) {
    if (errno != ENOENT || !rename_over(place.path, text, mode, nullptr)) {
      return false;
    }
  } else if (struct stat found{};
             !S_ISREG(earlier.st_mode) || ::lstat(place.path.c_str(), &found) != 0) {
    return write_to(path, text);  // no file, or one without a name
  } else if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0) {
    return false;
  } else if (!rename_over(place.path, text, mode, &earlier)) {
    return lets_nothing_be_renamed(errno) && write_to(path, text);
  }
  // It is there: what a folder that cannot be synced has lost after a power failure is the new one.
  (void)sync_folder(fs::path(place.path).parent_path().string());
  return true;
}

}  // namespace myoflag
