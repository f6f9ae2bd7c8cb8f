#include "plugin/intake/prefill.h"

#include <algorithm>
#include <bit>

#include "fhir/datetime.h"
#include "plugin/cds/prefetch.h"
#include "plugin/cds/service.h"

namespace myoflag::intake {

namespace {

using fhir::Json;

tl::unexpected<std::string> unused(std::string why) {
  return tl::unexpected("MF-4268: " + std::move(why));
}

// A day, a month or a year that the date of birth of the invitation lies in.
bool is_born(const Json& patient, const std::string& born) {
  const auto written = patient.string_of("birthDate");
  return born.starts_with(written) &&
         (written.size() == born.size() || written.empty() || born[written.size()] == '-');
}

}  // namespace

std::string patient_id(const std::string& patient) { return patient.substr(patient.find('/') + 1); }

bool is_refused(const Json& prefetch) {
  const Json* patient = prefetch.find("patient");
  if (patient == nullptr || patient->string_of("resourceType") != "OperationOutcome") {
    return false;
  }
  const auto& issues = patient->array_of("issue");
  return std::any_of(issues.begin(), issues.end(), [](const Json& issue) {
    const auto code = issue.string_of("code");
    return code == "forbidden" || code == "not-found" || code == "deleted";
  });
}

bool is_whole(const Json& prefetch) {
  return std::all_of(cds::kTemplates.begin(), cds::kTemplates.end(), [&](const auto& asked) {
    const auto state = cds::read_source(prefetch, asked).state;
    return asked.key == "intake" || state == cds::State::given || state == cds::State::no_data;
  });
}

void mark_old(Json& prefetch, rules::Instant fetched) {
  for (const auto& asked : cds::kTemplates) {
    Json* value = prefetch.find(asked.key);
    if (value == nullptr || value->string_of("resourceType") != "Bundle") {
      continue;
    }
    Json issue =
        Json::object({{"severity", "error"},
                      {"code", "incomplete"},
                      {"diagnostics", "not fetched since " + fhir::instant_text(fetched)}});
    Json entry =
        Json::object({{"resource", Json::object({{"resourceType", "OperationOutcome"},
                                                 {"issue", Json::array({std::move(issue)})}})},
                      {"search", Json::object({{"mode", "outcome"}})}});
    if (Json* entries = value->find("entry"); entries != nullptr && entries->is_array()) {
      entries->push(std::move(entry));
    } else {
      value->set("entry", Json::array({std::move(entry)}));
    }
  }
}

Draft suggestions_of(const rules::Knowledge& knowledge, const rules::RecordFacts& facts) {
  Draft out;
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    const rules::Item& item = knowledge.items[i];
    const auto asserted = facts.chosen[i] & item.positive();
    if (asserted != 0 && (item.repeats || std::has_single_bit(asserted))) {
      out.insert({static_cast<int>(i), Answer{asserted, {}}});
    }
  }
  return out;
}

tl::expected<Prefill, std::string> prefill_of(const Assessor& assessor,
                                              const Invitation& invitation, const Json& prefetch,
                                              rules::Instant now) {
  if (is_refused(prefetch)) {
    return unused("the EHR does not have this patient, or not for us (403, 404 or 410)");
  }
  const auto id = patient_id(invitation.patient);
  const Json* patient = prefetch.find("patient");
  if (patient == nullptr || patient->string_of("resourceType") != "Patient" ||
      patient->string_of("id") != id) {
    return unused("the record is not that of the invitation's patient");
  }
  if (!is_born(*patient, invitation.born)) {
    return unused("the record has another date of birth than the invitation");
  }
  auto record = fhir::write_json(prefetch);
  if (record.size() > kMostRecord) {
    return unused("the record is too long");
  }
  const auto read = cds::read_fetched(assessor, id, prefetch, now);
  if (!read) {
    return unused("the record cannot be used, or is about somebody else in part");
  }
  const auto& knowledge = *assessor.knowledge();
  return Prefill{std::move(record), draft_text(knowledge, suggestions_of(knowledge, read->facts))};
}

}  // namespace myoflag::intake
