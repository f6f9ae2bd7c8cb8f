#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/client/scopes.h"

namespace myoflag::fhir::client {
namespace {

struct ScopeCase {
  const char* asked;
  const char* granted;
  std::vector<std::string> missing;
};

class Scopes : public ::testing::TestWithParam<ScopeCase> {};

TEST_P(Scopes, WhatIsMissingIsNamed) {
  EXPECT_EQ(not_granted(GetParam().asked, GetParam().granted), GetParam().missing);
}

const ScopeCase cases[] = {
    {"system/Patient.rs", "system/Patient.rs", {}},
    {"system/Patient.rs", "system/Patient.read", {}},
    {"system/Patient.rs", "system/Patient.cruds", {}},
    {"system/Patient.rs", "system/*.rs", {}},
    {"system/Patient.rs", "system/*.*", {}},
    {"system/Patient.read", "system/Patient.rs", {}},
    {"system/Patient.rs", "  system/Observation.rs   system/Patient.rs ", {}},
    {"system/Patient.rs", "system/Patient.r", {"system/Patient.rs"}},
    {"system/Patient.rs", "system/Patient.write", {"system/Patient.rs"}},
    {"system/Patient.rs", "user/*.rs", {"system/Patient.rs"}},
    {"system/Patient.rs", "system/PatientX.rs", {"system/Patient.rs"}},
    {"system/Observation.rs",
     "system/Observation.rs?category=laboratory",
     {"system/Observation.rs"}},
    {"system/Patient.rs system/Observation.rs system/Condition.rs",
     "system/Observation.rs",
     {"system/Patient.rs", "system/Condition.rs"}},
    {"openid fhirUser", "openid", {"fhirUser"}},
    {"system/*.rs", "system/Patient.rs", {"system/*.rs"}},
    {"", "", {}},
    {"system/Patient.rs", "", {"system/Patient.rs"}},
    {"system/Patient.rs", "/. . / ./ //", {"system/Patient.rs"}},
};
INSTANTIATE_TEST_SUITE_P(All, Scopes, ::testing::ValuesIn(cases));

}  // namespace
}  // namespace myoflag::fhir::client
