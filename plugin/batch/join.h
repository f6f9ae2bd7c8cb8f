#pragma once
// Bulk Data exports: the lines of their files joined by patient, so that each response is judged
// beside what the record knows. Everything is read once into a file on disk and taken from there;
// in memory there is never more than one patient's record. The file is SQLite's, and holds patient
// data: only the owner may read it, and it is removed when the batch is done.
//
// Records come in the order of the input: for each response a Bundle (collection) of
// - the resources of its patient, in the order of the input, with the response itself and the
//   patient's earlier responses to the same form;
// - the Medications that they refer to;
// - a resource that says nothing, where something of the export may belong to this patient and
//   could not be used, or the response names no patient: beside it nobody is reassured;
// and an error for each line that cannot be used: from the reader, from the gate (MF-10xx), or
// MF-4113 (no patient can be told), MF-4114 (what the export says of itself).

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/batch/records.h"
#include "plugin/failure.h"
#include "rules/knowledge.h"

namespace myoflag::batch {

class Join {
 public:
  // `path`: of the file; "" for one that nobody can open again. What is there and whole is used
  // again. Nothing when `stop` said so. MF-4107: it cannot be kept. By the knowledge: which visits
  // of nobody say nothing.
  static tl::expected<std::optional<Join>, Failure> make(const rules::Knowledge& knowledge,
                                                         const std::string& path,
                                                         const std::vector<InputFile>& files,
                                                         RecordLimits limits,
                                                         const std::function<bool()>& stop);
  ~Join();
  Join(Join&&) noexcept;

  static bool is_needed(const std::vector<InputFile>& files);

  // The first record of the export at or behind the place; nothing behind its last one.
  tl::expected<std::optional<Record>, Failure> next(const Place& place);
  // The first file that is not of the same export.
  std::size_t behind(std::size_t file) const;

  // What became of the lines of all exports.
  tl::expected<std::map<std::string, std::uint64_t>, Failure> counts();

 private:
  struct State;
  explicit Join(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace myoflag::batch
