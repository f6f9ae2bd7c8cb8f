#include "plugin/review/launch_service.h"

#include <atomic>
#include <memory>
#include <optional>
#include <typeinfo>
#include <utility>

#include "plugin/browser/address_limit.h"
#include "plugin/browser/answer.h"
#include "plugin/intake/service.h"
#include "plugin/random_uuid.h"

namespace myoflag::review {

namespace {

using http::query_value;
using http::Request;
using http::Response;

constexpr std::size_t kToken = 32;
constexpr std::chrono::seconds kAnswerTime{25};

bool is_token(std::string_view text) {
  return text.size() == kToken &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

class Entrance {
 public:
  Entrance(const LaunchParts& parts, bool is_staff)
      : parts_(parts), is_staff_(is_staff), limit_(parts.requests_per_minute) {}

  std::optional<Response> admit(const Request& request) {
    const auto sender = browser::sender_of(request, parts_.proxy_field);
    return limit_.take(sender, browser::AddressLimit::Clock::now()) ? std::nullopt
                                                                    : std::optional(busy(429));
  }

  Response launch(const Request& request) {
    return guarded(request, [&] { return begin(request); });
  }
  Response callback(const Request& request) {
    return guarded(request, [&] { return finish(request); });
  }
  // Back from the provider. What did not begin here says nothing: the pages tell who is in.
  Response signed_out(const Request& request) {
    const bool is_back = parts_.launches.is_back(
        query_value(request.query, "state"),
        std::string(browser::cookie_of(request, kBrowserCookie)), parts_.now());
    return is_back ? parts_.door.outside(parts_.texts, 200, "staff-signed-out", true)
                   : browser::go_to("/c/worklist");
  }
  // "launch-busy" is "staff-busy" where staff sign in.
  Response said(int status, std::string_view name) const {
    constexpr std::string_view of_launch = "launch-";
    if (!is_staff_ || !name.starts_with(of_launch)) {
      return parts_.door.outside(parts_.texts, status, name);
    }
    return parts_.door.outside(parts_.texts, status,
                               "staff-" + std::string(name.substr(of_launch.size())), true);
  }
  std::string keys() const { return parts_.key_set(); }

 private:
  Response busy(int status) const {
    auto response = said(status, "launch-busy");
    response.fields.push_back({"Retry-After", "30"});
    return response;
  }

  // So many wait for an EHR at once, and nobody else for them.
  template <typename Work>
  Response guarded(const Request& request, Work&& work) {
    struct Place {
      std::atomic<int>& taken;
      const int before = taken++;
      ~Place() { --taken; }
    } place{under_way_};
    if (place.before >= parts_.most_at_once) {
      parts_.log(request.id, "MF-4278: too many sign-ins at once");
      parts_.count("refused");
      return busy(503);
    }
    try {
      return work();
    } catch (const std::exception& error) {
      // Not what it says: that may quote the input.
      parts_.log(request.id, typeid(error).name());
    }
    return said(500, "failed");
  }

  Response refuse(const Request& request, const launch::Refused& refused) const {
    parts_.log(request.id, refused.why);
    parts_.count("refused");
    auto response = said(refused.status, refused.page);
    if (refused.is_shared) {
      intake::share(response);
    }
    return response;
  }

  bool can_be_framed() const { return !is_staff_ && parts_.door.frames != "'none'"; }
  browser::CookieUse use_of(const Request& request) const {
    return is_staff_ ? browser::CookieUse::own_window
                     : browser::cookie_use(request, can_be_framed());
  }

  // Two launches of one browser do not disturb each other: it keeps the cookie that it has.
  Response begin(const Request& request) {
    const auto use = use_of(request);
    std::string browser(browser::cookie_of(request, kBrowserCookie));
    const bool is_new = !is_token(browser);
    if (is_new) {
      browser = random_token();
    }
    const auto address =
        is_staff_ ? parts_.launches.begin_staff(browser, intake::is_shared(request), parts_.now())
                  : parts_.launches.begin(
                        {query_value(request.query, "iss"), query_value(request.query, "launch"),
                         browser, use == browser::CookieUse::frame},
                        parts_.now());
    if (!address) {
      return refuse(request, address.error());
    }
    parts_.count("begun");
    auto response = browser::go_to(*address);
    if (is_new) {
      browser::set_cookie(response, kBrowserCookie, browser, use);
    }
    return response;
  }

  // A new secret for who is in, never one that the browser brought along.
  Response finish(const Request& request) {
    const auto text = [&](std::string_view name) { return query_value(request.query, name); };
    const auto now = parts_.now();
    auto session =
        parts_.launches.finish({text("state"), text("code"), text("error"), text("iss"),
                                std::string(browser::cookie_of(request, kBrowserCookie))},
                               now);
    if (!session) {
      return refuse(request, session.error());
    }
    parts_.count("signed in");
    parts_.door.sessions.end(browser::cookie_of(request, kSessionCookie));
    const auto use =
        session->is_framed ? browser::CookieUse::frame : browser::CookieUse::own_window;
    session->times = parts_.times;
    auto response = browser::go_to(is_staff_ ? "/c/worklist" : "/c/patient");
    browser::set_cookie(response, kSessionCookie,
                        parts_.door.sessions.open(*std::move(session), now), use);
    return response;
  }

  const LaunchParts parts_;
  const bool is_staff_;
  browser::AddressLimit limit_;
  std::atomic<int> under_way_{0};
};

void add(http::Router& router, const std::shared_ptr<Entrance>& entrance, const char* pattern,
         const char* summary, Response (Entrance::*handler)(const Request&)) {
  router.add(
      {"GET",
       pattern,
       summary,
       [entrance, handler](const Request& request) { return ((*entrance).*handler)(request); },
       {},
       0,
       kAnswerTime,
       [entrance](const Request& request) { return entrance->admit(request); },
       [entrance](int status, const http::Fields& /*head*/) -> std::optional<Response> {
         return entrance->said(status, "launch-failed");
       }});
}

void add_key_set(http::Router& router, const std::shared_ptr<Entrance>& entrance, bool has_keys) {
  if (!has_keys) {
    return;
  }
  router.add({"GET",
              "/.well-known/jwks.json",
              "our public keys",
              [entrance](const Request& /*request*/) {
                auto keys = entrance->keys();
                return keys.empty() ? Response{503, "", "", {{"Retry-After", "60"}}}
                                    : Response{200,
                                               "application/json",
                                               std::move(keys),
                                               {{"Cache-Control", "max-age=300"}}};
              },
              {},
              0,
              {},
              [entrance](const Request& request) { return entrance->admit(request); },
              nullptr});
}

}  // namespace

void add_launch_routes(http::Router& router, const LaunchParts& parts) {
  const auto entrance = std::make_shared<Entrance>(parts, false);
  add(router, entrance, "/smart/launch", "an EHR launches", &Entrance::launch);
  add(router, entrance, "/smart/callback", "back from the authorization server",
      &Entrance::callback);
  add_key_set(router, entrance, parts.key_set != nullptr);
}

void add_staff_routes(http::Router& router, const LaunchParts& parts) {
  const auto entrance = std::make_shared<Entrance>(parts, true);
  add(router, entrance, kSignIn.data(), "staff sign in", &Entrance::launch);
  add(router, entrance, "/staff/callback", "back from where staff sign in", &Entrance::callback);
  add(router, entrance, "/staff/signed-out", "back from where staff sign out",
      &Entrance::signed_out);
  add_key_set(router, entrance, parts.key_set != nullptr);
}

}  // namespace myoflag::review
