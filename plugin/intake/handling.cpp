// What every handler needs: who asks, what was answered so far, what the rules say of it.
#include "plugin/intake/handling.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <typeinfo>

#include <fmt/format.h>

#include "plugin/browser/accept_language.h"
#include "plugin/browser/answer.h"
#include "plugin/delivery/submission.h"
#include "plugin/intake/prefill.h"
#include "plugin/intake/response.h"
#include "plugin/intake/web_files.h"

namespace myoflag::intake {

using browser::go_to;
using browser::page;
using fhir::Json;
using http::Response;
using rules::Item;

namespace {

// A visit is noted as used at most once in that time.
constexpr std::chrono::seconds kTouchEvery{60};

bool is_answered(const Form& form) {
  return std::find(form.answers.state.begin(), form.answers.state.end(),
                   rules::ItemState::answered) != form.answers.state.end();
}

}  // namespace

std::string question_address(const Item& item) { return "/p/q/" + item.link_id; }

std::vector<std::string> offered_languages(const Languages& texts,
                                           const std::vector<std::string>& chosen,
                                           const rules::Knowledge& knowledge) {
  std::vector<std::string> there{"en"};
  for (const rules::Language& language : knowledge.languages) {
    if (texts.contains(language.tag)) {
      there.push_back(language.tag);
    }
  }
  if (chosen.empty()) {
    return there;
  }
  std::vector<std::string> offered;
  std::copy_if(chosen.begin(), chosen.end(), std::back_inserter(offered), [&](const auto& tag) {
    return std::find(there.begin(), there.end(), tag) != there.end();
  });
  return offered.empty() ? there : offered;
}

std::vector<std::string> offered_languages(const Parts& parts, const rules::Knowledge& knowledge) {
  return offered_languages(parts.languages, parts.settings.languages, knowledge);
}

std::string language_for(const Parts& parts, const rules::Knowledge& knowledge,
                         std::string_view chosen, const http::Fields& head) {
  const auto offered = offered_languages(parts, knowledge);
  for (const auto wanted : {chosen, http::field_of(head, "accept-language")}) {
    if (auto tag = browser::preferred_language(wanted, offered); !tag.empty()) {
      return tag;
    }
  }
  return offered.front();
}

Look look_of(const Parts& parts, std::string_view language) {
  const auto found = parts.languages.find(language);
  const auto& texts =
      found == parts.languages.end() ? parts.languages.find("en")->second : found->second;
  Look look{texts, parts.settings.site, style_file().path, script_file().path,
            keep_script_file().path};
  const auto* const all = parts.dictionaries.get();
  if (all != nullptr && all->contains(language)) {
    look.dictionary = all->find(language)->second.path();
  }
  return look;
}

Look look_of(const Parts& parts, std::string_view language, const rules::Knowledge& knowledge,
             LanguageSwitch others) {
  for (const auto& tag : offered_languages(parts, knowledge)) {
    const auto& texts = parts.languages.find(tag)->second;
    if (tag != language) {
      others.languages.push_back({tag, texts.name(), texts.direction()});
    }
  }
  Look look = look_of(parts, language);
  look.others = std::move(others);
  return look;
}

Response message_of(const Parts& parts, std::string_view language, int status,
                    std::string_view name) {
  const auto look = look_of(parts, language);
  return page(status, message_page(look, {say(look, fmt::format("{}-title", name)),
                                          say(look, fmt::format("{}-text", name)),
                                          {},
                                          {}}));
}

// ---- languages

void Handling::choose_language() {
  language_ = language_for(parts_, knowledge(), invitation_.language, request_.fields);
  catalogue_ = rules::language_of(knowledge(), language_);
}

bool Handling::is_offered(std::string_view tag) const {
  const auto offered = offered_languages(parts_, knowledge());
  return std::find(offered.begin(), offered.end(), tag) != offered.end();
}

void Handling::change_language(std::string_view tag) {
  needed(parts_.invitations.speak(invitation_.id, tag));
  invitation_.language = std::string(tag);
  choose_language();
}

Look Handling::look() const {
  Look look = look_of(parts_, language_);
  if (visit_.at_clinic) {
    look.device = Device{visit_.csrf, parts_.settings.device_idle};
  }
  return look;
}

Look Handling::with_languages(LanguageSwitch others) const {
  Look out = look_of(parts_, language_, knowledge(), std::move(others));
  out.device = look().device;
  return out;
}

Look Handling::link_look() const {
  const auto token = request_.parameters.find("token");
  return with_languages({{}, path_of(token->second) + "/language", {}, {}});
}

Look Handling::visit_look(std::string_view page) const {
  return with_languages({{}, "/p/lang", visit_.csrf, std::string(page)});
}

Look Handling::any_look() const {
  if (invitation_.id == 0) {
    return look();
  }
  return request_.parameters.contains("token") ? link_look()
         : visit_.csrf.empty()                 ? look()
                                               : visit_look("id");
}

Response Handling::message(int status, std::string_view name) const {
  return page(status, message_page(any_look(), {words(fmt::format("{}-title", name)),
                                                words(fmt::format("{}-text", name)),
                                                {},
                                                {}}));
}

Response Handling::locked() const {
  if (invitation_.locked_for_good) {
    return page(403, message_page(any_look(),
                                  {words("locked-title"), words("locked-for-good-text"), {}, {}}));
  }
  const auto left = std::chrono::ceil<std::chrono::minutes>(invitation_.locked_until - now_);
  const auto minutes = std::to_string(std::max<std::int64_t>(left.count(), 1));
  return page(403, message_page(any_look(), {words("locked-title"),
                                             say(look(), "locked-text", {{"minutes", minutes}}),
                                             {},
                                             {}}));
}

Response Handling::refused() const {
  return page(403, message_page(look(), {words("refused-title"), words("refused-text"),
                                         words("refused-button"), "/p/id"}));
}

Response Handling::failed() { return message(503, "failed"); }

void Handling::check_not_over() const {
  if (invitation_.withdrawn) {
    throw Ended{message(410, "withdrawn")};
  }
  if (invitation_.expires <= now_) {
    throw Ended{message(410, "expired")};
  }
}

void Handling::find_link() {
  auto found = needed(parts_.invitations.by_token(request_.parameters.find("token")->second));
  if (!found) {
    throw Ended{message(404, "unknown")};
  }
  invitation_ = *std::move(found);
  choose_language();
}

void Handling::take_link() {
  find_link();
  check_not_over();
}

void Handling::find_visit() {
  const auto session = browser::cookie_of(request_, kCookie);
  const auto visit = session.empty() ? std::nullopt : needed(parts_.invitations.visit(session));
  if (!visit || visit->made + kLongestVisit <= now_) {
    throw Ended{is_shared(request_) ? go_to("/p/over") : message(403, "again")};
  }
  visit_ = *visit;
  auto found = needed(parts_.invitations.by_id(visit_.invitation));
  if (!found) {
    throw Ended{message(404, "unknown")};
  }
  invitation_ = *std::move(found);
  choose_language();
}

// The page closes by itself before this. The next person may hold the device already: nothing that
// is sent now is anybody's answer.
constexpr std::chrono::seconds kDeviceGrace{60};

void Handling::take_seat(Need need) {
  find_visit();
  check_not_over();
  const auto session = browser::cookie_of(request_, kCookie);
  if (visit_.at_clinic && visit_.seen + parts_.settings.device_idle + kDeviceGrace <= now_) {
    needed(parts_.invitations.end_visit(session));
    throw Ended{go_to("/p/over")};
  }
  if (visit_.is_known && visit_.seen + parts_.settings.idle <= now_) {
    needed(parts_.invitations.forget(session));
    is_late_ = need == Need::known_or_late;
    visit_.is_known = is_late_;
  }
  if (need != Need::visit && !visit_.is_known) {
    throw Ended{go_to("/p/id")};
  }
  if (visit_.at_clinic || visit_.seen + kTouchEvery <= now_) {
    needed(parts_.invitations.touch(session, now_));
  }
}

browser::Fields Handling::take_fields() const {
  auto fields = browser::Fields::read(request_.body);
  if (!fields || !browser::is_from_us(request_) || fields->value("csrf") != visit_.csrf) {
    throw Ended{refused()};
  }
  return *std::move(fields);
}

void Handling::take_draft() {
  auto draft = read_draft(knowledge(), invitation_.draft);
  if (!draft) {
    throw Broken{"a draft is damaged"};
  }
  draft_ = *std::move(draft);
  form_ = form_of(knowledge(), draft_, parts_.settings.order);
}

void Handling::reload() {
  auto found = needed(parts_.invitations.by_id(invitation_.id));
  if (!found) {
    throw Ended{message(404, "unknown")};
  }
  invitation_ = *std::move(found);
  check_not_over();
  take_draft();
}

// ---- what the rules say meanwhile

const Informant* Handling::informant(const Draft& draft) const {
  const int index = knowledge().item(parts_.presentation.informant_question);
  const auto given = draft.find(index);
  const auto chosen = given == draft.end() ? 0 : given->second.chosen;
  const std::string_view answer =
      chosen == 0 ? std::string_view()
                  : item_at(index).options[static_cast<std::size_t>(std::countr_zero(chosen))].code;
  // What staff said counts on the device that they opened.
  return informant_of(parts_.presentation, visit_.at_clinic ? invitation_.informant : "", answer);
}

Json Handling::response_now(const Draft& draft, const Form& form, bool is_finished) const {
  About about{invitation_.response, invitation_.patient, language_, now_, is_finished};
  if (const Informant* whose = informant(draft)) {
    const Item& question = item_at(knowledge().item(parts_.presentation.informant_question));
    about.source = whose->source;
    about.source_text =
        question.options[static_cast<std::size_t>(question.option(whose->answer))].text;
    about.author = visit_.at_clinic && whose->is_helped ? invitation_.opened_by : "";
  }
  return response_of(knowledge(), draft, form, about);
}

Assessed Handling::assess(const Json& response, rules::Outlook outlook) const {
  AssessOptions options;
  options.now = now_;
  options.outlook = outlook;
  auto assessed = assessor_->assess_resource(response, options);
  if (!assessed) {
    // Never a form that passes without having been judged.
    throw Broken{fmt::format("answers cannot be judged: {}", assessed.error().empty()
                                                                 ? std::string()
                                                                 : assessed.error().front().code)};
  }
  return *std::move(assessed);
}

std::optional<rules::Assessment> Handling::judged(const Draft& draft, const Form& form) const {
  if (!is_answered(form)) {
    return std::nullopt;
  }
  return assess(response_now(draft, form, false), rules::Outlook::none).assessment;
}

// Nothing: there is no record that goes with the answers.
std::optional<cds::FetchedJudged> Handling::judge_with_record(const Json& response) const {
  const auto kept = parts_.open_record == nullptr ? Result<FetchedRecord>()
                                                  : parts_.invitations.record(invitation_.id);
  if (!kept) {
    parts_.log(request_.id, kept.error().text);  // no reason to keep no answer
  }
  if (!kept || kept->json.empty()) {
    return std::nullopt;
  }
  try {
    auto record = fhir::read_json(kept->json).value_or(Json::object());
    if (kept->is_outdated || kept->fetched + parts_.settings.record_age <= visit_.made) {
      mark_old(record, kept->fetched);
    }
    record.set("intake", response);
    auto judged = cds::judge_fetched(*assessor_, patient_id(invitation_.patient), record, now_);
    if (judged) {
      return *std::move(judged);
    }
  } catch (const std::exception& error) {
    // A record stands in nobody's way. Not what it says: that may quote the record.
    parts_.log(request_.id, typeid(error).name());
  }
  parts_.log(request_.id, "MF-4268: a record that was kept is not used");
  return std::nullopt;
}

cds::FetchedJudged Handling::judge(const Json& response) const {
  auto judged = judge_with_record(response);
  return judged ? *std::move(judged)
                : cds::FetchedJudged{assess(response, rules::Outlook::whole), response};
}

store::Submission Handling::submission(const cds::FetchedJudged& judged) const {
  auto made = delivery::submission_of(
      judged.assessed, fhir::write_json(judged.input),
      {parts_.settings.tenant, parts_.settings.urgency, parts_.settings.communication});
  if (!made) {
    throw Broken{made.error().text};
  }
  return *std::move(made);
}

std::vector<Trigger> Handling::triggers() const {
  const auto assessment = judged(draft_, form_);
  return triggers_of(knowledge(), parts_.presentation, form_, assessment ? &*assessment : nullptr);
}

// What interrupts, and was not read.
std::vector<Trigger> Handling::unread() const {
  if (invitation_.unread_interruptions == 0) {
    return {};
  }
  const auto known = needed(parts_.invitations.interruptions(invitation_.id));
  auto all = triggers();
  std::erase_if(all, [&](const Trigger& trigger) {
    return std::none_of(known.begin(), known.end(), [&](const Interrupted& one) {
      return !one.is_read && one.reason == trigger.reason;
    });
  });
  return all;
}

std::string Handling::resume_address() const {
  if (invitation_.submitted) {
    return "/p/done";
  }
  if (!unread().empty()) {
    return "/p/stop";
  }
  const auto open = first_open(form_, draft_);
  return open ? question_address(item_at(*open)) : "/p/review";
}

}  // namespace myoflag::intake
