#pragma once
// Which clients a site trusts, from its configuration, and the gate they pass. The configuration is
// JSON: {"base": "https://cds.example.org", "clients": [{"issuer": "https://ehr.example.org",
// "keySet": "ehr-keys.json", "keySetUrl": "https://ehr.example.org/jwks", "tenant": "north",
// "algorithms": ["ES384"]}]}. Of a client, issuer and keySet are required. Errors: MF-4250,
// MF-4251.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/failure.h"
#include "plugin/trust/jwt.h"

namespace myoflag::trust {

struct Site {
  std::string base;  // address of this program as clients know it, without a slash at the end
  std::vector<Client> clients;
};

// The bytes of a file that the configuration names, or why there are none.
using ReadFile = std::function<tl::expected<std::string, Failure>(const std::string& path)>;

tl::expected<Site, Failure> read_site(std::string_view json, const ReadFile& read_file);

class Gate {
 public:
  explicit Gate(Site site);

  const std::string& base() const { return site_.base; }
  // `path`: "/cds-services/...", without query. Safe from many threads.
  tl::expected<Claims, Denied> admit(std::string_view authorization, std::string_view path,
                                     Instant now);

 private:
  const Site site_;
  ReplayStore replays_;
};

}  // namespace myoflag::trust
