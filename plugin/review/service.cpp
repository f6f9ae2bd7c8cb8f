#include "plugin/review/service.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <typeinfo>
#include <utility>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "fhir/json.h"
#include "fhir/uuid.h"
#include "plugin/browser/address_limit.h"
#include "plugin/browser/answer.h"
#include "plugin/browser/form.h"
#include "plugin/cds/assessment_card.h"
#include "plugin/cds/card_policy.h"
#include "plugin/intake/service.h"
#include "plugin/mapping/sent_response.h"
#include "plugin/random_uuid.h"
#include "plugin/review/embedded.h"
#include "plugin/review/frame.h"
#include "plugin/review/request.h"
#include "plugin/review/summary.h"
#include "rules/digest.h"

namespace myoflag::review {

namespace {

using browser::Fields;
using browser::go_to;
using browser::page;
using fhir::Json;
using http::Request;
using http::Response;
using rules::Knowledge;

constexpr std::string_view kCookie = "__Host-mf-desk";
constexpr std::size_t kMostBytes = 16u << 10;
constexpr std::size_t kMostName = 80;  // characters
constexpr std::size_t kToken = 32;     // of a cookie of ours

const browser::Asset& style_file() {
  static const auto file = browser::style("review", kStyle);
  return file;
}

// Ends a request with a page; goes no further than `guarded`.
struct Ended {
  Response response;
};

// Something outside failed; goes no further either.
struct Broken {
  std::string why;
};

template <typename T>
T needed(store::Result<T> result) {
  if (!result) {
    throw Broken{result.error().text};
  }
  if constexpr (!std::is_void_v<T>) {
    return *std::move(result);
  }
}

// One word of what was done, and the text that says it.
std::string said_of(const Request& request) {
  const auto word = http::query_value(request.query, "said").value_or("");
  return word == "proposed"    ? "said-proposed"
         : word == "disagreed" ? "said-disagreed"
         : word == "taken"     ? "said-taken"
         : word == "choose"    ? "disagree-choose"
         : word == "name"      ? "worklist-name-missing"
                               : "";
}

std::string summary_address(std::string_view outcome, std::string_view said) {
  return fmt::format("/c/summary/{}?said={}", outcome, said);
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80;
  }));
}

