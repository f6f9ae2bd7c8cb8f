#include "plugin/mapping/record_sweep.h"

#include <algorithm>
#include <array>

#include "fhir/answer_value.h"
#include "fhir/walk.h"
#include "plugin/mapping/one_of.h"
#include "plugin/mapping/record_values.h"
#include "plugin/mapping/record_words.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
namespace r4 = fhir::r4;

// Beside it nobody is reassured already.
constexpr std::size_t most_mentions = 20;

// Elements that name a person, an organisation or a place, wherever they stand: a clinic for cancer
// says nothing of whom it sees. And what is contained, which is read as if it stood beside.
using Names = std::array<std::string_view, 67>;
constexpr Names names_of_others{"actor",
                                "agent",
                                "asserter",
                                "assigner",
                                "attester",
                                "authenticator",
                                "author",
                                "authorReference",
                                "beneficiary",
                                "careManager",
                                "collector",
                                "contact",
                                "contained",
                                "contributor",
                                "custodian",
                                "destination",
                                "enterer",
                                "facility",
                                "for",
                                "fundsReserve",
                                "generalPractitioner",
                                "guarantor",
                                "informationSource",
                                "insurance",
                                "insurer",
                                "interpreter",
                                "link",
                                "location",
                                "locationReference",
                                "managingOrganization",
                                "manufacturer",
                                "member",
                                "observer",
                                "onBehalfOf",
                                "operator",
                                "orderer",
                                "organization",
                                "origin",
                                "owner",
                                "participant",
                                "party",
                                "patient",
                                "payee",
                                "payor",
                                "performer",
                                "policyHolder",
                                "practitioner",
                                "prescriber",
                                "provider",
                                "publisher",
                                "receiver",
                                "recipient",
                                "recorder",
                                "referrer",
                                "requestProvider",
                                "requester",
                                "requestingOrganization",
                                "responsible",
                                "responsibleParty",
                                "resultsInterpreter",
                                "sender",
                                "serviceProvider",
                                "source",
                                "sourcePatientInfo",
                                "subject",
                                "subscriber",
                                "supplier"};

// Types whose words are names, addresses, units or keys.
constexpr std::array<std::string_view, 18> administrative{
    "Address",  "Age",        "ContactDetail",   "ContactPoint", "Count",     "Distance",
    "Duration", "Expression", "HumanName",       "Identifier",   "Meta",      "Money",
    "Period",   "Quantity",   "RelatedArtifact", "SampledData",  "Signature", "UsageContext"};

// What others than record_reasons.h read, or what names something that nobody has: a vaccine its
// disease, a limit for whom it is.
struct Read {
  std::string_view type, elements;
};
constexpr std::string_view medicine = "medicationCodeableConcept medicationReference";
constexpr std::array read_elsewhere{
    Read{"CarePlan", "title description"},
    Read{"ClinicalImpression", "code description summary finding.itemCodeableConcept"},
    Read{"Condition", "code clinicalStatus verificationStatus"},
    Read{"DetectedIssue", "code detail"},
    Read{"Device", "type deviceName modelNumber"},
    Read{"DiagnosticReport", "category code conclusion conclusionCode presentedForm result"},
    Read{"Flag", "code"},
    Read{"Immunization", "vaccineCode protocolApplied"},
    Read{"ImmunizationEvaluation", "targetDisease"},
    Read{"ImmunizationRecommendation", "recommendation"},
    Read{"MedicationAdministration", medicine},
    Read{"MedicationDispense", medicine},
    Read{"MedicationRequest", medicine},
    Read{"MedicationStatement", medicine},
    Read{"Observation",
         "category code component dataAbsentReason hasMember interpretation note referenceRange "
         "valueCodeableConcept valueString"},
    Read{"Procedure", "category code focalDevice"},
    Read{"RiskAssessment", "code prediction.outcome"}};

bool is_read_elsewhere(std::string_view type, std::string_view path) {
  const auto* found = std::find_if(read_elsewhere.begin(), read_elsewhere.end(),
                                   [type](const Read& one) { return one.type == type; });
  return found != read_elsewhere.end() && is_listed(found->elements, path);
}

bool names_others(std::string_view element) {
  static_assert(std::is_sorted(names_of_others.begin(), names_of_others.end()));
  return std::binary_search(names_of_others.begin(), names_of_others.end(), element);
}

// Elsewhere such words are of a disease ("acute") or of a tablet ("ER").
bool may_name_a_visit(std::string_view type) {
  return is_only_reasons(type) || type == "Appointment";
}

// What a form asks for, however deep.
bool is_question(const r4::Type& type, std::string_view element) {
  return type.name == "QuestionnaireResponse.Item" && element == "text";
}

// A generated one says what the elements say, which are read.
bool says_more(const Json& narrative) {
  constexpr std::array<std::string_view, 3> nothing_more{"generated", "extensions", "empty"};
  return !is_one_of(narrative.string_of("status"), nothing_more);
}

}  // namespace

struct RecordSweep::Place {
  const RecordResource& resource;
  bool is_current = true, is_read = true, may_name_a_visit = false;
  std::string path;  // as Step writes it, with a dot in front
  std::vector<Mention> found;

  std::string_view element() const { return std::string_view(path).substr(path.empty() ? 0 : 1); }
  bool is_full() const { return found.size() >= most_mentions; }
};

