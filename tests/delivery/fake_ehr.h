#pragma once
// An EHR in memory that keeps what it is given as strictly as a real one, says what it takes as
// the test wants, and fails in every way in which servers and networks fail.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fhir/client/client.h"

namespace myoflag::delivery {

enum class Fault {
  none,
  unavailable,   // 503, nothing done
  throttled,     // 429 with Retry-After, nothing done
  cut,           // the connection breaks before the server has read it
  lost_answer,   // done, and the connection breaks before the answer
  half_answer,   // done, and half of the answer arrives as if it were all
  error_behind,  // done, and a proxy answers 502
  error_before,  // 500, nothing done
};
inline constexpr int kFaults = 8;

class FakeEhr final : public fhir::client::Transport {
 public:
  using Answer = tl::expected<fhir::client::Response, fhir::client::TransportFailure>;

  explicit FakeEhr(fhir::Json statement) : statement_(std::move(statement)) {}

  Answer send(const fhir::client::Request& request) override;
  Answer download(const fhir::client::Request& request, const std::string& file) override;

  // Which fault the exchange of that number, from 1, has.
  std::function<Fault(int)> fault = [](int) { return Fault::none; };
  // Called before and after each exchange; may end the test program's run by throwing.
  std::function<void()> at_exchange = [] {};
  // Instead of what it would answer.
  std::function<std::optional<fhir::client::Response>(const fhir::client::Request&)> instead;
  bool tells_place = true;      // Location after a create
  bool ignores_search = false;  // any search gives everything of the type

  int exchanges = 0;
  std::vector<std::string> asked;  // "POST /Observation"
  std::vector<fhir::Json> stored;  // in the order in which they came
  std::vector<std::string> wrong;  // what no client may do

 private:
  fhir::client::Response answer(const fhir::client::Request& request);
  fhir::client::Response search(std::string_view type, std::string_view query);
  fhir::Json write(const fhir::Json& entry);  // "response" of an entry
  fhir::Json create(fhir::Json resource, std::string_view if_none_exist);
  fhir::Json replace(fhir::Json resource, std::string_view query);
  fhir::client::Response together(const fhir::Json& bundle);
  std::vector<fhir::Json*> matches(std::string_view type, std::string_view query);
  bool takes(std::string_view type, std::string_view interaction, std::string_view condition) const;
  void check_references(const fhir::Json& value);

  fhir::Json statement_;
  int next_id_ = 1000;
  std::size_t checked_ = 0;  // of stored
};

// A CapabilityStatement. `types`: "Observation:create,update,search-type,conditionalCreate".
fhir::Json statement_of(bool transaction, bool batch, const std::vector<std::string>& types);
// What HAPI says, and what was captured from Epic and Millennium.
fhir::Json generous_statement();
fhir::Json epic_statement();
fhir::Json millennium_statement();

}  // namespace myoflag::delivery
