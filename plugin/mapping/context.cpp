#include "plugin/mapping/context.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "plugin/mapping/record_concepts.h"
#include "plugin/mapping/record_dates.h"
#include "plugin/mapping/record_labs.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::CodeBinding;
using rules::RecordEntry;

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

Concepts concept_list(const Json& resource, std::string_view name) {
  Concepts concepts;
  if (const auto* one = resource.find(name)) {
    concepts.push_back(*one);
  }
  return concepts;
}

bool has_status_code(const Json& resource, std::string_view name, std::string_view code) {
  const auto* status = resource.find(name);
  if (status == nullptr) {
    return false;
  }
  const auto& codings = status->array_of("coding");
  return std::any_of(codings.begin(), codings.end(),
                     [code](const Json& coding) { return coding.string_of("code") == code; });
}

bool is_true(const Json& resource, std::string_view name) {
  const auto* value = resource.find(name);
  const auto* flag = value == nullptr ? nullptr : value->as_bool();
  return flag != nullptr && *flag;
}

std::optional<rules::Instant> first_moment(std::initializer_list<std::string_view> texts) {
  for (const auto text : texts) {
    if (const auto moment = moment_of(text)) {
      return moment;
    }
  }
  return std::nullopt;
}

// ---- what counts. A status that is missing or not known does not make a fact go away.

// On hold: paused, so still there or about to be again. completed, stopped and cancelled are over;
// draft and intended are not yet.
bool is_taken(const RecordResource& resource) {
  constexpr std::array<std::string_view, 6> over{"completed", "stopped",          "cancelled",
                                                 "draft",     "entered-in-error", "intended"};
  constexpr std::array<std::string_view, 2> suggested{"proposal", "option"};
  const auto& json = resource.json;
  const auto status = json.string_of("status");
  return !is_one_of(status, over) && status != "not-taken" &&
         !is_one_of(json.string_of("intent"), suggested) && !is_true(json, "doNotPerform");
}

// Also what is unconfirmed: the question is whether it may be there.
bool is_real_condition(const Json& condition) {
  return !has_status_code(condition, "verificationStatus", "refuted") &&
         !has_status_code(condition, "verificationStatus", "entered-in-error");
}

bool is_over(const Json& condition) {
  const auto* object = condition.as_object();
  return has_status_code(condition, "clinicalStatus", "resolved") ||
         std::any_of(object->begin(), object->end(), [](const Json::Member& member) {
           return member.name.starts_with("abatement") || member.name.starts_with("_abatement");
         });
}

bool is_present(const Json& condition) {
  return !is_over(condition) && !has_status_code(condition, "clinicalStatus", "inactive") &&
         !has_status_code(condition, "clinicalStatus", "remission");
}

bool was_done(const Json& procedure) {
  constexpr std::array<std::string_view, 3> not_done{"not-done", "preparation", "entered-in-error"};
  return !is_one_of(procedure.string_of("status"), not_done);
}

bool was_observed(const Json& observation) {
  constexpr std::array<std::string_view, 3> not_observed{"registered", "cancelled",
                                                         "entered-in-error"};
  return !is_one_of(observation.string_of("status"), not_observed);
}

bool was_reported(const Json& report) {
  constexpr std::array<std::string_view, 3> not_reported{"registered", "cancelled",
                                                         "entered-in-error"};
  return !is_one_of(report.string_of("status"), not_reported);
}

// Ordered by a person; what was only suggested (by this program, for example) is no order.
bool is_ordered(const Json& request) {
  constexpr std::array<std::string_view, 3> suggested{"proposal", "plan", "option"};
  return request.string_of("status") == "active" &&
         !is_one_of(request.string_of("intent"), suggested) && !is_true(request, "doNotPerform");
}

bool is_in_use(const Json& device) {
  constexpr std::array<std::string_view, 2> gone{"inactive", "entered-in-error"};
  return !is_one_of(device.string_of("status"), gone);
}

