#include "plugin/intake/prefill.h"

#include <bit>

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
