#include "plugin/cli/options.h"

#include <chrono>
#include <map>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "fhir/datetime.h"
#include "plugin/knowledge/knowledge.h"
#include "rules/languages.h"

namespace myoflag::cli {

void add_input(CLI::App& command, InputOptions& options) {
  command.add_option("FILE", options.file, "File to read, - for standard input")
      ->capture_default_str();
  command.add_option("--max-bytes", options.max_bytes, "Larger inputs are refused")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 30U))
      ->capture_default_str();
}

void add_knowledge_options(CLI::App& command, KnowledgeOptions& options, Sentences sentences) {
  command.add_option("--knowledge", options.folder,
                     "Folder with knowledge files, instead of the knowledge inside the program");
  if (sentences == Sentences::none) {
    return;
  }
  auto* language = command.add_option("--lang", options.language, "Language of the sentences");
  if (sentences == Sentences::english) {
    language->check(CLI::IsMember({"en"}));
  }
}

tl::expected<const rules::Language*, Failure> find_language(const rules::Knowledge& knowledge,
                                                            const std::string& tag) {
  const rules::Language* language = rules::language_of(knowledge, tag);
  if (language != nullptr || tag.empty() || tag == "en") {
    return language;
  }
  std::string known = "en";
  for (const rules::Language& one : knowledge.languages) {
    known += ", " + one.tag;
  }
  return tl::unexpected(Failure{
      Exit::usage, fmt::format("MF-4010: --lang: what patients read is there only in: {}", known)});
}

namespace {

tl::unexpected<Failure> cannot_be_used(const rules::Problems& problems, Exit exit) {
  std::string text = "MF-4007: the knowledge cannot be used";
  for (const rules::Problem& problem : problems) {
    text += '\n' + rules::to_text(problem);
  }
  return tl::unexpected(Failure{exit, std::move(text)});
}

}  // namespace

tl::expected<rules::KnowledgePtr, Failure> load(const KnowledgeOptions& options, Exit when_wrong) {
  if (options.folder.empty()) {
    return embedded_knowledge();
  }
  const auto files = read_knowledge_folder(options.folder);
  if (!files) {
    return cannot_be_used(files.error(), Exit::usage);
  }
  auto knowledge = rules::load_knowledge(*files);
  if (!knowledge) {
    return cannot_be_used(knowledge.error(), when_wrong);
  }
  return std::move(*knowledge);
}

void add_clock(CLI::App& command, ClockOptions& options) {
  command.add_option("--now", options.now,
                     "The time of the evaluation, for example 2026-11-22T09:00:00Z; default: now");
}

tl::expected<rules::Instant, Failure> instant(const ClockOptions& options) {
  if (options.now.empty()) {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  }
  const auto parsed = fhir::parse_instant(options.now);
  const auto moment = parsed ? fhir::to_sys_seconds(*parsed) : std::nullopt;
  if (!moment) {
    return tl::unexpected(
        Failure{Exit::usage, fmt::format("MF-4006: --now {}: not an instant such as "
                                         "2026-11-22T09:00:00Z",
                                         options.now)});
  }
  return *moment;
}

void add_case(CLI::App& command, CaseOptions& options, Sentences sentences) {
  add_input(command, options.input);
  add_knowledge_options(command, options.knowledge, sentences);
  add_clock(command, options.clock);
}

tl::expected<OpenCase, Failure> open_case(const CaseOptions& options) {
  AssessOptions how;
  how.limits = limits_for(options.input);
  const auto now = instant(options.clock);
  if (!now) {
    return tl::unexpected(now.error());
  }
  how.now = *now;
  auto knowledge = load(options.knowledge);
  if (!knowledge) {
    return tl::unexpected(std::move(knowledge.error()));
  }
  auto bytes = read_input(options.input.file, options.input.max_bytes);
  if (!bytes) {
    return tl::unexpected(std::move(bytes.error()));
  }
  return OpenCase{Assessor(std::move(*knowledge)), std::move(*bytes), how};
}

void add_colour(CLI::App& command, Colour& colour) {
  const std::map<std::string, Colour> names{
      {"auto", Colour::automatic}, {"always", Colour::always}, {"never", Colour::never}};
  command
      .add_option("--color", colour,
                  "auto: only on a terminal, and not with NO_COLOR; always; never")
      ->transform(CLI::Transformer(names))
      ->option_text("auto|always|never");
}

fhir::Limits limits_for(const InputOptions& options) {
  fhir::Limits limits;
  const std::size_t times = options.max_bytes / limits.bytes;
  limits.nodes *= std::max<std::size_t>(times, 1);
  limits.bytes = options.max_bytes;
  limits.string_bytes = options.max_bytes;
  return limits;
}

}  // namespace myoflag::cli
