#include "plugin/launch/launch.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "fhir/client/transport.h"
#include "plugin/mapping/patient_identity.h"
#include "plugin/random_uuid.h"
#include "plugin/trust/gate.h"

namespace myoflag::launch {

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr minutes kDiscoveryLife{10};
constexpr seconds kTroubleLife{2};  // who waited for one that failed does not try it again
constexpr minutes kKeysLife{10};
constexpr minutes kKeysUsable{60};  // while no newer set comes
constexpr seconds kKeysLeast{20};   // between two fetches for keys that are not known
constexpr std::size_t kMostParameter = 6u << 10;
constexpr std::size_t kMostGivenAway = 10'000;  // that are remembered
constexpr seconds kRounding{1};                 // of times in whole seconds
constexpr int kOk = 200;
constexpr int kTheirs = 502;  // the EHR's part did not work

tl::unexpected<Refused> refused(int status, const char* page, std::string why) {
  return tl::unexpected(Refused{status, page, std::move(why)});
}

// Visible characters of ASCII: what it came as.
bool is_opaque(std::string_view text) {
  return !text.empty() && text.size() <= kMostParameter &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::string_view without_slash(std::string_view address) {
  while (address.ends_with('/')) {
    address.remove_suffix(1);
  }
  return address;
}

// What came instead of an answer that could be used.
std::string trouble_of(const ehr::WebAnswer& answer) {
  if (answer.status != 0) {
    return fmt::format("status {}", answer.status);
  }
  return answer.code.empty() ? "no answer in time" : answer.code;
}

// Several may have one name: the login tells them apart.
Session staff_of(trust::Identity identity) {
  Session session;
  const auto& login = identity.login.empty() ? identity.subject : identity.login;
  session.name = identity.name.empty() ? login : fmt::format("{} ({})", identity.name, login);
  session.user = std::move(identity.subject);
  session.proved = identity.proved;
  return session;
}

Whom whom_of(const Server& server, const std::string& patient) {
  const auto key = mapping::reference_key(fmt::format("{}/Patient/{}", server.iss, patient));
  return {key.base, key.tail, server.is_home};
}

}  // namespace

Launches::Launches(std::vector<Server> servers, std::string redirect, Exchange exchange)
    : servers_(std::move(servers)), redirect_(std::move(redirect)), exchange_(std::move(exchange)) {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    known_.push_back(std::make_unique<Known>());
  }
}

// ---- begin

tl::expected<std::string, Refused> Launches::begin(const Beginning& given, Instant now) {
  const auto iss = given.iss.value_or("");
  const auto server = std::find_if(servers_.begin(), servers_.end(), [&](const Server& one) {
    return one.iss == without_slash(iss);
  });
  if (server == servers_.end()) {
    return refused(403, "launch-unknown", "MF-4270: the iss is none of launch.servers");
  }
  if (!given.launch || !is_opaque(*given.launch)) {
    return refused(403, "launch-unknown", "MF-4270: there is no launch parameter");
  }
  return send_off(static_cast<std::size_t>(server - servers_.begin()), given, now);
}

tl::expected<std::string, Refused> Launches::begin_staff(const std::string& browser, bool anew,
                                                         Instant now) {
  return send_off(0, {servers_.front().aud, {}, browser, false, anew}, now);
}

tl::expected<std::string, Refused> Launches::send_off(std::size_t index, const Beginning& given,
                                                      Instant now) {
  const auto discovery = discovery_of(index, now);
  if (!discovery) {
    return tl::unexpected(discovery.error());
  }
  const Secrets secrets{random_token(), random_token(), random_token() + random_token()};
  begun_.put(secrets.state, {index, digest_of(given.browser), discovery->issuer, discovery->token,
                             discovery->keys, discovery->end_session, secrets.nonce,
                             secrets.verifier, given.is_framed, now, given.anew, devices()});
  return authorize_address(
      *discovery, servers_[index], secrets,
      {given.iss.value_or(""), given.launch.value_or(""), redirect_, given.anew});
}

std::string Launches::label(std::size_t server) const {
  return servers_[server].is_staff ? "staff" : fmt::format("launch.servers[{}]", server);
}

