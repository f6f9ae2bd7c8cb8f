#include <algorithm>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "plugin/knowledge/knowledge.h"
#include "plugin/safe_text.h"

namespace myoflag {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxFiles = 64;
constexpr std::size_t kMaxBytes = 4 * 1024 * 1024;

rules::Problem problem(std::string file, std::string code, std::string text) {
  rules::Problem out;
  out.file = std::move(file);
  out.code = std::move(code);
  out.text = std::move(text);
  return out;
}

bool is_knowledge(const fs::path& path) {
  return path.extension() == ".yaml" || path.extension() == ".yml";
}

// One byte more than allowed is read, so that the loader can say that the file is too large.
bool read_bytes(const fs::path& path, std::string& bytes) {
  std::ifstream stream(path, std::ios::binary);
  bytes.resize(kMaxBytes + 1);
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(stream.gcount(), 0)));
  return stream.eof() || !stream.fail();
}

void read_folder(const fs::path& folder, const std::string& prefix, rules::KnowledgeFiles& files,
                 rules::Problems& problems) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = prefix + safe_name(entry->path().filename().string());
    std::error_code ignored;
    if (!is_knowledge(entry->path()) || files.size() > kMaxFiles) {
      continue;
    }
    if (!entry->is_regular_file(ignored) || !read_bytes(entry->path(), files[name])) {
      files.erase(name);
      problems.push_back(problem(name, "MF-4091", "the file cannot be read"));
    }
  }
  if (error) {
    problems.push_back(problem(prefix.empty() ? safe_name(folder.string()) : prefix, "MF-4090",
                               fmt::format("the folder cannot be read: {}", error.message())));
  }
}

}  // namespace

tl::expected<rules::KnowledgeFiles, rules::Problems> read_knowledge_folder(const fs::path& folder) {
  rules::KnowledgeFiles files;
  rules::Problems problems;
  read_folder(folder, "", files, problems);
  for (const std::string below : {"rules", "languages"}) {
    std::error_code ignored;
    if (problems.empty() && fs::is_directory(folder / below, ignored)) {
      read_folder(folder / below, below + "/", files, problems);
    }
  }
  if (!problems.empty()) {
    rules::sort_problems(problems);
    return tl::unexpected(std::move(problems));
  }
  return files;
}

tl::expected<rules::KnowledgePtr, rules::Problems> knowledge_from_folder(const fs::path& folder) {
  auto files = read_knowledge_folder(folder);
  if (!files) {
    return tl::unexpected(std::move(files.error()));
  }
  return rules::load_knowledge(*files);
}

}  // namespace myoflag
