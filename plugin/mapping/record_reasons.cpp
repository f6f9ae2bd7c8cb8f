#include "plugin/mapping/record_reasons.h"

#include <algorithm>
#include <array>
#include <functional>

#include "fhir/answer_value.h"
#include "plugin/mapping/one_of.h"
#include "plugin/mapping/own_words.h"
#include "plugin/mapping/record_values.h"
#include "plugin/mapping/record_words.h"
#include "plugin/mapping/rule_codes.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;

// Lists are divided by spaces. An element inside others is "diagnosis.condition", whatever of it
// repeats.
struct Kind {
  std::string_view type;
  std::string_view withdrawn;  // statuses: not of this patient, or not yet
  std::string_view over;       // statuses: only what the knowledge knows counts
  std::string_view names;      // what it is: told where the knowledge knows it
  std::string_view reasons;    // codes, words and references: known, or told
  std::string_view words;      // words for people, and codes that assert nothing: told
  std::string_view dates;      // of what is past with its day; none: it lasts while the status says
};

constexpr std::string_view why = "reasonCode reasonReference";
constexpr std::string_view sections =
    "type title section.title section.code section.section.title section.section.code";
constexpr std::string_view no_request = "draft revoked entered-in-error";

constexpr std::array kinds{
    Kind{"AdverseEvent", "potential", "", "category", "resultingCondition suspectEntity.instance",
         "event seriousness severity outcome", "date detected recordedDate"},
    Kind{"Appointment", "cancelled noshow entered-in-error", "",
         "serviceType appointmentType description", why, "comment patientInstruction", "start"},
    Kind{"CarePlan", no_request, "completed", "",
         "addresses activity.detail.reasonCode activity.detail.reasonReference", "note", ""},
    Kind{"CareTeam", "proposed entered-in-error", "inactive", "", why, "note", ""},
    Kind{"ClinicalImpression", "entered-in-error", "", "", "problem", "note", ""},
    Kind{"Communication", "not-done entered-in-error", "",
         "category about payload.contentReference", why,
         "topic payload.contentString payload.contentAttachment note", "sent received"},
    Kind{"CommunicationRequest", no_request, "completed", "category about payload.contentReference",
         why, "payload.contentString payload.contentAttachment note", ""},
    Kind{"Composition", "entered-in-error", "", sections, "", "", "date"},
    Kind{"Condition", "", "", "", "evidence.code evidence.detail", "note", ""},
    Kind{"DeviceRequest", no_request, "completed", "",
         "codeCodeableConcept codeReference reasonCode reasonReference", "note", ""},
    Kind{"DeviceUseStatement", "entered-in-error", "completed stopped", "",
         "device reasonCode reasonReference", "note", ""},
    Kind{"DocumentManifest", "superseded entered-in-error", "", "type", "content", "description",
         "created"},
    Kind{"DocumentReference", "superseded entered-in-error", "",
         "type category context.practiceSetting context.facilityType context.related",
         "context.event", "description content.attachment", "date"},
    Kind{"Encounter", "cancelled entered-in-error", "", "type serviceType",
         "reasonCode reasonReference diagnosis.condition", "", "period"},
    Kind{"EpisodeOfCare", "cancelled entered-in-error", "", "type", "diagnosis.condition", "",
         "period"},
    Kind{"Goal", "rejected cancelled entered-in-error", "completed", "", "addresses",
         "description note", ""},
    Kind{"ImagingStudy", "cancelled entered-in-error", "", "procedureCode", why,
         "description series.description note", "started"},
    Kind{"Media", "not-done entered-in-error", "", "type", "reasonCode", "content.title note",
         "createdDateTime createdPeriod"},
    Kind{"MedicationAdministration", "", "", "supportingInformation", why, "statusReason note", ""},
    Kind{"MedicationDispense", "", "", "supportingInformation detectedIssue statusReasonReference",
         "dosageInstruction.asNeededCodeableConcept", "statusReasonCodeableConcept note", ""},
    Kind{"MedicationRequest", "", "", "supportingInformation detectedIssue",
         "reasonCode reasonReference dosageInstruction.asNeededCodeableConcept",
         "statusReason note", ""},
    Kind{"MedicationStatement", "", "", "",
         "reasonCode reasonReference dosage.asNeededCodeableConcept", "statusReason note", ""},
    Kind{"NutritionOrder", no_request, "completed", "", "",
         "oralDiet.type oralDiet.texture.modifier oralDiet.fluidConsistencyType "
         "oralDiet.instruction supplement.type supplement.productName supplement.instruction "
         "enteralFormula.baseFormulaType enteralFormula.baseFormulaProductName "
         "enteralFormula.additiveType enteralFormula.additiveProductName "
         "enteralFormula.administrationInstruction note",
         ""},
    Kind{"Procedure", "", "", "",
         "reasonCode reasonReference outcome complication complicationDetail", "note", ""},
    Kind{"RequestGroup", no_request, "completed", "code", why,
         "action.title action.description action.textEquivalent action.action.title note", ""},
    Kind{"RiskAssessment", "cancelled entered-in-error", "", "",
         "condition reasonCode reasonReference", "note", ""},
    Kind{"ServiceRequest", no_request, "completed", "code bodySite category supportingInfo", why,
         "orderDetail patientInstruction note", ""},
    Kind{"Task", "draft rejected cancelled failed entered-in-error", "completed",
         "code focus businessStatus input.type input.valueReference output.type "
         "output.valueReference",
         "reasonCode reasonReference input.valueCodeableConcept input.valueCoding "
         "output.valueCodeableConcept output.valueCoding",
         "description statusReason input output note", "executionPeriod"}};

