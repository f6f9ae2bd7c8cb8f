#include "plugin/config/options.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <chrono>

namespace myoflag::config {
namespace {

using http::Limits;

bool is_adaptive(const std::string& text) { return text == "adaptive"; }
bool is_communication(const std::string& text) { return text == "communication"; }

bool is_any(const std::string& /*text*/) { return true; }

bool is_address(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  return inet_pton(AF_INET, host.c_str(), &v4) == 1 || inet_pton(AF_INET6, host.c_str(), &v6) == 1;
}

bool is_printable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool is_link(const std::string& text) {
  return (text.starts_with("https://") || text.starts_with("http://")) && is_printable(text);
}

bool is_secret_method(const std::string& text) {
  return text == "client_secret_basic" || text == "client_secret_post";
}

bool is_sign_out(const std::string& text) { return text == "provider" || text == "here"; }

bool is_variable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool is_name(const std::string& text) {
  constexpr std::size_t most = 100;
  return text.size() <= most && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '{' || c == '}';
         });
}

bool is_telephone(const std::string& text) {
  constexpr std::size_t most = 30;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return text.size() <= most && std::any_of(text.begin(), text.end(), digit) &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return digit(c) || std::string_view(" +-()/").find(c) != std::string_view::npos;
         });
}

bool is_language(const std::string& text) {
  constexpr std::size_t most = 35;
  return !text.empty() && text.size() <= most && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

// FHIR's search gives some characters a meaning of their own.
bool is_coding(const std::string& text) {
  const auto bar = text.find('|');
  return is_printable(text) && bar != std::string::npos && bar > 0 && bar + 1 < text.size() &&
         text.find('|', bar + 1) == std::string::npos &&
         text.find_first_of(",$\\\"") == std::string::npos;
}

bool is_proxy(const std::string& text) { return is_link(text) && text.find('@') == text.npos; }

bool is_field_name(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
}

bool is_switch(const std::string& text) { return text == "on" || text == "off"; }

bool is_openid_scope(const std::string& text) {
  return (" " + text + " ").find(" openid ") != std::string::npos;
}

// As far as this program can tell; the one that calls it looks closer.
bool is_hook(const std::string& text) {
  return is_link(text) &&
         (text.starts_with("https://") || text.starts_with("http://127.") ||
          text.starts_with("http://[::1]") || text.starts_with("http://localhost"));
}

constexpr std::string_view link = "an absolute address (https://...)";

template <auto Member>
NumberOption seconds(std::int64_t least, std::int64_t most) {
  return {[](const Config& config) -> std::int64_t {
            return std::chrono::duration_cast<std::chrono::seconds>(config.limits.*Member).count();
          },
          [](Config& config, std::int64_t value) {
            config.limits.*Member = std::chrono::seconds(value);
          },
          least, most, "seconds"};
}

template <auto Member>
NumberOption count(std::int64_t least, std::int64_t most, std::string_view unit = "") {
  return {[](const Config& config) { return static_cast<std::int64_t>(config.limits.*Member); },
          [](Config& config, std::int64_t value) {
            auto& member = config.limits.*Member;
            member = static_cast<std::remove_reference_t<decltype(member)>>(value);
          },
          least, most, unit};
}

constexpr std::array<SectionAbout, 10> all_sections{{
    {"listen", "Where it listens, and with which certificate."},
    {"service", "What it answers from, and what cards lead to."},
    {"trust",
     "Which EHRs may call. Without one every call is refused; there is something to serve then "
     "only\n"
     "with intake.store."},
    {"fetch",
     "What did not come with a call is fetched from the client's fhir-server, with the token of "
     "the\n"
     "call."},
    {"delivery",
     "Which EHR results go to. MYOFLAG_EHR_TOKEN, or MYOFLAG_EHR_USER and MYOFLAG_EHR_PASSWORD, of "
     "the\n"
     "environment sign in where no client-id is named. docs/delivery.md."},
    {"cors", "Which pages of browsers may call, such as those of a sandbox."},
    {"intake",
     "Pages that patients answer before an appointment: docs/intake.md. Off without a store."},
    {"launch",
     "EHRs from whose records clinicians open the clinic's pages (SMART App Launch): "
     "docs/launch.md.\n"
     "Their launch address is service.base + /smart/launch, their redirect address service.base +\n"
     "/smart/callback. Cards lead there where service.summary-app is left out."},
    {"staff",
     "Who of the clinic sees the forms of all patients: docs/launch.md. Off without an issuer. "
     "The\n"
     "redirect address is service.base + /staff/callback; launch.at-once, launch.ca and "
     "launch.proxy\n"
     "hold here as well."},
    {"limits",
     "What one server bears from its clients. What goes beyond is answered with the status named,\n"
     "or the connection is closed."},
}};

const std::array<Option, 89> all{{
    {"listen", "host",
     "Address of this machine, not a name. Another one than loopback (127.0.0.1, ::1) needs a\n"
     "certificate.",
     TextOption{[](Config& c) -> std::string& { return c.host; },
                "an address such as 127.0.0.1 or ::1", is_address}},
    {"listen", "port", "0 takes any free one.",
     NumberOption{[](const Config& c) -> std::int64_t { return c.port; },
                  [](Config& c, std::int64_t v) { c.port = static_cast<std::uint16_t>(v); }, 0,
                  65'535, ""}},
    {"listen", "certificate",
     "PEM file with the certificate and, after it, its chain. TLS 1.2 and 1.3. Read again on "
     "SIGHUP.",
     TextOption{[](Config& c) -> std::string& { return c.tls.certificate; }, "", is_any}},
    {"listen", "key", "PEM file with the private key, without a passphrase.",
     TextOption{[](Config& c) -> std::string& { return c.tls.key; }, "", is_any}},
    {"service", "base",
     "The https:// address of this program as clients know it, without a slash at the end. Their\n"
     "tokens have to be made for it.",
     TextOption{[](Config& c) -> std::string& { return c.base; },
                "an https:// address without a slash at its end", is_base}},
    {"service", "knowledge",
     "Folder with knowledge files, instead of the knowledge inside the program. Read again on "
     "SIGHUP.",
     TextOption{[](Config& c) -> std::string& { return c.knowledge; }, "", is_any}},
    {"service", "intake-link", "Address of the intake form: cards before a visit then offer it.",
     TextOption{[](Config& c) -> std::string& { return c.intake_link; }, link, is_link}},
    {"service", "summary-app",
     "Launch address of the SMART app with the summary: cards then link to it.",
     TextOption{[](Config& c) -> std::string& { return c.summary_app; }, link, is_link}},
    {"service", "id-secret",
     "Name of the environment variable whose value goes into the ids of cards, so that nobody can\n"
     "guess them from what is in a card.",
     TextOption{[](Config& c) -> std::string& { return c.id_secret; },
                "the name of an environment variable (A to Z, 0 to 9 and _)", is_variable}},
    {"service", "state",
     "Folder for what must outlive the program: what became of cards, tokens that were used. Made\n"
     "where it is missing, for its owner only. Without it no feedback is taken.",
     TextOption{[](Config& c) -> std::string& { return c.state; }, "", is_any}},
    {"trust", "clients",
     "- issuer: https://ehr.example.org            the claim iss of its tokens, letter by letter\n"
     "  key-set: ehr-keys.json                     its public keys (JWK Set), read again on "
     "SIGHUP\n"
     "  key-set-url: https://ehr.example.org/jwks  the only address a token may name as its jku;\n"
     "                                             key-set is fetched from there\n"
     "  tenant: north                              the only tenant\n"
     "  fhir-server: https://ehr.example.org/r4    what did not come with a call is fetched from "
     "there\n"
     "  algorithms: [ES384, RS384]                 or one of them\n"
     "issuer and key-set are needed, the others may be left out.",
     ClientsOption{}},
    {"trust", "key-refresh",
     "Between two fetches of the key sets that have an address. What was fetched last stays in "
     "use\n"
     "when a fetch fails. 0: none is fetched.",
     NumberOption{[](const Config& c) -> std::int64_t { return c.key_refresh.count(); },
                  [](Config& c, std::int64_t v) { c.key_refresh = std::chrono::seconds(v); }, 0,
                  86'400, "seconds"}},
    {"trust", "key-refresh-least",
     "Where key sets are fetched: a token of a listed issuer with a key that is not known has "
     "them\n"
     "fetched before their time, but not sooner after the last fetch. The token itself is refused.",
     NumberOption{[](const Config& c) -> std::int64_t { return c.key_refresh_least.count(); },
                  [](Config& c, std::int64_t v) { c.key_refresh_least = std::chrono::seconds(v); },
                  1, 3'600, "seconds"}},
    {"fetch", "at-once",
     "Calls for which something is fetched; as many wait, others are answered without. Each has a\n"
     "process of its own. 0: nothing is fetched.",
     NumberOption{
         [](const Config& c) { return static_cast<std::int64_t>(c.fetching.at_once); },
         [](Config& c, std::int64_t v) { c.fetching.at_once = static_cast<std::size_t>(v); }, 0, 32,
         "calls"}},
    {"fetch", "deadline",
     "Of the whole call. What has not come by then is unknown, and the card says so.",
     NumberOption{
         [](const Config& c) -> std::int64_t { return c.fetching.deadline.count(); },
         [](Config& c, std::int64_t v) { c.fetching.deadline = std::chrono::milliseconds(v); }, 200,
         1'500, "milliseconds"}},
    {"fetch", "ca", "PEM file with certificates to trust beside the system's.",
     TextOption{[](Config& c) -> std::string& { return c.fetching.ca; }, "", is_any}},
    {"fetch", "proxy", "http://host:port",
     TextOption{[](Config& c) -> std::string& { return c.fetching.proxy; },
                "an address without a password", is_proxy}},
    {"delivery", "store",
     "File of the outbox. What waits in it is delivered as long as the program runs. Where "
     "several\n"
     "sidecars share one: postgresql://user@host/database, the password in PGPASSWORD of the\n"
     "environment (docs/operation.md).",
     TextOption{[](Config& c) -> std::string& { return c.delivery.store; }, "", is_any}},
    {"delivery", "to", "Base of the FHIR endpoint.",
     TextOption{[](Config& c) -> std::string& { return c.delivery.ehr.base; }, link, is_link}},
    {"delivery", "folder", "For a site that takes files, instead of `to`: where they go.",
     TextOption{[](Config& c) -> std::string& { return c.delivery.how.folder; }, "", is_any}},
    {"delivery", "site",
     "What is known of the server: generic, epic-like, millennium-like, hapi, file.",
     TextOption{[](Config& c) -> std::string& { return c.delivery.how.site; }, "", is_any}},
    {"delivery", "sites", "YAML file with sites instead of our own.",
     TextOption{[](Config& c) -> std::string& { return c.delivery.how.sites; }, "", is_any}},
    {"delivery", "escalate",
     "communication: an urgent result of the intake pages also writes a Communication into the "
     "record.",
     TextOption{[](Config& c) -> std::string& { return c.delivery.escalate; }, "communication",
                is_communication}},
    {"delivery", "poll",
     "Between two looks for new and changed responses at `to`, which are judged with what the "
     "record\n"
     "there knows, and whose results go there. 0: none.",
     NumberOption{[](const Config& c) -> std::int64_t { return c.delivery.poll.count(); },
                  [](Config& c, std::int64_t v) { c.delivery.poll = std::chrono::seconds(v); }, 0,
                  86'400, "seconds"}},
    {"delivery", "hook",
     "Web hook: an https address that is told of every urgent result, without the patient.\n"
     "MYOFLAG_HOOK_SECRET of the environment, at least 16 bytes, signs what it is told.",
     TextOption{[](Config& c) -> std::string& { return c.delivery.hook; },
                "an https:// address, or http:// on this machine", is_hook}},
    {"delivery", "client-id", "Our name there, for SMART Backend Services.",
     TextOption{[](Config& c) -> std::string& { return c.delivery.ehr.client_id; }, "", is_any}},
    {"delivery", "key", "PEM file with our private key: RSA, or EC on P-384.",
     TextOption{[](Config& c) -> std::string& { return c.delivery.ehr.key_file; }, "", is_any}},
    {"delivery", "key-id", "\"kid\" of the key; its thumbprint unless told.",
     TextOption{[](Config& c) -> std::string& { return c.delivery.ehr.key_id; }, "", is_any}},
    {"delivery", "token-url", "Unless told, the endpoint's own configuration says it.",
     TextOption{[](Config& c) -> std::string& { return c.delivery.ehr.token_url; }, link, is_link}},
    {"delivery", "ca", "PEM file with certificates to trust beside the system's.",
     TextOption{[](Config& c) -> std::string& { return c.delivery.ehr.ca_file; }, "", is_any}},
    {"delivery", "certificate", "PEM file with our certificate, for mutual TLS.",
     TextOption{[](Config& c) -> std::string& { return c.delivery.ehr.certificate_file; }, "",
                is_any}},
    {"delivery", "certificate-key", "PEM file with its key.",
     TextOption{[](Config& c) -> std::string& { return c.delivery.ehr.certificate_key_file; }, "",
                is_any}},
    {"delivery", "proxy", "http://host:port",
     TextOption{[](Config& c) -> std::string& { return c.delivery.ehr.proxy; }, link, is_link}},
    {"cors", "origins", "Letter by letter, such as https://sandbox.example.org; no pattern.",
     OriginsOption{[](Config& c) -> std::vector<std::string>& { return c.origins; }}},
    {"intake", "store",
     "File with invitations, drafts and the outbox, as for myoflag deliver and myoflag invite; "
     "made\n"
     "where there is none. For its owner only: it holds patient data. Or a database, as for\n"
     "delivery.store.",
     TextOption{[](Config& c) -> std::string& { return c.intake.store; }, "", is_any}},
    {"intake", "clinic", "Name of the clinic, as patients know it.",
     TextOption{[](Config& c) -> std::string& { return c.intake.clinic; },
                "a name of at most 100 bytes", is_name}},
    {"intake", "phone", "Where patients can call the clinic; on every page.",
     TextOption{[](Config& c) -> std::string& { return c.intake.phone; },
                "a telephone number (digits, spaces, + - ( ) /)", is_telephone}},
    {"intake", "emergency-number", "Of the emergency service of the country: 112, 999, 911.",
     TextOption{[](Config& c) -> std::string& { return c.intake.emergency_number; },
                "a telephone number (digits, spaces, + - ( ) /)", is_telephone}},
    {"intake", "order",
     "adaptive: after the emergency and warning-sign questions, a question is left out when no "
     "answer\n"
     "to it can change the tier, the target, the proposals or the advice any more. Without it all\n"
     "questions that apply are asked.",
     TextOption{[](Config& c) -> std::string& { return c.intake.order; }, "adaptive", is_adaptive}},
    {"intake", "idle-time",
     "Without a request; then the date of birth is asked again. Nothing that was saved is lost.",
     NumberOption{[](const Config& c) -> std::int64_t { return c.intake.idle.count(); },
                  [](Config& c, std::int64_t v) { c.intake.idle = std::chrono::seconds(v); }, 300,
                  7'200, "seconds"}},
    {"intake", "device-idle-time",
     "On a device of the clinic, on which staff opened the form: when nobody does anything for so\n"
     "long, the form is closed and the next person sees nothing of it. What was saved is kept.",
     NumberOption{[](const Config& c) -> std::int64_t { return c.intake.device_idle.count(); },
                  [](Config& c, std::int64_t v) { c.intake.device_idle = std::chrono::seconds(v); },
                  60, 3'600, "seconds"}},
    {"intake", "tries",
     "Wrong dates of birth, then the invitation is locked for a while; four times as many lock it "
     "for\n"
     "good.",
     NumberOption{[](const Config& c) -> std::int64_t { return c.intake.tries; },
                  [](Config& c, std::int64_t v) { c.intake.tries = static_cast<int>(v); }, 3, 10,
                  ""}},
    {"intake", "lock-time", "For which it is locked.",
     NumberOption{[](const Config& c) -> std::int64_t { return c.intake.lock.count(); },
                  [](Config& c, std::int64_t v) { c.intake.lock = std::chrono::seconds(v); }, 60,
                  86'400, "seconds"}},
    {"intake", "requests-per-minute",
     "From one address; a quarter of them may come at once. Beyond: 429, with a page that says so.",
     NumberOption{
         [](const Config& c) -> std::int64_t { return c.intake.requests_per_minute; },
         [](Config& c, std::int64_t v) { c.intake.requests_per_minute = static_cast<int>(v); }, 60,
         1'000'000, ""}},
    {"intake", "proxy-field",
     "Behind a proxy on this machine: the field in which it names who asks, such as\n"
     "x-forwarded-for. Without it all that comes through the proxy counts as one address.",
     TextOption{[](Config& c) -> std::string& { return c.intake.proxy_field; },
                "a field name in lower case", is_field_name}},
    {"intake", "languages",
     "That patients may choose from, the first for whoever asks for none of them. Unless told, "
     "all\n"
     "that the pages are there in, English first.",
     ListOption{[](Config& c) -> std::vector<std::string>& { return c.intake.languages; },
                "the tag of a language, such as es", is_language}},
    {"intake", "appointment-types",
     "Whom myoflag invite --from-appointments invites: the types of their appointments "
     "(serviceType),\n"
     "each as system|code. They are asked for at delivery.to.",
     ListOption{[](Config& c) -> std::vector<std::string>& { return c.intake.appointment_types; },
                "system|code, such as https://ehr.example.org/visits|neuro-first", is_coding}},
    {"intake", "appointment-days", "So many days ahead.",
     NumberOption{
         [](const Config& c) -> std::int64_t { return c.intake.appointment_days; },
         [](Config& c, std::int64_t v) { c.intake.appointment_days = static_cast<int>(v); }, 1, 90,
         "days"}},
    {"intake", "task",
     "on: each invitation is a Task in the EHR (SDC): requested, completed with the answers, or\n"
     "cancelled. It holds neither the link nor anything that opens the form. Results are delivered "
     "as\n"
     "delivery says.",
     TextOption{[](Config& c) -> std::string& { return c.intake.task; }, "on or off", is_switch}},
    {"intake", "prefill",
     "on: what the record at delivery.to says of sex, pregnancy, medicines and conditions is "
     "ticked "
     "on\n"
     "the pages after the date of birth, to be confirmed or corrected. Whoever has the link and "
     "knows\n"
     "the date of birth then sees it, and our client there needs scopes for reading.",
     TextOption{[](Config& c) -> std::string& { return c.intake.prefill; }, "on or off",
                is_switch}},
    {"intake", "prefill-age",
     "After which what was fetched is fetched anew when the form is opened.",
     NumberOption{[](const Config& c) -> std::int64_t { return c.intake.prefill_age.count(); },
                  [](Config& c, std::int64_t v) { c.intake.prefill_age = std::chrono::seconds(v); },
                  60, 604'800, "seconds"}},
    {"intake", "prefill-wait",
     "For which whoever opens the form waits for that at most; then it opens without it.",
     NumberOption{
         [](const Config& c) -> std::int64_t { return c.intake.prefill_wait.count(); },
         [](Config& c, std::int64_t v) { c.intake.prefill_wait = std::chrono::milliseconds(v); },
         300, 5'000, "milliseconds"}},
    {"intake", "inviter",
     "The issuer of one of trust.clients, which may make and withdraw invitations at service.base "
     "+\n"
     "/intake/invitations. Without it nobody may.",
     TextOption{[](Config& c) -> std::string& { return c.intake.inviter; }, "", is_any}},
    {"launch", "servers",
     "- iss: https://ehr.example.org/fhir           its FHIR endpoint, letter by letter\n"
     "  client-id: myoflag                         our name there\n"
     "  key: launch-key.pem                        our private key (RSA, or EC on P-384), for its\n"
     "                                             owner only; the public one is at service.base "
     "+\n"
     "                                             /.well-known/jwks.json. Without it we are a\n"
     "                                             public client\n"
     "  key-id: 2026                               kid of the key; its thumbprint unless told\n"
     "  scope: launch openid fhirUser              what is asked for; this unless told\n"
     "  algorithms: [ES256, ES384, RS256, RS384]   of its id_tokens; all of these unless told\n"
     "iss and client-id are needed, the others may be left out.",
     ServersOption{}},
    {"launch", "patients-of",
     "The iss whose patients are meant where a form names its patient without a server, as "
     "invitations\n"
     "do (Patient/123). Needed where there are several servers.",
     TextOption{[](Config& c) -> std::string& { return c.launch.patients_of; },
                "the iss of one of launch.servers", is_base}},
    {"launch", "frame-ancestors",
     "Origins whose pages may show ours in a frame, such as https://ehr.example.org. Without one "
     "they\n"
     "open in a window of their own only.",
     OriginsOption{
         [](Config& c) -> std::vector<std::string>& { return c.launch.frame_ancestors; }}},
    {"launch", "idle-time", "Without a request; then the page has to be opened again.",
     NumberOption{[](const Config& c) -> std::int64_t { return c.launch.idle.count(); },
                  [](Config& c, std::int64_t v) { c.launch.idle = std::chrono::seconds(v); }, 60,
                  7'200, "seconds"}},
    {"launch", "session-time", "From the launch, whatever is done.",
     NumberOption{[](const Config& c) -> std::int64_t { return c.launch.whole.count(); },
                  [](Config& c, std::int64_t v) { c.launch.whole = std::chrono::seconds(v); }, 300,
                  43'200, "seconds"}},
    {"launch", "at-once",
     "Sign-ins that wait for an EHR; as many more wait, further ones get a page that says so. Each "
     "has\n"
     "a process of its own.",
     NumberOption{[](const Config& c) { return static_cast<std::int64_t>(c.launch.at_once); },
                  [](Config& c, std::int64_t v) { c.launch.at_once = static_cast<std::size_t>(v); },
                  1, 32, ""}},
    {"launch", "ca", "PEM file with certificates to trust beside the system's.",
     TextOption{[](Config& c) -> std::string& { return c.launch.ca; }, "", is_any}},
    {"launch", "proxy", "http://host:port",
     TextOption{[](Config& c) -> std::string& { return c.launch.proxy; },
                "an address without a password", is_proxy}},
    {"staff", "issuer",
     "The OpenID provider where staff sign in, such as the EHR's, without a slash at its end. "
     "What\n"
     "it says of itself is at issuer + /.well-known/openid-configuration.",
     TextOption{[](Config& c) -> std::string& { return c.staff.issuer; },
                "an https:// address without a slash at its end", is_base}},
    {"staff", "client-id", "Our name there.",
     TextOption{[](Config& c) -> std::string& { return c.staff.client_id; }, "", is_any}},
    {"staff", "key",
     "PEM file with our private key (RSA, or EC on P-384), for its owner only; the public one is "
     "at\n"
     "service.base + /.well-known/jwks.json. With neither a key nor a secret we are a public "
     "client.",
     TextOption{[](Config& c) -> std::string& { return c.staff.key; }, "", is_any}},
    {"staff", "key-id", "kid of the key; its thumbprint unless told.",
     TextOption{[](Config& c) -> std::string& { return c.staff.key_id; }, "", is_any}},
    {"staff", "client-secret",
     "Name of the environment variable with our secret there, instead of a key.",
     TextOption{[](Config& c) -> std::string& { return c.staff.secret; },
                "the name of an environment variable (A to Z, 0 to 9 and _)", is_variable}},
    {"staff", "client-secret-method",
     "How the secret is sent: client_secret_basic (also when empty) or client_secret_post.",
     TextOption{[](Config& c) -> std::string& { return c.staff.secret_method; },
                "client_secret_basic or client_secret_post", is_secret_method}},
    {"staff", "scope", "What is asked for; openid is needed.",
     TextOption{[](Config& c) -> std::string& { return c.staff.scope; },
                "words with openid among them", is_openid_scope}},
    {"staff", "aud",
     "The FHIR endpoint, where the provider is an EHR that wants to be told (SMART).",
     TextOption{[](Config& c) -> std::string& { return c.staff.aud; },
                "an https:// address without a slash at its end", is_base}},
    {"staff", "claim",
     "Claim of the id_token that says who is staff; groups, or realm_access.roles for one inside\n"
     "another.",
     TextOption{[](Config& c) -> std::string& { return c.staff.claim; }, "", is_any}},
    {"staff", "value", "What that claim has to be, or to have in its list.",
     TextOption{[](Config& c) -> std::string& { return c.staff.value; }, "", is_any}},
    {"staff", "idle-time", "Without a request; then they sign in again.",
     NumberOption{[](const Config& c) -> std::int64_t { return c.staff.idle.count(); },
                  [](Config& c, std::int64_t v) { c.staff.idle = std::chrono::seconds(v); }, 60,
                  7'200, "seconds"}},
    {"staff", "session-time", "From the sign-in, whatever is done.",
     NumberOption{[](const Config& c) -> std::int64_t { return c.staff.whole.count(); },
                  [](Config& c, std::int64_t v) { c.staff.whole = std::chrono::seconds(v); }, 300,
                  43'200, "seconds"}},
    {"staff", "sign-out",
     "provider: who signs out here signs out there as well, where it has an end_session_endpoint; "
     "it\n"
     "sends back to service.base + /staff/signed-out, to be registered there. here: only here.",
     TextOption{[](Config& c) -> std::string& { return c.staff.sign_out; }, "provider or here",
                is_sign_out}},
    {"staff", "local-access",
     "on: who is on this machine sees the clinic's pages without signing in, unless a proxy "
     "stands\n"
     "between. off: nobody does; behind a proxy, and on a machine that others use, switch it off.",
     TextOption{[](Config& c) -> std::string& { return c.staff.local_access; }, "on or off",
                is_switch}},
    {"limits", "connections", "At once. Idle ones give way to new ones, further ones wait.",
     count<&Limits::connections>(1, 16'000)},
    {"limits", "connections-per-address", "Further ones are closed at once.",
     count<&Limits::connections_per_address>(1, 16'000)},
    {"limits", "requests-per-connection", "The answer to the last one closes it.",
     count<&Limits::requests_per_connection>(1, 1'000'000)},
    {"limits", "waiting-requests", "For a worker: 503.",
     count<&Limits::waiting_requests>(1, 10'000)},
    {"limits", "workers",
     "Threads that make answers. 0: one a core, at least two. More come for those that wait.",
     count<&Limits::workers>(0, 256, "threads")},
    {"limits", "io-threads", "Threads that read and write.",
     count<&Limits::io_threads>(1, 16, "threads")},
    {"limits", "head-bytes", "Request line and fields: 431.",
     count<&Limits::head_bytes>(1'024, 65'536, "bytes")},
    {"limits", "head-time",
     "From the first byte of a head to its last, and for the handshake: 408.",
     seconds<&Limits::head_time>(1, 60)},
    {"limits", "body-time", "For a whole body: 408.", seconds<&Limits::body_time>(1, 300)},
    {"limits", "idle-time", "Between two requests: closed.", seconds<&Limits::idle_time>(1, 3'600)},
    {"limits", "write-time", "Until an answer is taken: closed.",
     seconds<&Limits::write_time>(1, 300)},
    {"limits", "answer-time", "To make an answer, other than cards: 503.",
     seconds<&Limits::answer_time>(1, 300)},
    {"limits", "card-time",
     "To make cards: 503. A client asks for half a second and gives up soon after.",
     NumberOption{[](const Config& c) -> std::int64_t { return c.card_time.count(); },
                  [](Config& c, std::int64_t v) { c.card_time = std::chrono::seconds(v); }, 1, 60,
                  "seconds"}},
    {"limits", "drain-time", "For what was begun, when it is told to end.",
     seconds<&Limits::drain_time>(1, 300)},
}};

}  // namespace

bool is_base(const std::string& text) {
  const bool secure = text.starts_with("https://") || text.starts_with("http://127.0.0.1:");
  return secure && is_printable(text) && !text.ends_with('/') &&
         text.find_first_of("?#@") == std::string::npos;
}

std::span<const SectionAbout> sections() { return all_sections; }

std::span<const Option> options() { return all; }

// Scheme, host and port alone, as a browser writes it.
bool is_origin(const std::string& text) {
  const auto host = text.starts_with("https://")  ? text.substr(8)
                    : text.starts_with("http://") ? text.substr(7)
                                                  : std::string();
  return !host.empty() && host.size() <= 255 && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':' ||
           c == '[' || c == ']';
  });
}

bool serves_anybody(const Config& config) {
  return !config.clients.empty() || !config.intake.store.empty();
}

bool is_loopback(const std::string& host) {
  constexpr std::uint32_t first_byte = 127;
  in_addr address{};
  return host == "::1" || (inet_pton(AF_INET, host.c_str(), &address) == 1 &&
                           ntohl(address.s_addr) >> 24U == first_byte);
}

}  // namespace myoflag::config