// What an Observation says is there: its coded value, or its code when the value is a plain yes.
Concepts stated_by(const Json& observation) {
  auto concepts = concept_list(observation, "valueCodeableConcept");
  if (is_true(observation, "valueBoolean")) {
    for (auto& code : concept_list(observation, "code")) {
      concepts.push_back(std::move(code));
    }
  }
  return concepts;
}

std::string code_key(const Json& observation) {
  const auto* code = observation.find("code");
  if (code == nullptr) {
    return {};
  }
  const auto& codings = code->array_of("coding");
  return codings.empty() ? std::string(code->string_of("text"))
                         : fmt::format("{}|{}", codings.front().string_of("system"),
                                       codings.front().string_of("code"));
}

class Reader {
 public:
  Reader(const rules::Knowledge& knowledge, std::span<const RecordResource> record,
         rules::Instant now)
      : knowledge_(knowledge), bindings_(knowledge.bindings), record_(record), now_(now) {}

  RecordContext read(bool complete) {
    out_.facts.fetched = !record_.empty();
    for (const auto& resource : record_) {
      if (resource.type == "Medication") {
        medications_.add(resource);
      } else if (resource.type == "Observation") {
        observations_.push_back(&resource);
      }
    }
    for (const auto& resource : record_) {
      read_resource(resource);
    }
    read_pregnancy_observations();
    read_laboratory(complete);
    return std::move(out_);
  }

 private:
  void read_resource(const RecordResource& resource) {
    if (resource.type == "Patient") {
      read_patient(resource);
    } else if (resource.type == "Condition") {
      read_condition(resource);
    } else if (resource.type == "MedicationRequest" || resource.type == "MedicationStatement") {
      read_medicine(resource);
    } else if (resource.type == "Observation") {
      read_observation(resource);
    } else if (resource.type == "Procedure") {
      read_procedure(resource);
    } else if (resource.type == "DiagnosticReport") {
      read_report(resource);
    } else if (resource.type == "ServiceRequest") {
      read_order(resource);
    } else if (resource.type == "Device") {
      read_device(resource);
    } else if (resource.type == "Appointment") {
      read_appointment(resource);
    }
  }

  // ---- the patient

  void read_patient(const RecordResource& resource) {
    const auto birth_date = resource.json.string_of("birthDate");
    if (const auto age = age_at(birth_date, now_)) {
      out_.facts.age = rules::whole(*age);
      add(RecordEntry::Kind::age, bindings_.age, 0, fmt::format("{} years", *age), resource, {});
    } else if (!birth_date.empty()) {
      out_.problems.emplace_back("the date of birth does not give a certain age");
    }
    read_sex(resource);
  }

  void read_sex(const RecordResource& resource) {
    const auto gender = resource.json.string_of("gender");
    if (gender.empty()) {
      return;
    }
    const Json coding =
        Json::object({{"system", "http://hl7.org/fhir/administrative-gender"}, {"code", gender}});
    const Concepts concepts{Json::object({{"coding", Json::array({coding})}})};
    const auto options = options_of(bindings_.sexes, concepts);
    if (options != 0) {
      assert_options(RecordEntry::Kind::sex, bindings_.sex, options, std::string(gender), resource,
                     {});
    }
  }

  // ---- conditions, medicines, devices, procedures

  void read_condition(const RecordResource& resource) {
    if (!is_real_condition(resource.json)) {
      return;
    }
    const auto concepts = concept_list(resource.json, "code");
    const auto when = first_moment(
        {resource.json.string_of("onsetDateTime"), resource.json.string_of("recordedDate")});
    // The form asks for what a person has or has had.
    assert_matches(RecordEntry::Kind::condition, bindings_.conditions, bindings_.condition_list,
                   concepts, resource, when);
    if (is_present(resource.json)) {
      assert_matches(RecordEntry::Kind::pregnancy, bindings_.pregnancy, bindings_.pregnancies,
                     concepts, resource, when);
    }
    if (!is_over(resource.json)) {
      add_cautions(concepts, resource, when);
    }
  }

