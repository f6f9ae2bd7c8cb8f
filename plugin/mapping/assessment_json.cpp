#include "plugin/mapping/assessment_json.h"

#include <string>
#include <string_view>
#include <utility>

#include "fhir/datetime.h"
#include "rules/unjudged.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::Assessment;
using rules::Finding;
using rules::FindingStatus;
using rules::Item;

Json text_or_null(std::string_view text) { return text.empty() ? Json() : Json(text); }
Json number_json(rules::Number number) { return Json::Number{rules::to_text(number)}; }
Json hours_json(const rules::Target& target) { return target.hours ? Json(*target.hours) : Json(); }
Json tier_json(rules::Tier tier) { return rules::code_of(tier); }

Json tier_or_null(const std::optional<rules::Tier>& tier) {
  return tier ? tier_json(*tier) : Json();
}

Json rule_ids(const std::vector<const rules::Rule*>& rules) {
  Json ids = Json::array();
  for (const auto* rule : rules) {
    ids.push(rule->id);
  }
  return ids;
}

Json options_json(const Item& item, std::uint64_t options) {
  Json answers = Json::array();
  for (std::size_t i = 0; i < item.options.size(); ++i) {
    if ((options >> i & 1U) != 0) {
      answers.push(Json::object({{"code", item.options[i].code}, {"text", item.options[i].text}}));
    }
  }
  return answers;
}

Json number_answer(rules::Number number, std::string_view unit) {
  Json answer = Json::object({{"value", number_json(number)}});
  answer.set_if("unit", unit);
  answer.set("text", rules::to_text(number));
  return answer;
}

Json evidence_json(const rules::Evidence& evidence) {
  Json entry = Json::object();
  Json answers = Json::array();
  if (evidence.item != nullptr) {
    entry.set("linkId", evidence.item->link_id);
    entry.set("question", evidence.item->text);
    answers = options_json(*evidence.item, evidence.options);
    if (evidence.number) {
      answers.push(number_answer(*evidence.number, evidence.item->unit));
    }
  } else if (evidence.lab != nullptr) {
    entry.set("lab", evidence.lab->name);
    entry.set("question", evidence.lab->title);
    if (evidence.number) {
      answers.push(number_answer(*evidence.number, evidence.lab->unit));
    }
  }
  entry.set("answers", std::move(answers));
  entry.set("source", evidence.origin == rules::Origin::patient ? "patient" : "record");
  entry.set_if("recordText", evidence.record_text);
  entry.set_if("recordDate", evidence.record_date);
  return entry;
}

}  // namespace

std::string_view status_word(FindingStatus status) {
  switch (status) {
    case FindingStatus::fired:
      return "fired";
    case FindingStatus::not_excluded:
      return "not-excluded";
    case FindingStatus::excluded:
    case FindingStatus::not_applicable:
      return "excluded";
  }
  return "not-excluded";
}

