// myoflag knowledge lint, test, docs, export: the authors' tools.
#include "plugin/knowledge/knowledge.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <system_error>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "plugin/cli/commands.h"
#include "plugin/cli/options.h"
#include "plugin/cli/published.h"
#include "plugin/cli/rule_book.h"
#include "plugin/publish/definitions.h"
#include "plugin/publish/package.h"
#include "plugin/safe_text.h"
#include "rules/cases.h"
#include "rules/lint.h"

namespace myoflag::cli {
namespace {

std::string counted(const rules::Problems& problems) {
  const auto warnings = std::count_if(
      problems.begin(), problems.end(),
      [](const rules::Problem& problem) { return problem.severity == rules::Severity::warning; });
  return fmt::format("{} errors, {} warnings\n",
                     problems.size() - static_cast<std::size_t>(warnings), warnings);
}

Exit lint(const KnowledgeOptions& options) {
  const auto files = read_knowledge_folder(options.folder);
  const rules::Problems problems = files ? rules::lint(*files) : files.error();
  std::string out;
  bool wrong = false;
  for (const rules::Problem& problem : problems) {
    out += rules::to_text(problem);
    wrong = wrong || problem.severity == rules::Severity::error;
  }
  const Exit written = write_output(safe_text(out + counted(problems)));
  if (written != Exit::done) {
    return written;
  }
  return !files ? Exit::usage : wrong ? Exit::rejected : Exit::done;
}

std::string failure_text(const rules::Case& one, const rules::CaseResult& result) {
  std::string text = fmt::format("{}: ", one.name);
  if (result.tier != one.tier) {
    text += fmt::format("tier {}, expected {}", code_of(result.tier), code_of(one.tier));
  }
  for (const std::string& id : result.missing) {
    text += fmt::format("{}{} did not fire", text.ends_with(": ") ? "" : "; ", id);
  }
  return text + '\n';
}

Exit test(const KnowledgeOptions& options) {
  const auto knowledge = load(options, Exit::rejected);
  if (!knowledge) {
    return fail(knowledge.error());
  }
  // Any moment will do: answers and record of a case are of that moment.
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  std::string out;
  std::size_t failed = 0;
  for (const rules::Case& one : (*knowledge)->cases) {
    const rules::CaseResult result = rules::run_case(*knowledge, one, now);
    if (!result.passed) {
      ++failed;
      out += failure_text(one, result);
    }
  }
  out += fmt::format("{} cases, {} failed\n", (*knowledge)->cases.size(), failed);
  const Exit written = write_output(safe_text(out));
  if (written != Exit::done) {
    return written;
  }
  return failed == 0 ? Exit::done : Exit::rejected;
}

struct DocsOptions {
  KnowledgeOptions knowledge;
  std::string folder;
};

Exit docs(const DocsOptions& options) {
  const auto knowledge = load(options.knowledge, Exit::rejected);
  if (!knowledge) {
    return fail(knowledge.error());
  }
  std::error_code ignored;  // what cannot be written is told with the file
  std::filesystem::create_directories(options.folder, ignored);
  for (const auto& [name, text] : {std::pair{"rule-book.md", rule_book(**knowledge)},
                                   std::pair{"seed-trace.md", seed_trace(**knowledge)}}) {
    const std::string path = options.folder + "/" + name;
    if (const auto written = write_file(path, text); !written) {
      return fail(written.error());
    }
    say("wrote " + safe_name(path));
  }
  return Exit::done;
}

// ---- export

struct ExportOptions {
  KnowledgeOptions knowledge;
  std::string output;
};

using Files = std::vector<publish::PackageFile>;

tl::unexpected<Failure> cannot_export(const std::string& path, const std::string& why) {
  return tl::unexpected(
      Failure{Exit::outside, fmt::format("MF-4150: {}: {}", safe_name(path), why)});
}

// A new folder or an empty one: what an earlier export left would be part of this one. The manifest
// of the package comes first among the files and is written last: with it the package is whole.
tl::expected<void, Failure> write_folder(const std::filesystem::path& folder, const Files& files) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const bool is_empty = !error && std::filesystem::is_empty(folder, error);
  if (error) {
    return cannot_export(folder.string(), error.message());
  }
  if (!is_empty) {
    return tl::unexpected(
        Failure{Exit::usage, fmt::format("MF-4150: {}: is not empty", safe_name(folder.string()))});
  }
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    const auto path = folder / file->name;
    std::filesystem::create_directories(path.parent_path(), error);
    if (auto written = write_file(path.string(), file->text); !written) {
      return written;
    }
  }
  return {};
}

