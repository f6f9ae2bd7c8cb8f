#include "plugin/mapping/intake.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "fhir/convert.h"
#include "fhir/datetime.h"
#include "fhir/r4/definitions.h"
#include "fhir/response.h"
#include "fhir/structure.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/patient_identity.h"

namespace myoflag::mapping {

namespace {

using fhir::Issue;
using fhir::Issues;
using fhir::Json;

// Bundles inside a Bundle: the answers to the searches of a batch.
constexpr int deepest_bundle = 3;

Issue issue(std::string_view code, std::string_view type, std::string place, std::string text) {
  return {fhir::Severity::error, std::string(type), std::string(code),
          std::move(text),       std::move(place),  {}};
}

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// What the record reader takes facts from; such a resource must say whom it is about.
bool is_clinical(std::string_view type) {
  constexpr std::array<std::string_view, 9> types{
      "Appointment",         "Condition",   "Device",    "DiagnosticReport", "MedicationRequest",
      "MedicationStatement", "Observation", "Procedure", "ServiceRequest"};
  return is_one_of(type, types);
}

bool is_failure(const Json& outcome) {
  const auto& issues = outcome.array_of("issue");
  return std::any_of(issues.begin(), issues.end(), [](const Json& entry) {
    const auto severity = entry.string_of("severity");
    return severity == "error" || severity == "fatal";
  });
}

// References that say whose the resource is.
std::vector<const Json*> subjects_of(const Json& resource) {
  std::vector<const Json*> found;
  const auto add = [&found](const Json* value) {
    if (value == nullptr) {
      return;
    }
    if (const auto* list = value->as_array()) {
      for (const auto& element : *list) {
        found.push_back(&element);
      }
    } else if (value->is_object()) {
      found.push_back(value);
    }
  };
  for (const auto* name : {"subject", "patient", "for", "beneficiary"}) {
    add(resource.find(name));
  }
  if (resource.string_of("resourceType") == "Appointment") {
    for (const auto& participant : resource.array_of("participant")) {
      const auto* actor = participant.find("actor");
      if (actor != nullptr && reference_key(actor->string_of("reference")).type() == "Patient") {
        found.push_back(actor);
      }
    }
  }
  return found;
}

// False where the reference names another type than Patient, for example a Group or a Device.
bool may_be_patient(const Json& reference) {
  const auto key = reference_key(reference.string_of("reference"));
  const auto type = key.type();
  const auto stated = reference.string_of("type");
  return (type.empty() || type == "Patient") && (stated.empty() || stated == "Patient");
}

std::optional<fhir::DateTime> authored_of(const Json& response) {
  return fhir::parse_date_time(response.string_of("authored"));
}

class Taker {
 public:
  explicit Taker(const rules::Knowledge& knowledge) : url_(questionnaire_url(knowledge)) {
    version_ = knowledge.version;
  }

  tl::expected<Intake, Issues> take(Json resource) {
    const auto type = resource.string_of("resourceType");
    if (type == "QuestionnaireResponse") {
      intake_.place = "QuestionnaireResponse";
      PatientIdentity identity;
      if (const auto* subject = resource.find("subject")) {
        identity.add_reference(*subject, {});
      }
      intake_.patient = identity.reference();
      intake_.response = std::move(resource);
      return std::move(intake_);
    }
    if (type != "Bundle") {
      const bool known = fhir::r4::find_resource(type) != nullptr;
      return tl::unexpected(Issues{issue("MF-3010", "not-supported", std::string(known ? type : ""),
                                         "Neither a QuestionnaireResponse nor a Bundle.")});
    }
    open(std::move(resource), "Bundle", 1);
    if (issues_.empty()) {
      choose_response();
    }
    if (issues_.empty()) {
      identify_patient();
    }
    if (issues_.empty()) {
      sort_record();
    }
    if (!issues_.empty()) {
      return tl::unexpected(std::move(issues_));
    }
    return std::move(intake_);
  }

 private:
  struct Entry {
    Json json;
    std::string full_url;
    std::string place;
  };

  // ---- the entries of the Bundle

  void open(Json bundle, const std::string& place, int depth) {
    constexpr std::array<std::string_view, 7> readable{
        "collection", "searchset", "batch", "batch-response", "transaction", "document", "message"};
    if (!is_one_of(bundle.string_of("type"), readable) || depth > deepest_bundle) {
      issues_.push_back(issue("MF-3011", "not-supported", place + ".type",
                              "A Bundle of this type, or so deep in others, is not read."));
      return;
    }
    for (const auto& link : bundle.array_of("link")) {
      if (link.string_of("relation") == "next") {
        add_problem("a search result has further pages, which were not given");
      }
    }
    auto* entries = bundle.find("entry");
    auto* list = entries == nullptr ? nullptr : entries->as_array();
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
      open_entry((*list)[i], fmt::format("{}.entry[{}]", place, i), depth);
    }
  }

