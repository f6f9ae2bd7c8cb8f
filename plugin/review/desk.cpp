#include "plugin/review/desk.h"

#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "fhir/json.h"
#include "plugin/review/whose.h"
#include "plugin/store/outbox_file.h"

namespace myoflag::review {

namespace {

using store::Columns;
using store::File;
using store::optional_of;
using store::seconds;
using store::time_of;
using store::Write;

constexpr const char* kRow =
    "SELECT i.id, COALESCE((SELECT b.outcome FROM proposal p JOIN item s ON s.id=p.source"
    " JOIN assessment b ON b.id=s.assessment WHERE p.item=i.id), a.outcome), a.tier, "
    "a.target_hours, a.made, i.state, i.tries, i.code, i.reason,"
    " a.result, e.id, e.acknowledged, COALESCE(e.acknowledged_by,''),"
    " EXISTS(SELECT 1 FROM interruption r WHERE r.item=i.id), i.kind FROM item i"
    " JOIN assessment a ON a.id=i.assessment LEFT JOIN escalation e ON e.assessment=a.id";

store::ItemState state_of(std::string_view word) {
  return word == "done"     ? store::ItemState::done
         : word == "parked" ? store::ItemState::parked
                            : store::ItemState::waiting;
}

// With the assessment as it is stored.
Row row_of(const Columns& row) {
  Row out;
  out.item = row.integer(0);
  out.outcome = row.text(1);
  out.tier = row.text(2);
  out.target_hours = optional_of(row, 3);
  out.made = time_of(row.integer(4));
  out.state = state_of(row.text(5));
  out.tries = static_cast<int>(row.integer(6));
  out.code = row.text(7);
  out.reason = row.text(8);
  out.assessment = row.text(9);
  out.is_urgent = !row.is_null(10);
  out.escalation = out.is_urgent ? row.integer(10) : 0;
  if (const auto when = optional_of(row, 11)) {
    out.acknowledged = time_of(*when);
  }
  out.acknowledged_by = row.text(12);
  out.is_unfinished = row.integer(13) != 0;
  out.kind = store::kind_of(row.text(14));
  return out;
}

Done unpack(std::string& bytes) {
  auto whole = store::unpacked(bytes);
  if (!whole) {
    return tl::unexpected(std::move(whole.error()));
  }
  bytes = *std::move(whole);
  return {};
}

// A damaged one hides no other.
Result<std::vector<Row>> unpacked(Result<std::vector<Row>> rows) {
  for (std::size_t i = 0; rows && i < rows->size(); ++i) {
    auto& assessment = (*rows)[i].assessment;
    assessment = store::unpacked(assessment).value_or("");
  }
  return rows;
}

constexpr int kAtATime = 100;

struct Unread {
  std::int64_t item = 0;
  std::string input, assessment;  // as they are stored
};

// Of damaged answers the assessment still says whose they are.
Whose whose_is(const Unread& one) {
  if (const auto input = store::unpacked(one.input)) {
    return whose_of(*input);
  }
  const auto assessment = fhir::read_json(store::unpacked(one.assessment).value_or(""));
  if (!assessment) {
    return {};
  }
  const auto subject = fhir::Json::object({{"reference", assessment->string_of("subject")}});
  return whose_of(fhir::write_json(
      fhir::Json::object({{"resourceType", "QuestionnaireResponse"}, {"subject", subject}})));
}

// The next items of which it is not known whose they are; true when there were any.
Result<bool> read_next(File& file) {
  Write write(file);
  const auto unread = file.all(
      [](const Columns& row) {
        return Unread{row.integer(0), row.text(1), row.text(2)};
      },
      "SELECT i.id, a.input, a.result FROM item i JOIN assessment a ON a.id=i.assessment"
      " WHERE i.id>(SELECT COALESCE(MAX(item),0) FROM whose) ORDER BY i.id LIMIT ?",
      kAtATime);
  if (!unread) {
    return tl::unexpected(unread.error());
  }
  for (const auto& one : *unread) {
    const auto whose = whose_is(one);
    write.change("INSERT INTO whose(item,server,patient) VALUES(?,?,?)", one.item, whose.server,
                 whose.patient);
  }
  return write.commit().map([&] { return !unread->empty(); });
}

Done read_all(File& file) {
  for (;;) {
    const auto more = read_next(file);
    if (!more) {
      return tl::unexpected(more.error());
    }
    if (!*more) {
      return {};
    }
  }
}

}  // namespace

struct Desk::State : File {
  std::mutex mutex;  // one thread at a time
};

Desk::Desk(std::unique_ptr<State> state) : state_(std::move(state)) {}
Desk::~Desk() = default;
Desk::Desk(Desk&&) noexcept = default;

Result<Desk> Desk::open(const std::string& path) {
  auto state = std::make_unique<State>();
  return store::open_outbox(*state, path, {}).map([&] { return Desk(std::move(state)); });
}

Result<std::vector<Row>> Desk::forms(Time since, int most) {
  const std::lock_guard lock(state_->mutex);
  const std::string sql = fmt::format(
      "{} WHERE i.kind='form'"
      " AND ((e.id IS NOT NULL AND e.acknowledged IS NULL) OR (a.made>=? AND NOT EXISTS(SELECT 1"
      " FROM item n WHERE n.thread=i.thread AND n.id>i.id AND n.kind='form')))"
      " ORDER BY (e.id IS NOT NULL AND e.acknowledged IS NULL) DESC,"
      " a.made+3600*i.urgency, i.id LIMIT ?",
      kRow);
  return unpacked(state_->all(row_of, sql.c_str(), seconds(since), most + 1));
}

Result<std::optional<Kept>> Desk::form(std::string_view outcome) {
  const std::lock_guard lock(state_->mutex);
  const std::string sql = fmt::format("{} WHERE a.outcome=? AND i.kind='form'", kRow);
  auto row = state_->first(row_of, sql.c_str(), outcome);
  if (!row || !*row) {
    return row.map([](auto&&) { return std::optional<Kept>(); });
  }
  const auto item = (*row)->item;
  auto kept = state_->first(
      [](const Columns& columns) {
        Kept out;
        out.input = columns.text(0);
        out.bundle = columns.text(1);
        out.newer = columns.text(2);
        return out;
      },
      "SELECT a.input, i.bundle, COALESCE((SELECT b.outcome FROM item n JOIN assessment b ON"
      " b.id=n.assessment WHERE n.thread=i.thread AND n.id>i.id AND n.kind='form'"
      " ORDER BY n.id DESC LIMIT 1),'')"
      " FROM item i JOIN assessment a ON a.id=i.assessment WHERE i.id=?",
      item);
  if (!kept) {
    return tl::unexpected(std::move(kept.error()));
  }
  Kept& out = **kept;
  out.row = **std::move(row);
  for (auto* bytes : {&out.row.assessment, &out.input, &out.bundle}) {
    if (auto done = unpack(*bytes); !done) {
      return tl::unexpected(std::move(done.error()));
    }
  }
  return std::optional(std::move(out));
}

Done Desk::catch_up() {
  const std::lock_guard lock(state_->mutex);
  return read_all(*state_);
}

Result<std::vector<Row>> Desk::forms_of(const Whose& whom, bool is_home, int most) {
  const std::lock_guard lock(state_->mutex);
  if (const auto read = read_all(*state_); !read) {
    return tl::unexpected(read.error());
  }
  const std::string sql = fmt::format(
      "{} JOIN whose w ON w.item=i.id WHERE w.patient=? AND w.patient<>''"
      " AND (w.server=? OR (w.server='' AND ?<>0))"
      " AND i.kind='form'"
      " AND ((e.id IS NOT NULL AND e.acknowledged IS NULL) OR NOT EXISTS(SELECT 1"
      " FROM item n WHERE n.thread=i.thread AND n.id>i.id AND n.kind='form'))"
      " ORDER BY (e.id IS NOT NULL AND e.acknowledged IS NULL) DESC, a.made DESC, i.id DESC LIMIT "
      "?",
      kRow);
  return unpacked(
      state_->all(row_of, sql.c_str(), whom.patient, whom.server, is_home ? 1 : 0, most + 1));
}

Result<std::vector<Row>> Desk::troubles(int most) {
  const std::lock_guard lock(state_->mutex);
  const std::string sql = fmt::format(
      "{} WHERE i.state='parked' OR (i.state='waiting' AND i.tries>0) ORDER BY i.urgency, i.id"
      " LIMIT ?",
      kRow);
  return unpacked(state_->all(row_of, sql.c_str(), most + 1));
}

Result<bool> Desk::acknowledge(std::int64_t escalation, std::string_view by, Time now) {
  const std::lock_guard lock(state_->mutex);
  Write write(*state_);
  const auto found = state_->number("SELECT 1 FROM escalation WHERE id=?", escalation);
  if (!found) {
    return tl::unexpected(found.error());
  }
  write.change(
      "UPDATE escalation SET acknowledged=?, acknowledged_by=? WHERE id=? AND acknowledged IS NULL",
      seconds(now), by, escalation);
  return write.commit().map([&] { return found->has_value(); });
}

Result<std::vector<Proposal>> Desk::proposals(std::int64_t item) {
  const std::lock_guard lock(state_->mutex);
  return state_->all(
      [](const Columns& row) {
        return Proposal{row.text(0), state_of(row.text(1))};
      },
      "SELECT p.workup, i.state FROM proposal p JOIN item i ON i.id=p.item WHERE p.source=?"
      " ORDER BY p.item",
      item);
}

Done Desk::propose(std::int64_t source, std::string_view workup,
                   const store::Submission& submission, Time now) {
  const std::lock_guard lock(state_->mutex);
  Write write(*state_);
  const auto receipt = store::keep(write, submission, now);
  if (!receipt) {
    return tl::unexpected(receipt.error());
  }
  write.change("INSERT INTO proposal(item,source,workup) VALUES(?,?,?) ON CONFLICT DO NOTHING",
               receipt->item, source, workup);
  return write.commit();
}

Result<std::string> Desk::born(std::string_view response) {
  const std::lock_guard lock(state_->mutex);
  return state_
      ->first([](const Columns& row) { return row.text(0); },
              "SELECT born FROM invitation WHERE response=?", response)
      .map([](auto&& born) { return born.value_or(""); });
}

}  // namespace myoflag::review
