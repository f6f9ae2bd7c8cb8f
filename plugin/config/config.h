#pragma once
// The configuration of `myoflag serve`: one YAML file in which every option may be left out. Every
// problem is told, each with line and column. Secrets do not stand in it: it names the environment
// variables that hold them. Errors: MF-4250 to MF-4256, MF-4259, and those of YAML (MF-2002 to
// MF-2006).

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/ehr/ehr_options.h"
#include "plugin/http/limits.h"
#include "plugin/http/tls.h"
#include "plugin/trust/key_set.h"
#include "rules/problem.h"

namespace myoflag::config {

// A client whose signed calls are answered. plugin/trust/jwt.h says what each means.
struct TrustedClient {
  std::string issuer, key_set, key_set_url, tenant;
  std::string fhir_server;  // may be asked with the token of a call; empty: nothing is fetched
  std::set<trust::Algorithm> algorithms{trust::Algorithm::es384, trust::Algorithm::rs384};
};

// Where results go; what each means: plugin/ehr/ehr_options.h.
struct Delivery {
  std::string store;  // file of the outbox; empty: nothing is delivered
  ehr::EhrOptions ehr;
  ehr::DeliveryChoice how;
  std::string escalate;          // "communication": an urgent result also writes one; empty: none
  std::chrono::seconds poll{0};  // between two looks for new responses there; 0: none
  std::string hook;              // address that is told of urgent results; empty: none
};

// Of what did not come with a call.
struct Fetching {
  std::size_t at_once = 4;                  // calls; 0: nothing is fetched
  std::chrono::milliseconds deadline{500};  // of the whole call
  std::string ca, proxy;
};

// Pages that patients answer. Off without a store.
struct IntakeOptions {
  std::string store;                            // file
  std::string clinic, phone, emergency_number;  // as the pages show them
  std::string order;                            // "adaptive"; empty: the whole form
  std::chrono::seconds idle{3'600};             // then the date of birth is asked again
  std::chrono::seconds device_idle{300};        // then a device of the clinic closes the form
  int tries = 5;                                // wrong dates of birth, then it is locked ...
  std::chrono::seconds lock{3'600};             // ... for so long
  int requests_per_minute = 1'200;              // from one address
  std::string proxy_field;                      // in which a proxy names the address; empty: none
  std::vector<std::string> languages;           // that are offered, the usual one first; empty: all
  std::vector<std::string> appointment_types;   // "system|code" of who is invited
  int appointment_days = 14;                    // so far ahead
  std::string task = "off";                     // or "on": the EHR gets a Task for each invitation
  std::string prefill = "off";                  // or "on": the record suggests answers
  std::chrono::seconds prefill_age{86'400};     // then it is fetched anew when the form is opened
  std::chrono::milliseconds prefill_wait{1'500};  // at most, for whoever opens it
  std::string inviter;  // issuer of trust.clients that may invite over HTTP; empty: nobody
};

// An EHR whose clinicians open the clinic's pages from a patient's record. plugin/launch/server.h
// says what each means.
struct LaunchServer {
  std::string iss, client_id, key, key_id;
  std::string scope = "launch openid fhirUser";
  std::set<trust::Algorithm> algorithms{trust::Algorithm::es256, trust::Algorithm::es384,
                                        trust::Algorithm::rs256, trust::Algorithm::rs384};
};

// SMART App Launch. Off without a server.
struct LaunchOptions {
  std::vector<LaunchServer> servers;
  std::string patients_of;                   // iss; empty: of the only server
  std::vector<std::string> frame_ancestors;  // origins
  std::chrono::seconds idle{1'800};
  std::chrono::seconds whole{28'800};
  std::size_t at_once = 4;
  std::string ca, proxy;
};

// Who of the clinic signs in to its pages, with OpenID Connect. Off without an issuer.
// plugin/launch/server.h says what each means.
struct StaffOptions {
  std::string issuer, client_id, key, key_id;
  std::string secret;              // name of an environment variable; empty: none
  std::string secret_method = {};  // empty: client_secret_basic
  std::string scope = "openid profile";
  std::string aud, claim, value;
  std::chrono::seconds idle{1'800};
  std::chrono::seconds whole{28'800};
  std::string sign_out = "provider";  // or "here"
  std::string local_access = "on";    // or "off": who is on this machine has to sign in, too
};

struct Config {
  std::string host = "127.0.0.1";  // an address, not a name
  std::uint16_t port = 8080;       // 0: any free one
  std::string base;                // as clients know this program, without a slash at the end
  http::TlsFiles tls;              // empty: plain HTTP
  std::vector<TrustedClient> clients;
  std::chrono::seconds key_refresh{0};         // between two fetches of key sets; 0: never
  std::chrono::seconds key_refresh_least{60};  // the same, when a token names a key not known
  std::vector<std::string> origins;            // of pages that may call
  std::string knowledge;                       // folder; empty: inside the program
  std::string intake_link, summary_app;
  std::string id_secret;  // name of an environment variable; empty: none
  std::string state;      // folder; empty: nothing outlives the program
  Fetching fetching;
  Delivery delivery;
  IntakeOptions intake;
  LaunchOptions launch;
  StaffOptions staff;
  std::chrono::seconds card_time{2};  // to make the answer to a call
  http::Limits limits;                // workers 0: one for each core, at least two
};

// The same as a file with everything explained. Of a Config{}: the default file. Reading it gives
// the same Config again.
std::string to_text(const Config& config);
Config default_config();

// "delivery.to" and so on: the options in which they differ, in the order of the file.
std::vector<std::string> differences(const Config& one, const Config& other);

// A configuration and where in its file it stands, for problems that show later.
class Loaded {
 public:
  const Config& config() const { return config_; }
  Config& config() { return config_; }

  // At the value of an option ("tls.key", "trust.clients[1].key-set"); at the start of the file
  // where it is left out.
  rules::Problem problem(const std::string& option, std::string code, std::string text) const;

 private:
  friend class Reader;
  struct Place {
    std::size_t line = 0, column = 0;
    std::string excerpt;
  };
  Config config_;
  std::string file_;
  std::map<std::string, Place> places_;
};

// `file` is for the problems. Paths in the configuration are taken as they stand.
tl::expected<Loaded, rules::Problems> read_config(std::string file, std::string bytes);

bool is_loopback(const std::string& host);

// Clients that are known by their tokens, or patients by their links: there is something to serve.
bool serves_anybody(const Config& config);

}  // namespace myoflag::config
