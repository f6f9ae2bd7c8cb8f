#include "plugin/store/store.h"

#include <array>
#include <sys/stat.h>
#include <utility>
#include <zstd.h>

#include <fmt/format.h>

#include "plugin/store/sqlite.h"

namespace myoflag::store {

namespace {

// "Myo1": files of other programs are left alone.
constexpr std::int64_t kApplication = 0x4d796f31;

// user_version counts what was done. Never change one: add another.
constexpr std::array<const char*, 1> kMigrations{
    "CREATE TABLE receipt(id INTEGER PRIMARY KEY, response TEXT NOT NULL UNIQUE,"
    " arrived INTEGER NOT NULL);"
    "CREATE TABLE assessment(id INTEGER PRIMARY KEY,"
    " receipt INTEGER NOT NULL REFERENCES receipt(id), outcome TEXT NOT NULL UNIQUE,"
    " tier TEXT NOT NULL, target_hours INTEGER, made INTEGER NOT NULL, input BLOB NOT NULL,"
    " result BLOB NOT NULL);"
    // urgency: hours, for the order.
    "CREATE TABLE item(id INTEGER PRIMARY KEY,"
    " assessment INTEGER NOT NULL UNIQUE REFERENCES assessment(id), thread TEXT NOT NULL,"
    " state TEXT NOT NULL DEFAULT 'waiting' CHECK(state IN ('waiting','done','parked')),"
    " urgency INTEGER NOT NULL, due INTEGER NOT NULL, since INTEGER,"
    " tries INTEGER NOT NULL DEFAULT 0, rung TEXT NOT NULL DEFAULT '',"
    " folded TEXT NOT NULL DEFAULT '', code TEXT NOT NULL DEFAULT '',"
    " reason TEXT NOT NULL DEFAULT '', bundle BLOB NOT NULL);"
    "CREATE INDEX ready ON item(urgency, id) WHERE state='waiting';"
    "CREATE INDEX of_thread ON item(thread, id) WHERE state='waiting';"
    "CREATE TABLE step(item INTEGER NOT NULL REFERENCES item(id), urn TEXT NOT NULL,"
    " wave INTEGER NOT NULL, number INTEGER NOT NULL, type TEXT NOT NULL, how TEXT NOT NULL,"
    " search TEXT NOT NULL, body BLOB NOT NULL, id TEXT NOT NULL DEFAULT '',"
    " state TEXT NOT NULL DEFAULT 'intent' CHECK(state IN ('intent','sent','done')),"
    " PRIMARY KEY(item, urn)) WITHOUT ROWID;"
    "CREATE TABLE escalation(id INTEGER PRIMARY KEY,"
    " assessment INTEGER NOT NULL UNIQUE REFERENCES assessment(id), raised INTEGER NOT NULL,"
    " acknowledged INTEGER);"
    "CREATE TABLE bookmark(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"};

constexpr const char* kSettings =
    "PRAGMA busy_timeout=10000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "PRAGMA foreign_keys=ON;";

constexpr std::int64_t kNoTarget = 1'000'000;

constexpr const char* kItem =
    "SELECT i.id, i.state, a.outcome, a.tier, a.target_hours, r.arrived, i.due, i.since, i.tries,"
    " i.rung, i.folded, i.code, i.reason, (SELECT COUNT(*) FROM step s WHERE s.item=i.id),"
    " (SELECT COUNT(*) FROM step s WHERE s.item=i.id AND s.state='done')"
    " FROM item i JOIN assessment a ON a.id=i.assessment JOIN receipt r ON r.id=a.receipt";

Failure damaged() { return {Exit::outside, "MF-3100: the store cannot be kept: it is damaged"}; }

std::string packed(std::string_view text) {
  std::string out(::ZSTD_compressBound(text.size()), '\0');
  const std::size_t size = ::ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1);
  out.resize(::ZSTD_isError(size) != 0U ? 0 : size);
  return out;
}

// What we packed ourselves: its size stands in front.
Result<std::string> unpacked(const std::string& bytes) {
  constexpr unsigned long long kMost = 1ULL << 32U;
  const auto size = ::ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size > kMost) {  // the values for errors are larger
    return tl::unexpected(damaged());
  }
  std::string out(size, '\0');
  const std::size_t got = ::ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
  if (::ZSTD_isError(got) != 0U || got != size) {
    return tl::unexpected(damaged());
  }
  return out;
}

