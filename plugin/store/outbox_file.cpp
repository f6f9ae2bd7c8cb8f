#include "plugin/store/outbox_file.h"

#include <array>
#include <utility>
#include <zstd.h>

#include "plugin/store/place.h"
#include "plugin/store/postgres.h"

namespace myoflag::store {

namespace {

// "Myo1": files of other programs are left alone.
constexpr std::int64_t kApplication = 0x4d796f31;

constexpr std::array<const char*, 12> kMigrations{
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
    "CREATE TABLE bookmark(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;",
    // Intake: token and session are kept as SHA-256. wrong: tries since the last lock, wrong_ever:
    // all. told: what the patient was told at the end, JSON.
    "CREATE TABLE invitation(id INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE,"
    " response TEXT NOT NULL UNIQUE, patient TEXT NOT NULL, born TEXT NOT NULL,"
    " language TEXT NOT NULL, made INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " withdrawn INTEGER, wrong INTEGER NOT NULL DEFAULT 0, wrong_ever INTEGER NOT NULL DEFAULT 0,"
    " locked_until INTEGER NOT NULL DEFAULT 0, begun INTEGER, revision INTEGER NOT NULL DEFAULT 0,"
    " draft BLOB NOT NULL DEFAULT x'', submitted INTEGER, told BLOB NOT NULL DEFAULT x'');"
    "CREATE TABLE visit(session TEXT PRIMARY KEY,"
    " invitation INTEGER NOT NULL REFERENCES invitation(id), csrf TEXT NOT NULL,"
    " known INTEGER NOT NULL DEFAULT 0, made INTEGER NOT NULL, seen INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE interruption(id INTEGER PRIMARY KEY,"
    " invitation INTEGER NOT NULL REFERENCES invitation(id), reason TEXT NOT NULL,"
    " display TEXT NOT NULL, raised INTEGER NOT NULL, item INTEGER NOT NULL REFERENCES item(id),"
    " read INTEGER, UNIQUE(invitation, reason));",
    // Review: who looks after what is urgent, and the draft requests that somebody chose. `source`:
    // the item whose assessment proposes the test.
    "ALTER TABLE escalation ADD COLUMN acknowledged_by TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE proposal(item INTEGER PRIMARY KEY REFERENCES item(id),"
    " source INTEGER NOT NULL REFERENCES item(id), workup TEXT NOT NULL, UNIQUE(source, workup));"
    "CREATE INDEX thread_order ON item(thread, id);",
    // The web hook: when it has taken an urgent result, or how often and why not.
    "ALTER TABLE escalation ADD COLUMN told INTEGER;"
    "ALTER TABLE escalation ADD COLUMN told_parked INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE escalation ADD COLUMN told_due INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE escalation ADD COLUMN told_since INTEGER;"
    "ALTER TABLE escalation ADD COLUMN told_tries INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE escalation ADD COLUMN told_why TEXT NOT NULL DEFAULT '';",
    // Responses found in the EHR. `record`: what was fetched for one.
    "CREATE TABLE inbox(id INTEGER PRIMARY KEY, source TEXT NOT NULL, version TEXT NOT NULL,"
    " state TEXT NOT NULL CHECK(state IN ('found','fetched','judged','ours','parked')),"
    " since INTEGER NOT NULL, response BLOB NOT NULL DEFAULT x'', record BLOB NOT NULL DEFAULT x'',"
    " code TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '',"
    " item INTEGER REFERENCES item(id), UNIQUE(source, version));"
    "CREATE INDEX inbox_open ON inbox(state, id) WHERE state IN ('found','fetched');"
    "CREATE INDEX written_responses ON step(item) WHERE type='QuestionnaireResponse';",
    // Whose forms are, read from them; made again from them at any time. Every item up to the
    // largest has a row; an empty patient: it cannot be told.
    "CREATE TABLE whose(item INTEGER PRIMARY KEY REFERENCES item(id), server TEXT NOT NULL,"
    " patient TEXT NOT NULL);"
    "CREATE INDEX of_patient ON whose(patient, item);",
    // Invitations to appointments, one at most to each that is not withdrawn. meets: when it
    // begins. withdrawn_by: 'person', or 'appointment' where that was cancelled. link: further
    // ones, SHA-256 as the first. invitation_key: requests that were answered, so that each makes
    // one invitation.
    "ALTER TABLE invitation ADD COLUMN appointment TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE invitation ADD COLUMN meets INTEGER;"
    "ALTER TABLE invitation ADD COLUMN withdrawn_by TEXT NOT NULL DEFAULT '';"
    "CREATE UNIQUE INDEX of_appointment ON invitation(appointment) WHERE appointment<>'' AND"
    " withdrawn IS NULL;"
    "CREATE INDEX was_of_appointment ON invitation(appointment, id) WHERE appointment<>'';"
    "CREATE TABLE link(token TEXT PRIMARY KEY,"
    " invitation INTEGER NOT NULL REFERENCES invitation(id), made INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX link_of ON link(invitation);"
    "CREATE TABLE invitation_key(key TEXT PRIMARY KEY, asked TEXT NOT NULL,"
    " invitation INTEGER NOT NULL REFERENCES invitation(id)) WITHOUT ROWID;",
    // Where several deliver at once: who is about it, and until when nobody else may be.
    "ALTER TABLE item ADD COLUMN holder TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE item ADD COLUMN held_until INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE escalation ADD COLUMN holder TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE escalation ADD COLUMN held_until INTEGER NOT NULL DEFAULT 0;",
    // Forms that staff open on a device of the clinic: whether a visit is on one, who gives the
    // answers there (a name of presentation.yaml), and who opened it.
    "ALTER TABLE visit ADD COLUMN clinic INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE invitation ADD COLUMN informant TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE invitation ADD COLUMN opened_by TEXT NOT NULL DEFAULT '';",
    // Tasks of invitations: each row of `task` is an item that tells the EHR how its invitation
    // stands. task_says, task_number: what the newest one tells, and which it is. item: the
    // answers.
    "ALTER TABLE invitation ADD COLUMN item INTEGER;"
    "ALTER TABLE invitation ADD COLUMN task_says TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE invitation ADD COLUMN task_number INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE task(item INTEGER PRIMARY KEY REFERENCES item(id),"
    " invitation INTEGER NOT NULL REFERENCES invitation(id));"
    "CREATE INDEX task_of ON task(invitation, item);",
    // What the record says about the patient of an invitation, as long as it is open. record: what
    // was fetched, packed; suggested: what of it answers questions, as a draft; whole: 1 nothing
    // was missing, 2 the same, but too old when the form was opened. tried, tries, due: of fetching
    // it.
    "CREATE TABLE prefill(invitation INTEGER PRIMARY KEY REFERENCES invitation(id),"
    " tried INTEGER NOT NULL, tries INTEGER NOT NULL, due INTEGER NOT NULL, fetched INTEGER,"
    " whole INTEGER NOT NULL DEFAULT 0, record BLOB NOT NULL DEFAULT x'', suggested BLOB NOT NULL "
    "DEFAULT x'');",
    // What an item is: 'form', 'proposal' or 'task'.
    "ALTER TABLE item ADD COLUMN kind TEXT NOT NULL DEFAULT 'form';"
    "UPDATE item SET kind='proposal' WHERE id IN (SELECT item FROM proposal);"
    "UPDATE item SET kind='task' WHERE id IN (SELECT item FROM task);"
    "DELETE FROM bookmark WHERE name='tasks';"};

constexpr std::int64_t kNoTarget = 1'000'000;

Failure damaged() {
  return {Exit::rejected, "MF-3107: what is kept for the server cannot be read: it is damaged"};
}

}  // namespace

std::string_view name_of(Kind kind) {
  return kind == Kind::task ? "task" : kind == Kind::proposal ? "proposal" : "form";
}

Kind kind_of(std::string_view word) {
  return word == "task" ? Kind::task : word == "proposal" ? Kind::proposal : Kind::form;
}

std::string packed(std::string_view text) {
  std::string out(::ZSTD_compressBound(text.size()), '\0');
  const std::size_t size = ::ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1);
  out.resize(::ZSTD_isError(size) != 0U ? 0 : size);
  return out;
}