namespace {

bool is_listed(const Finding& finding, bool all) {
  return all || finding.status == FindingStatus::fired ||
         finding.status == FindingStatus::not_excluded;
}

std::string_view kind_word(rules::Rule::Kind kind) {
  switch (kind) {
    case rules::Rule::Kind::rule:
      return "rule";
    case rules::Rule::Kind::gap:
      return "gap";
    case rules::Rule::Kind::notice:
      return "notice";
    case rules::Rule::Kind::change:
      return "change";
    case rules::Rule::Kind::guard:
      return "guard";
  }
  return "rule";
}

template <typename Entry>
Json codes_at(const std::vector<int>& indices, const std::vector<Entry>& entries,
              std::string Entry::*member) {
  Json codes = Json::array();
  for (const int index : indices) {
    codes.push(entries[static_cast<std::size_t>(index)].*member);
  }
  return codes;
}

Json finding_json(const rules::Knowledge& knowledge, const Finding& finding) {
  const auto& rule = *finding.rule;
  Json because = Json::array();
  for (const auto& evidence : finding.because) {
    because.push(evidence_json(evidence));
  }
  Json missing = Json::array();
  for (const auto* item : finding.missing) {
    missing.push(item->link_id);
  }
  Json entry = Json::object({{"rule", rule.id},
                             {"title", rule.title},
                             {"status", status_word(finding.status)},
                             {"tier", tier_json(finding.tier)},
                             {"targetHours", hours_json(finding.target)},
                             {"because", std::move(because)},
                             {"missing", std::move(missing)}});
  entry.set("hypotheses",
            codes_at(rule.hypotheses, knowledge.hypotheses, &rules::Hypothesis::code));
  entry.set("workups", codes_at(rule.workups, knowledge.workups, &rules::Workup::code));
  entry.set("rationale", rule.rationale.empty() ? rule.policy : rule.rationale);
  entry.set("evidence", codes_at(rule.sources, knowledge.sources, &rules::Source::id));
  entry.set("kind", kind_word(rule.kind));
  entry.set("targetText", finding.target.text);
  if (finding.status == FindingStatus::not_applicable) {
    entry.set("reason", "under-age");
  }
  return entry;
}

Json findings_json(const Assessment& assessment, bool all) {
  Json findings = Json::array();
  const auto named = rules::named_in_record(assessment);
  for (const auto& finding : assessment.findings) {
    const bool is_named = named.contains(finding.rule);
    if (is_named || is_listed(finding, all) || rules::waits_for_a_result(assessment, finding)) {
      Json entry = finding_json(*assessment.knowledge, finding);
      const bool is_unjudged = rules::is_unjudged(assessment, finding);
      if (is_unjudged || is_named) {
        entry.set("status", status_word(FindingStatus::not_excluded));
        entry.set("reason", is_unjudged ? "no-usable-result" : "named-in-record");
      }
      findings.push(std::move(entry));
    }
  }
  return findings;
}

Json hypotheses_json(const Assessment& assessment) {
  Json rows = Json::array();
  for (const auto& row : assessment.hypotheses) {
    rows.push(Json::object({{"code", row.hypothesis->code},
                            {"text", row.hypothesis->text},
                            {"rules", rule_ids(row.rules)}}));
  }
  return rows;
}

}  // namespace

std::string_view workup_word(rules::WorkupStatus status) {
  switch (status) {
    case rules::WorkupStatus::proposed:
      return "proposed";
    case rules::WorkupStatus::withheld:
      return "withheld";
    case rules::WorkupStatus::already_done:
      return "already-done";
  }
  return "proposed";
}

namespace {

Json done_json(const rules::RecordEntry& entry) {
  Json done = Json::object({{"text", entry.text}});
  done.set_if("reference", entry.reference);
  if (entry.when) {
    done.set("when", fhir::instant_text(*entry.when));
  }
  return done;
}

Json notes_json(const rules::WorkupRow& row) {
  Json notes = Json::array();
  for (const auto& note : row.notes) {
    notes.push(note);
  }
  return notes;
}

Json workup_json(const rules::WorkupRow& row) {
  Json entry = Json::object({{"code", row.workup->code},
                             {"text", row.workup->text},
                             {"status", workup_word(row.status)},
                             {"because", rule_ids(row.because)},
                             {"notes", notes_json(row)},
                             {"against", rule_ids(row.against)},
                             {"tier", tier_json(row.tier)},
                             {"targetHours", hours_json(row.target)}});
  if (row.done != nullptr) {
    entry.set("done", done_json(*row.done));
  }
  return entry;
}

}  // namespace

std::string_view state_word(rules::GapState state) {
  switch (state) {
    case rules::GapState::skipped:
      return "skipped";
    case rules::GapState::unsure:
      return "unsure";
    case rules::GapState::declined:
      return "declined";
    case rules::GapState::contradicted:
      return "contradicted";
    case rules::GapState::invalid:
      return "invalid";
    case rules::GapState::not_asked:
      return "not-asked";
    case rules::GapState::denied_earlier:
      return "denied-earlier";
  }
  return "skipped";
}