const Kind* kind_of(std::string_view type) {
  const auto* found =
      std::find_if(kinds.begin(), kinds.end(), [&](const Kind& kind) { return kind.type == type; });
  return found == kinds.end() ? nullptr : found;
}

std::string_view first_of(std::string_view& list, char divider) {
  const auto end = std::min(list.find(divider), list.size());
  const auto first = list.substr(0, end);
  list.remove_prefix(std::min(end + 1, list.size()));
  return first;
}

using Visit = std::function<void(const Json&)>;

// As deep as the path, whatever the input.
void visit(const Json& node, std::string_view path, const Visit& leaf) {
  if (path.empty()) {
    leaf(node);
    return;
  }
  const auto name = first_of(path, '.');
  const auto* child = node.find(name);
  if (child == nullptr) {
    return;
  }
  const auto* list = child->as_array();
  if (list == nullptr) {
    visit(*child, path, leaf);
    return;
  }
  for (const auto& one : *list) {
    visit(one, path, leaf);
  }
}

void visit_all(const Json& resource, std::string_view paths, const Visit& leaf) {
  while (!paths.empty()) {
    visit(resource, first_of(paths, ' '), leaf);
  }
}

bool is_blank_text(const Json& leaf) {
  const auto* text = leaf.as_string();
  return text != nullptr && fhir::is_blank(*text);
}

bool is_coding(const Json& leaf) { return leaf.has("system") || leaf.has("code"); }

bool is_reference(const Json& leaf) {
  return !is_coding(leaf) &&
         (leaf.has("reference") || leaf.has("display") || leaf.has("identifier"));
}

// A reference that leads nowhere is what somebody typed.
bool is_typed_reference(const Json& leaf) {
  return !is_coding(leaf) && !leaf.has("reference") && !leaf.has("identifier") &&
         !fhir::is_blank(leaf.string_of("display"));
}

// What a name, a code, a reference or a text says.
Json as_concept(const Json& leaf) {
  const auto* text = leaf.as_string();
  return text != nullptr      ? Json::object({{"text", *text}})
         : is_coding(leaf)    ? Json::object({{"coding", Json::array({leaf})}})
         : is_reference(leaf) ? Json::object({{"text", leaf.string_of("display")}})
                              : leaf;
}

// Of what goes into or comes out of a Task, the value; null: the leaf is something else.
const Json::Member* value_of(const Json& leaf) {
  const auto* members = leaf.as_object();
  if (members == nullptr) {
    return nullptr;
  }
  const auto found = std::find_if(members->begin(), members->end(), [](const Json::Member& one) {
    return one.name.starts_with("value");
  });
  return found == members->end() ? nullptr : &*found;
}

