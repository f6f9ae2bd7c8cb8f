// Questions and their answers, and what interrupts them.
#include <algorithm>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "plugin/browser/answer.h"
#include "plugin/browser/body_map.h"
#include "plugin/intake/handling.h"

namespace myoflag::intake {

using browser::go_to;
using browser::page;
using fhir::Json;
using http::Response;
using rules::Item;
using rules::ItemType;

namespace {

// Whole years on that day; nothing without a whole date.
std::optional<int> years_since(const std::string& born, rules::Instant now) {
  const auto date = fhir::parse_date(born);
  if (!date || date->precision != fhir::Precision::day) {
    return std::nullopt;
  }
  const std::chrono::year_month_day today(std::chrono::floor<std::chrono::days>(now));
  const bool before =
      std::pair(static_cast<unsigned>(today.month()), static_cast<unsigned>(today.day())) <
      std::pair(date->month, date->day);
  return static_cast<int>(today.year()) - date->year - (before ? 1 : 0);
}

// The revision is for a page that stays, because its answer was changed meanwhile.
Response go_from(std::int64_t revision, const std::string& address) {
  auto response = go_to(address);
  response.fields.push_back({"Mf-Rev", std::to_string(revision)});
  return response;
}

}  // namespace

int Handling::item_of_page() const {
  return knowledge().item(request_.parameters.find("page")->second);
}

QuestionView Handling::question_view(int index, bool to_review) const {
  const Item& item = item_at(index);
  const auto given = draft_.find(index);
  const Answer answer = given == draft_.end() ? Answer{} : given->second;
  QuestionView view;
  view.link_id = item.link_id;
  view.question = said(item.text, item);
  view.help = item.help.empty() ? std::string() : said(item.help, item);
  const auto part = part_of(knowledge(), index);
  view.section = said(item_at(part.group).text, item_at(part.group));
  view.part = part.number;
  view.parts = part.of;
  for (const int note : notes_of(knowledge(), parts_.presentation, index)) {
    view.notes.push_back(said(item_at(note).text, item_at(note)));
  }
  view.control = item.type == ItemType::text ? Control::text
                 : item.is_numeric()         ? Control::number
                 : item.repeats              ? Control::several
                                             : Control::one;
  for (std::size_t i = 0; i < item.options.size(); ++i) {
    const auto bit = std::uint64_t{1} << i;
    view.options.push_back({item.options[i].code, said(item.options[i].text, item),
                            (answer.chosen & bit) != 0, item.repeats && (item.none & bit) != 0});
  }
  if (given == draft_.end() && item.link_id == parts_.presentation.informant_question) {
    suggest_informant(view);
  } else if (given == draft_.end()) {
    suggest_from_record(index, view);
  }
  view.has_body_map = item.repeats && item.link_id == browser::body_map().question;
  view.value = answer.text;
  // Told already; shown to be corrected.
  const auto age = years_since(invitation_.born, now_);
  if (index == knowledge().bindings.age && given == draft_.end() && age) {
    view.value = std::to_string(*age);
  }
  view.is_whole = item.type == ItemType::integer;
  view.is_required = item.required;
  view.to_review = to_review;
  const auto before = page_before(form_, index);
  view.back = view.to_review ? "/p/review" : before ? question_address(item_at(*before)) : "";
  view.csrf = visit_.csrf;
  view.revision = invitation_.revision;
  return view;
}

// What staff chose, to be confirmed.
void Handling::suggest_informant(QuestionView& view) const {
  const Informant* whose = informant({});
  for (auto& option : view.options) {
    option.is_chosen = whose != nullptr && option.code == whose->answer;
  }
}

// Ticked, to be confirmed or corrected, in the words of the form and of nobody's record.
void Handling::suggest_from_record(int index, QuestionView& view) const {
  if (parts_.open_record == nullptr) {
    return;
  }
  const auto kept = needed(parts_.invitations.suggested(invitation_.id));
  const auto all = kept.empty() ? Draft() : read_draft(knowledge(), kept).value_or(Draft());
  const auto found = all.find(index);
  for (std::size_t i = 0; found != all.end() && i < view.options.size(); ++i) {
    if ((found->second.chosen >> i & 1U) != 0) {
      view.options[i].is_chosen = true;
      view.from_record.push_back(view.options[i].text);
    }
  }
}

// What was posted is kept, and nothing is shown.
Response Handling::late() const { return go_to("/p/id"); }

std::string Handling::slip_text(const Item& item, Slip slip) const {
  const auto least = item.min ? rules::to_text(*item.min) : "";
  const auto most = item.max ? rules::to_text(*item.max) : "";
  switch (slip) {
    case Slip::none:
      return {};
    case Slip::nothing_chosen:
      return words(!item.required      ? "error-choose-or-skip"
                   : item.is_numeric() ? "error-number"
                                       : "error-choose");
    case Slip::none_and_other: {
      const auto none = std::find_if(item.options.begin(), item.options.end(), [&](const auto& o) {
        return (item.none >> (&o - item.options.data()) & 1U) != 0;
      });
      return say(look(), "error-none-and-other", {{"none", said(none->text, item)}});
    }
    case Slip::no_number:
      return words("error-number");
    case Slip::no_whole_number:
      return words("error-whole-number");
    case Slip::out_of_range:
      return say(look(),
                 item.min && item.max ? "error-range"
                 : item.min           ? "error-least"
                                      : "error-most",
                 {{"least", least}, {"most", most}});
    case Slip::text_too_long:
      return say(look(), "error-text-long", {{"most", std::to_string(kMostText)}});
  }
  return {};
}

// With what was given, which is not saved.
Response Handling::question_again(int index, const Given& given, int status, bool changed,
                                  bool to_review) const {
  const Item& item = item_at(index);
  auto view = question_view(index, to_review);
  for (std::size_t i = 0; i < view.options.size(); ++i) {
    view.options[i].is_chosen = (given.answer.chosen >> i & 1U) != 0;
  }
  view.value = given.typed.empty() ? given.answer.text : given.typed;
  view.slip = slip_text(item, given.slip);
  view.changed_elsewhere = changed;
  return page(status, question_page(form_look(), view));
}

// Another language for what is being answered: nothing is saved, and nothing that was given is
// lost. The page stays one of the revision that it was, so that what another window saved meanwhile
// is still noticed.
Response Handling::question_in(std::string_view tag, int index, const Given& given,
                               const browser::Fields& fields) {
  const auto revision = rules::read_number(fields.value("rev"));
  if (!is_offered(tag) || !revision) {
    return refused();
  }
  change_language(tag);
  auto view = question_view(index, fields.value("back") == "review");
  for (std::size_t i = 0; i < view.options.size(); ++i) {
    view.options[i].is_chosen = (given.answer.chosen >> i & 1U) != 0;
  }
  view.value = given.typed;
  view.revision = revision->nano / rules::whole(1).nano;
  return page(200, question_page(form_look(), view));
}

Response Handling::question() {
  take_seat(Need::known);
  take_draft();
  const int index = item_of_page();
  if (invitation_.submitted || index < 0 || !has_page(form_, index)) {
    return go_to(resume_address());
  }
  const auto open = unread();
  const bool is_its_cause = std::any_of(open.begin(), open.end(), [&](const Trigger& trigger) {
    return std::any_of(trigger.because.begin(), trigger.because.end(),
                       [&](const auto& one) { return one.item == &item_at(index); });
  });
  if (!open.empty() && !is_its_cause) {
    return go_to("/p/stop");
  }
  const bool to_review = http::query_value(request_.query, "back") == "review";
  return page(200, question_page(form_look(), question_view(index, to_review)));
}

std::string Handling::address_after(int index, const Form& form, const Draft& draft,
                                    bool to_review) const {
  const auto next = to_review ? first_open(form, draft) : page_after(form, index);
  return next ? question_address(item_at(*next)) : "/p/review";
}

// From an answer that is kept.
Response Handling::go_on(int index, bool to_review) const {
  return go_from(invitation_.revision,
                 unread().empty() ? address_after(index, form_, draft_, to_review) : "/p/stop");
}

Response Handling::answer() {
  take_seat(Need::known_or_late);
  const auto fields = take_fields();
  take_draft();
  const int index = item_of_page();
  if (invitation_.submitted || index < 0 || !takes_answer(form_, index)) {
    return go_to(resume_address());
  }
  const Item& item = item_at(index);
  const bool skips = fields.has("skip");
  const auto given = skips ? std::optional(Given{}) : read_answer(item, fields);
  if (!given || (skips && item.required) ||
      !fields.only({"csrf", "rev", "back", "skip", "lang"}, item.link_id)) {
    return refused();
  }
  const bool to_review = fields.value("back") == "review";
  if (fields.has("lang") && !is_late_) {
    return question_in(fields.value("lang"), index, *given, fields);
  }
  if (given->slip != Slip::none) {
    return is_late_ ? late() : question_again(index, *given, 422, false, to_review);
  }
  const auto kept = draft_.find(index);
  const bool is_kept = kept != draft_.end() && kept->second == given->answer;
  if (!is_kept && fields.value("rev") != std::to_string(invitation_.revision)) {
    return is_late_ ? late() : question_again(index, *given, 409, true, to_review);
  }
  auto response = is_kept ? go_on(index, to_review) : save(index, *given, to_review);
  return is_late_ ? late() : response;
}

// The answer, and what it brings about, in one transaction.
Response Handling::save(int index, const Given& given, bool to_review) {
  Draft draft = draft_;
  draft.insert_or_assign(index, given.answer);
  const Form form = form_of(knowledge(), draft, parts_.settings.order);
  const auto partial = judged(draft, form);
  const auto all =
      triggers_of(knowledge(), parts_.presentation, form, partial ? &*partial : nullptr);
  const auto known = needed(parts_.invitations.interruptions(invitation_.id));
  Change change{invitation_.id, invitation_.revision, draft_text(knowledge(), draft), {}, {}};
  bool has_unread = false;
  for (const Trigger& trigger : all) {
    const auto before = std::find_if(known.begin(), known.end(), [&](const Interrupted& one) {
      return one.reason == trigger.reason;
    });
    has_unread = has_unread || before == known.end() || !before->is_read;
    if (before == known.end()) {
      change.interrupted.push_back({trigger.reason, trigger.what->display});
    }
  }
  if (!change.interrupted.empty()) {
    const Json response = response_now(draft, form, false);
    change.judged = submission(judge(response));
    change.judged->is_urgent = true;
  }
  if (!needed(parts_.invitations.save(change, now_))) {
    reload();
    if (invitation_.submitted || !takes_answer(form_, index)) {
      return go_to(resume_address());
    }
    // The same, sent twice at once.
    const auto kept = draft_.find(index);
    const bool is_kept = kept != draft_.end() && kept->second == given.answer;
    return is_kept ? go_on(index, to_review) : question_again(index, given, 409, true, to_review);
  }
  return go_from(change.revision + 1,
                 has_unread ? "/p/stop" : address_after(index, form, draft, to_review));
}

// ---- interruptions

std::vector<std::string> Handling::told(const std::vector<Trigger>& triggers) const {
  std::vector<std::string> out;
  const auto add = [&](std::string text) {
    if (std::find(out.begin(), out.end(), text) == out.end()) {
      out.push_back(std::move(text));
    }
  };
  for (const Trigger& trigger : triggers) {
    for (const auto& one : trigger.because) {
      const Item& item = *one.item;
      for (std::size_t i = 0; i < item.options.size(); ++i) {
        const auto bit = std::uint64_t{1} << i;
        if ((one.options & bit) != 0) {
          const bool is_open = (bit & item.open()) != 0;
          const auto& text = said(item.options[i].text, item);
          add(is_open ? fmt::format("{} {}", said(item.text, item), text) : text);
        }
      }
      if (one.number) {
        add(fmt::format("{} {}", said(item.text, item), rules::to_text(*one.number)));
      }
    }
  }
  return out;
}

Response Handling::stop() {
  take_seat(Need::known);
  take_draft();
  const auto open = unread();
  if (open.empty() || invitation_.submitted) {
    return go_to(resume_address());
  }
  const Interruption& what = *open.front().what;
  StopView view;
  view.is_emergency = what.is_emergency;
  const Item& display = item_at(knowledge().item(what.display));
  view.words = said(display.text, display);
  view.told = told(open);
  const auto& because = open.front().because;
  view.back = because.empty() ? "/p/review" : question_address(*because.front().item);
  view.csrf = visit_.csrf;
  view.revision = invitation_.revision;
  return page(200, stop_page(visit_look("stop"), view));
}

Response Handling::stop_read() {
  take_seat(Need::known);
  const auto fields = take_fields();
  if (!fields.only({"csrf", "rev"})) {
    return refused();
  }
  // Another window may have added something that this page did not show.
  if (fields.value("rev") == std::to_string(invitation_.revision)) {
    needed(parts_.invitations.read_interruptions(invitation_.id, invitation_.revision, now_));
  }
  reload();
  return go_to(resume_address());
}

}  // namespace myoflag::intake
