#include "plugin/store/store.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "plugin/random_uuid.h"
#include "plugin/store/outbox_file.h"

namespace myoflag::store {

namespace {

constexpr const char* kItem =
    "SELECT i.id, i.state, a.outcome, a.tier, a.target_hours, r.arrived, i.due, i.since, i.tries,"
    " i.rung, i.folded, i.code, i.reason, (SELECT COUNT(*) FROM step s WHERE s.item=i.id),"
    " (SELECT COUNT(*) FROM step s WHERE s.item=i.id AND s.state='done'),"
    " i.kind FROM item i JOIN assessment a ON a.id=i.assessment JOIN receipt r ON r.id=a.receipt";

// Longer than one exchange with a server takes, a new token and a second try included: who has lost
// its claim is not sending any more when another one begins.
constexpr std::chrono::seconds kItemLease{120};
constexpr std::chrono::seconds kAlertLease{30};

// Of the database: several machines have several clocks.
constexpr const char* kClock = "EXTRACT(EPOCH FROM clock_timestamp())::BIGINT";

ItemState item_state(std::string_view word) {
  return word == "done"     ? ItemState::done
         : word == "parked" ? ItemState::parked
                            : ItemState::waiting;
}

StepState step_state(std::string_view word) {
  return word == "done" ? StepState::done : word == "sent" ? StepState::sent : StepState::intent;
}

Item item_of(const Columns& row) {
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
          static_cast<int>(row.integer(14)),
          kind_of(row.text(15))};
}

std::optional<Time> moment_of(const Columns& row, int column) {
  const auto at = optional_of(row, column);
  return at ? std::optional(time_of(*at)) : std::nullopt;
}

// A statement has so many values at most.
template <typename Some, typename Do>
void for_some(const std::vector<Some>& all, Do&& act) {
  constexpr std::size_t kAtATime = 500;
  for (std::size_t at = 0; at < all.size(); at += kAtATime) {
    act(std::span(all).subspan(at, std::min(kAtATime, all.size() - at)));
  }
}

// "row,row,row"
std::string rows_of(std::string_view row, std::size_t count) {
  return fmt::format("{}", fmt::join(std::vector<std::string_view>(count, row), ","));
}

tl::unexpected<Failure> no_such(std::string_view what, std::int64_t id) {
  return tl::unexpected(
      Failure{Exit::usage, fmt::format("MF-3104: there is no {} {} in the store", what, id)});
}

}  // namespace

struct Store::State : File {
  const std::string holder = random_uuid();  // what we claim, we claim under this name

  // Where several deliver, the first of `table` that nobody else is about, for `lease`; who chooses
  // at the same moment passes it over. From a file one process alone delivers. `where`: with the
  // time as ?1.
  Result<std::optional<std::int64_t>> claim(std::string_view table, std::string_view where,
                                            std::string_view order, std::chrono::seconds lease,
                                            Time now) {
    if (!db->is_shared()) {
      const auto sql =
          fmt::format("SELECT i.id FROM {} i WHERE {} ORDER BY {} LIMIT 1", table, where, order);
      return number(sql.c_str(), seconds(now));
    }
    const auto sql = fmt::format(
        "UPDATE {0} SET holder=?2, held_until={1}+?3 WHERE id=(SELECT i.id FROM {0} i WHERE {2} AND"
        " (i.held_until<={1} OR i.holder=?2) ORDER BY {3} LIMIT 1 FOR UPDATE SKIP LOCKED)"
        " RETURNING id",
        table, kClock, where, order);
    Write write(*this, Locks::rows);
    const auto id = number(sql.c_str(), seconds(now), holder, lease.count());
    return id ? write.commit().map([&] { return *id; }) : id;
  }

  // Before anything is written of a claimed item; it is ours for another lease.
  Done hold(Write& write, std::int64_t item) {
    if (!db->is_shared()) {
      return {};
    }
    const auto sql = fmt::format("UPDATE item SET held_until={}+? WHERE id=? AND holder=?", kClock);
    const int held = write.change(sql.c_str(), kItemLease.count(), item, holder);
    if (!write.is_good()) {
      return tl::unexpected(failure());
    }
    return held == 1 ? Done()
                     : tl::unexpected(Failure{
                           Exit::outside,
                           fmt::format("MF-3111: another process has taken item {} over", item)});
  }
};

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::~Store() = default;
Store::Store(Store&&) noexcept = default;

