#pragma once
// SQLite, as much of it as this program needs: a file, and statements with values by position. What
// fails says so by its return value, and Database::error() why: in SQLite's words, which name
// tables and never quote a row. One thread at a time.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "plugin/store/sql.h"

struct sqlite3;
struct sqlite3_stmt;

namespace myoflag::store {

class Database {
 public:
  // "": a temporary file that nobody can open again. A new file is for its owner only.
  bool open(const std::string& path);
  void close() { handle_.reset(); }

  bool run(const char* sql);  // any number of statements without values
  int changes() const;        // rows of the last INSERT, UPDATE or DELETE
  std::string error() const;

 private:
  friend class Statement;
  struct Closer {
    void operator()(sqlite3* handle) const;
  };
  std::unique_ptr<sqlite3, Closer> handle_;
};

enum class Row { here, end, error };

// One prepared statement; values by position, from 1; columns from 0. Must not outlive the
// database.
class Statement final : public Columns {
 public:
  Statement(const Database& db, const char* sql);
  template <typename... Values>
  Statement(const Database& db, const char* sql, const Values&... values) : Statement(db, sql) {
    int at = 0;
    (bind(++at, values), ...);
  }
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Texts, kept as bytes of that length, must live until the last step.
  Statement& bind(int at, std::string_view text);
  Statement& bind(int at, std::int64_t value);
  Statement& bind(int at, std::uint64_t value) {
    return bind(at, static_cast<std::int64_t>(value));
  }
  Statement& bind(int at, int value) { return bind(at, static_cast<std::int64_t>(value)); }
  template <typename Value>
  Statement& bind(int at, const std::optional<Value>& value) {
    return value ? bind(at, *value) : *this;  // NULL
  }
  Statement& bind_blob(int at, std::string_view bytes);

  Row step();
  bool done() { return step() == Row::end; }  // for a statement that gives no rows
  void reset();                               // values stay

  std::int64_t integer(int column) const override;
  std::string text(int column) const override;
  std::size_t size(int column) const;  // of the text
  bool is_null(int column) const override;

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
};

// Such a file, for a store.
class SqliteConnection final : public Connection {
 public:
  explicit SqliteConnection(Database db) : db_(std::move(db)) {}
  bool run(const char* sql) { return db_.run(sql); }

  std::optional<int> ask(const char* sql, std::span<const Value> values, const Each& each) override;
  bool begin(Locks locks) override;
  bool commit() override;
  void roll_back() override;
  std::string error() const override { return db_.error(); }
  bool is_shared() const override { return false; }
  std::optional<Standing> standing() override;
  bool build(const char* statements) override;
  bool mark(std::int64_t application, std::int64_t version) override;

 private:
  Database db_;
};

}  // namespace myoflag::store
