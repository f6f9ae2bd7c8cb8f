// The way in: the link, and the date of birth.
#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "plugin/browser/answer.h"
#include "plugin/intake/fields.h"
#include "plugin/intake/handling.h"

namespace myoflag::intake {

using browser::go_to;
using browser::page;
using http::Response;

namespace {

std::string two_digits(unsigned value) { return fmt::format("{:02}", value); }

// "1980-02-27"; empty: there is no such day.
std::string date_of(const Texts& texts, const IdentityView& typed) {
  const auto number = [](const std::string& typed_text) {
    const std::string text = plain_digits(typed_text);
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? value : 0U;
  };
  const unsigned day = number(typed.day);
  const unsigned month = texts.month(plain_digits(typed.month));
  const unsigned year = number(typed.year);
  constexpr unsigned first_year = 1'000;
  if (day == 0 || day > 31 || month == 0 || year < first_year || year > 9'999) {
    return {};
  }
  auto text = fmt::format("{}-{}-{}", year, two_digits(month), two_digits(day));
  return fhir::parse_date(text) ? text : std::string();
}

std::string trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  const auto end = text.find_last_not_of(" \t");
  return begin == std::string_view::npos ? std::string()
                                         : std::string(text.substr(begin, end - begin + 1));
}

}  // namespace

Response Handling::start() {
  take_link();
  const auto action = path_of(request_.parameters.find("token")->second) + "/start";
  return page(200,
              start_page(link_look(), action, invitation_.submitted.has_value(), is_unchecked()));
}

bool Handling::is_unchecked() const {
  return catalogue_ != nullptr && !(catalogue_->is_reviewed() && look().texts.is_reviewed());
}

// No session yet, so no token of one: a language is nothing that another site could want to change.
Response Handling::speak_before() {
  find_link();
  const auto fields = browser::Fields::read(request_.body);
  if (!fields || !browser::is_from_us(request_) || !fields->only({"lang"}) ||
      !is_offered(fields->value("lang"))) {
    return refused();
  }
  change_language(fields->value("lang"));
  return go_to(path_of(request_.parameters.find("token")->second));
}

Response Handling::speak() {
  find_visit();
  const auto fields = take_fields();
  constexpr std::array<std::string_view, 5> pages{"id", "stop", "review", "done", "copy"};
  const auto back_to = fields.value("page");
  if (!fields.only({"csrf", "lang", "page"}) || !is_offered(fields.value("lang")) ||
      std::find(pages.begin(), pages.end(), back_to) == pages.end()) {
    return refused();
  }
  change_language(fields.value("lang"));
  return go_to(fmt::format("/p/{}", back_to));
}

Response Handling::begin() {
  take_link();
  if (!browser::is_from_us(request_)) {
    return refused();
  }
  if (invitation_.is_locked(now_)) {
    return locked();
  }
  needed(parts_.invitations.tidy(now_));
  if (invitation_.language.empty()) {
    change_language(language_);  // another browser goes on in it
  }
  auto response = go_to("/p/id");
  browser::set_cookie(
      response, kCookie,
      needed(parts_.invitations.begin_visit(invitation_.id, now_, is_shared(request_))));
  return response;
}

Response Handling::ask_identity() {
  take_seat(Need::visit);
  if (visit_.is_known) {
    take_draft();
    return go_to(resume_address());
  }
  if (invitation_.is_locked(now_)) {
    return locked();
  }
  return page(200, identity_page(form_look(), identity_view()));
}

IdentityView Handling::identity_view() const {
  IdentityView view;
  view.csrf = visit_.csrf;
  view.is_first = visit_.at_clinic;
  view.is_unchecked = visit_.at_clinic && is_unchecked();
  return view;
}

Response Handling::identify() {
  take_seat(Need::visit);
  const auto fields = take_fields();
  const auto tag = fields.value("lang");
  if (!fields.only({"csrf", "d", "m", "y", "lang"}) || (fields.has("lang") && !is_offered(tag))) {
    return refused();
  }
  if (!tag.empty()) {
    change_language(tag);
  }
  if (visit_.is_known) {
    take_draft();
    return go_to(resume_address());
  }
  IdentityView view = identity_view();
  view.day = trimmed(fields.value("d"));
  view.month = trimmed(fields.value("m"));
  view.year = trimmed(fields.value("y"));
  const auto again = [&](std::string_view key) {
    view.error = FieldError{words(key), "d"};
    return page(422, identity_page(form_look(), view));
  };
  if (invitation_.is_locked(now_)) {
    return locked();
  }
  if (!tag.empty()) {
    return page(200, identity_page(form_look(), view));
  }
  if (view.day.empty() || view.month.empty() || view.year.empty()) {
    return again("identity-incomplete");
  }
  const auto born = date_of(look().texts, view);
  if (born.empty()) {
    return again("identity-no-date");
  }
  const auto identified = needed(parts_.invitations.identify(browser::cookie_of(request_, kCookie),
                                                             born, now_, parts_.settings.patience));
  if (identified.outcome == Identity::wrong) {
    return again("identity-wrong");
  }
  reload();
  if (identified.outcome == Identity::locked) {
    return locked();
  }
  if (parts_.open_record != nullptr && !invitation_.submitted) {
    parts_.open_record(invitation_);
  }
  auto response = go_to(resume_address());
  browser::set_cookie(response, kCookie, identified.session);
  return response;
}

}  // namespace myoflag::intake