// One thread asks, the others wait for it.
tl::expected<Discovery, Refused> Launches::discovery_of(std::size_t server, Instant now) {
  Known& known = *known_[server];
  const std::lock_guard lock(known.mutex);
  if (known.discovery && now >= known.discovered && now < known.discovered + kDiscoveryLife) {
    return *known.discovery;
  }
  if (known.trouble && now >= known.troubled && now < known.troubled + kTroubleLife) {
    return tl::unexpected(*known.trouble);
  }
  const bool is_staff = servers_[server].is_staff;
  const auto answers =
      exchange_({{servers_[server].iss + (is_staff ? "/.well-known/openid-configuration"
                                                   : "/.well-known/smart-configuration"),
                  {},
                  {}}});
  const auto fail = [&](const std::string& why) {
    known.troubled = now;
    known.trouble =
        Refused{kTheirs, "launch-failed",
                fmt::format("MF-4273: the configuration of {}: {}", label(server), why)};
    return tl::unexpected(*known.trouble);
  };
  if (answers.size() != 1 || answers.front().status != kOk) {
    return fail(answers.empty() ? "no answer" : trouble_of(answers.front()));
  }
  auto discovery = read_discovery(answers.front().body);
  if (!discovery) {
    return fail(discovery.error());
  }
  if (is_staff && without_slash(discovery->issuer) != servers_[server].iss) {
    return fail("it is another issuer's");
  }
  if (!servers_[server].signed_out.empty() && !discovery->end_session.empty() &&
      !fhir::client::may_be_called(discovery->end_session)) {
    return fail("its end_session_endpoint is no https address");
  }
  known.trouble.reset();
  known.discovery = *discovery;
  known.discovered = now;
  return *discovery;
}

// ---- finish

tl::expected<Session, Refused> Launches::finish(const Return& given, Instant now) {
  const auto begun =
      given.state && is_opaque(*given.state) ? begun_.take(*given.state, now) : std::nullopt;
  if (!begun) {
    return refused(403, "launch-state", "MF-4271: the state is not known, used, or too old");
  }
  if (given.browser.empty() || digest_of(given.browser) != begun->browser) {
    return refused(403, "launch-state",
                   given.browser.empty() ? "MF-4271: the browser sent no cookie"
                                         : "MF-4271: another browser began it");
  }
  if (given.iss && *given.iss != begun->issuer) {
    return refused(403, "launch-state", "MF-4271: another issuer answers");
  }
  if (given.error) {
    return refused(403, "launch-denied",
                   "MF-4272: the authorization server says " + error_word(*given.error));
  }
  if (!given.code || !is_opaque(*given.code)) {
    return refused(403, "launch-state", "MF-4271: there is no code");
  }
  const auto asked = std::chrono::steady_clock::now();
  const auto granted = redeem(*begun, *given.code);
  if (!granted) {
    return tl::unexpected(granted.error());
  }
  const auto since_begun = std::chrono::ceil<seconds>(
      (now - begun->made) + (std::chrono::steady_clock::now() - asked) + kRounding);
  auto identity = identify(*begun, granted->id_token,
                           begun->anew ? std::optional(since_begun) : std::nullopt, now);
  if (!identity) {
    return tl::unexpected(identity.error());
  }
  if (is_given_away(*begun)) {
    spend(identity->subject,
          identity->proved);  // the session at the provider stays in that browser
    return refused(403, "launch-state", "MF-4271: the device was given away since it began");
  }
  if (servers_[begun->server].is_staff && is_given_away(*identity)) {
    return tl::unexpected(
        Refused{403, "launch-proof",
                "MF-4275: the id_token of staff: it rests on a sign-in of a device that was given "
                "away",
                true});
  }
  if (servers_[begun->server].is_staff) {
    auto session = staff_of(*std::move(identity));
    if (!begun->end_session.empty() && !servers_[begun->server].signed_out.empty()) {
      Discovery there;
      there.end_session = begun->end_session;
      session.sign_out = sign_out_address(there, servers_[begun->server], granted->id_token);
    }
    return session;
  }
  if (granted->patient.empty()) {
    return refused(403, "launch-patient-none", "MF-4276: the launch has no patient");
  }
  Session session;
  session.only = whom_of(servers_[begun->server], granted->patient);
  session.user = std::move(identity->subject);
  session.is_framed = begun->is_framed;
  return session;
}

std::uint64_t Launches::devices() {
  const std::lock_guard lock(mutex_);
  return devices_;
}

void Launches::give_away(const Session& session, const std::string& browser) {
  const std::lock_guard lock(mutex_);
  if (given_away_.size() >= kMostGivenAway) {  // what began before the oldest is over by far
    given_away_.erase(
        std::min_element(given_away_.begin(), given_away_.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; }));
  }
  given_away_.insert_or_assign(digest_of(browser), ++devices_);
  spend_locked(session.user, session.proved);
}

void Launches::spend(const std::string& user, const std::optional<Instant>& proved) {
  const std::lock_guard lock(mutex_);
  spend_locked(user, proved);
}

void Launches::spend_locked(const std::string& user, const std::optional<Instant>& proved) {
  if (proved) {
    spent_.emplace_back(digest_of(user), *proved);
  }
  if (spent_.size() > kMostGivenAway) {
    spent_.pop_front();
  }
}

bool Launches::is_given_away(const Begun& begun) {
  const std::lock_guard lock(mutex_);
  const auto found = given_away_.find(begun.browser);
  return found != given_away_.end() && found->second > begun.given_away;
}

bool Launches::is_given_away(const trust::Identity& identity) {
  const std::lock_guard lock(mutex_);
  return identity.proved &&
         std::find(spent_.begin(), spent_.end(),
                   std::pair(digest_of(identity.subject), *identity.proved)) != spent_.end();
}

