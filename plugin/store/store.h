#pragma once
// What the program must not lose: responses that came in, what was made of them, and what of it
// still has to reach the EHR. One SQLite file for its owner only, or a database of PostgreSQL
// ("postgresql://..."); several processes may hold it open. Every call is one transaction, on disk
// when it returns. It holds patient data; what its errors and Item say is free of it. Errors:
// docs/errors/delivery.md, MF-3100 to MF-3111.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/json.h"
#include "plugin/store/result.h"

namespace myoflag::store {

// What is on its way: a judged form, a request that was chosen for one, or how an invitation
// stands.
enum class Kind { form, proposal, task };

// One response, judged, for the EHR. All names are made for this and say nothing of a patient.
struct Submission {
  std::string response;  // which response, in which version
  std::string thread;    // shared by all versions of it: they are delivered in their order
  std::string outcome;   // what was made of it: new knowledge or new facts give another one
  std::string input;     // as it came
  std::string tier;
  std::optional<std::int64_t> target_hours;
  std::string assessment;  // JSON
  std::string bundle;      // FHIR transaction, JSON
  bool is_urgent = false;  // shown to people until one of them says that he knows
  Kind kind = Kind::form;
};

struct Receipt {
  std::int64_t item = 0;
  bool is_new = false;  // false: the same was submitted before, and this is its item
};

enum class ItemState { waiting, done, parked };

// One submission on its way.
struct Item {
  std::int64_t id = 0;
  ItemState state = ItemState::waiting;
  std::string outcome;
  std::string tier;
  std::optional<std::int64_t> target_hours;
  Time arrived;
  Time due;                   // not tried before
  std::optional<Time> since;  // first try that failed, after the last that did not
  int tries = 0;              // that failed, since then
  std::string rung;           // empty: not planned yet
  std::string folded;  // "Device 1, Provenance 1": put into the document, not written on their own
  std::string code;    // of the last trouble, or why it is parked
  std::string reason;
  int steps = 0;
  int steps_done = 0;
  Kind kind = Kind::form;
};

enum class StepState {
  intent,  // will be written
  sent,    // may have arrived
  done     // is in the EHR
};

// One resource to write.
struct Step {
  std::string urn;  // its fullUrl in the bundle
  int wave = 0;     // refers to resources of earlier waves only
  std::string type;
  std::string how;     // words of who plans
  std::string search;  // what finds it there, ready for a URL
  std::string body;    // JSON
  StepState state = StepState::intent;
  std::string id;  // "Observation/123" there, when known
};

struct Arrival {
  std::string urn;
  std::string id;  // may be empty: it is there, and nobody says under which name
};

struct Escalation {
  std::int64_t id = 0;
  std::int64_t item = 0;
  std::string tier;
  std::optional<std::int64_t> target_hours;
  Time raised;
  ItemState item_state = ItemState::waiting;
  std::optional<Time> acknowledged;  // the first time
  std::string acknowledged_by;       // as that person said it
  std::optional<Time> told;          // when a web hook took it
  bool is_alert_parked = false;
  int alert_tries = 0;  // that failed
  std::string alert_why;
};

// An urgent result that a web hook is to be told of.
struct Alert {
  std::int64_t escalation = 0, item = 0;
  std::string outcome;
  std::string tier;
  std::optional<std::int64_t> target_hours;
  Time received;
  int tries = 0;              // that failed
  std::optional<Time> since;  // the first of them
};

struct Counts {
  std::uint64_t waiting = 0, done = 0, parked = 0, urgent = 0;
  std::optional<Time> oldest;  // arrival of the first that waits
  // Of a web hook: urgent results that nobody has acknowledged.
  std::uint64_t alerts_waiting = 0, alerts_parked = 0;
  std::uint64_t alerts_told = 0;     // acknowledged or not
  std::optional<Time> oldest_alert;  // raised, of those that wait
};

class Store {
 public:
  // Makes the file, or the tables, where there are none. MF-3100 to MF-3103, MF-3109. `at_write`:
  // called before and after every transaction that changes something; tests end the program there.
  static Result<Store> open(const std::string& place, std::function<void()> at_write = {});
  ~Store();
  Store(Store&&) noexcept;

  // Acknowledge only after this.
  Result<Receipt> submit(const Submission& submission, Time now);
  // All or none.
  Result<std::vector<Receipt>> submit(const std::vector<Submission>& all, Time now);

  // One store, one target: ids of one server mean nothing to another. False when anything may have
  // been sent to another one; before that the target can be corrected.
  Result<bool> claim(std::string_view target);

  // For who delivers. The most urgent item that is due; versions of a response one after the other.
  // In a database, where several deliver, it is claimed: for two minutes, and again with each of
  // plan, sent, arrived and postpone, nobody else gets it. One who took longer, and was overtaken,
  // may write no more of it: MF-3111.
  Result<std::optional<std::int64_t>> next(Time now);
  Done give_back(std::int64_t item);                   // others may have it at once
  Result<std::optional<Time>> next_due();              // of all that wait
  Result<fhir::Json> bundle(std::int64_t item);        // MF-3107: it is damaged
  Result<std::vector<Step>> steps(std::int64_t item);  // by wave
  // Steps that are there already keep what they have reached; those that are done stay as they are.
  Done plan(std::int64_t item, std::string_view rung, std::string_view folded,
            const std::vector<Step>& steps);
  Done sent(std::int64_t item, const std::vector<std::string>& urns);
  // With the last step the item is done.
  Done arrived(std::int64_t item, const std::vector<Arrival>& arrivals);
  Done postpone(std::int64_t item, Time now, Time due, std::string_view code,
                std::string_view reason);
  Done park(std::int64_t item, std::string_view code, std::string_view reason);

  // For who tells a web hook: of urgent results that nobody has acknowledged, the one tried least
  // and most urgent that is due.
  Result<std::optional<Alert>> next_alert(Time now);
  Result<std::optional<Time>> next_alert_due();  // of all that wait
  Done alert_told(std::int64_t escalation, Time now);
  Done postpone_alert(std::int64_t escalation, Time now, Time due, std::string_view why);
  Done park_alert(std::int64_t escalation, std::string_view why);
  Done retry_alert(std::int64_t escalation, Time now);  // of a parked one; MF-3104, MF-3105

  // For people.
  Result<std::vector<Item>> items(bool with_done);
  Result<Item> item(std::int64_t item);  // MF-3104
  Result<std::string> assessment(std::int64_t item);
  Done retry(std::int64_t item, Time now);  // of a parked one, planned anew; MF-3104, MF-3105
  Result<std::vector<Escalation>> escalations(bool with_acknowledged = false);
  // Who was first stands. MF-3104.
  Done acknowledge(std::int64_t escalation, std::string_view who, Time now);
  Result<Counts> counts();

  // Small things to remember.
  Result<std::optional<std::string>> bookmark(std::string_view name);
  Done set_bookmark(std::string_view name, std::string_view value);

 private:
  struct State;
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace myoflag::store