namespace {

Json gap_json(const rules::Gap& gap) {
  return Json::object({{"linkId", gap.item->link_id},
                       {"question", gap.item->text},
                       {"state", state_word(gap.state)},
                       {"couldRaiseTo", tier_or_null(gap.could_raise_to)},
                       {"rules", rule_ids(gap.rules)}});
}

Json not_needed_json(const Assessment& assessment) {
  Json rows = Json::array();
  for (const auto* item : assessment.not_needed) {
    rows.push(Json::object({{"linkId", item->link_id}, {"question", item->text}}));
  }
  return rows;
}

Json change_json(const rules::TierChange& change) {
  Json answers = Json::array();
  for (const auto& answer : change.answers) {
    Json any_of = options_json(*answer.item, answer.any_of);
    if (answer.number) {
      any_of.push(number_answer(*answer.number, answer.item->unit));
    }
    answers.push(Json::object({{"linkId", answer.item->link_id},
                               {"question", answer.item->text},
                               {"anyOf", std::move(any_of)}}));
  }
  return Json::object({{"tier", tier_json(change.tier)},
                       {"direction", change.raises ? "raise" : "lower"},
                       {"answers", std::move(answers)}});
}

Json free_text_json(const Assessment& assessment) {
  Json rows = Json::array();
  for (const auto& text : assessment.input->free_text) {
    const auto& item = assessment.knowledge->items[static_cast<std::size_t>(text.item)];
    rows.push(Json::object({{"linkId", item.link_id}, {"text", text.text}}));
  }
  return rows;
}

Json set_aside_json(const Assessment& assessment) {
  Json rows = Json::array();
  for (const auto& aside : assessment.input->set_aside) {
    const auto& item = assessment.knowledge->items[static_cast<std::size_t>(aside.item)];
    Json answers = options_json(item, aside.options);
    if (aside.number) {
      answers.push(number_answer(*aside.number, item.unit));
    }
    if (!aside.text.empty()) {
      answers.push(Json::object({{"text", aside.text}}));
    }
    const bool disabled = aside.why == rules::SetAside::Why::disabled;
    rows.push(Json::object({{"linkId", item.link_id},
                            {"question", item.text},
                            {"answers", std::move(answers)},
                            {"reason", disabled ? "does-not-apply" : "out-of-range"}}));
  }
  return rows;
}

// ---- the outcome: what the knowledge says of rules and questions in words is left out, because
// its digest stands beside it wherever it is used

Json evidence_outcome(const rules::Evidence& evidence) {
  Json entry = Json::object();
  if (evidence.item != nullptr) {
    entry.set("linkId", evidence.item->link_id);
    Json options = Json::array();
    for (std::size_t i = 0; i < evidence.item->options.size(); ++i) {
      if ((evidence.options >> i & 1U) != 0) {
        options.push(evidence.item->options[i].code);
      }
    }
    entry.set("options", std::move(options));
  } else if (evidence.lab != nullptr) {
    entry.set("lab", evidence.lab->name);
  }
  if (evidence.number) {
    entry.set("value", number_json(*evidence.number));
  }
  entry.set("source", evidence.origin == rules::Origin::patient ? "patient" : "record");
  entry.set_if("recordText", evidence.record_text);
  return entry;
}

Json finding_outcome(const Finding& finding) {
  Json because = Json::array();
  for (const auto& evidence : finding.because) {
    because.push(evidence_outcome(evidence));
  }
  Json missing = Json::array();
  for (const auto* item : finding.missing) {
    missing.push(item->link_id);
  }
  return Json::object({{"rule", finding.rule->id},
                       {"status", status_word(finding.status)},
                       {"targetHours", hours_json(finding.target)},
                       {"targetText", finding.target.text},
                       {"because", std::move(because)},
                       {"missing", std::move(missing)}});
}

// What the record adds to a proposal: a pacemaker beside an MRI, a test that was done. Without a
// record the notes follow from the answers.
Json workup_outcome(const rules::WorkupRow& row, bool has_record) {
  Json entry = Json::object({{"code", row.workup->code},
                             {"status", workup_word(row.status)},
                             {"because", rule_ids(row.because)}});
  if (has_record) {
    entry.set_if("notes", notes_json(row));
    entry.set_if("against", rule_ids(row.against));
  }
  if (row.done != nullptr) {
    entry.set("done", done_json(*row.done));
  }
  return entry;
}

Json gap_outcome(const rules::Gap& gap) {
  return Json::object({{"linkId", gap.item->link_id},
                       {"state", state_word(gap.state)},
                       {"couldRaiseTo", tier_or_null(gap.could_raise_to)},
                       {"rules", rule_ids(gap.rules)}});
}

template <typename Row>
Json rows_json(const std::vector<Row>& rows, Json (*row_json)(const Row&)) {
  Json result = Json::array();
  for (const auto& row : rows) {
    result.push(row_json(row));
  }
  return result;
}

Json notice_json(const rules::Notice& notice) {
  return Json::object({{"kind", notice_word(notice.kind)}, {"text", notice.text}});
}

// An old result is older tomorrow; how much of a record nobody judges changes with every visit;
// what was set aside is gone from what we send, and determined by the answers anyway.
Json lasting_notices(const Assessment& assessment) {
  using Kind = rules::Notice::Kind;
  Json rows = Json::array();
  for (const auto& notice : assessment.notices) {
    if (notice.kind == Kind::lab_old) {
      rows.push(notice_word(notice.kind));
    } else if (notice.kind != Kind::answer_set_aside && notice.kind != Kind::record_count) {
      rows.push(notice_json(notice));
    }
  }
  return rows;
}

Json advice_json(const Assessment& assessment) {
  Json ids = Json::array();
  for (const auto& id : assessment.patient_advice_ids) {
    ids.push(id);
  }
  return ids;
}

Json bounds_json(const rules::TierBounds& bounds) {
  return Json::object({{"lowest", tier_json(bounds.lowest)},
                       {"highest", tier_json(bounds.highest)},
                       {"lowestReached", bounds.lowest_reached},
                       {"highestReached", bounds.highest_reached}});
}

// In the order of their letters: that of the record says nothing.
Json record_unread_json(const Assessment& assessment) {
  auto texts =
      assessment.input == nullptr ? std::vector<std::string>() : rules::unread_entries(assessment);
  std::sort(texts.begin(), texts.end());
  Json rows = Json::array();
  for (auto& text : texts) {
    rows.push(std::move(text));
  }
  return rows;
}

// Without a record these are not judged, which needs no words.
bool is_excluded_by_labs(const Assessment& assessment, const Finding& finding) {
  return finding.status == FindingStatus::excluded && assessment.input != nullptr &&
         rules::reads_only_labs(*assessment.knowledge, *finding.rule) &&
         !rules::is_unjudged(assessment, finding);
}

}  // namespace

