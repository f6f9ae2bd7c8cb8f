// The summary: how urgent, why, what to ask, what to do.
#include <algorithm>
#include <chrono>
#include <functional>
#include <set>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "plugin/browser/body_map.h"
#include "plugin/review/embedded.h"
#include "plugin/review/frame.h"
#include "plugin/safe_text.h"
#include "rules/wording.h"

namespace myoflag::review {

namespace {

using rules::Assessment;
using rules::Explanation;
using rules::Item;
using rules::ItemState;
using rules::Knowledge;
using rules::Line;
using rules::Section;

// The columns of a wide screen, in the order in which a narrow one shows them.
constexpr std::array kFirst{Section::Kind::why, Section::Kind::patient_words,
                            Section::Kind::conflicts};
constexpr std::array kSecond{Section::Kind::not_excluded, Section::Kind::changes,
                             Section::Kind::notices, Section::Kind::hypotheses,
                             Section::Kind::answers};
constexpr std::array kThird{Section::Kind::workups, Section::Kind::withheld};

// linkIds, of summary.yaml.
const std::vector<std::string>& timeline() {
  static const auto list =
      YAML::Load(std::string(kSummary))["timeline"].as<std::vector<std::string>>();
  return list;
}

class Summary {
 public:
  Summary(const Look& look, const SummaryView& view)
      : look_(look),
        view_(view),
        knowledge_(*view.assessment.knowledge),
        explanation_(rules::explain_for_clinician(view.assessment)) {}

  std::string page() {
    Html html;
    add_top(html, look_);
    html.open("main");
    add_strip(html);
    add_said(html);
    add_urgent(html);
    html.open("div", {{"class", "columns"}});
    add_column(html, kFirst);
    add_column(html, kSecond, [this](Html& to) {
      add_denied(to);
      add_timeline(to);
      add_places(to);
    });
    add_column(html, kThird);
    html.close();
    add_folded(html);
    add_rest(html, Section::Kind::provenance);
    html.close();
    return whole(look_, say(look_, "summary-title"), rules::code_of(explanation_.tier), html);
  }

 private:
  const Section* section(Section::Kind kind) const {
    const auto& all = explanation_.sections;
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Section& one) { return one.kind == kind; });
    return found == all.end() ? nullptr : &*found;
  }

  std::string age_text() const {
    const auto& response = view_.assessment.input->response;
    const auto when = rules::authored_text(response);
    if (when.empty() || !response.authored) {
      return say(look_, "age-unknown");
    }
    const auto days = std::chrono::floor<std::chrono::days>(view_.now - *response.authored).count();
    return days < 1 ? say(look_, "age-today", {{"when", when}})
                    : say(look_, "age-days", {{"when", when}, {"days", std::to_string(days)}});
  }

  // The headline of the explanation, whose first line says tier and target.
  void add_strip(Html& html) const {
    html.open("div", {{"class", "strip"}});
    if (const Section* headline = section(Section::Kind::headline)) {
      bool is_first = true;
      for (const Line& line : headline->lines) {
        if (is_first) {
          html.element("h1", safe_text(line.text));
        } else {
          html.element("p", safe_text(line.text),
                       {{"class", "strong", line.style == Line::Style::strong}});
        }
        is_first = false;
      }
    }
    const auto records = view_.assessment.input->record.size();
    std::string data =
        age_text() + " " +
        (records == 0 ? say(look_, "record-none")
                      : say(look_, "record-read", {{"count", std::to_string(records)}}));
    if (!view_.born.empty()) {
      data = say(look_, "born", {{"when", view_.born}}) + ". " + data;
    }
    html.element("p", data, {{"class", "quiet"}});
    add_who(html);
    if (!view_.is_finished) {
      html.element("p", say(look_, "not-finished"), {{"class", "strong"}});
    }
    if (!view_.kept_tier.empty()) {
      html.element("p", say(look_, "other-rules", {{"tier", view_.kept_tier}}),
                   {{"class", "strong"}});
    }
    if (!view_.newer.empty()) {
      html.open("p", {{"class", "strong"}}).text(say(look_, "newer") + " ");
      html.element("a", say(look_, "newer-link"),
                   {{"href", fmt::format("/c/summary/{}", view_.newer)}});
      html.close();
    }
    html.close();
  }

