// The order in which answers, options and entries of the record stand changes nothing.
#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "plugin/assess.h"
#include "tests/mapping/intake_support.h"

namespace myoflag {
namespace {

using fhir::Json;

// Every list of items and of answers, at any depth. True where something moved.
bool shuffle_lists(Json& owner, std::mt19937_64& random) {
  bool moved = false;
  for (const auto* name : {"item", "answer"}) {
    auto* member = owner.find(name);
    auto* list = member == nullptr ? nullptr : member->as_array();
    if (list == nullptr) {
      continue;
    }
    for (auto& inner : *list) {
      moved = shuffle_lists(inner, random) || moved;
    }
    const auto before = fhir::write_json(*member);
    for (std::size_t i = list->size(); i > 1; --i) {
      std::swap((*list)[i - 1], (*list)[random() % i]);
    }
    moved = moved || fhir::write_json(*member) != before;
  }
  return moved;
}

Json entry(std::string_view type, const std::string& id, const std::string& members) {
  return testing::parse(R"({"resourceType":")" + std::string(type) + R"(","id":")" + id +
                        R"(","subject":{"reference":"Patient/p1"},)" + members + "}");
}

std::vector<Json> record() {
  const auto potassium = [](const std::string& id, const std::string& value,
                            const std::string& day) {
    return entry(
        "Observation", id,
        R"("status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2823-3"}]},)"
        R"("effectiveDateTime":"2026-11-)" +
            day + R"(","valueQuantity":{"value":)" + value +
            R"(,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"})");
  };
  return {potassium("k1", "4.1", "10"),
          potassium("k2", "2.6", "20"),
          entry("Condition", "c1", R"("code":{"text":"Myasthenia gravis"})"),
          entry("Condition", "c2", R"("code":{"text":"Type 2 diabetes mellitus"})"),
          entry("MedicationStatement", "m1",
                R"("status":"active","medicationCodeableConcept":{"text":"Lithium 400 mg"})"),
          entry("MedicationStatement", "m2",
                R"("status":"active","medicationCodeableConcept":{"text":"Furosemide 40 mg"})")};
}

struct Said {
  rules::Tier tier;
  rules::Target target;
  std::vector<std::string> findings, advice, workups;
  std::multiset<std::string> notices;
  friend bool operator==(const Said&, const Said&) = default;
};

Said said_of(const Assessor& assessor, const Json& response, const std::vector<Json>& others) {
  std::vector<Json> all{response};
  all.insert(all.end(), others.begin(), others.end());
  AssessOptions options;
  options.now = testing::now();
  options.outlook = rules::Outlook::none;
  const auto assessed = assessor.assess(fhir::write_json(testing::bundle_of(all)), options);
  EXPECT_TRUE(assessed) << assessed.error()[0].code << " " << assessed.error()[0].text;
  if (!assessed) {
    return {};
  }
  const auto& one = assessed->assessment;
  Said said{one.tier, one.target, {}, one.patient_advice_ids, {}, {}};
  for (const auto& finding : one.findings) {
    said.findings.push_back(finding.rule->id + " " +
                            std::to_string(static_cast<int>(finding.status)));
  }
  for (const auto& row : one.workups) {
    said.workups.push_back(row.workup->code);
  }
  for (const auto& notice : one.notices) {
    said.notices.insert(notice.text);
  }
  return said;
}

TEST(Order, OfAnswersOptionsAndRecordNeverMatters) {
  const Assessor assessor(testing::knowledge());
  std::mt19937_64 random(21);
  int moved = 0;
  for (int i = 0; i < 12; ++i) {
    const auto response = testing::response_of(testing::random_given(random));
    auto others = record();
    const auto expected = said_of(assessor, response, others);
    auto shuffled = response;
    moved += shuffle_lists(shuffled, random) ? 1 : 0;
    std::shuffle(others.begin(), others.end(), random);
    EXPECT_EQ(said_of(assessor, shuffled, others), expected) << i;
  }
  EXPECT_GT(moved, 8) << "or nothing was tried";
}

}  // namespace
}  // namespace myoflag