// A name on one line; empty where none was given.
std::string name_of(std::string_view typed) {
  const auto begin = std::min(typed.find_first_not_of(" \t\r\n"), typed.size());
  std::string name(typed.substr(begin, typed.find_last_not_of(" \t\r\n") + 1 - begin));
  std::replace_if(
      name.begin(), name.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return name;
}

rules::Instant judged_at(const Json& assessment, rules::Instant otherwise) {
  const auto written = fhir::parse_instant(assessment.string_of("evaluated"));
  const auto when = written ? fhir::to_sys_seconds(*written) : std::nullopt;
  return when.value_or(otherwise);
}

// The form judged as it was when it came, so that the page says what the record has.
struct Judged {
  Assessed assessed;
  std::string kept_tier;  // words; empty: the same
};

// Nothing where nobody came from a record, or the session is over.
std::optional<launch::Session> session_of(const Parts& parts, const Request& request,
                                          rules::Instant now) {
  const auto cookie = browser::cookie_of(request, kSessionCookie);
  return parts.door && cookie.size() == kToken ? parts.door->sessions.find(cookie, now)
                                               : std::nullopt;
}

// What outlives a request.
struct Desktop {
  explicit Desktop(const Parts& all) : parts(all), secret(random_token()) {}

  const Parts parts;
  const std::string secret;
};

class Handling {
 public:
  Handling(const Desktop& desktop, const Request& request)
      : parts_(desktop.parts),
        secret_(desktop.secret),
        request_(request),
        now_(parts_.now()),
        assessor_(parts_.assessor()),
        session_(session_of(parts_, request, now_)),
        cookie_(browser::cookie_of(request, session_ ? kSessionCookie : kCookie)) {
    if (cookie_.size() != kToken) {
      cookie_ = random_token();
      is_new_ = true;
    }
  }

  // Of the session that is looked at here: one may end between two looks.
  bool is_in() const { return session_ || (parts_.is_local_open && browser::is_local(request_)); }

  Response worklist();
  Response forms();
  Response patient();
  Response end();
  Response summary();
  Response ask_open();
  Response open_here();
  Response take_urgent();
  Response propose();
  Response disagree();
  Response failed() { return message(503, "failed"); }

 private:
  const Knowledge& knowledge() const { return *assessor_->knowledge(); }
  Look look() const {
    Look out{parts_.texts, style_file().path};
    if (session_ && session_->only) {
      out.patient = session_->only->patient;
    }
    if (session_) {
      out.staff = is_staff() ? session_->name : "";
      out.csrf = csrf();
    }
    return out;
  }
  bool is_staff() const { return session_ && !session_->only; }
  // Pages of who came from a record may stand in its frame, all others in none.
  Response paged(int status, std::string html) const {
    return session_ && session_->only ? page(status, std::move(html), parts_.door->frames)
                                      : page(status, std::move(html));
  }
  Response message(int status, std::string_view name) const {
    return paged(status, message_page(look(), name));
  }

  // Of this browser and this run of the program: nothing is stored.
  std::string csrf() const {
    return rules::hex(rules::sha256(fmt::format("{}:{}", secret_, cookie_)));
  }
  Response shown(std::string html) const {
    auto response = paged(200, std::move(html));
    if (is_new_ && !session_) {
      browser::set_cookie(response, kCookie, cookie_);
    }
    return response;
  }
  Fields take_fields(std::initializer_list<std::string_view> names,
                     std::string_view repeated = {}) const {
    auto fields = Fields::read(request_.body);
    if (!fields || is_new_ || !browser::is_from_us(request_) || fields->value("csrf") != csrf() ||
        !fields->only(names, repeated)) {
      throw Ended{message(403, "refused")};
    }
    return *std::move(fields);
  }
  Kept take_form(std::string_view outcome) const {
    auto form = needed(parts_.desk.form(outcome));
    if (form && !may_see(*form)) {
      parts_.log(request_.id, "MF-4279: a form of another patient than the launch's");
      form.reset();  // as if it were not there
    }
    if (!form) {
      throw Ended{message(404, "unknown")};
    }
    return *std::move(form);
  }
  // What the form says itself, not what was noted of it.
  bool may_see(const Kept& form) const {
    if (!session_ || !session_->only) {
      return true;
    }
    const auto whose = whose_of(form.input);
    const auto& only = *session_->only;
    return !whose.patient.empty() && whose.patient == only.patient &&
           (whose.server.empty() ? only.is_home : whose.server == only.server);
  }
  // Ends the request of who may see one patient only.
  void need_all() const {
    if (session_ && session_->only) {
      throw Ended{message(403, "only-patient")};
    }
  }
  std::vector<FormLine> lines_of_patient() const;

  Judged judge(const Kept& form) const;
  FormLine line_of(Row row) const;
  InvitationLine line_of(const intake::Invitation& one) const;
  bool can_open() const { return is_staff() && !is_open_to_all(); }
  // Who gives back the device would still be in.
  bool is_open_to_all() const { return parts_.is_local_open && browser::is_local(request_); }
  intake::Invitation take_invitation(std::string_view id) const;
  Response open_page_of(const intake::Invitation& invitation, bool asks_who) const;
  Response worklist_of(bool asks_name) const;
  fhir::Uuid card_of(const Kept& form) const;
  void tell(const Kept& form, feedback::Feedback feedback) const;

  const Parts& parts_;
  const std::string& secret_;
  const Request& request_;
  const rules::Instant now_;
  const std::shared_ptr<const Assessor> assessor_;
  const std::optional<launch::Session> session_;  // nothing: on this machine
  std::string cookie_;
  bool is_new_ = false;
};

Judged Handling::judge(const Kept& form) const {
  const auto kept = fhir::read_json(form.row.assessment);
  AssessOptions options;
  options.now = kept ? judged_at(*kept, form.row.made) : form.row.made;
  auto assessed = assessor_->assess(form.input, options);
  if (!assessed) {
    throw Broken{
        fmt::format("a kept form cannot be judged: {}",
                    assessed.error().empty() ? std::string() : assessed.error().front().code)};
  }
  Judged out{*std::move(assessed), {}};
  const auto tier = rules::tier_of(form.row.tier);
  if (tier && *tier != out.assessed.assessment.tier) {
    out.kept_tier = knowledge().tiers[static_cast<std::size_t>(*tier)].label;
  }
  return out;
}

// ---- the worklist

FormLine Handling::line_of(Row row) const {
  const auto kept = fhir::read_json(row.assessment);
  FormLine line;
  line.patient = kept ? std::string(kept->string_of("subject")) : say(look(), "damaged");
  line.row = std::move(row);
  if (kept) {
    line.row.made = judged_at(*kept, line.row.made);  // what the target counts from
  }
  return line;
}

InvitationLine Handling::line_of(const intake::Invitation& one) const {
  return {one.patient, std::string(intake::state_of(one, now_)), one.made, one.expires, one.id};
}

Response Handling::worklist_of(bool asks_name) const {
  WorklistView view{knowledge(), csrf(), now_, {}, {}, {}, false, asks_name, can_open()};
  const auto take = [&](std::vector<Row> rows, std::vector<FormLine>& lines) {
    view.has_more = view.has_more || rows.size() > kMostRows;
    rows.resize(std::min<std::size_t>(rows.size(), kMostRows));
    for (Row& row : rows) {
      lines.push_back(line_of(std::move(row)));
    }
  };
  take(needed(parts_.desk.forms(now_ - std::chrono::days(kShownDays), kMostRows)), view.forms);
  take(needed(parts_.desk.troubles(kMostRows)), view.troubles);
  for (const auto& one : needed(parts_.invitations.list())) {
    const auto state = intake::state_of(one, now_);
    if (state == "submitted" || state == "withdrawn" || state == "expired") {
      continue;
    }
    if (view.invitations.size() == kMostRows) {
      view.has_more = true;
      break;
    }
    view.invitations.push_back(line_of(one));
  }
  auto response = shown(worklist_page(look(), view));
  response.status = asks_name ? 422 : 200;
  return response;
}

Response Handling::worklist() {
  need_all();
  return worklist_of(false);
}

// ---- a form on this device

intake::Invitation Handling::take_invitation(std::string_view text) const {
  if (!is_staff() || is_open_to_all()) {
    throw Ended{message(403, is_staff() ? "open-local" : "refused")};
  }
  if (!session_->proved) {  // then nobody could tell this sign-in from a later one
    throw Ended{message(403, "open-unproved")};
  }
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  auto found = is_number ? needed(parts_.invitations.by_id(id)) : std::nullopt;
  if (!found) {
    throw Ended{message(404, "open-over")};
  }
  const auto state = intake::state_of(*found, now_);
  if (state != "open" && state != "started" && state != "interrupted") {
    throw Ended{message(409, "open-over")};
  }
  return *std::move(found);
}

Response Handling::open_page_of(const intake::Invitation& invitation, bool asks_who) const {
  auto response = shown(
      open_page(look(), {csrf(), line_of(invitation), parts_.presentation.informants, asks_who}));
  response.status = asks_who ? 422 : 200;
  return response;
}

Response Handling::ask_open() {
  return open_page_of(take_invitation(request_.parameters.find("invitation")->second), false);
}

// Who opens it is signed out, so that nothing of the clinic is left on the device.
Response Handling::open_here() {
  const auto fields = take_fields({"csrf", "invitation", "who"});
  const auto invitation = take_invitation(fields.value("invitation"));
  const auto& all = parts_.presentation.informants;
  const auto who = fields.value("who");
  const auto chosen =
      std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == who; });
  if (chosen == all.end()) {
    return who.empty() ? open_page_of(invitation, true) : message(403, "refused");
  }
  const auto session =
      needed(intake::hand_over(parts_.invitations, knowledge(), parts_.presentation, invitation,
                               *chosen, session_->name, now_));
  if (!session) {
    return message(409, "open-over");
  }
  if (parts_.door->give_away) {
    parts_.door->give_away(*session_, std::string(browser::cookie_of(request_, kBrowserCookie)));
  }
  auto response = intake::seated(*session);
  parts_.door->end(request_, response);
  return response;
}

