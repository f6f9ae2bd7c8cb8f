#include "plugin/batch/records.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <sys/stat.h>

#include <fmt/format.h>

#include "fhir/r4/definitions.h"
#include "plugin/batch/join.h"
#include "plugin/safe_text.h"
#include "rules/ascii.h"

namespace myoflag::batch {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = 256u << 10;

// The end of the name in small letters, without what says that it is compressed.
std::string plain_name(std::string_view path) {
  std::string name(path.substr(path.size() - std::min<std::size_t>(path.size(), 16)));
  std::transform(name.begin(), name.end(), name.begin(), rules::to_lower);
  for (const std::string_view end : {".gz", ".zst"}) {
    if (name.ends_with(end)) {
      name.resize(name.size() - end.size());
    }
  }
  return name;
}

bool is_document(std::string_view name) {
  const auto plain = plain_name(name);
  return plain.ends_with(".json") || plain.ends_with(".xml");
}

bool is_lines(std::string_view name) {
  const auto plain = plain_name(name);
  return plain.ends_with(".ndjson") || plain.ends_with(".jsonl");
}

// "Patient" of "Patient.000.ndjson.gz" or "1.Patient.ndjson"; empty: named after no resource type.
std::string resource_named(const std::string& path) {
  auto name = fs::path(path).filename().string();
  for (std::size_t begin = 0; begin < name.size();) {
    const auto end = std::min(name.find_first_of("._-", begin), name.size());
    auto part = name.substr(begin, end - begin);
    if (fhir::r4::find_resource(part) != nullptr) {
      return part;
    }
    begin = end + 1;
  }
  return {};
}

// Only what stands in the folder itself says what it is.
bool is_export(const std::string& folder, const std::vector<std::string>& paths) {
  bool responses = false, others = false;
  for (const auto& path : paths) {
    const bool here = fs::path(path).parent_path() == fs::path(folder + "/").parent_path();
    const auto type = here && is_lines(path) ? resource_named(path) : std::string();
    responses = responses || type == "QuestionnaireResponse";
    // Bundles beside responses are records of their own.
    const bool is_container = type == "Bundle" || type == "Parameters";
    others = others || (!type.empty() && type != "QuestionnaireResponse" && !is_container);
  }
  return responses && others;
}

bool is_part(const std::string& path) {
  return is_lines(path) || fs::path(path).filename() == "manifest.json";
}

Failure no_input(std::string_view name, std::string_view why) {
  return {Exit::usage, fmt::format("MF-4100: {}: {}", safe_name(name), why)};
}

tl::expected<InputFile, Failure> input_file(const std::string& path, const std::string& name) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return tl::unexpected(no_input(name, std::strerror(errno)));
  }
  InputFile file{path, safe_name(name), is_document(path)};
  if (S_ISREG(status.st_mode)) {
    file.bytes = static_cast<std::uint64_t>(status.st_size);
    file.changed_ns = status.st_mtim.tv_sec * 1'000'000'000L + status.st_mtim.tv_nsec;
  }
  return file;
}

tl::expected<void, Failure> add_folder(const std::string& folder, const std::string& except,
                                       std::vector<InputFile>& files) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    const auto path = at->path().string();
    std::error_code unknown;
    if (!except.empty() && fs::equivalent(path, except, unknown)) {
      at.disable_recursion_pending();
    } else if (!at->is_directory(unknown) && (is_document(path) || is_lines(path))) {
      found.push_back(path);  // whatever it is: what cannot be opened is told
    }
  }
  if (error) {
    return tl::unexpected(no_input(folder, error.message()));
  }
  if (found.empty()) {
    return tl::unexpected(no_input(
        folder, "no .ndjson, .jsonl, .json or .xml file in it, plain or with .gz or .zst"));
  }
  std::sort(found.begin(), found.end());
  const bool bulk = is_export(folder, found);
  if (bulk) {
    std::stable_partition(found.begin(), found.end(), is_part);
  }
  const int number = static_cast<int>(files.size());  // of its first file
  for (const auto& path : found) {
    auto name = fs::path(path).lexically_normal().string();
    auto file = input_file(path, name);
    files.push_back(file ? std::move(*file) : InputFile{path, safe_name(name), is_document(path)});
    files.back().bulk = bulk && is_part(path) ? number : -1;
  }
  return {};
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