  // Beside what the knowledge says of it: who typed is no answer of the form.
  void add_who(Html& html) const {
    std::string text = view_.source.empty() ? "" : say(look_, view_.source);
    if (!view_.entered_by.empty()) {
      text += (text.empty() ? "" : " ") +
              say(look_, "entered-by", {{"who", safe_text(view_.entered_by)}});
    }
    if (!text.empty()) {
      html.element("p", text, {{"class", "quiet"}});
    }
  }

  void add_said(Html& html) const {
    if (!view_.said.empty()) {
      html.element("p", say(look_, view_.said), {{"class", "said screen"}, {"role", "status"}});
    }
  }

  void add_urgent(Html& html) const {
    if (!view_.urgent) {
      return;
    }
    const Row& row = *view_.urgent;
    html.open("div", {{"class", "urgent-note"}});
    if (row.acknowledged) {
      const auto when = rules::moment_text(*row.acknowledged);
      html.element("p", row.acknowledged_by.empty()
                            ? say(look_, "urgent-taken-nameless", {{"when", when}})
                            : say(look_, "urgent-taken",
                                  {{"who", safe_text(row.acknowledged_by)}, {"when", when}}));
    } else {
      html.element("p", say(look_, "urgent-open", {{"when", rules::moment_text(row.made)}}),
                   {{"class", "strong"}});
      html.open("form", {{"method", "post"}, {"action", "/c/urgent"}, {"class", "inline screen"}});
      add_hidden(html, "csrf", view_.csrf);
      add_hidden(html, "escalation", std::to_string(row.escalation));
      add_hidden(html, "form", view_.outcome);
      if (look_.staff.empty()) {  // who signed in has said it already
        html.element("label", say(look_, "urgent-name"), {{"for", "who"}});
        html.single("input", {{"type", "text"},
                              {"id", "who"},
                              {"name", "who"},
                              {"required", ""},
                              {"maxlength", "80"},
                              {"autocomplete", "name"}});
      }
      html.element("button", say(look_, "urgent-button"), {{"type", "submit"}});
      html.close();
    }
    html.close();
  }

  void add_column(Html& html, const auto& kinds,
                  const std::function<void(Html&)>& add_more = {}) const {
    html.open("div", {{"class", "column"}});
    for (const auto kind : kinds) {
      const Section* one = section(kind);
      if (one != nullptr && kind == Section::Kind::workups) {
        add_workups(html, *one);
      } else if (one != nullptr) {
        add_section(html, *one);
      }
    }
    if (add_more) {
      add_more(html);
    }
    html.close();
  }

  const Proposal* proposal(std::string_view workup) const {
    const auto found = std::find_if(view_.proposals.begin(), view_.proposals.end(),
                                    [&](const Proposal& one) { return one.workup == workup; });
    return found == view_.proposals.end() ? nullptr : &*found;
  }

  std::string proposed_text(const Proposal& one) const {
    return say(look_, one.state == store::ItemState::done     ? "proposed-done"
                      : one.state == store::ItemState::parked ? "proposed-parked"
                                                              : "proposed-waiting");
  }

  void add_propose(Html& html, const Line& line) const {
    if (line.workup.empty()) {
      return;
    }
    if (const Proposal* one = proposal(line.workup)) {
      html.text(" ").element("strong", proposed_text(*one), {{"class", "proposed"}});
      return;
    }
    html.text(" ").open("button", {{"type", "submit"},
                                   {"name", "workup"},
                                   {"value", line.workup},
                                   {"class", "small screen"}});
    html.text(say(look_, "propose"));
    html.element("span", " " + line.text, {{"class", "unseen"}});
    html.close();
  }

  void add_workups(Html& html, const Section& tests) const {
    html.open("section", {{"class", "tests"}});
    html.element("h2", tests.title);
    html.open("form", {{"method", "post"}, {"action", "/c/proposals"}});
    add_hidden(html, "csrf", view_.csrf);
    add_hidden(html, "form", view_.outcome);
    add_lines(html, tests.lines, [&](Html& to, const Line& line) { add_propose(to, line); });
    html.element("p", say(look_, "propose-what"), {{"class", "quiet screen"}});
    const auto left = std::any_of(tests.lines.begin(), tests.lines.end(), [&](const Line& line) {
      return !line.workup.empty() && proposal(line.workup) == nullptr;
    });
    if (left) {
      html.element("button", say(look_, "propose-all"),
                   {{"type", "submit"}, {"name", "all"}, {"value", "1"}, {"class", "screen"}});
    }
    html.close().close();
  }

