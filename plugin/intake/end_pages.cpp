// The end: all answers, sending them, what the patient is told then.
#include <algorithm>
#include <stdexcept>

#include "plugin/browser/answer.h"
#include "plugin/intake/handling.h"
#include "rules/explain.h"

namespace myoflag::intake {

using browser::go_to;
using browser::page;
using fhir::Json;
using http::Response;
using rules::Item;

namespace {

Json told_in(const rules::Assessment& assessment, const rules::Language* language) {
  const auto text = rules::explain_for_patient(assessment, language);
  Json paragraphs = Json::array();
  for (const auto& paragraph : text.paragraphs) {
    paragraphs.push(paragraph);
  }
  return Json::object({{"headline", text.headline}, {"paragraphs", std::move(paragraphs)}});
}

// Where it was not said in that language, in English.
DoneView done_view(std::string_view told, std::string_view language) {
  const auto json = fhir::read_json(told);
  if (!json || json->string_of("headline").empty()) {
    throw std::runtime_error("what the patient was told is damaged");
  }
  const Json* languages = json->find("languages");
  const Json* there = languages == nullptr ? nullptr : languages->find(language);
  const Json& text = there == nullptr ? *json : *there;
  DoneView view;
  const Json* emergency = json->find("emergency");
  view.is_emergency =
      emergency != nullptr && emergency->as_bool() != nullptr && *emergency->as_bool();
  view.headline = std::string(text.string_of("headline"));
  for (const Json& paragraph : text.array_of("paragraphs")) {
    view.paragraphs.push_back(paragraph.as_string() == nullptr ? "" : *paragraph.as_string());
  }
  return view;
}

}  // namespace

// In all languages: another one may be chosen afterwards, when the knowledge may be another, too.
std::string told_text(const rules::Assessment& assessment) {
  Json told = told_in(assessment, nullptr);
  told.set("emergency", assessment.tier == rules::Tier::emergency);
  Json languages = Json::object();
  for (const rules::Language& language : assessment.knowledge->languages) {
    languages.set(language.tag, told_in(assessment, &language));
  }
  told.set_if("languages", std::move(languages));
  return fhir::write_json(told);
}

ReviewView Handling::review_view(bool can_change) const {
  ReviewView view;
  for (const int index : form_.pages) {
    const Item& item = item_at(index);
    const Item& group = item_at(part_of(knowledge(), index).group);
    const auto& title = said(group.text, group);
    if (view.sections.empty() || view.sections.back().title != title) {
      view.sections.push_back({title, {}});
    }
    ReviewLine line{said(item.text, item),
                    {},
                    can_change ? question_address(item) + "?back=review" : "",
                    item.type == rules::ItemType::text};
    if (const auto given = draft_.find(index); given != draft_.end()) {
      for (std::size_t i = 0; i < item.options.size(); ++i) {
        if ((given->second.chosen >> i & 1U) != 0) {
          line.answers.push_back(said(item.options[i].text, item));
        }
      }
      if (!given->second.text.empty()) {
        line.answers.push_back(given->second.text);
      }
    }
    view.sections.back().lines.push_back(std::move(line));
  }
  return view;
}

Response Handling::review() {
  take_seat(Need::known);
  take_draft();
  if (const auto address = resume_address(); address != "/p/review") {
    return go_to(address);
  }
  auto view = review_view(true);
  for (const int index : form_.hidden) {
    view.hidden.push_back(said(item_at(index).text, item_at(index)));
  }
  view.has_not_needed = !form_.not_needed.empty();
  // Nothing calmer beside something urgent.
  if (triggers().empty()) {
    for (const int note : notes_of(knowledge(), parts_.presentation, -1)) {
      view.notes.push_back(said(item_at(note).text, item_at(note)));
    }
  }
  view.back = form_.pages.empty() ? "" : question_address(item_at(form_.pages.back()));
  view.csrf = visit_.csrf;
  view.revision = invitation_.revision;
  return page(200, review_page(visit_look("review"), view));
}

Response Handling::submit() {
  take_seat(Need::known);
  const auto fields = take_fields();
  if (!fields.only({"csrf", "rev"})) {
    return refused();
  }
  take_draft();
  const auto address = resume_address();
  const bool is_same = fields.value("rev") == std::to_string(invitation_.revision);
  if (address != "/p/review" || !is_same) {
    return go_to(address);
  }
  const Json response = response_now(draft_, form_, true);
  const auto judged = judge(response);
  const bool is_kept =
      needed(parts_.invitations.submit(invitation_.id, invitation_.revision, submission(judged),
                                       told_text(judged.assessed.assessment), now_));
  if (!is_kept) {
    reload();
    return go_to(resume_address());
  }
  return go_to("/p/done");
}

Response Handling::done() {
  take_seat(Need::known);
  take_draft();
  if (!invitation_.submitted) {
    return go_to(resume_address());
  }
  return page(200, done_page(visit_look("done"), done_view(invitation_.told, language_)));
}

Response Handling::copy() {
  take_seat(Need::known);
  take_draft();
  if (!invitation_.submitted) {
    return go_to(resume_address());
  }
  return page(200, copy_page(visit_look("copy"), review_view(false),
                             look().texts.day(*invitation_.submitted)));
}

}  // namespace myoflag::intake
