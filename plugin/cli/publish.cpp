// myoflag publish: our definitions to the EHR's endpoint, each once.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "plugin/cli/commands.h"
#include "plugin/cli/published.h"
#include "plugin/ehr/ehr_options.h"
#include "plugin/ehr/process.h"
#include "plugin/publish/definitions.h"
#include "plugin/write_all.h"

namespace myoflag::cli {
namespace {

struct Options {
  KnowledgeOptions knowledge;
  ehr::EhrOptions ehr;
  bool dry_run = false;
};

std::atomic<bool> stop_asked{false};

// The first one ends in good order; the next one at once.
extern "C" void ask_to_stop_publishing(int signal) {
  stop_asked = true;
  std::signal(signal, SIG_DFL);
}

// A file without a name, the other program's standard input: nothing is left behind, however this
// ends.
tl::expected<int, Failure> nameless_file(const std::string& text) {
  const int file = ::memfd_create("definitions", 0);
  if (file < 0 || !write_all(file, text)) {
    return tl::unexpected(
        Failure{Exit::outside, fmt::format("MF-4005: a file in memory: {}", std::strerror(errno))});
  }
  return file;
}

std::string lines_of(const rules::Knowledge& knowledge) {
  std::string text;
  for (const auto& definition : publish::definitions(knowledge)) {
    text += fhir::write_json(definition) + '\n';
  }
  return text;
}

Exit publish_it(const Options& options) {
  const auto knowledge = load_publishable(options.knowledge);
  if (!knowledge) {
    return fail(knowledge.error());
  }
  const auto file = nameless_file(lines_of(**knowledge));
  if (!file) {
    return fail(file.error());
  }
  std::vector<std::string> arguments{"publish", "--from", "/dev/stdin"};
  if (options.dry_run) {
    arguments.emplace_back("--dry-run");
  }
  const auto ehr = ehr::arguments_of(options.ehr);
  arguments.insert(arguments.end(), ehr.begin(), ehr.end());
  std::signal(SIGINT, ask_to_stop_publishing);
  std::signal(SIGTERM, ask_to_stop_publishing);
  const auto done = ehr::run_ehr(arguments, stop_asked, *file);
  ::close(*file);
  if (done) {
    return Exit::done;
  }
  return done.error().text.empty() ? done.error().exit : fail(done.error());
}

}  // namespace

void add_publish(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "publish", "Puts the form, the rules and their codes to an EHR's FHIR endpoint");
  command->add_option("--to", options->ehr.base, "Base of the FHIR endpoint")->required();
  command->add_flag("--dry-run", options->dry_run, "Looks, and says what would be written");
  ehr::add_ehr_options(*command, options->ehr);
  add_knowledge_options(*command, options->knowledge, Sentences::none);
  command->footer(
      "Examples:\n"
      "  myoflag publish --to https://ehr.example/fhir/R4 --dry-run\n"
      "  myoflag publish --to https://ehr.example/fhir/R4 --client-id myoflag --key key.pem\n\n"
      "What is there already is left alone; an older version stays beside a newer one. Types that "
      "the\n"
      "server does not take are named. The same command may be given again at any time.");
  command->callback([options, &run] { run = [options] { return publish_it(*options); }; });
}

}  // namespace myoflag::cli
