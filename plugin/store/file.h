#pragma once
// A SQLite file of this program, for its owner only: opened, its tables made or brought up to date,
// read by queries and changed by transactions. Several processes may hold it open; in one process
// one thread at a time. Errors: MF-3100 to MF-3103.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "plugin/store/result.h"
#include "plugin/store/sqlite.h"

namespace myoflag::store {

struct Schema {
  std::int64_t application = 0;  // in the head of the file: those of other programs are left alone
  // user_version counts what was done. Never change one: add another.
  std::span<const char* const> migrations;
  const char* settings = "";  // pragmas of every opening
};

// On disk when a transaction has ended, whatever happens to the machine.
inline constexpr const char* kDurable =
    "PRAGMA busy_timeout=10000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "PRAGMA foreign_keys=ON;";

// The same, for who answers calls meanwhile and cannot wait for others as long.
inline constexpr const char* kDurableSoon =
    "PRAGMA busy_timeout=2000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "PRAGMA foreign_keys=ON;";

struct File {
  Database db;
  std::function<void()> at_write;  // before and after every transaction

  // "": a temporary file that is gone with it.
  Done open(const std::string& path, const Schema& schema);

  Failure failure() const;

  // The rows of a query, each made to a value.
  template <typename Make, typename... Values>
  auto all(Make&& make, const char* sql, const Values&... values)
      -> Result<std::vector<decltype(make(std::declval<const Statement&>()))>> {
    Statement rows(db, sql, values...);
    std::vector<decltype(make(std::declval<const Statement&>()))> out;
    Row row = Row::end;
    while ((row = rows.step()) == Row::here) {
      out.push_back(make(rows));
    }
    if (row == Row::error) {
      return tl::unexpected(failure());
    }
    return out;
  }

  template <typename Make, typename... Values>
  auto first(Make&& make, const char* sql, const Values&... values)
      -> Result<std::optional<decltype(make(std::declval<const Statement&>()))>> {
    Statement rows(db, sql, values...);
    const Row row = rows.step();
    if (row == Row::error) {
      return tl::unexpected(failure());
    }
    return row == Row::here ? std::optional(make(rows)) : std::nullopt;
  }

  template <typename... Values>
  Result<std::optional<std::int64_t>> number(const char* sql, const Values&... values) {
    return first([](const Statement& row) { return row.integer(0); }, sql, values...);
  }

 private:
  Done migrate(const Schema& schema);
};

// A transaction: undone unless it is committed.
class Write {
 public:
  explicit Write(File& file);
  ~Write();
  Write(const Write&) = delete;
  Write& operator=(const Write&) = delete;

  // Rows that changed; after the first failure nothing more happens.
  template <typename... Values>
  int change(const char* sql, const Values&... values) {
    is_good_ = is_good_ && Statement(file_.db, sql, values...).done();
    return is_good_ ? file_.db.changes() : 0;
  }

  std::int64_t last_id() const { return file_.db.last_id(); }
  File& file() const { return file_; }
  bool is_good() const { return is_good_; }

  Done commit();

 private:
  void hook() const;

  File& file_;
  bool is_open_ = false;
  bool is_good_ = false;
};

}  // namespace myoflag::store
