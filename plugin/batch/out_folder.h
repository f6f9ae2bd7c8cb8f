#pragma once
// Where the output of a batch goes: a folder of files, or one stream. In a folder every file is
// called "<name>.part" until the whole batch is done; manifest.json is written last, so that a
// folder with a manifest is whole. Errors: MF-4106.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/batch/digests.h"
#include "plugin/batch/job.h"
#include "plugin/failure.h"

namespace myoflag::batch {

class OutFolder {
 public:
  // Opens one file for each name, and cuts it to what `holds` says of it; what is left is read, for
  // its digest.
  static tl::expected<OutFolder, Failure> open(const std::string& folder,
                                               const std::vector<std::string>& names,
                                               const std::vector<OutputFileState>& holds);
  // All files are standard output.
  static OutFolder stream(const std::vector<std::string>& names);

  ~OutFolder();
  OutFolder(OutFolder&&) noexcept;

  // `text`: whole lines.
  tl::expected<void, Failure> append(std::size_t file, std::string text);
  // Everything appended is with the system; `on_disk`: and on the disk.
  tl::expected<void, Failure> flush(bool on_disk);

  const std::vector<OutputFileState>& files() const { return states_; }

  // Gives the files their names.
  tl::expected<void, Failure> finish();
  // SHA-256 of a finished file, as it was written.
  std::string digest(std::size_t file);
  // A whole file at once, whole or not at all.
  tl::expected<void, Failure> write(const std::string& name, std::string_view text);

 private:
  OutFolder() = default;
  std::string path(std::size_t file) const;
  std::string shown_path(std::size_t file) const;
  tl::expected<void, Failure> read_again(std::size_t file);
  tl::expected<void, Failure> flush_file(std::size_t file);
  tl::expected<void, Failure> put(std::size_t file, std::string text);

  std::string folder_;  // empty: a stream
  std::vector<std::string> names_;
  std::vector<int> open_;
  std::vector<std::string> waiting_;
  std::vector<OutputFileState> states_;
  std::unique_ptr<Digests> digests_;  // null: a stream
};

}  // namespace myoflag::batch