Result<Store> Store::open(const std::string& place, std::function<void()> at_write) {
  auto state = std::make_unique<State>();
  return open_outbox(*state, place, std::move(at_write)).map([&] {
    return Store(std::move(state));
  });
}

Result<Receipt> Store::submit(const Submission& submission, Time now) {
  Write write(*state_);
  const auto receipt = keep(write, submission, now);
  if (!receipt || !receipt->is_new) {
    return receipt;
  }
  return write.commit().map([&] { return *receipt; });
}

Result<std::vector<Receipt>> Store::submit(const std::vector<Submission>& all, Time now) {
  Write write(*state_);
  std::vector<Receipt> receipts;
  for (const Submission& submission : all) {
    const auto receipt = keep(write, submission, now);
    if (!receipt) {
      return tl::unexpected(receipt.error());
    }
    receipts.push_back(*receipt);
  }
  return write.commit().map([&] { return std::move(receipts); });
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
  return state_->claim("item",
                       "i.state='waiting' AND i.due<=?1 AND NOT EXISTS(SELECT 1 FROM item e WHERE"
                       " e.thread=i.thread AND e.state='waiting' AND e.id<i.id)",
                       "i.urgency, i.id", kItemLease, now);
}

Done Store::give_back(std::int64_t item) {
  if (!state_->db->is_shared()) {
    return {};
  }
  Write write(*state_, Locks::rows);
  write.change("UPDATE item SET held_until=0 WHERE id=? AND holder=?", item, state_->holder);
  return write.commit();
}

Result<std::optional<Time>> Store::next_due() {
  return state_->first([](const Columns& row) { return time_of(row.integer(0)); },
                       "SELECT due FROM item i WHERE state='waiting' AND NOT EXISTS(SELECT 1 FROM"
                       " item e WHERE e.thread=i.thread AND e.state='waiting' AND e.id<i.id)"
                       " ORDER BY due LIMIT 1");
}

Result<fhir::Json> Store::bundle(std::int64_t item) {
  auto bytes = state_->first([](const Columns& row) { return row.text(0); },
                             "SELECT bundle FROM item WHERE id=?", item);
  if (!bytes) {
    return tl::unexpected(bytes.error());
  }
  return *bytes ? unpacked_json(**bytes) : no_such("item", item);
}

Result<std::string> Store::assessment(std::int64_t item) {
  auto bytes = state_->first([](const Columns& row) { return row.text(0); },
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
      [](const Columns& row) {
        return Step{
            row.text(0), static_cast<int>(row.integer(1)), row.text(2), row.text(3), row.text(4),
            row.text(5), step_state(row.text(6)),          row.text(7)};
      },
      "SELECT urn,wave,type,how,search,body,state,id FROM step WHERE item=? ORDER BY wave,number",
      item);
}

Done Store::plan(std::int64_t item, std::string_view rung, std::string_view folded,
                 const std::vector<Step>& steps) {
  Write write(*state_, Locks::rows);
  if (auto held = state_->hold(write, item); !held) {
    return held;
  }
  write.change("UPDATE item SET rung=?, folded=? WHERE id=?", rung, folded, item);
  write.change("UPDATE step SET number=-1 WHERE item=? AND state<>'done'", item);
  std::int64_t number = 0;
  for_some(steps, [&](std::span<const Step> some) {
    std::vector<Value> values;
    for (const Step& step : some) {
      for (const auto& value :
           {Value(item), value_of(step.urn), value_of(step.wave), value_of(number++),
            value_of(step.type), value_of(step.how), value_of(step.search), value_of(step.body)}) {
        values.push_back(value);
      }
    }
    const auto sql = fmt::format(
        "INSERT INTO step(item,urn,wave,number,type,how,search,body) VALUES {}"
        " ON CONFLICT(item,urn) DO UPDATE SET wave=excluded.wave, number=excluded.number,"
        " how=excluded.how, search=excluded.search, body=excluded.body WHERE step.state<>'done'",
        rows_of("(?,?,?,?,?,?,?,?)", some.size()));
    write.change_all(sql.c_str(), values);
  });
  // What an earlier plan had, and this one has not.
  write.change("DELETE FROM step WHERE item=? AND number=-1", item);
  return write.commit();
}

