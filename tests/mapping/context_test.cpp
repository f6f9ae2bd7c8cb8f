// What the record says, in the terms of the questions.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/mapping/context.h"
#include "plugin/mapping/record_concepts.h"
#include "plugin/mapping/record_dates.h"
#include "plugin/mapping/record_words.h"
#include "plugin/mapping/units.h"
#include "tests/mapping/intake_support.h"
#include "tests/support/processor_time.h"

namespace myoflag {
namespace {

using fhir::Json;
using mapping::LabProblem;
using rules::LabState;
using rules::RecordEntry;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::knowledge;
using testing::parse;
using ::testing::SizeIs;

std::size_t slot(std::string_view link_id) {
  return static_cast<std::size_t>(knowledge()->item(link_id));
}

std::uint64_t bit(std::string_view link_id, std::string_view option) {
  const int index = knowledge()->items[slot(link_id)].option(option);
  return index < 0 ? 0 : std::uint64_t{1} << index;
}

rules::Instant at(int year, unsigned month, unsigned day, int hour = 12) {
  using namespace std::chrono;
  return sys_days(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day)) +
         hours(hour);
}

// "...": the resource without resourceType and subject.
Json resource(std::string_view type, std::string_view members) {
  auto json = parse("{" + std::string(members) + "}");
  json.set("resourceType", type);
  json.set("id", "x1");
  return json;
}

mapping::RecordContext read(const std::vector<Json>& resources, bool complete = true) {
  std::vector<mapping::RecordResource> record;
  for (const auto& json : resources) {
    const std::string type(json.string_of("resourceType"));
    const auto reference = type + "/" + std::string(json.string_of("id"));
    record.push_back({json,
                      type,
                      reference,
                      "https://ehr.example/fhir/" + reference,
                      "Bundle.entry[0].resource",
                      {}});
  }
  return mapping::read_record(testing::concepts(), record, complete, testing::now());
}

bool says(const mapping::RecordContext& context, std::string_view link_id,
          std::string_view option) {
  return (context.facts.chosen[slot(link_id)] & bit(link_id, option)) != 0;
}

// ---- age

struct AgeCase {
  const char* birth;
  rules::Instant now;
  std::optional<mapping::AgeRange> age;
};

void PrintTo(const AgeCase& row, std::ostream* out) {
  *out << row.birth << " at " << row.now.time_since_epoch().count();
}

std::optional<mapping::AgeRange> same(int years) { return mapping::AgeRange{years, years}; }

class Age : public ::testing::TestWithParam<AgeCase> {};

TEST_P(Age, IsInCompletedYearsWhateverTheZoneOfTheMachine) {
  for (const auto* zone : {"UTC", "Pacific/Kiritimati", "America/Anchorage"}) {
    ::setenv("TZ", zone, 1);
    ::tzset();
    EXPECT_EQ(mapping::age_at(GetParam().birth, GetParam().now, 120), GetParam().age) << zone;
  }
  ::unsetenv("TZ");
  ::tzset();
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Age,
    ::testing::Values(AgeCase{"1980-11-22", at(2026, 11, 22, 0), same(46)},
                      AgeCase{"1980-11-23", at(2026, 11, 22, 23), same(45)},
                      AgeCase{"1980-11-21", at(2026, 11, 22), same(46)},
                      AgeCase{"2008-02-29", at(2026, 2, 28), same(17)},
                      AgeCase{"2008-02-29", at(2026, 3, 1), same(18)},
                      AgeCase{"2026-11-22", at(2026, 11, 22), same(0)},
                      AgeCase{"2026-11-23", at(2026, 11, 22), std::nullopt},
                      AgeCase{"1890-01-01", at(2026, 11, 22), std::nullopt},
                      AgeCase{"1980", at(2026, 11, 22), mapping::AgeRange{45, 46}},
                      AgeCase{"1980", at(2026, 12, 31), same(46)},
                      AgeCase{"1980-10", at(2026, 11, 22), same(46)},
                      AgeCase{"1980-12", at(2026, 11, 22), same(45)},
                      AgeCase{"1980-11", at(2026, 11, 22), mapping::AgeRange{45, 46}},
                      AgeCase{"1980-11", at(2026, 11, 30), same(46)},
                      AgeCase{"1980-02-30", at(2026, 11, 22), std::nullopt},
                      AgeCase{"", at(2026, 11, 22), std::nullopt},
                      AgeCase{"22.11.1980", at(2026, 11, 22), std::nullopt}));

TEST(Moments, HaveNoZoneOfTheMachine) {
  for (const auto* zone : {"UTC", "Pacific/Kiritimati", "America/Anchorage"}) {
    ::setenv("TZ", zone, 1);
    ::tzset();
    EXPECT_EQ(mapping::moment_of("2026-11-22"), at(2026, 11, 22, 0)) << zone;
    EXPECT_EQ(mapping::moment_of("2026-11-22T01:00:00+02:00"), at(2026, 11, 21, 23)) << zone;
    EXPECT_EQ(mapping::moment_of("2026"), at(2026, 1, 1, 0)) << zone;
    EXPECT_EQ(mapping::moment_of("yesterday"), std::nullopt) << zone;
  }
  ::unsetenv("TZ");
  ::tzset();
}

TEST(Record, PatientGivesAgeAndSex) {
  const auto context = read({resource("Patient", R"("birthDate":"1980-01-01","gender":"female")")});
  EXPECT_EQ(context.facts.age, rules::whole(46));
  EXPECT_TRUE(context.facts.fetched);
  EXPECT_TRUE(says(context, "sex-at-birth", "female"));
  EXPECT_TRUE(context.facts.known[slot("sex-at-birth")]);
}

TEST(Record, GenderThatIsNoSexAtBirthLeavesItOpen) {
  for (const auto* gender : {"other", "unknown", "bogus"}) {
    const auto context = read({resource("Patient", std::string(R"("gender":")") + gender + '"')});
    EXPECT_EQ(context.facts.chosen[slot("sex-at-birth")], 0u) << gender;
    EXPECT_FALSE(context.facts.known[slot("sex-at-birth")]) << gender;
  }
}

TEST(Patient, ARecordThatIsNoLongerInUseOrWasReplacedIsSaid) {
  const auto linked = [](std::string_view type) {
    return read({resource("Patient", R"("link":[{"other":{"reference":"Patient/p2"},"type":")" +
                                         std::string(type) + R"("}])")});
  };
  const auto unused = read({resource("Patient", R"("active":false)")});
  ASSERT_THAT(unused.problems, SizeIs(1));
  EXPECT_THAT(unused.problems[0].text, HasSubstr("no longer in use"));
  EXPECT_FALSE(unused.doubtful);
  EXPECT_THAT(read({resource("Patient", R"("active":true)")}).problems, IsEmpty());
  const auto replaced = linked("replaced-by");
  ASSERT_THAT(replaced.problems, SizeIs(1));
  EXPECT_THAT(replaced.problems[0].text, HasSubstr("replaced it"));
  EXPECT_TRUE(replaced.doubtful);
  EXPECT_THAT(linked("replaces").problems, IsEmpty());
  const auto with_other =
      read({parse(R"({"resourceType":"Patient","id":"p1","link":)"
                  R"([{"other":{"reference":"Patient/p2"},"type":"replaced-by"}]})"),
            parse(R"({"resourceType":"Patient","id":"p2"})")});
  EXPECT_THAT(with_other.problems, IsEmpty()) << "what that one says is here";
  EXPECT_FALSE(with_other.doubtful);
}

TEST(Record, UncertainBirthDateIsSaid) {
  const auto context = read({resource("Patient", R"("birthDate":"2010-11")")});
  EXPECT_FALSE(context.facts.age);
  EXPECT_THAT(context.problems, SizeIs(1));
}

TEST(Record, SeveralDatesOfBirthGiveTheHighestAgeInAnyOrder) {
  std::vector<Json> people{resource("Patient", R"("birthDate":"1976")"),  // 49 or 50
                           resource("Patient", R"("birthDate":"1996-01-01")")};
  for (int turn = 0; turn < 2; ++turn) {
    const auto context = read(people);
    EXPECT_EQ(context.facts.age, rules::whole(50));
    EXPECT_FALSE(context.age);
    std::reverse(people.begin(), people.end());
  }
}

TEST(Record, NothingGivenIsNotFetched) {
  const auto context = read({});
  EXPECT_FALSE(context.facts.fetched);
  for (std::size_t i = 0; i < knowledge()->labs.size(); ++i) {
    EXPECT_EQ(context.facts.labs[i].state, LabState::not_fetched);
  }
}

// ---- conditions and medicines

struct FactCase {
  const char* name;
  const char* type;
  const char* members;
  const char* link_id;
  const char* option;
  bool said;
};

class Fact : public ::testing::TestWithParam<FactCase> {};

TEST_P(Fact, CountsOrNot) {
  const auto& param = GetParam();
  ASSERT_NE(bit(param.link_id, param.option), 0u);
  const auto context = read({resource(param.type, param.members)});
  EXPECT_EQ(says(context, param.link_id, param.option), param.said);
}

#define CONDITION_STATUS(system, code)                                                          \
  R"({"coding":[{"system":"http://terminology.hl7.org/CodeSystem/)" system R"(","code":")" code \
  R"("}]})"
#define EPILEPSY R"("code":{"text":"Epilepsy since childhood"})"
#define LITHIUM R"("medicationCodeableConcept":{"text":"Lithium carbonate 400 mg tablets"})"