// ---- the forms of one patient

std::vector<FormLine> Handling::lines_of_patient() const {
  const auto& only = *session_->only;
  std::vector<FormLine> lines;
  for (Row& row :
       needed(parts_.desk.forms_of({only.server, only.patient}, only.is_home, kMostRows))) {
    lines.push_back(line_of(std::move(row)));
  }
  lines.resize(std::min<std::size_t>(lines.size(), kMostRows));
  return lines;
}

Response Handling::forms() {
  if (!session_ || !session_->only) {
    return message(404, "unknown");
  }
  WorklistView view{knowledge(), csrf(), now_, lines_of_patient(), {}, {}, false, false, false};
  return view.forms.empty() ? message(200, "no-forms") : shown(forms_page(look(), view));
}

// Where a launch leads: the form, where there is one.
Response Handling::patient() {
  if (!session_ || !session_->only) {
    return message(404, "unknown");
  }
  const auto lines = lines_of_patient();
  const bool is_one = lines.size() == 1 && !lines.front().row.assessment.empty();  // not damaged
  return is_one ? go_to("/c/summary/" + lines.front().row.outcome) : go_to("/c/forms");
}

Response Handling::end() {
  take_fields({"csrf"});
  if (!session_) {
    return message(403, "refused");
  }
  const auto& door = *parts_.door;
  const std::string browser(browser::cookie_of(request_, kBrowserCookie));
  const auto onward = door.sign_out ? door.sign_out(*session_, browser) : std::string();
  auto response =
      onward.empty()
          ? door.outside(parts_.texts, 200, is_staff() ? "staff-ended" : "launch-ended", is_staff())
          : door.leaving(parts_.texts, onward);
  door.end(request_, response);
  return response;
}