tl::expected<std::vector<InputFile>, Failure> find_inputs(const std::vector<std::string>& given,
                                                          const std::string& except) {
  std::vector<InputFile> files;
  for (const auto& path : given) {
    std::error_code unknown;
    if (path == "-") {
      files.push_back({path, "standard input"});
    } else if (fs::is_directory(path, unknown)) {
      if (auto added = add_folder(path, except, files); !added) {
        return tl::unexpected(std::move(added.error()));
      }
    } else {
      auto file = input_file(path, path);
      if (!file) {
        return tl::unexpected(std::move(file.error()));
      }
      files.push_back(std::move(*file));
    }
  }
  return files;
}

// Splits one source into lines without holding more than one line and a block.
class RecordReader::Lines {
 public:
  explicit Lines(ByteSource source) : source_(std::move(source)), block_(kBlock) {}

  struct Line {
    std::string text;                    // without its end
    std::size_t length = 0;              // with its end, in the input
    bool too_long = false;               // text is empty
    std::optional<fhir::Error> failure;  // instead of the rest of the input
  };

  // Nothing at the end.
  std::optional<Line> next(std::size_t most) {
    Line line;
    for (;;) {
      if (begin_ == end_ && !refill(line)) {
        return line.length > 0 || line.failure ? std::optional(std::move(line)) : std::nullopt;
      }
      const char* start = block_.data() + begin_;
      const auto* found = static_cast<const char*>(std::memchr(start, '\n', end_ - begin_));
      const auto size = found == nullptr ? end_ - begin_ : static_cast<std::size_t>(found - start);
      add(line, {start, size}, most);
      begin_ += size;
      line.length += size;
      if (found != nullptr) {
        ++begin_;
        ++line.length;
        return line;
      }
    }
  }

  // Everything up to the end.
  Line rest(std::size_t most) {
    Line all;
    while (begin_ < end_ || refill(all)) {
      add(all, {block_.data() + begin_, end_ - begin_}, most);
      all.length += end_ - begin_;
      begin_ = end_;
    }
    return all;
  }

  // Passes over bytes; an error when there are not so many.
  std::optional<fhir::Error> skip(std::uint64_t bytes) {
    Line ignored;
    while (bytes > 0) {
      if (begin_ == end_ && !refill(ignored)) {
        return ignored.failure ? std::move(ignored.failure)
                               : fhir::Error{"MF-4103", "The file is shorter than it was.", {}};
      }
      const auto size = std::min<std::uint64_t>(bytes, end_ - begin_);
      begin_ += static_cast<std::size_t>(size);
      bytes -= size;
    }
    return std::nullopt;
  }

  const ByteSource& source() const { return source_; }

 private:
  static void add(Line& line, std::string_view piece, std::size_t most) {
    if (line.too_long || line.text.size() + piece.size() > most) {
      line.too_long = true;
      line.text.clear();
      line.text.shrink_to_fit();
    } else {
      line.text.append(piece);
    }
  }

  bool refill(Line& line) {
    auto got = source_.read(block_.data(), block_.size());
    if (!got) {
      line.failure = std::move(got.error());
    }
    begin_ = 0;
    end_ = got ? *got : 0;
    return end_ > 0;
  }

  ByteSource source_;
  std::vector<char> block_;
  std::size_t begin_ = 0, end_ = 0;
};

RecordReader::RecordReader(const std::vector<InputFile>& files, RecordLimits limits, Join* join)
    : files_(files), limits_(limits), join_(join), next_{0, 1, 0} {}