INSTANTIATE_TEST_SUITE_P(
    Cases, Fact,
    ::testing::Values(
        FactCase{"condition_by_text", "Condition", EPILEPSY, "health-conditions", "epilepsy", true},
        FactCase{"condition_by_display", "Condition",
                 R"("code":{"coding":[{"display":"EPILEPSY, unspecified"}]})", "health-conditions",
                 "epilepsy", true},
        FactCase{"condition_by_snomed", "Condition",
                 R"("code":{"coding":[{"system":"http://snomed.info/sct","code":"86044005"}]})",
                 "health-conditions", "mnd", true},
        FactCase{"code_of_another_system", "Condition",
                 R"("code":{"coding":[{"system":"http://loinc.org","code":"86044005"}]})",
                 "health-conditions", "mnd", false},
        FactCase{"code_without_system", "Condition", R"("code":{"coding":[{"code":"86044005"}]})",
                 "health-conditions", "mnd", false},
        FactCase{
            "condition_by_icd_prefix", "Condition",
            R"("code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"G12.21"}]})",
            "health-conditions", "mnd", true},
        FactCase{"part_of_a_word", "Condition", R"("code":{"text":"Antiepilepsyish"})",
                 "health-conditions", "epilepsy", false},
        FactCase{"resolved_counts", "Condition",
                 EPILEPSY
                 R"(,"clinicalStatus":)" CONDITION_STATUS("condition-clinical", "resolved"),
                 "health-conditions", "epilepsy", true},
        FactCase{"provisional_counts", "Condition",
                 EPILEPSY R"(,"verificationStatus":)" CONDITION_STATUS("condition-ver-status",
                                                                       "provisional"),
                 "health-conditions", "epilepsy", true},
        FactCase{"refuted_does_not", "Condition",
                 EPILEPSY
                 R"(,"verificationStatus":)" CONDITION_STATUS("condition-ver-status", "refuted"),
                 "health-conditions", "epilepsy", false},
        FactCase{"entered_in_error_does_not", "Condition",
                 EPILEPSY R"(,"verificationStatus":)" CONDITION_STATUS("condition-ver-status",
                                                                       "entered-in-error"),
                 "health-conditions", "epilepsy", false},
        FactCase{"procedure_counts", "Procedure",
                 R"("status":"completed","code":{"text":"Total thyroidectomy"})",
                 "health-conditions", "neck-gland-surgery", true},
        FactCase{"procedure_not_done", "Procedure",
                 R"("status":"not-done","code":{"text":"Total thyroidectomy"})",
                 "health-conditions", "neck-gland-surgery", false},
        FactCase{"pregnant_now", "Condition", R"("code":{"text":"High risk pregnancy"})",
                 "pregnancy-status", "pregnant-20-plus", true},
        FactCase{"pregnant_in_the_past", "Condition",
                 R"("code":{"text":"High risk pregnancy"},"abatementDateTime":"2020-01-01")",
                 "pregnancy-status", "pregnant-20-plus", false},
        FactCase{"pregnant_until_a_day_to_come", "Condition",
                 R"("code":{"text":"High risk pregnancy"},"abatementDateTime":"2027-03-01")",
                 "pregnancy-status", "pregnant-20-plus", true},
        FactCase{"pregnant_until_some_day_of_this_month", "Condition",
                 R"("code":{"text":"High risk pregnancy"},"abatementDateTime":"2026-11")",
                 "pregnancy-status", "pregnant-20-plus", true},
        FactCase{
            "pregnant_for_a_period_to_come", "Condition",
            R"("code":{"text":"High risk pregnancy"},"abatementPeriod":{"start":"2026-01-01","end":"2027-01-01"})",
            "pregnancy-status", "pregnant-20-plus", true},
        FactCase{"pregnancy_that_ended_at_an_age", "Condition",
                 R"("code":{"text":"High risk pregnancy"},"abatementAge":{"value":30})",
                 "pregnancy-status", "pregnant-20-plus", false},
        FactCase{"pregnancy_whose_end_is_told_in_words", "Condition",
                 R"("code":{"text":"High risk pregnancy"},"abatementString":"ongoing")",
                 "pregnancy-status", "pregnant-20-plus", true},
        FactCase{"pregnancy_active_beside_an_end", "Condition",
                 R"("code":{"text":"High risk pregnancy"},"abatementAge":{"value":30},)"
                 R"("clinicalStatus":)" CONDITION_STATUS("condition-clinical", "active"),
                 "pregnancy-status", "pregnant-20-plus", true},
        FactCase{"pregnancy_inactive", "Condition",
                 R"("code":{"text":"High risk pregnancy"},"clinicalStatus":)" CONDITION_STATUS(
                     "condition-clinical", "inactive"),
                 "pregnancy-status", "pregnant-20-plus", false},
        FactCase{"medicine_active", "MedicationRequest",
                 R"("status":"active","intent":"order",)" LITHIUM, "medicine-classes", "lithium",
                 true},
        FactCase{"medicine_on_hold", "MedicationRequest",
                 R"("status":"on-hold","intent":"order",)" LITHIUM, "medicine-classes", "lithium",
                 true},
        FactCase{"medicine_unknown_status", "MedicationRequest",
                 R"("status":"unknown","intent":"order",)" LITHIUM, "medicine-classes", "lithium",
                 true},
        FactCase{"medicine_without_status", "MedicationRequest", LITHIUM, "medicine-classes",
                 "lithium", true},
        FactCase{"reported_medicine_is_a_plan", "MedicationRequest",
                 R"("status":"active","intent":"plan","reportedBoolean":true,)" LITHIUM,
                 "medicine-classes", "lithium", true},
        FactCase{"medicine_stopped", "MedicationRequest",
                 R"("status":"stopped","intent":"order",)" LITHIUM, "medicine-classes", "lithium",
                 false},
        FactCase{"medicine_draft", "MedicationRequest",
                 R"("status":"draft","intent":"order",)" LITHIUM, "medicine-classes", "lithium",
                 false},
        FactCase{"medicine_proposed", "MedicationRequest",
                 R"("status":"active","intent":"proposal",)" LITHIUM, "medicine-classes", "lithium",
                 false},
        FactCase{"medicine_not_to_be_given", "MedicationRequest",
                 R"("status":"active","intent":"order","doNotPerform":true,)" LITHIUM,
                 "medicine-classes", "lithium", false},
        FactCase{"statement_active", "MedicationStatement", R"("status":"active",)" LITHIUM,
                 "medicine-classes", "lithium", true},
        FactCase{"statement_not_taken", "MedicationStatement", R"("status":"not-taken",)" LITHIUM,
                 "medicine-classes", "lithium", false},
        FactCase{"statement_completed", "MedicationStatement", R"("status":"completed",)" LITHIUM,
                 "medicine-classes", "lithium", false},
        FactCase{"dispense_completed", "MedicationDispense", R"("status":"completed",)" LITHIUM,
                 "medicine-classes", "lithium", true},
        FactCase{"dispense_declined", "MedicationDispense", R"("status":"declined",)" LITHIUM,
                 "medicine-classes", "lithium", false},
        FactCase{"dispense_cancelled", "MedicationDispense", R"("status":"cancelled",)" LITHIUM,
                 "medicine-classes", "lithium", false},
        FactCase{"administration_completed", "MedicationAdministration",
                 R"("status":"completed",)" LITHIUM, "medicine-classes", "lithium", true},
        FactCase{"administration_broken_off", "MedicationAdministration",
                 R"("status":"stopped",)" LITHIUM, "medicine-classes", "lithium", true},
        FactCase{"administration_not_done", "MedicationAdministration",
                 R"("status":"not-done",)" LITHIUM, "medicine-classes", "lithium", false},
        FactCase{
            "medicine_by_atc", "MedicationRequest",
            R"("status":"active","medicationCodeableConcept":{"coding":[{"system":"http://www.whocc.no/atc","code":"C03CA01"}]})",
            "medicine-classes", "diuretic", true},
        FactCase{
            "medicine_contained", "MedicationRequest",
            R"("status":"active","contained":[{"resourceType":"Medication","id":"m","code":{"text":"Priadel"}}],"medicationReference":{"reference":"#m"})",
            "medicine-classes", "lithium", true},
        FactCase{
            "ingredient_contained", "MedicationRequest",
            R"("status":"active","contained":[{"resourceType":"Medication","id":"m","ingredient":[{"itemCodeableConcept":{"text":"lithium carbonate"}}]}],"medicationReference":{"reference":"#m"})",
            "medicine-classes", "lithium", true},
        FactCase{
            "name_beside_the_reference", "MedicationRequest",
            R"("status":"active","medicationReference":{"reference":"Medication/9","display":"Lithium 400"})",
            "medicine-classes", "lithium", true},
        FactCase{
            "observed_pregnant", "Observation",
            R"("status":"final","code":{"text":"Pregnancy status"},"effectiveDateTime":"2026-11-01","valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"77386006"}]})",
            "pregnancy-status", "pregnant-20-plus", true},
        FactCase{
            "asked_whether_pregnant_no", "Observation",
            R"("status":"final","code":{"coding":[{"system":"http://snomed.info/sct","code":"77386006"}]},"valueBoolean":false)",
            "pregnancy-status", "pregnant-20-plus", false},
        FactCase{
            "observation_in_error", "Observation",
            R"("status":"entered-in-error","code":{"text":"Pregnancy status"},"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"77386006"}]})",
            "pregnancy-status", "pregnant-20-plus", false}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(Record, AMedicineInItsOwnEntryIsFound) {
  auto medication = resource("Medication", R"("code":{"text":"Priadel"})");
  medication.set("id", "m7");
  for (const auto* reference : {"Medication/m7", "https://ehr.example/fhir/Medication/m7"}) {
    const auto context =
        read({medication,
              resource("MedicationRequest",
                       std::string(R"("status":"active","medicationReference":{"reference":")") +
                           reference + R"("})")});
    EXPECT_TRUE(says(context, "medicine-classes", "lithium")) << reference;
    EXPECT_THAT(context.problems, IsEmpty());
  }
}

TEST(Record, AMedicineThatIsNotThereIsSaid) {
  const auto context =
      read({resource("MedicationRequest",
                     R"("status":"active","medicationReference":{"reference":"Medication/9"})")});
  EXPECT_THAT(context.problems, SizeIs(1));
}

TEST(Record, NewerPregnancyObservationReplacesTheOlder) {
  const auto pregnant = resource(
      "Observation",
      R"("status":"final","code":{"text":"Pregnancy status"},"effectiveDateTime":"2026-01-01","valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"77386006"}]})");
  const auto not_any_more = resource(
      "Observation",
      R"("status":"final","code":{"text":"Pregnancy status"},"effectiveDateTime":"2026-10-01","valueCodeableConcept":{"text":"Not pregnant"})");
  EXPECT_FALSE(says(read({pregnant, not_any_more}), "pregnancy-status", "pregnant-20-plus"));
  EXPECT_FALSE(says(read({not_any_more, pregnant}), "pregnancy-status", "pregnant-20-plus"));
  EXPECT_TRUE(says(read({pregnant}), "pregnancy-status", "pregnant-20-plus"));
}

Json pregnancy(std::string_view date, std::string_view value) {
  return resource("Observation", R"("status":"final","code":{"text":"Pregnancy status"},)" +
                                     std::string(date) + std::string(value));
}

TEST(Record, APregnancyObservationThatMayBeTheNewestCounts) {
  const std::string pregnant =
      R"("valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"77386006"}]})";
  const std::string not_pregnant = R"("valueCodeableConcept":{"text":"Not pregnant"})";
  const auto still = [&](std::string_view date, std::string_view later, const std::string& value) {
    std::vector<Json> both{pregnancy(date, pregnant), pregnancy(later, value)};
    const bool first = says(read(both), "pregnancy-status", "pregnant-20-plus");
    std::swap(both[0], both[1]);
    EXPECT_EQ(says(read(both), "pregnancy-status", "pregnant-20-plus"), first);
    return first;
  };
  const std::string day = R"("effectiveDateTime":"2026-11-01",)";
  EXPECT_FALSE(still(day, R"("effectiveDateTime":"2026-11-02",)", not_pregnant));
  EXPECT_TRUE(still(day, R"("effectiveDateTime":"2027-11-01",)", not_pregnant));  // to come
  EXPECT_TRUE(still(day, R"("effectiveDateTime":"2026-11",)", not_pregnant));
  EXPECT_TRUE(still(day, R"("effectiveDateTime":"2026-11-01T10:00:00Z",)", not_pregnant));
  EXPECT_TRUE(still(R"("effectiveDateTime":"2026-11",)", R"("effectiveDateTime":"2026-11-02",)",
                    not_pregnant));
  EXPECT_TRUE(still(day, R"("effectiveDateTime":"2026-11-02",)",
                    R"("dataAbsentReason":{"coding":[{"code":"asked-declined"}]})"));
}

TEST(Record, SeveralDatesOfBirthAreSaidAndTheHigherAgeCounts) {
  const auto young = resource("Patient", R"("birthDate":"1996-01-01")");
  const auto old = resource("Patient", R"("birthDate":"1940-01-01")");
  for (const auto& both : {std::vector{young, old}, std::vector{old, young}}) {
    const auto context = read(both);
    EXPECT_EQ(context.facts.age, rules::whole(86));
    EXPECT_THAT(context.problems, SizeIs(1));
    EXPECT_THAT(context.entries, SizeIs(2));
  }
  EXPECT_THAT(read({young, young}).problems, IsEmpty());
}

TEST(Record, ADeadPatientIsSaid) {
  EXPECT_THAT(read({resource("Patient", R"("deceasedBoolean":true)")}).problems, SizeIs(1));
  EXPECT_THAT(read({resource("Patient", R"("deceasedDateTime":"2026-11-01")")}).problems,
              SizeIs(1));
  EXPECT_THAT(read({resource("Patient", R"("deceasedBoolean":false)")}).problems, IsEmpty());
}

TEST(Record, OfManyEntriesThatSayTheSameSomeAreListedAndTheRestIsSaid) {
  std::vector<Json> many;
  for (int i = 0; i < 60; ++i) {
    many.push_back(resource("MedicationRequest",
                            R"("status":"active","medicationCodeableConcept":{"text":"lithium )" +
                                std::to_string(i) + R"("})"));
  }
  many.push_back(
      resource("MedicationRequest",
               R"("status":"active","medicationCodeableConcept":{"text":"prednisolone"})"));
  const auto context = read(many);
  EXPECT_THAT(context.entries, SizeIs(21));
  EXPECT_THAT(context.problems, ::testing::Not(IsEmpty()));
}

