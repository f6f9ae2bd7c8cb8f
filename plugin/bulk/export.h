#pragma once
// Fetches what a FHIR server exports into a folder: kick-off, waiting, manifest, files, and the end
// of the job. Broken off at any point, the next call goes on from there. Source: FHIR Bulk Data
// Access 2.0 (hl7.org/fhir/uv/bulkdata), export.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "fhir/client/client.h"
#include "fhir/client/transport.h"
#include "plugin/failure.h"

namespace myoflag::bulk {

struct ExportOptions {
  std::string base;                // of the FHIR endpoint
  std::string group;               // "Group/123", "Patient", or empty: everything
  std::vector<std::string> types;  // "QuestionnaireResponse" ...; empty: what the server gives
  std::filesystem::path folder;    // made where it is missing
  bool reuse = false;              // an export that has ended there is the answer
  std::chrono::seconds most_waiting{24 * 3600};
  std::uint64_t most_bytes = 100ull << 30;  // of one file
  std::size_t most_files = 10'000;
};

// In `folder`, beside ehr::kExportedFiles: the files of what was deleted.
inline constexpr std::string_view kOtherFiles = "other";

struct ExportedFile {
  std::string type;  // resource type
  std::filesystem::path path;
  std::uint64_t bytes = 0;
};

struct Exported {
  std::string transaction_time;       // of what is in it
  std::vector<ExportedFile> output;   // NDJSON, in ehr::kExportedFiles
  std::vector<ExportedFile> error;    // OperationOutcomes: what the server could not export
  std::vector<ExportedFile> deleted;  // Bundles: what is gone
  std::vector<std::string> remarks;   // what went less well, a sentence each
};

// A line for a person: "the server says 40%", "Observation, file 3 of 8".
using Tell = std::function<void(const std::string&)>;

// Exit 3 (an outside system failed) or 2; the folder then keeps what was fetched. After `stop`:
// exit 3, and the next call goes on. `authority` may be null.
tl::expected<Exported, Failure> fetch_export(fhir::client::Transport& transport,
                                             fhir::client::Authority* authority,
                                             const ExportOptions& options,
                                             const fhir::client::World& world, const Tell& tell,
                                             const std::atomic<bool>& stop);

}  // namespace myoflag::bulk