// A value that is read as a reason or a name; or says only where something is, when, or who.
bool is_wordless_value(std::string_view name) {
  constexpr std::array<std::string_view, 23> names{"valueCodeableConcept",
                                                   "valueCoding",
                                                   "valueReference",
                                                   "valueBase64Binary",
                                                   "valueCanonical",
                                                   "valueId",
                                                   "valueIdentifier",
                                                   "valueOid",
                                                   "valueUri",
                                                   "valueUrl",
                                                   "valueUuid",
                                                   "valueDate",
                                                   "valueDateTime",
                                                   "valueInstant",
                                                   "valuePeriod",
                                                   "valueTime",
                                                   "valueTiming",
                                                   "valueAddress",
                                                   "valueContactDetail",
                                                   "valueContactPoint",
                                                   "valueHumanName",
                                                   "valueMeta",
                                                   "valueSignature"};
  return is_one_of(name, names);
}

// Blank, or it has no words for people.
bool is_wordless(const Json& leaf) {
  const auto* value = value_of(leaf);
  return is_blank_text(leaf) || (value != nullptr && is_wordless_value(value->name)) ||
         (value == nullptr && leaf.has("type") && leaf.is_object());
}

// An attachment without a title is something that nobody has named.
std::string said_by(const Json& leaf) {
  const auto* value = value_of(leaf);
  if (value != nullptr && !value->value.is_object()) {
    return value_text(leaf);
  }
  if (value != nullptr) {
    const auto text = value_text(leaf);
    return text.empty() ? said_by(value->value) : text;
  }
  const auto* text = leaf.as_string();
  return std::string(text != nullptr     ? std::string_view(*text)
                     : leaf.has("title") ? leaf.string_of("title")
                                         : words_or_code_of(&leaf));
}

// An order or a section in words that somebody typed; what comes from a catalogue has a code.
bool has_typed_code(const Json& resource) {
  constexpr std::array<std::string_view, 3> orders{"RequestGroup", "ServiceRequest", "Task"};
  const auto type = resource.string_of("resourceType");
  const std::string_view codes = is_one_of(type, orders) ? "code"
                                 : type == "Composition" ? "section.code section.section.code"
                                                         : "";
  bool is_any_typed = false;
  visit_all(resource, codes,
            [&](const Json& code) { is_any_typed = is_any_typed || is_typed(&code); });
  return is_any_typed;
}

