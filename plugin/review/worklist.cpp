// The worklist: what waits for somebody, the most pressing first. And the forms of one patient.
#include <chrono>

#include <fmt/format.h>

#include "plugin/review/frame.h"
#include "plugin/review/service.h"
#include "plugin/safe_text.h"
#include "rules/wording.h"

namespace myoflag::review {

namespace {

using rules::moment_text;

class Worklist {
 public:
  Worklist(const Look& look, const WorklistView& view) : look_(look), view_(view) {}

  std::string page() {
    Html html;
    if (!look_.staff.empty()) {
      html.open("header", {{"class", "screen top"}});
      add_staff(html, look_);
      html.close();
    }
    html.open("main", {{"class", "worklist"}});
    html.element("h1", say(look_, "worklist-title"));
    if (view_.asks_name) {
      html.element("p", say(look_, "worklist-name-missing"),
                   {{"class", "said"}, {"role", "alert"}});
    }
    add_urgent(html);
    add_forms(html);
    add_troubles(html);
    add_invitations(html);
    if (view_.has_more) {
      html.element("p", say(look_, "worklist-more", {{"count", std::to_string(kMostRows)}}),
                   {{"class", "strong"}});
    }
    html.close();
    return whole(look_, say(look_, "worklist-title"), "list", html);
  }

  // Its title, or the form's time, tells one from another: the patient is the same.
  std::string patient_page() {
    Html html;
    add_top(html, look_);
    html.open("main", {{"class", "worklist"}});
    html.element("h1", say(look_, "forms-title"), {{"id", "forms"}});
    if (view_.forms.size() > 1) {
      html.element("p", say(look_, "forms-what"));
    }
    add_rows(html, false);
    html.close();
    return whole(look_, say(look_, "forms-title"), "list", html);
  }

 private:
  void heading(Html& html, std::string_view key, std::string_view id) const {
    html.element("h2", say(look_, key, {{"days", std::to_string(kShownDays)}}), {{"id", id}});
  }

  void head(Html& html, std::string_view label,
            std::initializer_list<std::string_view> columns) const {
    html.open("div", {{"class", "table"}});
    html.open("table", {{"aria-labelledby", label}}).open("thead").open("tr");
    for (const auto column : columns) {
      html.element("th", say(look_, column), {{"scope", "col"}});
    }
    html.close().close().open("tbody");
  }
  static void foot(Html& html) { html.close().close().close(); }

  // Each cell says its column again, for a panel where they stand below each other.
  void cell(Html& html, std::string_view column, std::string_view text,
            std::string_view name = {}) const {
    html.element("td", text, {{"data-column", say(look_, column)}, {"class", name, !name.empty()}});
  }

  std::string tier_text(const Row& row) const {
    const auto tier = rules::tier_of(row.tier);
    return tier ? view_.knowledge.tiers[static_cast<std::size_t>(*tier)].label : row.tier;
  }

  std::string by_text(const Row& row) const {
    if (!row.target_hours) {
      return say(look_, "by-visit");
    }
    const auto by = row.made + std::chrono::hours(*row.target_hours);
    return by < view_.now ? say(look_, "overdue", {{"when", moment_text(by)}}) : moment_text(by);
  }

  std::string record_text(const Row& row) const {
    return say(look_, row.state == store::ItemState::done     ? "record-done"
                      : row.state == store::ItemState::parked ? "record-parked"
                                                              : "record-waiting");
  }

  void add_open(Html& html, const FormLine& form) const {
    html.open("td", {{"data-column", say(look_, "column-form")}});
    html.open("a", {{"href", fmt::format("/c/summary/{}", form.row.outcome)}});
    html.text(say(look_, "open-form"));
    const auto which = look_.patient.empty()
                           ? say(look_, "open-which", {{"patient", safe_text(form.patient)}})
                           : say(look_, "open-form-of", {{"when", moment_text(form.row.made)}});
    html.element("span", " " + which, {{"class", "unseen"}});
    html.close().close();
  }