Json assessment_json(const Assessment& assessment, bool all_findings) {
  const auto& knowledge = *assessment.knowledge;
  const auto& response = assessment.input->response;
  Json result = Json::object(
      {{"response", Json::object({{"id", text_or_null(response.id)},
                                  {"authored", text_or_null(response.authored_text)},
                                  {"questionnaire", text_or_null(response.questionnaire)}})},
       {"subject", text_or_null(response.subject)},
       {"evaluated", fhir::instant_text(assessment.input->now)},
       {"knowledge",
        Json::object(
            {{"id", knowledge.id}, {"version", knowledge.version}, {"digest", knowledge.digest}})},
       {"tier", tier_json(assessment.tier)},
       {"targetHours", hours_json(assessment.target)},
       {"targetText", assessment.target.text},
       {"checkFirst", assessment.check_first}});
  result.set("findings", findings_json(assessment, all_findings));
  result.set("hypotheses", hypotheses_json(assessment));
  result.set("workups", rows_json(assessment.workups, workup_json));
  result.set("gaps", rows_json(assessment.gaps, gap_json));
  result.set_if("notNeeded", not_needed_json(assessment));
  result.set("tierBounds", bounds_json(assessment.bounds));
  result.set("changes", rows_json(assessment.changes, change_json));
  result.set("changesComplete", assessment.changes_complete);
  result.set("patientAdvice", advice_json(assessment));
  result.set("freeText", free_text_json(assessment));
  result.set("notices", rows_json(assessment.notices, notice_json));
  result.set("setAside", set_aside_json(assessment));
  result.set_if("recordUnread", record_unread_json(assessment));
  return result;
}

