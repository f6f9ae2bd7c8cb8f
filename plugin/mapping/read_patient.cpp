#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "plugin/mapping/patient_identity.h"
#include "plugin/mapping/record_reader.h"
#include "plugin/mapping/record_status.h"
#include "plugin/mapping/vocabulary.h"
#include "rules/texts.h"

namespace myoflag::mapping {

using fhir::Json;

namespace {

std::string range_text(const AgeRange& age) {
  return age.youngest == age.oldest ? std::to_string(age.oldest)
                                    : fmt::format("{}-{}", age.youngest, age.oldest);
}

}  // namespace

void RecordReader::read_patient(const RecordResource& resource) {
  const auto birth_date = resource.json.string_of("birthDate");
  const auto age = age_at(birth_date, now_, oldest_person());
  if (age) {
    ages_.insert({age->youngest, age->oldest});
  }
  if (age && are_alike(*age)) {
    if (alike_ages_.insert(age->oldest).second) {
      add(RecordEntry::Kind::age, bindings_.age, 0,
          rules::fill(knowledge_.text("explain-subject-years"), {{"years", range_text(*age)}}),
          resource, {});
    }
  } else if (!birth_date.empty()) {
    say("record-birth-date", resource);
  }
  if (is_true(resource.json, "deceasedBoolean") || resource.json.has("deceasedDateTime")) {
    say("record-died", resource);
    out_.doubtful = true;
  }
  if (resource.json.has("active") && !is_true(resource.json, "active")) {
    say("record-inactive", resource);
  }
  if (is_replaced_from_outside(resource.json)) {
    say("record-replaced", resource);
    out_.doubtful = true;
  }
  read_sex(resource);
}

// As old as the question about age allows.
int RecordReader::oldest_person() const {
  const auto& most = knowledge_.items[static_cast<std::size_t>(bindings_.age)].max;
  return most ? static_cast<int>(most->nano / rules::whole(1).nano)
              : std::numeric_limits<int>::max();
}

// By a Patient that is not here.
bool RecordReader::is_replaced_from_outside(const Json& patient) const {
  const auto& links = patient.array_of("link");
  return std::any_of(links.begin(), links.end(), [this](const Json& link) {
    const auto* other = link.find("other");
    const auto name = other == nullptr ? std::string_view() : other->string_of("reference");
    return link.string_of("type") == "replaced-by" &&
           std::none_of(record_.begin(), record_.end(), [&](const RecordResource& one) {
             return one.type == "Patient" && !name.empty() &&
                    (one.full_url == name || one.reference == reference_key(name).tail);
           });
  });
}

// To every rule, and for being under age.
bool RecordReader::are_alike(const AgeRange& age) const {
  const auto youngest = rules::whole(age.youngest);
  const auto oldest = rules::whole(age.oldest);
  const auto& ops = knowledge_.program.ops;
  return (age.youngest < knowledge_.adult_age) == (age.oldest < knowledge_.adult_age) &&
         std::all_of(ops.begin(), ops.end(), [&](const rules::Op& op) {
           return op.kind != rules::Criterion::Kind::age ||
                  rules::holds(youngest, op.compare, op.limit) ==
                      rules::holds(oldest, op.compare, op.limit);
         });
}

void RecordReader::settle_age() {
  if (ages_.size() == 1) {
    out_.age = AgeRange{ages_.begin()->first, ages_.begin()->second};
    if (are_alike(*out_.age)) {
      out_.facts.age = rules::whole(out_.age->oldest);
    }
  } else if (!ages_.empty()) {
    int oldest = 0;
    for (const auto& age : ages_) {
      oldest = std::max(oldest, age.second);
    }
    out_.facts.age = rules::whole(oldest);
    out_.youngest_age = rules::whole(ages_.begin()->first);
    out_.doubtful = true;
    say_at({}, "record-ages",
           {{"lowest", std::to_string(ages_.begin()->first)}, {"highest", std::to_string(oldest)}});
  }
}

void RecordReader::read_sex(const RecordResource& resource) {
  const auto gender = resource.json.string_of("gender");
  if (gender.empty()) {
    return;
  }
  const Json coding = Json::object({{"system", kAdministrativeGender}, {"code", gender}});
  const Json one = Json::object({{"coding", Json::array({coding})}});
  Named named;
  index_.read(&one, named);
  assert_options(RecordEntry::Kind::sex, bindings_.sex, named.meaning.sexes, named.name, resource,
                 {});
}

}  // namespace myoflag::mapping