std::int64_t seconds(Time time) { return time.time_since_epoch().count(); }
Time time_of(std::int64_t seconds) { return Time(std::chrono::seconds(seconds)); }

std::optional<std::int64_t> optional_of(const Statement& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.integer(column));
}

ItemState item_state(std::string_view word) {
  return word == "done"     ? ItemState::done
         : word == "parked" ? ItemState::parked
                            : ItemState::waiting;
}

StepState step_state(std::string_view word) {
  return word == "done" ? StepState::done : word == "sent" ? StepState::sent : StepState::intent;
}

Item item_of(const Statement& row) {
  const auto since = optional_of(row, 7);
  return {row.integer(0),
          item_state(row.text(1)),
          row.text(2),
          row.text(3),
          optional_of(row, 4),
          time_of(row.integer(5)),
          time_of(row.integer(6)),
          since ? std::optional(time_of(*since)) : std::nullopt,
          static_cast<int>(row.integer(8)),
          row.text(9),
          row.text(10),
          row.text(11),
          row.text(12),
          static_cast<int>(row.integer(13)),
          static_cast<int>(row.integer(14))};
}

tl::unexpected<Failure> no_such(std::string_view what, std::int64_t id) {
  return tl::unexpected(
      Failure{Exit::usage, fmt::format("MF-3104: there is no {} {} in the store", what, id)});
}

}  // namespace

struct Store::State {
  Database db;
  std::function<void()> at_write;

  Failure failure() const {
    return {Exit::outside, fmt::format("MF-3100: the store cannot be kept: {}", db.error())};
  }

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

  Done migrate();
};

namespace {

// A transaction: undone unless it is committed.
template <typename State>
class Write {
 public:
  explicit Write(State& state) : state_(state) {
    hook();
    is_open_ = state_.db.run("BEGIN IMMEDIATE");
    is_good_ = is_open_;
  }
  ~Write() {
    if (is_open_) {
      state_.db.run("ROLLBACK");
    }
  }
  Write(const Write&) = delete;
  Write& operator=(const Write&) = delete;

  // Rows that changed; after the first failure nothing more happens.
  template <typename... Values>
  int change(const char* sql, const Values&... values) {
    is_good_ = is_good_ && Statement(state_.db, sql, values...).done();
    return is_good_ ? state_.db.changes() : 0;
  }

  std::int64_t last_id() const { return state_.db.last_id(); }

  Done commit() {
    if (!is_good_ || !state_.db.run("COMMIT")) {
      return tl::unexpected(state_.failure());
    }
    is_open_ = false;
    hook();
    return {};
  }

 private:
  void hook() const {
    if (state_.at_write) {
      state_.at_write();
    }
  }

  State& state_;
  bool is_open_ = false;
  bool is_good_ = false;
};

}  // namespace

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::~Store() = default;
Store::Store(Store&&) noexcept = default;

Done Store::State::migrate() {
  constexpr auto kNewest = static_cast<std::int64_t>(kMigrations.size());
  Write write(*this);  // two processes may come at once
  const auto version = number("PRAGMA user_version");
  const auto application = number("PRAGMA application_id");
  const auto tables = number("SELECT COUNT(*) FROM sqlite_schema");
  if (!version || !application || !tables) {
    return tl::unexpected(failure());
  }
  const bool is_empty = **tables == 0 && **version == 0;
  if (!is_empty && **application != kApplication) {
    return tl::unexpected(
        Failure{Exit::usage, "MF-3101: the file is no store of this program; it is left alone"});
  }
  if (**version > kNewest) {
    return tl::unexpected(
        Failure{Exit::usage, fmt::format("MF-3102: the store was written by a newer version of "
                                         "this program (schema {}, this one knows {})",
                                         **version, kNewest)});
  }
  if (**version == kNewest) {
    return {};
  }
  for (auto at = **version; at < kNewest; ++at) {
    if (!db.run(kMigrations[static_cast<std::size_t>(at)])) {
      return tl::unexpected(failure());
    }
  }
  write.change(fmt::format("PRAGMA application_id={}", kApplication).c_str());
  write.change(fmt::format("PRAGMA user_version={}", kNewest).c_str());
  return write.commit();
}

