#pragma once
// Responses that were found in the EHR, each version taken once, until they are judged: in the file
// of the store, so that taking them, and judging them with all that follows, is one transaction
// each. Every call is on disk when it returns; several processes may hold it open. It holds patient
// data; codes, reasons and Counts are free of it. Errors: MF-3100 to MF-3105.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/store/store.h"

namespace myoflag::store {

enum class FoundState {
  found,    // its record is still to be fetched
  fetched,  // to be judged
  judged,   // has an item
  ours,     // was delivered from here, and nobody has changed it: nothing follows
  parked    // cannot be read or judged, until a person says otherwise
};

struct NewFound {
  std::string source;        // "QuestionnaireResponse/123", at the EHR
  std::string version;       // of it
  std::string response;      // JSON; empty where it cannot be read
  std::string code, reason;  // why it is parked at once; empty: it is not
  FoundState state = FoundState::found;
};

struct Found {
  std::int64_t id = 0;
  std::string source, version;
  FoundState state = FoundState::found;
  Time since;
  std::string code, reason;
  std::optional<std::int64_t> item;
};

struct FoundContent {
  std::int64_t id = 0;
  std::string source;
  Time since;            // taken
  std::string response;  // JSON
  std::string record;    // JSON: what was fetched for it
};

// How asking goes.
struct Polling {
  std::optional<std::string> bookmark;  // what has changed there since; nothing: never asked
  std::optional<Time> done;             // the last time that all was seen
  std::optional<Time> begun;            // the first time that it was asked
  int failures = 0;                     // since then
  Time not_before;                      // asked for, or by our own patience
  std::string why;                      // of the last failure
};

struct FoundCounts {
  std::uint64_t waiting = 0, judged = 0, ours = 0, parked = 0;
};

class Inbox {
 public:
  static Result<Inbox> open(const std::string& path, std::function<void()> at_write = {});
  ~Inbox();
  Inbox(Inbox&&) noexcept;

  Result<Polling> polling();
  Result<Time> begin(Time now);  // the first time that this was called
  // Those that were not taken before. Gives how many.
  Result<int> take(const std::vector<NewFound>& page, Time now);
  // The same of the last page, and that all was seen up to `bookmark`.
  Result<int> take_last(const std::vector<NewFound>& page, std::string_view bookmark, Time now);
  Done failed(Time not_before, std::string_view why);
  Result<bool> is_taken(std::string_view source, std::string_view version);

  // Transactions that wrote such a response from here: under this name there, or findable by this
  // search.
  Result<std::vector<std::string>> delivered(std::string_view source, std::string_view search);

  Result<std::optional<FoundContent>> next(FoundState state);
  Done fetched(std::int64_t id, std::string_view record);
  // Response, assessment, outbox, and that this one is judged.
  Result<Receipt> judged(std::int64_t id, const Submission& submission, Time now);
  Done park(std::int64_t id, std::string_view code, std::string_view reason);
  // Of a parked one: its record is fetched anew. One that could not be read is found anew.
  Done retry(std::int64_t id);  // MF-3104, MF-3105

  Result<std::vector<Found>> list(bool with_done);
  Result<FoundCounts> counts();

 private:
  struct State;
  explicit Inbox(std::unique_ptr<State> state);
  Result<std::optional<FoundContent>> first_of(FoundState state);  // packed
  std::unique_ptr<State> state_;
};

}  // namespace myoflag::store
