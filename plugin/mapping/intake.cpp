#include "plugin/mapping/intake.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "fhir/convert.h"
#include "fhir/datetime.h"
#include "fhir/modifier.h"
#include "fhir/r4/definitions.h"
#include "fhir/response.h"
#include "fhir/structure.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/one_of.h"
#include "plugin/mapping/other_form_answers.h"
#include "plugin/mapping/patient_identity.h"
#include "plugin/mapping/record_index.h"
#include "plugin/mapping/record_place.h"
#include "plugin/mapping/record_reasons.h"
#include "plugin/mapping/record_status.h"
#include "plugin/mapping/sent_response.h"
#include "rules/texts.h"

namespace myoflag::mapping {

namespace {

using fhir::Issue;
using fhir::Issues;
using fhir::Json;

// Bundles inside a Bundle: the answers to the searches of a batch.
constexpr int deepest_bundle = 3;
// Each form begun since the last finished one is judged in full.
constexpr std::size_t most_begun = 20;

Issue issue(std::string_view code, std::string_view type, std::string place, std::string text) {
  return {fhir::Severity::error, std::string(type), std::string(code),
          std::move(text),       std::move(place),  {}};
}

}  // namespace

bool is_clinical(std::string_view type) {
  constexpr std::array<std::string_view, 16> types{"Appointment",
                                                   "CarePlan",
                                                   "ClinicalImpression",
                                                   "Condition",
                                                   "DetectedIssue",
                                                   "Device",
                                                   "DiagnosticReport",
                                                   "FamilyMemberHistory",
                                                   "Flag",
                                                   "MedicationAdministration",
                                                   "MedicationDispense",
                                                   "MedicationRequest",
                                                   "MedicationStatement",
                                                   "Observation",
                                                   "Procedure",
                                                   "RiskAssessment"};
  return is_one_of(type, types) || is_only_reasons(type);
}

// Of what R4 defines to be about a patient.
bool is_unread_type(std::string_view type) {
  constexpr std::array<const char*, 5> whom{"beneficiary", "candidate", "individual", "patient",
                                            "subject"};
  const auto* defined = fhir::r4::find_resource(type);
  return defined != nullptr && !is_clinical(type) &&
         std::any_of(whom.begin(), whom.end(), [defined](const char* name) {
           return fhir::r4::find_element(*defined, name) != nullptr;
         });
}

namespace {

// A coding of our answers, anywhere.
bool speaks_our_codes(const Json& json, std::string_view system) {
  if (const auto* list = json.as_array()) {
    return std::any_of(list->begin(), list->end(),
                       [system](const Json& one) { return speaks_our_codes(one, system); });
  }
  const auto* members = json.as_object();
  return members != nullptr &&
         (json.string_of("system") == system ||
          std::any_of(members->begin(), members->end(), [system](const Json::Member& member) {
            return speaks_our_codes(member.value, system);
          }));
}

}  // namespace

bool is_to_our_form(const rules::Knowledge& knowledge, const Json& response) {
  const auto url = fhir::split_canonical(response.string_of("questionnaire")).url;
  const auto* items = response.find("item");
  return url == questionnaire_url(knowledge) ||
         std::any_of(knowledge.other_forms.begin(), knowledge.other_forms.end(),
                     [&url](const auto& form) { return form.url == url; }) ||
         (items != nullptr && speaks_our_codes(*items, answer_system(knowledge)));
}

bool is_failure(const Json& outcome) {
  const auto& issues = outcome.array_of("issue");
  return std::any_of(issues.begin(), issues.end(), [](const Json& entry) {
    const auto severity = entry.string_of("severity");
    return severity == "error" || severity == "fatal" || entry.string_of("code") == "incomplete";
  });
}

bool contains_record(const rules::Knowledge& knowledge, const Json& resource) {
  const auto& contained = resource.array_of("contained");
  return std::any_of(contained.begin(), contained.end(), [&](const Json& one) {
    const auto type = one.string_of("resourceType");
    return type == "QuestionnaireResponse" || (is_clinical(type) && !is_nobodys(knowledge, one));
  });
}

bool is_nobodys(const rules::Knowledge& knowledge, const Json& resource) {
  const auto type = resource.string_of("resourceType");
  const bool is_silent = is_only_reasons(type) && says_no_reason(knowledge, resource);
  return (type == "Device" || is_silent) && subjects_of(resource).empty() &&
         !contains_record(knowledge, resource);
}

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

std::vector<const Json*> focal_devices_of(const Json& resource) {
  std::vector<const Json*> found;
  if (resource.string_of("resourceType") != "Procedure" || !was_begun(resource)) {
    return found;
  }
  for (const auto& focal : resource.array_of("focalDevice")) {
    if (const auto* device = focal.find("manipulated")) {
      found.push_back(device);
    }
  }
  return found;
}

namespace {

// False where the reference names another type than Patient, for example a Group or a Device.
bool may_be_patient(const Json& reference) {
  const auto key = reference_key(reference.string_of("reference"));
  const auto type = key.type();
  const auto stated = reference.string_of("type");
  return (type.empty() || type == "Patient") && (stated.empty() || stated == "Patient");
}

// "#p": the resource inside the resource. Null for other references, and when it is not there.
const Json* contained_in(const Json& resource, std::string_view reference) {
  if (!reference.starts_with('#')) {
    return nullptr;
  }
  const auto& list = resource.array_of("contained");
  const auto found = std::find_if(list.begin(), list.end(), [&](const Json& inner) {
    return inner.string_of("id") == reference.substr(1);
  });
  return found == list.end() ? nullptr : &*found;
}

std::optional<fhir::DateTime> authored_of(const Json& response) {
  return fhir::parse_date_time(response.string_of("authored"));
}

class Taker {
 public:
  explicit Taker(const rules::Knowledge& knowledge)
      : knowledge_(knowledge), url_(questionnaire_url(knowledge)) {}