Result<Store> Store::open(const std::string& path, std::function<void()> at_write) {
  auto state = std::make_unique<State>();
  if (!state->db.open(path)) {
    return tl::unexpected(state->failure());
  }
  struct stat about {};
  if (!path.empty() && ::stat(path.c_str(), &about) == 0 && (about.st_mode & 077U) != 0) {
    return tl::unexpected(
        Failure{Exit::usage,
                "MF-3103: the store holds patient data, and others may read it; chmod 600 "
                "it"});
  }
  // Before anything is changed in a file that may be another program's.
  state->db.run("PRAGMA busy_timeout=10000");
  if (auto migrated = state->migrate(); !migrated) {
    return tl::unexpected(std::move(migrated.error()));
  }
  if (!state->db.run(kSettings)) {
    return tl::unexpected(state->failure());
  }
  state->at_write = std::move(at_write);
  return Store(std::move(state));
}

Result<Receipt> Store::submit(const Submission& submission, Time now) {
  constexpr const char* kStands =
      "SELECT i.id FROM item i JOIN assessment a ON a.id=i.assessment WHERE a.outcome=?";
  const std::string input = packed(submission.input);
  const std::string result = packed(submission.assessment);
  const std::string bundle = packed(submission.bundle);
  if (input.empty() || result.empty() || bundle.empty()) {
    return tl::unexpected(Failure{Exit::outside, "MF-3100: the store cannot be kept: zstd"});
  }
  Write write(*state_);
  const auto stands = state_->number(kStands, submission.outcome);
  if (!stands) {
    return tl::unexpected(stands.error());
  }
  if (*stands) {
    return Receipt{**stands, false};
  }
  write.change("INSERT INTO receipt(response,arrived) VALUES(?,?) ON CONFLICT DO NOTHING",
               submission.response, seconds(now));
  write.change(
      "INSERT INTO assessment(receipt,outcome,tier,target_hours,made,input,result)"
      " VALUES((SELECT id FROM receipt WHERE response=?),?,?,?,?,?,?)",
      submission.response, submission.outcome, submission.tier, submission.target_hours,
      seconds(now), input, result);
  const std::int64_t assessment = write.last_id();
  if (submission.is_urgent) {
    write.change("INSERT INTO escalation(assessment,raised) VALUES(?,?)", assessment, seconds(now));
  }
  write.change("INSERT INTO item(assessment,thread,urgency,due,bundle) VALUES(?,?,?,?,?)",
               assessment, submission.thread, submission.target_hours.value_or(kNoTarget),
               seconds(now), bundle);
  const Receipt receipt{write.last_id(), true};
  return write.commit().map([&] { return receipt; });
}

Result<bool> Store::claim(std::string_view target) {
  Write write(*state_);
  const auto known = bookmark("target");
  const auto sent = state_->number("SELECT EXISTS(SELECT 1 FROM step WHERE state<>'intent')");
  if (!known || !sent) {
    return tl::unexpected(known ? sent.error() : known.error());
  }
  if (*known && (**known == target || **sent != 0)) {
    return **known == target;
  }
  write.change(
      "INSERT INTO bookmark(name,value) VALUES('target',?) ON CONFLICT(name) DO UPDATE SET"
      " value=excluded.value",
      target);
  write.change("UPDATE item SET rung='' WHERE state='waiting'");
  write.change("DELETE FROM bookmark WHERE name='not-before'");  // was said by the other one
  return write.commit().map([] { return true; });
}

