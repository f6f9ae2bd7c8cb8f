#include "plugin/bulk/export.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <optional>
#include <string_view>
#include <sys/file.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "fhir/client/verdict.h"
#include "plugin/bulk/export_state.h"
#include "plugin/ehr/ehr_options.h"
#include "plugin/safe_text.h"

namespace myoflag::bulk {

namespace {

using fhir::Json;
using fhir::client::Authority;
using fhir::client::Method;
using fhir::client::Next;
using fhir::client::Request;
using fhir::client::Response;
using fhir::client::Transport;
using fhir::client::TransportFailure;
using fhir::client::World;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds answer_deadline{30'000};
constexpr milliseconds file_deadline = std::chrono::hours(12);
constexpr std::size_t most_answer_bytes = 64u << 20;  // a manifest of many files
constexpr int most_tries = 8;                         // of one step, where that may help
constexpr std::size_t most_manifest_pages = 1000;
constexpr seconds least_poll{1};
constexpr std::size_t longest_progress = 100;
constexpr std::size_t longest_type = 64;

template <typename T>
using Result = tl::expected<T, Failure>;
using Answer = tl::expected<Response, TransportFailure>;

tl::unexpected<Failure> failed(std::string text) {
  return tl::unexpected(Failure{Exit::outside, std::move(text)});
}

Json json_of(const std::string& body) {
  fhir::Limits limits;
  limits.bytes = most_answer_bytes;
  auto json = fhir::read_json(body, limits);
  return json && json->is_object() ? std::move(*json) : Json();
}

// The token goes to the endpoint's own origin only.
bool is_own(const std::string& url, const std::string& base) {
  return fhir::client::origin_of(url) == fhir::client::origin_of(base);
}

std::string without_slash(std::string base) {
  while (base.ends_with('/')) {
    base.pop_back();
  }
  return base;
}

std::string kick_off_url(const ExportOptions& options) {
  fhir::client::Parameters parameters{{"_outputFormat", "application/fhir+ndjson"}};
  std::string types;
  for (const std::string& type : options.types) {
    types += (types.empty() ? "" : ",") + type;
  }
  if (!types.empty()) {
    parameters.emplace_back("_type", types);
  }
  return fmt::format("{}/{}{}$export?{}", without_slash(options.base), options.group,
                     options.group.empty() ? "" : "/", fhir::client::query_of(parameters));
}

// What a server says of its progress, as far as a terminal takes it.
std::string readable(std::string_view text) {
  std::string out(text.substr(0, longest_progress));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

bool is_type(std::string_view type) {
  return !type.empty() && type.size() <= longest_type &&
         std::all_of(type.begin(), type.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
}

bool sync_file(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool is_synced = file >= 0 && ::fsync(file) == 0;
  if (file >= 0) {
    ::close(file);
  }
  return is_synced;
}

// Lines with something in them.
std::uint64_t lines_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::uint64_t lines = 0;
  bool is_blank = true;
  std::array<char, 1u << 16> piece{};
  while (in.read(piece.data(), piece.size()), in.gcount() > 0) {
    for (const char c : std::string_view(piece.data(), static_cast<std::size_t>(in.gcount()))) {
      if (c == '\n') {
        is_blank = true;
      } else if (is_blank && c != ' ' && c != '\t' && c != '\r') {
        is_blank = false;
        ++lines;
      }
    }
  }
  return lines;
}

class Export {
 public:
  Export(Transport& transport, Authority* authority, const ExportOptions& options,
         const World& world, const Tell& tell, const std::atomic<bool>& stop)
      : transport_(transport),
        authority_(authority),
        options_(options),
        world_(world),
        tell_(tell),
        stop_(stop) {}
  ~Export() {
    if (lock_ >= 0) {
      ::close(lock_);
    }
  }
  Export(const Export&) = delete;
  Export& operator=(const Export&) = delete;

  Result<Exported> run() {
    return prepare()
        .and_then([&] { return state_.status.empty() && !state_.is_done ? kick_off() : Done{}; })
        .and_then([&] { return state_.is_listed ? Done{} : wait_for_manifest(); })
        .and_then([&] { return state_.is_done ? Done{} : fetch_all(); })
        .and_then([&] { return state_.is_done ? Done{} : finish(); })
        .and_then([&] { return exported(); });
  }

 private:
  using Done = Result<void>;

  Done prepare() {
    std::error_code error;
    std::filesystem::create_directories(options_.folder, error);
    if (error) {
      return failed(
          fmt::format("MF-4121: {}: {}", safe_name(options_.folder.string()), error.message()));
    }
    lock_ = ::open(options_.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock_ < 0 || ::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
      return failed(fmt::format("MF-4121: {} is used by another export",
                                safe_name(options_.folder.string())));
    }
    auto state = read_state(options_.folder);
    if (!state) {
      return tl::unexpected(state.error());
    }
    state_.request = kick_off_url(options_);
    if (*state && (*state)->request != state_.request) {
      return tl::unexpected(Failure{Exit::usage, fmt::format("MF-4122: {} holds another export",
                                                             safe_name(options_.folder.string()))});
    }
    if (*state && (*state)->is_done && !options_.reuse) {
      return tl::unexpected(
          Failure{Exit::usage,
                  fmt::format("MF-4122: {} holds an export that ended, as of {}; --resume goes on "
                              "with its batch, another folder takes a new one",
                              safe_name(options_.folder.string()), (*state)->transaction_time)});
    }
    if (*state) {
      state_ = std::move(**state);
    }
    return {};
  }

  Done kick_off() {
    const auto answer =
        persistently({Method::get,
                      state_.request,
                      {{"Accept", "application/fhir+json"}, {"Prefer", "respond-async"}},
                      {},
                      answer_deadline,
                      most_answer_bytes},
                     false);
    if (!answer) {
      return tl::unexpected(answer.error());
    }
    state_.status = fhir::client::value_of(answer->headers, "Content-Location");
    if (answer->status != 202 || !is_allowed(state_.status)) {
      return failed(
          fmt::format("MF-4123: the server answered {} and does not say where to ask for the "
                      "export",
                      answer->status));
    }
    tell_("the server has begun to export");
    return write_state(options_.folder, state_);
  }

  Done wait_for_manifest() {
    const auto until = world_.now() + options_.most_waiting;
    for (int polls = 1; world_.now() < until; ++polls) {
      const auto answer = persistently({Method::get,
                                        state_.status,
                                        {{"Accept", "application/json"}},
                                        {},
                                        answer_deadline,
                                        most_answer_bytes},
                                       true);
      if (!answer) {
        return tl::unexpected(answer.error());
      }
      if (answer->status == 200) {
        return take_manifest(json_of(answer->body));
      }
      if (answer->status != 202) {
        return failed(fmt::format("MF-4124: the server answered {} instead of the list of files",
                                  answer->status));
      }
      const auto progress = fhir::client::value_of(answer->headers, "X-Progress");
      tell_(progress.empty() ? "the server is exporting"
                             : fmt::format("the server is exporting: {}", readable(progress)));
      const auto asked = fhir::client::retry_after(
          fhir::client::value_of(answer->headers, "Retry-After"), world_.now());
      const milliseconds own = std::max<milliseconds>(
          least_poll, std::min<milliseconds>(fhir::client::back_off(polls, 1), seconds(60)));
      if (!pause(asked ? std::max<milliseconds>(*asked, least_poll) : own)) {
        return stopped();
      }
    }
    return failed("MF-4124: the server did not end the export in time");
  }

  Done take_manifest(Json page) {
    state_.transaction_time = page.string_of("transactionTime");
    const Json* token = page.find("requiresAccessToken");
    const bool* needs = token != nullptr ? token->as_bool() : nullptr;
    state_.needs_token = needs == nullptr || *needs;
    for (std::size_t pages = 1;; ++pages) {
      if (auto listed = take_page(page); !listed) {
        return listed;
      }
      const std::string next = next_page(page);
      if (next.empty()) {
        break;
      }
      if (pages >= most_manifest_pages) {
        return not_a_manifest("its pages have no end");
      }
      if (!is_allowed(next)) {
        return not_a_manifest("a page has no https address");
      }
      const auto answer = persistently({Method::get,
                                        next,
                                        {{"Accept", "application/json"}},
                                        {},
                                        answer_deadline,
                                        most_answer_bytes},
                                       true);
      if (!answer) {
        return tl::unexpected(answer.error());
      }
      page = answer->status == 200 ? json_of(answer->body) : Json();
    }
    state_.is_listed = true;
    return write_state(options_.folder, state_);
  }

  static std::string next_page(const Json& page) {
    for (const Json& link : page.array_of("link")) {
      if (link.string_of("relation") == "next") {
        return std::string(link.string_of("url"));
      }
    }
    return {};
  }

  // What a server names on this machine is for a server on this machine only.
  bool is_allowed(const std::string& url) const {
    return fhir::client::may_be_called(url) &&
           (fhir::client::origin_of(url).starts_with("https:") || is_own(url, options_.base));
  }

  static Done not_a_manifest(std::string_view why) {
    return failed(fmt::format("MF-4125: the server's list of files cannot be used: {}", why));
  }

  Done take_page(const Json& page) {
    constexpr std::array<std::pair<FileKind, std::string_view>, 3> kinds{
        {{FileKind::output, "output"}, {FileKind::error, "error"}, {FileKind::deleted, "deleted"}}};
    if (page.find("output") == nullptr || page.find("output")->as_array() == nullptr) {
      return not_a_manifest("it has no output");
    }
    for (const auto& [kind, name] : kinds) {
      if (page.has(name) && page.find(name)->as_array() == nullptr) {
        return not_a_manifest(fmt::format("{} is no list", name));
      }
      for (const Json& file : page.array_of(name)) {
        const std::string_view type = file.string_of("type");
        const std::string url(file.string_of("url"));
        if (!is_type(type) || !is_allowed(url)) {
          return not_a_manifest("a file has no type, or no https address");
        }
        if (state_.files.size() >= options_.most_files) {
          return not_a_manifest("it has more files than allowed");
        }
        // What it could not export is read with the rest: beside it nobody is reassured.
        const std::string_view place =
            kind == FileKind::deleted ? kOtherFiles : ehr::kExportedFiles;
        state_.files.push_back(
            {kind, std::string(type), url,
             fmt::format("{}/{:05}.{}.ndjson", place, state_.files.size() + 1, type),
             count_of(file)});
      }
    }
    return {};
  }

  Done fetch_all() {
    std::error_code error;
    std::filesystem::create_directories(options_.folder / ehr::kExportedFiles, error);
    std::filesystem::create_directories(options_.folder / kOtherFiles, error);
    for (std::size_t i = 0; i < state_.files.size(); ++i) {
      if (stop_) {
        return stopped();
      }
      const ListedFile& file = state_.files[i];
      if (std::filesystem::exists(options_.folder / file.name, error)) {
        continue;
      }
      tell_(fmt::format("{}, file {} of {}", file.type, i + 1, state_.files.size()));
      if (auto fetched = fetch(file); !fetched) {
        return fetched;
      }
    }
    return {};
  }

  Done fetch(const ListedFile& file) {
    const auto path = options_.folder / file.name;
    const auto part = path.string() + ".part";
    const Request request{Method::get, file.url,      {{"Accept", "application/fhir+ndjson"}},
                          {},          file_deadline, options_.most_bytes};
    for (int tries = 1;; ++tries) {
      const bool with_token = state_.needs_token && is_own(file.url, options_.base);
      const Answer answer = ask(request, with_token, [&](const Request& prepared) {
        return transport_.download(prepared, part);
      });
      const Next next = answer ? fhir::client::next_of(answer->status, {}, true)
                               : fhir::client::next_of(answer.error(), true);
      if (answer && answer->status == 200) {
        break;
      }
      if (stop_) {
        return stopped();
      }
      if (next != Next::retry || tries >= most_tries) {
        std::error_code ignored;
        std::filesystem::remove(part, ignored);
        return failed(answer
                          ? fmt::format("MF-4126: the server answered {} instead of a file of {}",
                                        answer->status, file.type)
                          : fmt::format("{}: a file of {}: {}", answer.error().code, file.type,
                                        answer.error().text));
      }
      if (!pause(fhir::client::back_off(tries, world_.chance()))) {
        return stopped();
      }
    }
    if (file.count && *file.count != lines_of(part)) {
      return failed(
          fmt::format("MF-4126: a file of {} has not as many lines as the server says", file.type));
    }
    if (!sync_file(part) || ::rename(part.c_str(), path.c_str()) != 0) {
      return failed(fmt::format("MF-4121: {}: {}", safe_name(path.string()), std::strerror(errno)));
    }
    return {};
  }

  // The server may forget the job. It is told once; what it says then changes nothing for us.
  Done finish() {
    const Answer answer =
        ask({Method::remove, state_.status, {}, {}, answer_deadline, most_answer_bytes},
            is_own(state_.status, options_.base),
            [&](const Request& request) { return transport_.send(request); });
    if (!answer || answer->status >= 400) {
      remarks_.push_back("The server did not take that the export may be deleted there.");
    }
    state_.status.clear();
    for (ListedFile& file : state_.files) {
      file.url.clear();
    }
    state_.is_done = true;
    return write_state(options_.folder, state_);
  }

  Result<Exported> exported() const {
    Exported out{state_.transaction_time, {}, {}, {}, remarks_};
    for (const ListedFile& file : state_.files) {
      std::error_code error;
      const auto path = options_.folder / file.name;
      const auto bytes = std::filesystem::file_size(path, error);
      if (error) {
        return failed(fmt::format("MF-4121: {}: {}", safe_name(path.string()), error.message()));
      }
      auto& list = file.kind == FileKind::output  ? out.output
                   : file.kind == FileKind::error ? out.error
                                                  : out.deleted;
      list.push_back({file.type, path, bytes});
    }
    return out;
  }

  // Until there is an answer that asking again would not change, or too often.
  Result<Response> persistently(const Request& request, bool repeatable) {
    for (int tries = 1;; ++tries) {
      const Answer answer = ask(request, is_own(request.url, options_.base),
                                [&](const Request& prepared) { return transport_.send(prepared); });
      const Next next =
          answer ? fhir::client::next_of(answer->status, json_of(answer->body), repeatable)
                 : fhir::client::next_of(answer.error(), repeatable);
      if (next != Next::retry || tries >= most_tries) {
        if (!answer) {
          return failed(fmt::format("{}: {}", answer.error().code, answer.error().text));
        }
        return *answer;
      }
      const auto asked =
          answer ? fhir::client::retry_after(fhir::client::value_of(answer->headers, "Retry-After"),
                                             world_.now())
                 : std::nullopt;
      const milliseconds least = asked.value_or(seconds(0));
      if (!pause(std::max(least, fhir::client::back_off(tries, world_.chance())))) {
        return failed("MF-4120: stopped");
      }
    }
  }

  // With the token where it may go, and once more with a new one where it was refused.
  template <typename Send>
  Answer ask(Request request, bool with_token, Send&& send) {
    if (authority_ == nullptr || !with_token) {
      return send(request);
    }
    const auto headers = request.headers;
    for (const bool anew : {false, true}) {
      const auto header = authority_->header(anew);
      if (!header) {
        return tl::unexpected(header.error());
      }
      request.headers = headers;
      request.headers.push_back({"Authorization", *header});
      Answer answer = send(request);
      if (anew || !answer || answer->status != 401) {
        return answer;
      }
    }
    return tl::unexpected(TransportFailure{});
  }

  // False when asked to stop meanwhile.
  bool pause(milliseconds time) {
    constexpr milliseconds step{200};
    for (; time.count() > 0 && !stop_; time -= step) {
      world_.wait(std::min(time, step));
    }
    return !stop_;
  }

  static Done stopped() { return failed("MF-4120: stopped; the same command goes on from here"); }

  Transport& transport_;
  Authority* authority_;
  const ExportOptions& options_;
  const World& world_;
  const Tell& tell_;
  const std::atomic<bool>& stop_;
  ExportState state_;
  std::vector<std::string> remarks_;
  int lock_ = -1;  // on the folder
};

}  // namespace

tl::expected<Exported, Failure> fetch_export(Transport& transport, Authority* authority,
                                             const ExportOptions& options, const World& world,
                                             const Tell& tell, const std::atomic<bool>& stop) {
  return Export(transport, authority, options, world, tell, stop).run();
}

}  // namespace myoflag::bulk