bool is_among(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

bool is_calm(const Json& coding, const std::vector<rules::CalmCodes>& all) {
  const auto system = coding.string_of("system");
  return std::any_of(all.begin(), all.end(), [&](const rules::CalmCodes& calm) {
    const bool is_of_system =
        std::any_of(calm.systems.begin(), calm.systems.end(),
                    [&](const std::string& one) { return is_same_address(one, system); });
    return (is_of_system || (calm.without_system && system.empty())) &&
           is_among(calm.codes, coding.string_of("code"));
  });
}

// A code system of one EHR alone, whose names say all.
bool has_calm_name(const rules::Calm& calm, const Json& visit_class) {
  const auto system = visit_class.string_of("system");
  const auto name = plain_words(visit_class.string_of("display"));
  const bool is_known =
      std::any_of(calm.visits.begin(), calm.visits.end(), [&](const rules::CalmCodes& one) {
        return std::any_of(one.systems.begin(), one.systems.end(), [&](const std::string& known) {
          return is_same_address(known, system);
        });
      });
  return !system.empty() && !is_known && !name.empty() &&
         std::any_of(calm.visit_names.begin(), calm.visit_names.end(),
                     [&](const std::string& one) { return plain_words(one) == name; });
}

// Any other class, and none, may be an emergency or a stay.
bool is_calm_class(const rules::Calm& calm, const Json* one) {
  return one != nullptr && (is_calm(*one, calm.visits) || has_calm_name(calm, *one));
}

bool is_calm_priority(const rules::Calm& calm, const Json& priority) {
  const auto& codings = priority.array_of("coding");
  return !codings.empty() && std::all_of(codings.begin(), codings.end(), [&](const Json& coding) {
    return is_calm(coding, calm.priorities);
  });
}

// An emergency, or a stay; or it may have been one for a while.
bool is_urgent_visit(const rules::Calm& calm, const Json& visit) {
  const auto& before = visit.array_of("classHistory");
  const auto* priority = visit.find("priority");
  return !is_calm_class(calm, visit.find("class")) || visit.has("hospitalization") ||
         (priority != nullptr && !is_calm_priority(calm, *priority)) ||
         !std::all_of(before.begin(), before.end(),
                      [&](const Json& one) { return is_calm_class(calm, one.find("class")); });
}

// Codes of FHIR's request-priority.
bool is_urgent(const rules::Calm& calm, const Json& resource) {
  constexpr std::array<std::string_view, 3> priorities{"urgent", "asap", "stat"};
  constexpr std::array<std::string_view, 6> requests{"Communication",  "CommunicationRequest",
                                                     "DeviceRequest",  "RequestGroup",
                                                     "ServiceRequest", "Task"};
  const auto type = resource.string_of("resourceType");
  return type == "Encounter"
             ? is_urgent_visit(calm, resource)
             : is_one_of(type, requests) && is_one_of(resource.string_of("priority"), priorities);
}

// What a visit was or will be, or a document is of one, in words for people.
std::string_view setting_of(std::string_view type) {
  return type == "Encounter"
             ? "class classHistory.class type serviceType priority location.location "
               "hospitalization.admitSource hospitalization.dischargeDisposition"
         : type == "EpisodeOfCare" ? "type"
         : type == "Appointment"   ? "appointmentType serviceType description"
         : type == "Composition"   ? sections
                                   : "";
}

// A text, or of a Coding, a CodeableConcept or a Reference: words or codes for an emergency or a
// stay; else, where anything is told, what it is called.
std::string_view setting_words(const ConceptIndex& index, const Json& one, bool is_any_told) {
  const auto* plain = one.as_string();
  std::vector<std::string_view> texts{
      plain != nullptr ? std::string_view(*plain) : one.string_of("display"),
      one.string_of("text")};
  for (const auto& coding : one.array_of("coding")) {
    texts.push_back(coding.string_of("display"));
    texts.push_back(coding.string_of("code"));
  }
  for (const auto text : texts) {
    if (index.names_urgent_visit(text)) {
      return text;
    }
  }
  const auto own = texts.front().empty() ? one.string_of("code") : texts.front();
  return !is_any_told ? std::string_view() : own.empty() ? words_or_code_of(&one) : own;
}

// At most what it is called and where it was, which only the knowledge can judge.
bool says_only_its_name(const rules::Calm& calm, const Json& resource) {
  const auto* kind = kind_of(resource.string_of("resourceType"));
  bool says = kind == nullptr || has_typed_code(resource) || is_urgent(calm, resource);
  if (!says) {
    const Visit leaf = [&says](const Json& one) { says = says || !is_wordless(one); };
    visit_all(resource, kind->reasons, leaf);
    visit_all(resource, kind->words, leaf);
    visit_all(resource, kind->names,
              [&says](const Json& one) { says = says || is_typed_reference(one); });
  }
  return !says;
}

// Where it was, of which kind or what it is titled: it may have been an emergency. Not by a class
// or a priority, which is_urgent judges.
bool names_a_setting(const Json& resource) {
  const auto type = resource.string_of("resourceType");
  const auto settings = type == "Encounter" ? std::string_view("type serviceType location.location")
                                            : setting_of(type);
  bool is_any_named = false;
  visit_all(resource, settings, [&](const Json& one) {
    const auto said = as_concept(one);
    is_any_named = is_any_named || !fhir::is_blank(words_or_code_of(&said));
  });
  return is_any_named;
}

std::string_view status_of(const Json& resource) {
  for (const auto* name : {"status", "lifecycleStatus", "actuality"}) {
    if (const auto status = resource.string_of(name); !status.empty()) {
      return status;
    }
  }
  return {};
}

std::string_view own_time(const Kind& kind, const Json& resource) {
  auto names = kind.dates;
  while (!names.empty()) {
    const auto* date = resource.find(first_of(names, ' '));
    if (date != nullptr) {
      const auto* text = date->as_string();
      return text != nullptr ? std::string_view(*text) : date->string_of("end");
    }
  }
  return {};
}

}  // namespace

