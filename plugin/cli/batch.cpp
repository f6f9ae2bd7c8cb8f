// myoflag batch: many responses, one a line.
#include "plugin/batch/batch.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "plugin/cli/commands.h"
#include "plugin/cli/delivery_run.h"
#include "plugin/cli/options.h"
#include "plugin/delivery/site.h"
#include "plugin/ehr/ehr_options.h"
#include "plugin/ehr/process.h"

namespace myoflag::cli {
namespace {

using batch::BatchOptions;
using batch::Progress;
using batch::Shape;
using Clock = std::chrono::steady_clock;

struct Options {
  std::vector<std::string> inputs;
  std::string out;
  std::string shape = "resources";
  int threads = 0;
  std::size_t max_record = batch::RecordLimits().record_bytes;
  std::uint64_t checkpoint_bytes = BatchOptions().checkpoint_bytes;
  bool resume = false;
  bool quiet = false;
  ehr::EhrOptions ehr;
  ehr::ExportChoice wanted;
  std::string to_ehr;
  std::string store;
  std::string escalate;
  ehr::DeliveryChoice delivery;
  KnowledgeOptions knowledge;
  ClockOptions clock;
};

std::atomic<bool> stop_asked{false};

// The first one ends the batch in good order; the next one ends the program at once.
extern "C" void ask_to_stop(int signal) {
  stop_asked = true;
  std::signal(signal, SIG_DFL);
}

Shape shape_of(const std::string& name) {
  return name == "bundles"       ? Shape::bundles
         : name == "assessments" ? Shape::assessments
         : name == "table"       ? Shape::table
                                 : Shape::resources;
}

std::string duration(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::max(0.0, seconds));
  return whole < 3600 ? fmt::format("{}:{:02}", whole / 60, whole % 60)
                      : fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

// A line that is drawn again and again on a terminal; elsewhere a new line from time to time.
class ProgressLine {
 public:
  explicit ProgressLine(bool quiet) : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1) {}

  void tell(const Progress& progress) {
    const auto now = Clock::now();
    first_ = first_ ? first_ : std::optional(progress.taken);
    if (quiet_ || now - told_ < (terminal_ ? kTerminal : kPlain)) {
      return;
    }
    told_ = now;
    const double seconds = std::chrono::duration<double>(now - begin_).count();
    put(text(progress, seconds));
  }

  void end() {
    if (terminal_ && drawn_) {
      put("");
    }
  }