std::string Launches::sign_out(const Session& session, const std::string& browser, Instant now) {
  if (session.sign_out.empty()) {
    return {};
  }
  const auto state = random_token();
  Begun leaving;
  leaving.browser = digest_of(browser);
  leaving.made = now;
  leaving_.put(state, std::move(leaving));
  return session.sign_out + "&state=" + state;
}

bool Launches::is_back(const std::optional<std::string>& state, const std::string& browser,
                       Instant now) {
  const auto left = state && is_opaque(*state) ? leaving_.take(*state, now) : std::nullopt;
  return left && !browser.empty() && digest_of(browser) == left->browser;
}

tl::expected<Granted, Refused> Launches::redeem(const Begun& begun, const std::string& code) {
  const Server& server = servers_[begun.server];
  ehr::SignAs sign;
  if (!server.key_file.empty()) {
    sign = {server.client_id, server.key_file, server.key_id};
  }
  const auto answers = exchange_({{begun.token, token_form(server, code, begun.verifier, redirect_),
                                   sign, token_authorization(server)}});
  const auto fail = [&](const std::string& why) {
    return refused(kTheirs, "launch-failed",
                   fmt::format("MF-4274: the token of {}: {}", label(begun.server), why));
  };
  if (answers.size() != 1 || answers.front().status == 0) {
    return fail(answers.empty() ? "no answer" : trouble_of(answers.front()));
  }
  const auto granted = read_token_answer(answers.front().status, answers.front().body);
  if (!granted) {
    return fail(granted.error());
  }
  return *granted;
}

// A key that is not known may be a new one: then the set is fetched again, once.
tl::expected<trust::Identity, Refused> Launches::identify(
    const Begun& begun, const std::string& token, const std::optional<seconds>& proved_within,
    Instant now) {
  const Server& server = servers_[begun.server];
  const trust::SignIn expected{begun.issuer, server.client_id, begun.nonce,  server.algorithms,
                               server.claim, server.value,     proved_within};
  for (const bool anew : {false, true}) {
    const auto keys = keys_of(begun.server, begun.keys, anew, now);
    if (!keys) {
      return tl::unexpected(keys.error());
    }
    auto identity = trust::verify_id_token(token, expected, **keys, now);
    if (identity) {
      return *std::move(identity);
    }
    if (identity.error() == trust::IdRefused::claim) {
      return refused(403, "launch-unlisted",
                     "MF-4297: who signed in is not staff, as the claim of staff.claim says");
    }
    if (identity.error() == trust::IdRefused::proof ||
        identity.error() == trust::IdRefused::auth_time) {
      return refused(403, "launch-proof",
                     fmt::format("MF-4275: the id_token of {}: {}", label(begun.server),
                                 trust::name_of(identity.error())));
    }
    if (anew || identity.error() != trust::IdRefused::key) {
      return refused(kTheirs, "launch-untrusted",
                     fmt::format("MF-4275: the id_token of {}: {}", label(begun.server),
                                 trust::name_of(identity.error())));
    }
  }
  return refused(kTheirs, "launch-untrusted", "MF-4275: the id_token");
}

tl::expected<std::shared_ptr<const trust::KeySet>, std::string> Launches::fetch_keys(
    std::size_t server, const std::string& address) const {
  const auto answers = exchange_({{address, {}, {}}});
  if (answers.size() != 1 || answers.front().status != kOk) {
    return tl::unexpected(answers.empty() ? std::string("no answer") : trouble_of(answers.front()));
  }
  return trust::read_keys(answers.front().body, servers_[server].algorithms);
}

tl::expected<std::shared_ptr<const trust::KeySet>, Refused> Launches::keys_of(
    std::size_t server, const std::string& address, bool anew, Instant now) {
  Known& known = *known_[server];
  const std::lock_guard lock(known.mutex);
  const bool is_same = known.keys != nullptr && known.keys_from == address;
  const auto younger_than = [&](Instant since, seconds age) {
    return is_same && now >= since && now < since + age;
  };
  if (younger_than(anew ? known.keys_asked : known.keys_fetched,
                   anew ? kKeysLeast : seconds(kKeysLife))) {
    return known.keys;
  }
  const bool has_just_failed = !known.keys_trouble.empty() && now >= known.keys_asked &&
                               now < known.keys_asked + kTroubleLife;
  if (!has_just_failed) {
    known.keys_asked = now;
    auto keys = fetch_keys(server, address);
    known.keys_trouble = keys ? std::string() : keys.error();
    if (keys) {
      known.keys = *std::move(keys);
      known.keys_from = address;
      known.keys_fetched = now;
      return known.keys;
    }
  }
  if (younger_than(known.keys_fetched, kKeysUsable)) {
    return known.keys;
  }
  return refused(kTheirs, "launch-failed",
                 fmt::format("MF-4277: the key set of {}: {}", label(server), known.keys_trouble));
}

}  // namespace myoflag::launch