  tl::expected<Intake, Issues> take(Json resource) {
    const auto type = resource.string_of("resourceType");
    if (type == "QuestionnaireResponse") {
      current_ = {std::move(resource), {}, "QuestionnaireResponse"};
    } else if (type == "Bundle") {
      open(std::move(resource), "Bundle", 1);
      if (issues_.empty()) {
        choose_response();
      }
    } else {
      const bool known = fhir::r4::find_resource(type) != nullptr;
      return tl::unexpected(Issues{issue("MF-3010", "not-supported", std::string(known ? type : ""),
                                         "Neither a QuestionnaireResponse nor a Bundle.")});
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

  // What contains a result.
  struct Outer {
    std::string reference, place;
    std::string subject;  // the reference
    Whose whose = Whose::ours;
    bool usable = true;
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
    if (fhir::has_implicit_rules(bundle)) {
      refuse_modified(place + ".implicitRules");
    }
    if (fhir::is_subsetted(bundle)) {
      say_missing("record-subsetted", place);
    }
    for (const auto& link : bundle.array_of("link")) {
      if (link.string_of("relation") == "next") {
        say_missing("record-page", place);
      }
    }
    auto* entries = bundle.find("entry");
    auto* list = entries == nullptr ? nullptr : entries->as_array();
    if (lacks_matches(bundle, list)) {
      say_missing("record-page", place);
    }
    if (list != nullptr) {
      check_addresses_differ(*list, place);
    }
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
      open_entry((*list)[i], fmt::format("{}.entry[{}]", place, i), depth);
    }
    check_envelope(bundle, place);
  }

  // A search found more than the Bundle holds, though no next page is named.
  static bool lacks_matches(const Json& bundle, const Json::Array* entries) {
    const auto* total = bundle.find("total");
    const auto* number = total == nullptr ? nullptr : total->as_number();
    if (bundle.string_of("type") != "searchset" || number == nullptr) {
      return false;
    }
    const auto found = rules::read_number(number->text);
    const auto held =
        entries == nullptr ? 0 : std::count_if(entries->begin(), entries->end(), is_match);
    return !found || *found > rules::whole(static_cast<std::int64_t>(held));
  }

  // What a search was for; what it includes, or tells beside, is not counted in the total.
  static bool is_match(const Json& entry) {
    const auto* search = entry.find("search");
    const auto mode = search == nullptr ? "" : search->string_of("mode");
    return entry.has("resource") && (mode.empty() || mode == "match");
  }

  // What is left of the Bundle when the resources are taken out. A member that FHIR does not know
  // may have held one of them.
  void check_envelope(const Json& bundle, const std::string& place) {
    constexpr std::string_view root = "Bundle";
    for (auto& found : fhir::check_shape(bundle)) {
      found.place = place + found.place.substr(std::min(root.size(), found.place.size()));
      issues_.push_back(std::move(found));
    }
  }

  void refuse_modified(std::string place) {
    issues_.push_back(issue("MF-1415", "not-supported", std::move(place),
                            "A modifier extension or implicit rules change the meaning in a way "
                            "that is not understood here."));
  }

  // Of what stands around the resource.
  void check_modifiers(const Json& entry, const std::string& place) {
    if (fhir::has_modifier(entry)) {
      refuse_modified(place + ".modifierExtension");
    }
    for (const auto* name : {"search", "request", "response"}) {
      const auto* part = entry.find(name);
      if (part != nullptr && fhir::has_modifier(*part)) {
        refuse_modified(fmt::format("{}.{}.modifierExtension", place, name));
      }
    }
  }

  // FHIR: where both name the resource, they name the same one. An address of another form, such as
  // a urn, says nothing of either.
  void check_address(const Json& resource, std::string_view full_url, const std::string& place) {
    const auto key = reference_key(full_url);
    const auto type = resource.string_of("resourceType");
    const auto id = resource.string_of("id");
    const bool other_type = key.type() != type;
    const bool other_id = !id.empty() && key.tail != fmt::format("{}/{}", type, id);
    if (fhir::r4::find_resource(key.type()) != nullptr && (other_type || other_id)) {
      refuse_address(place,
                     "fullUrl names another resource than the type and id of the resource do.");
    }
  }

  void refuse_address(const std::string& place, std::string text) {
    issues_.push_back(issue("MF-3036", "invalid", place + ".fullUrl", std::move(text)));
  }

  // FHIR's bdl-7. Once more the same resource is no fault here.
  void check_addresses_differ(const Json::Array& entries, const std::string& place) {
    std::map<std::pair<std::string_view, std::string_view>, const Json*> known;
    for (std::size_t i = 0; i < entries.size() && issues_.size() < fhir::max_issues; ++i) {
      const auto full_url = entries[i].string_of("fullUrl");
      const auto* resource = entries[i].find("resource");
      if (full_url.empty() || resource == nullptr) {
        continue;
      }
      const auto* meta = resource->find("meta");
      const auto version = meta == nullptr ? "" : meta->string_of("versionId");
      const auto [first, is_new] = known.try_emplace({full_url, version}, resource);
      if (!is_new && *first->second != *resource) {
        refuse_address(fmt::format("{}.entry[{}]", place, i),
                       "Another entry has this fullUrl, with another resource.");
      }
    }
  }

  void open_entry(Json& entry, const std::string& place, int depth) {
    check_modifiers(entry, place);
    if (const auto* response = entry.find("response")) {
      const auto status = response->string_of("status");
      if (status.starts_with('4') || status.starts_with('5')) {
        say_missing("record-request", place);
      }
    }
    const auto* request = entry.find("request");
    if (request != nullptr && request->string_of("method") == "DELETE") {
      return;
    }
    auto* given = entry.find("resource");
    if (given == nullptr) {
      if (lacks_resource(request, entry.find("response"))) {
        say_missing("record-nothing", place);
      }
      return;
    }
    auto resource = std::exchange(*given, Json::object({{"resourceType", "Parameters"}}));
    const std::string type(resource.string_of("resourceType"));
    const auto at = place + ".resource";
    const std::string full_url(entry.string_of("fullUrl"));
    if (type != "QuestionnaireResponse" && full_url.starts_with("urn:") && request != nullptr &&
        request->string_of("method") == "POST") {
      resource.erase("id");  // the server will give it another
    }
    check_address(resource, full_url, place);
    if (fhir::r4::find_resource(type) == nullptr) {
      issues_.push_back(issue("MF-3018", "structure", at, "This is no resource of FHIR R4."));
    } else if (type == "Bundle") {
      open(std::move(resource), at, depth + 1);
    } else if (type == "OperationOutcome") {
      if (is_failure(resource)) {
        say_missing("record-outcome", at);
      }
    } else {
      if (type == "Parameters" && holds_resource(resource)) {
        say_missing("record-parameters", at);
      }
      keep({std::move(resource), full_url, at}, type);
    }
  }

  // As deep as the gate lets anything be.
  static bool holds_resource(const Json& parameters) {
    for (const auto* name : {"parameter", "part"}) {
      const auto& list = parameters.array_of(name);
      if (std::any_of(list.begin(), list.end(),
                      [](const Json& one) { return one.has("resource") || holds_resource(one); })) {
        return true;
      }
    }
    return false;
  }

  // An entry needs no resource where something was written or deleted, and where it failed, which
  // is told already.
  static bool lacks_resource(const Json* request, const Json* response) {
    constexpr std::array<std::string_view, 4> writes{"DELETE", "PATCH", "POST", "PUT"};
    if (request != nullptr) {
      return !is_one_of(request->string_of("method"), writes);
    }
    if (response == nullptr) {
      return true;
    }
    const auto status = response->string_of("status");
    return !(response->has("location") || status.starts_with("201") || status.starts_with("204") ||
             status.starts_with('4') || status.starts_with('5'));
  }

  void keep(Entry entry, std::string_view type) {
    if (type == "Patient") {
      patients_.push_back(std::move(entry));
    } else if (type == "QuestionnaireResponse" && is_to_our_form(knowledge_, entry.json)) {
      keep_response(std::move(entry));
    } else {
      others_.push_back(std::move(entry));
    }
  }

  // Once more in an answer to another search: nothing new. Of one address only so many are
  // compared: more are no repetitions, and then authored decides, or nothing does.
  void keep_response(Entry entry) {
    constexpr std::size_t most_compared = 20;
    auto& alike = by_address_[fmt::format("{} {}", entry.full_url, entry.json.string_of("id"))];
    const bool here = std::any_of(alike.begin(), alike.end(), [&](std::size_t at) {
      return responses_[at].json == entry.json;
    });
    if (here) {
      return;
    }
    if (alike.size() < most_compared) {
      alike.push_back(responses_.size());
    }
    responses_.push_back(std::move(entry));
  }

  // `named`: the place that the sentence names; `at`: where the finding is.
  void say(std::string_view code, std::string_view key, const std::string& named, std::string at) {
    auto& problems = intake_.record_problems;
    if (problems.size() >= fhir::max_issues) {
      return;
    }
    const bool last = problems.size() + 1 == fhir::max_issues;
    auto text = rules::fill(knowledge_.text(last ? "record-more" : key),
                            {{"place", place_in_words(knowledge_, named)}});
    problems.push_back({code, std::move(text), std::move(at)});
  }

  void say_missing(std::string_view key, const std::string& place) {
    intake_.record_complete = false;
    intake_.record_missing = true;
    say("MF-3030", key, place, place);
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
    take_current();
  }

  // The latest finished one; forms that were begun later, or may have been, are kept beside it.
  // Only unfinished ones: the latest of them.
  void take_current() {
    const auto newest = std::find_if(responses_.rbegin(), responses_.rend(),
                                     [](const Entry& entry) { return is_finished(entry.json); });
    const auto at = newest == responses_.rend()
                        ? responses_.size() - 1
                        : static_cast<std::size_t>(responses_.rend() - newest) - 1;
    current_ = std::move(responses_[at]);
    std::vector<Entry> earlier;
    for (std::size_t i = 0; i < responses_.size(); ++i) {
      if (i != at) {
        place_beside(std::move(responses_[i]), i < at, earlier);
      }
    }
    responses_ = std::move(earlier);
    std::reverse(begun_.begin(), begun_.end());
    if (!issues_.empty()) {
      report_undecided(current_);
    } else if (begun_.size() > most_begun) {
      issues_.push_back(issue("MF-3026", "too-costly", "Bundle.entry",
                              fmt::format("More than {} forms were begun after the last finished "
                                          "one.",
                                          most_begun)));
    }
  }

  void place_beside(Entry entry, bool is_sorted_before, std::vector<Entry>& earlier) {
    const bool is_before =
        is_sorted_before && fhir::compare(*authored_of(entry.json), *authored_of(current_.json)) ==
                                std::strong_ordering::less;
    if (is_before) {
      earlier.push_back(std::move(entry));
    } else if (is_finished(entry.json) || !is_finished(current_.json)) {
      report_undecided(entry);
    } else {
      begun_.push_back(std::move(entry));
    }
  }

  // By the earliest moment that each may mean, oldest first; an issue for each that says no time.
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
    return true;
  }