 private:
  static constexpr std::chrono::milliseconds kTerminal{200}, kPlain{10'000};

  std::string text(const Progress& progress, double seconds) const {
    std::string out =
        fmt::format("{} records, {:.0f} a second", progress.records,
                    seconds > 0 ? static_cast<double>(progress.records) / seconds : 0.0);
    if (progress.rejected > 0) {
      out += fmt::format(", {} rejected", progress.rejected);
    }
    if (progress.total > 0) {
      const auto total = static_cast<double>(progress.total);
      const auto taken = static_cast<double>(progress.taken);
      const double here = taken - static_cast<double>(first_.value_or(0));
      out += fmt::format(", {:.0f} %", 100 * taken / total);
      out += here > 0 ? fmt::format(", {} left", duration(seconds * (total - taken) / here)) : "";
    }
    return out;
  }

  void put(const std::string& line) {
    const auto whole = terminal_ ? "\r\033[K" + line : line + "\n";
    drawn_ = ::write(STDERR_FILENO, whole.data(), whole.size()) > 0;
  }

  bool quiet_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point told_ = begin_;
  std::optional<std::uint64_t> first_;
};

tl::expected<BatchOptions, Failure> batch_options(const Options& options) {
  const auto now = instant(options.clock);
  if (!now) {
    return tl::unexpected(now.error());
  }
  BatchOptions out;
  out.inputs = options.inputs;
  out.out = options.out;
  out.resume = options.resume;
  out.threads = options.threads > 0
                    ? options.threads
                    : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  out.output.shape = shape_of(options.shape);
  out.output.now = *now;
  out.now_given = !options.clock.now.empty();
  out.limits.record_bytes = options.max_record;
  out.checkpoint_bytes = options.checkpoint_bytes;
  return out;
}

Exit batch_exit(const Options& options, const batch::BatchResult& result,
                const rules::Knowledge& knowledge) {
  const auto text = batch::to_text(result.summary, knowledge);
  if (result.stopped) {
    say(text);
    return fail({Exit::outside, options.out == "-"
                                    ? "stopped before the end of the input"
                                    : "stopped before the end of the input; --resume goes on"});
  }
  const bool rejected = result.summary.rejected + result.summary.undeliverable > 0;
  if (options.out == "-") {
    say(text);
    return rejected ? Exit::rejected : Exit::done;
  }
  const auto wrote = write_output(text);
  return wrote == Exit::done && rejected ? Exit::rejected : wrote;
}

std::string export_folder(const Options& options) {
  if (!options.wanted.folder.empty()) {
    return options.wanted.folder;
  }
  std::string out = options.out;
  while (out.size() > 1 && out.ends_with('/')) {
    out.pop_back();
  }
  return out + "-export";
}

// The folder with what the EHR exported.
tl::expected<std::string, Failure> fetch(const Options& options) {
  auto choice = options.wanted;
  choice.folder = export_folder(options);
  std::vector<std::string> arguments{"export"};
  if (options.quiet) {
    arguments.push_back("--quiet");
  }
  if (options.resume) {
    arguments.push_back("--reuse");
  }
  for (const auto& more : {ehr::arguments_of(options.ehr), ehr::arguments_of(choice)}) {
    arguments.insert(arguments.end(), more.begin(), more.end());
  }
  return ehr::run_ehr(arguments, stop_asked).map([&] {
    return choice.folder + "/" + ehr::kExportedFiles;
  });
}

DeliveryRun delivery_of(const Options& options) {
  DeliveryRun run{options.store, options.delivery, options.ehr};
  run.ehr.base = options.to_ehr;
  return run;
}

// What is judged is kept for the EHR, too. Before anything is judged: what can be refused is.
tl::expected<void, Failure> keep_for_ehr(const Options& options, BatchOptions& how) {
  if (options.store.empty()) {
    return {};
  }
  const auto sites = delivery::load_sites(options.delivery.sites);
  if (!sites) {
    return tl::unexpected(sites.error());
  }
  const char* tenant = std::getenv("MYOFLAG_TENANT");
  how.output.submit = delivery::SubmissionOptions{tenant != nullptr ? tenant : "", sites->urgency,
                                                  options.escalate == "communication"};
  how.outbox = options.store;
  return options.to_ehr.empty() ? tl::expected<void, Failure>()
                                : check_delivery(delivery_of(options));
}

// The worse of both: what was judged, what was delivered.
Exit deliver(const Options& options, Exit judged) {
  auto store = store::Store::open(options.store);
  if (!store) {
    return fail(store.error());
  }
  return std::max(judged, deliver_all(*store, delivery_of(options), stop_asked));
}

Exit run_it(const Options& options) {
  auto knowledge = load(options.knowledge);
  if (!knowledge) {
    return fail(knowledge.error());
  }
  auto how = batch_options(options);
  if (!how) {
    return fail(how.error());
  }
  if (auto kept = keep_for_ehr(options, *how); !kept) {
    return fail(kept.error());
  }
  std::signal(SIGINT, ask_to_stop);
  std::signal(SIGTERM, ask_to_stop);
  if (!options.ehr.base.empty()) {
    auto folder = fetch(options);
    if (!folder) {
      return folder.error().text.empty() ? folder.error().exit : fail(folder.error());
    }
    how->inputs = {*folder};
  }
  ProgressLine line(options.quiet);
  const Assessor assessor(*knowledge);
  const auto result = batch::run_batch(
      assessor, *how, [&line](const Progress& progress) { line.tell(progress); }, stop_asked);
  line.end();
  if (!result) {
    return fail(result.error());
  }
  const Exit judged = batch_exit(options, *result, **knowledge);
  return options.to_ehr.empty() || result->stopped ? judged : deliver(options, judged);
}

}  // namespace

void add_batch(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "batch", "Judges many responses: NDJSON, plain, gzip or zstd; single files; folders");
  CLI::Option* given =
      command->add_option("IN", options->inputs, "Files, folders, - for standard input");
  command
      ->add_option("-o,--out", options->out,
                   "Folder for the output, new or empty; - for one stream on standard output")
      ->required();
  command
      ->add_option("--write", options->shape,
                   "resources: FHIR NDJSON by type; bundles: one transaction a line; assessments: "
                   "JSON for programs; table: CSV, one row a response")
      ->check(CLI::IsMember({"resources", "bundles", "assessments", "table"}))
      ->capture_default_str();
  command
      ->add_option("--from-ehr", options->ehr.base,
                   "Base of a FHIR endpoint: what it exports (Bulk Data) is the input")
      ->excludes(given)
      ->group("EHR");
  ehr::add_export_choice(*command, options->wanted);
  CLI::Option* store =
      command
          ->add_option(
              "--store", options->store,
              "Outbox (docs/delivery.md), a file or a database: what is judged is kept there")
          ->group("EHR");
  command
      ->add_option("--to-ehr", options->to_ehr,
                   "Base of a FHIR endpoint: what the outbox keeps is delivered there in the end")
      ->needs(store)
      ->group("EHR");
  command->add_option("--site", options->delivery.site, "What is known of the server")
      ->needs(store)
      ->capture_default_str()
      ->group("EHR");
  command->add_option("--sites", options->delivery.sites, "YAML file with sites instead of our own")
      ->needs(store)
      ->group("EHR");
  command
      ->add_option("--escalate", options->escalate,
                   "communication: an urgent result also writes a Communication")
      ->check(CLI::IsMember({"communication"}))
      ->needs(store)
      ->group("EHR");
  ehr::add_ehr_options(*command, options->ehr);
  command->add_flag("--resume", options->resume,
                    "Goes on with a batch that was broken off, exactly where it was");
  command->add_option("--threads", options->threads, "Default: as many as there are processors")
      ->check(CLI::Range(1, 256));
  command
      ->add_option("--max-record-bytes", options->max_record,
                   "A longer line or document is an error")
      ->check(CLI::Range(std::size_t{1024}, std::size_t{1} << 28U))
      ->capture_default_str();
  command
      ->add_option("--checkpoint-bytes", options->checkpoint_bytes,
                   "So much is written between two places from which it can go on")
      ->capture_default_str();
  command->add_flag("--quiet", options->quiet, "No progress on standard error");
  add_knowledge_options(*command, options->knowledge);
  add_clock(*command, options->clock);
  command->footer(
      "Examples:\n"
      "  myoflag batch answers.ndjson.gz -o out\n"
      "  myoflag batch export/ -o out --write table\n"
      "  myoflag batch --from-ehr https://ehr.example/fhir/R4 --client-id myoflag --key key.pem -o "
      "out\n"
      "  myoflag batch answers.ndjson -o out --store outbox.sqlite --to-ehr "
      "https://ehr.example/fhir/R4\n"
      "  zcat *.gz | myoflag batch - -o - --write bundles > bundles.ndjson\n\n"
      "What could not be read is listed in errors.ndjson with file, line and offset, and makes "
      "the\n"
      "exit code 1; the rest is done. manifest.json is written last: a folder with it is whole.");
  command->callback([options, &run] {
    if (options->inputs.empty() && options->ehr.base.empty()) {
      throw CLI::RequiredError("IN, or --from-ehr,");
    }
    if (!options->ehr.base.empty() && options->out == "-" && options->wanted.folder.empty()) {
      throw CLI::ValidationError("--from-ehr", "with -o - needs --export-to");
    }
    if (!options->ehr.base.empty() && !options->to_ehr.empty() &&
        options->ehr.base != options->to_ehr) {
      throw CLI::ValidationError(
          "--to-ehr",
          "is another server than --from-ehr, and the credentials are of one: deliver "
          "with \"myoflag deliver run\"");
    }
    if (options->resume && options->out == "-") {
      throw CLI::ValidationError("--resume", "needs a folder");
    }
    run = [options] { return run_it(*options); };
  });
}

}  // namespace myoflag::cli
