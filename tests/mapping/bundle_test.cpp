#include <algorithm>
#include <functional>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/convert.h"
#include "fhir/structure.h"
#include "fhir/uuid.h"
#include "plugin/mapping/assessment_json.h"
#include "plugin/mapping/bundle.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/digest.h"
#include "plugin/mapping/frame.h"
#include "plugin/mapping/identifiers.h"
#include "plugin/mapping/rule_codes.h"
#include "rules/evaluate.h"
#include "tests/mapping/assessed_response.h"

namespace myoflag::mapping {
namespace {

using fhir::Json;
using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

using Changes = std::initializer_list<std::pair<const std::string, std::vector<std::string>>>;

Given with(Changes changes) {
  auto given = calm_answers();
  for (const auto& [link, answers] : changes) {
    given[link] = answers;
  }
  return given;
}

Json bundle_of(const Judged& one, const BundleOptions& options = {}) {
  return transaction_bundle(one.assessment, one.response, {}, options);
}
Json bundle_of(const Given& given) { return bundle_of(judged(given)); }

std::vector<const Json*> resources(const Json& bundle, std::string_view type) {
  std::vector<const Json*> found;
  for (const auto& entry : bundle.array_of("entry")) {
    if (entry.find("resource")->string_of("resourceType") == type) {
      found.push_back(entry.find("resource"));
    }
  }
  return found;
}

const Json& only(const Json& bundle, std::string_view type) {
  const auto found = resources(bundle, type);
  if (found.size() != 1) {
    throw std::logic_error("expected one " + std::string(type));
  }
  return *found.front();
}

std::string_view first_code(const Json& resource, std::string_view member = "code") {
  const auto* concept_json = resource.find(member);
  return concept_json == nullptr || concept_json->array_of("coding").empty()
             ? std::string_view()
             : concept_json->array_of("coding").front().string_of("code");
}

// Observations whose code is the one of ours.
std::vector<const Json*> observations(const Json& bundle, std::string_view code) {
  auto found = resources(bundle, "Observation");
  std::erase_if(found, [code](const Json* one) { return first_code(*one) != code; });
  return found;
}

const Json& observation(const Json& bundle, std::string_view code) {
  const auto found = observations(bundle, code);
  if (found.size() != 1) {
    throw std::logic_error("expected one Observation " + std::string(code));
  }
  return *found.front();
}

std::string full_url(const Json& bundle, const Json& resource) {
  for (const auto& entry : bundle.array_of("entry")) {
    if (entry.find("resource") == &resource) {
      return std::string(entry.string_of("fullUrl"));
    }
  }
  return {};
}

void each_reference(const Json& value, const std::function<void(std::string_view)>& visit) {
  if (const auto* array = value.as_array()) {
    for (const auto& element : *array) {
      each_reference(element, visit);
    }
  }
  if (const auto* object = value.as_object()) {
    for (const auto& member : *object) {
      if (member.name == "reference" && member.value.is_string()) {
        visit(*member.value.as_string());
      }
      each_reference(member.value, visit);
    }
  }
}

std::vector<std::string> references(const Json& value) {
  std::vector<std::string> found;
  each_reference(value, [&found](std::string_view one) { found.emplace_back(one); });
  return found;
}

Given busy_answers() {
  return with({{"em-sudden", {"unsure"}},
               {"function-loss", {"grip", "stairs-chair"}},
               {"weakness-onset", {"weeks"}},
               {"movement-type", {"flicker", "cramp"}},
               {"lifestyle", {"caffeine", "poor-sleep"}},
               {"caffeine-drinks", {"6"}},
               {"sleep-hours", {"6.50"}},
               {"medicine-classes", {"lithium", "diuretic"}},
               {"anything-else", {"<b>please & thank you</b>"}}});
}

TEST(Bundle, EveryEntryIsAConditionalCreateUnderItsOwnName) {
  const auto bundle = bundle_of(busy_answers());
  EXPECT_EQ(bundle.string_of("type"), "transaction");
  std::set<std::string> urls, searches;
  for (const auto& entry : bundle.array_of("entry")) {
    const auto& request = *entry.find("request");
    EXPECT_EQ(request.string_of("method"), "POST");
    EXPECT_EQ(request.string_of("url"), entry.find("resource")->string_of("resourceType"));
    EXPECT_TRUE(fhir::is_uuid_urn(entry.string_of("fullUrl")));
    EXPECT_TRUE(urls.insert(std::string(entry.string_of("fullUrl"))).second);
    EXPECT_TRUE(searches.insert(std::string(request.string_of("ifNoneExist"))).second);
    EXPECT_THAT(std::string(request.string_of("ifNoneExist")),
                AnyOf(StartsWith("identifier=https%3A%2F%2Fmyoflag.org%2Ffhir%2Fidentifier%7C"),
                      StartsWith("_tag=https%3A%2F%2Fmyoflag.org%2Ffhir%2FCodeSystem%2F"
                                 "twitching-writings%7C")));
  }
}

TEST(Bundle, EveryUrnLeadsToAnEntry) {
  const auto bundle = bundle_of(busy_answers());
  std::set<std::string> urls;
  for (const auto& entry : bundle.array_of("entry")) {
    urls.emplace(entry.string_of("fullUrl"));
  }
  for (const auto& reference : references(bundle)) {
    if (reference.starts_with("urn:")) {
      EXPECT_TRUE(urls.contains(reference)) << reference;
    } else {
      EXPECT_EQ(reference, "Patient/p1");
    }
  }
}

TEST(Bundle, HasTheStructureOfR4) {
  for (const auto& given : {calm_answers(), busy_answers(), with({{"age-years", {"9"}}})}) {
    const auto bundle = bundle_of(given);
    EXPECT_THAT(fhir::check_structure(bundle), IsEmpty());
  }
}

TEST(Bundle, SameInputGivesTheSameBytes) {
  EXPECT_EQ(fhir::write_json(bundle_of(busy_answers())),
            fhir::write_json(bundle_of(busy_answers())));
}

TEST(Bundle, HoldsOnlyTheTypesThatWeWrite) {
  const auto bundle = bundle_of(busy_answers());
  for (const auto& entry : bundle.array_of("entry")) {
    EXPECT_THAT(std::string(entry.find("resource")->string_of("resourceType")),
                AnyOf("Device", "QuestionnaireResponse", "Observation", "ServiceRequest",
                      "DocumentReference", "Provenance"));
  }
}

// Every code comes from the knowledge, is ours, or belongs to FHIR itself.
TEST(Bundle, SendsNoCodeThatNobodyVerified) {
  const auto one = judged(busy_answers());
  std::set<std::pair<std::string, std::string>> verified;
  for (const auto& term : one.assessment.knowledge->terms) {
    verified.insert({term.system, term.code});
  }
  std::size_t foreign = 0;
  std::function<void(const Json&)> walk = [&](const Json& value) {
    if (const auto* array = value.as_array()) {
      std::for_each(array->begin(), array->end(), walk);
    }
    const auto* object = value.as_object();
    if (object == nullptr) {
      return;
    }
    const std::string system(value.string_of("system"));
    if (value.has("code") && (system == "http://snomed.info/sct" || system == "http://loinc.org")) {
      ++foreign;
      EXPECT_TRUE(verified.contains({system, std::string(value.string_of("code"))}));
    }
    for (const auto& member : *object) {
      walk(member.value);
    }
  };
  walk(bundle_of(one));
  EXPECT_GT(foreign, 0U);
}

TEST(AnswerObservation, StandsForEachChosenOption) {
  const auto bundle = bundle_of(busy_answers());
  const auto moves = observations(bundle, "movement-type");
  ASSERT_THAT(moves, SizeIs(2));
  EXPECT_EQ(first_code(*moves[0], "valueCodeableConcept"), "movement-type.flicker");
  EXPECT_EQ(first_code(*moves[1], "valueCodeableConcept"), "movement-type.cramp");
  for (const auto* one : moves) {
    EXPECT_EQ(one->string_of("status"), "final");
    EXPECT_EQ(one->array_of("category").at(0).array_of("coding").at(0).string_of("code"), "survey");
    EXPECT_EQ(one->string_of("effectiveDateTime"), "2026-11-20T09:30:00+01:00");
    EXPECT_EQ(one->string_of("issued"), "2026-11-20T09:30:00+01:00");
    EXPECT_EQ(one->find("subject")->string_of("reference"), "Patient/p1");
    EXPECT_EQ(one->array_of("performer").at(0).string_of("reference"), "Patient/p1");
    EXPECT_THAT(references(*one->find("derivedFrom")),
                ElementsAre(full_url(bundle, only(bundle, "QuestionnaireResponse"))));
    EXPECT_FALSE(one->find("code")->string_of("text").empty());
    EXPECT_FALSE(one->find("valueCodeableConcept")->string_of("text").empty());
  }
}

TEST(AnswerObservation, NotSureIsAbsentDataAndNeverAValue) {
  const auto bundle = bundle_of(busy_answers());
  const auto& sudden = observation(bundle, "em-sudden");
  EXPECT_FALSE(sudden.has("valueCodeableConcept"));
  EXPECT_EQ(first_code(sudden, "dataAbsentReason"), "asked-unknown");
}

TEST(AnswerObservation, PreferNotToSayIsDeclined) {
  const auto bundle = bundle_of(with({{"sex-at-birth", {"prefer-not"}}}));
  EXPECT_EQ(first_code(observation(bundle, "sex-at-birth"), "dataAbsentReason"), "asked-declined");
}

TEST(AnswerObservation, NumberKeepsItsDigitsAndUnit) {
  const auto bundle = bundle_of(busy_answers());
  const auto& sleep = *observation(bundle, "sleep-hours").find("valueQuantity");
  EXPECT_EQ(sleep.find("value")->as_number()->text, "6.50");
  const auto& age = *observation(bundle, "age-years").find("valueQuantity");
  EXPECT_EQ(age.string_of("code"), "a");
  EXPECT_EQ(age.string_of("system"), "http://unitsofmeasure.org");
  EXPECT_EQ(observation(bundle, "caffeine-drinks").find("valueInteger")->as_number()->text, "6");
}

TEST(AnswerObservation, FreeTextAndSkippedQuestionsHaveNone) {
  auto given = busy_answers();
  given.erase("worry-level");
  const auto bundle = bundle_of(given);
  EXPECT_THAT(observations(bundle, "anything-else"), IsEmpty());
  EXPECT_THAT(observations(bundle, "worry-level"), IsEmpty());
}

TEST(FlagObservation, SaysTrueFalseOrUnknown) {
  auto given = with({{"em-sudden", {"face-droop"}}});
  given.erase("em-spreading");
  const auto bundle = bundle_of(given);
  const auto& fired = observation(bundle, "em-stroke-signs");
  EXPECT_TRUE(*fired.find("valueBoolean")->as_bool());
  const auto& unknown = observation(bundle, "em-cauda-equina");
  EXPECT_FALSE(unknown.has("valueBoolean"));
  EXPECT_EQ(first_code(unknown, "dataAbsentReason"), "unknown");
  const auto& excluded = observation(bundle, "em-respiratory-or-airway");
  EXPECT_FALSE(*excluded.find("valueBoolean")->as_bool());
}

TEST(FlagObservation, LeadsToTheAnswersItRestsOn) {
  const auto bundle = bundle_of(with({{"em-sudden", {"face-droop"}}}));
  const auto& flag = observation(bundle, "em-stroke-signs");
  EXPECT_THAT(references(*flag.find("derivedFrom")),
              ElementsAre(full_url(bundle, only(bundle, "QuestionnaireResponse")),
                          full_url(bundle, observation(bundle, "em-sudden"))));
  const auto& component = flag.array_of("component").at(0);
  EXPECT_EQ(first_code(component), "em-sudden");
  EXPECT_EQ(first_code(component, "valueCodeableConcept"), "em-sudden.face-droop");
  EXPECT_EQ(flag.string_of("issued"), "2026-11-20T10:00:00Z");
  EXPECT_EQ(flag.find("method")->string_of("text"), "rule-based decision support");
  EXPECT_THAT(std::string(flag.array_of("note").at(0).string_of("text")), HasSubstr("stroke"));
  EXPECT_FALSE(flag.has("performer"));
  EXPECT_EQ(flag.find("device")->string_of("reference"), full_url(bundle, only(bundle, "Device")));
}

TEST(FlagObservation, UnknownNamesTheQuestionsThatWouldSettleIt) {
  auto given = with({{"em-sudden", {"unsure"}}});
  given.erase("em-spreading");
  const auto bundle = bundle_of(given);
  const auto& stroke = observation(bundle, "em-stroke-signs").array_of("component");
  ASSERT_THAT(stroke, SizeIs(1));
  EXPECT_EQ(first_code(stroke[0]), "em-sudden");
  EXPECT_EQ(first_code(stroke[0], "dataAbsentReason"), "asked-unknown");
  const auto& cauda = observation(bundle, "em-cauda-equina").array_of("component");
  ASSERT_FALSE(cauda.empty());
  EXPECT_EQ(first_code(cauda[0]), "em-spreading");
  EXPECT_EQ(first_code(cauda[0], "dataAbsentReason"), "unknown");
}

TEST(FlagObservation, ExistsForEveryRuleOfTheUpperTiers) {
  const auto one = judged(calm_answers());
  const auto bundle = bundle_of(one);
  std::size_t red_flags = 0;
  for (const auto& rule : one.assessment.knowledge->rules) {
    if (rule.tier >= rules::Tier::soon) {
      ++red_flags;
      EXPECT_THAT(observations(bundle, rule.id), SizeIs(1)) << rule.id;
    }
  }
  EXPECT_GE(red_flags, 60U);
}

// Potassium, sodium, calcium and magnesium in the middle of what is normal.
rules::RecordFacts normal_electrolytes() {
  rules::RecordFacts facts;
  facts.fetched = true;
  const auto knowledge = judged(calm_answers()).assessment.knowledge;
  const std::pair<const char*, const char*> values[] = {
      {"k", "4"}, {"na", "140"}, {"ca", "2.4"}, {"mg", "0.9"}};
  for (const auto& [name, value] : values) {
    facts.labs[static_cast<std::size_t>(knowledge->lab(name))] = {rules::LabState::known,
                                                                  *rules::read_number(value), 1};
  }
  return facts;
}

std::string json_status(const rules::Assessment& assessment, std::string_view rule) {
  const Json json = assessment_json(assessment, true);
  for (const auto& finding : json.array_of("findings")) {
    if (finding.string_of("rule") == rule) {
      return std::string(finding.string_of("status"));
    }
  }
  return {};
}

TEST(FlagObservation, RuleOfLaboratoryValuesAloneIsExcludedOnlyByUsableOnes) {
  constexpr auto rule = "em-critical-electrolyte";
  const auto known = judged(response_of(calm_answers()), {}, normal_electrolytes());
  const auto bundle = bundle_of(known);
  ASSERT_TRUE(observation(bundle, rule).has("valueBoolean"));
  EXPECT_EQ(*observation(bundle, rule).find("valueBoolean"), Json(false));
  EXPECT_EQ(json_status(known.assessment, rule), "excluded");
  const auto potassium = static_cast<std::size_t>(known.assessment.knowledge->lab("k"));
  const auto check = [&](const rules::RecordFacts& facts) {
    const auto one = judged(response_of(calm_answers()), {}, facts);
    const auto unknown = bundle_of(one);
    EXPECT_FALSE(observation(unknown, rule).has("valueBoolean"));
    EXPECT_EQ(first_code(observation(unknown, rule), "dataAbsentReason"), "unknown");
    EXPECT_EQ(json_status(one.assessment, rule), "not-excluded");
    EXPECT_NE(observation(unknown, rule).array_of("identifier"),
              observation(bundle, rule).array_of("identifier"));
  };
  check({});
  for (const auto state :
       {rules::LabState::none, rules::LabState::not_fetched, rules::LabState::unusable}) {
    auto facts = normal_electrolytes();
    facts.labs[potassium] = {state, {}, 1};
    check(facts);
  }
  auto old = normal_electrolytes();
  old.labs[potassium].age_days = 8;
  check(old);
}

// Tender muscles and a creatine kinase that nobody can compare: the rule was not looked at.
TEST(FlagObservation, RuleOfAnswersAndResultsIsNotExcludedByAnUnusableResult) {
  constexpr auto rule = "em-rhabdomyolysis";
  auto answers = calm_answers();
  answers["muscle-changes"] = {"tender-swollen"};
  rules::RecordFacts facts;
  const auto without = judged(response_of(answers), {}, facts);
  const auto index = static_cast<std::size_t>(without.assessment.knowledge->lab("ck-xuln"));
  EXPECT_EQ(*observation(bundle_of(without), rule).find("valueBoolean"), Json(false));
  facts.labs[index] = {rules::LabState::unusable, {}, 1};
  const auto beside = judged(response_of(answers), {}, facts);
  EXPECT_EQ(first_code(observation(bundle_of(beside), rule), "dataAbsentReason"), "unknown");
  EXPECT_EQ(json_status(beside.assessment, rule), "not-excluded");
  EXPECT_EQ(beside.assessment.bounds.highest, rules::Tier::emergency);
}

TEST(FlagObservation, RuleForAdultsDoesNotApplyToAChild) {
  const auto bundle = bundle_of(with({{"age-years", {"9"}}}));
  std::size_t not_applicable = 0;
  for (const auto* one : resources(bundle, "Observation")) {
    if (first_code(*one, "dataAbsentReason") == "not-applicable") {
      ++not_applicable;
      EXPECT_FALSE(one->has("valueBoolean"));
    }
  }
  EXPECT_GT(not_applicable, 0U);
}

TEST(TierObservation, IsThePanelOverTheFlags) {
  const auto bundle = bundle_of(with({{"em-sudden", {"face-droop"}}}));
  const auto& tier = observation(bundle, kUrgencyTier);
  EXPECT_EQ(first_code(tier, "valueCodeableConcept"), "emergency");
  EXPECT_THAT(references(*tier.find("hasMember")),
              Contains(full_url(bundle, observation(bundle, "em-stroke-signs"))));
  const auto& target = tier.array_of("component").at(0);
  EXPECT_EQ(first_code(target), kTargetTime);
  EXPECT_EQ(target.find("valueQuantity")->find("value")->as_number()->text, "0");
  EXPECT_EQ(target.find("valueQuantity")->string_of("code"), "h");
}

TEST(ServiceRequest, IsADraftProposalWithItsReasons) {
  const auto one = judged(with({{"em-sudden", {"face-droop"}}}));
  const auto bundle = bundle_of(one);
  const auto requests = resources(bundle, "ServiceRequest");
  std::size_t proposed = 0;
  for (const auto& row : one.assessment.workups) {
    proposed += row.status == rules::WorkupStatus::proposed ? 1 : 0;
  }
  ASSERT_GT(proposed, 0U);
  ASSERT_THAT(requests, SizeIs(proposed));
  const auto flag = full_url(bundle, observation(bundle, "em-stroke-signs"));
  for (const auto* request : requests) {
    EXPECT_EQ(request->string_of("status"), "draft");
    EXPECT_EQ(request->string_of("intent"), "proposal");
    EXPECT_EQ(request->string_of("authoredOn"), "2026-11-20T10:00:00Z");
    EXPECT_THAT(references(*request->find("supportingInfo")),
                ElementsAre(full_url(bundle, only(bundle, "QuestionnaireResponse"))));
    EXPECT_FALSE(request->find("code")->string_of("text").empty());
    EXPECT_FALSE(request->array_of("category").empty());
    EXPECT_FALSE(request->array_of("note").empty());
    EXPECT_FALSE(request->has("doNotPerform"));
  }
  const auto stat = std::find_if(requests.begin(), requests.end(), [](const Json* request) {
    return request->string_of("priority") == "stat";
  });
  ASSERT_NE(stat, requests.end());
  EXPECT_THAT(references(*(*stat)->find("reasonReference")), Contains(flag));
}

TEST(Document, CarriesThePageAndTheTraceWithSizeAndHash) {
  const auto one = judged(busy_answers());
  const auto bundle = bundle_of(one);
  const auto& document = only(bundle, "DocumentReference");
  const auto& content = document.array_of("content");
  ASSERT_THAT(content, SizeIs(2));
  EXPECT_EQ(content[0].find("attachment")->string_of("contentType"), "text/html");
  EXPECT_EQ(content[1].find("attachment")->string_of("contentType"), "application/json");
  for (const auto& part : content) {
    const auto& attachment = *part.find("attachment");
    const auto data = attachment.string_of("data");
    const auto padding = static_cast<std::size_t>(std::count(data.begin(), data.end(), '='));
    EXPECT_EQ(attachment.find("size")->as_number()->text,
              std::to_string(data.size() / 4 * 3 - padding));
    EXPECT_EQ(attachment.string_of("hash").size(), 28U);
  }
  EXPECT_EQ(document.find("context")->array_of("related").at(0).string_of("reference"),
            full_url(bundle, only(bundle, "QuestionnaireResponse")));
}

TEST(ProvenanceResource, NamesWhatWasMadeFromWhatByWhom) {
  const auto one = judged(busy_answers());
  const auto bundle = bundle_of(one);
  const auto& provenance = only(bundle, "Provenance");
  const auto made = resources(bundle, "Observation").size() +
                    resources(bundle, "ServiceRequest").size() +
                    resources(bundle, "DocumentReference").size();
  EXPECT_THAT(provenance.array_of("target"), SizeIs(made));
  EXPECT_EQ(*provenance.array_of("policy").at(0).as_string(),
            policy_canonical(*one.assessment.knowledge));
  EXPECT_EQ(provenance.array_of("entity").at(0).find("what")->string_of("reference"),
            full_url(bundle, only(bundle, "QuestionnaireResponse")));
  EXPECT_EQ(provenance.array_of("agent").at(0).find("who")->string_of("reference"),
            full_url(bundle, only(bundle, "Device")));
  EXPECT_EQ(
      provenance.array_of("entity").at(1).find("what")->find("identifier")->string_of("value"),
      one.assessment.knowledge->digest);
}

TEST(ProvenanceResource, NamesTheEntriesOfTheRecordThatWereRead) {
  std::vector<rules::RecordEntry> record(3);
  record[0].text = "Lithium carbonate";
  record[0].reference = "MedicationRequest/m1";
  record[1].text = "no name";
  record[2].text = "only in its own file";
  record[2].reference = "urn:uuid:0b4e8a10-0000-4000-8000-000000000001";
  const auto bundle = bundle_of(judged(response_of(calm_answers()), record, {}));
  const auto found = references(*only(bundle, "Provenance").find("entity"));
  EXPECT_THAT(found, SizeIs(2));
  EXPECT_THAT(found, Contains("MedicationRequest/m1"));
}

TEST(Response, GainsTextsAndANameAndLosesItsServerId) {
  const auto bundle = bundle_of(busy_answers());
  const auto& response = only(bundle, "QuestionnaireResponse");
  EXPECT_FALSE(response.has("id"));
  EXPECT_EQ(response.find("identifier")->string_of("system"),
            "https://myoflag.org/fhir/identifier");
  std::size_t items = 0;
  std::function<void(const Json&)> walk = [&](const Json& owner) {
    for (const auto& item : owner.array_of("item")) {
      ++items;
      EXPECT_TRUE(item.has("text")) << item.string_of("linkId");
      walk(item);
    }
  };
  walk(response);
  EXPECT_GT(items, 25U);
}

TEST(Response, KeepsItsOwnIdentifierAndTexts) {
  auto given = response_of(calm_answers());
  given.set("identifier", Json::object({{"system", "urn:x"}, {"value", "a|b,c"}}));
  given.find("item")->as_array()->front().set("text", "Their words");
  const auto bundle = bundle_of(judged(given));
  const auto& response = only(bundle, "QuestionnaireResponse");
  EXPECT_EQ(response.find("identifier")->string_of("value"), "a|b,c");
  EXPECT_EQ(response.array_of("item").front().string_of("text"), "Their words");
  for (const auto& entry : bundle.array_of("entry")) {
    if (entry.find("resource") == &response) {
      EXPECT_EQ(entry.find("request")->string_of("ifNoneExist"),
                "identifier=urn%3Ax%7Ca%5C%7Cb%5C%2Cc&status=completed,amended");
    }
  }
}

TEST(Response, AmendedOneReplacesWhatTheRecordHolds) {
  auto given = response_of(calm_answers());
  given.set("identifier", Json::object({{"system", "urn:x"}, {"value", "7"}}));
  given.set("status", "amended");
  const auto bundle = bundle_of(judged(given));
  const auto& request = *bundle.array_of("entry").at(1).find("request");
  EXPECT_EQ(request.string_of("method"), "PUT");
  EXPECT_EQ(request.string_of("url"),
            "QuestionnaireResponse?identifier=urn%3Ax%7C7&status=completed,amended");
}

TEST(Response, AnswersToQuestionsThatDoNotApplyAreNotSent) {
  auto given = calm_answers();
  given["pregnancy-status"] = {"pregnant-20-plus"};
  const auto bundle = bundle_of(given);
  EXPECT_THAT(fhir::write_json(only(bundle, "QuestionnaireResponse")),
              Not(HasSubstr("pregnancy-status")));
  EXPECT_THAT(observations(bundle, "pregnancy-status"), IsEmpty());
}

// Steps down by linkId.
const Json* item_at(const Json& owner, std::initializer_list<std::string_view> path) {
  const Json* at = &owner;
  for (const auto link_id : path) {
    const auto& items = at->array_of("item");
    const auto found = std::find_if(items.begin(), items.end(), [&](const Json& item) {
      return item.string_of("linkId") == link_id;
    });
    if (found == items.end()) {
      return nullptr;
    }
    at = &*found;
  }
  return at;
}

TEST(Response, CompletedWithAGapSaysThatTheAnswerIsUnknown) {
  auto given = calm_answers();
  given.erase("em-sudden");
  const auto bundle = bundle_of(given);
  const auto& response = only(bundle, "QuestionnaireResponse");
  const auto* item = item_at(response, {"g-emergency", "em-sudden"});
  ASSERT_NE(item, nullptr);
  ASSERT_THAT(item->array_of("answer"), SizeIs(1));
  const auto& answer = item->array_of("answer")[0];
  EXPECT_THAT(*answer.as_object(), SizeIs(1));
  EXPECT_EQ(answer.array_of("extension").at(0).string_of("valueCode"), "unknown");
  // In the order of the form.
  const auto& group = item_at(response, {"g-emergency"})->array_of("item");
  EXPECT_EQ(group.at(0).string_of("linkId"), "em-now");
  EXPECT_EQ(group.at(1).string_of("linkId"), "em-sudden");
  EXPECT_EQ(group.at(2).string_of("linkId"), "em-spreading");
  EXPECT_THAT(observations(bundle, "em-sudden"), IsEmpty());
  EXPECT_THAT(fhir::check_structure(bundle), IsEmpty());
}

TEST(Response, GroupWithoutAnyAnswerIsAddedWhereItStandsInTheForm) {
  auto given = calm_answers();
  for (const auto* link : {"em-now", "em-sudden", "em-spreading", "em-context"}) {
    given.erase(link);
  }
  const auto bundle = bundle_of(given);
  const auto& items = only(bundle, "QuestionnaireResponse").array_of("item");
  EXPECT_EQ(items.at(0).string_of("linkId"), "g-emergency");
  EXPECT_THAT(items.at(0).array_of("item"), SizeIs(4));
}

TEST(Response, UnfinishedOneIsLeftWithItsGaps) {
  auto given = calm_answers();
  given.erase("em-sudden");
  auto response = response_of(given);
  response.set("status", "in-progress");
  const auto bundle = bundle_of(judged(response));
  EXPECT_EQ(item_at(only(bundle, "QuestionnaireResponse"), {"g-emergency", "em-sudden"}), nullptr);
}

TEST(Subject, ThatIsMissingIsAProblemOfTheBundle) {
  auto response = response_of(calm_answers());
  const auto problem = [](const Json& given, const std::vector<Json>& record = {}) {
    return missing_subject(judged(given).assessment, given, record);
  };
  EXPECT_EQ(problem(response), std::nullopt);
  response.set("subject", Json::object({{"identifier", Json::object({{"value", "7"}})}}));
  EXPECT_EQ(problem(response), std::nullopt);
  for (const Json& subject :
       {Json::object({{"display", "somebody"}}),
        Json::object({{"identifier", Json::object({{"system", "http://example.org/mrn"}})}}),
        Json::object({{"identifier", Json::object({{"value", " "}})}}),
        Json::object({{"reference", "urn:uuid:5b3f9d1e-0000-4000-8000-000000000001"}})}) {
    response.set("subject", subject);
    ASSERT_TRUE(problem(response));
    EXPECT_EQ(problem(response)->code, "MF-3027");
    EXPECT_EQ(problem(response)->place, "QuestionnaireResponse.subject");
  }
  response.erase("subject");
  EXPECT_TRUE(problem(response));
  const Json patient = Json::object({{"resourceType", "Patient"}, {"id", "p1"}});
  EXPECT_EQ(problem(response, {patient}), std::nullopt);
}

TEST(Response, HasItsItemsInTheOrderOfTheForm) {
  const auto ordered = response_of(calm_answers());
  auto mixed = ordered;
  auto& items = *mixed.find("item")->as_array();
  std::reverse(items.begin(), items.end());
  const auto sent = bundle_of(judged(mixed));
  EXPECT_EQ(*only(sent, "QuestionnaireResponse").find("item"),
            *only(bundle_of(judged(ordered)), "QuestionnaireResponse").find("item"));
}

TEST(Response, HeldByTheRecordIsReferredToAndNotSent) {
  BundleOptions options;
  options.held_response = "QuestionnaireResponse/77";
  const auto bundle = bundle_of(judged(busy_answers()), options);
  EXPECT_THAT(resources(bundle, "QuestionnaireResponse"), IsEmpty());
  EXPECT_THAT(references(*observation(bundle, "em-sudden").find("derivedFrom")),
              ElementsAre("QuestionnaireResponse/77"));
}

TEST(Subject, WithoutOneThereIsNoRequestForATest) {
  auto given = response_of(with({{"em-sudden", {"face-droop"}}}));
  for (const auto* name : {"subject", "author", "source"}) {
    given.erase(name);
  }
  const auto bundle = bundle_of(judged(given));
  EXPECT_THAT(resources(bundle, "ServiceRequest"), IsEmpty());
  EXPECT_FALSE(observation(bundle, "em-sudden").has("subject"));
  EXPECT_FALSE(observation(bundle, "em-sudden").has("performer"));
  EXPECT_THAT(fhir::check_structure(bundle), IsEmpty());
}

TEST(Subject, IsThePatientOfTheRecordWhereTheResponseNamesNobody) {
  auto given = response_of(calm_answers());
  given.erase("subject");
  const auto one = judged(given);
  const Json patient = Json::object({{"resourceType", "Patient"}, {"id", "p9"}});
  const auto bundle = transaction_bundle(one.assessment, one.response, {patient});
  EXPECT_EQ(observation(bundle, "em-sudden").find("subject")->string_of("reference"), "Patient/p9");
  EXPECT_EQ(only(bundle, "QuestionnaireResponse").find("subject")->string_of("reference"),
            "Patient/p9");
  EXPECT_THAT(resources(bundle, "Patient"), IsEmpty());
  const auto two = transaction_bundle(one.assessment, one.response, {patient, patient});
  EXPECT_FALSE(observation(two, "em-sudden").has("subject"));
}

TEST(Subject, ContainedPatientIsKnownByItsIdentifier) {
  auto given = response_of(calm_answers());
  given.set("contained",
            Json::array({Json::object(
                {{"resourceType", "Patient"},
                 {"id", "me"},
                 {"identifier",
                  Json::array({Json::object({{"system", "urn:mrn"}, {"value", "123"}})})}})}));
  given.set("subject", Json::object({{"reference", "#me"}}));
  given.set("author", Json::object({{"reference", "#me"}}));
  given.set("source", Json::object({{"reference", "#me"}}));
  const auto bundle = bundle_of(judged(given));
  const auto& subject = *observation(bundle, "em-sudden").find("subject");
  EXPECT_FALSE(subject.has("reference"));
  EXPECT_EQ(subject.find("identifier")->string_of("value"), "123");
  EXPECT_EQ(only(bundle, "QuestionnaireResponse").find("subject")->string_of("reference"), "#me");
  EXPECT_THAT(fhir::check_structure(bundle), IsEmpty());
}

TEST(Subject, ReferenceIntoTheFileThatWasReadIsNotRepeated) {
  auto given = response_of(calm_answers());
  const Json urn = Json::object({{"reference", "urn:uuid:0b4e8a10-0000-4000-8000-000000000001"}});
  for (const auto* name : {"subject", "author", "source", "encounter"}) {
    given.set(name, urn);
  }
  given.set("basedOn", Json::array({urn}));
  const auto one = judged(given);
  const Json patient = Json::object({{"resourceType", "Patient"}, {"id", "p9"}});
  const auto bundle = transaction_bundle(one.assessment, one.response, {patient});
  for (const auto& reference : references(bundle)) {
    EXPECT_NE(reference, urn.string_of("reference"));
  }
  EXPECT_EQ(observation(bundle, "em-sudden").find("subject")->string_of("reference"), "Patient/p9");
}

// Where the file is not, a server would refuse all of the transaction.
TEST(References, IntoTheFileAreDroppedWhereverTheyStand) {
  constexpr const char* urn = "urn:uuid:0b4e8a10-0000-4000-8000-000000000001";
  const Json target = Json::object({{"reference", urn}});
  const Json named = Json::object({{"reference", urn}, {"display", "Somebody"}});
  auto given = response_of(calm_answers());
  const auto extension = [](const Json& reference) {
    return Json::object({{"url", "https://a.example/x"}, {"valueReference", reference}});
  };
  given.set("meta", Json::object({{"extension", Json::array({extension(target)})}}));
  given.set("_authored", Json::object({{"extension", Json::array({extension(target)})}}));
  given.set("extension",
            Json::array({Json::object({{"url", "https://a.example/outer"},
                                       {"extension", Json::array({extension(target)})}}),
                         extension(named)}));
  given.set("identifier", Json::object({{"value", "7"}, {"assigner", target}}));
  given.set("subject",
            Json::object({{"reference", "Patient/p1"},
                          {"identifier", Json::object({{"value", "8"}, {"assigner", target}})}}));
  given.set("author", Json::object({{"reference", "#me"}}));
  given.set("contained", Json::array({Json::object({{"resourceType", "PractitionerRole"},
                                                    {"id", "me"},
                                                    {"practitioner", target},
                                                    {"location", Json::array({target, named})}})}));
  const auto bundle = bundle_of(judged(given));
  EXPECT_THAT(references(bundle), Not(Contains(urn)));
  EXPECT_THAT(fhir::check_structure(bundle), IsEmpty());
  const auto& sent = only(bundle, "QuestionnaireResponse");
  EXPECT_FALSE(sent.has("_authored"));
  EXPECT_FALSE(sent.has("meta"));
  EXPECT_EQ(fhir::write_json(*sent.find("extension")),
            R"([{"url":"https://a.example/x","valueReference":{"display":"Somebody"}}])");
  EXPECT_EQ(fhir::write_json(*sent.find("identifier")), R"({"value":"7"})");
  EXPECT_EQ(fhir::write_json(sent.array_of("contained")[0]),
            R"({"resourceType":"PractitionerRole","id":"me","location":[{"display":"Somebody"}]})");
  EXPECT_EQ(fhir::write_json(*observation(bundle, "em-sudden").find("subject")),
            R"({"reference":"Patient/p1","identifier":{"value":"8"}})");
}

// What is contained in the response is not contained in an Observation.
TEST(References, OfTheSubjectsNumberIntoTheResponseStayInTheResponse) {
  auto given = response_of(calm_answers());
  const Json number =
      Json::object({{"value", "8"}, {"assigner", Json::object({{"reference", "#org"}})}});
  given.set("subject", Json::object({{"identifier", number}}));
  given.set("contained",
            Json::array({Json::object({{"resourceType", "Organization"}, {"id", "org"}})}));
  const auto bundle = bundle_of(judged(given));
  for (const auto* one : resources(bundle, "Observation")) {
    EXPECT_THAT(references(*one), Not(Contains("#org")));
  }
  EXPECT_EQ(fhir::write_json(*observation(bundle, "em-sudden").find("subject")),
            R"({"identifier":{"value":"8"}})");
}

TEST(AnswerObservation, IsBasedOnWhatTheResponseIsBasedOn) {
  const auto to = [](const char* target) { return Json::object({{"reference", target}}); };
  auto given = response_of(calm_answers());
  given.set("basedOn", Json::array({to("CarePlan/1"), to("#r"), to("ServiceRequest/2"),
                                    to("urn:uuid:0b4e8a10-0000-4000-8000-000000000001")}));
  given.set("partOf",
            Json::array({to("Observation/1"), to("https://a.example/Procedure/2"),
                         Json::object({{"identifier", Json::object({{"value", "3"}})}})}));
  const auto bundle = bundle_of(judged(given));
  const auto& answer = observation(bundle, "em-sudden");
  EXPECT_THAT(references(*answer.find("basedOn")), ElementsAre("CarePlan/1", "ServiceRequest/2"));
  EXPECT_EQ(fhir::write_json(*answer.find("partOf")),
            R"([{"reference":"https://a.example/Procedure/2"}])");
  EXPECT_FALSE(observation(bundle, "urgency-tier").has("basedOn"));
  EXPECT_THAT(fhir::check_structure(bundle), IsEmpty());
  EXPECT_FALSE(observation(bundle_of(calm_answers()), "em-sudden").has("basedOn"));
}

TEST(Performer, IsNeverADevice) {
  auto given = response_of(calm_answers());
  given.set("author", Json::object({{"reference", "Device/tablet"}}));
  EXPECT_FALSE(observation(bundle_of(judged(given)), "em-sudden").has("performer"));
  given.set("author", Json::object({{"reference", "http://ehr/fhir/Practitioner/1/_history/2"}}));
  EXPECT_TRUE(observation(bundle_of(judged(given)), "em-sudden").has("performer"));
}

TEST(Times, DayWithoutTimeIsNoInstant) {
  auto given = response_of(calm_answers());
  given.set("authored", "2026-11-19");
  const auto bundle = bundle_of(judged(given));
  EXPECT_EQ(observation(bundle, "em-sudden").string_of("effectiveDateTime"), "2026-11-19");
  EXPECT_FALSE(observation(bundle, "em-sudden").has("issued"));
  EXPECT_THAT(fhir::check_structure(bundle), IsEmpty());
}

std::string name_of_flag(const Judged& one, const BundleOptions& options = {}) {
  const auto bundle = bundle_of(one, options);
  return full_url(bundle, observation(bundle, "em-stroke-signs"));
}
std::string name_of_answer(const Judged& one) {
  const auto bundle = bundle_of(one);
  return full_url(bundle, observation(bundle, "em-sudden"));
}

TEST(Names, DependOnSiteResponseAndOutcome) {
  const auto one = judged(calm_answers());
  const auto name = name_of_flag(one);
  EXPECT_EQ(name_of_flag(judged(calm_answers())), name);
  BundleOptions other;
  other.tenant = "another hospital";
  EXPECT_NE(name_of_flag(one, other), name);
  auto renamed = response_of(calm_answers());
  renamed.set("id", "r2");
  EXPECT_NE(name_of_flag(judged(renamed)), name);
  EXPECT_NE(name_of_flag(judged(with({{"worry-level", {"little"}}}))), name);
}

TEST(Names, OfResultsChangeWhenTheRecordChangesThem) {
  rules::RecordFacts facts;
  facts.fetched = true;
  const auto knowledge = judged(calm_answers()).assessment.knowledge;
  const auto item = static_cast<std::size_t>(knowledge->item("medicine-classes"));
  facts.chosen[item] = std::uint64_t{1} << knowledge->items[item].option("lithium");
  const auto plain = judged(calm_answers());
  const auto with_lithium = judged(response_of(calm_answers()), {}, facts);
  EXPECT_NE(name_of_flag(plain), name_of_flag(with_lithium));
  EXPECT_EQ(name_of_answer(plain), name_of_answer(with_lithium));
}

std::set<std::string> names_in(const Json& bundle) {
  std::set<std::string> names;
  for (const auto& entry : bundle.array_of("entry")) {
    names.insert(std::string(entry.string_of("fullUrl")));
  }
  return names;
}

TEST(Names, DoNotDependOnTheClock) {
  const auto now = judged(calm_answers());
  auto input = *now.assessment.input;
  input.now += std::chrono::hours{1};
  const Judged later{now.response, rules::assess(now.assessment.knowledge, std::move(input))};
  EXPECT_EQ(names_in(bundle_of(now)), names_in(bundle_of(later)));
}

TEST(Names, OfTwoPatientsWithTheSameAnswersHaveNothingInCommonButTheDevice) {
  const auto of = [](Json subject) {
    auto given = response_of(calm_answers());
    given.erase("id");
    given.set("subject", std::move(subject));
    return names_in(bundle_of(judged(given)));
  };
  const auto by_number = [](std::string_view number) {
    return Json::object({{"identifier", Json::object({{"system", "urn:mrn"}, {"value", number}})}});
  };
  const std::vector<std::set<std::string>> people{of(by_number("1")), of(by_number("2")),
                                                  of(Json::object({{"reference", "Patient/a"}})),
                                                  of(Json::object({{"reference", "Patient/b"}}))};
  for (std::size_t i = 0; i < people.size(); ++i) {
    for (std::size_t k = i + 1; k < people.size(); ++k) {
      std::vector<std::string> common;
      std::set_intersection(people[i].begin(), people[i].end(), people[k].begin(), people[k].end(),
                            std::back_inserter(common));
      EXPECT_EQ(common.size(), 1U);
    }
  }
}

TEST(Names, OfContainedPatientsWithoutNumbersDiffer) {
  const auto of = [](std::string_view family) {
    auto given = response_of(calm_answers());
    given.erase("id");
    const Json name = Json::object({{"text", family}});
    given.set("contained",
              Json::array({Json::object(
                  {{"resourceType", "Patient"}, {"id", "me"}, {"name", Json::array({name})}})}));
    given.set("subject", Json::object({{"reference", "#me"}}));
    return name_of_flag(judged(given));
  };
  EXPECT_NE(of("Doe"), of("Roe"));
}

// What a record gives back of a response: an id and meta of its own.
Json read_back(const Json& bundle) {
  Json response = only(bundle, "QuestionnaireResponse");
  response.set("id", "4711");
  response.set("meta", Json::object({{"versionId", "1"}}));
  return response;
}

TEST(Names, OfAResponseWeSentAndReadBackAreTheSame) {
  auto gaps = calm_answers();
  gaps.erase("em-now");
  gaps.erase("movement-type");
  auto own_number = response_of(calm_answers());
  own_number.set("identifier", Json::object({{"system", "urn:portal"}, {"value", "7"}}));
  auto no_id = response_of(busy_answers());
  no_id.erase("id");
  for (const auto& given : {response_of(calm_answers()), response_of(gaps), own_number, no_id}) {
    const auto sent = bundle_of(judged(given));
    EXPECT_EQ(names_in(bundle_of(judged(read_back(sent)))), names_in(sent));
  }
}

// Servers put their own address, or a version, into references.
TEST(Names, AreTheSameHoweverAServerWritesTheReferences) {
  auto given = response_of(calm_answers());
  given.set("source", *given.find("subject"));
  const auto sent = bundle_of(judged(given));
  const std::string patient(given.find("subject")->string_of("reference"));
  const auto names = [&](std::string_view member, const std::string& reference) {
    auto changed = read_back(sent);
    changed.set(member, Json::object({{"reference", reference}}));
    return names_in(bundle_of(judged(changed)));
  };
  for (const auto& [before, after] : std::vector<std::pair<std::string, std::string>>{
           {"https://ehr.example/fhir/", ""},
           {"HTTP://EHR.example:80/fhir/", ""},
           {"", "/_history/1"},
           {"https://ehr.example/fhir/", "/_history/2"}}) {
    for (const std::string_view member : {"subject", "source"}) {
      EXPECT_EQ(names(member, before + patient + after), names_in(sent)) << member << before;
      EXPECT_NE(names(member, before + patient + "x" + after), names_in(sent)) << member << before;
    }
  }
}

// What stands behind a slash of these is no type and id.
TEST(Names, OfPatientsKnownByASearchOrAUrnAreTheirOwn) {
  const auto of = [](std::string_view reference) {
    auto given = response_of(calm_answers());
    given.set("subject", Json::object({{"reference", reference}}));
    return content_digest(given);
  };
  EXPECT_NE(of("Patient?identifier=https://a.example/Patient/1"),
            of("Patient?identifier=https://b.example/Patient/1"));
  EXPECT_NE(of("urn:oid:1.2.3"), of("urn:oid:1.2.4"));
}

TEST(Bundle, HasItsMembersInTheOrderOfTheDefinition) {
  auto given = response_of(calm_answers());
  auto reversed = Json::object({});
  const auto& members = *given.as_object();
  for (auto member = members.rbegin(); member != members.rend(); ++member) {
    reversed.set(member->name, member->value);
  }
  const auto bundle = bundle_of(judged(reversed));
  EXPECT_EQ(fhir::write_json(bundle), fhir::write_json(fhir::in_definition_order(bundle)));
}

TEST(Names, OfACopyUnderAnotherPatientAreNotTheFirstOnes) {
  const auto sent = bundle_of(judged(response_of(calm_answers())));
  auto copy = read_back(sent);
  copy.set("subject", Json::object({{"reference", "Patient/another"}}));
  const auto bundle = bundle_of(judged(copy));
  std::vector<std::string> common;
  const auto first = names_in(sent);
  const auto second = names_in(bundle);
  std::set_intersection(first.begin(), first.end(), second.begin(), second.end(),
                        std::back_inserter(common));
  EXPECT_EQ(common.size(), 1U) << "the device";
  const auto number = [](const Json& one) {
    return std::string(only(one, "QuestionnaireResponse").find("identifier")->string_of("value"));
  };
  EXPECT_NE(number(bundle), number(sent));
  EXPECT_EQ("urn:uuid:" + number(bundle), full_url(bundle, only(bundle, "QuestionnaireResponse")));
  EXPECT_EQ(fhir::write_json(bundle).find(number(sent)), std::string::npos);
  EXPECT_EQ(names_in(bundle_of(judged(read_back(bundle)))), second);
}

TEST(Names, OfResultsChangeWithWhatTheRecordCouldNotTell) {
  const auto plain = judged(calm_answers());
  auto input = *plain.assessment.input;
  input.record_problems.emplace_back("a request for it failed");
  const Judged warned{plain.response, rules::assess(plain.assessment.knowledge, std::move(input))};
  EXPECT_NE(name_of_flag(plain), name_of_flag(warned));
  EXPECT_EQ(name_of_answer(plain), name_of_answer(warned));
}

std::string write_of_response(std::string_view status) {
  auto given = response_of(calm_answers());
  given.set("status", status);
  given.set("identifier", Json::object({{"system", "urn:portal"}, {"value", "7"}}));
  const auto bundle = bundle_of(judged(given));
  for (const auto& entry : bundle.array_of("entry")) {
    if (entry.find("resource")->string_of("resourceType") == "QuestionnaireResponse") {
      const auto& request = *entry.find("request");
      return fmt::format("{} {} {}", request.string_of("method"), request.string_of("url"),
                         request.string_of("ifNoneExist"));
    }
  }
  return {};
}

// A draft may have been sent under the same number before.
TEST(Names, OfAFinishedResponseDoNotFindADraft) {
  const std::string number = "identifier=urn%3Aportal%7C7";
  const std::string finished = number + "&status=completed,amended";
  EXPECT_EQ(write_of_response("in-progress"), "POST QuestionnaireResponse " + number);
  EXPECT_EQ(write_of_response("completed"), "POST QuestionnaireResponse " + finished);
  EXPECT_EQ(write_of_response("amended"), "PUT QuestionnaireResponse?" + finished + " ");
}

TEST(Status, OfResultsFromAnUnfinishedResponseIsPreliminary) {
  auto given = response_of(calm_answers());
  given.set("status", "in-progress");
  const auto bundle = bundle_of(judged(given));
  EXPECT_EQ(observation(bundle, "em-stroke-signs").string_of("status"), "preliminary");
  EXPECT_EQ(only(bundle, "DocumentReference").string_of("docStatus"), "preliminary");
}

TEST(Names, SurviveTheWayThroughAServer) {
  auto stored = response_of(calm_answers());
  stored.set("meta", Json::object({{"versionId", "3"}, {"lastUpdated", "2026-11-20T10:00:00Z"}}));
  stored.set("text", Json::object({{"status", "generated"}}));
  EXPECT_EQ(content_digest(stored), content_digest(response_of(calm_answers())));
  auto reordered = Json::object({});
  const auto& members = *stored.as_object();
  for (auto member = members.rbegin(); member != members.rend(); ++member) {
    reordered.set(member->name, member->value);
  }
  EXPECT_EQ(content_digest(reordered), content_digest(stored));
  stored.set("authored", "2026-11-21");
  EXPECT_NE(content_digest(stored), content_digest(response_of(calm_answers())));
}

TEST(References, AreOfTheTypeTheyName) {
  const auto type = [](std::string_view text) {
    return std::string(target_type(Json::object({{"reference", text}})));
  };
  EXPECT_EQ(type("Patient/1"), "Patient");
  EXPECT_EQ(type("http://ehr/fhir/Patient/1/_history/2"), "Patient");
  EXPECT_EQ(type("urn:uuid:x"), "");
  EXPECT_EQ(std::string(target_type(Json::object({{"type", "Practitioner"}}))), "Practitioner");
}

TEST(RuleCodes, EveryCodeIsInItsSystem) {
  const auto one = judged(busy_answers());
  std::map<std::string, std::set<std::string>> known;
  auto systems = assessment_code_systems(*one.assessment.knowledge);
  systems.push_back(question_code_system(*one.assessment.knowledge));
  systems.push_back(answer_code_system(*one.assessment.knowledge));
  for (const auto& system : systems) {
    EXPECT_THAT(fhir::check_structure(system), IsEmpty());
    for (const auto& entry : system.array_of("concept")) {
      EXPECT_TRUE(known[std::string(system.string_of("url"))]
                      .insert(std::string(entry.string_of("code")))
                      .second);
    }
  }
  std::size_t ours = 0;
  std::function<void(const Json&)> walk = [&](const Json& value) {
    if (const auto* array = value.as_array()) {
      std::for_each(array->begin(), array->end(), walk);
    }
    if (const auto* object = value.as_object()) {
      const std::string system(value.string_of("system"));
      if (system.starts_with("https://myoflag.org/fhir/CodeSystem/") &&
          system != writing_system(*one.assessment.knowledge)) {
        ++ours;
        EXPECT_TRUE(known[system].contains(std::string(value.string_of("code"))))
            << system << " " << value.string_of("code");
      }
      for (const auto& member : *object) {
        walk(member.value);
      }
    }
  };
  walk(bundle_of(one));
  EXPECT_GT(ours, 100U);
}

}  // namespace
}  // namespace myoflag::mapping
