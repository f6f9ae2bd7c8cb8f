#pragma once
// What people of the clinic see of the outbox and do with it: forms that came in, what is urgent
// and who looks after it, draft requests that somebody chose, results that do not reach the record.
// In the file of plugin/store. Every call is one transaction, on disk when it returns; several
// threads and several processes may call at once. Errors: MF-3100 to MF-3103.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/review/whose.h"
#include "plugin/store/store.h"

namespace myoflag::review {

using store::Done;
using store::Result;
using store::Time;

// A judged form, or a request that was chosen for one, and how it stands. `outcome` names the form
// towards the outside: a digest, nothing of a patient.
struct Row {
  std::int64_t item = 0;
  std::string outcome;
  std::string tier;
  std::optional<std::int64_t> target_hours;
  Time made;
  store::ItemState state = store::ItemState::waiting;
  int tries = 0;             // of the delivery that failed, one after the other
  std::string code, reason;  // of its last trouble
  std::string assessment;    // JSON; empty: it is damaged
  bool is_urgent = false;    // somebody is to say that he looks after it
  std::int64_t escalation = 0;
  std::optional<Time> acknowledged;
  std::string acknowledged_by;
  store::Kind kind = store::Kind::form;
  bool is_unfinished = false;  // answers that interrupted the form, before it was sent
};

// A judged form whole.
struct Kept {
  Row row;
  std::string input;   // as it came
  std::string bundle;  // FHIR transaction
  std::string newer;   // outcome of the newest state of the same form; empty: it is this one
};

// A test that somebody chose for a form.
struct Proposal {
  std::string workup;
  store::ItemState state = store::ItemState::waiting;
};

class Desk {
 public:
  // As store::Store::open says.
  static Result<Desk> open(const std::string& path);
  ~Desk();
  Desk(Desk&&) noexcept;

  // The newest state of every form that was judged since then, and those that are urgent and that
  // nobody looks after, the most pressing first. At most `most`: one more says that there are more.
  Result<std::vector<Row>> forms(Time since, int most);
  Result<std::optional<Kept>> form(std::string_view outcome);
  // The same of one patient, of all times, what is urgent first, then the newest. `is_home`: also
  // where the form names the patient without a server.
  Result<std::vector<Row>> forms_of(const Whose& whom, bool is_home, int most);
  // Reads whose the forms are that came since the last time: forms_of does it too, but the first
  // time there may be many.
  Done catch_up();
  // Forms and chosen requests that wait after a failed try, or are parked.
  Result<std::vector<Row>> troubles(int most);

  // Who was first stays. False: there is no such thing.
  Result<bool> acknowledge(std::int64_t escalation, std::string_view by, Time now);

  Result<std::vector<Proposal>> proposals(std::int64_t item);
  // Once for each test, however often it is asked for. `submission`: the request as a transaction.
  Done propose(std::int64_t source, std::string_view workup, const store::Submission& submission,
               Time now);

  // Date of birth in the invitation that became this response; empty: it had none.
  Result<std::string> born(std::string_view response);

 private:
  struct State;
  explicit Desk(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace myoflag::review