Done Store::sent(std::int64_t item, const std::vector<std::string>& urns) {
  Write write(*state_, Locks::rows);
  if (auto held = state_->hold(write, item); !held) {
    return held;
  }
  for_some(urns, [&](std::span<const std::string> some) {
    std::vector<Value> values{item};
    std::transform(some.begin(), some.end(), std::back_inserter(values),
                   [](const std::string& urn) { return value_of(urn); });
    const auto sql =
        fmt::format("UPDATE step SET state='sent' WHERE item=? AND state='intent' AND urn IN ({})",
                    rows_of("?", some.size()));
    write.change_all(sql.c_str(), values);
  });
  return write.commit();
}

Done Store::arrived(std::int64_t item, const std::vector<Arrival>& arrivals) {
  Write write(*state_, Locks::rows);
  if (auto held = state_->hold(write, item); !held) {
    return held;
  }
  for_some(arrivals, [&](std::span<const Arrival> some) {
    std::vector<Value> values;
    for (const Arrival& arrival : some) {
      values.push_back(value_of(arrival.urn));
      values.push_back(value_of(arrival.id));
    }
    values.emplace_back(item);
    const auto sql = fmt::format(
        "UPDATE step SET state='done', id=there.column2 FROM (VALUES {}) AS there WHERE"
        " step.urn=there.column1 AND step.item=?",
        rows_of("(?,?)", some.size()));
    write.change_all(sql.c_str(), values);
  });
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
    write.change("UPDATE step SET body='' WHERE item=?", item);
    // What a Task was before does not matter any more, and must not be written after it.
    write.change(
        "UPDATE item SET state='done', code='', reason='' WHERE state<>'done' AND id<? AND id IN"
        " (SELECT item FROM task WHERE invitation=(SELECT invitation FROM task WHERE item=?))",
        item, item);
  }
  return write.commit();
}

