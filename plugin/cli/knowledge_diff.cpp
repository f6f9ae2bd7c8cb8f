// myoflag knowledge diff: what a change of the knowledge does, before it is released.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "plugin/batch/impact.h"
#include "plugin/batch/impact_report.h"
#include "plugin/batch/join.h"
#include "plugin/batch/records.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/options.h"
#include "rules/difference.h"

namespace myoflag::cli {
namespace {

using batch::Impact;
using batch::ImpactCounts;
using batch::ImpactReport;
using batch::Move;

constexpr const char* kEmbedded = "embedded";

struct Options {
  std::string before, after;
  std::vector<std::string> on;
  std::string format = "text";
  std::string fail_on = "never";
  bool all = false;
  std::size_t max_record = batch::RecordLimits().record_bytes;
  ClockOptions clock;

  bool json() const { return format == "json"; }
};

// What is said of the responses, kept on disk until the counts that stand before it are known.
class Spool {
 public:
  Spool() : file_(std::tmpfile(), &std::fclose) {}

  tl::expected<void, Failure> add(std::string_view text) {
    if (!file_ || std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size()) {
      return tl::unexpected(failure());
    }
    return {};
  }

  Exit copy() {
    std::rewind(file_.get());
    std::string block(64U << 10U, '\0');
    for (;;) {
      const auto got = std::fread(block.data(), 1, block.size(), file_.get());
      if (std::ferror(file_.get()) != 0) {
        return fail(failure());
      }
      if (got == 0) {
        return Exit::done;
      }
      if (const Exit wrote = write_output({block.data(), got}); wrote != Exit::done) {
        return wrote;
      }
    }
  }

  tl::expected<void, Failure> flush() {
    if (!file_ || std::fflush(file_.get()) != 0) {
      return tl::unexpected(failure());
    }
    return {};
  }

 private:
  static Failure failure() {
    return {Exit::outside, "MF-4111: a temporary file cannot be made, written or read"};
  }
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

tl::expected<rules::KnowledgePtr, Failure> version(const std::string& name) {
  KnowledgeOptions options;
  options.folder = name == kEmbedded ? "" : name;
  return load(options, Exit::rejected);
}

bool is_told(const Options& options, Move move) {
  return move != Move::none && (move != Move::within || options.all);
}

tl::expected<std::optional<batch::Join>, Failure> exports(
    const Options& options, const rules::Knowledge& knowledge,
    const std::vector<batch::InputFile>& files) {
  if (!batch::Join::is_needed(files)) {
    return std::nullopt;
  }
  return batch::Join::make(knowledge, "", files, {options.max_record}, {});
}

tl::expected<ImpactCounts, Failure> compare_all(const Options& options,
                                                const rules::Knowledge& knowledge,
                                                const batch::Comparer& comparer, Spool& spool) {
  auto files = batch::find_inputs(options.on);
  if (!files) {
    return tl::unexpected(std::move(files.error()));
  }
  auto join = exports(options, knowledge, *files);
  if (!join) {
    return tl::unexpected(std::move(join.error()));
  }
  ImpactCounts counts;
  batch::RecordReader reader(*files, {options.max_record}, *join ? &**join : nullptr);
  std::string between;
  while (const auto record = reader.read()) {
    const Impact impact = comparer.compare(*record);
    counts.count(impact);
    if (!is_told(options, impact.move())) {
      continue;
    }
    const auto& name = (*files)[impact.place.file].name;
    const auto text = options.json() ? between + batch::impact_json(impact, name)
                                     : "\n" + batch::impact_text(impact, name);
    between = ",\n";
    if (auto added = spool.add(text); !added) {
      return tl::unexpected(std::move(added.error()));
    }
  }
  if (reader.failure()) {
    return tl::unexpected(*reader.failure());
  }
  if (counts.records == 0) {
    return tl::unexpected(Failure{Exit::usage, "MF-4112: there is no response in the input"});
  }
  return spool.flush().map([&counts] { return counts; });
}

Exit write_report(const Options& options, const ImpactReport& report, Spool& spool) {
  const auto head = options.json() ? batch::report_json(report) : batch::report_text(report);
  if (const Exit wrote = write_output(head); wrote != Exit::done) {
    return wrote;
  }
  if (report.counts != nullptr) {
    if (const Exit copied = spool.copy(); copied != Exit::done) {
      return copied;
    }
  }
  return options.json() ? write_output(batch::kReportJsonEnd) : Exit::done;
}

bool fails(const Options& options, const ImpactCounts& counts) {
  const bool lowered = counts.of(Move::lowered) > 0 && options.fail_on != "never";
  const bool raised = counts.of(Move::raised) > 0 && options.fail_on == "moved";
  return lowered || raised || counts.refused() > 0;
}

Exit diff(const Options& options) {
  const auto now = instant(options.clock);
  if (!now) {
    return fail(now.error());
  }
  auto before = version(options.before);
  if (!before) {
    return fail(before.error());
  }
  auto after = version(options.after);
  if (!after) {
    return fail(after.error());
  }
  ImpactReport report{**before, **after, rules::differences(**before, **after)};
  Spool spool;
  if (options.on.empty()) {
    return write_report(options, report, spool);
  }
  const Assessor by_old(*before);
  const Assessor by_new(*after);
  const auto counts = compare_all(options, **after, {by_old, by_new, *now}, spool);
  if (!counts) {
    return fail(counts.error());
  }
  report.counts = &*counts;
  const Exit wrote = write_report(options, report, spool);
  return wrote == Exit::done && fails(options, *counts) ? Exit::rejected : wrote;
}

}  // namespace

void add_knowledge_diff(CLI::App& knowledge, Run& run) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      knowledge.add_subcommand("diff", "What differs between two versions, and whose result moves");
  command
      ->add_option("OLD", options->before,
                   "Folder with knowledge files; embedded: the knowledge inside the program")
      ->required();
  command->add_option("NEW", options->after, "The same of the other version")->required();
  command->add_option("--on", options->on,
                      "Responses that both versions judge: files, folders, -, as batch takes them");
  command->add_option("--format", options->format, "text: for people; json: for programs")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->add_flag("--all", options->all,
                    "Lists also responses as urgent as before with other rules or workups");
  command
      ->add_option("--fail-on", options->fail_on,
                   "Exit code 1 also when a response is less urgent (lowered), or less or more "
                   "urgent (moved)")
      ->check(CLI::IsMember({"never", "lowered", "moved"}))
      ->capture_default_str();
  command
      ->add_option("--max-record-bytes", options->max_record,
                   "A longer line or document is an error")
      ->check(CLI::Range(std::size_t{1024}, std::size_t{1} << 28U))
      ->capture_default_str();
  add_clock(*command, options->clock);
  command->footer(
      "Examples:\n"
      "  myoflag knowledge diff embedded rules/knowledge/twitching\n"
      "  myoflag knowledge diff embedded new/ --on last-year/ --fail-on lowered\n\n"
      "Exit code 1: a version has errors, or refused some responses; each is listed.");
  command->callback([options, &run] { run = [options] { return diff(*options); }; });
}

}  // namespace myoflag::cli