  void open_entry(Json& entry, const std::string& place, int depth) {
    if (const auto* response = entry.find("response")) {
      const auto status = response->string_of("status");
      if (status.starts_with('4') || status.starts_with('5')) {
        add_problem(fmt::format("the request of {} failed", place));
      }
    }
    const auto* request = entry.find("request");
    if (request != nullptr && request->string_of("method") == "DELETE") {
      return;
    }
    auto* resource = entry.find("resource");
    if (resource == nullptr) {
      return;
    }
    const std::string type(resource->string_of("resourceType"));
    const auto at = place + ".resource";
    if (type.empty()) {
      issues_.push_back(issue("MF-3018", "structure", at, "The entry holds no resource."));
    } else if (type == "Bundle") {
      open(std::move(*resource), at, depth + 1);
    } else if (type == "OperationOutcome") {
      if (is_failure(*resource)) {
        add_problem(fmt::format("a request for it failed ({})", at));
      }
    } else {
      keep({std::move(*resource), std::string(entry.string_of("fullUrl")), at}, type);
    }
  }

  void keep(Entry entry, std::string_view type) {
    if (type == "Patient") {
      patients_.push_back(std::move(entry));
    } else if (type == "QuestionnaireResponse" && is_ours(entry.json)) {
      responses_.push_back(std::move(entry));
    } else {
      others_.push_back(std::move(entry));
    }
  }

  bool is_ours(const Json& response) const {
    return fhir::split_canonical(response.string_of("questionnaire")).url == url_;
  }

  void add_problem(std::string text) {
    intake_.record_complete = false;
    intake_.record_problems.push_back(std::move(text));
  }

  // ---- which response is the current one

  void choose_response() {
    if (responses_.empty()) {
      issues_.push_back(issue("MF-3012", "not-found", "Bundle.entry",
                              fmt::format("The Bundle holds no response to {}.", url_)));
      return;
    }
    // A response entered in error only counts when there is no other; it is refused later.
    const auto voided = [](const Entry& entry) {
      return entry.json.string_of("status") == "entered-in-error";
    };
    if (!std::all_of(responses_.begin(), responses_.end(), voided)) {
      std::erase_if(responses_, voided);
    }
    if (responses_.size() > 1 && !sort_responses()) {
      return;
    }
    current_ = std::move(responses_.back());
    responses_.pop_back();
  }

  // Oldest first; an issue for each response whose place in that order is not certain at the end of
  // it.
  bool sort_responses() {
    for (const auto& entry : responses_) {
      if (!authored_of(entry.json)) {
        report_undecided(entry);
      }
    }
    if (!issues_.empty()) {
      return false;
    }
    std::stable_sort(responses_.begin(), responses_.end(), [](const Entry& a, const Entry& b) {
      return fhir::earliest(*authored_of(a.json)) < fhir::earliest(*authored_of(b.json));
    });
    const auto& last = responses_.back();
    for (std::size_t i = 0; i + 1 < responses_.size(); ++i) {
      if (fhir::compare(*authored_of(responses_[i].json), *authored_of(last.json)) !=
          std::strong_ordering::less) {
        report_undecided(responses_[i]);
      }
    }
    if (!issues_.empty()) {
      report_undecided(last);
    }
    return issues_.empty();
  }

  void report_undecided(const Entry& entry) {
    issues_.push_back(issue("MF-3013", "multiple-matches", entry.place + ".authored",
                            "The Bundle holds several responses to the form, and authored does not "
                            "tell which of them is the latest."));
  }

  // ---- whose all this is

  void identify_patient() {
    for (std::size_t i = 1; i < patients_.size(); ++i) {
      PatientIdentity first;
      first.add_patient(patients_.front().json, patients_.front().full_url);
      if (!first.is(patients_[i].json, patients_[i].full_url)) {
        issues_.push_back(issue("MF-3014", "multiple-matches", patients_[i].place,
                                "The Bundle holds more than one patient."));
      }
    }
    const auto* subject = current_.json.find("subject");
    if (subject != nullptr) {
      if (!may_be_patient(*subject)) {
        issues_.push_back(issue("MF-3016", "business-rule", current_.place + ".subject",
                                "The response is not about a patient."));
        return;
      }
      identity_.add_reference(*subject, current_.full_url);
    }
    if (!issues_.empty()) {
      return;
    }
    if (patients_.empty()) {
      return;
    }
    const auto& patient = patients_.front();
    if (identity_.empty()) {
      auto warning = issue("MF-3017", "business-rule", current_.place + ".subject",
                           "The response does not say whom it is about; the only patient of the "
                           "Bundle is taken.");
      warning.severity = fhir::Severity::warning;
      intake_.warnings.push_back(std::move(warning));
    } else if (!identity_.is(patient.json, patient.full_url)) {
      issues_.push_back(
          issue("MF-3016", "business-rule", current_.place + ".subject",
                "The response is about somebody else than the patient of the Bundle."));
      return;
    }
    identity_.add_patient(patient.json, patient.full_url);
  }

