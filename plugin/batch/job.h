#pragma once
// What a batch must remember while it runs: which responses it has seen, and, in a folder, how far
// it has come, so that a run that was broken off goes on exactly there. SQLite; the state of a job
// moves from one checkpoint to the next in one transaction. Errors: MF-4107.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "fhir/uuid.h"
#include "plugin/batch/records.h"
#include "plugin/batch/summary.h"
#include "plugin/failure.h"

namespace myoflag::batch {

struct OutputFileState {
  std::uint64_t bytes = 0;
  std::uint64_t lines = 0;
  friend bool operator==(const OutputFileState&, const OutputFileState&) = default;
};

struct Checkpoint {
  Place next{0, 1, 0};                 // where the input goes on
  std::vector<OutputFileState> files;  // what of the output holds
  Summary summary;
};

class Job {
 public:
  // "" keeps everything in a temporary file that nobody can open again.
  static tl::expected<Job, Failure> open(const std::string& path);
  ~Job();
  Job(Job&&) noexcept;

  // What the job was started with, as one text; nothing when it is new.
  tl::expected<std::optional<std::string>, Failure> description();
  tl::expected<void, Failure> describe(const std::string& description);

  tl::expected<std::optional<Checkpoint>, Failure> last();
  // Makes everything since the last checkpoint hold.
  tl::expected<void, Failure> save(const Checkpoint& checkpoint);

  // Where the response was seen first; nothing when this is the first time, which is remembered.
  tl::expected<std::optional<Place>, Failure> seen(const fhir::Uuid& name, const Place& here);

 private:
  struct State;
  explicit Job(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace myoflag::batch