  void report_undecided(const Entry& entry) {
    issues_.push_back(issue("MF-3013", "multiple-matches", entry.place + ".authored",
                            "The Bundle holds several responses to the form, and authored does not "
                            "tell which of them is the latest."));
  }

  // ---- whose all this is

  void identify_patient() {
    check_one_patient();
    read_subject();
    if (issues_.empty() && !patients_.empty()) {
      compare_subject();
    }
  }

  void check_one_patient() {
    PatientIdentity person;
    for (const auto& patient : patients_) {
      if (&patient != &patients_.front() &&
          person.of_patient(patient.json, patient.full_url) != Whose::ours) {
        issues_.push_back(issue("MF-3014", "multiple-matches", patient.place,
                                "The Bundle holds more than one patient."));
      } else {
        person.add_patient(patient.json, patient.full_url);
      }
    }
  }

  void read_subject() {
    const auto* subject = current_.json.find("subject");
    if (subject == nullptr) {
      return;
    }
    const auto* inner = contained_in(current_.json, subject->string_of("reference"));
    if (!may_be_patient(*subject) ||
        (inner != nullptr && inner->string_of("resourceType") != "Patient")) {
      refuse_subject("The response is not about a patient.");
      return;
    }
    identity_.add_reference(*subject, current_.full_url);
    if (inner != nullptr) {
      identity_.add_identifiers(*inner);
    }
  }

