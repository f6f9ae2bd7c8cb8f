#include "plugin/review/frame.h"

#include <algorithm>

#include "plugin/safe_text.h"

namespace myoflag::review {

namespace {

using rules::Line;
using rules::Section;

// The class says how it looks; the words say all of it.
std::string_view class_of(Line::Style style) {
  switch (style) {
    case Line::Style::plain:
      return "plain";
    case Line::Style::strong:
      return "strong";
    case Line::Style::quote:
      return "quote";
    case Line::Style::quiet:
      return "quiet";
  }
  return "";
}

// "mf-why", for what stands where.
std::string_view class_of(Section::Kind kind) {
  switch (kind) {
    case Section::Kind::why:
      return "why";
    case Section::Kind::not_excluded:
    case Section::Kind::changes:
      return "ask";
    case Section::Kind::conflicts:
    case Section::Kind::notices:
      return "note";
    case Section::Kind::patient_words:
      return "words";
    case Section::Kind::workups:
      return "tests";
    default:
      return "other";
  }
}

void add_line(Html& html, const Line& line, const AfterLine& after) {
  html.element("span", safe_text(line.text), {{"class", class_of(line.style)}});
  if (!line.basis.empty()) {
    html.text(" ").element("span", "[" + safe_text(line.basis) + "]", {{"class", "basis"}});
  }
  if (after) {
    after(html, line);
  }
}

// From `at` on, as long as lines stand at least that deep; where it ends.
std::size_t add_level(Html& html, const std::vector<Line>& lines, std::size_t at, int depth,
                      const AfterLine& after) {
  html.open("ul");
  while (at < lines.size() && lines[at].indent >= depth) {
    html.open("li");
    add_line(html, lines[at], after);
    ++at;
    if (at < lines.size() && lines[at].indent > depth) {
      at = add_level(html, lines, at, depth + 1, after);
    }
    html.close();
  }
  html.close();
  return at;
}

}  // namespace

std::string say(const Look& look, std::string_view key, std::initializer_list<rules::Fill> fills) {
  return look.texts.text(key, fills);
}

std::string whole(const Look& look, std::string_view title, std::string_view tier,
                  const Html& body) {
  Html page;
  page.open("html", {{"lang", look.texts.language()}, {"dir", look.texts.direction()}});
  page.open("head");
  page.single("meta", {{"charset", "utf-8"}});
  page.single("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
  page.single("meta", {{"name", "robots"}, {"content", "noindex"}});
  if (!look.sign_out.empty()) {
    page.single("meta", {{"http-equiv", "refresh"}, {"content", "0; url=" + look.sign_out}});
  }
  page.element("title", std::string(title) + " - " + say(look, "service"));
  page.single("link", {{"rel", "stylesheet"}, {"href", look.style}});
  page.close();
  page.open("body", {{"class", tier}});
  page.add(body);
  if (!look.is_outside) {
    const auto footer = !look.patient.empty() ? say(look, "this-launch")
                        : look.staff.empty()  ? say(look, "this-machine")
                                              : say(look, "this-staff");
    page.open("footer", {{"class", "screen"}}).element("p", footer).close();
  }
  page.close().close();
  return "<!DOCTYPE html>\n" + page.whole();
}

void add_top(Html& html, const Look& look) {
  html.open("header", {{"class", "screen top"}});
  if (look.patient.empty()) {
    html.element("a", say(look, "to-worklist"), {{"href", "/c/worklist"}});
    html.element("p", say(look, "summary-title"));
    add_staff(html, look);
  } else {
    const auto id = look.patient.substr(look.patient.find('/') + 1);
    html.element("p", say(look, "launch-patient", {{"patient", safe_text(id)}}));
    html.element("a", say(look, "launch-forms"), {{"href", "/c/forms"}});
    html.open("form", {{"method", "post"}, {"action", "/c/end"}});
    add_hidden(html, "csrf", look.csrf);
    html.element("button", say(look, "launch-end"), {{"type", "submit"}});
    html.close();
  }
  html.close();
}

void add_staff(Html& html, const Look& look) {
  if (look.staff.empty()) {
    return;
  }
  html.element("p", say(look, "staff-who", {{"who", safe_text(look.staff)}}));
  html.open("form", {{"method", "post"}, {"action", "/c/end"}});
  add_hidden(html, "csrf", look.csrf);
  html.element("button", say(look, "staff-end"), {{"type", "submit"}});
  html.close();
}

void add_hidden(Html& html, browser::Word name, std::string_view value) {
  html.single("input", {{"type", "hidden"}, {"name", name.view()}, {"value", value}});
}

void add_lines(Html& html, const std::vector<Line>& lines, const AfterLine& after) {
  for (std::size_t at = 0; at < lines.size();) {
    at = add_level(html, lines, at, std::min(lines[at].indent, 0), after);
  }
}

void add_section(Html& html, const Section& section, const AfterLine& after) {
  html.open("section", {{"class", class_of(section.kind)}});
  if (!section.title.empty()) {
    html.element("h2", section.title);
  }
  add_lines(html, section.lines, after);
  html.close();
}

}  // namespace myoflag::review
