#pragma once
// Invitations, visits and drafts, in the file of the store (plugin/store). Tokens of links and of
// sessions are kept as SHA-256 only: who reads the file can open no form. Every call is one
// transaction, on disk when it returns; several threads and several processes may call at once.
// Errors: MF-3100 to MF-3103, MF-4263 to MF-4265, and MF-4290 to MF-4292.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/store/store.h"

namespace myoflag::intake {

using store::Done;
using store::Result;
using store::Time;

struct NewInvitation {
  std::string patient;   // "Patient/123"
  std::string born;      // "1980-02-27"
  std::string language;  // "en"; empty: the one that the browser asks for
  Time expires;
  std::string appointment = {};    // "Appointment/77"; empty: none
  std::optional<Time> meets = {};  // when it begins
  // Where its appointment has an invitation: whether that one takes these times.
  bool moves = true;
  // Where that one was withdrawn by a person: whether that stays so.
  bool stays_withdrawn = false;
  // Names the request, so that it makes one invitation however often it comes; empty: it has no
  // name. `asked`: what it asked for, as a digest.
  std::string key = {}, asked = {};
};

// No link lives longer.
inline constexpr std::chrono::days kLongestInvitation{90};

// What became of an invitation that was asked for.
enum class Became {
  made,
  moved,     // its appointment had one, which has other times or another date of birth now
  kept,      // its appointment or its key had one, and nothing changed
  withdrawn  // its appointment had one that a person has withdrawn
};

struct Created {
  std::int64_t id = 0;
  std::string token;  // stands nowhere else; empty: the invitation was there before
  Became became = Became::made;
};

struct Invitation {
  std::int64_t id = 0;
  std::string response;  // id of the response that it becomes
  std::string patient, born, language;
  Time made, expires;
  std::optional<Time> withdrawn, begun, submitted;
  std::string appointment;    // "Appointment/77"; empty: none
  std::optional<Time> meets;  // when that begins, as far as it was told
  Time locked_until;
  bool locked_for_good = false;
  std::int64_t revision = 0;  // of the draft; every change makes another one
  std::string draft;          // flow.h reads it; empty: nothing was answered
  std::string told;           // what the patient was told at the end
  int interruptions = 0;
  int unread_interruptions = 0;
  // Where staff opened it on a device of the clinic: who gives the answers (Informant::name), and
  // the name of who opened it.
  std::string informant, opened_by;

  bool is_locked(Time now) const { return locked_for_good || locked_until > now; }
};

// "open", "started", "interrupted", "locked", "submitted", "withdrawn", "expired".
std::string_view state_of(const Invitation& invitation, Time now);

// One browser.
struct Visit {
  std::int64_t invitation = 0;
  std::string csrf;       // what its forms must carry
  bool is_known = false;  // the date of birth was right
  Time made, seen;
  bool at_clinic = false;  // on a device of the clinic, which the next person uses too
};

// A form that staff open on a device of the clinic.
struct HandOver {
  std::int64_t invitation = 0;
  std::int64_t revision = 0;  // of the draft that it was decided on
  std::string draft;          // from now on
  std::string informant, opened_by;
};

// How many dates of birth may be wrong.
struct Patience {
  int tries = 5;  // then it is locked for a while
  std::chrono::seconds lock{3'600};
  int locks = 4;  // then for good
};

enum class Identity { right, wrong, locked };

struct Identified {
  Identity outcome = Identity::wrong;
  std::string session;  // a new one when it was right; the one before knows nothing
};

// A page that interrupted the form.
struct Interrupted {
  std::string reason;   // names it, once for each invitation
  std::string display;  // linkId
  bool is_read = false;
};

// What one Continue changes.
struct Change {
  std::int64_t invitation = 0;
  std::int64_t revision = 0;  // the one it was made from
  std::string draft;
  // What interrupts now and did not before, with the answers so far as a judged submission.
  std::vector<Interrupted> interrupted;
  std::optional<store::Submission> judged;
};

// An invitation of which the record does not know how it stands.
struct Untold {
  Invitation invitation;
  std::string says;         // kTaskOpen and until when, kTaskDone, or why it is over
  std::int64_t number = 0;  // of what is told of it, from 1
  fhir::Json answers;       // FHIR transaction; null: there are none, or they are damaged
  bool is_damaged = false;
  std::string response_id;  // "QuestionnaireResponse/1", where the record has it
};
inline constexpr std::string_view kTaskOpen = "requested";
inline constexpr std::string_view kTaskDone = "completed";

// When the record of an invitation may be fetched: by whoever looks for those that are due, or
// because its form is opened.
struct Fetching {
  bool is_opened = false;
  Time not_since{};  // opened: what was fetched before is too old
};
// What was fetched. An empty record: nothing of it may be used.
struct KeptRecord {
  std::string record, suggested;
  bool is_whole = true;        // nothing of it is missing
  bool replaces_part = false;  // another part that was there
};
// What is kept of it, and since when. Empty: nothing.
struct FetchedRecord {
  std::string json;
  Time fetched{};
  bool is_outdated = false;  // too old for a form that was opened, and not fetched whole since
};
// A form that is opened again so soon does not wait for the record once more.
inline constexpr std::chrono::seconds kFetchPause{30};

class Invitations {
 public:
  // As store::Store::open says.
  static Result<Invitations> open(const std::string& path, std::function<void()> at_write = {});
  ~Invitations();
  Invitations(Invitations&&) noexcept;

