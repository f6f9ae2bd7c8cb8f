// The Questionnaire and the code systems made from the knowledge.
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/convert.h"
#include "fhir/questionnaire.h"
#include "fhir/structure.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/questionnaire.h"
#include "rules/languages.h"
#include "tests/mapping/intake_support.h"

namespace myoflag {
namespace {

using fhir::Json;
using rules::EnableWhen;
using rules::ItemType;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::knowledge;

const Json& form() {
  static const Json one = mapping::questionnaire_resource(*knowledge());
  return one;
}

const fhir::Questionnaire& loaded() {
  static const fhir::Questionnaire one = fhir::load_questionnaire(form()).form.value();
  return one;
}

const fhir::FormItem& item(std::string_view link_id) {
  return loaded().item(loaded().index_of(link_id));
}

std::vector<std::string> texts_of(const fhir::Issues& issues) {
  std::vector<std::string> texts;
  for (const auto& issue : issues) {
    texts.push_back(issue.code + " " + issue.place + ": " + issue.text);
  }
  return texts;
}

TEST(Questionnaire, IsASoundForm) {
  EXPECT_THAT(mapping::form_issues(*knowledge()), IsEmpty());
  EXPECT_THAT(texts_of(fhir::check_structure(form())), IsEmpty());
  EXPECT_THAT(texts_of(fhir::load_questionnaire(form()).issues), IsEmpty());
}

TEST(Questionnaire, SurvivesXml) {
  const auto xml = fhir::json_to_xml(form());
  ASSERT_TRUE(xml);
  const auto back = fhir::xml_to_json(*xml);
  ASSERT_TRUE(back);
  EXPECT_EQ(fhir::write_json(back->resource), fhir::write_json(form())) << "in the same order";
}

// Every text of the form in every language, where renderers and our own check look for it.
TEST(Questionnaire, CarriesItsTranslations) {
  const auto& languages = knowledge()->languages;
  ASSERT_GE(languages.size(), 3U);
  EXPECT_EQ(form().string_of("language"), "en");
  EXPECT_EQ(form().find("_title")->array_of("extension").size(), languages.size());
  for (const auto& one : knowledge()->items) {
    const auto& there = item(one.link_id).translations;
    ASSERT_EQ(there.size(), languages.size()) << one.link_id;
    for (std::size_t i = 0; i < languages.size(); ++i) {
      EXPECT_EQ(there[i].language, languages[i].tag);
      EXPECT_EQ(there[i].text, rules::in_language(&languages[i], one.text, one.link_id));
    }
    for (const auto& option : item(one.link_id).options) {
      EXPECT_GE(option.words.size(), languages.size() + 1) << one.link_id;
    }
  }
}

TEST(Questionnaire, InAnotherLanguageThatOneIsTheText) {
  const auto* spanish = rules::language_of(*knowledge(), "es");
  ASSERT_NE(spanish, nullptr);
  const Json there = mapping::questionnaire_resource(*knowledge(), spanish);
  EXPECT_EQ(there.string_of("language"), "es");
  EXPECT_EQ(there.string_of("title"), rules::in_language(spanish, knowledge()->title));
  EXPECT_EQ(there.string_of("url"), form().string_of("url"));
  const auto read = fhir::load_questionnaire(there);
  EXPECT_THAT(texts_of(read.issues), IsEmpty());
  EXPECT_THAT(texts_of(fhir::check_structure(there)), IsEmpty());
  const auto& question = read.form->item(read.form->index_of("em-now"));
  EXPECT_THAT(question.text, ::testing::StartsWith("¿Tiene ahora"));
  EXPECT_EQ(question.translations.front().language, "en");
  EXPECT_EQ(question.translations.front().text, item("em-now").text);
}

TEST(Questionnaire, CarriesTheNameOfTheKnowledge) {
  EXPECT_EQ(form().string_of("url"), "https://myoflag.org/fhir/Questionnaire/twitching");
  EXPECT_EQ(form().string_of("version"), knowledge()->version);
  EXPECT_EQ(form().string_of("status"), knowledge()->status);
  EXPECT_EQ(form().string_of("copyright"), knowledge()->copyright);
}

// The items of the form without the help texts inside its questions.
std::vector<const fhir::FormItem*> items_of_the_knowledge() {
  std::vector<const fhir::FormItem*> items;
  for (const auto& item : loaded().items()) {
    if (knowledge()->item(item.link_id) >= 0) {
      items.push_back(&item);
    }
  }
  return items;
}

TEST(Questionnaire, HasEveryItemInOrderUnderItsGroup) {
  const auto items = items_of_the_knowledge();
  ASSERT_EQ(items.size(), knowledge()->items.size());
  for (std::size_t i = 0; i < knowledge()->items.size(); ++i) {
    const auto& known = knowledge()->items[i];
    const auto& found = *items[i];
    EXPECT_EQ(found.link_id, known.link_id);
    EXPECT_EQ(found.text, known.text);
    EXPECT_EQ(found.required, known.required);
    EXPECT_EQ(found.repeats, known.repeats);
    EXPECT_EQ(found.parent == fhir::no_item ? std::string() : loaded().item(found.parent).link_id,
              known.parent < 0
                  ? std::string()
                  : knowledge()->items[static_cast<std::size_t>(known.parent)].link_id);
    EXPECT_EQ(found.options.size(), known.options.size());
  }
}

TEST(Questionnaire, MakesNoneAloneExclusive) {
  for (const auto* found : items_of_the_knowledge()) {
    const auto& known =
        knowledge()->items[static_cast<std::size_t>(knowledge()->item(found->link_id))];
    for (std::size_t o = 0; o < found->options.size(); ++o) {
      EXPECT_EQ(found->options[o].exclusive, known.options[o].code == "none")
          << found->link_id << " " << known.options[o].code;
    }
  }
}

TEST(Questionnaire, ChoosesTheControlByHowManyMayBeTicked) {
  EXPECT_EQ(item("em-now").item_control, "check-box");
  EXPECT_EQ(item("sex-at-birth").item_control, "radio-button");
}

TEST(Questionnaire, StatesLimitsInTheTypeOfTheQuestion) {
  ASSERT_TRUE(item("age-years").limits.max_value);
  EXPECT_EQ(item("age-years").limits.max_value->type, fhir::ValueType::integer);
  EXPECT_EQ(item("age-years").limits.max_value->json, Json(Json::Number{"120"}));
  EXPECT_EQ(item("age-years").unit.string_of("code"), "a");
}

TEST(Questionnaire, ScoresInstrumentsOnly) {
  EXPECT_EQ(item("gad2-nervous").options.at(3).ordinal, "3");
  EXPECT_EQ(item("gad2-nervous").options.at(0).ordinal, "0");
  EXPECT_EQ(item("em-now").options.at(0).ordinal, "");
}

TEST(Questionnaire, FlagsWhatBecomesAnObservation) {
  for (const auto& found : loaded().items()) {
    const bool coded = fhir::is_question(found.type) && found.type != fhir::ItemType::text;
    EXPECT_EQ(found.observation_extract, coded ? "true" : "") << found.link_id;
    EXPECT_EQ(found.codes.empty(), !fhir::is_question(found.type)) << found.link_id;
  }
}

TEST(Questionnaire, WritesOneConditionForEachOption) {
  const auto& conditions = item("em-call-today").enable_when;
  const auto& known =
      knowledge()->items[static_cast<std::size_t>(knowledge()->item("em-call-today"))];
  std::size_t options = 0;
  for (const auto& when : known.enable) {
    options += static_cast<std::size_t>(__builtin_popcountll(when.options));
  }
  EXPECT_EQ(conditions.size(), options);
  EXPECT_EQ(item("em-call-today").enable_behavior, fhir::EnableBehavior::any);
  EXPECT_EQ(item("pregnancy-status").enable_behavior, fhir::EnableBehavior::all);
  EXPECT_EQ(item("pregnancy-status").enable_when.at(0).op, fhir::EnableOperator::not_equals);
}

TEST(Questionnaire, KeepsVerifiedCodesBesideOurs) {
  int found = 0;
  for (std::size_t i = 0; i < knowledge()->items.size(); ++i) {
    const auto& known = knowledge()->items[i];
    for (std::size_t o = 0; o < known.options.size(); ++o) {
      const auto& coding = item(known.link_id).options[o].value.json;
      const auto* beside = coding.find("_code");
      ASSERT_EQ(beside != nullptr, !known.options[o].codes.empty());
      if (beside == nullptr) {
        continue;
      }
      ++found;
      const auto& extension = beside->array_of("extension").at(0);
      EXPECT_EQ(extension.string_of("url"),
                "http://hl7.org/fhir/StructureDefinition/alternate-codes");
      const auto& codings = extension.find("valueCodeableConcept")->array_of("coding");
      ASSERT_EQ(codings.size(), known.options[o].codes.size());
      EXPECT_EQ(codings[0].string_of("code"), known.options[o].codes[0].code);
    }
  }
  EXPECT_GT(found, 20);
}

TEST(CodeSystems, AreSoundAndGiveEachAnswerItsOwnCode) {
  for (const auto& system :
       {mapping::answer_code_system(*knowledge()), mapping::question_code_system(*knowledge())}) {
    EXPECT_THAT(texts_of(fhir::check_structure(system)), IsEmpty());
    std::set<std::string> codes;
    for (const auto& entry : system.array_of("concept")) {
      EXPECT_TRUE(codes.emplace(entry.string_of("code")).second) << entry.string_of("code");
    }
    EXPECT_EQ(Json(static_cast<std::int64_t>(codes.size())), *system.find("count"));
  }
}

TEST(CodeSystems, AnswerCodesReadBackToTheirOptionOnly) {
  for (const auto& known : knowledge()->items) {
    for (std::size_t o = 0; o < known.options.size(); ++o) {
      const auto code = mapping::answer_code(known, known.options[o]);
      EXPECT_EQ(mapping::option_of_answer_code(known, code), static_cast<int>(o));
    }
  }
  const auto& em_now = knowledge()->items[static_cast<std::size_t>(knowledge()->item("em-now"))];
  for (const auto* wrong :
       {"", "none", "em-now", "em-now.", "em-sudden.none", "em-now.none ", "em-now.none.none"}) {
    EXPECT_EQ(mapping::option_of_answer_code(em_now, wrong), -1) << wrong;
  }
}

// A form with one question whose conditions are changed.
rules::Knowledge with_condition(std::string_view link_id, std::vector<EnableWhen> enable,
                                bool any) {
  rules::Knowledge changed = *knowledge();
  auto& target = changed.items[static_cast<std::size_t>(changed.item(link_id))];
  target.enable = std::move(enable);
  target.enable_any = any;
  return changed;
}

struct Expressible {
  const char* what;
  EnableWhen::Op op;
  const char* asked;
  std::uint64_t options;
  bool alone;
  bool any;
  std::vector<std::string> codes;
};

void PrintTo(const Expressible& row, std::ostream* out) { *out << row.what; }

class EnableWhenLimits : public ::testing::TestWithParam<Expressible> {};

TEST_P(EnableWhenLimits, WhatEnableWhenCannotSayIsRefused) {
  const auto& param = GetParam();
  EnableWhen when;
  when.op = param.op;
  when.item = knowledge()->item(param.asked);
  when.options = param.options;
  EnableWhen other;
  other.item = knowledge()->item("course");
  other.options = 1;
  std::vector<EnableWhen> all{when};
  if (!param.alone) {
    all.push_back(other);
  }
  std::vector<std::string> codes;
  for (const auto& issue : mapping::form_issues(with_condition("anything-else", all, param.any))) {
    codes.push_back(issue.code);
    EXPECT_EQ(issue.link_id, "anything-else");
  }
  EXPECT_EQ(codes, param.codes);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, EnableWhenLimits,
    ::testing::Values(
        Expressible{
            "several options joined by any", EnableWhen::Op::is, "em-now", 3, false, true, {}},
        Expressible{"several options joined by all",
                    EnableWhen::Op::is,
                    "em-now",
                    3,
                    false,
                    false,
                    {"MF-3001"}},
        Expressible{"several options alone", EnableWhen::Op::is, "em-now", 3, true, false, {}},
        Expressible{"one option joined by all", EnableWhen::Op::is, "em-now", 1, false, false, {}},
        Expressible{"none of several, joined by any",
                    EnableWhen::Op::is_not,
                    "sex-at-birth",
                    3,
                    false,
                    true,
                    {"MF-3001"}},
        Expressible{"none of several, joined by all",
                    EnableWhen::Op::is_not,
                    "sex-at-birth",
                    3,
                    false,
                    false,
                    {}},
        Expressible{"not, of a question with several answers",
                    EnableWhen::Op::is_not,
                    "em-now",
                    1,
                    true,
                    true,
                    {"MF-3002"}}));

const Json* item_of(const Json& parent, std::string_view link_id) {
  for (const auto& item : parent.array_of("item")) {
    if (item.string_of("linkId") == link_id) {
      return &item;
    }
    if (const auto* found = item_of(item, link_id); found != nullptr) {
      return found;
    }
  }
  return nullptr;
}

TEST(Questionnaire, AHelpTextStandsInsideItsQuestion) {
  const auto form = mapping::questionnaire_resource(*knowledge());
  const auto* question = item_of(form, "em-now");
  ASSERT_NE(question, nullptr);
  ASSERT_THAT(question->array_of("item"), ::testing::SizeIs(1));
  const auto& help = question->array_of("item").front();
  EXPECT_EQ(help.string_of("linkId"), "em-now-help");
  EXPECT_EQ(help.string_of("type"), "display");
  EXPECT_EQ(help.string_of("text"),
            knowledge()->items[static_cast<std::size_t>(knowledge()->item("em-now"))].help);
}

TEST(Questionnaire, AHelpTextNeedsANameOfItsOwn) {
  auto changed = *knowledge();
  changed.items.front().link_id = "em-now-help";
  const auto issues = mapping::form_issues(changed);
  ASSERT_EQ(issues.size(), 1U);
  EXPECT_EQ(issues.front().code, "MF-3003");
  EXPECT_EQ(issues.front().link_id, "em-now");
}

TEST(Questionnaire, NegatesEveryOptionOfAListAlone) {
  EnableWhen when;
  when.op = EnableWhen::Op::is_not;
  when.item = knowledge()->item("sex-at-birth");
  when.options = 3;
  const auto changed = with_condition("anything-else", {when}, true);
  const auto form = fhir::load_questionnaire(mapping::questionnaire_resource(changed)).form.value();
  const auto& found = form.item(form.index_of("anything-else"));
  EXPECT_EQ(found.enable_when.size(), 2u);
  EXPECT_EQ(found.enable_behavior, fhir::EnableBehavior::all);
}

}  // namespace
}  // namespace myoflag