Exit export_package(const ExportOptions& options) {
  const auto knowledge = load_publishable(options.knowledge, Exit::rejected);
  if (!knowledge) {
    return fail(knowledge.error());
  }
  const auto definitions = publish::definitions(**knowledge);
  const auto files = publish::package_files(**knowledge, definitions);
  const bool is_stream = options.output == "-";
  const auto written = is_stream || options.output.ends_with(".tgz")
                           ? write_file(options.output, publish::package_archive(files))
                           : write_folder(options.output, files);
  if (!written) {
    return fail(written.error());
  }
  say(fmt::format("wrote {} {}, {} resources, to {}", publish::package_name(**knowledge),
                  (*knowledge)->version, definitions.size(),
                  is_stream ? "standard output" : safe_name(options.output)));
  return Exit::done;
}

void add_lint(CLI::App& knowledge, Run& run) {
  auto options = std::make_shared<KnowledgeOptions>();
  CLI::App* command = knowledge.add_subcommand(
      "lint", "Everything that is wrong with knowledge files, with file, line and column");
  add_knowledge_options(*command, *options, Sentences::none);
  command->get_option("--knowledge")->required();
  command->footer("Example:\n  myoflag knowledge lint --knowledge rules/knowledge/twitching");
  command->callback([options, &run] { run = [options] { return lint(*options); }; });
}

void add_test(CLI::App& knowledge, Run& run) {
  auto options = std::make_shared<KnowledgeOptions>();
  CLI::App* command =
      knowledge.add_subcommand("test", "Runs the worked cases; exit code 1 when one fails");
  add_knowledge_options(*command, *options, Sentences::none);
  command->footer("Example:\n  myoflag knowledge test --knowledge rules/knowledge/twitching");
  command->callback([options, &run] { run = [options] { return test(*options); }; });
}

void add_docs(CLI::App& knowledge, Run& run) {
  auto options = std::make_shared<DocsOptions>();
  CLI::App* command = knowledge.add_subcommand(
      "docs", "Writes the rule book and the trace of the source facts as Markdown");
  add_knowledge_options(*command, options->knowledge, Sentences::none);
  command->add_option("-o,--output", options->folder, "Folder to write into")->required();
  command->footer("Example:\n  myoflag knowledge docs -o docs/knowledge");
  command->callback([options, &run] { run = [options] { return docs(*options); }; });
}

void add_export(CLI::App& knowledge, Run& run) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = knowledge.add_subcommand(
      "export",
      "Writes all definitions (questions, answers, rules, proposals) as a FHIR R4 package");
  add_knowledge_options(*command, options->knowledge, Sentences::none);
  command
      ->add_option("-o,--output", options->output,
                   "NAME.tgz for a package file, - for the same on standard output, anything else "
                   "for a new or empty folder")
      ->required();
  command->footer("Example:\n  myoflag knowledge export -o twitching.tgz");
  command->callback([options, &run] { run = [options] { return export_package(*options); }; });
}

}  // namespace

void add_knowledge(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("knowledge", "The tools of knowledge authors");
  command->require_subcommand(1);
  command->footer("Example:\n  myoflag knowledge lint --knowledge rules/knowledge/twitching");
  add_lint(*command, run);
  add_test(*command, run);
  add_docs(*command, run);
  add_export(*command, run);
  add_knowledge_diff(*command, run);
}

}  // namespace myoflag::cli