  void read_medicine(const RecordResource& resource) {
    if (!is_taken(resource)) {
      return;
    }
    const auto medicine = medicine_of(resource, medications_);
    if (!medicine.resolved) {
      out_.problems.push_back(
          fmt::format("{} names a medicine that was not given with it", resource.place));
    }
    const auto when =
        first_moment({resource.json.string_of("authoredOn"), effective_text(resource.json),
                      resource.json.string_of("dateAsserted")});
    assert_matches(RecordEntry::Kind::medicine, bindings_.medicines, bindings_.medicine_classes,
                   medicine.concepts, resource, when);
    add_cautions(medicine.concepts, resource, when);
  }

  void read_device(const RecordResource& resource) {
    if (!is_in_use(resource.json)) {
      return;
    }
    auto concepts = concept_list(resource.json, "type");
    for (const auto& name : resource.json.array_of("deviceName")) {
      concepts.push_back(Json::object({{"text", name.string_of("name")}}));
    }
    add_cautions(concepts, resource, {});
  }

  void read_procedure(const RecordResource& resource) {
    if (!was_done(resource.json)) {
      return;
    }
    const auto concepts = concept_list(resource.json, "code");
    const auto when = moment_of(performed_text(resource.json));
    assert_matches(RecordEntry::Kind::condition, bindings_.conditions, bindings_.condition_list,
                   concepts, resource, when);
    add_cautions(concepts, resource, when);
    add_tests(concepts, resource, when);
  }

  // ---- tests and orders

  void read_observation(const RecordResource& resource) {
    if (!was_observed(resource.json)) {
      return;
    }
    const auto when = moment_of(effective_text(resource.json));
    add_tests(concept_list(resource.json, "code"), resource, when);
    add_cautions(stated_by(resource.json), resource, when);
  }

  void read_report(const RecordResource& resource) {
    if (was_reported(resource.json)) {
      add_tests(concept_list(resource.json, "code"), resource,
                first_moment({effective_text(resource.json), resource.json.string_of("issued")}));
    }
  }

  void read_order(const RecordResource& resource) {
    if (is_ordered(resource.json)) {
      add_tests(concept_list(resource.json, "code"), resource,
                moment_of(resource.json.string_of("authoredOn")));
    }
  }

  void add_tests(const Concepts& concepts, const RecordResource& resource,
                 std::optional<rules::Instant> when) {
    for (std::size_t i = 0; i < knowledge_.workups.size(); ++i) {
      const auto& codes = knowledge_.workups[i].codes;
      const bool done = std::any_of(codes.begin(), codes.end(), [&](const rules::Coding& code) {
        return has_code(concepts, code);
      });
      if (done) {
        add(RecordEntry::Kind::test, static_cast<int>(i), 0,
            wording(concepts, knowledge_.workups[i].text), resource, when);
      }
    }
  }

  void read_appointment(const RecordResource& resource) {
    if (resource.json.string_of("status") != "booked") {
      return;
    }
    const auto start = fhir::parse_instant(resource.json.string_of("start"));
    const auto moment = start ? fhir::to_sys_seconds(*start) : std::nullopt;
    if (!moment) {
      out_.problems.push_back(fmt::format("{} does not say when it starts", resource.place));
      return;
    }
    if (*moment > now_ && (!out_.appointment || *moment < *out_.appointment)) {
      out_.appointment = *moment;
    }
  }

  // ---- pregnancy as an Observation: of several with the same code only the newest speaks

  void read_pregnancy_observations() {
    std::map<std::string, std::vector<const RecordResource*>> by_code;
    for (const auto* resource : observations_) {
      if (was_observed(resource->json)) {
        by_code[code_key(resource->json)].push_back(resource);
      }
    }
    for (const auto& [code, group] : by_code) {
      const auto newest = newest_moment(group);
      for (const auto* resource : group) {
        const auto when = moment_of(effective_text(resource->json));
        if (!when || when == newest) {
          assert_matches(RecordEntry::Kind::pregnancy, bindings_.pregnancy, bindings_.pregnancies,
                         stated_by(resource->json), *resource, when);
        }
      }
    }
  }