TEST(Record, ALongNameIsShownShortened) {
  std::string name = "Lithium ";
  for (int i = 0; i < 1000; ++i) {
    name += "\u00e4";
  }
  const auto context = read(
      {resource("MedicationRequest",
                R"("status":"active","medicationCodeableConcept":{"text":")" + name + R"("})")});
  ASSERT_THAT(context.entries, SizeIs(1));
  EXPECT_LT(context.entries[0].text.size(), 210u);
  EXPECT_THAT(context.entries[0].text, ::testing::EndsWith("\u00e4..."));
}

TEST(Record, AMedicationOfTwoServersIsNotGuessed) {
  auto medication = resource("Medication", R"("code":{"text":"Priadel"})");
  medication.set("id", "m7");
  auto other = resource("Medication", R"("code":{"text":"Paracetamol"})");
  other.set("id", "m7");
  const auto request =
      resource("MedicationRequest",
               R"("status":"active","medicationReference":{"reference":"Medication/m7"})");
  const auto name = [](std::string_view base) { return std::string(base) + "Medication/m7"; };
  std::vector<mapping::RecordResource> record{
      {medication, "Medication", "Medication/m7", name("https://a.example/"), "a", {}},
      {other, "Medication", "Medication/m7", name("https://b.example/"), "b", {}},
      {request, "MedicationRequest", "MedicationRequest/x1", "", "c", {}}};
  const auto without = mapping::read_record(testing::concepts(), record, true, testing::now());
  EXPECT_FALSE(says(without, "medicine-classes", "lithium"));
  EXPECT_THAT(without.problems, SizeIs(1));
  record[2].full_url = "https://a.example/MedicationRequest/x1";
  EXPECT_TRUE(says(mapping::read_record(testing::concepts(), record, true, testing::now()),
                   "medicine-classes", "lithium"));
}

TEST(Record, AListInARecordIsNeverWhole) {
  const auto context = read({resource("MedicationRequest", R"("status":"active",)" LITHIUM)});
  EXPECT_FALSE(context.facts.known[slot("medicine-classes")]);
}

TEST(Record, TheSameMedicineTenTimesIsOneFact) {
  const std::vector<Json> ten(10, resource("MedicationRequest", R"("status":"active",)" LITHIUM));
  EXPECT_THAT(read(ten).entries, SizeIs(1));
}

TEST(Record, EntriesSayWhatTheRecordSays) {
  const auto context = read(
      {resource("MedicationRequest", R"("status":"active","authoredOn":"2026-10-01",)" LITHIUM)});
  ASSERT_THAT(context.entries, SizeIs(1));
  const auto& entry = context.entries[0];
  EXPECT_EQ(entry.kind, RecordEntry::Kind::medicine);
  EXPECT_EQ(entry.text, "Lithium carbonate 400 mg tablets");
  EXPECT_EQ(entry.reference, "MedicationRequest/x1");
  EXPECT_EQ(entry.when, at(2026, 10, 1, 0));
  EXPECT_EQ(entry.options, bit("medicine-classes", "lithium"));
}

TEST(Record, CautionsComeFromMedicinesConditionsAndDevices) {
  const auto cautions = [](const Json& json) {
    std::vector<std::string> found;
    for (const auto& entry : read({json}).entries) {
      if (entry.kind == RecordEntry::Kind::caution) {
        found.push_back(entry.caution + ": " + entry.text);
      }
    }
    return found;
  };
  EXPECT_THAT(cautions(resource(
                  "MedicationRequest",
                  R"("status":"active","medicationCodeableConcept":{"text":"Warfarin 3 mg"})")),
              ::testing::ElementsAre("emg: an anticoagulant (Warfarin 3 mg)"));
  EXPECT_THAT(cautions(resource("Device", R"("type":{"text":"Cardiac pacemaker"})")), SizeIs(2));
  EXPECT_THAT(
      cautions(resource("Device", R"("status":"inactive","type":{"text":"Cardiac pacemaker"})")),
      IsEmpty());
  EXPECT_THAT(cautions(resource("Condition", R"("code":{"text":"Haemophilia A"})")), SizeIs(1));
  EXPECT_THAT(
      cautions(resource("Condition",
                        R"("code":{"text":"Normal pregnancy"},"clinicalStatus":)" CONDITION_STATUS(
                            "condition-clinical", "resolved"))),
      IsEmpty());
}

// What must not go into a scanner or be pierced with a needle unawares, as records word it.
TEST(Record, ImplantsMetalAndBloodThinnersAreCautionsByTheirManyNames) {
  struct Named {
    const char* type;  // of the resource
    const char* text;
    std::vector<std::string> cautions;
  };
  const std::vector<std::string> both{"emg", "mri"};
  const std::vector<Named> kNamed{
      {"Device", "CRT-D", both},
      {"Device", "CRT-P", both},
      {"Condition", "CRT\u2011D in situ", both},
      {"Device", "ICD in situ", both},
      {"Device", "Cardiac defibrillator in situ", both},
      {"Condition", "Implantable cardioverter-defibrillator", both},
      {"Device", "Pacemakers", both},
      {"Device", "Leadless cardiac pacing system", both},
      {"Device", "Vagus nerve stimulator", {"mri"}},
      {"Condition", "Spinal cord stimulation", {"mri"}},
      {"Device", "Deep brain stimulation system", {"mri"}},
      {"Device", "Implantable neurostimulators", {"mri"}},
      {"Device", "Cochlear implants", {"mri"}},
      {"Device", "Implantable loop recorder", {"mri"}},
      {"Device", "Insulin pump", {"mri"}},
      {"Condition", "Metallic foreign body in eye", {"mri"}},
      {"Device", "Clip on cerebral aneurysm", {"mri"}},
      {"Condition", "Cerebral aneurysm clip", {"mri"}},
      {"MedicationStatement", "Eliquis 5 mg", {"emg"}},
      {"MedicationStatement", "Xarelto 20 mg", {"emg"}},
      {"MedicationStatement", "PRADAXA", {"emg"}},
      {"MedicationStatement", "Lixiana 60", {"emg"}},
      {"MedicationStatement", "Coumadin", {"emg"}},
      {"MedicationStatement", "Dabigatran etexilate 110 mg", {"emg"}},
      {"MedicationStatement", "Enoxaparine", {"emg"}},
      {"Condition", "Long-term anticoagulant therapy", {"emg"}},
      {"Condition", "Immune thrombocytopenic purpura", {"emg"}},
      {"Condition", "Thrombocytopaenia", {"emg"}},
      {"Condition", "Lupus anticoagulant", {}},
      {"Condition", "Knee replacement", {}},
  };
  for (const Named& one : kNamed) {
    const std::string key = std::string_view(one.type) == "Device" ? "type"
                            : std::string_view(one.type) == "Condition"
                                ? "code"
                                : "medicationCodeableConcept";
    const std::string more =
        key == "medicationCodeableConcept" ? R"("status":"active",)" : std::string();
    std::set<std::string> found;
    for (const auto& entry :
         read({resource(one.type, more + "\"" + key + R"(":{"text":")" + one.text + "\"}")})
             .entries) {
      if (entry.kind == RecordEntry::Kind::caution) {
        found.insert(entry.caution);
      }
    }
    EXPECT_EQ(found, std::set<std::string>(one.cautions.begin(), one.cautions.end())) << one.text;
  }
}

// Whether a binding of these words means the text.
bool has_words(std::string_view text, std::string_view words) {
  rules::Knowledge one;
  rules::CodeBinding binding;
  binding.option = 0;
  binding.text.emplace_back(words);
  one.bindings.condition_list.push_back(std::move(binding));
  mapping::Named named;
  one.texts["record-joins"] = "with";
  one.texts["record-qualifiers"] = "unspecified";
  one.texts["record-urgent-visits"] = "emergency";
  one.texts["record-instruments"] = "score";
  mapping::ConceptIndex(one).read_text(text, named);
  return named.meaning.conditions != 0;
}

TEST(Words, AreWholeAndCaseDoesNotMatter) {
  EXPECT_TRUE(has_words("LITHIUM carbonate", "lithium"));
  EXPECT_TRUE(has_words("(lithium)", "lithium"));
  EXPECT_TRUE(has_words("xlithium lithium", "lithium"));
  EXPECT_FALSE(has_words("lithiumx", "lithium"));
  EXPECT_FALSE(has_words("\u00e4lithium", "lithium"));
  EXPECT_FALSE(has_words("", "lithium"));
  EXPECT_TRUE(has_words("Co-amilozide 5/50", "co-amilozide"));
  EXPECT_FALSE(has_words("Co-amilozides", "co-amilozide"));
  EXPECT_TRUE(has_words("chronic chronic kidney disease stage 3", "chronic kidney disease"));
  EXPECT_FALSE(has_words("chronic kidney", "chronic kidney disease"));
  EXPECT_TRUE(has_words(std::string(10000, 'x') + " lithium", "lithium"));
}

TEST(Codes, AreKnownByTheOidOfTheirSystemToo) {
  const auto mnd = resource(
      "Condition",
      R"("code":{"coding":[{"system":"urn:oid:2.16.840.1.113883.6.96","code":"86044005"}]})");
  EXPECT_TRUE(says(read({mnd}), "health-conditions", "mnd"));
}

TEST(Codes, OfAtcAndIcdCountInAnyCase) {
  const auto mnd = resource(
      "Condition",
      R"("code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"g12.21"}]})");
  const auto diuretic = resource(
      "MedicationRequest",
      R"("status":"active","medicationCodeableConcept":{"coding":[{"system":"http://www.whocc.no/atc","code":"c03ca01"}]})");
  const auto context = read({mnd, diuretic});
  EXPECT_TRUE(says(context, "health-conditions", "mnd"));
  EXPECT_TRUE(says(context, "medicine-classes", "diuretic"));
  EXPECT_FALSE(context.doubtful);
}

