#pragma once
// What a store asks a database, the same of SQLite and of PostgreSQL: statements with values by
// position (?, or ?1 where one is used twice), their rows, and transactions. What fails says so by
// its return value, and error() why, in words that never quote a row. One thread at a time.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace myoflag::store {

// NULL, or one that lives until the statement is done.
using Value = std::variant<std::monostate, std::int64_t, std::string_view>;

inline Value value_of(std::int64_t value) { return value; }
inline Value value_of(int value) { return std::int64_t{value}; }
inline Value value_of(std::uint64_t value) { return static_cast<std::int64_t>(value); }
inline Value value_of(std::string_view text) { return text; }
template <typename Some>
Value value_of(const std::optional<Some>& value) {
  return value ? value_of(*value) : Value();
}

// One row; columns from 0.
class Columns {
 public:
  virtual std::int64_t integer(int column) const = 0;
  virtual std::string text(int column) const = 0;  // or bytes
  virtual bool is_null(int column) const = 0;
  std::uint64_t number(int column) const { return static_cast<std::uint64_t>(integer(column)); }

 protected:
  ~Columns() = default;
};

// Takes a row; whether another one is wanted.
using Each = std::function<bool(const Columns& row)>;

// What a transaction keeps others from, until it ends. `all`: there is no other one of this kind,
// so that what it reads is what stands when it writes. `rows`: only what it changes, for who knows
// that nobody else is about the same. SQLite knows `all` alone.
enum class Locks { all, rows };

// What tables are there.
struct Standing {
  std::int64_t application = 0;  // whose they are; 0: nobody says
  std::int64_t version = 0;      // migrations that were done
  bool is_empty = false;
};

class Connection {
 public:
  virtual ~Connection() = default;

  // The rows that changed; nothing: it failed. Outside of a transaction it only reads, and is
  // repeated once where the connection was lost.
  virtual std::optional<int> ask(const char* sql, std::span<const Value> values,
                                 const Each& each) = 0;
  virtual bool begin(Locks locks) = 0;
  virtual bool commit() = 0;
  virtual void roll_back() = 0;
  virtual std::string error() const = 0;

  // Whether processes on several machines may deliver from it at once, each what it has claimed.
  virtual bool is_shared() const = 0;

  virtual std::optional<Standing> standing() = 0;
  virtual bool build(const char* statements) = 0;  // of a migration, in the words of SQLite
  virtual bool mark(std::int64_t application, std::int64_t version) = 0;
};

}  // namespace myoflag::store