// Its size stands in front.
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

// Our own JSON: bounded by the gates that its parts came through.
Result<fhir::Json> unpacked_json(const std::string& bytes) {
  constexpr std::size_t kMost = 1u << 30U;
  const auto text = unpacked(bytes);
  if (!text) {
    return tl::unexpected(text.error());
  }
  fhir::Limits limits;
  limits.bytes = kMost;
  limits.string_bytes = kMost;
  limits.nodes = kMost;
  auto json = fhir::read_json(*text, limits);
  return json ? Result<fhir::Json>(std::move(*json)) : tl::unexpected(damaged());
}

Done open_outbox(File& file, const std::string& place, std::function<void()> at_write) {
  const Schema schema{kApplication, kMigrations, kDurable};
  auto opened = is_database(place) ? connect(place).and_then([&](auto&& connection) {
    return file.use(std::move(connection), schema);
  })
                                   : file.open(place, schema);
  if (opened) {
    file.at_write = std::move(at_write);
  }
  return opened;
}

Result<Receipt> keep(Write& write, const Submission& submission, Time now) {
  constexpr const char* kStands =
      "SELECT i.id FROM item i JOIN assessment a ON a.id=i.assessment WHERE a.outcome=?";
  const std::string input = packed(submission.input);
  const std::string result = packed(submission.assessment);
  const std::string bundle = packed(submission.bundle);
  if (input.empty() || result.empty() || bundle.empty()) {
    return tl::unexpected(Failure{Exit::outside, "MF-3100: the store cannot be kept: zstd"});
  }
  const auto stands = write.file().number(kStands, submission.outcome);
  if (!stands) {
    return tl::unexpected(stands.error());
  }
  if (*stands) {
    return Receipt{**stands, false};
  }
  write.change("INSERT INTO receipt(response,arrived) VALUES(?,?) ON CONFLICT DO NOTHING",
               submission.response, seconds(now));
  const auto assessment = write.added(
      "INSERT INTO assessment(receipt,outcome,tier,target_hours,made,input,result)"
      " VALUES((SELECT id FROM receipt WHERE response=?),?,?,?,?,?,?) RETURNING id",
      submission.response, submission.outcome, submission.tier, submission.target_hours,
      seconds(now), input, result);
  if (submission.is_urgent) {
    write.change("INSERT INTO escalation(assessment,raised) VALUES(?,?)", assessment, seconds(now));
  }
  const auto item = write.added(
      "INSERT INTO item(assessment,thread,urgency,due,bundle,kind) VALUES(?,?,?,?,?,?) RETURNING "
      "id",
      assessment, submission.thread, submission.target_hours.value_or(kNoTarget), seconds(now),
      bundle, name_of(submission.kind));
  const Receipt receipt{item, true};
  return write.is_good() ? Result<Receipt>(receipt) : tl::unexpected(write.file().failure());
}

}  // namespace myoflag::store