Response Handling::take_urgent() {
  const auto fields = is_staff() ? take_fields({"csrf", "escalation", "form"})
                                 : take_fields({"csrf", "escalation", "form", "who"});
  const auto name = is_staff() ? session_->name : name_of(fields.value("who"));
  const auto text = fields.value("escalation");
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() ||
      (!is_staff() && characters(name) > kMostName)) {
    return message(403, "refused");
  }
  const auto of_form = fields.value("form");
  if (session_ && session_->only) {
    const auto form = take_form(of_form);
    if (!form.row.is_urgent || form.row.escalation != id) {
      return message(403, "refused");
    }
    if (name.empty()) {
      return go_to(summary_address(form.row.outcome, "name"));
    }
  }
  if (name.empty()) {
    return worklist_of(true);
  }
  if (!needed(parts_.desk.acknowledge(id, name, now_))) {
    return message(404, "unknown");
  }
  return of_form.empty() ? go_to("/c/worklist")
                         : go_to(summary_address(take_form(of_form).row.outcome, "taken"));
}

// ---- the summary

// What a reference is to, as far as it says.
std::string_view type_of(const Json* reference) {
  if (reference == nullptr) {
    return {};
  }
  const auto said = reference->string_of("type");
  const auto address = reference->string_of("reference");
  return said.empty() ? address.substr(0, std::min(address.find('/'), address.size())) : said;
}

std::string source_key(const Json& response) {
  const auto type = type_of(response.find("source"));
  return type == "Patient"                  ? "source-patient"
         : type == "RelatedPerson"          ? "source-related"
         : type.starts_with("Practitioner") ? "source-staff"
                                            : "";
}

std::string entered_by(const Json& response) {
  const Json* author = response.find("author");
  return type_of(author).starts_with("Practitioner") ? std::string(author->string_of("display"))
                                                     : std::string();
}

