#pragma once
// Which cards were shown and what became of them, in one SQLite file: ids that nobody can trace to
// a patient without the site's secret, rules, outcomes, days. No answer, no comment, no name. Every
// call is one transaction, on disk when it returns; several processes may hold the file open.
// Errors: MF-3100 to MF-3103, MF-3110.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plugin/cds/service.h"
#include "plugin/feedback/request.h"
#include "plugin/store/result.h"

namespace myoflag::feedback {

using store::Done;
using store::Result;
using Day = std::chrono::sys_days;

// What one call brought.
struct Kept {
  std::size_t fresh = 0;      // the others were known already
  std::size_t strangers = 0;  // of cards that this store does not know, or not yet
};

// Cards with the same rules.
struct Group {
  cds::ShownCard::Kind kind = cds::ShownCard::Kind::assessment;
  std::vector<std::string> rules;  // the strongest reason first
  std::uint64_t cards = 0, accepted = 0, overridden = 0, answered = 0;
};

// Cards whose strongest reason is `rule` that were set aside for one reason.
struct Reason {
  std::string rule, reason;
  std::uint64_t cards = 0;
};

// Cards whose strongest reason is `rule` that had one outcome.
struct Answered {
  std::string rule;
  Outcome outcome = Outcome::accepted;
  std::uint64_t cards = 0;
};

struct Taken {
  std::string card, suggestion, rule;
};

class Store {
 public:
  // "": a temporary file that is gone with it.
  static Result<Store> open(const std::string& path);
  ~Store();
  Store(Store&&) noexcept;

  // A card that is known stays as it is. Cards and feedback find each other in any order.
  Done show(const std::vector<cds::ShownCard>& cards, Day day);

  // The same outcome of the same card at the same time counts once, and keeps what either says.
  Result<Kept> keep(const std::vector<Feedback>& feedback, Day day);

  // What nobody answered, and what no card is known to, from before that day.
  Done forget_before(Day day);

  // Of cards shown since that day.
  Result<std::vector<Group>> groups(Day since);
  Result<std::vector<Reason>> reasons(Day since);
  Result<std::vector<Taken>> taken(Day since);
  Result<std::vector<Answered>> answered();  // of assessments, since ever
  Result<std::uint64_t> strangers();         // cards that there is feedback of, and nothing else

 private:
  struct State;
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace myoflag::feedback