  // The same appointment, and the same key, have one invitation however often they are asked for.
  // MF-4264: what is asked for is no such thing; MF-4290: the key stands for another request;
  // MF-4291: the appointment's invitation is another patient's.
  Result<Created> invite(const NewInvitation& invitation, Time now);
  // Another link to one that is not over; those before stay good. MF-4263; MF-4265: it is over;
  // MF-4292: it has as many as there may be.
  Result<std::string> another_link(std::int64_t id, Time now);
  Result<std::vector<Invitation>> list();    // without drafts, newest first
  Done withdraw(std::int64_t id, Time now);  // MF-4263: there is none; MF-4265: it was answered
  // Because its appointment was cancelled. False: it was answered, or is withdrawn.
  Result<bool> cancel(std::int64_t id, Time now);

  Result<std::optional<Invitation>> by_token(std::string_view token);
  Result<std::optional<Invitation>> by_id(std::int64_t id);

  // The language of the pages from now on, on every device.
  Done speak(std::int64_t id, std::string_view language);
  // The session. `clinic`: on a device of the clinic, by the patient's own link.
  Result<std::string> begin_visit(std::int64_t invitation, Time now, bool clinic = false);
  // The same on a device of the clinic, whose other visits of this invitation end. Nothing: the
  // draft is another one by now, or the invitation is over; nothing was changed.
  Result<std::optional<std::string>> hand_over(const HandOver& given, Time now);
  Done end_visit(std::string_view session);
  Result<std::optional<Visit>> visit(std::string_view session);
  Done touch(std::string_view session, Time now);
  Done forget(std::string_view session);  // the date of birth is asked again
  // Counted before anything is said, so that many at once are no more tries than one after another.
  Result<Identified> identify(std::string_view session, std::string_view born, Time now,
                              const Patience& patience);

  // False: the draft is another one by now, or the invitation is over; nothing was changed.
  Result<bool> save(const Change& change, Time now);
  // All that interrupts at this revision was read; nothing when the draft is another one by now,
  // which may hold more.
  Done read_interruptions(std::int64_t invitation, std::int64_t revision, Time now);
  Result<std::vector<Interrupted>> interruptions(std::int64_t invitation);
  // The end: response, assessment and outbox together. False as for save.
  Result<bool> submit(std::int64_t invitation, std::int64_t revision,
                      const store::Submission& submission, std::string_view told, Time now);

  // Keeps for the record what it does not know yet of invitations, each in one transaction with the
  // note that it is kept; `make` says how. Answers are told of once the record has them, or a
  // person has to see to that; what tells of damaged ones is kept parked. How many it were; at most
  // a hundred at a time.
  using MakeTask = std::function<store::Submission(const Untold& untold)>;
  Result<int> tell(const MakeTask& make, Time now);
  // Open invitations whose record nobody has fetched yet, or not whole in a few tries, or not again
  // since it was too old for a form that was opened, and whose turn it is.
  Result<std::vector<Invitation>> without_record(Time now, int most);
  // Whoever gets true fetches it; nobody else does meanwhile. After each try that is followed by
  // nothing the next one waits longer; after one for a form that was opened, `kFetchPause`.
  Result<bool> may_fetch(std::int64_t id, const Fetching& why, Time now);
  // In the place of what was there before; a part never replaces the whole. Nothing is kept with an
  // invitation that is over.
  Done keep_record(std::int64_t id, const KeptRecord& kept, Time now);
  Result<std::string> suggested(std::int64_t id);
  Result<FetchedRecord> record(std::int64_t id);  // MF-3107: it is damaged

  // Drafts, records, and what is told, of invitations that are over; visits that nobody can use any
  // more.
  Done tidy(Time now);

 private:
  struct State;
  explicit Invitations(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Nobody uses a session longer than that.
inline constexpr std::chrono::hours kLongestVisit{12};

}  // namespace myoflag::intake