  // The subject and the Patient resources must be the same person.
  void compare_subject() {
    bool met = false;
    for (const auto& patient : patients_) {
      const auto whose = identity_.of_patient(patient.json, patient.full_url);
      met = met || whose == Whose::ours;
      if (whose == Whose::another) {
        refuse_subject(
            "An identifier of the subject differs from that of the patient of the Bundle.");
        return;
      }
    }
    if (!met && says_whom()) {
      refuse_subject("The response is about somebody else than the patient of the Bundle.");
      return;
    }
    if (!met) {
      auto warning = issue("MF-3017", "business-rule", current_.place + ".subject",
                           "The response does not say whom it is about; the only patient of the "
                           "Bundle is taken.");
      warning.severity = fhir::Severity::warning;
      intake_.warnings.push_back(std::move(warning));
    }
    for (const auto& patient : patients_) {
      identity_.add_patient(patient.json, patient.full_url);
    }
  }

  bool says_whom() const {
    const auto* subject = current_.json.find("subject");
    return !identity_.empty() || (subject != nullptr && subject->has("reference"));
  }

  void refuse_subject(std::string text) {
    issues_.push_back(
        issue("MF-3016", "business-rule", current_.place + ".subject", std::move(text)));
  }

  // ---- the record

  void sort_record() {
    home_ = home();
    intake_.patient = identity_.reference();
    intake_.place = current_.place;
    intake_.reference = reference_to(current_, "QuestionnaireResponse");
    sort_contained_in_responses();
    intake_.response = std::move(current_.json);
    take_begun();
    for (auto* entries : {&patients_, &others_}) {
      for (auto& entry : *entries) {
        sort_entry(std::move(entry));
      }
    }
    sort_focal_devices();
    choose_previous();
  }