Result<std::optional<std::int64_t>> Store::next(Time now) {
  return state_->number(
      "SELECT id FROM item i WHERE state='waiting' AND due<=? AND NOT EXISTS(SELECT 1 FROM item e"
      " WHERE e.thread=i.thread AND e.state='waiting' AND e.id<i.id) ORDER BY urgency, id LIMIT 1",
      seconds(now));
}

Result<std::optional<Time>> Store::next_due() {
  return state_->first([](const Statement& row) { return time_of(row.integer(0)); },
                       "SELECT due FROM item i WHERE state='waiting' AND NOT EXISTS(SELECT 1 FROM"
                       " item e WHERE e.thread=i.thread AND e.state='waiting' AND e.id<i.id)"
                       " ORDER BY due LIMIT 1");
}

Result<std::string> Store::bundle(std::int64_t item) {
  auto bytes = state_->first([](const Statement& row) { return row.text(0); },
                             "SELECT bundle FROM item WHERE id=?", item);
  if (!bytes) {
    return tl::unexpected(bytes.error());
  }
  return *bytes ? unpacked(**bytes) : no_such("item", item);
}

Result<std::string> Store::assessment(std::int64_t item) {
  auto bytes = state_->first([](const Statement& row) { return row.text(0); },
                             "SELECT a.result FROM item i JOIN assessment a ON a.id=i.assessment"
                             " WHERE i.id=?",
                             item);
  if (!bytes) {
    return tl::unexpected(bytes.error());
  }
  return *bytes ? unpacked(**bytes) : no_such("item", item);
}

Result<std::vector<Step>> Store::steps(std::int64_t item) {
  return state_->all(
      [](const Statement& row) {
        return Step{
            row.text(0), static_cast<int>(row.integer(1)), row.text(2), row.text(3), row.text(4),
            row.text(5), step_state(row.text(6)),          row.text(7)};
      },
      "SELECT urn,wave,type,how,search,body,state,id FROM step WHERE item=? ORDER BY wave,number",
      item);
}

Done Store::plan(std::int64_t item, std::string_view rung, std::string_view folded,
                 const std::vector<Step>& steps) {
  Write write(*state_);
  write.change("UPDATE item SET rung=?, folded=? WHERE id=?", rung, folded, item);
  write.change("UPDATE step SET number=-1 WHERE item=? AND state<>'done'", item);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    write.change(
        "INSERT INTO step(item,urn,wave,number,type,how,search,body) VALUES(?,?,?,?,?,?,?,?)"
        " ON CONFLICT DO UPDATE SET wave=excluded.wave, number=excluded.number, how=excluded.how,"
        " search=excluded.search, body=excluded.body WHERE state<>'done'",
        item, step.urn, step.wave, static_cast<std::int64_t>(i), step.type, step.how, step.search,
        step.body);
  }
  // What an earlier plan had, and this one has not.
  write.change("DELETE FROM step WHERE item=? AND number=-1", item);
  return write.commit();
}

Done Store::sent(std::int64_t item, const std::vector<std::string>& urns) {
  Write write(*state_);
  for (const std::string& urn : urns) {
    write.change("UPDATE step SET state='sent' WHERE item=? AND urn=? AND state='intent'", item,
                 urn);
  }
  return write.commit();
}

Done Store::arrived(std::int64_t item, const std::vector<Arrival>& arrivals) {
  Write write(*state_);
  for (const Arrival& arrival : arrivals) {
    write.change("UPDATE step SET state='done', id=? WHERE item=? AND urn=?", arrival.id, item,
                 arrival.urn);
  }
  write.change(
      "UPDATE item SET tries=0, since=NULL, code='', reason='' WHERE id=? AND"
      " state='waiting'",
      item);
  const int done = write.change(
      "UPDATE item SET state='done', code='', reason='' WHERE id=? AND NOT EXISTS(SELECT 1 FROM"
      " step WHERE item=? AND state<>'done')",
      item, item);
  if (done == 1) {
    // The bundle has them, too.
    write.change("UPDATE step SET body=x'' WHERE item=?", item);
  }
  return write.commit();
}

