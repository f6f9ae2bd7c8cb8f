#include "plugin/delivery/file_rung.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <string_view>
#include <unistd.h>

#include <fmt/format.h>

#include "plugin/delivery/plan.h"
#include "plugin/write_all.h"

namespace myoflag::delivery {

namespace {

namespace fs = std::filesystem;
using fhir::Json;

tl::unexpected<Failure> unwritten(const fs::path& path, int why) {
  return tl::unexpected(
      Failure{Exit::outside, fmt::format("MF-3159: {}: {}", path.string(), std::strerror(why))});
}

bool is_synced(const fs::path& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC);
  const bool done = file >= 0 && ::fsync(file) == 0;
  if (file >= 0) {
    ::close(file);
  }
  return done;
}

tl::expected<void, Failure> write_whole(const fs::path& path, std::string_view text) {
  const fs::path part = path.string() + ".part";
  const int file = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) {
    return unwritten(part, errno);
  }
  const bool is_written = write_all(file, text) && ::fsync(file) == 0;
  const int why = errno;
  ::close(file);
  if (!is_written) {
    return unwritten(part, why);
  }
  if (::rename(part.c_str(), path.c_str()) != 0 ||
      !is_synced(path.parent_path(), O_RDONLY | O_DIRECTORY)) {
    return unwritten(path, errno);
  }
  return {};
}

std::string lines_of(const Json& bundle) {
  constexpr std::string_view kUrn = "urn:uuid:";
  Names names;
  for (const Json& entry : bundle.array_of("entry")) {
    const std::string urn(entry.string_of("fullUrl"));
    const Json* resource = entry.find("resource");
    if (resource != nullptr && urn.starts_with(kUrn)) {
      names.ids[urn] =
          fmt::format("{}/{}", resource->string_of("resourceType"), urn.substr(kUrn.size()));
    }
  }
  std::string out;
  for (const Json& entry : bundle.array_of("entry")) {
    const auto named = names.ids.find(entry.string_of("fullUrl"));
    if (named == names.ids.end()) {
      continue;
    }
    Json resource = *entry.find("resource");
    resource.set("id", named->second.substr(named->second.find('/') + 1));
    rename(resource, names);
    out += fhir::write_json(resource) + '\n';
  }
  return out;
}

}  // namespace

tl::expected<void, Failure> write_files(const std::string& folder, const std::string& name,
                                        const Json& bundle) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    return unwritten(folder, error.value());
  }
  const fs::path base = fs::path(folder) / name;
  return write_whole(base.string() + ".ndjson", lines_of(bundle)).and_then([&] {
    return write_whole(base.string() + ".bundle.json", fhir::write_json(bundle));
  });
}

}  // namespace myoflag::delivery
