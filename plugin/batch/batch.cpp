#include "plugin/batch/batch.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <numeric>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "plugin/batch/job.h"
#include "plugin/batch/join.h"
#include "plugin/batch/manifest.h"
#include "plugin/batch/out_folder.h"
#include "plugin/batch/own_json.h"
#include "plugin/batch/pipeline.h"
#include "plugin/mapping/device.h"
#include "plugin/safe_text.h"

namespace myoflag::batch {
namespace {

namespace fs = std::filesystem;
using fhir::Json;
using Done = tl::expected<void, Failure>;

constexpr const char* kManifest = "manifest.json";
constexpr const char* kReport = "report.html";
constexpr const char* kState = "state.sqlite";
constexpr const char* kJoin = "join.sqlite";

Failure unusable(const std::string& folder, std::string_view why) {
  return {Exit::usage, fmt::format("MF-4108: {}: {}", safe_name(folder), why)};
}

std::string_view name_of(Shape shape) {
  switch (shape) {
    case Shape::resources:
      return "resources";
    case Shape::bundles:
      return "bundles";
    case Shape::assessments:
      return "assessments";
    case Shape::table:
      return "table";
  }
  return {};
}

store::Time store_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

// One run, from the first look at the folder to the manifest.
class Run {
 public:
  Run(const Assessor& assessor, const BatchOptions& options,
      const std::function<void(const Progress&)>& tell, const std::atomic<bool>& stop)
      : assessor_(assessor),
        options_(options),
        tell_(tell),
        stop_(stop),
        names_(file_names(options.output.shape)),
        now_(options.output.now) {}

  tl::expected<BatchResult, Failure> run() {
    const auto done = find_input().and_then([this] { return open_job(); }).and_then([this] {
      return has_manifest() ? forget_job() : do_all();
    });
    if (!done) {
      return tl::unexpected(done.error());
    }
    return BatchResult{std::move(at_.summary), stopped_};
  }

 private:
  bool to_stream() const { return options_.out == "-"; }

  Done do_all() {
    return join_exports()
        .and_then([this] { return stopped_ ? Done() : open_output(); })
        .and_then([this] { return stopped_ ? Done() : work(); })
        .and_then([this] { return out_ ? end() : Done(); });
  }

  // Broken off when only the state was left to be removed: what is there is whole.
  bool has_manifest() const {
    std::error_code unknown;
    return !to_stream() && fs::exists(in_folder(kManifest), unknown);
  }

  std::string in_folder(const char* name) const { return options_.out + "/" + name; }

  Done find_input() {
    auto files = find_inputs(options_.inputs, to_stream() ? std::string() : options_.out);
    if (!files) {
      return tl::unexpected(std::move(files.error()));
    }
    inputs_ = std::move(*files);
    return {};
  }

  // What must be the same for a batch to go on: then the output is the same, too.
  Json description(rules::Instant now) const {
    Json inputs = Json::array();
    for (const auto& file : inputs_) {
      inputs.push(Json::object({{"name", file.name},
                                {"bytes", number(file.bytes)},
                                {"changed", Json::Number{fmt::to_string(file.changed_ns)}}}));
    }
    return Json::object({{"program", mapping::software_version()},
                         {"knowledge", assessor_.knowledge()->digest},
                         {"output", name_of(options_.output.shape)},
                         {"recordBytes", number(options_.limits.record_bytes)},
                         {"outbox", options_.outbox},
                         {"now", fhir::instant_text(now)},
                         {"inputs", std::move(inputs)}});
  }

  Done open_job() {
    if (to_stream()) {
      return keep_job("");
    }
    if (auto usable = look_at_folder(); !usable) {
      return usable;
    }
    return keep_job(in_folder(kState)).and_then([this] { return compare_job(); });
  }

  Done keep_job(const std::string& path) {
    auto job = Job::open(path);
    if (!job) {
      return tl::unexpected(std::move(job.error()));
    }
    job_ = std::make_unique<Job>(std::move(*job));
    return {};
  }

  Done look_at_folder() {
    std::error_code error;
    fs::create_directories(options_.out, error);
    if (error) {
      return tl::unexpected(unusable(options_.out, error.message()));
    }
    const bool begun = fs::exists(in_folder(kState), error);
    if (options_.resume && !begun) {
      return tl::unexpected(unusable(options_.out, "there is no batch to go on with"));
    }
    if (!options_.resume && begun) {
      return tl::unexpected(
          unusable(options_.out, "holds a batch that was broken off; --resume goes on with it"));
    }
    if (!options_.resume && !fs::is_empty(options_.out, error)) {
      return tl::unexpected(unusable(options_.out, "is not empty"));
    }
    return {};
  }

