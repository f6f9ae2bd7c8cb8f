#include "plugin/intake/pages.h"

#include <algorithm>

#include <fmt/format.h>

#include "plugin/browser/body_map.h"
#include "plugin/browser/html.h"
#include "plugin/intake/fields.h"

namespace myoflag::intake {

namespace {

using browser::Html;
using browser::Word;

// Digits and a leading plus: what a telephone dials.
std::string telephone(std::string_view number) {
  std::string out = "tel:";
  for (const char c : number) {
    if ((c >= '0' && c <= '9') || (c == '+' && out.size() == 4)) {
      out += c;
    }
  }
  return out;
}

// A number or a name keeps its own direction among words that run from right to left: without that
// the groups of a telephone number would change places.
std::string isolated(const Look& look, std::string_view value) {
  if (look.texts.direction() != "rtl") {
    return std::string(value);
  }
  const bool is_number = value.find_first_not_of("0123456789+-() .") == std::string_view::npos;
  return (is_number ? "\u2066" : "\u2068") + std::string(value) + "\u2069";
}

// Whether a page holds something that would be lost with the network.
enum class Keeps { nothing, answers };

void add_head(Html& page, const Look& look, std::string_view title, Keeps keeps) {
  page.open("head");
  page.single("meta", {{"charset", "utf-8"}});
  page.single("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
  page.single("meta", {{"name", "robots"}, {"content", "noindex"}});
  const auto service = say(look, "service");
  // A device of the clinic remembers nothing of a person, not even what was asked.
  page.element("title",
               look.device || title == service ? service : fmt::format("{} - {}", title, service));
  page.single("link", {{"rel", "stylesheet"}, {"href", look.style}});
  if (keeps == Keeps::answers) {
    page.open("script", {{"src", look.keep_script}, {"defer", ""}}).close();
  }
  if (keeps == Keeps::answers && !look.dictionary.empty()) {
    page.single("link", {{"rel", "compression-dictionary"}, {"href", look.dictionary}});
  }
  page.open("script", {{"src", look.script}, {"defer", ""}}).close();
  if (look.device) {  // with script, what is done on the page counts as well
    page.open("noscript");
    page.single("meta",
                {{"http-equiv", "refresh"},
                 {"content", fmt::format("{};url=/p/over", look.device->idle.count() + 1)}});
    page.close();
  }
  page.close();
}

constexpr Word kForm = "answers";

// At the foot of every page: a button in front of "Continue" would be what the Enter key presses.
void add_languages(Html& page, const Look& look) {
  const LanguageSwitch& others = look.others;
  if (others.languages.empty()) {
    return;
  }
  page.open("section", {{"id", "language"}, {"aria-labelledby", "language-title"}});
  page.element("h2", say(look, "language-title"), {{"id", "language-title"}});
  const bool own_form = !others.action.empty();
  if (own_form) {
    page.open("form", {{"method", "post"}, {"action", others.action}, {"class", "mf-languages"}});
    for (const auto& [name, value] : {std::pair(Word("csrf"), std::string_view(others.csrf)),
                                      std::pair(Word("page"), std::string_view(others.back_to))}) {
      if (!value.empty()) {
        page.single("input", {{"type", "hidden"}, {"name", name.view()}, {"value", value}});
      }
    }
  } else {
    page.open("div", {{"class", "mf-languages"}});
  }
  for (const Choice& one : others.languages) {
    page.element("button", one.name,
                 {{"type", "submit"},
                  {"class", "mf-button mf-second"},
                  {"name", "lang"},
                  {"value", one.tag},
                  {"form", kForm.view(), !own_form},
                  {"lang", one.tag},
                  {"dir", one.direction}});
  }
  page.close().close();
}

// In the words of those who look for it.
void add_way_to_languages(Html& page, const Look& look) {
  if (look.others.languages.empty()) {
    return;
  }
  page.open("a", {{"class", "mf-to-languages"}, {"href", "#language"}});
  bool is_first = true;
  for (const Choice& one : look.others.languages) {
    page.text(is_first ? "" : " \u00b7 ");
    page.element("span", one.name, {{"lang", one.tag}, {"dir", one.direction}});
    is_first = false;
  }
  page.close();
}

void add_foot(Html& page, const Look& look) {
  page.open("footer", {{"class", "mf-foot"}});
  add_languages(page, look);
  page.element("p", say(look, "help"));
  page.element("p", say(look, "emergency-help"));
  page.close();
}

// The way out of a device of the clinic, at the end of every page.
void add_finish(Html& page, const Look& look) {
  if (!look.device) {
    return;
  }
  page.open("section", {{"class", "mf-device mf-screen"}, {"aria-labelledby", "finish-title"}});
  page.element("h2", say(look, "device-title"), {{"id", "finish-title"}});
  page.element("p", say(look, "device-what"));
  page.open("form", {{"method", "post"},
                     {"action", "/p/finish"},
                     {"id", "finish"},
                     {"data-idle", std::to_string(look.device->idle.count())},
                     {"data-soon", say(look, "device-soon")}});
  page.single("input", {{"type", "hidden"}, {"name", "csrf"}, {"value", look.device->csrf}});
  page.element("button", say(look, "device-finish"),
               {{"type", "submit"}, {"class", "mf-button mf-second"}});
  page.close();
  page.open("p", {{"id", "soon"}, {"class", "mf-soon"}, {"role", "status"}}).close();
  page.close();
}

std::string whole(const Look& look, std::string_view title, const Html& body,
                  Keeps keeps = Keeps::nothing) {
  Html page;
  page.open("html", {{"lang", look.texts.language()}, {"dir", look.texts.direction()}});
  add_head(page, look, title, keeps);
  page.open("body");
  page.open("header", {{"class", "mf-top"}}).open("div");
  page.element("p", look.site.clinic, {{"dir", "auto"}});
  add_way_to_languages(page, look);
  page.close().close();
  page.open("main", {{"class", "mf-main"}, {"id", "main"}}).add(body);
  add_finish(page, look);
  page.close();
  add_foot(page, look);
  page.close().close();
  return "<!DOCTYPE html>\n" + page.whole();
}

std::string title_of(const Look& look, std::string_view heading, bool has_error) {
  return has_error ? fmt::format("{}: {}", say(look, "error-title"), heading)
                   : std::string(heading);
}

void add_hidden(Html& html, Word name, std::string_view value) {
  html.single("input", {{"type", "hidden"}, {"name", name.view()}, {"value", value}});
}

void add_button(Html& html, std::string_view text, bool is_second = false) {
  html.element("button", text,
               {{"type", "submit"}, {"class", is_second ? "mf-button mf-second" : "mf-button"}});
}

// What the script says when the network drops.
void add_offline_line(Html& html, const Look& look) {
  html.open("div", {{"id", "offline"},
                    {"role", "status"},
                    {"data-offline", say(look, "offline")},
                    {"data-waiting", say(look, "offline-waiting")},
                    {"data-changed", say(look, "offline-changed")}});
  html.close();
}

void add_link_button(Html& html, std::string_view text, std::string_view address) {
  html.element("a", text, {{"class", "mf-button"}, {"href", address}});
}

void add_back(Html& html, const Look& look, std::string_view address) {
  if (!address.empty()) {
    html.element("a", say(look, "back"), {{"class", "mf-back"}, {"href", address}});
  }
}

void add_summary(Html& html, const Look& look, const FieldError& error) {
  html.open("div", {{"class", "mf-errors"},
                    {"role", "alert"},
                    {"tabindex", "-1"},
                    {"autofocus", ""},
                    {"aria-labelledby", "error-summary"}});
  html.element("h2", say(look, "error-summary"), {{"id", "error-summary"}});
  html.open("ul").open("li");
  html.element("a", error.text, {{"href", "#" + error.control}});
  html.close().close().close();
}

void add_list(Html& html, const std::vector<std::string>& texts) {
  html.open("ul");
  for (const auto& text : texts) {
    html.element("li", text);
  }
  html.close();
}

// Where a person can call, ready to be touched.
void add_call(Html& html, const Look& look, std::string_view number) {
  html.element("a", look.texts.text("stop-call", {{"number", isolated(look, number)}}),
               {{"class", "mf-button mf-call"}, {"href", telephone(number)}});
}

// ---- the date of birth

struct DatePart {
  Word name, text, autocomplete;
  std::string_view value;
  bool is_short;
};

void add_date_part(Html& html, const Look& look, const DatePart& part, bool has_error) {
  html.open("div", {{"class", "mf-date-part"}});
  html.element("label", say(look, part.text.view()), {{"for", part.name.view()}});
  html.single("input", {{"type", "text"},
                        {"id", part.name.view()},
                        {"name", part.name.view()},
                        {"value", part.value},
                        {"autocomplete", part.autocomplete.view()},
                        {"inputmode", "numeric", part.name.view() != "m"},
                        {"class", part.is_short ? "mf-input mf-two" : "mf-input mf-four"},
                        {"aria-describedby", "error", has_error},
                        {"aria-invalid", "true", has_error}});
  html.close();
}

// ---- a question

void add_slip(Html& html, std::string_view text) {
  if (!text.empty()) {
    html.element("p", text, {{"class", "mf-error"}, {"id", "error"}});
  }
}

std::string described_by(bool has_hint, bool has_error, bool has_record = false) {
  std::string ids;
  for (const auto& [is_there, id] : {std::pair(has_hint, "hint"), std::pair(has_record, "record"),
                                     std::pair(has_error, "error")}) {
    ids += fmt::format("{}{}", ids.empty() || !is_there ? "" : " ", is_there ? id : "");
  }
  return ids;
}

// The help of the form first, then how to answer.
void add_hint(Html& html, const std::string& help, const std::string& how) {
  if (help.empty() && how.empty()) {
    return;
  }
  html.open("div", {{"class", "mf-hint"}, {"id", "hint"}});
  for (const auto* text : {&help, &how}) {
    if (!text->empty()) {
      html.element("p", *text);
    }
  }
  html.close();
}

std::string control_id(const QuestionView& view) {
  return view.options.empty() ? view.link_id
                              : fmt::format("{}-{}", view.link_id, view.options.front().code);
}

void add_option(Html& html, const QuestionView& view, const OptionView& option) {
  const bool several = view.control == Control::several;
  const auto id = fmt::format("{}-{}", view.link_id, option.code);
  html.open("div", {{"class", "mf-option"}});
  html.single("input", {{"type", several ? "checkbox" : "radio"},
                        {"id", id},
                        {"name", view.link_id},
                        {"value", option.code},
                        {"data-exclusive", "", option.is_exclusive},
                        {"checked", "", option.is_chosen}});
  html.element("label", option.text, {{"for", id}});
  html.close();
}

// What is ticked because the record says so.
void add_from_record(Html& html, const Look& look, const QuestionView& view) {
  if (view.from_record.empty()) {
    return;
  }
  html.open("div", {{"class", "mf-note"}, {"id", "record"}});
  html.element("p", say(look, "record-says"));
  add_list(html, view.from_record);
  html.element("p", say(look, view.control == Control::several ? "record-several" : "record-one"));
  html.close();
}

// Hidden until the script makes it answer to a touch.
void add_picture(Html& html, const Look& look, const QuestionView& view) {
  html.open("div", {{"class", "mf-map"}, {"data-for", view.link_id}, {"hidden", ""}});
  browser::add_body_map(
      html, [&look](std::string_view key) { return say(look, key); },
      [&view](std::string_view code) {
        return std::any_of(view.options.begin(), view.options.end(), [code](const OptionView& one) {
          return one.code == code && one.is_chosen;
        });
      });
  html.close();
}

// "None of these", and what follows it, stand apart.
void add_choice(Html& html, const Look& look, const QuestionView& view) {
  const bool several = view.control == Control::several;
  const bool has_error = !view.slip.empty();
  const bool has_hint = several || !view.help.empty();
  const auto described = described_by(has_hint, has_error, !view.from_record.empty());
  html.open("fieldset", {{"aria-describedby", described, !described.empty()}});
  html.open("legend").element("h1", view.question).close();
  add_hint(html, view.help, several ? say(look, "question-several") : "");
  add_from_record(html, look, view);
  add_slip(html, view.slip);
  if (view.has_body_map) {
    add_picture(html, look, view);
  }
  for (const auto& option : view.options) {
    if (option.is_exclusive) {
      html.element("p", say(look, "question-or"), {{"class", "mf-or"}});
    }
    add_option(html, view, option);
  }
  html.close();
}

void add_typed(Html& html, const Look& look, const QuestionView& view) {
  const bool is_text = view.control == Control::text;
  const bool has_error = !view.slip.empty();
  const std::string most = std::to_string(kMostText);
  html.open("h1").element("label", view.question, {{"for", view.link_id}}).close();
  add_hint(html, view.help,
           is_text ? say(look, "question-text-hint", {{"most", most}})
                   : say(look, "question-number-hint"));
  add_slip(html, view.slip);
  if (is_text) {
    html.element("textarea", "\n" + view.value,
                 {{"id", view.link_id},
                  {"name", view.link_id},
                  {"rows", "6"},
                  {"dir", "auto"},
                  {"class", "mf-input"},
                  {"aria-describedby", described_by(true, has_error)},
                  {"aria-invalid", "true", has_error}});
    return;
  }
  html.single("input", {{"type", "text"},
                        {"id", view.link_id},
                        {"name", view.link_id},
                        {"value", view.value},
                        {"inputmode", view.is_whole ? "numeric" : "decimal"},
                        {"autocomplete", "off"},
                        {"class", "mf-input mf-four"},
                        {"aria-describedby", described_by(true, has_error)},
                        {"aria-invalid", "true", has_error}});
}

// ---- the answers

void add_sections(Html& html, const Look& look, const std::vector<ReviewSection>& sections) {
  for (const auto& section : sections) {
    html.element("h2", section.title);
    html.open("dl", {{"class", "mf-answers"}});
    for (const auto& line : section.lines) {
      html.open("div");
      html.element("dt", line.question);
      if (line.answers.empty()) {
        html.element("dd", say(look, "review-not-answered"), {{"class", "mf-quiet"}});
      }
      for (const auto& answer : line.answers) {
        html.element("dd", answer, {{"dir", "auto", line.is_own_words}});
      }
      if (!line.change.empty()) {
        html.open("dd", {{"class", "mf-change"}});
        html.open("a", {{"href", line.change}}).text(say(look, "change"));
        html.element("span", " " + line.question, {{"class", "mf-unseen"}});
        html.close().close();
      }
      html.close();
    }
    html.close();
  }
}

}  // namespace

std::string say(const Look& look, std::string_view key, std::initializer_list<rules::Fill> more) {
  const auto& text = look.texts.text(key);
  const std::pair<std::string_view, std::string_view> site[] = {
      {"clinic", look.site.clinic},
      {"phone", look.site.phone},
      {"number", look.site.emergency_number}};
  std::string out;
  const auto fill_in = [&](const auto& values) {
    for (const auto& [name, value] : values) {
      out = rules::fill(out, {{name, isolated(look, value)}});
    }
  };
  out = text;
  fill_in(more);
  fill_in(site);
  return out;
}

std::string start_page(const Look& look, std::string_view action, bool is_finished,
                       bool is_unchecked) {
  Html html;
  html.element("h1", say(look, "start-title"));
  html.element("p", say(look, "start-emergency"), {{"class", "mf-warning"}});
  if (is_unchecked) {
    html.element("p", say(look, "start-not-reviewed"), {{"class", "mf-note"}});
  }
  if (is_finished) {
    html.element("p", say(look, "start-finished"));
  } else {
    html.element("p", say(look, "start-what"));
    add_list(html, {say(look, "start-why"), say(look, "start-time"), say(look, "start-who"),
                    say(look, "start-private"), say(look, "start-not-watched")});
  }
  html.open("form", {{"method", "post"}, {"action", action}});
  add_button(html, say(look, is_finished ? "continue" : "start-button"));
  html.close();
  return whole(look, say(look, "start-title"), html);
}

std::string identity_page(const Look& look, const IdentityView& view) {
  Html html;
  if (view.error) {
    add_summary(html, look, *view.error);
  }
  if (view.is_first) {
    html.element("p", say(look, "start-emergency"), {{"class", "mf-warning"}});
  }
  if (view.is_unchecked) {
    html.element("p", say(look, "start-not-reviewed"), {{"class", "mf-note"}});
  }
  html.open("form", {{"method", "post"},
                     {"action", "/p/id"},
                     {"id", kForm.view()},
                     {"data-keep", "once"},
                     {"novalidate", ""}});
  add_hidden(html, "csrf", view.csrf);
  html.open("fieldset", {{"aria-describedby", described_by(true, view.error.has_value())}});
  html.open("legend").element("h1", say(look, "identity-title")).close();
  html.element("p", say(look, "identity-hint"), {{"class", "mf-hint"}, {"id", "hint"}});
  add_slip(html, view.error ? view.error->text : "");
  html.open("div", {{"class", "mf-date"}});
  const bool wrong = view.error.has_value();
  add_date_part(html, look, {"d", "identity-day", "bday-day", view.day, true}, wrong);
  add_date_part(html, look, {"m", "identity-month", "bday-month", view.month, false}, wrong);
  add_date_part(html, look, {"y", "identity-year", "bday-year", view.year, false}, wrong);
  html.close().close();
  add_offline_line(html, look);
  add_button(html, say(look, "continue"));
  html.close();
  return whole(look, title_of(look, say(look, "identity-title"), wrong), html, Keeps::answers);
}

std::string question_page(const Look& look, const QuestionView& view) {
  const bool has_error = !view.slip.empty() || view.changed_elsewhere;
  Html html;
  add_back(html, look, view.back);
  if (has_error) {
    add_summary(
        html, look,
        {view.changed_elsewhere ? say(look, "changed-elsewhere") : view.slip, control_id(view)});
  }
  html.open("form", {{"method", "post"},
                     {"action", fmt::format("/p/q/{}", view.link_id)},
                     {"id", kForm.view()},
                     {"data-keep", ""},
                     {"novalidate", ""}});
  add_hidden(html, "csrf", view.csrf);
  add_hidden(html, "rev", std::to_string(view.revision));
  if (view.to_review) {
    add_hidden(html, "back", "review");
  }
  html.element("p",
               say(look, "question-part",
                   {{"section", view.section},
                    {"number", std::to_string(view.part)},
                    {"of", std::to_string(view.parts)}}),
               {{"class", "mf-caption"}});
  for (const auto& note : view.notes) {
    html.element("p", note, {{"class", "mf-note"}});
  }
  if (view.options.empty()) {
    add_typed(html, look, view);
  } else {
    add_choice(html, look, view);
  }
  add_offline_line(html, look);
  add_button(html, say(look, "continue"));
  if (!view.is_required) {
    html.element(
        "button", say(look, "skip"),
        {{"type", "submit"}, {"name", "skip"}, {"value", "1"}, {"class", "mf-button mf-second"}});
  }
  html.close();
  return whole(look, title_of(look, view.question, has_error), html, Keeps::answers);
}

std::string common_text(const Look& look, std::vector<OptionView> options,
                        const std::vector<std::string>& phrases) {
  QuestionView view;
  view.help = view.section = view.question = view.link_id = "-";
  view.back = "/p/q/";
  view.notes = phrases;
  view.options = std::move(options);
  view.options.push_back({"-", "-", true, false});
  view.options.push_back({"-", "-", false, true});
  std::string out;
  for (const auto control : {Control::text, Control::number, Control::several, Control::one}) {
    view.control = control;
    view.is_whole = control == Control::number;
    out += question_page(look, view);  // the most common last: it is found at the least cost
    view.notes.clear();
  }
  return out;
}

std::string stop_page(const Look& look, const StopView& view) {
  const std::string title =
      say(look, view.is_emergency ? "stop-emergency-title" : "stop-call-today-title");
  Html html;
  html.open("div",
            {{"class", view.is_emergency ? "mf-stop" : "mf-stop mf-today"}, {"role", "alert"}});
  html.element("h1", title);
  html.element("p", view.words, {{"class", "mf-large"}});
  add_call(html, look, view.is_emergency ? look.site.emergency_number : look.site.phone);
  html.close();
  if (look.device) {
    html.element("p", say(look, "device-stop"), {{"class", "mf-warning"}});
  }
  html.element("p", say(look, "stop-not-watched"), {{"class", "mf-strong"}});
  html.element("h2", say(look, "stop-told"));
  add_list(html, view.told);
  html.element("p", say(look, "stop-noted"));
  html.open("p").text(say(look, "stop-mistake")).close();
  html.element("a", say(look, "back"), {{"class", "mf-back"}, {"href", view.back}});
  html.open("form", {{"method", "post"}, {"action", "/p/stop"}, {"data-keep", ""}});
  add_hidden(html, "csrf", view.csrf);
  add_hidden(html, "rev", std::to_string(view.revision));
  add_offline_line(html, look);
  add_button(html, say(look, "stop-read"), true);
  html.close();
  return whole(look, title, html, Keeps::answers);
}

std::string review_page(const Look& look, const ReviewView& view) {
  Html html;
  add_back(html, look, view.back);
  html.element("h1", say(look, "review-title"));
  if (!view.hidden.empty()) {
    html.open("div", {{"class", "mf-note"}});
    html.element("p", say(look, "review-hidden"));
    add_list(html, view.hidden);
    html.close();
  }
  add_sections(html, look, view.sections);
  if (view.has_not_needed) {
    html.element("p", say(look, "review-not-needed"));
  }
  html.element("h2", say(look, "review-send-title"));
  for (const auto& note : view.notes) {
    html.element("p", note, {{"class", "mf-note"}});
  }
  html.element("p", say(look, "review-send-text"));
  html.open("form", {{"method", "post"}, {"action", "/p/submit"}, {"data-keep", ""}});
  add_hidden(html, "csrf", view.csrf);
  add_hidden(html, "rev", std::to_string(view.revision));
  add_offline_line(html, look);
  add_button(html, say(look, "review-send"));
  html.close();
  return whole(look, say(look, "review-title"), html, Keeps::answers);
}

std::string done_page(const Look& look, const DoneView& view) {
  Html html;
  html.element("h1", say(look, "done-title"));
  html.open("section", {{"class", view.is_emergency ? "mf-stop" : "mf-advice"}});
  html.element("h2", say(look, "done-advice-title"));
  html.element("p", view.headline, {{"class", "mf-large"}});
  if (view.is_emergency) {
    add_call(html, look, look.site.emergency_number);
  }
  for (const auto& paragraph : view.paragraphs) {
    html.element("p", paragraph);
  }
  html.close();
  html.element("p", say(look, "done-no-diagnosis"));
  if (!view.is_emergency) {
    html.element("p", say(look, "done-read"));
  }
  html.open("p").element("a", say(look, "done-copy"), {{"href", "/p/copy"}}).close();
  return whole(look, say(look, "done-title"), html);
}

std::string copy_page(const Look& look, const ReviewView& view, std::string_view sent) {
  Html html;
  html.element("h1", say(look, "copy-title"));
  html.element("p", say(look, "copy-sent", {{"when", sent}}));
  add_sections(html, look, view.sections);
  html.open("p", {{"class", "mf-screen"}});
  html.element("a", say(look, "copy-back"), {{"href", "/p/done"}}).close();
  return whole(look, say(look, "copy-title"), html);
}

std::string over_page(const Look& look, std::string_view for_staff) {
  Html html;
  html.element("h1", say(look, "device-over-title"));
  html.element("p", say(look, "device-over-text"));
  html.open("p").element("a", say(look, "device-staff"), {{"href", for_staff}}).close();
  return whole(look, say(look, "service"), html);
}

std::string message_page(const Look& look, const Message& message) {
  Html html;
  html.element("h1", message.title);
  html.element("p", message.text);
  if (!message.address.empty()) {
    add_link_button(html, message.button, message.address);
  }
  return whole(look, message.title, html);
}

}  // namespace myoflag::intake