  // A Device of nobody is of whom a procedure implanted it in.
  void sort_focal_devices() {
    std::vector<RecordResource> devices;
    for (const auto& entry : devices_) {
      add_record(entry, devices);
    }
    RecordIndex index;
    for (const auto& device : devices) {
      index.add(device);
    }
    const auto ours = named_focally(index, intake_.record);
    const auto unknown = named_focally(index, intake_.set_aside);
    for (std::size_t i = 0; i < devices.size(); ++i) {
      const bool is_ours = ours.contains(&devices[i]);
      if (is_ours || unknown.contains(&devices[i])) {
        sort_entry_of(is_ours ? Whose::ours : Whose::unknown, std::move(devices_[i]));
      }
    }
  }

  static std::set<const RecordResource*> named_focally(const RecordIndex& index,
                                                       const std::vector<RecordResource>& record) {
    std::set<const RecordResource*> devices;
    for (const auto& resource : record) {
      for (const auto* device : focal_devices_of(resource.json)) {
        devices.insert(index.find(device->string_of("reference"), resource.full_url));
      }
    }
    return devices;
  }

  void take_begun() {
    for (auto& entry : begun_) {
      const auto* subject = entry.json.find("subject");
      if (subject != nullptr && identity_.of(*subject, entry.full_url) == Whose::another) {
        report_foreign(entry);
      }
      intake_.begun.push_back({std::move(entry.json), std::move(entry.place), {}});
    }
  }

