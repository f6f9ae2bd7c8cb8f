#include "plugin/bulk/export_state.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "fhir/json.h"
#include "plugin/safe_text.h"
#include "plugin/write_all.h"

namespace myoflag::bulk {

namespace {

using fhir::Json;

constexpr const char* name_of_state = "export.json";
constexpr std::size_t most_bytes = 64u << 20;
constexpr std::array<std::pair<FileKind, std::string_view>, 3> kinds{
    {{FileKind::output, "output"}, {FileKind::error, "error"}, {FileKind::deleted, "deleted"}}};

tl::unexpected<Failure> failed(const std::filesystem::path& file, std::string_view why) {
  return tl::unexpected(
      Failure{Exit::outside, fmt::format("MF-4121: {}: {}", safe_name(file.string()), why)});
}

Json json_of(const ExportState& state) {
  Json files = Json::array();
  for (const ListedFile& file : state.files) {
    for (const auto& [kind, name] : kinds) {
      if (kind == file.kind) {
        Json entry = Json::object(
            {{"kind", name}, {"type", file.type}, {"url", file.url}, {"name", file.name}});
        if (file.count) {
          entry.set("count", Json::Number{std::to_string(*file.count)});
        }
        files.push(std::move(entry));
      }
    }
  }
  return Json::object({{"request", state.request},
                       {"status", state.status},
                       {"transactionTime", state.transaction_time},
                       {"needsToken", state.needs_token},
                       {"isListed", state.is_listed},
                       {"isDone", state.is_done},
                       {"files", std::move(files)}});
}

bool is_true(const Json& json, std::string_view name) {
  const Json* member = json.find(name);
  const bool* value = member != nullptr ? member->as_bool() : nullptr;
  return value != nullptr && *value;
}

}  // namespace

std::optional<std::uint64_t> count_of(const Json& file) {
  const Json* member = file.find("count");
  const auto* number = member != nullptr ? member->as_number() : nullptr;
  std::uint64_t count = 0;
  if (number == nullptr) {
    return std::nullopt;
  }
  const char* end = number->text.data() + number->text.size();
  const auto read = std::from_chars(number->text.data(), end, count);
  return read.ec == std::errc() && read.ptr == end ? std::optional(count) : std::nullopt;
}

namespace {

ExportState state_of(const Json& json) {
  ExportState state{std::string(json.string_of("request")),
                    std::string(json.string_of("status")),
                    std::string(json.string_of("transactionTime")),
                    is_true(json, "needsToken"),
                    is_true(json, "isListed"),
                    is_true(json, "isDone"),
                    {}};
  for (const Json& file : json.array_of("files")) {
    for (const auto& [kind, name] : kinds) {
      if (file.string_of("kind") == name) {
        state.files.push_back({kind, std::string(file.string_of("type")),
                               std::string(file.string_of("url")),
                               std::string(file.string_of("name")), count_of(file)});
      }
    }
  }
  return state;
}

}  // namespace

tl::expected<std::optional<ExportState>, Failure> read_state(const std::filesystem::path& folder) {
  const auto path = folder / name_of_state;
  std::error_code none;
  if (!std::filesystem::exists(path, none)) {
    return std::nullopt;
  }
  std::ifstream in(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  fhir::Limits limits;
  limits.bytes = most_bytes;
  const auto json = fhir::read_json(text, limits);
  if (!in || !json || json->string_of("request").empty()) {
    return failed(path, "this is no state of an export");
  }
  return state_of(*json);
}

tl::expected<void, Failure> write_state(const std::filesystem::path& folder,
                                        const ExportState& state) {
  const auto path = folder / name_of_state;
  if (!replace_file(path, fhir::write_json(json_of(state), fhir::JsonStyle::pretty), 0600)) {
    return failed(path, std::strerror(errno));
  }
  return {};
}

}  // namespace myoflag::bulk