  Done compare_job() {
    auto before = job_->description();
    if (!before) {
      return tl::unexpected(std::move(before.error()));
    }
    if (!*before) {
      return job_->describe(fhir::write_json(description(now_)));
    }
    const auto was = read_own(**before);
    if (!was) {
      return tl::unexpected(unusable(options_.out, "the state of the batch is damaged"));
    }
    if (!options_.now_given) {
      const auto then = fhir::parse_instant(was->string_of("now"));
      now_ = then ? fhir::to_sys_seconds(*then).value_or(now_) : now_;
    }
    return compare(*was, description(now_)).and_then([this] { return go_on(); });
  }

  Done compare(const Json& was, const Json& is) const {
    for (const auto& member : *is.as_object()) {
      const auto* before = was.find(member.name);
      if (before == nullptr || !(*before == member.value)) {
        return tl::unexpected(unusable(
            options_.out,
            fmt::format("the batch cannot go on: \"{}\" is not what it was", member.name)));
      }
    }
    return {};
  }

  Done go_on() {
    auto last = job_->last();
    if (!last) {
      return tl::unexpected(std::move(last.error()));
    }
    if (*last && (*last)->files.size() != names_.size()) {
      return tl::unexpected(unusable(options_.out, "the state of the batch is damaged"));
    }
    if (*last) {
      at_ = std::move(**last);
    }
    return {};
  }

  // Stopped before it was whole: nothing else is done.
  Done join_exports() {
    if (!Join::is_needed(inputs_)) {
      return {};
    }
    auto join = Join::make(*assessor_.knowledge(), to_stream() ? "" : in_folder(kJoin), inputs_,
                           options_.limits, [this] { return stop_.load(); });
    if (!join) {
      return tl::unexpected(std::move(join.error()));
    }
    if (!*join) {
      stopped_ = true;
      return {};
    }
    join_ = std::make_unique<Join>(std::move(**join));
    return join_->counts().map([this](auto&& counts) { at_.summary.exports = std::move(counts); });
  }

  Done open_output() {
    if (!options_.outbox.empty()) {
      auto outbox = store::Store::open(options_.outbox);
      if (!outbox) {
        return tl::unexpected(std::move(outbox.error()));
      }
      outbox_ = std::make_unique<store::Store>(std::move(*outbox));
    }
    if (to_stream()) {
      out_ = std::make_unique<OutFolder>(OutFolder::stream(names_));
    } else {
      auto folder = OutFolder::open(options_.out, names_, at_.files);
      if (!folder) {
        return tl::unexpected(std::move(folder.error()));
      }
      out_ = std::make_unique<OutFolder>(std::move(*folder));
    }
    const auto heads = file_heads(options_.output.shape);
    for (std::size_t i = 0; i < heads.size(); ++i) {
      if (out_->files()[i].bytes == 0 && !heads[i].empty()) {
        if (auto done = out_->append(i, heads[i]); !done) {
          return done;
        }
      }
    }
    return {};
  }

  Done work() {
    RecordReader reader(inputs_, options_.limits, join_.get());
    reader.go_to(at_.next);
    auto output = options_.output;
    output.now = now_;
    const OutputWriter writer(assessor_, inputs_, output);
    Pipeline pipeline(reader, writer, options_.threads, stop_);
    std::uint64_t saved = written();
    while (auto chunk = pipeline.next()) {
      if (auto done = take(*chunk, writer); !done) {
        return done;
      }
      if (written() - saved >= options_.checkpoint_bytes) {
        if (auto done = save(); !done) {
          return done;
        }
        saved = written();
      }
      tell_({chunk->taken, total(), at_.summary.records, at_.summary.rejected});
    }
    if (reader.failure()) {
      return tl::unexpected(*reader.failure());
    }
    stopped_ = !pipeline.ended();
    if (!stopped_) {
      at_.next = {inputs_.size(), 1, 0};
    }
    return {};
  }

  Done take(Chunk& chunk, const OutputWriter& writer) {
    std::vector<store::Submission> submissions;
    for (auto& written : chunk.written) {
      Written* kept = &written;
      std::optional<Written> repeated;
      if (written.name) {
        auto first = job_->seen(*written.name, written.place);
        if (!first) {
          return tl::unexpected(std::move(first.error()));
        }
        if (*first) {
          repeated = writer.repeated(written.place, **first);
          kept = &*repeated;
        }
      }
      at_.summary.count(kept->tally, repeated.has_value(), *assessor_.knowledge());
      if (kept->submission) {
        submissions.push_back(*std::move(kept->submission));
      }
      for (auto& [file, text] : kept->to) {
        if (auto done = put(file, std::move(text)); !done) {
          return done;
        }
      }
    }
    at_.next = chunk.next;
    return submit(submissions);
  }

