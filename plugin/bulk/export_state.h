#pragma once
// What an export that was broken off needs to go on: kept in the folder, readable by its owner
// only, because addresses of files may be secrets. After the end it holds none.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "fhir/json.h"
#include "plugin/failure.h"

namespace myoflag::bulk {

enum class FileKind { output, error, deleted };

struct ListedFile {
  FileKind kind = FileKind::output;
  std::string type;
  std::string url;                     // empty after the end
  std::string name;                    // in the folder
  std::optional<std::uint64_t> count;  // of its lines, as the server says
};

struct ExportState {
  std::string request;  // the kick-off's address
  std::string status;   // where to ask how it goes; empty after the end
  std::string transaction_time;
  bool needs_token = true;  // for the files
  bool is_listed = false;   // the files are known
  bool is_done = false;
  std::vector<ListedFile> files;
};

// The member "count" of an entry; nothing where it is no whole number.
std::optional<std::uint64_t> count_of(const fhir::Json& file);

// Nothing where the folder has none; a failure where it cannot be read.
tl::expected<std::optional<ExportState>, Failure> read_state(const std::filesystem::path& folder);
// On disk when it returns.
tl::expected<void, Failure> write_state(const std::filesystem::path& folder,
                                        const ExportState& state);

}  // namespace myoflag::bulk