  void add_acknowledge(Html& html, const FormLine& form) const {
    const auto id = fmt::format("who-{}", form.row.escalation);
    html.open("td", {{"data-column", say(look_, "column-who")}});
    html.open("form", {{"method", "post"}, {"action", "/c/urgent"}, {"class", "inline"}});
    add_hidden(html, "csrf", view_.csrf);
    add_hidden(html, "escalation", std::to_string(form.row.escalation));
    if (look_.staff.empty()) {  // who signed in has said it already
      html.open("label", {{"for", id}}).text(say(look_, "urgent-name"));
      html.element("span",
                   ", " + say(look_, "urgent-which", {{"patient", safe_text(form.patient)}}),
                   {{"class", "unseen"}});
      html.close();
      html.single("input", {{"type", "text"},
                            {"id", id},
                            {"name", "who"},
                            {"required", ""},
                            {"maxlength", "80"},
                            {"autocomplete", "name"}});
    }
    html.open("button", {{"type", "submit"}}).text(say(look_, "urgent-button"));
    html.element("span", ", " + say(look_, "urgent-which", {{"patient", safe_text(form.patient)}}),
                 {{"class", "unseen"}});
    html.close().close().close();
  }

  static bool is_open(const Row& row) { return row.is_urgent && !row.acknowledged; }

  void add_urgent(Html& html) const {
    heading(html, "worklist-urgent", "urgent");
    if (view_.forms.empty() || !is_open(view_.forms.front().row)) {
      html.element("p", say(look_, "worklist-urgent-none"));
      return;
    }
    head(html, "urgent",
         {"column-tier", "column-by", "column-patient", "column-form", "column-who"});
    for (const auto& form : view_.forms) {
      if (is_open(form.row)) {
        html.open("tr");
        cell(html, "column-tier", tier_text(form.row), form.row.tier);
        cell(html, "column-by", by_text(form.row));
        cell(html, "column-patient", safe_text(form.patient));
        add_open(html, form);
        add_acknowledge(html, form);
        html.close();
      }
    }
    foot(html);
  }

  std::string who_text(const Row& row) const {
    if (!row.is_urgent) {
      return "";
    }
    return !row.acknowledged
               ? say(look_, "nobody")
               : say(look_, "taken",
                     {{"who", row.acknowledged_by.empty() ? say(look_, "somebody")
                                                          : safe_text(row.acknowledged_by)},
                      {"when", moment_text(*row.acknowledged)}});
  }

  void add_forms(Html& html) const {
    heading(html, "worklist-forms", "forms");
    if (view_.forms.empty()) {
      html.element("p", say(look_, "worklist-forms-none"));
      return;
    }
    add_rows(html, true);
  }

  void add_rows(Html& html, bool with_patient) const {
    if (with_patient) {
      head(html, "forms",
           {"column-tier", "column-by", "column-patient", "column-came", "column-state",
            "column-record", "column-who", "column-form"});
    } else {
      head(html, "forms",
           {"column-tier", "column-by", "column-came", "column-state", "column-record",
            "column-who", "column-form"});
    }
    for (const auto& form : view_.forms) {
      html.open("tr");
      cell(html, "column-tier", tier_text(form.row), form.row.tier);
      cell(html, "column-by", by_text(form.row));
      if (with_patient) {
        cell(html, "column-patient", safe_text(form.patient));
      }
      cell(html, "column-came", moment_text(form.row.made));
      cell(html, "column-state", say(look_, form.row.is_unfinished ? "unfinished" : "finished"));
      cell(html, "column-record", record_text(form.row));
      cell(html, "column-who", who_text(form.row));
      add_open(html, form);
      html.close();
    }
    foot(html);
  }

