#pragma once
// The input of a batch as a row of records: lines of NDJSON, or whole documents. Whatever cannot be
// read is a record with an error; the row goes on behind it as far as there is something to read.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "fhir/error.h"
#include "plugin/batch/byte_source.h"
#include "plugin/failure.h"

namespace myoflag::batch {

struct InputFile {
  std::string path;         // "-" is standard input
  std::string name;         // for people and for the output: as given, or below the folder given
  bool document = false;    // one resource, JSON or XML, over many lines
  std::uint64_t bytes = 0;  // size on disk, 0 for a stream
  std::int64_t changed_ns = 0;  // time of the last change
  int bulk = -1;                // number of the export whose part it is (plugin/batch/join.h)
};

// Files as given; of a folder everything below it whose name says NDJSON, JSON or XML (also .gz and
// .zst), in the order of their names, but for what is in the folder `except`. A folder that holds
// NDJSON named after QuestionnaireResponse and NDJSON named after another resource type is a Bulk
// Data export: its NDJSON and its manifest.json are parts of it and stand before its other files.
// MF-4100 when something is not there or there is nothing.
tl::expected<std::vector<InputFile>, Failure> find_inputs(const std::vector<std::string>& given,
                                                          const std::string& except = {});

// Where a record begins. Line from 1; of a document 0. The offset counts bytes after decompression.
struct Place {
  std::size_t file = 0;
  std::uint64_t line = 0;
  std::uint64_t offset = 0;
  friend bool operator==(const Place&, const Place&) = default;
};

struct Record {
  Place place;
  std::string bytes;
  std::optional<fhir::Error> error;  // then bytes are empty
};

struct RecordLimits {
  std::size_t record_bytes = 4u << 20;
};

class Join;

class RecordReader {
 public:
  // `join`: what was made of the exports among the files; null when there are none.
  RecordReader(const std::vector<InputFile>& files, RecordLimits limits, Join* join = nullptr);
  ~RecordReader();

  // Goes on behind what was read before: with the file, line and offset of `next()` then. To be
  // called first, if at all.
  void go_to(const Place& place);

  // Asked while no input comes; when it says so, read() gives nothing.
  void stop_when(std::function<bool()> stop) { stop_ = std::move(stop); }
  bool stopped() const { return stopped_; }

  // The next record; nothing at the end of all files. Blank lines are passed over.
  std::optional<Record> read();

  // What stopped it, when that was neither the end nor `stop`.
  const std::optional<Failure>& failure() const { return failure_; }

  Place next() const;           // where what follows begins
  std::uint64_t taken() const;  // bytes on disk read so far, of all files

 private:
  class Lines;
  void close();
  std::optional<Record> failed(fhir::Error error);
  std::optional<Record> from_file();
  std::optional<Record> document();
  std::optional<Record> joined();

  const std::vector<InputFile>& files_;
  RecordLimits limits_;
  Join* join_;
  Place next_;
  std::uint64_t finished_ = 0;  // bytes on disk of the files behind us
  std::unique_ptr<Lines> lines_;
  std::function<bool()> stop_;
  bool stopped_ = false;
  std::optional<Failure> failure_;
};

}  // namespace myoflag::batch