TEST(Record, WhatOnlyAnUnknownCodeNamesIsToldAndDoubtful) {
  const std::string code = R"({"coding":[{"system":"https://codes.example","code":"4711"}]})";
  const std::string words =
      R"({"coding":[{"system":"https://codes.example","code":"4711","display":"Sprain"}]})";
  const auto all = [](const std::string& concept_json) {
    return std::vector<Json>{
        resource("Condition", R"("code":)" + concept_json),
        resource("Procedure", R"("status":"completed","code":)" + concept_json),
        resource("MedicationRequest",
                 R"("status":"active","medicationCodeableConcept":)" + concept_json),
        resource("MedicationRequest",
                 R"("status":"active","contained":[{"resourceType":"Medication","id":"m","code":)" +
                     concept_json + R"(}],"medicationReference":{"reference":"#m"})")};
  };
  for (const auto& one : all(code)) {
    const auto context = read({one});
    EXPECT_TRUE(context.doubtful);
    ASSERT_THAT(context.problems, ::testing::Not(IsEmpty()));
    EXPECT_EQ(context.problems[0].code, "MF-3033");
    EXPECT_NE(context.problems[0].text.find("only by a code"), std::string::npos);
  }
  for (const auto& one : all(words)) {
    const auto context = read({one});
    EXPECT_TRUE(context.doubtful);
    EXPECT_THAT(context.problems, SizeIs(1));
    EXPECT_THAT(context.entries, SizeIs(1));
  }
}

// Two statuses at once are a fault of the record: the riskier counts.
TEST(Record, ARefutedConditionThatIsAlsoConfirmedCounts) {
  const auto status = [](std::initializer_list<const char*> all) {
    std::string codings;
    for (const auto* code : all) {
      codings += (codings.empty() ? "" : ",") + (R"({"code":")" + std::string(code) + R"("})");
    }
    return says(read({resource("Condition", R"("code":{"text":"Myasthenia gravis"},)"
                                            R"("verificationStatus":{"coding":[)" +
                                                codings + "]}")}),
                "health-conditions", "myasthenia");
  };
  EXPECT_FALSE(status({"refuted"}));
  EXPECT_FALSE(status({"entered-in-error"}));
  EXPECT_TRUE(status({"confirmed"}));
  EXPECT_TRUE(status({"refuted", "confirmed"}));
  EXPECT_TRUE(status({"unconfirmed", "refuted"}));
}

// What is not parsed is not understood: the name counts, and its words are shown as they stand.
TEST(Record, ANameThatIsDeniedInWordsCountsAndIsShownWordForWord) {
  for (const auto* words : {"No myasthenia gravis", "Denies myasthenia gravis",
                            "Rule out myasthenia gravis", "Family history of myasthenia gravis"}) {
    const auto context =
        read({resource("Condition", R"("code":{"text":")" + std::string(words) + R"("})")});
    EXPECT_TRUE(says(context, "health-conditions", "myasthenia")) << words;
    ASSERT_THAT(context.entries, SizeIs(1)) << words;
    EXPECT_EQ(context.entries[0].text, words);
  }
}

TEST(Record, ALaboratoryResultWithoutAValueIsNamedAsSuch) {
  const auto& code = knowledge()->labs[static_cast<std::size_t>(knowledge()->lab("k"))].codes.at(0);
  const auto context = read({resource(
      "Observation",
      R"("status":"final","effectiveDateTime":"2026-11-20","code":{"coding":[{"system":")" +
          code.system + R"(","code":")" + code.code + R"("}]})")});
  ASSERT_THAT(context.entries, SizeIs(1));
  EXPECT_EQ(context.entries[0].text, knowledge()->text("record-lab-empty"));
}

TEST(Record, EveryBindingIsFoundByItsCodesAndWords) {
  const mapping::ConceptIndex index(*knowledge());
  const auto& bindings = knowledge()->bindings;
  const auto meaning = [&index](const Json& one) {
    mapping::Named named;
    index.read(&one, named);
    return named.meaning;
  };
  const auto check = [&](const auto& list, auto options) {
    EXPECT_FALSE(list.empty());
    for (const auto& binding : list) {
      const auto bit = std::uint64_t{1} << binding.option;
      for (const auto& words : binding.text) {
        EXPECT_TRUE(options(meaning(Json::object({{"text", "x " + words + ", y"}}))) & bit)
            << words;
      }
      for (const auto& code : binding.codes) {
        const Json coding = Json::object({{"system", code.system}, {"code", code.code}});
        EXPECT_TRUE(options(meaning(Json::object({{"coding", Json::array({coding})}}))) & bit)
            << code.code;
      }
      for (const auto& code : binding.prefixes) {
        const Json coding = Json::object({{"system", code.system}, {"code", code.code + "7"}});
        EXPECT_TRUE(options(meaning(Json::object({{"coding", Json::array({coding})}}))) & bit)
            << code.code;
      }
    }
  };
  check(bindings.medicine_classes, [](const mapping::Meaning& all) { return all.medicines; });
  check(bindings.condition_list, [](const mapping::Meaning& all) { return all.conditions; });
  check(bindings.sexes, [](const mapping::Meaning& all) { return all.sexes; });
  check(bindings.pregnancies, [](const mapping::Meaning& all) { return all.pregnancies; });
}

// ---- tests done, appointment

TEST(Record, TestsThatWereDoneOrOrderedAreListed) {
  const auto& workup = knowledge()->workups[static_cast<std::size_t>(knowledge()->workup("emg"))];
  const auto& code = workup.codes.at(0);
  const auto coded =
      R"("code":{"coding":[{"system":")" + code.system + R"(","code":")" + code.code + R"("}]})";
  const auto done = [&](std::string_view type, const std::string& members) {
    const auto context = read({resource(type, members + "," + coded)});
    return std::count_if(context.entries.begin(), context.entries.end(), [](const auto& entry) {
             return entry.kind == RecordEntry::Kind::test &&
                    entry.item == knowledge()->workup("emg") && !entry.unread;
           }) == 1;
  };
  EXPECT_TRUE(done("Procedure", R"("status":"completed","performedDateTime":"2026-10-01")"));
  EXPECT_TRUE(done("Observation", R"("status":"final","valueString":"normal")"));
  EXPECT_TRUE(done("Observation", R"("status":"final","component":[{"valueBoolean":false}])"));
  EXPECT_TRUE(done("ServiceRequest", R"("status":"active","intent":"order")"));
  EXPECT_FALSE(done("ServiceRequest", R"("status":"draft","intent":"proposal")"));
  EXPECT_FALSE(done("ServiceRequest", R"("status":"active","intent":"proposal")"));
  EXPECT_FALSE(done("ServiceRequest", R"("status":"revoked","intent":"order")"));
  EXPECT_FALSE(done("Procedure", R"("status":"not-done")"));
  EXPECT_FALSE(done("DiagnosticReport", R"("status":"cancelled")"));
  EXPECT_FALSE(done("Observation", R"("status":"entered-in-error","valueString":"normal")"));
  EXPECT_FALSE(done("Procedure", R"("status":"stopped")"));
  EXPECT_FALSE(done("Procedure", R"("status":"in-progress")"));
  EXPECT_FALSE(done("DiagnosticReport", R"("status":"preliminary","conclusion":"normal")"));
  EXPECT_FALSE(done("DiagnosticReport", R"("status":"partial","conclusion":"normal")"));
  EXPECT_FALSE(done("DiagnosticReport", R"("status":"final")"));
  EXPECT_FALSE(
      done("Observation",
           R"("status":"final","dataAbsentReason":{"coding":[{"code":"not-performed"}]})"));
  EXPECT_FALSE(done("Observation", R"("status":"final","valueQuantity":{"unit":"mV"})"));
  EXPECT_FALSE(
      done("Procedure", R"("status":"completed","performedDateTime":"2026-12-24T09:00:00Z")"));
}

// ---- reports and panels

Json low_potassium(std::string_view id,
                   std::string_view more = R"(,"valueQuantity":{"value":2.1,"unit":"mmol/L"})") {
  const auto& code = knowledge()->labs[static_cast<std::size_t>(knowledge()->lab("k"))].codes.at(0);
  auto one = resource(
      "Observation",
      R"("status":"final","effectiveDateTime":"2026-11-20","code":{"coding":[{"system":")" +
          code.system + R"(","code":")" + code.code + R"("}]})" + std::string(more));
  one.set("id", id);
  return one;
}

struct ReportCase {
  const char* name;
  const char* type;
  const char* members;
  const char* potassium;  // its id; empty: none is given
  bool done;
  bool told;  // and doubtful
};

class Reports : public ::testing::TestWithParam<ReportCase> {};

TEST_P(Reports, AreDoneWhereAResultWasReadAndToldWhereNot) {
  const auto& param = GetParam();
  const auto& code =
      knowledge()->workups[static_cast<std::size_t>(knowledge()->workup("emg"))].codes.at(0);
  auto report = resource(param.type, R"("code":{"coding":[{"system":")" + code.system +
                                         R"(","code":")" + code.code + R"("}]},)" + param.members);
  report.set("id", "report");
  std::vector<Json> record{report};
  if (*param.potassium != '\0') {
    record.push_back(low_potassium(param.potassium));
  }
  const auto context = read(record);
  const bool done = std::any_of(
      context.entries.begin(), context.entries.end(),
      [](const auto& entry) { return entry.kind == RecordEntry::Kind::test && !entry.unread; });
  EXPECT_EQ(done, param.done);
  auto problems = context.problems;
  std::erase_if(problems, [](const auto& one) { return one.text.ends_with("is abnormal"); });
  EXPECT_EQ(!problems.empty(), param.told);
  EXPECT_EQ(context.doubtful, !context.problems.empty());
  if (!problems.empty()) {
    EXPECT_EQ(problems[0].code, "MF-3033");
  }
}

#define REPORT R"("status":"final","effectiveDateTime":"2026-11-20",)"

INSTANTIATE_TEST_SUITE_P(
    Cases, Reports,
    ::testing::Values(
        ReportCase{"result_there", "DiagnosticReport",
                   REPORT R"("result":[{"reference":"Observation/k"}])", "k", true, false},
        ReportCase{"result_not_there", "DiagnosticReport",
                   REPORT R"("result":[{"reference":"Observation/k2"}])", "k", false, true},
        ReportCase{"one_of_two_there", "DiagnosticReport",
                   REPORT R"("result":[{"reference":"Observation/k"},{"reference":"#c"}])", "k",
                   false, true},
        ReportCase{"display_only", "DiagnosticReport",
                   REPORT R"("result":[{"display":"Potassium 2.1"}])", "k", false, true},
        ReportCase{"conclusion_only", "DiagnosticReport", REPORT R"("conclusion":"K 2.1")", "",
                   false, true},
        ReportCase{"document_only", "DiagnosticReport",
                   REPORT R"("presentedForm":[{"contentType":"application/pdf"}])", "", false,
                   true},
        ReportCase{"narrative_only", "DiagnosticReport",
                   REPORT R"("text":{"status":"generated","div":"<div>K 2.1</div>"})", "", false,
                   true},
        ReportCase{"narrative_that_says_it_is_empty", "DiagnosticReport",
                   REPORT R"("text":{"status":"empty","div":"<div>none</div>"})", "", false, false},
        ReportCase{"observation_of_a_narrative_only", "Observation",
                   REPORT R"("text":{"status":"additional","div":"<div>K 2.1</div>"})", "", false,
                   true},
        ReportCase{"conclusion_beside_a_result", "DiagnosticReport",
                   REPORT R"("conclusion":"K 2.1","result":[{"reference":"Observation/k"}])", "k",
                   false, true},
        ReportCase{"empty_conclusion_beside_a_result", "DiagnosticReport",
                   REPORT R"("conclusion":"  ","result":[{"reference":"Observation/k"}])", "k",
                   true, false},
        ReportCase{
            "code_beside_a_result", "DiagnosticReport",
            REPORT
            R"("conclusionCode":[{"text":"Abnormal"}],"result":[{"reference":"Observation/k"}])",
            "k", false, true},
        ReportCase{
            "document_beside_a_result", "DiagnosticReport",
            REPORT
            R"("presentedForm":[{"contentType":"application/pdf"}],"result":[{"reference":"Observation/k"}])",
            "k", false, true},
        ReportCase{
            "picture_beside_a_result", "DiagnosticReport",
            REPORT
            R"("media":[{"link":{"display":"Trace"}}],"result":[{"reference":"Observation/k"}])",
            "k", false, true},
        ReportCase{"says_nothing", "DiagnosticReport", REPORT R"("issued":"2026-11-20T09:00:00Z")",
                   "", false, false},
        ReportCase{"withdrawn", "DiagnosticReport",
                   R"("status":"entered-in-error","conclusion":"K 2.1")", "", false, false},
        ReportCase{"preliminary", "DiagnosticReport",
                   R"("status":"preliminary","result":[{"reference":"Observation/k2"}])", "", false,
                   true},
        ReportCase{"older_than_any_rule_reads", "DiagnosticReport",
                   R"("status":"final","effectiveDateTime":"2015-01-01","conclusion":"K 2.1")", "",
                   false, false},
        ReportCase{"panel", "Observation", REPORT R"("hasMember":[{"reference":"Observation/k"}])",
                   "k", true, false},
        ReportCase{"panel_member_not_there", "Observation",
                   REPORT R"("hasMember":[{"reference":"Observation/k2"}])", "k", false, true},
        ReportCase{"panel_of_a_display", "Observation", REPORT R"("hasMember":[{"display":"K"}])",
                   "", false, true},
        ReportCase{"panel_of_itself", "Observation",
                   REPORT R"("hasMember":[{"reference":"Observation/report"}])", "", false, false},
        ReportCase{
            "survey", "Observation",
            REPORT
            R"("category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"survey"}]}],"hasMember":[{"reference":"Observation/k2"}])",
            "", false, true},
        ReportCase{"member_is_a_form", "Observation",
                   REPORT R"("hasMember":[{"reference":"QuestionnaireResponse/1"}])", "", false,
                   false}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(Record, AResultThatIsNotThereLeavesNoLaboratoryValueKnownAsNotMeasured) {
  const auto index = static_cast<std::size_t>(knowledge()->lab("k"));
  const auto other = resource("Observation", R"("status":"final","code":{"text":"Weight"})");
  const auto report =
      resource("DiagnosticReport", REPORT R"("result":[{"reference":"Observation/k"}])");
  EXPECT_EQ(read({other}).facts.labs[index].state, LabState::none);
  EXPECT_EQ(read({other, report}).facts.labs[index].state, LabState::not_fetched);
}

