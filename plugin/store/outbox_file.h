#pragma once
// The outbox's tables, for what keeps its own beside them: the outbox itself and the intake, so
// that one transaction can be of both.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "fhir/json.h"
#include "plugin/store/file.h"
#include "plugin/store/store.h"

namespace myoflag::store {

inline std::int64_t seconds(Time time) { return time.time_since_epoch().count(); }
inline Time time_of(std::int64_t seconds) { return Time(std::chrono::seconds(seconds)); }

inline std::optional<std::int64_t> optional_of(const Columns& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.integer(column));
}

// Words of the table.
std::string_view name_of(Kind kind);
Kind kind_of(std::string_view word);

// Compressed; empty when that failed.
std::string packed(std::string_view text);
// What we packed ourselves. MF-3107: it is damaged; that is about this row alone.
Result<std::string> unpacked(const std::string& bytes);
Result<fhir::Json> unpacked_json(const std::string& bytes);  // MF-3107

// As Store::open says.
Done open_outbox(File& file, const std::string& place, std::function<void()> at_write);

// Store::submit as a part of a transaction: nothing is committed.
Result<Receipt> keep(Write& write, const Submission& submission, Time now);

}  // namespace myoflag::store