RecordReader::~RecordReader() = default;

Place RecordReader::next() const { return next_; }

std::uint64_t RecordReader::taken() const {
  return finished_ + (lines_ ? lines_->source().taken() : 0);
}

void RecordReader::go_to(const Place& place) {
  next_ = place;
  for (std::size_t i = 0; i < std::min(place.file, files_.size()); ++i) {
    finished_ += files_[i].bytes;
  }
}

std::optional<Record> RecordReader::failed(fhir::Error error) {
  if (error.code == ByteSource::kStopped) {
    stopped_ = true;
    return std::nullopt;
  }
  Record record{next_, {}, std::move(error)};
  close();
  return record;
}

void RecordReader::close() {
  lines_.reset();
  finished_ += files_[next_.file].bytes;
  next_ = {next_.file + 1, 1, 0};
}

std::optional<Record> RecordReader::read() {
  while (next_.file < files_.size()) {
    if (join_ != nullptr && files_[next_.file].bulk >= 0) {
      if (auto record = joined(); record || failure_) {
        return record;
      }
      continue;
    }
    if (!lines_) {
      auto source = ByteSource::open(files_[next_.file].path, stop_);
      if (!source) {
        return failed(std::move(source.error()));
      }
      lines_ = std::make_unique<Lines>(std::move(*source));
      if (auto failure = lines_->skip(next_.offset)) {
        return failed(std::move(*failure));
      }
    }
    auto record = files_[next_.file].document ? document() : from_file();
    if (record || stopped_) {
      return record;
    }
  }
  return std::nullopt;
}

// The next record of the export at hand; nothing behind its last one, and on a failure.
std::optional<Record> RecordReader::joined() {
  auto record = join_->next(next_);
  if (!record) {
    failure_ = std::move(record.error());
    stopped_ = true;
    return std::nullopt;
  }
  const auto last = *record ? (*record)->place.file : join_->behind(next_.file);
  for (; next_.file < last; ++next_.file) {
    finished_ += files_[next_.file].bytes;
  }
  // No two records of an export begin at one place.
  next_ = *record ? Place{last, (*record)->place.line + 1, (*record)->place.offset + 1}
                  : Place{last, 1, 0};
  return std::move(*record);
}

// Nothing when the file is at its end.
std::optional<Record> RecordReader::from_file() {
  while (auto line = lines_->next(limits_.record_bytes)) {
    if (line->failure) {
      // What there is of a line cannot be taken for whole.
      return failed(std::move(*line->failure));
    }
    if (line->text.capacity() > line->text.size() + kBlock) {
      line->text.shrink_to_fit();  // it grew to twice what it holds
    }
    Record record{next_, std::move(line->text), {}};
    next_.offset += line->length;
    ++next_.line;
    if (line->too_long) {
      record.error = fhir::Error{
          "MF-4104", fmt::format("The line is longer than {} bytes.", limits_.record_bytes), {}};
      return record;
    }
    if (record.place.offset == 0 && record.bytes.starts_with("\xEF\xBB\xBF")) {
      record.bytes.erase(0, 3);
    }
    if (!is_blank(record.bytes)) {
      return record;
    }
  }
  if (lines_->source().changed()) {
    return failed({"MF-4103", "The file was changed while it was read.", {}});
  }
  close();
  return std::nullopt;
}

std::optional<Record> RecordReader::document() {
  auto all = lines_->rest(limits_.record_bytes);
  next_.line = 0;
  if (all.failure) {
    return failed(std::move(*all.failure));
  }
  if (all.too_long) {
    return failed(
        {"MF-4104", fmt::format("The file is longer than {} bytes.", limits_.record_bytes), {}});
  }
  if (lines_->source().changed()) {
    return failed({"MF-4103", "The file was changed while it was read.", {}});
  }
  Record record{next_, std::move(all.text), {}};
  close();
  return record;
}

}  // namespace myoflag::batch
