#include "plugin/batch/impact.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <limits>
#include <new>
#include <string_view>
#include <utility>

#include "fhir/xml.h"
#include "plugin/mapping/assessment_json.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/intake.h"

namespace myoflag::batch {
namespace {

using fhir::Json;

// Whether something was changed. Recurses as deep as Bundles in Bundles; the gate bounds it.
bool readdress(Json& resource, const std::string& from, const std::string& to) {
  if (resource.string_of("resourceType") == "QuestionnaireResponse") {
    const bool named = resource.string_of("questionnaire") == from;
    if (named) {
      resource.set("questionnaire", to);
    }
    return named;
  }
  bool changed = false;
  auto* entries = resource.find("entry");
  auto* list = entries == nullptr ? nullptr : entries->as_array();
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    if (auto* inner = (*list)[i].find("resource")) {
      changed = readdress(*inner, from, to) || changed;
    }
  }
  return changed;
}

// The record with the one form's version named in place of the other's; nothing where there is no
// such response in it, or the gate refuses it.
std::optional<std::string> readdressed(std::string_view bytes, const fhir::Limits& limits,
                                       const std::string& from, const std::string& to) {
  if (from == to) {
    return std::nullopt;
  }
  auto read = mapping::read_resource(bytes, fhir::looks_like_xml(bytes), limits);
  if (!read || !readdress(read->json, from, to)) {
    return std::nullopt;
  }
  return fhir::write_json(read->json);
}

Verdict refused(const fhir::Issues& issues) {
  Verdict verdict;
  for (const auto& issue : issues) {
    const auto& known = verdict.problems;
    if (std::find(known.begin(), known.end(), issue.code) == known.end()) {
      verdict.problems.push_back(issue.code);
    }
  }
  return verdict;
}

Verdict refused(std::string code) {
  Verdict verdict;
  verdict.problems.push_back(std::move(code));
  return verdict;
}

Verdict verdict_of(const rules::Assessment& assessment) {
  Verdict verdict;
  verdict.tier = assessment.tier;
  verdict.hours = assessment.target.hours;
  for (const auto& finding : assessment.findings) {
    if (finding.status == rules::FindingStatus::fired) {
      verdict.fired.emplace(finding.rule->id, finding.tier);
    } else if (finding.status == rules::FindingStatus::not_excluded) {
      verdict.not_excluded.insert(finding.rule->id);
    }
  }
  for (const auto& row : assessment.workups) {
    verdict.workups.emplace(row.workup->code, mapping::workup_word(row.status));
  }
  for (const auto& row : assessment.hypotheses) {
    verdict.hypotheses.insert(row.hypothesis->code);
  }
  for (const auto& notice : assessment.notices) {
    verdict.notices.emplace(mapping::notice_word(notice.kind));
  }
  verdict.advice.insert(assessment.patient_advice_ids.begin(), assessment.patient_advice_ids.end());
  return verdict;
}

// As later, so that a larger one is more urgent. Without hours it is later than any.
std::pair<rules::Tier, int> urgency(const Verdict& verdict) {
  return {*verdict.tier, -verdict.hours.value_or(std::numeric_limits<int>::max())};
}

std::size_t column(const Verdict& verdict) {
  return verdict.tier ? static_cast<std::size_t>(*verdict.tier) : ImpactCounts::kRefused;
}

}  // namespace

std::vector<std::string> only_in(const std::set<std::string>& these,
                                 const std::set<std::string>& those) {
  std::vector<std::string> out;
  std::set_difference(these.begin(), these.end(), those.begin(), those.end(),
                      std::back_inserter(out));
  return out;
}

std::set<std::string> fired_rules(const Verdict& verdict) {
  std::set<std::string> out;
  for (const auto& [rule, tier] : verdict.fired) {
    out.insert(rule);
  }
  return out;
}

Move Impact::move() const {
  if (!before.tier || !after.tier) {
    return before.tier  ? Move::refused_by_new
           : after.tier ? Move::refused_by_old
                        : Move::refused_by_both;
  }
  if (urgency(before) != urgency(after)) {
    return urgency(after) > urgency(before) ? Move::raised : Move::lowered;
  }
  return before == after ? Move::none : Move::within;
}

Comparer::Comparer(const Assessor& before, const Assessor& after, rules::Instant now)
    : before_(before), after_(after), now_(now) {}

Verdict Comparer::judge(const Assessor& assessor, const Assessor& other, const Record& record,
                        std::string& id) const {
  AssessOptions how;
  how.now = now_;
  how.batch = true;
  how.outlook = rules::Outlook::none;
  how.limits.bytes = std::max(how.limits.bytes, record.bytes.size());
  try {
    const auto own =
        readdressed(record.bytes, how.limits, mapping::questionnaire_canonical(*other.knowledge()),
                    mapping::questionnaire_canonical(*assessor.knowledge()));
    const auto assessed = assessor.assess(own ? *own : record.bytes, how);
    if (!assessed) {
      return refused(assessed.error());
    }
    id = assessed->assessment.input->response.id;
    return verdict_of(assessed->assessment);
  } catch (const std::bad_alloc&) {
    return refused("MF-4110");
  } catch (const std::exception&) {
    return refused("MF-4109");
  }
}

Impact Comparer::compare(const Record& record) const {
  if (record.error) {
    return {record.place, {}, refused(record.error->code), refused(record.error->code)};
  }
  Impact impact;
  impact.place = record.place;
  impact.before = judge(before_, after_, record, impact.response);
  impact.after = judge(after_, before_, record, impact.response);
  return impact;
}

void ImpactCounts::count(const Impact& impact) {
  ++records;
  ++moves[impact.move()];
  ++tiers[column(impact.before)][column(impact.after)];
  if (!impact.before.tier || !impact.after.tier) {
    return;
  }
  const auto before = fired_rules(impact.before);
  const auto after = fired_rules(impact.after);
  for (const auto& rule : only_in(before, after)) {
    ++rules[rule].went;
  }
  for (const auto& rule : only_in(after, before)) {
    ++rules[rule].came;
  }
}

std::uint64_t ImpactCounts::of(Move move) const {
  const auto found = moves.find(move);
  return found == moves.end() ? 0 : found->second;
}

std::uint64_t ImpactCounts::refused() const {
  return of(Move::refused_by_old) + of(Move::refused_by_new) + of(Move::refused_by_both);
}

}  // namespace myoflag::batch