TEST(Record, APanelOfAPanelIsRead) {
  auto panel = resource(
      "Observation", REPORT R"("code":{"text":"K"},"hasMember":[{"reference":"Observation/k"}])");
  panel.set("id", "panel");
  const auto& code =
      knowledge()->workups[static_cast<std::size_t>(knowledge()->workup("emg"))].codes.at(0);
  const auto report =
      resource("DiagnosticReport",
               R"("code":{"coding":[{"system":")" + code.system + R"(","code":")" + code.code +
                   R"("}]},)" REPORT R"("result":[{"reference":"Observation/panel"}])");
  const auto context = read({report, panel, low_potassium("k")});
  EXPECT_THAT(context.problems, SizeIs(1));  // that it is abnormal
  EXPECT_TRUE(std::any_of(context.entries.begin(), context.entries.end(), [](const auto& entry) {
    return entry.kind == RecordEntry::Kind::test && !entry.unread;
  }));
}

// Two of one address that differ: nobody knows which of them is meant.
TEST(Record, AResultOfWhichThereAreTwoIsNotCertain) {
  const auto report =
      resource("DiagnosticReport", REPORT R"("result":[{"reference":"Observation/k"}])");
  const auto twice = [&](std::string_view more) {
    return read({report, low_potassium("k"), low_potassium("k", more)});
  };
  const auto misses = [](const auto& context) {
    return std::any_of(context.problems.begin(), context.problems.end(), [](const auto& one) {
      return one.text.find("names a result") != std::string::npos;
    });
  };
  EXPECT_TRUE(misses(twice(R"(,"valueQuantity":{"value":4.1,"unit":"mmol/L"})")));
  EXPECT_FALSE(misses(twice(R"(,"valueQuantity":{"value":2.1,"unit":"mmol/L"})")));
}

struct DatedByCase {
  const char* name;
  const char* report;  // members that give its date
  bool contained, panel;
  bool used;
};

class DatedBy : public ::testing::TestWithParam<DatedByCase> {};

// A result without a date of its own.
TEST_P(DatedBy, ItsReportCountsWhereARuleLooksForIt) {
  const auto& param = GetParam();
  const auto index = static_cast<std::size_t>(knowledge()->lab("k"));
  auto potassium = low_potassium("k");
  potassium.erase("effectiveDateTime");
  const std::string list = param.panel ? "hasMember" : "result";
  const std::string_view type = param.panel ? "Observation" : "DiagnosticReport";
  auto report = resource(type, R"("status":"final",)" + std::string(param.report) + '"' + list +
                                   R"(":[{"reference":")" +
                                   (param.contained ? "#k" : "Observation/k") + R"("}])");
  report.set("id", "report");
  std::vector<mapping::RecordResource> record;
  for (const auto& json : {report, potassium}) {
    const std::string kind(json.string_of("resourceType"));
    const auto reference = kind + "/" + std::string(json.string_of("id"));
    record.push_back({json,
                      kind,
                      reference,
                      "https://ehr.example/fhir/" + reference,
                      "Bundle.entry[" + std::to_string(record.size()) + "].resource",
                      {}});
  }
  if (param.contained) {
    record[1].within = record[0].place;
    record[1].full_url = record[0].full_url;
  }
  for (int turn = 0; turn < 2; ++turn) {
    const auto context = mapping::read_record(testing::concepts(), record, true, testing::now());
    EXPECT_EQ(context.facts.labs[index].state, param.used ? LabState::known : LabState::unusable);
    EXPECT_EQ(context.doubtful, param.used);
    std::reverse(record.begin(), record.end());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, DatedBy,
    ::testing::Values(
        DatedByCase{"contained", R"("effectiveDateTime":"2026-11-20",)", true, false, true},
        DatedByCase{"referenced", R"("effectiveDateTime":"2026-11-20",)", false, false, true},
        DatedByCase{"by_its_issue", R"("issued":"2026-11-20T09:00:00Z",)", false, false, true},
        DatedByCase{"of_a_panel", R"("effectiveDateTime":"2026-11-20",)", false, true, true},
        DatedByCase{"contained_in_a_panel", R"("effectiveDateTime":"2026-11-20",)", true, true,
                    true},
        DatedByCase{"to_the_month", R"("effectiveDateTime":"2026-11",)", false, false, false},
        DatedByCase{"of_the_future", R"("effectiveDateTime":"2062-11-20",)", false, false, false},
        DatedByCase{"not_at_all", "", false, false, false}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(Record, OfATestTheLastTimeIsListedAndAnOrderIsCalledOne) {
  const auto& code =
      knowledge()->workups[static_cast<std::size_t>(knowledge()->workup("emg"))].codes.at(0);
  const auto coded = R"(,"code":{"text":"EMG","coding":[{"system":")" + code.system +
                     R"(","code":")" + code.code + R"("}]})";
  std::vector<Json> tests{
      resource("Procedure", R"("status":"completed","performedDateTime":"2026-10-01")" + coded),
      resource("ServiceRequest",
               R"("status":"active","intent":"order","authoredOn":"2026-11-01")" + coded),
      resource("Procedure", R"("status":"completed","performedDateTime":"2026-09-01")" + coded),
      resource("Procedure", R"("status":"completed")" + coded)};
  for (int turn = 0; turn < 2; ++turn) {
    const auto context = read(tests);
    ASSERT_THAT(context.entries, SizeIs(1));
    EXPECT_EQ(context.entries[0].when, at(2026, 11, 1, 0));
    EXPECT_EQ(context.entries[0].text, "order of EMG");
    std::reverse(tests.begin(), tests.end());
  }
}

TEST(Record, TheNextBookedAppointmentCounts) {
  const auto appointment = [](std::string_view status, std::string_view start) {
    return resource("Appointment", "\"status\":\"" + std::string(status) + "\",\"start\":\"" +
                                       std::string(start) + "\"");
  };
  const auto context = read({appointment("booked", "2026-12-24T09:00:00Z"),
                             appointment("booked", "2026-12-01T09:00:00+01:00"),
                             appointment("booked", "2026-11-01T09:00:00Z"),
                             appointment("cancelled", "2026-11-23T09:00:00Z")});
  EXPECT_EQ(context.appointment, at(2026, 12, 1, 8));
  EXPECT_THAT(read({resource("Appointment", R"("status":"booked")")}).problems, SizeIs(1));
  EXPECT_FALSE(read({appointment("booked", "2026-11-01T09:00:00Z")}).appointment);
}

// ---- laboratory

struct UnitCase {
  const char* lab;
  const char* value;
  const char* unit;
  const char* expected;  // "" when the unit is not known
};

void PrintTo(const UnitCase& row, std::ostream* out) {
  *out << row.lab << ' ' << row.value << ' ' << row.unit;
}

class Units : public ::testing::TestWithParam<UnitCase> {};

TEST_P(Units, AreConvertedOrRefused) {
  const auto& lab = knowledge()->labs[static_cast<std::size_t>(knowledge()->lab(GetParam().lab))];
  const auto converted =
      mapping::in_lab_unit(lab, *rules::read_number(GetParam().value), GetParam().unit);
  if (std::string_view(GetParam().expected).empty()) {
    ASSERT_FALSE(converted);
    EXPECT_EQ(converted.error(), LabProblem::unknown_unit);
  } else {
    ASSERT_TRUE(converted);
    EXPECT_EQ(rules::to_text(*converted), GetParam().expected);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, Units,
    ::testing::Values(
        UnitCase{"k", "2.3", "mmol/L", "2.3"}, UnitCase{"k", "2.3", "mg/dL", ""},
        UnitCase{"k", "2.3", "", ""}, UnitCase{"k", "2.3", "MMOL/L", ""},
        UnitCase{"ca", "10", "mg/dL", "2.495"}, UnitCase{"ca", "2.2", "mmol/L", "2.2"},
        UnitCase{"ca", "8.8", "mg/dL", "2.1956"}, UnitCase{"ca", "10", "mg/L", ""},
        UnitCase{"mg", "1.0", "mg/dL", "0.4114"}, UnitCase{"mg", "0.4", "mmol/L", "0.4"},
        UnitCase{"egfr", "55", "mL/min/{1.73_m2}", "55"}, UnitCase{"li", "1.6", "mmol/L", "1.6"},
        UnitCase{"k", "2.1", "mmol/l", "2.1"}, UnitCase{"k", "2.1", "meq/L", "2.1"},
        UnitCase{"k", "2.1", "mEq/l", "2.1"}, UnitCase{"ca", "10", "mg/dl", "2.495"},
        UnitCase{"ca", "5", "meq/L", ""}, UnitCase{"egfr", "55", "mL/min/1.73m2", "55"}));

std::string lasting(const std::string& value, const std::string& period, const std::string& more) {
  return R"("status":"final",)" + more + R"("effectivePeriod":{)" + period +
         R"(},"valueQuantity":{"value":)" + value + R"(,"unit":"mmol/L"})";
}

struct LabCase {
  const char* name;
  const char* lab;
  std::vector<std::string> observations;  // members without code
  LabState state;
  const char* value;
  int age_days;
  std::size_t problems;
};

class Lab : public ::testing::TestWithParam<LabCase> {};

TEST_P(Lab, LatestUsableValueCounts) {
  const auto& param = GetParam();
  const auto index = static_cast<std::size_t>(knowledge()->lab(param.lab));
  const auto& code = knowledge()->labs[index].codes.at(0);
  std::vector<Json> resources;
  for (const auto& members : param.observations) {
    resources.push_back(resource("Observation", members));
    resources.back().set("code", parse(R"({"coding":[{"system":")" + code.system + R"(","code":")" +
                                       code.code + R"("}]})"));
  }
  for (int turn = 0; turn < 2; ++turn) {
    const auto context = read(resources);
    const auto& lab = context.facts.labs[index];
    EXPECT_EQ(lab.state, param.state);
    // That a value is abnormal, or judged by nobody, is tried by cases of its own.
    auto problems = context.problems;
    std::erase_if(problems, [](const auto& one) {
      return one.text.ends_with("is abnormal") || one.text.ends_with("whether it is normal");
    });
    EXPECT_THAT(problems, SizeIs(param.problems));
    if (param.state == LabState::known) {
      EXPECT_EQ(rules::to_text(lab.value), param.value);
      EXPECT_EQ(lab.age_days, param.age_days);
    }
    std::reverse(resources.begin(), resources.end());
  }
}

std::string potassium(std::string_view value, std::string_view date,
                      std::string_view more = R"("status":"final")") {
  return std::string(more) + R"(,"effectiveDateTime":")" + std::string(date) +
         R"(","valueQuantity":{"value":)" + std::string(value) +
         R"(,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"})";
}

std::string bounded(std::string_view comparator, std::string_view value) {
  return R"("status":"final","effectiveDateTime":"2026-11-20","valueQuantity":{"unit":"mmol/L","comparator":")" +
         std::string(comparator) + R"(","value":)" + std::string(value) + "}";
}

