#include "plugin/batch/job.h"

#include <sqlite3.h>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "plugin/batch/own_json.h"

namespace myoflag::batch {
namespace {

using fhir::Json;

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
  sqlite3* db = nullptr;
  sqlite3_stmt* insert = nullptr;
  sqlite3_stmt* find = nullptr;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    ::sqlite3_finalize(insert);
    ::sqlite3_finalize(find);
    ::sqlite3_close(db);
  }

  Failure failure() const {
    return {Exit::outside, fmt::format("MF-4107: the state of the batch cannot be kept: {}",
                                       db == nullptr ? "out of memory" : ::sqlite3_errmsg(db))};
  }

  tl::expected<void, Failure> run(const char* sql) {
    if (::sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
      return tl::unexpected(failure());
    }
    return {};
  }

  bool prepare(const char* sql, sqlite3_stmt** statement) {
    return ::sqlite3_prepare_v2(db, sql, -1, statement, nullptr) == SQLITE_OK;
  }

  tl::expected<std::optional<std::string>, Failure> value(std::string_view key) {
    sqlite3_stmt* statement = nullptr;
    if (!prepare("SELECT value FROM job WHERE key=?", &statement)) {
      return tl::unexpected(failure());
    }
    ::sqlite3_bind_text(statement, 1, key.data(), static_cast<int>(key.size()), SQLITE_TRANSIENT);
    const int status = ::sqlite3_step(statement);
    std::optional<std::string> found;
    if (status == SQLITE_ROW) {
      found = reinterpret_cast<const char*>(::sqlite3_column_text(statement, 0));
    }
    ::sqlite3_finalize(statement);
    if (status != SQLITE_ROW && status != SQLITE_DONE) {
      return tl::unexpected(failure());
    }
    return found;
  }

  tl::expected<void, Failure> keep(std::string_view key, const std::string& text) {
    sqlite3_stmt* statement = nullptr;
    if (!prepare("INSERT INTO job(key,value) VALUES(?,?) ON CONFLICT(key) DO UPDATE SET "
                 "value=excluded.value",
                 &statement)) {
      return tl::unexpected(failure());
    }
    ::sqlite3_bind_text(statement, 1, key.data(), static_cast<int>(key.size()), SQLITE_TRANSIENT);
    ::sqlite3_bind_text(statement, 2, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    const int status = ::sqlite3_step(statement);
    ::sqlite3_finalize(statement);
    if (status != SQLITE_DONE) {
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
  if (::sqlite3_open(path.c_str(), &state->db) != SQLITE_OK) {
    return tl::unexpected(state->failure());
  }
  if (auto ready = state->run(kSchema); !ready) {
    return tl::unexpected(std::move(ready.error()));
  }
  const bool prepared =
      state->prepare("INSERT INTO seen(name,file,line,at) VALUES(?,?,?,?) ON CONFLICT DO NOTHING",
                     &state->insert) &&
      state->prepare("SELECT file,line,at FROM seen WHERE name=?", &state->find);
  if (!prepared) {
    return tl::unexpected(state->failure());
  }
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
  auto* insert = state_->insert;
  const auto bind_name = [&name](sqlite3_stmt* statement) {
    ::sqlite3_reset(statement);
    ::sqlite3_bind_blob(statement, 1, name.bytes.data(), static_cast<int>(name.bytes.size()),
                        SQLITE_STATIC);
  };
  bind_name(insert);
  ::sqlite3_bind_int64(insert, 2, static_cast<sqlite3_int64>(here.file));
  ::sqlite3_bind_int64(insert, 3, static_cast<sqlite3_int64>(here.line));
  ::sqlite3_bind_int64(insert, 4, static_cast<sqlite3_int64>(here.offset));
  if (::sqlite3_step(insert) != SQLITE_DONE) {
    return tl::unexpected(state_->failure());
  }
  if (::sqlite3_changes(state_->db) == 1) {
    return std::nullopt;
  }
  bind_name(state_->find);
  if (::sqlite3_step(state_->find) != SQLITE_ROW) {
    return tl::unexpected(state_->failure());
  }
  const auto column = [this](int index) {
    return static_cast<std::uint64_t>(::sqlite3_column_int64(state_->find, index));
  };
  const Place first{static_cast<std::size_t>(column(0)), column(1), column(2)};
  ::sqlite3_reset(state_->find);
  return first;
}

}  // namespace myoflag::batch