bool has_reasons(std::string_view type) { return kind_of(type) != nullptr; }

bool is_medicine_use(std::string_view type) {
  return has_reasons(type) && type.starts_with("Medication");
}

bool is_only_reasons(std::string_view type) {
  constexpr std::array<std::string_view, 6> others{"Appointment", "CarePlan",  "ClinicalImpression",
                                                   "Condition",   "Procedure", "RiskAssessment"};
  return has_reasons(type) && !is_medicine_use(type) && !is_one_of(type, others);
}

bool says_no_reason(const rules::Knowledge& knowledge, const Json& resource) {
  return says_only_its_name(knowledge.bindings.calm, resource) && !names_a_setting(resource);
}

bool is_read_element(std::string_view type, std::string_view path, bool is_current) {
  const auto* kind = kind_of(type);
  return kind != nullptr &&
         (is_listed(kind->reasons, path) ||
          (is_current && (is_listed(kind->names, path) || is_listed(kind->words, path) ||
                          is_listed(setting_of(type), path))));
}

// What came of a task that is done is no older than its end.
Standing standing_of(const Json& resource) {
  const auto* kind = kind_of(resource.string_of("resourceType"));
  const auto status = status_of(resource);
  return kind == nullptr                                            ? Standing::current
         : is_listed(kind->withdrawn, status)                       ? Standing::withdrawn
         : is_listed(kind->over, status) && !resource.has("output") ? Standing::over
                                                                    : Standing::current;
}

std::string_view reason_time(const Json& resource) {
  const auto* kind = kind_of(resource.string_of("resourceType"));
  if (kind == nullptr) {
    return {};
  }
  const auto when = own_time(*kind, resource);
  return when.empty() && is_listed(kind->over, status_of(resource))
             ? resource.string_of("lastModified")
             : when;
}

std::string another_said(const ConceptIndex& index, const Json* one) {
  std::set<std::string_view> known;
  std::vector<const Json*> unknown;
  Named text;
  if (one != nullptr) {
    if (const auto words = one->string_of("text"); index.names_more(words)) {
      return shown(words);
    }
    index.read_text(one->string_of("text"), text);
    for (const auto& coding : one->array_of("coding")) {
      if (const auto display = coding.string_of("display"); index.names_more(display)) {
        return shown(display);
      }
      if (index.read_coding(coding).meaning.is_of_health()) {
        known.insert(usual_system(coding.string_of("system")));
      } else {
        unknown.push_back(&coding);
      }
    }
  }
  const bool knows = !known.empty() || text.meaning.is_of_health();
  for (const auto* coding : unknown) {
    const auto display = coding->string_of("display");
    const bool is_worded = !fhir::is_blank(display);
    if (is_worded ? knows : known.contains(usual_system(coding->string_of("system")))) {
      return shown(is_worded ? display : coding->string_of("code"));
    }
  }
  return {};
}

// Divided by semicolons, each once, not longer than one line bears.
class ReasonReader::Words {
 public:
  void add(std::string_view words) {
    constexpr std::size_t enough = 400;
    if (!fhir::is_blank(words) && text_.size() < enough && known_.emplace(words).second) {
      text_ += text_.empty() ? "" : "; ";
      text_ += shown(words);
    }
  }
  std::string shortened() const { return shown(text_); }

 private:
  std::string text_;
  std::set<std::string, std::less<>> known_;
};

void ReasonReader::add(const RecordResource& resource) {
  const bool is_only_named = !setting_of(resource.type).empty() &&
                             says_only_its_name(knowledge_.bindings.calm, resource.json);
  if (is_only_named && !of(resource).is_unread) {
    return;
  }
  if (resource.within.empty()) {
    record_.add(resource);
  } else {
    contained_.emplace(resource.within, '#' + std::string(resource.json.string_of("id")));
  }
}

