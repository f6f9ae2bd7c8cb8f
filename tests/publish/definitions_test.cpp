// The definitions of the knowledge: right, complete among themselves, and the same every time.
#include <cctype>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/structure.h"
#include "plugin/knowledge/knowledge.h"
#include "plugin/mapping/fhirpath_form.h"
#include "plugin/publish/definitions.h"
#include "plugin/publish/package.h"
#include "tests/support/fhirpath_variables.h"

namespace myoflag::publish {
namespace {

using fhir::Json;
using ::testing::IsEmpty;

const rules::Knowledge& knowledge() {
  static const auto one = embedded_knowledge();
  return *one;
}

const std::vector<Json>& all() {
  static const auto one = definitions(knowledge());
  return one;
}

const Json& only(std::string_view type) {
  for (const auto& resource : all()) {
    if (resource.string_of("resourceType") == type) {
      return resource;
    }
  }
  throw std::logic_error("there is one");
}

// Every string under one of these members, anywhere.
void collect(const Json& json, const std::set<std::string>& members, std::set<std::string>& found) {
  if (const auto* array = json.as_array()) {
    for (const auto& element : *array) {
      collect(element, members, found);
    }
  }
  if (const auto* object = json.as_object()) {
    for (const auto& member : *object) {
      if (member.value.is_string() && members.contains(member.name)) {
        found.insert(*member.value.as_string());
      }
      collect(member.value, members, found);
    }
  }
}

TEST(Definitions, AreR4AndNamedOnce) {
  std::set<std::string> canonicals, files;
  for (const auto& resource : all()) {
    const std::string canonical =
        std::string(resource.string_of("url")) + "|" + std::string(resource.string_of("version"));
    SCOPED_TRACE(canonical);
    EXPECT_THAT(fhir::check_structure(resource), IsEmpty());
    EXPECT_TRUE(canonicals.insert(canonical).second);
    EXPECT_LE(resource.string_of("id").size(), 64u);
    EXPECT_TRUE(files
                    .insert(std::string(resource.string_of("resourceType")) + "/" +
                            std::string(resource.string_of("id")))
                    .second);
  }
}

TEST(Definitions, ReferOnlyToWhatStandsBeforeThem) {
  std::set<std::string> before;
  for (const auto& resource : all()) {
    std::set<std::string> named;
    collect(resource, {"definitionCanonical", "valueSet"}, named);
    for (const auto& library : resource.array_of("library")) {
      named.insert(*library.as_string());
    }
    for (const auto& canonical : named) {
      EXPECT_TRUE(before.contains(canonical)) << canonical;
    }
    std::set<std::string> systems;
    collect(resource, {"system"}, systems);
    for (const auto& system : systems) {
      if (system.starts_with(knowledge().canonical)) {
        EXPECT_TRUE(before.contains(system) || system == resource.string_of("url")) << system;
      }
    }
    before.insert(std::string(resource.string_of("url")));
    before.insert(std::string(resource.string_of("url")) + "|" +
                  std::string(resource.string_of("version")));
  }
}

// Nothing that can raise the tier is missing, and none holds without a condition.
TEST(PlanDefinition, HasAnActionWithConditionsForEveryRule) {
  std::map<std::string, const Json*> actions;
  for (const auto& action : only("PlanDefinition").array_of("action")) {
    actions[std::string(action.string_of("id"))] = &action;
    EXPECT_FALSE(action.array_of("condition").empty()) << action.string_of("id");
  }
  std::size_t raising = 0;
  for (const auto* rules : {&knowledge().rules, &knowledge().gaps}) {
    for (const auto& rule : *rules) {
      if (!rule.raises()) {
        continue;
      }
      ++raising;
      ASSERT_TRUE(actions.contains(rule.id)) << rule.id;
      const auto& conditions = actions[rule.id]->array_of("condition");
      const bool is_change = rule.kind == rules::Rule::Kind::change;
      EXPECT_EQ(conditions.front().find("expression")->string_of("expression"),
                is_change ? "%changed" : mapping::fhirpath_form(knowledge(), rule));
      const std::size_t more = rule.benign ? 2 : 0;
      const bool adults = rule.kind == rules::Rule::Kind::rule && !rule.holds_under_age();
      EXPECT_EQ(conditions.size(), 1 + more + (adults ? 1 : 0)) << rule.id;
    }
  }
  EXPECT_EQ(actions.size(), raising);
}

// What the conditions read is listed, and what we give another engine has that type.
TEST(PlanDefinition, ItsVariablesAreThoseThatWeGive) {
  rules::Facts facts;
  const Json given = mapping::testing::fhirpath_variables(knowledge(), facts, {});
  std::set<std::string> listed;
  for (const auto& parameter : only("Library").array_of("parameter")) {
    const std::string name(parameter.string_of("name"));
    listed.insert(name);
    if (name == "changed" || name == "may_reassure") {
      continue;
    }
    const auto* value = given.find(name);
    ASSERT_NE(value, nullptr) << name;
    EXPECT_EQ(value->is_array(), parameter.string_of("max") == "*") << name;
    if (parameter.string_of("type") == "boolean") {
      EXPECT_TRUE(value->is_bool() || value->is_null()) << name;
    }
    if (parameter.string_of("type") == "integer") {
      EXPECT_TRUE(value->is_number()) << name;
    }
    EXPECT_FALSE(parameter.string_of("documentation").empty()) << name;
  }
  std::set<std::string> expressions;
  collect(only("PlanDefinition"), {"expression"}, expressions);
  for (const auto& expression : expressions) {
    for (auto at = expression.find('%'); at != std::string::npos;
         at = expression.find('%', at + 1)) {
      auto end = at + 1;
      while (end < expression.size() &&
             (std::isalnum(static_cast<unsigned char>(expression[end])) != 0 ||
              expression[end] == '_')) {
        ++end;
      }
      EXPECT_TRUE(listed.contains(expression.substr(at + 1, end - at - 1))) << expression;
    }
  }
}

// Of a form that offers a part of the options, what is not chosen is as open as "not sure".
TEST(PlanDefinition, WhatWasNotOfferedIsOpenForOthersToo) {
  rules::Facts facts;
  const auto at = static_cast<std::size_t>(knowledge().item("em-now"));
  facts.answers.state[at] = rules::ItemState::answered;
  facts.answers.chosen[at] = rules::kNotOffered;
  const Json given = mapping::testing::fhirpath_variables(knowledge(), facts, {});
  ASSERT_EQ(given.array_of("a_em_now").size(), 1U);
  EXPECT_EQ(*given.array_of("a_em_now").front().as_string(), "#not-offered");
  EXPECT_THAT(mapping::fhirpath_form(knowledge(), *knowledge().rule("gap-emergency-unanswered")),
              ::testing::HasSubstr("%a_em_now.intersect(('unsure' | '#not-offered')).exists()"));
  EXPECT_THAT(
      mapping::fhirpath_form(knowledge(), *knowledge().rule("em-respiratory-or-airway")),
      ::testing::HasSubstr("%a_em_now.intersect(('unsure' | '#not-offered' | '#missing'))"));
}

TEST(Definitions, SayTheSameEveryTime) {
  const auto files = package_files(knowledge(), all());
  EXPECT_EQ(package_archive(files),
            package_archive(package_files(knowledge(), definitions(knowledge()))));
  EXPECT_EQ(files.size(), all().size() + 2);
  EXPECT_EQ(files.front().name, "package/package.json");
}

TEST(Package, IsNamedAfterTheAddressAndTheKnowledge) {
  rules::Knowledge other;
  other.id = "twitching";
  other.canonical = "https://Clinic.Example:8443/fhir";
  EXPECT_EQ(package_name(other), "example.clinic.twitching");
  other.canonical = "urn:example";
  EXPECT_EQ(package_name(other), "twitching");
}

}  // namespace
}  // namespace myoflag::publish