  // Before the state speaks of them: what is submitted twice is there once.
  Done submit(const std::vector<store::Submission>& submissions) {
    if (submissions.empty()) {
      return {};
    }
    return outbox_->submit(submissions, store_now()).map([&](const auto& receipts) {
      at_.summary.submitted += receipts.size();
    });
  }

  // The program as a device is the same for all that one batch writes. In one stream an
  // OperationOutcome stands for a record that has no result, so warnings stay out.
  Done put(std::size_t file, std::string text) {
    const bool known = names_[file] == kSharedFile && out_->files()[file].bytes > 0;
    const bool warning = file + 1 == names_.size();
    return known || (warning && to_stream()) ? Done() : out_->append(file, std::move(text));
  }

  std::uint64_t written() const {
    const auto& files = out_->files();
    return std::accumulate(files.begin(), files.end(), std::uint64_t{0},
                           [](auto sum, const auto& file) { return sum + file.bytes; });
  }

  std::uint64_t total() const {
    const bool known = std::all_of(inputs_.begin(), inputs_.end(),
                                   [](const auto& file) { return file.bytes > 0; });
    return !known ? 0
                  : std::accumulate(inputs_.begin(), inputs_.end(), std::uint64_t{0},
                                    [](auto sum, const auto& file) { return sum + file.bytes; });
  }

  // First the output, then the state: what the state speaks of is there.
  Done save() {
    if (to_stream()) {
      return out_->flush(false);
    }
    if (auto done = out_->flush(true); !done) {
      return done;
    }
    at_.files = out_->files();
    return job_->save(at_);
  }

  Done end() {
    if (auto done = save(); !done || stopped_ || to_stream()) {
      return done;
    }
    return out_->finish()
        .and_then([this] { return write_report(); })
        .and_then([this] { return write_manifest(); })
        .and_then([this] { return forget_job(); });
  }

  Done write_report() {
    return out_->write(kReport,
                       to_html(at_.summary, *assessor_.knowledge(), fhir::instant_text(now_)));
  }

  Done write_manifest() {
    std::vector<ManifestFile> files;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      files.push_back({names_[i], out_->files()[i], out_->digest(i), i + 2 >= names_.size()});
    }
    const auto json = manifest_json(files, *description(now_).find("inputs"), at_.summary,
                                    *assessor_.knowledge(), fhir::instant_text(now_));
    return out_->write(kManifest, fhir::write_json(json, fhir::JsonStyle::pretty));
  }

  // What replace_file() leaves of a whole file when it is killed.
  std::vector<std::string> broken_off() const {
    std::vector<std::string> found;
    std::error_code unread;
    for (const auto& entry : fs::directory_iterator(options_.out, unread)) {
      const auto name = entry.path().filename().string();
      const bool is_ours = name.starts_with(fmt::format("{}.", kManifest)) ||
                           name.starts_with(fmt::format("{}.", kReport));
      if (is_ours && name.ends_with(".part")) {
        found.push_back(entry.path().string());
      }
    }
    return found;
  }

  Done forget_job() {
    job_.reset();
    join_.reset();
    const auto state = in_folder(kState);
    auto paths = broken_off();
    paths.insert(paths.end(), {in_folder(kJoin), state, state + "-wal", state + "-shm"});
    for (const auto& path : paths) {
      std::error_code error;
      fs::remove(path, error);
      if (error) {
        return tl::unexpected(Failure{
            Exit::outside, fmt::format("MF-4106: {}: {}", safe_name(path), error.message())});
      }
    }
    return {};
  }

  const Assessor& assessor_;
  const BatchOptions& options_;
  const std::function<void(const Progress&)>& tell_;
  const std::atomic<bool>& stop_;
  const std::vector<std::string> names_;

  rules::Instant now_;  // of the start, also where the batch goes on
  std::vector<InputFile> inputs_;
  std::unique_ptr<Job> job_;
  std::unique_ptr<Join> join_;  // of exports among the inputs
  std::unique_ptr<OutFolder> out_;
  std::unique_ptr<store::Store> outbox_;
  Checkpoint at_;
  bool stopped_ = false;
};

}  // namespace

tl::expected<BatchResult, Failure> run_batch(const Assessor& assessor, const BatchOptions& options,
                                             const std::function<void(const Progress&)>& tell,
                                             const std::atomic<bool>& stop) {
  return Run(assessor, options, tell, stop).run();
}

}  // namespace myoflag::batch