bool ReasonReader::is_there(const Json& reference, const RecordResource& from) const {
  const auto text = reference.string_of("reference");
  if (!text.starts_with('#')) {
    return !text.empty() && record_.find(text, from.full_url) != nullptr;
  }
  const std::string_view place = from.within.empty() ? from.place : from.within;
  return contained_.contains(std::pair(place, std::string(text)));
}

// The reasons of our proposals are called as rules are; so may anybody call others.
bool ReasonReader::is_rule(std::string_view words) const {
  const auto& rules = knowledge_.rules;
  return std::any_of(rules.begin(), rules.end(),
                     [&](const rules::Rule& rule) { return rule.title == words; });
}

bool ReasonReader::is_our_order(const Json& resource) const {
  const auto* code = resource.find("code");
  const auto system = result_system(knowledge_, "workups");
  if (code == nullptr) {
    return false;
  }
  const auto& codings = code->array_of("coding");
  return std::any_of(codings.begin(), codings.end(),
                     [&](const Json& coding) { return coding.string_of("system") == system; });
}

bool ReasonReader::is_our_message(const Json& resource) const {
  const auto& payload = resource.array_of("payload");
  return resource.string_of("resourceType") == "Communication" && !payload.empty() &&
         is_own_line(knowledge_, payload.front().string_of("contentString"));
}

void ReasonReader::read_reason(const Json& leaf, const RecordResource& from, bool is_our_order,
                               Reasons& out, Words& words) const {
  const bool is_named_elsewhere = is_reference(leaf);
  if (is_named_elsewhere && is_there(leaf, from)) {
    return;
  }
  const Json said = as_concept(leaf);
  Named named;
  index_.read(&said, named);
  if (index_.denies_pregnancy(&said)) {
    named.meaning.pregnancies = 0;
    named.meaning.cautions.clear();
  }
  if (is_our_order && is_rule(named.name)) {
    return;
  }
  const bool is_known = named.meaning.is_of_health();
  if (is_known) {
    out.known.push_back(named);
  }
  const auto other = another_said(index_, &said);
  if (!is_known || !other.empty()) {
    out.is_unread = true;
    words.add(other.empty() ? named.name : other);
  }
}

void ReasonReader::read_words(const Json& leaf, bool is_our_order, Reasons& out,
                              Words& words) const {
  const auto said = said_by(leaf);
  // What this program wrote says nothing new.
  const bool is_ours = is_own_line(knowledge_, said) ||
                       (is_our_order && leaf.is_object() && is_own_note(knowledge_, said));
  if (!is_wordless(leaf) && !is_ours) {
    out.is_unread = true;
    words.add(said);
  }
}

Reasons ReasonReader::of(const RecordResource& resource) const {
  const auto& json = resource.json;
  const auto* row = kind_of(resource.type);
  Reasons out;
  if (row == nullptr) {
    return out;
  }
  const auto& kind = *row;
  const bool is_ours = is_our_order(json) || is_our_message(json);
  Words names, words;
  visit_all(json, kind.names, [&](const Json& leaf) {
    const auto said = as_concept(leaf);
    Named named;
    index_.read(&said, named);
    names.add(named.name);
    out.is_unread =
        out.is_unread || is_typed_reference(leaf) || (!is_ours && named.meaning.is_of_health());
  });
  visit_all(json, kind.reasons,
            [&](const Json& leaf) { read_reason(leaf, resource, is_ours, out, words); });
  visit_all(json, kind.words, [&](const Json& leaf) { read_words(leaf, is_ours, out, words); });
  const bool is_urgent_setting = is_urgent(knowledge_.bindings.calm, json);
  visit_all(json, setting_of(resource.type), [&](const Json& leaf) {
    const auto setting = setting_words(index_, leaf, is_urgent_setting);
    out.is_unread = out.is_unread || !setting.empty();
    names.add(setting);
  });
  if (!is_ours && is_urgent_setting) {
    out.is_unread = true;
    for (const auto& known : out.known) {
      words.add(known.name);
    }
  }
  out.is_unread = out.is_unread || has_typed_code(json);
  out.name = names.shortened();
  out.words = words.shortened();
  return out;
}

}  // namespace myoflag::mapping
