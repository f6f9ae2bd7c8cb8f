#include "plugin/cli/sidecar_setup.h"

#include <filesystem>
#include <utility>

namespace myoflag::cli {
namespace {

constexpr std::size_t most_bytes = 1u << 20;  // of the configuration, and of a key set

}  // namespace

Failure failure_of(const rules::Problems& problems) {
  std::string text = "MF-4250: the configuration cannot be used";
  for (const auto& problem : problems) {
    auto lines = rules::to_text(problem);
    while (lines.ends_with('\n')) {
      lines.pop_back();
    }
    text += '\n' + lines;
  }
  return {Exit::usage, std::move(text)};
}

tl::expected<config::Loaded, Failure> open_config(const std::string& file) {
  tl::expected<std::string, Failure> bytes;
  if (!file.empty()) {
    bytes = read_input(file, most_bytes);
  }
  if (!bytes) {
    return tl::unexpected(std::move(bytes.error()));
  }
  return config::read_config(file, *std::move(bytes)).map_error(failure_of);
}

sidecar::Setup setup_of(config::Loaded loaded, const std::string& file) {
  // Never empty: a file called "-" is a file there.
  const auto folder = std::filesystem::path(file).parent_path();
  return {std::move(loaded), folder.empty() ? "." : folder.string(),
          [](const std::string& path) { return read_input(path, most_bytes); }};
}

std::string feedback_file(const std::string& folder) {
  return (std::filesystem::path(folder) / "feedback.sqlite").string();
}

tl::expected<sidecar::Setup, Failure> open_setup(const std::string& file) {
  return open_config(file).map(
      [&](config::Loaded&& loaded) { return setup_of(std::move(loaded), file); });
}

}  // namespace myoflag::cli
