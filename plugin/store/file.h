#pragma once
// Tables of this program, in a SQLite file for its owner only or in a database of PostgreSQL: made
// or brought up to date, read by queries and changed by transactions. Several processes may hold
// them open; in one process one thread at a time. Errors: MF-3100 to MF-3103.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "plugin/store/result.h"
#include "plugin/store/sql.h"

namespace myoflag::store {

struct Schema {
  std::int64_t application = 0;  // is kept with the tables: those of other programs are left alone
  // How many were done is kept, too. Never change one: add another.
  std::span<const char* const> migrations;
  const char* settings = "";  // of a file: pragmas of every opening
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
  std::unique_ptr<Connection> db;
  std::function<void()> at_write;  // before and after every transaction

  // A SQLite file; "": a temporary one that is gone with it.
  Done open(const std::string& path, const Schema& schema);
  // Of any kind: its tables.
  Done use(std::unique_ptr<Connection> connection, const Schema& schema);

  Failure failure() const;

  // The rows of a query, each made to a value.
  template <typename Make, typename... Values>
  auto all(Make&& make, const char* sql, const Values&... values)
      -> Result<std::vector<decltype(make(std::declval<const Columns&>()))>> {
    std::vector<decltype(make(std::declval<const Columns&>()))> out;
    const std::array<Value, sizeof...(values)> bound{value_of(values)...};
    const auto done = db->ask(sql, bound, [&](const Columns& row) {
      out.push_back(make(row));
      return true;
    });
    return done ? Result<decltype(out)>(std::move(out)) : tl::unexpected(failure());
  }

  template <typename Make, typename... Values>
  auto first(Make&& make, const char* sql, const Values&... values)
      -> Result<std::optional<decltype(make(std::declval<const Columns&>()))>> {
    std::optional<decltype(make(std::declval<const Columns&>()))> out;
    const std::array<Value, sizeof...(values)> bound{value_of(values)...};
    const auto done = db->ask(sql, bound, [&](const Columns& row) {
      out = make(row);
      return false;
    });
    return done ? Result<decltype(out)>(std::move(out)) : tl::unexpected(failure());
  }

  template <typename... Values>
  Result<std::optional<std::int64_t>> number(const char* sql, const Values&... values) {
    return first([](const Columns& row) { return row.integer(0); }, sql, values...);
  }

 private:
  Done migrate(const Schema& schema);
};

// A transaction: undone unless it is committed.
class Write {
 public:
  explicit Write(File& file, Locks locks = Locks::all);
  ~Write();
  Write(const Write&) = delete;
  Write& operator=(const Write&) = delete;

  // Rows that changed; after the first failure nothing more happens.
  template <typename... Values>
  int change(const char* sql, const Values&... values) {
    return change_all(sql, std::array<Value, sizeof...(values)>{value_of(values)...});
  }
  int change_all(const char* sql, std::span<const Value> values) {
    const auto changed =
        is_good_ ? file_.db->ask(sql, values, [](const Columns&) { return true; }) : std::nullopt;
    is_good_ = changed.has_value();
    return changed.value_or(0);
  }

  // What an INSERT with RETURNING gives; 0 after a failure.
  template <typename... Values>
  std::int64_t added(const char* sql, const Values&... values) {
    std::int64_t id = 0;
    const std::array<Value, sizeof...(values)> bound{value_of(values)...};
    is_good_ = is_good_ && file_.db->ask(sql, bound, [&](const Columns& row) {
      id = row.integer(0);
      return true;
    });
    return id;
  }

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
