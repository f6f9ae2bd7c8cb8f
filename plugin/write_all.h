#pragma once
// write(2) until all of it is written, and whole files.

#include <string>
#include <string_view>

namespace myoflag {

// False when the system refuses; errno says why.
bool write_all(int file, std::string_view text);

// The folder's list of names is on disk. False when the system refuses; errno says why.
bool sync_folder(const std::string& folder);

// The file has all of the text and is on disk, or is as it was: also after a kill, a power failure
// or a full disk, which leave at most a `<path>.<numbers>.part`, and with several writers at once,
// of whom the last one's stays. A new file gets `mode` less the umask, one that is there keeps what
// `mode` has of its rights; without the right to write to it, it stays. Links stay and lead to it.
// Written in its place, and half written when that is broken off, is only a file that cannot be
// replaced, because it is mounted by itself or its folder cannot be written to, and what is no file
// with a name, such as a pipe or "/dev/stdout". False when the system refuses; errno says why.
bool replace_file(const std::string& path, std::string_view text, unsigned mode);

}  // namespace myoflag