// What stands for this page among the cards that clinicians answer.
fhir::Uuid Handling::card_of(const Kept& form) const {
  const auto outcome = fhir::parse_uuid(form.row.outcome);
  if (!outcome) {
    throw Broken{"a kept form has no name"};
  }
  return fhir::uuid_v5(*outcome, "summary");
}

Response Handling::summary() {
  const auto form = take_form(request_.parameters.find("form")->second);
  const auto judged = judge(form);
  const auto& assessment = judged.assessed.assessment;
  SummaryView view{assessment,
                   form.row.outcome,
                   csrf(),
                   needed(parts_.desk.born(assessment.input->response.id)),
                   now_,
                   mapping::is_finished(judged.assessed.response),
                   form.newer,
                   judged.kept_tier,
                   form.row.is_urgent ? std::optional(form.row) : std::nullopt,
                   needed(parts_.desk.proposals(form.row.item)),
                   {},
                   said_of(request_),
                   source_key(judged.assessed.response),
                   entered_by(judged.assessed.response)};
  if (parts_.keep) {
    for (const auto& code : cds::card_policy().override_reasons) {
      view.reasons.emplace_back(code, cds::override_text(knowledge(), code));
    }
  }
  if (parts_.show) {
    auto card = cds::shown_of(assessment);
    card.uuid = fhir::to_string(card_of(form));
    parts_.show(std::move(card));
  }
  return shown(summary_page(look(), view));
}

// Figures: what is not kept is lost for them, and nothing else is.
void Handling::tell(const Kept& form, feedback::Feedback feedback) const {
  feedback.card = fhir::to_string(card_of(form));
  feedback.at = std::chrono::nanoseconds(now_.time_since_epoch()).count();
  if (!parts_.keep(feedback)) {
    throw Broken{"feedback could not be kept"};
  }
}

Response Handling::propose() {
  const auto fields = take_fields({"csrf", "form", "all"}, "workup");
  const auto form = take_form(fields.value("form"));
  std::vector<std::string> wanted;
  for (const auto workup : fields.values("workup")) {
    wanted.emplace_back(workup);
  }
  if (fields.has("all")) {
    for (const auto& workup : knowledge().workups) {
      wanted.push_back(workup.code);
    }
  }
  std::vector<std::pair<std::string, store::Submission>> requests;
  for (const auto& workup : wanted) {
    if (auto request = request_for(form, knowledge(), workup, parts_.texts.text("proposal-note"))) {
      requests.emplace_back(workup, *std::move(request));
    } else if (!fields.has("all")) {
      return message(403, "refused");
    }
  }
  if (requests.empty()) {
    return message(403, "refused");
  }
  feedback::Feedback followed;
  followed.outcome = feedback::Outcome::accepted;
  for (const auto& [workup, request] : requests) {
    needed(parts_.desk.propose(form.row.item, workup, request, now_));
    followed.suggestions.push_back(fhir::to_string(cds::suggestion_uuid(card_of(form), workup)));
  }
  if (parts_.keep) {
    tell(form, std::move(followed));
  }
  return go_to(summary_address(form.row.outcome, "proposed"));
}

Response Handling::disagree() {
  const auto fields = take_fields({"csrf", "form", "reason"});
  const auto form = take_form(fields.value("form"));
  const std::string reason(fields.value("reason"));
  const auto& known = cds::card_policy().override_reasons;
  if (reason.empty()) {
    return go_to(summary_address(form.row.outcome, "choose"));
  }
  if (!parts_.keep || std::find(known.begin(), known.end(), reason) == known.end()) {
    return message(403, "refused");
  }
  feedback::Feedback set_aside;
  set_aside.outcome = feedback::Outcome::overridden;
  set_aside.reason = reason;
  tell(form, std::move(set_aside));
  return go_to(summary_address(form.row.outcome, "disagreed"));
}

// ---- routes

using Handler = Response (Handling::*)();

Response not_in(const Parts& parts) {
  if (parts.has_staff) {
    return parts.door->outside(parts.texts, 403, "staff-over", true);
  }
  if (parts.door) {
    return parts.door->outside(parts.texts, 403, "launch-over");
  }
  Look look{parts.texts, style_file().path};
  look.is_outside = true;
  return page(403, message_page(look, "local"));
}