std::string ck(std::string_view range) {
  return R"("status":"final","effectiveDateTime":"2026-11-20","valueQuantity":{"value":1500,"code":"U/L","system":"http://unitsofmeasure.org"},"referenceRange":)" +
         std::string(range);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Lab,
    ::testing::Values(
        LabCase{
            "plain", "k", {potassium("2.3", "2026-11-21T12:00:00Z")}, LabState::known, "2.3", 1, 0},
        LabCase{"day_only", "k", {potassium("2.3", "2026-11-20")}, LabState::known, "2.3", 2, 0},
        LabCase{"newest_wins",
                "k",
                {potassium("2.3", "2026-11-01"), potassium("4.1", "2026-11-10")},
                LabState::known,
                "4.1",
                12,
                0},
        LabCase{"corrected_report_of_the_same_sample_wins",
                "k",
                {potassium("2.3", "2026-11-20T08:00:00Z",
                           R"("status":"final","issued":"2026-11-20T09:00:00Z")"),
                 potassium("3.2", "2026-11-20T08:00:00Z",
                           R"("status":"corrected","issued":"2026-11-20T19:00:00Z")")},
                LabState::known,
                "3.2",
                2,
                0},
        LabCase{"newer_preliminary_beside_a_calm_value",
                "k",
                {potassium("4.1", "2026-11-10"),
                 potassium("7.0", "2026-11-20", R"("status":"preliminary")")},
                LabState::known,
                "7",
                2,
                1},
        LabCase{"newer_preliminary_beside_a_risky_value",
                "k",
                {potassium("2.4", "2026-11-10"),
                 potassium("4.1", "2026-11-20", R"("status":"preliminary")")},
                LabState::known,
                "2.4",
                12,
                1},
        LabCase{"older_preliminary_is_not",
                "k",
                {potassium("4.1", "2026-11-10"),
                 potassium("2.3", "2026-11-01", R"("status":"preliminary")")},
                LabState::known,
                "4.1",
                12,
                0},
        LabCase{"preliminary_alone",
                "k",
                {potassium("4.1", "2026-11-20", R"("status":"preliminary")")},
                LabState::unusable,
                "",
                0,
                1},
        LabCase{"entered_in_error",
                "k",
                {potassium("2.3", "2026-11-20", R"("status":"entered-in-error")")},
                LabState::none,
                "",
                0,
                0},
        LabCase{"cancelled",
                "k",
                {potassium("2.3", "2026-11-20", R"("status":"cancelled")")},
                LabState::none,
                "",
                0,
                0},
        LabCase{"future", "k", {potassium("2.3", "2026-11-24")}, LabState::unusable, "", 0, 1},
        LabCase{
            "today_somewhere", "k", {potassium("2.3", "2026-11-23")}, LabState::known, "2.3", 0, 0},
        LabCase{"month_only", "k", {potassium("2.3", "2026-11")}, LabState::unusable, "", 0, 1},
        LabCase{"undated",
                "k",
                {R"("status":"final","valueQuantity":{"value":2.3,"unit":"mmol/L"})"},
                LabState::unusable,
                "",
                0,
                1},
        LabCase{"above_every_limit", "k", {bounded(">", "7.5")}, LabState::known, "7.5", 2, 0},
        LabCase{"above_the_limit_itself", "k", {bounded(">", "6.5")}, LabState::known, "6.5", 2, 0},
        LabCase{"at_least_the_limit", "k", {bounded(">=", "6.5")}, LabState::known, "6.5", 2, 0},
        LabCase{"above_what_may_be_normal", "k", {bounded(">", "6")}, LabState::unusable, "", 0, 1},
        LabCase{"below_every_limit", "k", {bounded("<", "2.3")}, LabState::known, "2.3", 2, 0},
        LabCase{"below_the_limit_itself",
                "k",
                {bounded("<", "2.5")},
                LabState::known,
                "2.499999999",
                2,
                0},
        LabCase{"at_most_the_limit", "k", {bounded("<=", "2.5")}, LabState::known, "2.5", 2, 1},
        LabCase{"low_and_perhaps_lower", "k", {bounded("<", "2.9")}, LabState::known, "2.9", 2, 1},
        LabCase{"below_what_may_be_normal", "k", {bounded("<", "4")}, LabState::unusable, "", 0, 1},
        LabCase{"unknown_comparator", "k", {bounded("~", "7.5")}, LabState::unusable, "", 0, 1},
        LabCase{
            "ck_above",
            "ck-xuln",
            {R"("status":"final","effectiveDateTime":"2026-11-20","valueQuantity":{"value":20000,"comparator":">","unit":"U/L"},"referenceRange":[{"high":{"value":200}}])"},
            LabState::known,
            "100",
            2,
            0},
        LabCase{
            "same_moment_the_riskier",
            "k",
            {potassium("4.0", "2026-11-20T08:00:00Z"), potassium("7.0", "2026-11-20T08:00:00Z")},
            LabState::known,
            "7",
            2,
            1},
        LabCase{"same_day_the_riskier",
                "k",
                {potassium("7.0", "2026-11-20"), potassium("4.0", "2026-11-20T08:00:00Z")},
                LabState::known,
                "7",
                2,
                1},
        LabCase{
            "same_moment_low_and_lower",
            "k",
            {potassium("2.9", "2026-11-20T08:00:00Z"), potassium("2.4", "2026-11-20T08:00:00Z")},
            LabState::known,
            "2.4",
            2,
            1},
        LabCase{
            "same_moment_on_the_same_side",
            "k",
            {potassium("4.0", "2026-11-20T08:00:00Z"), potassium("4.1", "2026-11-20T08:00:00Z")},
            LabState::known,
            "4.1",
            2,
            0},
        LabCase{"day_long_before_a_moment",
                "k",
                {potassium("7.0", "2026-11-10"), potassium("4.0", "2026-11-20T08:00:00Z")},
                LabState::known,
                "4",
                2,
                0},
        LabCase{"reported_at_unknown_times",
                "k",
                {potassium("7.0", "2026-11-20T08:00:00Z"),
                 potassium("4.0", "2026-11-20T08:00:00Z",
                           R"("status":"corrected","issued":"2026-11-20T19:00:00Z")")},
                LabState::known,
                "7",
                2,
                1},
        LabCase{
            "unknown_unit",
            "k",
            {R"("status":"final","effectiveDateTime":"2026-11-20","valueQuantity":{"value":2.3,"unit":"units"})"},
            LabState::unusable,
            "",
            0,
            1},
        LabCase{
            "printed_unit_alone",
            "k",
            {R"("status":"final","effectiveDateTime":"2026-11-20","valueQuantity":{"value":2.3,"unit":"mmol/L"})"},
            LabState::known,
            "2.3",
            2,
            0},
        LabCase{
            "unit_of_another_system",
            "k",
            {R"("status":"final","effectiveDateTime":"2026-11-20","valueQuantity":{"value":2.3,"code":"mmol/L","system":"urn:local"})"},
            LabState::unusable,
            "",
            0,
            1},
        LabCase{"text_value",
                "k",
                {R"("status":"final","effectiveDateTime":"2026-11-20","valueString":"low")"},
                LabState::unusable,
                "",
                0,
                1},
        LabCase{
            "no_value",
            "k",
            {R"("status":"final","effectiveDateTime":"2026-11-20","dataAbsentReason":{"text":"haemolysed"})"},
            LabState::unusable,
            "",
            0,
            1},
        LabCase{"huge", "k", {potassium("1e300", "2026-11-20")}, LabState::unusable, "", 0, 1},
        LabCase{"newer_unusable_is_said_and_the_older_used",
                "k",
                {potassium("2.3", "2026-11-10"),
                 R"("status":"final","effectiveDateTime":"2026-11-20","valueString":"see note")"},
                LabState::known,
                "2.3",
                12,
                1},
        LabCase{
            "period",
            "k",
            {R"("status":"final","effectivePeriod":{"start":"2026-11-01","end":"2026-11-02"},"valueQuantity":{"value":3,"unit":"mmol/L"})"},
            LabState::known,
            "3",
            20,
            0},
        LabCase{"risky_of_a_period_that_goes_on_beside_a_calm_value_in_it",
                "k",
                {lasting("6.9", R"("start":"2026-11-01")", R"("issued":"2026-11-21T09:00:00Z",)"),
                 potassium("4.1", "2026-11-10")},
                LabState::known,
                "6.9",
                1,
                2},
        LabCase{"risky_of_a_period_that_goes_on_was_not_before_a_calm_value_of_a_later_day",
                "k",
                {lasting("6.9", R"("start":"2026-11-18")", R"("issued":"2026-11-21T09:00:00Z",)"),
                 potassium("4.1", "2026-11-20")},
                LabState::known,
                "6.9",
                1,
                2},
        LabCase{"risky_of_a_period_that_goes_on_and_was_not_issued",
                "k",
                {lasting("6.9", R"("start":"2026-01-01")", "")},
                LabState::known,
                "6.9",
                0,
                1},
        LabCase{"calm_of_a_period_that_goes_on",
                "k",
                {lasting("4.1", R"("start":"2026-11-20")", "")},
                LabState::unusable,
                "",
                0,
                1},
        LabCase{"calm_of_a_long_period_beside_a_risky_value_in_it",
                "k",
                {lasting("4.1", R"("start":"2026-11-01","end":"2026-11-22")", ""),
                 potassium("6.9", "2026-11-20")},
                LabState::known,
                "6.9",
                2,
                1},
        LabCase{"risky_of_a_period_that_is_over_before_a_calm_value",
                "k",
                {lasting("6.9", R"("start":"2026-11-01","end":"2026-11-02")", ""),
                 potassium("4.1", "2026-11-10")},
                LabState::known,
                "4.1",
                12,
                0},
        LabCase{
            "ck",
            "ck-xuln",
            {ck(R"([{"high":{"value":200,"code":"U/L","system":"http://unitsofmeasure.org"}}])")},
            LabState::known,
            "7.5",
            2,
            0},
        LabCase{"ck_range_without_unit",
                "ck-xuln",
                {ck(R"([{"high":{"value":200}}])")},
                LabState::known,
                "7.5",
                2,
                0},
        LabCase{"ck_range_in_another_unit",
                "ck-xuln",
                {ck(R"([{"high":{"value":3.3,"unit":"ukat/L"}}])")},
                LabState::unusable,
                "",
                0,
                1},
        LabCase{"ck_two_ranges",
                "ck-xuln",
                {ck(R"([{"high":{"value":200}},{"high":{"value":150}}])")},
                LabState::known,
                "10",
                2,
                1},
        LabCase{
            "ck_normal_among_others",
            "ck-xuln",
            {ck(R"([{"high":{"value":200},"type":{"coding":[{"code":"normal"}]}},{"high":{"value":1000},"type":{"coding":[{"code":"treatment"}]}}])")},
            LabState::known,
            "7.5",
            2,
            0},
        LabCase{"ck_range_of_a_kind_in_words",
                "ck-xuln",
                {ck(R"([{"high":{"value":1000},"type":{"text":"Therapeutic range"}}])")},
                LabState::unusable,
                "",
                0,
                1},
        LabCase{
            "ck_normal_beside_a_kind_in_words",
            "ck-xuln",
            {ck(R"([{"high":{"value":100},"type":{"text":"Optimum"}},{"high":{"value":200},"type":{"coding":[{"code":"normal"}]}}])")},
            LabState::known,
            "7.5",
            2,
            0},
        LabCase{"ck_no_range", "ck-xuln", {ck("[]")}, LabState::unusable, "", 0, 1},
        LabCase{"ck_zero_limit",
                "ck-xuln",
                {ck(R"([{"high":{"value":0}}])")},
                LabState::unusable,
                "",
                0,
                1}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(Record, AComponentMayHoldTheResult) {
  const auto& code = knowledge()->labs[static_cast<std::size_t>(knowledge()->lab("k"))].codes.at(0);
  const auto panel = resource(
      "Observation",
      R"("status":"final","effectiveDateTime":"2026-11-20","code":{"text":"Electrolytes"},"component":[{"code":{"coding":[{"system":")" +
          code.system + R"(","code":")" + code.code +
          R"("}]},"valueQuantity":{"value":2.9,"unit":"mmol/L"}}])");
  const rules::Lab lab = read({panel}).facts.labs[static_cast<std::size_t>(knowledge()->lab("k"))];
  EXPECT_EQ(lab.state, LabState::known);
  EXPECT_EQ(rules::to_text(lab.value), "2.9");
}