  static std::optional<rules::Instant> newest_moment(
      const std::vector<const RecordResource*>& group) {
    std::optional<rules::Instant> newest;
    for (const auto* resource : group) {
      newest = std::max(newest, moment_of(effective_text(resource->json)));
    }
    return newest;
  }

  void read_laboratory(bool complete) {
    auto results = read_labs(knowledge_, observations_, complete, now_);
    out_.facts.labs = results.labs;
    for (auto& entry : results.entries) {
      out_.entries.push_back(std::move(entry));
    }
    for (auto& problem : results.problems) {
      out_.problems.push_back(std::move(problem));
    }
  }

  // ---- common

  static std::uint64_t options_of(const std::vector<CodeBinding>& bindings,
                                  const Concepts& concepts) {
    std::uint64_t options = 0;
    for (const auto& binding : bindings) {
      if (binding.option >= 0 && matches(binding, concepts)) {
        options |= std::uint64_t{1} << binding.option;
      }
    }
    return options;
  }

  void assert_matches(RecordEntry::Kind kind, int item, const std::vector<CodeBinding>& bindings,
                      const Concepts& concepts, const RecordResource& resource,
                      std::optional<rules::Instant> when) {
    const auto options = options_of(bindings, concepts);
    if (options != 0) {
      assert_options(kind, item, options, wording(concepts, resource.type), resource, when);
    }
  }

  void assert_options(RecordEntry::Kind kind, int item, std::uint64_t options, std::string text,
                      const RecordResource& resource, std::optional<rules::Instant> when) {
    if (item < 0) {
      return;
    }
    const auto slot = static_cast<std::size_t>(item);
    out_.facts.chosen[slot] |= options;
    // A list in a record is never whole; sex and pregnancy have one answer.
    out_.facts.known[slot] = kind == RecordEntry::Kind::sex || kind == RecordEntry::Kind::pregnancy;
    add(kind, item, options, std::move(text), resource, when);
  }

  void add_cautions(const Concepts& concepts, const RecordResource& resource,
                    std::optional<rules::Instant> when) {
    for (const auto& binding : bindings_.cautions) {
      if (!matches(binding, concepts)) {
        continue;
      }
      const auto text = fmt::format("{} ({})", binding.label, wording(concepts, resource.type));
      if (auto* entry =
              add(RecordEntry::Kind::caution, -1, 0, text, resource, when, binding.caution)) {
        entry->caution = binding.caution;
      }
    }
  }

  // Null when the record said so before: a medicine prescribed ten times is one fact.
  RecordEntry* add(RecordEntry::Kind kind, int item, std::uint64_t options, std::string text,
                   const RecordResource& resource, std::optional<rules::Instant> when,
                   std::string_view caution = {}) {
    if (kind != RecordEntry::Kind::test &&
        !said_.emplace(kind, item, options, text, std::string(caution)).second) {
      return nullptr;
    }
    RecordEntry entry;
    entry.kind = kind;
    entry.item = item;
    entry.options = options;
    entry.text = std::move(text);
    entry.reference = resource.reference;
    entry.when = when;
    out_.entries.push_back(std::move(entry));
    return &out_.entries.back();
  }

  const rules::Knowledge& knowledge_;
  const rules::Bindings& bindings_;
  std::span<const RecordResource> record_;
  rules::Instant now_;
  Medications medications_;
  std::vector<const RecordResource*> observations_;
  std::set<std::tuple<RecordEntry::Kind, int, std::uint64_t, std::string, std::string>> said_;
  RecordContext out_;
};

}  // namespace

RecordContext read_record(const rules::Knowledge& knowledge, std::span<const RecordResource> record,
                          bool complete, rules::Instant now) {
  return Reader(knowledge, record, now).read(complete);
}

}  // namespace myoflag::mapping