  void add_troubles(Html& html) const {
    heading(html, "worklist-troubles", "troubles");
    if (view_.troubles.empty()) {
      html.element("p", say(look_, "worklist-troubles-none"));
      return;
    }
    head(html, "troubles",
         {"column-tier", "column-patient", "column-state", "column-why", "column-form"});
    for (const auto& form : view_.troubles) {
      const Row& row = form.row;
      const bool is_task = row.kind == store::Kind::task;
      html.open("tr");
      cell(html, "column-tier", is_task ? say(look_, "trouble-task") : tier_text(row), row.tier);
      cell(html, "column-patient", safe_text(form.patient));
      cell(html, "column-state",
           row.state == store::ItemState::parked
               ? say(look_, "trouble-parked")
               : say(look_, "trouble-tries", {{"tries", std::to_string(row.tries)}}));
      cell(html, "column-why", fmt::format("{} {}", row.code, safe_text(row.reason)));
      if (is_task) {
        cell(html, "column-form", say(look_, "no-form"));
      } else {
        add_open(html, form);
      }
      html.close();
    }
    foot(html);
  }

  void add_invitations(Html& html) const {
    heading(html, "worklist-open", "open");
    if (view_.invitations.empty()) {
      html.element("p", say(look_, "worklist-open-none"));
      return;
    }
    if (view_.can_open) {
      head(html, "open",
           {"column-patient", "column-state", "column-invited", "column-ends", "column-here"});
    } else {
      head(html, "open", {"column-patient", "column-state", "column-invited", "column-ends"});
    }
    for (const auto& one : view_.invitations) {
      html.open("tr");
      cell(html, "column-patient", safe_text(one.patient));
      cell(html, "column-state", say(look_, fmt::format("state-{}", one.state)));
      cell(html, "column-invited", moment_text(one.made));
      cell(html, "column-ends", moment_text(one.expires));
      if (view_.can_open && one.state != "locked") {
        html.open("td", {{"data-column", say(look_, "column-here")}});
        html.open("a", {{"href", fmt::format("/c/open/{}", one.id)}});
        html.text(say(look_, "open-here"));
        html.element("span", " " + say(look_, "open-which", {{"patient", safe_text(one.patient)}}),
                     {{"class", "unseen"}});
        html.close().close();
      } else if (view_.can_open) {
        cell(html, "column-here", "");
      }
      html.close();
    }
    foot(html);
  }

  const Look& look_;
  const WorklistView& view_;
};

}  // namespace

std::string worklist_page(const Look& look, const WorklistView& view) {
  return Worklist(look, view).page();
}

std::string open_page(const Look& look, const OpenView& view) {
  Html html;
  add_top(html, look);
  html.open("main", {{"class", "worklist"}});
  html.element("h1", say(look, "open-title"));
  if (view.asks_who) {
    html.element("p", say(look, "open-who-missing"), {{"class", "said"}, {"role", "alert"}});
  }
  html.element("p",
               say(look, "open-patient",
                   {{"patient", safe_text(view.invitation.patient)},
                    {"state", say(look, fmt::format("state-{}", view.invitation.state))}}),
               {{"class", "strong"}});
  html.open("form", {{"method", "post"}, {"action", "/c/open"}, {"class", "choose"}});
  add_hidden(html, "csrf", view.csrf);
  add_hidden(html, "invitation", std::to_string(view.invitation.id));
  html.open("fieldset").element("legend", say(look, "open-who"), {{"class", "strong"}});
  for (const auto& one : view.informants) {
    html.open("label");
    html.single("input",
                {{"type", "radio"}, {"name", "who"}, {"value", one.name}, {"required", ""}});
    html.element("span", one.text).close();
  }
  html.close();
  html.element("p", say(look, "open-what"));
  html.element("button", say(look, "open-button"), {{"type", "submit"}});
  html.close().close();
  return whole(look, say(look, "open-title"), "list", html);
}

std::string forms_page(const Look& look, const WorklistView& view) {
  return Worklist(look, view).patient_page();
}

}  // namespace myoflag::review