  // Reports the resource of another patient; sets aside, and says, what cannot be used. What is
  // contained shares the fate of what contains it, unless it says more.
  void sort_entry(Entry entry) {
    if (is_nobodys(knowledge_, entry.json)) {
      if (entry.json.string_of("resourceType") == "Device") {
        devices_.push_back(std::move(entry));
      }
      return;
    }
    const auto whose = whose_is(entry);
    if (whose == Whose::another) {
      report_foreign(entry);
      return;
    }
    sort_entry_of(whose, std::move(entry));
  }

  // Answers that do not say to which form may be answers to ours.
  void tell_nameless_answers(const Entry& entry) {
    const auto& json = entry.json;
    if (json.string_of("resourceType") == "QuestionnaireResponse" &&
        json.string_of("questionnaire").empty() && json.string_of("status") != "entered-in-error") {
      say("MF-3031", "record-response-nameless", entry.place, entry.place);
      intake_.record_missing = true;
    }
  }

  void sort_entry_of(Whose whose, Entry entry) {
    tell_nameless_answers(entry);
    const bool usable = is_usable(entry, whose);
    auto inside = contained_in_entry(entry);
    auto subject = subject_text(entry.json);
    const auto& added = add_record(std::move(entry), usable ? intake_.record : intake_.set_aside);
    const Outer outer{added.reference, added.place, std::move(subject), whose, usable};
    for (auto& one : inside) {
      sort_contained(std::move(one), outer);
    }
  }

  // What the responses themselves contain for the record, which alone is no whole record.
  void sort_contained_in_responses() {
    sort_contained_in_response(current_, Whose::ours, true);
    for (const auto* list : {&responses_, &begun_}) {
      for (const auto& entry : *list) {
        sort_contained_in_response(entry, whose_response(entry), !is_modified_or_cut(entry.json));
      }
    }
  }

  // What another patient's contains is of that patient, whose response refuses the input.
  void sort_contained_in_response(const Entry& entry, Whose whose, bool usable) {
    if (whose == Whose::another) {
      return;
    }
    auto inside = contained_in_entry(entry);
    const Outer outer{reference_to(entry, "QuestionnaireResponse"), entry.place,
                      subject_text(entry.json), whose, usable};
    intake_.record_complete =
        intake_.record_complete && (inside.empty() || !patients_.empty() || !others_.empty());
    for (auto& one : inside) {
      sort_contained(std::move(one), outer);
    }
  }

  Whose whose_response(const Entry& entry) {
    const auto* subject = entry.json.find("subject");
    if (subject == nullptr) {
      return identity_.empty() ? Whose::ours : Whose::unknown;
    }
    return identity_.of(*subject, entry.full_url);
  }

  static bool is_modified_or_cut(const Json& response) {
    return fhir::has_implicit_rules(response) || fhir::has_modifier_inside(response) ||
           fhir::is_subsetted(response);
  }

  static std::string subject_text(const Json& resource) {
    const auto subjects = subjects_of(resource);
    return subjects.empty() ? std::string() : std::string(subjects.front()->string_of("reference"));
  }

  // The patient may be contained beside it.
  Whose whose_inside(const Entry& inner, const Outer& outer) {
    const auto subjects = subjects_of(inner.json);
    const bool is_of_outer = std::all_of(subjects.begin(), subjects.end(), [&](const Json* one) {
      const auto text = one->string_of("reference");
      return text.starts_with('#') && text == outer.subject;
    });
    return is_of_outer ? outer.whose : whose_is(inner);
  }

  void sort_contained(Entry inner, const Outer& outer) {
    const auto whose = whose_inside(inner, outer);
    if (whose == Whose::another) {
      report_foreign(inner);
      return;
    }
    if (may_be_response(inner.json)) {
      say("MF-3031", "record-response-inside", inner.place, inner.place);
      intake_.record_missing = true;
      return;
    }
    const bool usable = is_usable(inner, whose) && outer.usable;
    auto& list = usable ? intake_.record : intake_.set_aside;
    auto& added = add_record(std::move(inner), list);
    added.reference = outer.reference;
    added.within = outer.place;
  }

