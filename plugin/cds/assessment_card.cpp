#include "plugin/cds/assessment_card.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "fhir/uuid.h"
#include "plugin/cds/card_policy.h"
#include "plugin/cds/markdown.h"
#include "plugin/mapping/digest.h"
#include "plugin/mapping/frame.h"
#include "plugin/mapping/identifiers.h"
#include "plugin/mapping/record_place.h"
#include "plugin/mapping/sent_response.h"
#include "plugin/mapping/service_requests.h"
#include "rules/explain.h"
#include "rules/explain/groups.h"
#include "rules/wording.h"

namespace myoflag::cds {
namespace {

using fhir::Json;
using rules::Assessment;
using rules::Knowledge;
using rules::Line;
using rules::Notice;
using rules::say;
using rules::Section;
using rules::Tier;

// A patient may write pages; the response has them all.
constexpr std::size_t quote_units = 600;
constexpr std::size_t unreadable_reasons = 8;

// ---- how it looks at once

// Contract of the interface, by the FHIR priority that the knowledge gives the tier; what has to be
// seen the same day is as pressing as an emergency, whatever its tier is called.
Indicator indicator_of(const Assessment& assessment) {
  const auto& priority =
      assessment.knowledge->tiers[static_cast<std::size_t>(assessment.tier)].priority;
  const auto hours = assessment.target.hours;
  if (priority == "stat" || (hours && std::chrono::hours(*hours) <= card_policy().same_day)) {
    return Indicator::critical;
  }
  return priority == "routine" ? Indicator::info : Indicator::warning;
}

std::string reason_of(const Assessment& assessment) {
  const auto& knowledge = *assessment.knowledge;
  const auto groups = rules::explaining::group_fired(assessment);
  // What comforts waits until the patient's words are read.
  const bool unread =
      !assessment.input->free_text.empty() && assessment.tier <= knowledge.unread_words;
  const auto* lead = groups.list.empty() ? nullptr : groups.list.front().lead->rule;
  if (unread && (lead == nullptr || lead->benign)) {
    return say(knowledge, "card-reason-words");
  }
  const auto reason = lead == nullptr ? say(knowledge, "card-reason-none") : lead->title;
  return assessment.check_first ? say(knowledge, "card-reason-check", {{"reason", reason}})
                                : reason;
}

std::string summary_of(const Assessment& assessment) {
  const auto& knowledge = *assessment.knowledge;
  const auto& tier = knowledge.tiers[static_cast<std::size_t>(assessment.tier)].label;
  constexpr std::size_t day_length = std::string_view("2026-11-22").size();
  const auto day = assessment.input->response.authored_text.substr(0, day_length);
  const auto with = [&](const std::string& reason) {
    return day.empty()
               ? say(knowledge, "card-summary-undated", {{"tier", tier}, {"reason", reason}})
               : say(knowledge, "card-summary",
                     {{"tier", tier}, {"reason", reason}, {"when", day}});
  };
  // The reason gives way, so that tier and date are always read.
  const auto around = with("").size();
  return with(cut(reason_of(assessment), kSummaryUnits - std::min(around, kSummaryUnits / 2)));
}

// ---- the detail

// Where a sentence names an entry of the input, the clinician reads what it is.
std::string with_names(const Knowledge& knowledge, std::string text,
                       const std::vector<Source>& sources) {
  for (const auto& source : sources) {
    if (source.place.empty()) {
      continue;
    }
    // The source itself, or an entry of the Bundle that it is: "3" or "3.1" in the same words.
    const std::string words = mapping::place_in_words(knowledge, source.place);
    const auto number_end = words.find_last_of("0123456789") + 1;
    const std::string head = words.substr(0, number_end);
    const std::string tail = words.substr(number_end);
    for (auto at = text.find(head); at != std::string::npos; at = text.find(head, at + 1)) {
      const auto end = text[at + head.size()] == '.'
                           ? text.find_first_not_of(".0123456789", at + head.size())
                           : at + head.size();
      if (end != std::string::npos && std::string_view(text).substr(end).starts_with(tail)) {
        text.replace(at, end + tail.size() - at, knowledge.text(source.asked->name));
      }
    }
  }
  return text;
}

void shorten_quote(const Knowledge& knowledge, Line& line) {
  const auto units = line.text.size();
  if (units <= quote_units) {
    return;
  }
  auto end = quote_units;
  while (end > 0 && (static_cast<unsigned char>(line.text[end]) & 0xc0U) == 0x80) {
    --end;  // not inside a character
  }
  std::size_t left = 0;
  for (auto at = end; at < units; ++at) {
    left += (static_cast<unsigned char>(line.text[at]) & 0xc0U) != 0x80 ? 1U : 0U;
  }
  line.text = line.text.substr(0, end) + "\n" +
              say(knowledge, "card-words-cut", {{"characters", std::to_string(left)}});
}

// Sections of the explanation that a card shows, in its order. What the patient is told and the
// list of sources stand in the whole assessment.
bool is_shown(Section::Kind kind) {
  switch (kind) {
    case Section::Kind::advice:
    case Section::Kind::excluded:
    case Section::Kind::sources:
      return false;
    default:
      return true;
  }
}

void prepare(const CardInput& input, Section& section) {
  const auto& knowledge = *input.assessment.knowledge;
  for (auto& line : section.lines) {
    if (line.style == Line::Style::quote) {
      shorten_quote(knowledge, line);
    } else if (section.kind == Section::Kind::notices) {
      line.text = with_names(knowledge, std::move(line.text), input.sources);
    }
  }
}

std::string data_list(const Knowledge& knowledge, const std::vector<Source>& sources,
                      std::initializer_list<State> states) {
  std::vector<std::string> names;
  for (const auto& source : sources) {
    if (source.asked->key != "intake" &&
        std::find(states.begin(), states.end(), source.state) != states.end()) {
      names.push_back(knowledge.text(source.asked->name));
    }
  }
  return rules::joined(names, ", ");
}

std::string age_line(const Assessment& assessment) {
  const auto& knowledge = *assessment.knowledge;
  const auto& response = assessment.input->response;
  const auto when = rules::authored_text(response);
  if (when.empty() || !response.authored) {
    return say(knowledge, "card-answers-undated");
  }
  const auto days =
      std::chrono::floor<std::chrono::days>(assessment.input->now - *response.authored).count();
  return days < 1
             ? say(knowledge, "card-answers-today", {{"when", when}})
             : say(knowledge, "card-answers", {{"when", when}, {"days", std::to_string(days)}});
}

bool is_suggested(const CardInput& input, const rules::WorkupRow& row) {
  const auto index = input.assessment.knowledge->workup(row.workup->code);
  return row.status == rules::WorkupStatus::proposed && !input.ordered.contains(index);
}

bool has_proposals(const CardInput& input) {
  const auto& workups = input.assessment.workups;
  return std::any_of(workups.begin(), workups.end(),
                     [&input](const rules::WorkupRow& row) { return is_suggested(input, row); });
}

// How old it all is, and what of the record it rests on. What is missing stands among the notices.
Section data_section(const CardInput& input) {
  const auto& knowledge = *input.assessment.knowledge;
  Section section;
  section.kind = Section::Kind::provenance;
  section.title = say(knowledge, "card-title-data");
  section.lines.push_back({age_line(input.assessment), {}, 0, Line::Style::plain});
  const auto read =
      data_list(knowledge, input.sources, {State::given, State::paged, State::partial});
  const auto none = data_list(knowledge, input.sources, {State::no_data});
  if (!read.empty()) {
    section.lines.push_back(
        {say(knowledge, "card-record-read", {{"data", read}}), {}, 0, Line::Style::plain});
  }
  if (!none.empty()) {
    section.lines.push_back(
        {say(knowledge, "card-record-none", {{"data", none}}), {}, 0, Line::Style::plain});
  }
  if (input.patient.is_null() && has_proposals(input)) {
    section.lines.push_back({say(knowledge, "card-nobody"), {}, 0, Line::Style::strong});
  }
  return section;
}

Section ordered_section(const CardInput& input) {
  const auto& knowledge = *input.assessment.knowledge;
  Section section;
  section.kind = Section::Kind::withheld;
  section.title = say(knowledge, "card-title-ordered");
  for (const auto& row : input.assessment.workups) {
    if (row.status == rules::WorkupStatus::proposed && !is_suggested(input, row)) {
      section.lines.push_back({say(knowledge, "card-ordered", {{"test", row.workup->text}}),
                               {},
                               0,
                               Line::Style::plain});
    }
  }
  return section;
}

// The sections that must be read come before those that may be cut, so what does not fit is always
// of the least urgent.
std::string detail_text(const Knowledge& knowledge, const std::vector<Section>& sections,
                        const std::string& end) {
  constexpr std::size_t room_for_more = 200;
  std::string text;
  std::size_t left_out = 0;
  for (const auto& section : sections) {
    const auto part = markdown_section(section);
    if (left_out == 0 && text.size() + part.size() + end.size() + room_for_more <= kDetailBytes) {
      text += part;
    } else {
      left_out += section.lines.size();
    }
  }
  if (left_out > 0) {
    text += markdown_escaped(say(knowledge, "card-more", {{"lines", std::to_string(left_out)}})) +
            "\n\n";
  }
  return text + end;
}

std::string detail_of(const CardInput& input) {
  auto explanation = rules::explain_for_clinician(input.assessment);
  std::vector<Section> sections;
  std::string end = markdown_section(data_section(input));
  for (auto& section : explanation.sections) {
    if (!is_shown(section.kind)) {
      continue;
    }
    prepare(input, section);
    if (section.kind == Section::Kind::provenance) {
      end += markdown_section(section);
    } else {
      sections.push_back(std::move(section));
    }
  }
  if (auto ordered = ordered_section(input); !ordered.lines.empty()) {
    sections.push_back(std::move(ordered));
  }
  return detail_text(*input.assessment.knowledge, sections, end);
}

// ---- what can be done with it

Json reference(std::string_view type, std::string_view id) {
  return id.empty() ? Json() : mapping::reference_to(fmt::format("{}/{}", type, id));
}

std::vector<Suggestion> suggestions_of(const CardInput& input, const fhir::Uuid& card) {
  const auto& assessment = input.assessment;
  const auto& knowledge = *assessment.knowledge;
  const auto evaluated = fhir::instant_text(assessment.input->now);
  std::vector<Suggestion> list;
  for (const auto& row : assessment.workups) {
    if (input.patient.is_null() || !is_suggested(input, row)) {
      continue;
    }
    const auto& workup = *row.workup;
    list.push_back({fhir::to_string(suggestion_uuid(card, workup.code)),
                    say(knowledge, "card-suggestion", {{"test", workup.text}}),
                    say(knowledge, "card-action", {{"test", workup.text}}),
                    mapping::suggested_request(assessment, row, input.response, input.patient,
                                               input.encounter, evaluated)});
  }
  return list;
}

std::vector<OverrideReason> override_reasons(const Knowledge& knowledge) {
  std::vector<OverrideReason> list;
  for (const auto& code : card_policy().override_reasons) {
    list.push_back({code, override_system(knowledge), override_text(knowledge, code)});
  }
  return list;
}

std::vector<Link> summary_link(const Knowledge& knowledge, const fhir::Uuid& card,
                               const CardSettings& settings) {
  if (settings.summary_app.empty()) {
    return {};
  }
  return {{say(knowledge, "card-link-summary"), settings.summary_app, fhir::to_string(card), true}};
}

// Of the whole of what the card says: another result is another card.
fhir::Uuid uuid_of(const CardInput& input, const CardSettings& settings) {
  const auto sent = mapping::sent_response(input.assessment, input.response, input.patient);
  const mapping::Identifiers ids(input.assessment, input.response, sent, input.patient,
                                 settings.tenant, {});
  return ids.result("card");
}

fhir::Uuid named_uuid(const Knowledge& knowledge, const CardSubject& subject,
                      const CardSettings& settings, std::string_view role, std::string_view what) {
  const auto name_space = fhir::uuid_v5(fhir::uuid_namespace_url, knowledge.canonical);
  return fhir::uuid_v5(name_space,
                       fmt::format("{}:{}{}:{}{}:{};{};{}", settings.tenant.size(), settings.tenant,
                                   subject.patient_id.size(), subject.patient_id, role, what,
                                   knowledge.digest, "card"));
}

Card new_card(const Knowledge& knowledge, const fhir::Uuid& uuid) {
  Card card;
  card.uuid = fhir::to_string(uuid);
  card.source = say(knowledge, "card-source", {{"title", knowledge.title}});
  return card;
}

}  // namespace

fhir::Uuid suggestion_uuid(const fhir::Uuid& card, std::string_view workup) {
  return fhir::uuid_v5(card, fmt::format("workup:{}", workup));
}

Json patient_of(const CardSubject& subject) { return reference("Patient", subject.patient_id); }

Json encounter_of(const CardSubject& subject) {
  return reference("Encounter", subject.encounter_id);
}

Card assessment_card(const CardInput& input, const CardSettings& settings) {
  const auto& knowledge = *input.assessment.knowledge;
  const auto uuid = uuid_of(input, settings);
  Card card = new_card(knowledge, uuid);
  card.summary = summary_of(input.assessment);
  card.detail = detail_of(input);
  card.indicator = indicator_of(input.assessment);
  card.suggestions = suggestions_of(input, uuid);
  card.override_reasons = override_reasons(knowledge);
  card.links = summary_link(knowledge, uuid, settings);
  return card;
}

Card unreadable_card(const Knowledge& knowledge, const CardSubject& subject, const Json& answers,
                     const fhir::Issues& issues, const std::vector<Source>& sources,
                     const CardSettings& settings) {
  std::string codes;
  std::vector<Line> lines;
  for (const auto& issue : issues) {
    const bool grave =
        issue.severity == fhir::Severity::error || issue.severity == fhir::Severity::fatal;
    if (!grave) {
      continue;
    }
    codes += issue.code + issue.place + ";";
    if (lines.size() < unreadable_reasons) {
      lines.push_back(
          {say(knowledge, "card-unreadable-reason",
               {{"reason", with_names(knowledge, issue.text, sources)}, {"code", issue.code}}),
           issue.link_id, 0, Line::Style::plain});
    }
  }
  Card card =
      new_card(knowledge, named_uuid(knowledge, subject, settings, "unreadable",
                                     codes + mapping::sha256_hex(fhir::write_json(answers))));
  card.summary = say(knowledge, "card-unreadable");
  card.detail = markdown_escaped(say(knowledge, "card-unreadable-detail")) + "\n\n" +
                markdown_lines(lines) + "\n" +
                markdown_escaped(say(knowledge, "explain-disclaimer")) + "\n";
  card.indicator = Indicator::warning;
  return card;
}

Card offer_card(const Knowledge& knowledge, const CardSubject& subject,
                const CardSettings& settings) {
  Card card = new_card(knowledge, named_uuid(knowledge, subject, settings, "offer", ""));
  card.summary = say(knowledge, "card-offer", {{"title", knowledge.title}});
  card.detail = markdown_escaped(say(knowledge, "card-offer-detail")) + "\n";
  card.links.push_back({say(knowledge, "card-offer-link"), settings.intake_link, {}, false});
  return card;
}

}  // namespace myoflag::cds
