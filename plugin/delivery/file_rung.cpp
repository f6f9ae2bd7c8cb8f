#include "plugin/delivery/file_rung.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include <fmt/format.h>

#include "plugin/delivery/plan.h"
#include "plugin/safe_text.h"
#include "plugin/write_all.h"

namespace myoflag::delivery {

namespace {

namespace fs = std::filesystem;
using fhir::Json;

tl::unexpected<Failure> unwritten(const fs::path& path, int why) {
  return tl::unexpected(Failure{
      Exit::outside, fmt::format("MF-3159: {}: {}", safe_name(path.string()), std::strerror(why))});
}

tl::expected<void, Failure> write_whole(const std::string& path, std::string_view text) {
  return replace_file(path, text, 0600) ? tl::expected<void, Failure>() : unwritten(path, errno);
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