  bool is_usable(const Entry& entry, Whose whose) {
    const auto why = why_unusable(entry, whose);
    if (!why.empty()) {
      intake_.record_complete = false;
      // Where nobody says whose it is, all of it may be this patient's; and what was left out of a
      // resource may be anything.
      intake_.record_missing =
          intake_.record_missing || identity_.empty() || why == "record-subsetted";
      say("MF-3031", why, entry.place, place_of_fault(entry));
    }
    return why.empty();
  }

  // "#d": what a procedure, or one inside something else, names.
  static std::set<std::string> focal_inside(const Json& resource) {
    std::set<std::string> names;
    const auto add = [&names](const Json& one) {
      for (const auto* device : focal_devices_of(one)) {
        names.emplace(device->string_of("reference"));
      }
    };
    add(resource);
    for (const auto& one : resource.array_of("contained")) {
      add(one);
    }
    return names;
  }

  // Answers that may be to our form. Which of the answers are the latest is decided among those
  // that stand alone.
  bool may_be_response(const Json& one) const {
    return one.string_of("resourceType") == "QuestionnaireResponse" &&
           one.string_of("status") != "entered-in-error" &&
           (one.string_of("questionnaire").empty() || is_to_our_form(knowledge_, one));
  }

  // Of what is contained: it is read, or told as a type that is not.
  static bool may_be_told(const Json& one) {
    const auto type = one.string_of("resourceType");
    return is_clinical(type) ||
           (is_unread_type(type) && one.string_of("status") != "entered-in-error");
  }

  // What a resource that was not withdrawn contains for the record.
  std::vector<Entry> contained_in_entry(const Entry& entry) const {
    constexpr std::array<std::string_view, 2> results{"DiagnosticReport", "Observation"};
    const auto type = entry.json.string_of("resourceType");
    const auto status = entry.json.string_of("status");
    std::vector<Entry> inside;
    if (status == "entered-in-error" || (status == "cancelled" && is_one_of(type, results))) {
      return inside;
    }
    const auto& contained = entry.json.array_of("contained");
    const auto focal = focal_inside(entry.json);
    for (std::size_t i = 0; i < contained.size(); ++i) {
      const auto& one = contained[i];
      // A Device that is used, or was implanted, is not nobody's.
      const bool is_used =
          type == "DeviceUseStatement" || focal.contains('#' + std::string(one.string_of("id")));
      const bool is_record = may_be_told(one) && (is_used || !is_nobodys(knowledge_, one));
      if (is_record || may_be_response(one)) {
        inside.push_back({one, entry.full_url, fmt::format("{}.contained[{}]", entry.place, i)});
      }
    }
    return inside;
  }

  Whose whose_is(const Entry& entry) {
    auto whose = Whose::unknown;
    for (const auto* subject : subjects_of(entry.json)) {
      const auto one =
          may_be_patient(*subject) ? identity_.of(*subject, entry.full_url) : Whose::unknown;
      if (one == Whose::another) {
        return one;
      }
      whose = one == Whose::ours ? one : whose;
    }
    return whose;
  }

  // The key of the sentence that says why; empty: usable.
  std::string_view why_unusable(const Entry& entry, Whose whose) {
    const auto type = entry.json.string_of("resourceType");
    const bool clinical = is_clinical(type);
    if (clinical && whose != Whose::ours) {
      return "record-whose";
    }
    if (!clinical && type != "Patient" && type != "Medication") {
      return {};
    }
    if (fhir::has_implicit_rules(entry.json) || fhir::has_modifier_inside(entry.json)) {
      return "record-modified";
    }
    if (fhir::is_subsetted(entry.json)) {
      return "record-subsetted";
    }
    if (is_focused_elsewhere(entry)) {
      return "record-elsewhere";
    }
    return fhir::check_shape(entry.json).empty() ? "" : "record-unreadable";
  }

  // The first element of the wrong shape; the resource itself when there is none.
  static std::string place_of_fault(const Entry& entry) {
    const auto faults = fhir::check_shape(entry.json);
    const auto type = entry.json.string_of("resourceType");
    const bool inside = !faults.empty() && faults.front().place.starts_with(type);
    return entry.place + (inside ? faults.front().place.substr(type.size()) : "");
  }

