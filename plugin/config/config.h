#pragma once
// The configuration of `myoflag serve`: one YAML file in which every option may be left out. Every
// problem is told, each with line and column. Secrets do not stand in it: it names the environment
// variables that hold them. Errors: MF-4250 to MF-4256, and those of YAML (MF-2002 to MF-2006).

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/http/limits.h"
#include "plugin/http/tls.h"
#include "plugin/trust/key_set.h"
#include "rules/problem.h"

namespace myoflag::config {

// A client whose signed calls are answered. plugin/trust/jwt.h says what each means.
struct TrustedClient {
  std::string issuer, key_set, key_set_url, tenant;
  std::set<trust::Algorithm> algorithms{trust::Algorithm::es384, trust::Algorithm::rs384};
};

struct Config {
  std::string host = "127.0.0.1";  // an address, not a name
  std::uint16_t port = 8080;       // 0: any free one
  std::string base;                // as clients know this program, without a slash at the end
  http::TlsFiles tls;              // empty: plain HTTP
  std::vector<TrustedClient> clients;
  std::chrono::seconds key_refresh{0};  // between two fetches of key sets; 0: never
  std::vector<std::string> origins;     // of pages that may call
  std::string knowledge;                // folder; empty: inside the program
  std::string intake_link, summary_app;
  std::string id_secret;  // name of an environment variable; empty: none
  http::Limits limits;    // workers 0: one for each core, at least two
};

// The same as a file with everything explained. Of a Config{}: the default file. Reading it gives
// the same Config again.
std::string to_text(const Config& config);
Config default_config();

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

}  // namespace myoflag::config