  // Never mixed with what was not asked.
  void add_denied(Html& html) const {
    const auto& answers = view_.assessment.input->facts.raw;
    std::vector<std::string> labels;
    for (std::size_t i = 0; i < knowledge_.items.size(); ++i) {
      const Item& item = knowledge_.items[i];
      if (item.none != 0 && answers.state[i] == ItemState::answered &&
          answers.chosen[i] == item.none) {
        labels.push_back(item.label);
      }
    }
    if (labels.empty()) {
      return;
    }
    html.open("section", {{"class", "other"}});
    html.element("h2", say(look_, "denied-title"));
    html.open("ul").open("li");
    html.text(say(look_, "denied", {{"questions", rules::joined(labels, "; ")}}));
    html.close().close().close();
  }

  // When they were answered, the newest first.
  std::vector<std::string> earlier_forms() const {
    std::vector<std::pair<rules::Instant, std::string>> forms;
    for (const auto& form : view_.assessment.input->earlier) {
      auto when = rules::authored_text(form.response);
      if (form.response.authored && !when.empty()) {
        forms.emplace_back(*form.response.authored, std::move(when));
      }
    }
    std::stable_sort(forms.begin(), forms.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<std::string> list;
    for (auto& form : forms) {
      list.push_back(std::move(form.second));
    }
    return list;
  }

  void add_timeline(Html& html) const {
    std::vector<std::string> lines;
    for (const auto& link_id : timeline()) {
      const int item = knowledge_.item(link_id);
      const auto said =
          item < 0 ? std::vector<std::string>() : answers_to(static_cast<std::size_t>(item));
      if (!said.empty()) {
        lines.push_back(say(look_, "timeline-answer",
                            {{"question", knowledge_.items[static_cast<std::size_t>(item)].label},
                             {"answer", rules::joined(said, ", ")}}));
      }
    }
    for (const auto& when : earlier_forms()) {
      lines.push_back(say(look_, "timeline-form", {{"when", when}}));
    }
    if (lines.empty()) {
      return;
    }
    html.open("section", {{"class", "other"}}).element("h2", say(look_, "timeline-title"));
    html.open("ul");
    for (const auto& line : lines) {
      html.element("li", line);
    }
    html.close().close();
  }

  // The places in words; the picture shows no more than they say.
  void add_places(Html& html) const {
    const int item = knowledge_.item(browser::body_map().question);
    const auto places =
        item < 0 ? std::vector<std::string>() : answers_to(static_cast<std::size_t>(item));
    if (places.empty()) {
      return;
    }
    const auto index = static_cast<std::size_t>(item);
    const auto chosen = view_.assessment.input->facts.raw.chosen[index];
    const auto is_marked = [&](std::string_view code) {
      const int option = knowledge_.items[index].option(code);
      return option >= 0 && (chosen >> option & 1U) != 0;
    };
    html.open("section", {{"class", "other"}}).element("h2", say(look_, "places-title"));
    html.element("p", rules::joined(places, ", "));
    const auto& shown = browser::body_map().places;
    if (std::any_of(shown.begin(), shown.end(),
                    [&](const auto& place) { return is_marked(place.code); })) {
      html.open("div", {{"class", "map"}});
      browser::add_body_map(
          html, [this](std::string_view key) { return say(look_, key); }, is_marked);
      html.close();
    }
    html.close();
  }

  // ---- folded

  std::vector<std::string> answers_to(std::size_t index) const {
    const auto& input = *view_.assessment.input;
    const Item& item = knowledge_.items[index];
    std::vector<std::string> out;
    for (std::size_t i = 0; i < item.options.size(); ++i) {
      if ((input.facts.raw.chosen[index] >> i & 1U) != 0) {
        out.push_back(item.options[i].text);
      }
    }
    if (item.is_numeric() && input.facts.raw.state[index] == ItemState::answered) {
      out.push_back(rules::to_text(input.facts.raw.number[index]));
    }
    for (const auto& free : input.free_text) {
      if (free.item == static_cast<int>(index)) {
        out.push_back(safe_text(free.text));
      }
    }
    return out;
  }

  void add_answers(Html& html) const {
    const auto& answers = view_.assessment.input->facts.raw;
    html.open("details").element("summary", say(look_, "answers-title"));
    html.open("dl");
    for (std::size_t i = 0; i < knowledge_.items.size(); ++i) {
      const Item& item = knowledge_.items[i];
      const bool asks = item.is_question() || item.type == rules::ItemType::text;
      const auto given = asks ? answers_to(i) : std::vector<std::string>();
      const bool passed_over = asks && given.empty() && answers.state[i] == ItemState::skipped;
      if (given.empty() && !passed_over) {
        continue;
      }
      html.open("div").element("dt", item.text);
      for (const auto& one : given) {
        html.element("dd", one);
      }
      if (passed_over) {
        html.element("dd", say(look_, "answers-open"), {{"class", "quiet"}});
      }
      html.close();
    }
    html.close().close();
  }

  void add_sources(Html& html) const {
    std::set<int> used;
    for (const auto& finding : view_.assessment.findings) {
      if (finding.status == rules::FindingStatus::fired) {
        used.insert(finding.rule->sources.begin(), finding.rule->sources.end());
      }
    }
    if (used.empty()) {
      return;
    }
    html.open("details").element("summary", say(look_, "sources-title")).open("ul");
    for (const int index : used) {
      const auto& source = knowledge_.sources[static_cast<std::size_t>(index)];
      html.open("li");
      html.text(source.id + ": " + source.title + " ");
      if (source.address.starts_with("https://") || source.address.starts_with("http://")) {
        html.element("a", source.address,
                     {{"href", source.address}, {"rel", "noreferrer"}, {"target", "_blank"}});
      } else {
        html.text(source.address);
      }
      html.close();
    }
    html.close().close();
  }

  void add_whole(Html& html) const {
    if (!explanation_.shortened) {
      return;
    }
    html.open("details").element("summary", say(look_, "whole-title"));
    for (const auto& one : rules::explain_for_clinician(view_.assessment, {.all = true}).sections) {
      if (one.kind != Section::Kind::headline && one.kind != Section::Kind::sources &&
          one.kind != Section::Kind::provenance) {
        add_section(html, one);
      }
    }
    html.close();
  }

  void add_disagree(Html& html) const {
    if (view_.reasons.empty()) {
      return;
    }
    const bool again = view_.said == "disagree-choose";
    html.open("details", {{"open", "", again}});
    html.element("summary", say(look_, "disagree-title"));
    html.open("form", {{"method", "post"}, {"action", "/c/feedback"}});
    add_hidden(html, "csrf", view_.csrf);
    add_hidden(html, "form", view_.outcome);
    html.element("p", say(look_, "disagree-what"), {{"class", "quiet"}});
    html.open("fieldset").element("legend", say(look_, "disagree-reason"));
    for (const auto& [code, text] : view_.reasons) {
      html.open("label");
      html.single("input", {{"type", "radio"}, {"name", "reason"}, {"value", code}});
      html.text(" " + text).close();
    }
    html.close();
    html.element("button", say(look_, "disagree-button"), {{"type", "submit"}});
    html.close().close();
  }

  void add_folded(Html& html) const {
    html.open("div", {{"class", "folded screen"}});
    add_answers(html);
    add_disagree(html);
    add_whole(html);
    add_sources(html);
    html.close();
    add_rest(html, Section::Kind::advice);
  }

  void add_rest(Html& html, Section::Kind kind) const {
    if (const Section* one = section(kind)) {
      html.open("section", {{"class", "foot"}});
      html.element("h2", one->title);
      for (const Line& line : one->lines) {
        html.element("p", safe_text(line.text)).text(" ");
      }
      html.close();
    }
  }

  const Look& look_;
  const SummaryView& view_;
  const Knowledge& knowledge_;
  const Explanation explanation_;
};

}  // namespace

std::string summary_page(const Look& look, const SummaryView& view) {
  return Summary(look, view).page();
}

std::string message_page(const Look& look, std::string_view name) {
  Html html;
  html.open("main", {{"class", "message"}});
  html.element("h1", say(look, fmt::format("{}-title", name)));
  html.element("p", say(look, fmt::format("{}-text", name)));
  if (!look.is_outside) {
    const bool is_launch = !look.patient.empty();
    html.open("p");
    html.element("a", say(look, is_launch ? "launch-forms" : "to-worklist"),
                 {{"href", is_launch ? "/c/forms" : "/c/worklist"}});
    html.close();
  }
  if (!look.sign_out.empty()) {
    html.open("p");
    html.element("a", say(look, "staff-sign-out-there"), {{"href", look.sign_out}});
    html.close();
  }
  if (!look.sign_in.empty()) {
    html.open("p");
    html.element("a", say(look, "staff-sign-in"), {{"href", look.sign_in}});
    html.close();
  }
  html.close();
  return whole(look, say(look, fmt::format("{}-title", name)), "message", html);
}

}  // namespace myoflag::review