Done Store::postpone(std::int64_t item, Time now, Time due, std::string_view code,
                     std::string_view reason) {
  Write write(*state_, Locks::rows);
  if (auto held = state_->hold(write, item); !held) {
    return held;
  }
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

Result<std::optional<Alert>> Store::next_alert(Time now) {
  const auto id = state_->claim(
      "escalation",
      "i.acknowledged IS NULL AND i.told IS NULL AND i.told_parked=0 AND i.told_due<=?1",
      "i.told_tries, (SELECT w.urgency FROM item w WHERE w.assessment=i.assessment), i.id",
      kAlertLease, now);
  if (!id || !*id) {
    return id.map([](const auto&) { return std::optional<Alert>(); });
  }
  return state_->first(
      [](const Columns& row) {
        return Alert{row.integer(0),
                     row.integer(1),
                     row.text(2),
                     row.text(3),
                     optional_of(row, 4),
                     time_of(row.integer(5)),
                     static_cast<int>(row.integer(6)),
                     moment_of(row, 7)};
      },
      "SELECT e.id, i.id, a.outcome, a.tier, a.target_hours, r.arrived, e.told_tries, e.told_since"
      " FROM escalation e JOIN assessment a ON a.id=e.assessment JOIN item i ON i.assessment=a.id"
      " JOIN receipt r ON r.id=a.receipt WHERE e.id=?",
      **id);
}

Result<std::optional<Time>> Store::next_alert_due() {
  return state_->first([](const Columns& row) { return time_of(row.integer(0)); },
                       "SELECT told_due FROM escalation WHERE acknowledged IS NULL AND told IS NULL"
                       " AND told_parked=0 ORDER BY told_due LIMIT 1");
}

Done Store::alert_told(std::int64_t escalation, Time now) {
  Write write(*state_, Locks::rows);
  write.change(
      "UPDATE escalation SET told=COALESCE(told,?), told_parked=0, told_why='', told_since=NULL,"
      " held_until=0 WHERE id=?",
      seconds(now), escalation);
  return write.commit();
}

Done Store::postpone_alert(std::int64_t escalation, Time now, Time due, std::string_view why) {
  Write write(*state_, Locks::rows);
  write.change(
      "UPDATE escalation SET told_due=?, told_tries=told_tries+1,"
      " told_since=COALESCE(told_since,?), told_why=?, held_until=0 WHERE id=?",
      seconds(due), seconds(now), why, escalation);
  return write.commit();
}

Done Store::park_alert(std::int64_t escalation, std::string_view why) {
  Write write(*state_, Locks::rows);
  write.change(
      "UPDATE escalation SET told_parked=1, told_tries=told_tries+1, told_why=?, held_until=0"
      " WHERE id=? AND told IS NULL",
      why, escalation);
  return write.commit();
}

Done Store::retry_alert(std::int64_t escalation, Time now) {
  Write write(*state_);
  const int waits = write.change(
      "UPDATE escalation SET told_parked=0, told_due=?, told_tries=0, told_since=NULL, told_why=''"
      " WHERE id=? AND told_parked=1",
      seconds(now), escalation);
  if (waits == 1) {
    return write.commit();
  }
  const auto known = state_->number("SELECT 1 FROM escalation WHERE id=?", escalation);
  if (!known) {
    return tl::unexpected(known.error());
  }
  return *known ? tl::unexpected(
                      Failure{Exit::usage, fmt::format("MF-3105: what the web hook is told of "
                                                       "escalation {} is not parked",
                                                       escalation)})
                : Done(no_such("escalation", escalation));
}

Result<std::vector<Item>> Store::items(bool with_done) {
  const std::string sql = fmt::format("{} WHERE ?<>0 OR i.state<>'done' ORDER BY i.id", kItem);
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

Result<std::vector<Escalation>> Store::escalations(bool with_acknowledged) {
  return state_->all(
      [](const Columns& row) {
        const auto known = optional_of(row, 6);
        return Escalation{row.integer(0),
                          row.integer(1),
                          row.text(2),
                          optional_of(row, 3),
                          time_of(row.integer(4)),
                          item_state(row.text(5)),
                          known ? std::optional(time_of(*known)) : std::nullopt,
                          row.text(7),
                          moment_of(row, 8),
                          row.integer(9) != 0,
                          static_cast<int>(row.integer(10)),
                          row.text(11)};
      },
      "SELECT e.id, i.id, a.tier, a.target_hours, e.raised, i.state, e.acknowledged,"
      " e.acknowledged_by, e.told, e.told_parked, e.told_tries, e.told_why FROM escalation e"
      " JOIN assessment a ON a.id=e.assessment JOIN item i ON i.assessment=a.id"
      " WHERE e.acknowledged IS NULL OR ?<>0 ORDER BY e.acknowledged IS NOT NULL, i.urgency, e.id",
      std::int64_t{with_acknowledged ? 1 : 0});
}

Done Store::acknowledge(std::int64_t escalation, std::string_view who, Time now) {
  Write write(*state_);
  const int known = write.change(
      "UPDATE escalation SET acknowledged_by=CASE WHEN acknowledged IS NULL THEN ? ELSE"
      " acknowledged_by END, acknowledged=COALESCE(acknowledged,?) WHERE id=?",
      who, seconds(now), escalation);
  auto done = write.commit();
  return done && known == 0 ? Done(no_such("escalation", escalation)) : done;
}

Result<Counts> Store::counts() {
  auto found = state_->first(
      [](const Columns& row) {
        return Counts{row.number(0), row.number(1),     row.number(2),
                      row.number(3), moment_of(row, 4), row.number(5),
                      row.number(6), row.number(7),     moment_of(row, 8)};
      },
      "SELECT COUNT(*) FILTER(WHERE state='waiting'), COUNT(*) FILTER(WHERE state='done'),"
      " COUNT(*) FILTER(WHERE state='parked'),"
      " (SELECT COUNT(*) FROM escalation WHERE acknowledged IS NULL),"
      " (SELECT MIN(r.arrived) FROM item w JOIN assessment a ON a.id=w.assessment"
      "  JOIN receipt r ON r.id=a.receipt WHERE w.state='waiting'),"
      " (SELECT COUNT(*) FROM escalation WHERE acknowledged IS NULL AND told IS NULL AND"
      "  told_parked=0),"
      " (SELECT COUNT(*) FROM escalation WHERE acknowledged IS NULL AND told_parked=1),"
      " (SELECT COUNT(*) FROM escalation WHERE told IS NOT NULL),"
      " (SELECT MIN(raised) FROM escalation WHERE acknowledged IS NULL AND told IS NULL AND"
      "  told_parked=0) FROM item");
  return found.map([](auto&& counts) { return *counts; });
}

Result<std::optional<std::string>> Store::bookmark(std::string_view name) {
  return state_->first([](const Columns& row) { return row.text(0); },
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