  // ---- the record

  void sort_record() {
    intake_.patient = identity_.reference();
    intake_.place = current_.place;
    intake_.response = std::move(current_.json);
    if (!patients_.empty()) {
      add_record(std::move(patients_.front()));
    }
    for (auto& entry : others_) {
      if (belongs(entry)) {
        add_record(std::move(entry));
      }
    }
    choose_previous();
  }

  // Reports the resource of another patient; says what cannot be used.
  bool belongs(const Entry& entry) {
    const bool clinical = is_clinical(entry.json.string_of("resourceType"));
    bool ours = false;
    for (const auto* subject : subjects_of(entry.json)) {
      if (!may_be_patient(*subject)) {
        continue;
      }
      const auto whose = identity_.of(*subject, entry.full_url);
      if (whose == Whose::another) {
        report_foreign(entry);
        return false;
      }
      ours = ours || whose == Whose::ours;
    }
    if (!clinical) {
      return true;
    }
    if (!ours) {
      intake_.record_problems.push_back(
          fmt::format("{} does not say that it is about this patient", entry.place));
      return false;
    }
    if (!fhir::check_shape(entry.json).empty()) {
      intake_.record_problems.push_back(fmt::format("{} is not readable as FHIR", entry.place));
      intake_.record_complete = false;
      return false;
    }
    return true;
  }

  void report_foreign(const Entry& entry) {
    if (!identity_.empty()) {
      issues_.push_back(issue("MF-3015", "business-rule", entry.place,
                              "The resource is about another patient than the response."));
    } else if (issues_.empty()) {
      issues_.push_back(
          issue("MF-3019", "required", intake_.place + ".subject",
                "The response does not say whom it is about, so the record beside it cannot be "
                "held against it."));
    }
  }

  void add_record(Entry entry) {
    RecordResource resource;
    resource.type = entry.json.string_of("resourceType");
    const auto id = entry.json.string_of("id");
    resource.reference = id.empty() ? entry.full_url : fmt::format("{}/{}", resource.type, id);
    resource.full_url = std::move(entry.full_url);
    resource.place = std::move(entry.place);
    resource.json = std::move(entry.json);
    intake_.record.push_back(std::move(resource));
  }

  // responses_ now holds the earlier ones, oldest first.
  void choose_previous() {
    for (auto& entry : responses_) {
      const auto* subject = entry.json.find("subject");
      if (subject != nullptr && identity_.of(*subject, entry.full_url) == Whose::another) {
        report_foreign(entry);
        return;
      }
    }
    for (auto entry = responses_.rbegin(); entry != responses_.rend(); ++entry) {
      const auto status = entry->json.string_of("status");
      if (status != "completed" && status != "amended") {
        continue;
      }
      if (fhir::split_canonical(entry->json.string_of("questionnaire")).version != version_) {
        intake_.record_problems.push_back(
            "an earlier response answers another version of the form and was not compared");
        continue;
      }
      const auto* subject = entry->json.find("subject");
      if (!identity_.empty() &&
          (subject == nullptr || identity_.of(*subject, entry->full_url) != Whose::ours)) {
        intake_.record_problems.push_back(
            "an earlier response does not say that it is about this patient");
        continue;
      }
      intake_.previous = std::move(entry->json);
      return;
    }
  }

  std::string url_, version_;
  Intake intake_;
  Issues issues_;
  std::vector<Entry> patients_, responses_, others_;
  Entry current_;
  PatientIdentity identity_;
};

}  // namespace

bool looks_like_xml(std::string_view bytes) {
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  const auto text = bytes.starts_with(mark) ? bytes.substr(mark.size()) : bytes;
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '<';
}

fhir::Result<Json> read_resource(std::string_view bytes, bool xml, const fhir::Limits& limits) {
  if (!xml) {
    return fhir::read_json(bytes, limits);
  }
  auto converted = fhir::xml_to_json(bytes, limits);
  if (!converted) {
    return tl::unexpected(std::move(converted.error()));
  }
  return std::move(converted->resource);
}

tl::expected<Intake, Issues> take_in(Json resource, const rules::Knowledge& knowledge) {
  return Taker(knowledge).take(std::move(resource));
}

}  // namespace myoflag::mapping