Response guarded(const Desktop& desktop, const Request& request, Handler handler) {
  Handling handling(desktop, request);
  if (!handling.is_in()) {
    return not_in(desktop.parts);
  }
  try {
    return (handling.*handler)();
  } catch (Ended& ended) {
    return std::move(ended.response);
  } catch (const Broken& broken) {
    desktop.parts.log(request.id, broken.why);
  } catch (const std::exception& error) {
    // Not what it says: that may quote the input.
    desktop.parts.log(request.id, typeid(error).name());
  }
  return handling.failed();
}

std::optional<Response> refuse_outsider(const Parts& parts, const Request& request) {
  const bool is_in = session_of(parts, request, parts.now()) ||
                     (parts.is_local_open && browser::is_local(request));
  return is_in ? std::nullopt : std::optional(not_in(parts));
}

void add(http::Router& router, const std::shared_ptr<const Desktop>& desktop, const char* method,
         const char* pattern, const char* summary, Handler handler) {
  const auto say = [desktop](int status, std::string_view name) {
    const Parts& parts = desktop->parts;
    return parts.door ? parts.door->outside(parts.texts, status, name)
                      : page(status, message_page({parts.texts, style_file().path}, name));
  };
  const bool posts = std::string_view(method) == "POST";
  router.add(
      {method,
       pattern,
       summary,
       [desktop, handler](const Request& request) { return guarded(*desktop, request, handler); },
       posts ? std::vector<std::string>{std::string(browser::kForm)} : std::vector<std::string>{},
       posts ? kMostBytes : 0,
       {},
       [desktop](const Request& request) { return refuse_outsider(desktop->parts, request); },
       [say](int status, const http::Fields& /*head*/) -> std::optional<Response> {
         return say(status, status == 413 ? "refused" : "failed");
       }});
}

}  // namespace

void Door::end(const Request& request, Response& response) const {
  sessions.end(browser::cookie_of(request, kSessionCookie));
  browser::drop_cookie(response, kSessionCookie, browser::cookie_use(request, frames != "'none'"));
}

Response Door::outside(const browser::Texts& texts, int status, std::string_view name,
                       bool with_sign_in) const {
  Look look{texts, style_file().path};
  look.is_outside = true;
  look.sign_in = with_sign_in ? kSignIn : "";
  return page(status, message_page(look, name), frames);
}

// No redirect: of the answer to a form browsers follow none to another origin (form-action), and
// the provider may lead on to further ones. The page leads on itself: a field of the head with the
// id_token may be too long for a proxy. It says that it is over here, whatever happens there.
Response Door::leaving(const browser::Texts& texts, const std::string& address) const {
  Look look{texts, style_file().path};
  look.is_outside = true;
  look.sign_out = address;
  return page(200, message_page(look, "staff-leaving"), frames);
}

void add_routes(http::Router& router, const Parts& parts) {
  const auto desktop = std::make_shared<const Desktop>(parts);
  add(router, desktop, "GET", "/c/worklist", "what waits for somebody", &Handling::worklist);
  add(router, desktop, "GET", "/c/summary/{form}", "one form", &Handling::summary);
  if (parts.door) {
    add(router, desktop, "GET", "/c/patient", "where a launch leads", &Handling::patient);
    add(router, desktop, "GET", "/c/forms", "the forms of one patient", &Handling::forms);
    add(router, desktop, "GET", "/c/open/{invitation}", "a form on this device",
        &Handling::ask_open);
    add(router, desktop, "POST", "/c/open", "it is opened", &Handling::open_here);
    add(router, desktop, "POST", "/c/end", "somebody signs out", &Handling::end);
  }
  add(router, desktop, "POST", "/c/urgent", "somebody looks after it", &Handling::take_urgent);
  add(router, desktop, "POST", "/c/proposals", "tests that a person chose", &Handling::propose);
  add(router, desktop, "POST", "/c/feedback", "why a person disagrees", &Handling::disagree);
  browser::add_asset(router, style_file());
}

}  // namespace myoflag::review