  // An Observation may be in the patient's record and about a relative, an unborn child, a device.
  bool is_focused_elsewhere(const Entry& entry) {
    const auto& focus = entry.json.array_of("focus");
    return std::any_of(focus.begin(), focus.end(), [&](const Json& one) {
      return !may_be_patient(one) || identity_.of(one, entry.full_url) != Whose::ours;
    });
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

  RecordResource& add_record(Entry entry, std::vector<RecordResource>& list) const {
    RecordResource resource;
    resource.type = entry.json.string_of("resourceType");
    resource.reference = reference_to(entry, resource.type);
    resource.full_url = std::move(entry.full_url);
    resource.place = std::move(entry.place);
    resource.json = std::move(entry.json);
    return list.emplace_back(std::move(resource));
  }

  // "Observation/12" means something only beside the response, so on its server.
  std::string reference_to(const Entry& entry, std::string_view type) const {
    const auto id = entry.json.string_of("id");
    const auto base = reference_key(entry.full_url).base;
    const bool elsewhere = !base.empty() && base != home_;
    return id.empty() || elsewhere ? entry.full_url : fmt::format("{}/{}", type, id);
  }

  // The server of the response, else of the patient; empty when neither is known.
  std::string home() const {
    auto base = reference_key(current_.full_url).base;
    return base.empty() && !patients_.empty() ? reference_key(patients_.front().full_url).base
                                              : base;
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
      const auto why = why_not_compared(*entry);
      if (!why.empty() && intake_.previous && is_over(*entry)) {
        continue;
      }
      if (!why.empty()) {
        intake_.earlier_unread = true;
        say("MF-3032", why, entry->place, entry->place);
        continue;
      }
      auto reference = reference_to(*entry, "QuestionnaireResponse");
      GivenResponse given{std::move(entry->json), std::move(entry->place), std::move(reference)};
      if (intake_.previous) {
        intake_.older.push_back(std::move(given));
      } else if (is_finished(given.json)) {
        intake_.previous = std::move(given);
      } else {
        intake_.given_up.push_back(std::move(given));
      }
    }
  }

  // Before the time that any question of the present form asks about, where none asks about what
  // stays for life. `authored` orders the responses, so each has one.
  bool is_over(const Entry& entry) const {
    int hours = 0;
    for (const auto& item : knowledge_.items) {
      if (item.lasting || item.stays_true) {
        return false;
      }
      hours = std::max(hours, item.look_back_hours);
    }
    return fhir::earliest(*authored_of(intake_.response)) - fhir::latest(*authored_of(entry.json)) >
           std::chrono::hours(hours);
  }

  // The key of the sentence that says why; empty: it can be.
  std::string_view why_not_compared(const Entry& entry) {
    if (is_modified_or_cut(entry.json)) {
      return "record-earlier-unreadable";
    }
    const auto canonical = fhir::split_canonical(entry.json.string_of("questionnaire"));
    if (canonical.version != knowledge_.version &&
        other_form_of(knowledge_, entry.json) == nullptr) {
      return "record-earlier-version";
    }
    const auto* subject = entry.json.find("subject");
    const bool is_ours =
        identity_.empty() ||
        (subject != nullptr && identity_.of(*subject, entry.full_url) == Whose::ours);
    return is_ours ? "" : "record-earlier-whose";
  }

  const rules::Knowledge& knowledge_;
  std::string url_, home_;
  Intake intake_;
  Issues issues_;
  std::vector<Entry> patients_, responses_, others_;
  std::vector<Entry> devices_;  // of nobody
  std::map<std::string, std::vector<std::size_t>>
      by_address_;  // places in responses_, as they came
  Entry current_;
  std::vector<Entry> begun_;  // newest first
  PatientIdentity identity_;
};

}  // namespace

fhir::Result<ReadResource> read_resource(std::string_view bytes, bool xml,
                                         const fhir::Limits& limits) {
  if (!xml) {
    return fhir::read_json(bytes, limits).map([](Json&& json) {
      return ReadResource{std::move(json), {}};
    });
  }
  auto converted = fhir::xml_to_json(bytes, limits);
  if (!converted) {
    return tl::unexpected(std::move(converted.error()));
  }
  return ReadResource{std::move(converted->resource), std::move(converted->notices)};
}

tl::expected<Intake, Issues> take_in(Json resource, const rules::Knowledge& knowledge) {
  return Taker(knowledge).take(std::move(resource));
}

}  // namespace myoflag::mapping
