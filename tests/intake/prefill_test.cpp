// What of a record is suggested to a patient, and of whose record nothing is.

#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/intake/prefill.h"
#include "tests/intake/support.h"

namespace myoflag::intake {
namespace {

using fhir::Json;
using ::testing::HasSubstr;

const rules::Instant kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22);

const Assessor& assessor() {
  static const Assessor shared(testing::shared_knowledge());
  return shared;
}

Invitation invitation() {
  Invitation out;
  out.patient = "Patient/1";
  out.born = "1980-02-27";
  return out;
}

// Resources as a search gives them; ' stands for ".
std::string found(std::string resources) {
  std::string entries;
  for (std::size_t at = 0; !resources.empty() && at != std::string::npos;) {
    const auto end = resources.find('\n', at);
    entries += fmt::format("{}{{'resource':{}}}", entries.empty() ? "" : ",",
                           resources.substr(at, end == std::string::npos ? end : end - at));
    at = end == std::string::npos ? end : end + 1;
  }
  return entries.empty()
             ? "{'resourceType':'Bundle','type':'searchset','total':0}"
             : fmt::format("{{'resourceType':'Bundle','type':'searchset','entry':[{}]}}", entries);
}

struct Record {
  std::string patient =
      "{'resourceType':'Patient','id':'1','gender':'male','birthDate':'1980-02-27'}";
  std::string meds = found(""), conditions = found(""), flags = found("");
};

Json prefetch_of(const Record& record) {
  auto text = fmt::format(
      "{{'patient':{},'flags':{},'labs':{},'conditions':{},'meds':{},'orders':{}}}", record.patient,
      record.flags, found(""), record.conditions, record.meds, found(""));
  std::replace(text.begin(), text.end(), '\'', '"');
  return fhir::read_json(text).value();
}

std::string medicine(const std::string& text, const std::string& more = "'status':'active'",
                     const std::string& subject = "Patient/1") {
  return fmt::format(
      "{{'resourceType':'MedicationRequest','id':'{}','intent':'order',{},'subject':"
      "{{'reference':'{}'}},'medicationCodeableConcept':{{'text':'{}'}}}}",
      text.substr(0, 5), more, subject, text);
}

std::string condition(const std::string& text, const std::string& status = "active") {
  return fmt::format(
      "{{'resourceType':'Condition','id':'{}','subject':{{'reference':'Patient/1'}},"
      "'clinicalStatus':{{'coding':[{{'system':'http://terminology.hl7.org/CodeSystem/"
      "condition-clinical','code':'{}'}}]}},'code':{{'text':'{}'}}}}",
      text.substr(0, 4), status, text);
}

std::string pregnancy(const std::string& value) {
  return fmt::format(
      "{{'resourceType':'Observation','id':'preg','status':'final','effectiveDateTime':'2026-11-01'"
      ","
      "'subject':{{'reference':'Patient/1'}},'code':{{'coding':[{{'system':'http://"
      "loinc.org','code':"
      "'82810-3'}}]}},'valueCodeableConcept':{{'text':'{}'}}}}",
      value);
}

// "sex-at-birth.male medicine-classes.lithium"
std::string words(const std::string& suggested) {
  std::string out;
  const auto draft = read_draft(testing::knowledge(), suggested).value();
  for (const auto& [index, answer] : draft) {
    const auto& item = testing::knowledge().items[static_cast<std::size_t>(index)];
    for (std::size_t i = 0; i < item.options.size(); ++i) {
      if ((answer.chosen >> i & 1U) != 0) {
        out += fmt::format("{}{}.{}", out.empty() ? "" : " ", item.link_id, item.options[i].code);
      }
    }
  }
  return out;
}

TEST(Prefill, SuggestsWhatTheRecordAssertsAndNothingElse) {
  struct Case {
    const char* name;
    Record record;
    std::string suggested;
  };
  Record base;
  const auto with = [&](auto member, std::string value) {
    Record record = base;
    record.*member = std::move(value);
    return record;
  };
  const std::string female =
      "{'resourceType':'Patient','id':'1','gender':'female','birthDate':'1980-02'}";
  Record woman, maybe, not_pregnant;
  woman.patient = maybe.patient = not_pregnant.patient = female;
  woman.flags = found(pregnancy("Pregnant"));
  not_pregnant.flags = found(pregnancy("Not pregnant"));
  maybe.conditions = found(condition("First trimester pregnancy") + "\n" + condition("Puerperium"));
  const std::vector<Case> cases{
      {"nothing but the patient", base, "sex-at-birth.male"},
      {"a medicine", with(&Record::meds, found(medicine("Lithium carbonate 400 mg"))),
       "sex-at-birth.male medicine-classes.lithium"},
      {"two medicines, one by its class",
       with(&Record::meds, found(medicine("Lithium") + "\n" + medicine("Sertraline 50 mg"))),
       "sex-at-birth.male medicine-classes.ssri-snri medicine-classes.lithium"},
      {"a medicine that was stopped",
       with(&Record::meds, found(medicine("Lithium", "'status':'stopped'"))), "sex-at-birth.male"},
      {"a medicine that nobody knows", with(&Record::meds, found(medicine("Zzyzx"))),
       "sex-at-birth.male"},
      {"conditions", with(&Record::conditions, found(condition("Epilepsy"))),
       "sex-at-birth.male health-conditions.epilepsy"},
      {"a condition that was refuted is none",
       with(
           &Record::conditions,
           found("{'resourceType':'Condition','id':'c','subject':{'reference':'Patient/1'},"
                 "'verificationStatus':{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/"
                 "condition-ver-status','code':'refuted'}]},'code':{'text':'Epilepsy'}}")),
       "sex-at-birth.male"},
      {"no sex", with(&Record::patient, "{'resourceType':'Patient','id':'1'}"), ""},
      {"a pregnancy", woman, "sex-at-birth.female pregnancy-status.pregnant-20-plus"},
      {"no pregnancy is no answer: it may be otherwise by now", not_pregnant,
       "sex-at-birth.female"},
      {"two answers where one is possible are none", maybe, "sex-at-birth.female"},
      {"a search that failed hides only its own",
       [&] {
         Record record = base;
         record.meds = "{'resourceType':'OperationOutcome'}";
         record.conditions = found(condition("Epilepsy"));
         return record;
       }(),
       "sex-at-birth.male health-conditions.epilepsy"},
  };
  for (const auto& one : cases) {
    const auto made = prefill_of(assessor(), invitation(), prefetch_of(one.record), kNow);
    ASSERT_TRUE(made) << one.name << ": " << made.error();
    EXPECT_EQ(words(made->suggested), one.suggested) << one.name;
  }
}

TEST(Prefill, OfARecordThatIsNotThePatientsNothingIsUsed) {
  const std::string other = "{'resourceType':'Patient','id':'2','birthDate':'1980-02-27'}";
  Record another, born, mixed, broken, large;
  another.patient = other;
  born.patient = "{'resourceType':'Patient','id':'1','birthDate':'1980-02-28'}";
  mixed.meds = found(medicine("Lithium", "'status':'active'", "Patient/2"));
  broken.patient = "{'resourceType':'OperationOutcome'}";
  large.meds = found(medicine("Lithium " + std::string(kMostRecord, 'x')));
  for (const auto& [record, why] :
       {std::pair(another, "not that of"), std::pair(born, "another date of birth"),
        std::pair(mixed, "somebody else"), std::pair(broken, "not that of"),
        std::pair(large, "too long")}) {
    const auto made = prefill_of(assessor(), invitation(), prefetch_of(record), kNow);
    ASSERT_FALSE(made) << why;
    EXPECT_THAT(made.error(), HasSubstr("MF-4268: "));
    EXPECT_THAT(made.error(), HasSubstr(why));
  }
}

TEST(Prefill, WholeIsWhatMissesNothing) {
  const std::string failed = "{'resourceType':'OperationOutcome'}";
  const std::string more =
      "{'resourceType':'Bundle','type':'searchset','link':[{'relation':'next','url':'x'}]}";
  Record there, lost, paged, several;
  lost.conditions = failed;
  paged.meds = more;
  several.flags = "{'resourceType':'Bundle','type':'searchset','total':3}";
  EXPECT_TRUE(is_whole(prefetch_of(there)));
  for (const auto& record : {lost, paged, several}) {
    EXPECT_FALSE(is_whole(prefetch_of(record)));
  }
  auto old = prefetch_of(there);
  mark_old(old, kNow);
  EXPECT_FALSE(is_whole(old));
  EXPECT_THAT(fhir::write_json(old), HasSubstr("not fetched since 2026-11-22"));
}

TEST(Prefill, OnlyARefusalOfThePatientIsOne) {
  for (const auto& [code, is_one] :
       {std::pair("forbidden", true), std::pair("not-found", true), std::pair("deleted", true),
        std::pair("login", false), std::pair("transient", false)}) {
    const auto outcome =
        fmt::format("{{'resourceType':'OperationOutcome','issue':[{{'code':'{}'}}]}}", code);
    Record patient, conditions;
    patient.patient = conditions.conditions = outcome;
    EXPECT_EQ(is_refused(prefetch_of(patient)), is_one) << code;
    EXPECT_FALSE(is_refused(prefetch_of(conditions))) << code;
  }
}

// Whatever a record asserts: never "none", "not sure" or that somebody would rather not say.
TEST(Prefill, NeverSuggestsThatThereIsNothing) {
  const auto& knowledge = testing::knowledge();
  rules::RecordFacts facts;
  facts.chosen.fill(~std::uint64_t{0});
  std::set<std::string> questions;
  for (const auto& [index, answer] : suggestions_of(knowledge, facts)) {
    const auto& item = knowledge.items[static_cast<std::size_t>(index)];
    EXPECT_EQ(answer.chosen & (item.none | item.open()), 0u) << item.link_id;
    EXPECT_TRUE(item.repeats) << item.link_id << ": several answers where one is possible";
    questions.insert(item.link_id);
  }
  EXPECT_TRUE(questions.contains("medicine-classes"));
}

}  // namespace
}  // namespace myoflag::intake