std::string_view notice_word(rules::Notice::Kind kind) {
  using Kind = rules::Notice::Kind;
  switch (kind) {
    case Kind::nothing_matched:
      return "nothing-matched";
    case Kind::informant:
      return "informant";
    case Kind::contradiction:
      return "contradiction";
    case Kind::free_text:
      return "free-text";
    case Kind::other_form:
      return "other-form";
    case Kind::unread_answer:
      return "unread-answer";
    case Kind::conflict:
      return "conflict";
    case Kind::stale_answers:
      return "stale-answers";
    case Kind::doubtful_answers:
      return "doubtful-answers";
    case Kind::check_now:
      return "check-now";
    case Kind::lab_old:
      return "lab-old";
    case Kind::lab_unusable:
      return "lab-unusable";
    case Kind::record_missing:
      return "record-missing";
    case Kind::record_count:
      return "record-count";
    case Kind::record_problem:
      return "record-problem";
    case Kind::answer_set_aside:
      return "answer-set-aside";
    case Kind::under_age:
      return "under-age";
    case Kind::change:
      return "change";
    case Kind::vanished:
      return "vanished";
    case Kind::denied:
      return "denied";
    case Kind::uncertain_list:
      return "uncertain-list";
  }
  return "nothing-matched";
}

Json outcome_json(const Assessment& assessment) {
  Json findings = Json::array();
  Json not_applicable = Json::array();
  Json by_labs = Json::array();
  for (const auto& finding : assessment.findings) {
    if (is_listed(finding, false)) {
      findings.push(finding_outcome(finding));
    } else if (finding.status == FindingStatus::not_applicable) {
      not_applicable.push(finding.rule->id);
    } else if (is_excluded_by_labs(assessment, finding)) {
      by_labs.push(finding.rule->id);
    }
  }
  Json workups = Json::array();
  for (const auto& row : assessment.workups) {
    workups.push(
        workup_outcome(row, assessment.input != nullptr && assessment.input->facts.record.fetched));
  }
  Json outcome = Json::object({{"tier", tier_json(assessment.tier)},
                               {"targetHours", hours_json(assessment.target)},
                               {"checkFirst", assessment.check_first},
                               {"findings", std::move(findings)},
                               {"notApplicable", std::move(not_applicable)},
                               {"workups", std::move(workups)},
                               {"gaps", rows_json(assessment.gaps, gap_outcome)},
                               {"patientAdvice", advice_json(assessment)},
                               {"notices", lasting_notices(assessment)}});
  outcome.set_if("excludedByLabs", std::move(by_labs));
  outcome.set_if("recordUnread", record_unread_json(assessment));
  return outcome;
}

Json outlook_json(const Assessment& assessment) {
  Json outlook = Json::object({{"tierBounds", bounds_json(assessment.bounds)},
                               {"changes", rows_json(assessment.changes, change_json)},
                               {"changesComplete", assessment.changes_complete}});
  outlook.set_if("notNeeded", not_needed_json(assessment));
  return outlook;
}

}  // namespace myoflag::mapping
