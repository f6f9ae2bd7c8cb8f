#pragma once
// Knowledge files for tests: the small complete set of tests/data/knowledge-bad/base, folders laid
// over it, and the real ones.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "rules/loader.h"
#include "rules/texts.h"

namespace myoflag::rules {

inline std::filesystem::path source_dir() { return MYOFLAG_SOURCE_DIR; }
inline std::filesystem::path bad_dir() { return source_dir() / "tests/data/knowledge-bad"; }

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream out;
  out << stream.rdbuf();
  return out.str();
}

inline void add_folder(const std::filesystem::path& folder, KnowledgeFiles& files) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.path().extension() == ".yaml") {
      files[std::filesystem::relative(entry.path(), folder).generic_string()] =
          bytes_of(entry.path());
    }
  }
}

// " {a} {b}" of "a b".
inline std::string placeholders_of(std::string_view words) {
  std::string out;
  std::istringstream stream{std::string(words)};
  for (std::string word; stream >> word;) {
    out += " {" + word + "}";
  }
  return out;
}

// All sentences that the program asks for, so that the small set need not follow their list.
inline std::string all_texts() {
  std::string out =
      "times:\n"
      "  words: [hour, day, week, month, today, tomorrow]\n"
      "  by:\n"
      "    - {hours: 24, phrases: [today, in days], targets: [today]}\n"
      "    - {hours: 168, phrases: [within a week], targets: [1 week]}\n"
      "    - {hours: 336, phrases: [within two weeks, in two weeks], targets: [2 weeks]}\n"
      "    - {hours: 672, phrases: [within weeks, in weeks], targets: [4 weeks]}\n"
      "  other: [for weeks on end]\n"
      "text:\n";
  for (const TextKey& key : text_keys()) {
    out += "  " + std::string(key.key) + ": A sentence" + placeholders_of(key.needs) + ".\n";
  }
  for (const auto* category : {"laboratory", "procedure", "referral"}) {
    out += "  explain-category-" + std::string(category) + ": A heading\n";
  }
  return out;
}

inline KnowledgeFiles small_files() {
  KnowledgeFiles files;
  add_folder(bad_dir() / "base", files);
  files["text.en.yaml"] = all_texts();
  return files;
}

inline KnowledgeFiles real_files() {
  KnowledgeFiles files;
  add_folder(source_dir() / "rules/knowledge/twitching", files);
  return files;
}

// Replaces the first occurrence; a text that is not there is an error of the test.
inline KnowledgeFiles with(KnowledgeFiles files, const std::string& file, const std::string& before,
                           const std::string& after) {
  std::string& text = files.at(file);
  const std::size_t at = text.find(before);
  if (at == std::string::npos) {
    throw std::logic_error(file + " does not hold: " + before);
  }
  text.replace(at, before.size(), after);
  return files;
}

inline std::string listing(const Problems& problems) {
  std::string out;
  for (const auto& problem : problems) {
    out += to_text(problem);
  }
  return out;
}

}  // namespace myoflag::rules
