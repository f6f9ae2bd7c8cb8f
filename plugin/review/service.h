#pragma once
// The clinic's pages as HTTP: the worklist, the summary of a form, and what a person does there.
// Staff who signed in see all of it, and so does who is on this machine (browser::is_local), unless
// that is switched off. Who came from a record (`door`) sees the forms of the patient of the launch
// and nothing else, also on this machine. Everybody else
// gets a page that says so. A GET changes nothing. Errors: pages in words, statuses for programs
// (403, 404, 422), a line without patient data for the log: MF-4279.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/assess.h"
#include "plugin/browser/texts.h"
#include "plugin/cds/service.h"
#include "plugin/feedback/request.h"
#include "plugin/http/router.h"
#include "plugin/intake/invitations.h"
#include "plugin/intake/presentation.h"
#include "plugin/launch/sessions.h"
#include "plugin/review/desk.h"

namespace myoflag::review {

inline constexpr int kMostRows = 200;  // of each list of the worklist
inline constexpr int kShownDays = 30;

// For who signs in: from a record, or as staff.
struct Door {
  launch::Sessions& sessions;
  std::string frames;  // origins whose pages may show ours, as browser::page takes them
  // Where that browser signs out at the provider as well; empty, and null: nowhere.
  std::function<std::string(const launch::Session& session, const std::string& browser)> sign_out =
      nullptr;
  // Staff give that browser to somebody else; null: they cannot.
  std::function<void(const launch::Session& session, const std::string& browser)> give_away =
      nullptr;

  // The end of a session, in the browser too.
  void end(const http::Request& request, http::Response& response) const;
  // A message to who is not in, that a frame shows as well.
  http::Response outside(const browser::Texts& texts, int status, std::string_view name,
                         bool with_sign_in = false) const;
  // To staff whose session is over: a page that leads on to the provider.
  http::Response leaving(const browser::Texts& texts, const std::string& address) const;
};

// Where staff sign in.
inline constexpr std::string_view kSignIn = "/staff/sign-in";

// Of a session of a Door.
inline constexpr std::string_view kSessionCookie = "__Host-mf-clinic";
// Between leaving for where one signs in or out, and the return.
inline constexpr std::string_view kBrowserCookie = "__Host-mf-launch";

struct Parts {
  Desk& desk;
  intake::Invitations& invitations;
  std::function<std::shared_ptr<const Assessor>()> assessor;  // of now: knowledge can be replaced
  std::function<rules::Instant()> now;
  std::function<void(const std::string& request, std::string_view why)> log;
  browser::Texts texts;
  // Figures of what is followed and what is set aside; null: none are kept.
  std::function<void(cds::ShownCard shown)> show = nullptr;
  std::function<bool(const feedback::Feedback& feedback)> keep = nullptr;  // false: not on disk
  std::optional<Door> door = std::nullopt;  // nothing: nobody signs in
  bool has_staff = false;                   // staff may sign in
  bool is_local_open = true;                // who is on this machine is in
  // Who may give the answers to a form that staff open on a device of the clinic.
  intake::Presentation presentation = {};
};

// `parts` is copied; what it refers to outlives the router.
void add_routes(http::Router& router, const Parts& parts);

}  // namespace myoflag::review
