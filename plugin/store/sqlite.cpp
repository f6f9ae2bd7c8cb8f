#include "plugin/store/sqlite.h"

#include <fcntl.h>
#include <mutex>
#include <sqlite3.h>
#include <unistd.h>

#include <fmt/format.h>

namespace myoflag::store {

namespace {

// Before SQLite makes it: others may not read it, nor the files beside it, which take its rights.
// Never a file that is there: closing it would take away the locks that other connections of this
// process hold on it, and other processes would write over them.
// Source: sqlite.org/howtocorrupt.html, 2.2.
void make_private(const std::string& path) {
  static std::mutex one_at_a_time;  // nobody has it open between the making and the closing
  const std::lock_guard lock(one_at_a_time);
  const int made =
      path.empty() ? -1 : ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made >= 0) {
    ::close(made);
  }
}

}  // namespace

void Database::Closer::operator()(sqlite3* handle) const { ::sqlite3_close(handle); }

bool Database::open(const std::string& path) {
  make_private(path);
  sqlite3* handle = nullptr;
  const int status = ::sqlite3_open(path.c_str(), &handle);
  handle_.reset(handle);
  return status == SQLITE_OK;
}

bool Database::run(const char* sql) {
  return ::sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK;
}

int Database::changes() const { return ::sqlite3_changes(handle_.get()); }

std::string Database::error() const {
  return handle_ ? ::sqlite3_errmsg(handle_.get()) : "out of memory";
}

void Statement::Finalizer::operator()(sqlite3_stmt* statement) const {
  ::sqlite3_finalize(statement);
}

Statement::Statement(const Database& db, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  ::sqlite3_prepare_v2(db.handle_.get(), sql, -1, &statement, nullptr);
  statement_.reset(statement);  // null where the SQL is wrong: the first step is an error
}

Statement::~Statement() = default;

Statement& Statement::bind(int at, std::string_view text) {
  ::sqlite3_bind_text64(statement_.get(), at, text.data() == nullptr ? "" : text.data(),
                        text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(int at, std::int64_t value) {
  ::sqlite3_bind_int64(statement_.get(), at, value);
  return *this;
}

Statement& Statement::bind_blob(int at, std::string_view bytes) {
  ::sqlite3_bind_blob64(statement_.get(), at, bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}

Row Statement::step() {
  const int status = ::sqlite3_step(statement_.get());
  return status == SQLITE_ROW ? Row::here : status == SQLITE_DONE ? Row::end : Row::error;
}

void Statement::reset() { ::sqlite3_reset(statement_.get()); }

std::int64_t Statement::integer(int column) const {
  return ::sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(::sqlite3_column_blob(statement_.get(), column));
  return bytes == nullptr ? std::string() : std::string(bytes, size(column));
}

std::size_t Statement::size(int column) const {
  return static_cast<std::size_t>(::sqlite3_column_bytes(statement_.get(), column));
}

bool Statement::is_null(int column) const {
  return ::sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::optional<int> SqliteConnection::ask(const char* sql, std::span<const Value> values,
                                         const Each& each) {
  Statement statement(db_, sql);
  int at = 0;
  for (const Value& value : values) {
    ++at;
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      statement.bind(at, *number);
    } else if (const auto* text = std::get_if<std::string_view>(&value)) {
      statement.bind(at, *text);
    }
  }
  Row row = statement.step();
  while (row == Row::here && each(statement)) {
    row = statement.step();
  }
  return row == Row::error ? std::nullopt : std::optional(db_.changes());
}

bool SqliteConnection::begin(Locks) { return db_.run("BEGIN IMMEDIATE"); }
bool SqliteConnection::commit() { return db_.run("COMMIT"); }
void SqliteConnection::roll_back() { db_.run("ROLLBACK"); }

std::optional<Standing> SqliteConnection::standing() {
  Statement version(db_, "PRAGMA user_version");
  Statement application(db_, "PRAGMA application_id");
  Statement tables(db_, "SELECT COUNT(*) FROM sqlite_schema");
  for (Statement* one : {&version, &application, &tables}) {
    if (one->step() != Row::here) {
      return std::nullopt;
    }
  }
  return Standing{application.integer(0), version.integer(0),
                  tables.integer(0) == 0 && version.integer(0) == 0};
}

bool SqliteConnection::build(const char* statements) { return db_.run(statements); }

bool SqliteConnection::mark(std::int64_t application, std::int64_t version) {
  return db_.run(
      fmt::format("PRAGMA application_id={}; PRAGMA user_version={}", application, version)
          .c_str());
}

}  // namespace myoflag::store