TEST(Record, APrintedUnitThatContradictsTheCodeMakesAResultUnusable) {
  const auto state = [&](std::string_view unit, std::string_view ucum,
                         std::string_view lab = "ca") {
    const auto index = static_cast<std::size_t>(knowledge()->lab(lab));
    const auto& code = knowledge()->labs[index].codes.at(0);
    const auto context = read({resource(
        "Observation",
        R"("status":"final","effectiveDateTime":"2026-11-20","code":{"coding":[{"system":")" +
            code.system + R"(","code":")" + code.code +
            R"("}]},"valueQuantity":{"value":2.4,"system":"http://unitsofmeasure.org","unit":")" +
            std::string(unit) + R"(","code":")" + std::string(ucum) + R"("})")});
    EXPECT_EQ(context.doubtful, context.facts.labs[index].state == LabState::known);
    return context.facts.labs[index].state;
  };
  EXPECT_EQ(state("mg/dL", "mmol/L"), LabState::unusable);
  EXPECT_EQ(state("mmol/L", "mg/dL"), LabState::unusable);
  EXPECT_EQ(state("mmol/l", "mmol/L"), LabState::known);
  EXPECT_EQ(state("millimol per litre", "mmol/L"), LabState::known);
  EXPECT_EQ(state("mg/dL", "mmol/L", "k"), LabState::unusable);
  EXPECT_EQ(state("mEq/L", "mmol/L", "k"), LabState::known);
}

// Total or ionised calcium, where the rules have limits for adjusted calcium.
Json calcium(const rules::Coding& code, std::string_view date, std::string_view value) {
  return resource("Observation", R"("status":"final","effectiveDateTime":")" + std::string(date) +
                                     R"(","code":{"coding":[{"system":")" + code.system +
                                     R"(","code":")" + code.code +
                                     R"("}]},"valueQuantity":{"value":)" + std::string(value) +
                                     R"(,"unit":"mmol/L"})");
}

TEST(Record, AResultMeasuredInAnotherWayIsToldAndNeverCompared) {
  const auto index = static_cast<std::size_t>(knowledge()->lab("ca"));
  const auto& lab = knowledge()->labs[index];
  ASSERT_GE(lab.not_comparable.size(), 5U);
  for (const auto& code : lab.not_comparable) {
    SCOPED_TRACE(code.code);
    const auto context = read({calcium(code, "2026-11-20", "0.7")});
    EXPECT_EQ(context.facts.labs[index].state, LabState::unusable);
    ASSERT_THAT(context.problems, SizeIs(1));
    EXPECT_EQ(context.problems.front().code, "MF-3034");
    EXPECT_EQ(context.entries.back().text, code.code + ": 0.7 mmol/L");
  }
}

struct PairCase {
  const char* name;
  const char* adjusted;  // date
  const char* total;     // date
  const char* value;     // of the adjusted one
  LabState state;
};

class CalciumPair : public ::testing::TestWithParam<PairCase> {};

TEST_P(CalciumPair, TheOtherKindCountsOnlyWhenItIsLater) {
  const auto index = static_cast<std::size_t>(knowledge()->lab("ca"));
  const auto& lab = knowledge()->labs[index];
  const auto context = read({calcium(lab.not_comparable.front(), GetParam().total, "1.2"),
                             calcium(lab.codes.front(), GetParam().adjusted, GetParam().value)});
  EXPECT_EQ(context.facts.labs[index].state, GetParam().state);
}

INSTANTIATE_TEST_SUITE_P(Cases, CalciumPair,
                         ::testing::Values(PairCase{"of_one_sample", "2026-11-20T08:00:00Z",
                                                    "2026-11-20T08:00:00Z", "2.4", LabState::known},
                                           PairCase{"earlier", "2026-11-20", "2026-11-10", "2.4",
                                                    LabState::known},
                                           PairCase{"the_same_day", "2026-11-20T08:00:00Z",
                                                    "2026-11-20", "2.4", LabState::known},
                                           PairCase{"later_beside_a_calm_value", "2026-11-10",
                                                    "2026-11-20", "2.4", LabState::unusable},
                                           PairCase{"later_beside_a_risky_value", "2026-11-10",
                                                    "2026-11-20", "1.7", LabState::known}),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(Record, AFactHasTheDateOfItsLastMention) {
  const auto taken = [](std::string_view date) {
    return resource("MedicationRequest", R"("status":"active","authoredOn":")" + std::string(date) +
                                             R"(","medicationCodeableConcept":{"text":"Lithium"})");
  };
  for (const auto& order : {std::vector{taken("2019"), taken("2026-10-01T10:00:00+02:00")},
                            std::vector{taken("2026-10-01T10:00:00+02:00"), taken("2019")}}) {
    const auto context = read(order);
    ASSERT_THAT(context.entries, SizeIs(1));
    EXPECT_EQ(context.entries.front().date, "2026-10-01");
  }
  const auto partial = read({taken("2019")});
  ASSERT_THAT(partial.entries, SizeIs(1));
  EXPECT_EQ(partial.entries.front().date, "2019");
  const auto broken = read({taken("last week")});
  ASSERT_THAT(broken.entries, SizeIs(1));
  EXPECT_EQ(broken.entries.front().date, "");
}

Json lab_result(std::string_view code, std::string_view members) {
  auto json = resource("Observation", members);
  json.set("code", parse("{" + std::string(code) + "}"));
  return json;
}

const rules::Lab& potassium_of(const mapping::RecordContext& context) {
  return context.facts.labs[static_cast<std::size_t>(knowledge()->lab("k"))];
}

struct PotassiumCase {
  const char* name;
  const char* code;     // members of the CodeableConcept
  const char* members;  // of the Observation
  LabState state;
  bool doubtful;
};

class Potassium : public ::testing::TestWithParam<PotassiumCase> {};

TEST_P(Potassium, IsNeverSilentlyCalm) {
  const auto context = read({lab_result(GetParam().code, GetParam().members)});
  EXPECT_EQ(potassium_of(context).state, GetParam().state);
  EXPECT_EQ(context.doubtful, GetParam().doubtful);
  EXPECT_EQ(context.problems.empty(), GetParam().state == LabState::none);
}

#define LOINC(code) R"("coding":[{"system":"http://loinc.org","code":")" code R"("}])"
#define AT_20 R"("effectiveDateTime":"2026-11-20",)"
#define MMOL(value) R"("valueQuantity":{"value":)" value R"(,"unit":"mmol/L"})"

INSTANTIATE_TEST_SUITE_P(
    Cases, Potassium,
    ::testing::Values(
        PotassiumCase{"final_and_low", LOINC("2823-3"), R"("status":"final",)" AT_20 MMOL("2.0"),
                      LabState::known, true},
        PotassiumCase{"preliminary_and_low", LOINC("2823-3"),
                      R"("status":"preliminary",)" AT_20 MMOL("2.0"), LabState::known, true},
        PotassiumCase{"preliminary_and_normal", LOINC("2823-3"),
                      R"("status":"preliminary",)" AT_20 MMOL("4.0"), LabState::unusable, false},
        PotassiumCase{"registered_with_a_value", LOINC("2823-3"),
                      R"("status":"registered",)" AT_20 MMOL("2.0"), LabState::known, true},
        PotassiumCase{"registered_without_a_value", LOINC("2823-3"),
                      R"("status":"registered","effectiveDateTime":"2026-11-20")", LabState::none,
                      false},
        PotassiumCase{"dated_by_its_report_and_low", LOINC("2823-3"),
                      R"("status":"final","issued":"2026-11-20T08:00:00Z",)" MMOL("2.0"),
                      LabState::known, true},
        PotassiumCase{"dated_by_its_report_and_normal", LOINC("2823-3"),
                      R"("status":"final","issued":"2026-11-20T08:00:00Z",)" MMOL("4.0"),
                      LabState::unusable, false},
        PotassiumCase{"below_zero", LOINC("2823-3"), R"("status":"final",)" AT_20 MMOL("-4"),
                      LabState::unusable, false},
        PotassiumCase{
            "marked_high_by_the_laboratory", LOINC("2823-3"),
            R"("status":"final","interpretation":[{"coding":[{"code":"H"}]}],)" AT_20 MMOL("5.6"),
            LabState::known, true},
        PotassiumCase{
            "outside_the_range_of_the_laboratory", LOINC("2823-3"),
            R"("status":"final","referenceRange":[{"high":{"value":5.3,"unit":"mmol/L"}}],)" AT_20
                MMOL("5.6"),
            LabState::known, true},
        PotassiumCase{
            "code_that_is_not_known_but_named",
            R"("coding":[{"system":"http://loinc.org","code":"0000-0"}],"text":"Serum potassium")",
            R"("status":"final",)" AT_20 MMOL("2.0"), LabState::unusable, false},
        PotassiumCase{"words_alone", R"("text":"Potassium")",
                      R"("status":"final",)" AT_20 MMOL("2.0"), LabState::unusable, false},
        PotassiumCase{"system_with_https_and_slash",
                      R"("coding":[{"system":"https://www.loinc.org/","code":"2823-3"}])",
                      R"("status":"final",)" AT_20 MMOL("2.0"), LabState::known, true}),
    [](const auto& one) { return std::string(one.param.name); });

// What this program wrote from an older value has the time of the form.
// What somebody was asked for counts where a rule looks for it, and calms nobody.
TEST(Record, AnAnswerReplacesALaboratoryResultOnlyWhereItIsDangerous) {
  const auto beside = [](std::string_view lab, std::string_view said) {
    return read(
        {lab_result(LOINC("2823-3"), potassium(std::string(lab), "2026-11-20")),
         lab_result(
             LOINC("2823-3"),
             potassium(
                 std::string(said), "2026-11-21",
                 R"("status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"survey"}]}])"))});
  };
  EXPECT_EQ(rules::to_text(potassium_of(beside("2.3", "4.0")).value), "2.3");
  EXPECT_EQ(rules::to_text(potassium_of(beside("4.0", "7.1")).value), "7.1");
  EXPECT_EQ(potassium_of(beside("4.0", "4.1")).state, rules::LabState::unusable);
}

// A code without words may be anything; words that no rule knows must not be calmer.
TEST(Record, WordsBesideACodeNeverReassure) {
  const auto coded = [](std::string_view display) {
    return resource(
        "Condition",
        R"("clinicalStatus":{"coding":[{"code":"active"}]},"code":{"coding":[{"system":"http://snomed.info/sct","code":"999999999")" +
            (display.empty() ? std::string() : R"(,"display":")" + std::string(display) + "\"") +
            "}]}");
  };
  for (const auto* display : {"", "An unheard-of disorder"}) {
    const auto context = read({coded(display)});
    EXPECT_TRUE(context.doubtful) << display;
    ASSERT_THAT(context.entries, SizeIs(1)) << display;
    EXPECT_EQ(context.entries.front().options, 0U);
    EXPECT_FALSE(context.entries.front().text.empty());
    EXPECT_FALSE(context.problems.empty()) << display;
  }
}

TEST(Record, AConditionThatIsOverAndThatNoRuleReadsIsListedOnly) {
  const auto context = read({resource(
      "Condition",
      R"("clinicalStatus":{"coding":[{"code":"resolved"}]},"code":{"text":"Broken wrist"})")});
  EXPECT_FALSE(context.doubtful);
  ASSERT_THAT(context.entries, SizeIs(1));
  EXPECT_EQ(context.entries.front().text, "Broken wrist");
}