std::vector<Mention> RecordSweep::of(const RecordResource& resource, bool is_current,
                                     bool is_read) {
  Place place{resource, is_current, is_read, may_name_a_visit(resource.type), {}, {}};
  if (const auto* type = r4::find_resource(resource.type)) {
    walk(resource.json, *type, place);
  }
  return std::move(place.found);
}

// As deep as the gate lets anything be.
void RecordSweep::walk(const Json& node, const r4::Type& type, Place& place) {
  const auto* members = node.as_object();
  if (members == nullptr || place.is_full()) {
    return;
  }
  for (const auto& member : *members) {
    const auto* element = r4::find_element(type, member.name);
    if (element == nullptr || names_others(member.name) || is_question(type, member.name)) {
      continue;
    }
    const fhir::Step step(place.path, member.name);
    const auto path = place.element();
    if (is_read_element(place.resource.type, path, place.is_current) ||
        (place.is_read && is_read_elsewhere(place.resource.type, path))) {
      continue;
    }
    const auto& inner = r4::type_of(*element);
    if (const auto* list = member.value.as_array()) {
      for (const auto& one : *list) {
        take(one, inner, place);
      }
    } else {
      take(member.value, inner, place);
    }
  }
}

void RecordSweep::take(const Json& node, const r4::Type& type, Place& place) {
  constexpr std::array<std::string_view, 6> leaves{"Annotation", "Attachment", "CodeableConcept",
                                                   "Coding",     "Narrative",  "Reference"};
  if (type.kind == r4::Kind::primitive) {
    const bool is_said =
        type.primitive == r4::Primitive::string || type.primitive == r4::Primitive::markdown;
    if (const auto* text = node.as_string(); is_said && text != nullptr) {
      take_text(*text, place);
    }
  } else if (is_one_of(type.name, leaves)) {
    take_leaf(node, type, place);
    const auto* extensions = node.find("extension");
    const auto* element = r4::find_element(type, "extension");
    for (std::size_t i = 0; extensions != nullptr && i < node.array_of("extension").size(); ++i) {
      walk(node.array_of("extension")[i], r4::type_of(*element), place);
    }
  } else if (!is_one_of(type.name, administrative)) {
    walk(node, type, place);
  }
}

void RecordSweep::take_leaf(const Json& node, const r4::Type& type, Place& place) {
  if (type.name == "CodeableConcept" || type.name == "Coding") {
    take_concept(node, place);
  } else if (type.name == "Annotation") {
    take_text(node.string_of("text"), place);
  } else if (type.name == "Attachment") {
    take_text(node.string_of("title"), place);
  } else if (type.name == "Reference" && node.has("display") &&
             !reasons_.is_there(node, place.resource)) {
    take_text(node.string_of("display"), place);
  } else if (type.name == "Narrative" && says_more(node)) {
    const auto text = without_markup(node.string_of("div"));
    if (is_known(text, place.may_name_a_visit)) {
      add_text(text, place);
    }
  }
}

void RecordSweep::take_text(std::string_view text, Place& place) {
  if (fhir::is_blank(text)) {
    return;
  }
  auto& texts = place.may_name_a_visit ? visits_ : others_;
  const auto [known, is_new] = texts.try_emplace(text, false);
  if (is_new) {
    known->second = is_known(text, place.may_name_a_visit);
  }
  if (known->second) {
    add_text(text, place);
  }
}

void RecordSweep::take_concept(const Json& node, Place& place) {
  take_text(node.string_of("text"), place);
  take_text(node.string_of("display"), place);
  for (const auto& coding : node.array_of("coding")) {
    take_concept(coding, place);
  }
  Named named;
  if (node.has("code")) {
    index_.read_code(node, named);
  }
  if (named.meaning.is_of_health() && !place.is_full()) {
    const auto display = node.string_of("display");
    place.found.push_back({std::string(place.element()),
                           shown(display.empty() ? node.string_of("code") : display),
                           std::move(named.meaning), false});
  }
}

bool RecordSweep::is_known(std::string_view text, bool may_name_a_visit) const {
  return meaning_of(text).is_of_health() || (may_name_a_visit && index_.names_urgent_visit(text));
}

Meaning RecordSweep::meaning_of(std::string_view text) const {
  Meaning meaning;
  index_.read_words(text, meaning);
  if (meaning.is_of_health()) {
    const auto said = Json::object({{"text", text}});
    if (index_.denies_pregnancy(&said)) {
      meaning.pregnancies = 0;
      meaning.cautions.clear();
    }
  }
  return meaning;
}

void RecordSweep::add_text(std::string_view text, Place& place) const {
  if (!place.is_full()) {
    place.found.push_back({std::string(place.element()), excerpt(text, place.may_name_a_visit),
                           meaning_of(text),
                           place.may_name_a_visit && index_.names_urgent_visit(text)});
  }
}

// Of a text that one line does not bear, the first sentence that is known by itself.
std::string RecordSweep::excerpt(std::string_view text, bool may_name_a_visit) const {
  auto whole = shown(text);
  for (auto rest = text; whole != text && !rest.empty();) {
    const auto end = std::min(rest.find_first_of(".;\n"), rest.size());
    if (const auto sentence = rest.substr(0, end); is_known(sentence, may_name_a_visit)) {
      return shown(sentence);
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return whole;
}

}  // namespace myoflag::mapping
