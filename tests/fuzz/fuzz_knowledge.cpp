// The knowledge loader: any bytes give knowledge or located problems; what is accepted survives its
// snapshot. An input holds all files of a folder, each after a line `=== name`; bytes before the
// first such line are read as a criterion.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "rules/criterion.h"
#include "rules/loader.h"
#include "rules/snapshot.h"
#include "tests/fuzz/require.h"

namespace {

using myoflag::fuzz::require;
using namespace myoflag::rules;

constexpr std::string_view kMark = "=== ";

KnowledgeFiles files_of(std::string_view text) {
  KnowledgeFiles files;
  std::string* current = nullptr;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end);
    if (line.starts_with(kMark) && line.ends_with('\n')) {
      current = &files[std::string(line.substr(kMark.size(), line.size() - kMark.size() - 1))];
    } else if (current != nullptr) {
      *current += line;
    }
  }
  return files;
}

void check_criterion(std::string_view text) {
  const OptionSets sets{{"FUNC", {"weakness", {"arm", "leg"}}}};
  const auto criterion = read_criterion(text, sets, "medicines", "conditions");
  require(criterion || criterion.error().offset <= text.size(), "an error is inside the text");
  require(criterion || !criterion.error().text.empty(), "an error has a sentence");
}

void check_problem(const Problem& problem, const KnowledgeFiles& files) {
  require(problem.code.starts_with("MF-20") || problem.code.starts_with("MF-22"),
          "problems have the loader's codes");
  require(!problem.text.empty(), "a problem has a sentence");
  require((problem.line == 0) == (problem.column == 0), "a place has line and column");
  if (problem.line != 0) {
    const auto file = files.find(problem.file);
    require(file != files.end(), "a problem names one of the files");
    const auto lines = std::count(file->second.begin(), file->second.end(), '\n');
    require(problem.line <= static_cast<std::size_t>(lines) + 1, "the line is in the file");
  }
  require(to_text(problem).find(problem.code) != std::string::npos, "a problem can be shown");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = myoflag::fuzz::as_text(data, size);
  check_criterion(text.substr(0, text.find(kMark)));
  const KnowledgeFiles files = files_of(text);
  const auto loaded = load_knowledge(files);
  if (!loaded) {
    require(!loaded.error().empty(), "what is refused has a problem");
    for (const Problem& problem : loaded.error()) {
      check_problem(problem, files);
    }
    require(load_knowledge(files).error() == loaded.error(), "the listing is deterministic");
    return 0;
  }
  const std::string bytes = write_snapshot(**loaded);
  const auto again = read_snapshot(bytes);
  require(again.has_value(), "a snapshot reads back");
  require(write_snapshot(**again) == bytes, "and is the same");
  (void)read_snapshot(text);
  return 0;
}