struct WordsCase {
  const char* name;
  const char* text;
};

class LithiumWords : public ::testing::TestWithParam<WordsCase> {};

TEST_P(LithiumWords, AreFoundHoweverTheyAreWritten) {
  auto medicine = resource("MedicationRequest", R"("status":"active")");
  medicine.set("medicationCodeableConcept", Json::object({{"text", GetParam().text}}));
  const auto context = read({medicine});
  EXPECT_TRUE(says(context, "medicine-classes", "lithium"));
  ASSERT_FALSE(context.entries.empty());
  EXPECT_EQ(context.entries.front().text, GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, LithiumWords,
    ::testing::Values(WordsCase{"plain", "lithium 400 mg"}, WordsCase{"capitals", "LITHIUM"},
                      WordsCase{"registered_sign", "Lithium\u00ae 400 mg"},
                      WordsCase{"trade_mark", "Lithium\u2122"},
                      WordsCase{"quotes", "\u201cLithium\u201d"},
                      WordsCase{"dash", "Lithium\u2013carbonate"},
                      WordsCase{"no_break_space", "oral\u00a0lithium\u00a0400"},
                      WordsCase{"tab", "oral\tlithium"},
                      WordsCase{"line_end", "lithium\ncarbonate"},
                      WordsCase{"soft_hyphen", "lith\u00adium"},
                      WordsCase{"accent", "l\u00edthium"}, WordsCase{"bracket", "(lithium)"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(Record, WordsOfOtherWordsAreNotFound) {
  for (const auto* text : {"nonlithium", "lithiumfree", "lith ium", "li"}) {
    auto medicine = resource("MedicationRequest", R"("status":"active")");
    medicine.set("medicationCodeableConcept", Json::object({{"text", text}}));
    EXPECT_FALSE(says(read({medicine}), "medicine-classes", "lithium")) << text;
  }
}

TEST(PlainWords, AreTheSameHoweverTheyAreWritten) {
  EXPECT_EQ(mapping::plain_words("Motor-Neurone  disease"), "motor neurone disease");
  EXPECT_EQ(mapping::plain_words("Parkinson\u2019s"), "parkinsons");
  EXPECT_EQ(mapping::plain_words("Parkinson's"), "parkinsons");
  EXPECT_EQ(mapping::plain_words("T\u00c9RALITHE"), mapping::plain_words("te\u0301ralithe"));
  EXPECT_EQ(mapping::plain_words("a\xff"
                                 "b"),
            "a b");
  EXPECT_EQ(mapping::plain_words(" \u00a0 "), "");
  EXPECT_EQ(mapping::plain_words(""), "");
}

struct PregnancyCase {
  const char* name;
  const char* value;  // of an Observation of the pregnancy status
  bool pregnant;
  bool doubtful;
};

class PregnancyStatus : public ::testing::TestWithParam<PregnancyCase> {};

TEST_P(PregnancyStatus, IsReadOrSaidToBeUnread) {
  const auto context =
      read({lab_result(LOINC("82810-3"), R"("status":"final","effectiveDateTime":"2026-11-20",)" +
                                             std::string(GetParam().value))});
  const auto item = static_cast<std::size_t>(knowledge()->bindings.pregnancy);
  EXPECT_EQ(context.facts.chosen[item] != 0, GetParam().pregnant);
  EXPECT_EQ(context.doubtful, GetParam().doubtful);
  EXPECT_EQ(context.problems.empty(), !GetParam().doubtful);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, PregnancyStatus,
    ::testing::Values(
        PregnancyCase{"true", R"("valueBoolean":true)", true, false},
        PregnancyCase{"false", R"("valueBoolean":false)", false, false},
        PregnancyCase{
            "display",
            R"("valueCodeableConcept":{"coding":[{"system":"http://loinc.org","code":"0-0","display":"Pregnant"}]})",
            true, false},
        PregnancyCase{"text", R"("valueCodeableConcept":{"text":"YES"})", true, false},
        PregnancyCase{"string", R"("valueString":"pregnant")", true, false},
        PregnancyCase{"not", R"("valueCodeableConcept":{"text":"Not pregnant"})", false, false},
        PregnancyCase{
            "not_by_code",
            R"("valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"60001007"}]})",
            false, false},
        PregnancyCase{"possibly", R"("valueCodeableConcept":{"text":"Possibly pregnant"})", true,
                      false},
        PregnancyCase{"perhaps", R"("valueCodeableConcept":{"text":"Perhaps"})", false, true},
        PregnancyCase{
            "unknown_code",
            R"("valueCodeableConcept":{"coding":[{"system":"http://loinc.org","code":"0-0"}]})",
            false, true}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(Record, ACertainChildIsOneWithoutTheDayOfBirth) {
  const auto child = read({resource("Patient", R"("birthDate":"2015")")});
  ASSERT_TRUE(child.facts.age);
  EXPECT_LT(*child.facts.age, rules::whole(knowledge()->adult_age));
  EXPECT_THAT(child.problems, IsEmpty());
  const auto either = read({resource("Patient", R"("birthDate":"2010")")});  // 15 or 16
  EXPECT_FALSE(either.facts.age);
  EXPECT_THAT(either.problems, SizeIs(1));
}

TEST(Record, ABoundIsShownAsTheRecordWordsIt) {
  const auto& code = knowledge()->labs[static_cast<std::size_t>(knowledge()->lab("k"))].codes.at(0);
  auto one = resource("Observation", bounded(">", "7.5"));
  one.set("code", parse(R"({"coding":[{"system":")" + code.system + R"(","code":")" + code.code +
                        R"("}]})"));
  const auto context = read({one});
  const auto entry =
      std::find_if(context.entries.begin(), context.entries.end(),
                   [](const auto& each) { return each.kind == RecordEntry::Kind::lab; });
  ASSERT_NE(entry, context.entries.end());
  EXPECT_EQ(entry->text, "> 7.5 mmol/L");
}

struct PartsCase {
  const char* name;
  const char* members;  // CODE stands for the code of potassium
  const char* value;
};

class Parts : public ::testing::TestWithParam<PartsCase> {};

TEST_P(Parts, EachComponentIsAResult) {
  const auto index = static_cast<std::size_t>(knowledge()->lab("k"));
  const auto& code = knowledge()->labs[index].codes.at(0);
  std::string members = GetParam().members;
  const auto coded =
      R"("code":{"coding":[{"system":")" + code.system + R"(","code":")" + code.code + R"("}]})";
  for (auto found = members.find("CODE"); found != std::string::npos;
       found = members.find("CODE")) {
    members.replace(found, 4, coded);
  }
  const auto context = read(
      {resource("Observation", R"("status":"final","effectiveDateTime":"2026-11-20",)" + members)});
  const rules::Lab lab = context.facts.labs[index];
  ASSERT_EQ(lab.state, LabState::known);
  EXPECT_EQ(rules::to_text(lab.value), GetParam().value);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Parts,
    ::testing::Values(
        PartsCase{
            "two",
            R"("code":{"text":"panel"},"component":[{CODE,"valueQuantity":{"value":4,"unit":"mmol/L"}},{CODE,"valueQuantity":{"value":7.9,"unit":"mmol/L"}}])",
            "7.9"},
        PartsCase{
            "first_without_value",
            R"("code":{"text":"panel"},"component":[{CODE,"dataAbsentReason":{"text":"haemolysed"}},{CODE,"valueQuantity":{"value":7.9,"unit":"mmol/L"}}])",
            "7.9"},
        PartsCase{"code_of_the_whole",
                  R"(CODE,"component":[{CODE,"valueQuantity":{"value":7.9,"unit":"mmol/L"}}])",
                  "7.9"},
        PartsCase{
            "value_of_the_whole_too",
            R"(CODE,"valueQuantity":{"value":7.9,"unit":"mmol/L"},"component":[{CODE,"valueQuantity":{"value":4,"unit":"mmol/L"}}])",
            "7.9"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(Record, WhereLaboratoryWasNotReadNothingIsSaidOfIt) {
  const auto index = static_cast<std::size_t>(knowledge()->lab("k"));
  const auto other = resource("Observation", R"("status":"final","code":{"text":"Weight"})");
  EXPECT_EQ(read({resource("Patient", R"("gender":"male")")}).facts.labs[index].state,
            LabState::not_fetched);
  EXPECT_EQ(read({other}).facts.labs[index].state, LabState::none);
  EXPECT_EQ(read({other}, false).facts.labs[index].state, LabState::not_fetched);
}

TEST(Record, ManyResultsOfOneSubstanceAreQuick) {
  const auto& lab = knowledge()->labs[static_cast<std::size_t>(knowledge()->lab("ca"))];
  constexpr int count = 30000;
  const auto many = [](const rules::Coding& code, const char* day) {
    Json components = Json::array();
    for (int i = 0; i < count; ++i) {
      components.push(Json::object(
          {{"code", Json::object({{"coding", Json::array({Json::object({{"system", code.system},
                                                                        {"code", code.code}})})}})},
           {"valueQuantity", parse(R"({"value":2.4,"unit":"mmol/L"})")}}));
    }
    auto one = resource("Observation", REPORT R"("code":{"text":"Calcium"})");
    one.set("effectiveDateTime", day);
    one.set("component", std::move(components));
    return one;
  };
  const std::vector<Json> record{many(lab.codes.front(), "2026-11-20T08:00:00Z"),
                                 many(lab.not_comparable.front(), "2026-11-21T08:00:00Z")};
  const double start = myoflag::timing::processor_seconds();
  const auto context = read(record);
  EXPECT_LT(myoflag::timing::processor_seconds() - start, 5 * myoflag::timing::kSlowness);
  EXPECT_FALSE(context.problems.empty());
}

TEST(Record, ManyReferencesToOneResultAreQuick) {
  constexpr int count = 30000;
  Json components = Json::array(), references = Json::array();
  for (int i = 0; i < count; ++i) {
    components.push(parse(R"({"code":{"text":"K"}})"));
    references.push(parse(R"({"reference":"Observation/k"})"));
  }
  auto result = low_potassium("k", "");
  result.set("component", std::move(components));
  auto report = resource("DiagnosticReport", REPORT R"("code":{"text":"U&E"})");
  report.set("result", std::move(references));
  const double start = myoflag::timing::processor_seconds();
  const auto context = read({report, result});
  EXPECT_LT(myoflag::timing::processor_seconds() - start, 5 * myoflag::timing::kSlowness);
  EXPECT_TRUE(context.doubtful);
}

// Time grows with the record, not with its product with the bindings or with itself:
// reading each text once for every name takes many times as long.
TEST(Record, LongConceptsAndSharedMedicationsAreQuick) {
  std::string words;
  for (int i = 0; i < 2000000; ++i) {
    words += "a ";
  }
  Json codings = Json::array();
  for (int i = 0; i < 200000; ++i) {
    codings.push(
        Json::object({{"system", "urn:x"}, {"code", std::to_string(i)}, {"display", "d"}}));
  }
  auto condition = resource("Condition", "");
  condition.set("code", Json::object({{"text", words + "epilepsy"}, {"coding", codings}}));
  auto medication = resource("Medication", "");
  medication.set("code", Json::object({{"text", words + "lithium"}, {"coding", codings}}));
  std::vector<Json> record{condition, medication};
  for (int i = 0; i < 500; ++i) {
    record.push_back(
        resource("MedicationRequest",
                 R"("status":"active","medicationReference":{"reference":"Medication/x1"})"));
  }
  const double start = myoflag::timing::processor_seconds();
  const auto context = read(record);
  EXPECT_LT(myoflag::timing::processor_seconds() - start, 10 * myoflag::timing::kSlowness);
  EXPECT_TRUE(says(context, "health-conditions", "epilepsy"));
  EXPECT_TRUE(says(context, "medicine-classes", "lithium"));
}

}  // namespace
}  // namespace myoflag