Done Store::postpone(std::int64_t item, Time now, Time due, std::string_view code,
                     std::string_view reason) {
  Write write(*state_);
  write.change(
      "UPDATE item SET due=?, tries=tries+1, since=COALESCE(since,?), code=?, reason=?"
      " WHERE id=? AND state='waiting'",
      seconds(due), seconds(now), code, reason, item);
  return write.commit();
}

Done Store::park(std::int64_t item, std::string_view code, std::string_view reason) {
  Write write(*state_);
  const int parked = write.change(
      "UPDATE item SET state='parked', code=?, reason=? WHERE id=? AND"
      " state='waiting'",
      code, reason, item);
  if (parked == 1) {
    return write.commit();
  }
  const auto found = this->item(item);
  return found ? tl::unexpected(
                     Failure{Exit::usage, fmt::format("MF-3105: item {} does not wait", item)})
               : tl::unexpected(found.error());
}

Done Store::retry(std::int64_t item, Time now) {
  Write write(*state_);
  const int waits = write.change(
      "UPDATE item SET state='waiting', due=?, since=NULL, tries=0, rung='', code='', reason=''"
      " WHERE id=? AND state='parked'",
      seconds(now), item);
  if (waits == 1) {
    return write.commit();
  }
  const auto found = this->item(item);
  return found ? tl::unexpected(
                     Failure{Exit::usage, fmt::format("MF-3105: item {} is not parked", item)})
               : tl::unexpected(found.error());
}

Result<std::vector<Item>> Store::items(bool with_done) {
  const std::string sql = fmt::format("{} WHERE ? OR i.state<>'done' ORDER BY i.id", kItem);
  return state_->all(item_of, sql.c_str(), with_done ? 1 : 0);
}

Result<Item> Store::item(std::int64_t item) {
  const std::string sql = fmt::format("{} WHERE i.id=?", kItem);
  auto found = state_->first(item_of, sql.c_str(), item);
  if (!found) {
    return tl::unexpected(found.error());
  }
  return *found ? Result<Item>(std::move(**found)) : no_such("item", item);
}

Result<std::vector<Escalation>> Store::escalations() {
  return state_->all(
      [](const Statement& row) {
        return Escalation{row.integer(0),      row.integer(1),          row.text(2),
                          optional_of(row, 3), time_of(row.integer(4)), item_state(row.text(5))};
      },
      "SELECT e.id, i.id, a.tier, a.target_hours, e.raised, i.state FROM escalation e"
      " JOIN assessment a ON a.id=e.assessment JOIN item i ON i.assessment=a.id"
      " WHERE e.acknowledged IS NULL ORDER BY i.urgency, e.id");
}

Done Store::acknowledge(std::int64_t escalation, Time now) {
  Write write(*state_);
  const int known = write.change(
      "UPDATE escalation SET acknowledged=COALESCE(acknowledged,?)"
      " WHERE id=?",
      seconds(now), escalation);
  auto done = write.commit();
  return done && known == 0 ? Done(no_such("escalation", escalation)) : done;
}

Result<Counts> Store::counts() {
  auto found = state_->first(
      [](const Statement& row) {
        return Counts{row.number(0), row.number(1), row.number(2), row.number(3)};
      },
      "SELECT COUNT(*) FILTER(WHERE state='waiting'), COUNT(*) FILTER(WHERE state='done'),"
      " COUNT(*) FILTER(WHERE state='parked'),"
      " (SELECT COUNT(*) FROM escalation WHERE acknowledged IS NULL) FROM item");
  return found.map([](auto&& counts) { return *counts; });
}

Result<std::optional<std::string>> Store::bookmark(std::string_view name) {
  return state_->first([](const Statement& row) { return row.text(0); },
                       "SELECT value FROM bookmark WHERE name=?", name);
}

Done Store::set_bookmark(std::string_view name, std::string_view value) {
  Write write(*state_);
  write.change(
      "INSERT INTO bookmark(name,value) VALUES(?,?) ON CONFLICT(name) DO UPDATE SET"
      " value=excluded.value",
      name, value);
  return write.commit();
}

}  // namespace myoflag::store
