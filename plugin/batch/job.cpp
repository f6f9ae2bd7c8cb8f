#include "plugin/batch/job.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "plugin/batch/own_json.h"
#include "plugin/store/sqlite.h"

namespace myoflag::batch {
namespace {

using fhir::Json;
using store::Row;
using store::Statement;

constexpr const char* kSchema =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8192;"
    "CREATE TABLE IF NOT EXISTS job(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS seen(name BLOB PRIMARY KEY, file INTEGER NOT NULL,"
    " line INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;";

std::string to_text(const Checkpoint& checkpoint) {
  Json files = Json::array();
  for (const auto& file : checkpoint.files) {
    files.push(Json::object({{"bytes", number(file.bytes)}, {"lines", number(file.lines)}}));
  }
  return fhir::write_json(Json::object({{"file", number(checkpoint.next.file)},
                                        {"line", number(checkpoint.next.line)},
                                        {"offset", number(checkpoint.next.offset)},
                                        {"files", std::move(files)},
                                        {"summary", to_json(checkpoint.summary)}}));
}

std::optional<Checkpoint> checkpoint_of(const std::string& text) {
  const auto json = read_own(text);
  const auto* summary = json ? json->find("summary") : nullptr;
  auto counted = summary == nullptr ? std::nullopt : summary_of(*summary);
  if (!counted) {
    return std::nullopt;
  }
  const auto file = number_of(*json, "file");
  const auto line = number_of(*json, "line");
  const auto offset = number_of(*json, "offset");
  if (!file || !line || !offset) {
    return std::nullopt;
  }
  Checkpoint out;
  out.next = {*file, *line, *offset};
  for (const auto& state : json->array_of("files")) {
    const auto bytes = number_of(state, "bytes");
    const auto lines = number_of(state, "lines");
    if (!bytes || !lines) {
      return std::nullopt;
    }
    out.files.push_back({*bytes, *lines});
  }
  out.summary = std::move(*counted);
  return out;
}

}  // namespace

struct Job::State {
  store::Database db;
  std::optional<Statement> insert, find;

  Failure failure() const {
    return {Exit::outside,
            fmt::format("MF-4107: the state of the batch cannot be kept: {}", db.error())};
  }

  tl::expected<void, Failure> run(const char* sql) {
    if (!db.run(sql)) {
      return tl::unexpected(failure());
    }
    return {};
  }

  tl::expected<std::optional<std::string>, Failure> value(std::string_view key) {
    Statement statement(db, "SELECT value FROM job WHERE key=?", key);
    const Row row = statement.step();
    if (row == Row::error) {
      return tl::unexpected(failure());
    }
    return row == Row::here ? std::optional(statement.text(0)) : std::nullopt;
  }

  tl::expected<void, Failure> keep(std::string_view key, const std::string& text) {
    Statement statement(db,
                        "INSERT INTO job(key,value) VALUES(?,?) ON CONFLICT(key) DO UPDATE SET "
                        "value=excluded.value",
                        key, text);
    if (!statement.done()) {
      return tl::unexpected(failure());
    }
    return {};
  }
};

Job::Job(std::unique_ptr<State> state) : state_(std::move(state)) {}
Job::~Job() = default;
Job::Job(Job&&) noexcept = default;

tl::expected<Job, Failure> Job::open(const std::string& path) {
  auto state = std::make_unique<State>();
  if (!state->db.open(path)) {
    return tl::unexpected(state->failure());
  }
  if (auto ready = state->run(kSchema); !ready) {
    return tl::unexpected(std::move(ready.error()));
  }
  state->insert.emplace(
      state->db, "INSERT INTO seen(name,file,line,at) VALUES(?,?,?,?) ON CONFLICT DO NOTHING");
  state->find.emplace(state->db, "SELECT file,line,at FROM seen WHERE name=?");
  if (auto begun = state->run("BEGIN IMMEDIATE"); !begun) {
    return tl::unexpected(std::move(begun.error()));
  }
  return Job(std::move(state));
}

tl::expected<std::optional<std::string>, Failure> Job::description() {
  return state_->value("description");
}

tl::expected<void, Failure> Job::describe(const std::string& description) {
  return state_->keep("description", description).and_then([this] {
    return state_->run("COMMIT; BEGIN IMMEDIATE");
  });
}

tl::expected<std::optional<Checkpoint>, Failure> Job::last() {
  auto text = state_->value("checkpoint");
  if (!text) {
    return tl::unexpected(std::move(text.error()));
  }
  if (!*text) {
    return std::nullopt;
  }
  auto checkpoint = checkpoint_of(**text);
  if (!checkpoint) {
    return tl::unexpected(
        Failure{Exit::outside, "MF-4107: the state of the batch in this folder is damaged"});
  }
  return checkpoint;
}

tl::expected<void, Failure> Job::save(const Checkpoint& checkpoint) {
  return state_->keep("checkpoint", to_text(checkpoint)).and_then([this] {
    return state_->run("COMMIT; BEGIN IMMEDIATE");
  });
}

tl::expected<std::optional<Place>, Failure> Job::seen(const fhir::Uuid& name, const Place& here) {
  const std::string_view bytes(reinterpret_cast<const char*>(name.bytes.data()), name.bytes.size());
  Statement& insert = *state_->insert;
  insert.reset();
  insert.bind_blob(1, bytes).bind(2, std::uint64_t{here.file});
  insert.bind(3, here.line).bind(4, here.offset);
  if (!insert.done()) {
    return tl::unexpected(state_->failure());
  }
  if (state_->db.changes() == 1) {
    return std::nullopt;
  }
  Statement& find = *state_->find;
  find.reset();
  if (find.bind_blob(1, bytes).step() != Row::here) {
    return tl::unexpected(state_->failure());
  }
  const Place first{static_cast<std::size_t>(find.number(0)), find.number(1), find.number(2)};
  find.reset();
  return first;
}

}  // namespace myoflag::batch
