#include <functional>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/check_digit.h"
#include "rules/loader.h"
#include "tests/rules/small_knowledge.h"
#include "tests/support/processor_time.h"

namespace myoflag::rules {
namespace {

Problems problems_of(const KnowledgeFiles& files) {
  auto loaded = load_knowledge(files);
  return loaded ? Problems() : loaded.error();
}

std::string codes_of(const Problems& problems) {
  std::string out;
  for (const auto& problem : problems) {
    out += problem.code + " ";
  }
  return out;
}

TEST(Loader, ReadsTheKnowledgeOfTheProject) {
  const auto loaded = load_knowledge(real_files());
  ASSERT_TRUE(loaded) << listing(loaded.error());
  const Knowledge& k = **loaded;
  EXPECT_EQ(k.rules.size(), 84U);
  EXPECT_EQ(k.policies.size(), 13U);
  EXPECT_EQ(k.workups.size(), 51U);
  EXPECT_GE(k.sources.size(), 93U);
  EXPECT_EQ(k.digest.size(), 64U);
  for (const Rule& rule : k.rules) {
    EXPECT_GE(rule.root, 0) << rule.id;
    EXPECT_FALSE(rule.sources.empty()) << rule.id;
  }
  for (const Rule& gap : k.gaps) {
    EXPECT_EQ(gap.root >= 0, gap.kind != Rule::Kind::change) << gap.id;
  }
}

// The change log of the first version counts what there is.
TEST(Loader, TheChangeLogCountsRight) {
  const auto k = load_knowledge(real_files()).value();
  std::string log = bytes_of(source_dir() / "rules/knowledge/twitching/CHANGES.md");
  std::replace(log.begin(), log.end(), '\n', ' ');
  ASSERT_EQ(k->version, "0.1.0") << "write what changed, and count the new version here";
  const std::pair<std::size_t, const char*> counts[] = {
      {k->rules.size(), " rules ("},       {k->policies.size(), " policies"},
      {k->workups.size(), " workups"},     {k->items.size(), " items"},
      {k->sources.size(), " sources ("},   {k->cases.size(), " worked cases"},
      {k->seeds.size(), " starting facts"}};
  for (const auto& [count, what] : counts) {
    EXPECT_NE(log.find(" " + std::to_string(count) + what), std::string::npos) << count << what;
  }
}

TEST(Loader, ReadsEveryFieldOfASmallForm) {
  const auto loaded = load_knowledge(small_files());
  ASSERT_TRUE(loaded) << listing(loaded.error());
  const Knowledge& k = **loaded;
  const Item& weakness = k.items[static_cast<std::size_t>(k.item("weakness"))];
  EXPECT_TRUE(weakness.repeats);
  EXPECT_EQ(weakness.parent, k.item("g-weakness"));
  EXPECT_EQ(weakness.all, 0b11111U);
  EXPECT_EQ(weakness.none, 0b01000U);
  EXPECT_EQ(weakness.unsure, 0b10000U);
  ASSERT_EQ(weakness.codes.size(), 1U);
  EXPECT_EQ(weakness.codes[0].code, "26544005");
  const Item& onset = k.items[static_cast<std::size_t>(k.item("onset"))];
  ASSERT_EQ(onset.enable.size(), 1U);
  EXPECT_EQ(onset.enable[0].item, k.item("weakness"));
  EXPECT_EQ(onset.enable[0].options, 0b00011U);
  EXPECT_EQ(k.items[static_cast<std::size_t>(k.item("pregnancy"))].enable[0].op,
            EnableWhen::Op::is_not);
  EXPECT_EQ(k.items[static_cast<std::size_t>(k.item("sex"))].declined, 0b100U);

  const Rule* potassium = k.rule("potassium");
  ASSERT_NE(potassium, nullptr);
  EXPECT_EQ(potassium->tier, Tier::urgent);
  EXPECT_EQ(potassium->target, (Target{168, "1 week"}));
  ASSERT_EQ(potassium->target_when.size(), 1U);
  EXPECT_EQ(potassium->target_when[0].target, (Target{24, "today"}));
  EXPECT_GE(potassium->target_when[0].criterion, 0);
  EXPECT_EQ(potassium->criterion_text, "lab(k) < 2.5 or (med(lithium) and any(weakness: WEAK))");
  const Op& lab = k.program.ops[k.program.roots[static_cast<std::size_t>(potassium->root)] + 1];
  EXPECT_EQ(lab.max_age, 7);
  EXPECT_TRUE(k.rule("benign-tired")->last);
  EXPECT_TRUE(k.rule("benign-tired")->benign);
  EXPECT_FALSE(potassium->last);
  EXPECT_EQ(k.rule("gap-weakness")->kind, Rule::Kind::gap);
  EXPECT_EQ(k.gaps[static_cast<std::size_t>(k.benign_gate)].id, "gate");
  EXPECT_EQ(k.staleness.lab_days, 90);
  EXPECT_EQ(k.change.items, std::vector<int>{k.item("weakness")});
  EXPECT_EQ(k.adult_age, 16);
  EXPECT_TRUE(k.repeat_allowed[static_cast<std::size_t>(Tier::urgent)]);
  EXPECT_FALSE(k.repeat_allowed[static_cast<std::size_t>(Tier::soon)]);

  const auto& emg = k.workups[static_cast<std::size_t>(k.workup("emg"))];
  EXPECT_EQ(emg.never_from.size(), 2U);  // coffee, and the self-care rule
  EXPECT_EQ(emg.notes.at(0).caution, "emg");
  const auto& electrolytes = k.workups[static_cast<std::size_t>(k.workup("electrolytes"))];
  EXPECT_EQ(electrolytes.only_from.size(), 1U);

  EXPECT_EQ(k.is_sets.at("pregnant-any").unknown, 0b100U);
  EXPECT_THAT(k.bindings.medicine_classes.at(0).text, testing::ElementsAre("lithium", "priadel"));
  EXPECT_EQ(k.labs.at(0).convert.at(0).factor, *read_number("0.2558"));
  EXPECT_EQ(k.cases.at(0).answers.at("onset"), std::vector<std::string>{"days"});
  EXPECT_EQ(k.cases.at(0).answers.at("cups"), std::vector<std::string>{"1"});
  EXPECT_FALSE(k.cases.at(5).answers.contains("weakness"));
  EXPECT_EQ(potassium->target_when[0].patient, "Sooner.");
  EXPECT_EQ(k.rule("gap-weakness")->rationale, "It is open.");
  EXPECT_EQ(k.advice.at(0).when, Advice::When::not_emergency);
  EXPECT_EQ(k.advice.at(1).when, Advice::When::fired);
  EXPECT_THROW(k.text("no-such-sentence"), std::logic_error);
}

// Only what the record speaks to can be held against a later form.
TEST(Loader, OnlyMedicinesAndConditionsCanBeLasting) {
  const auto lasting = [](std::string_view before) {
    auto files = small_files();
    std::string& questions = files.at("questions.yaml");
    const std::size_t at = questions.find("    repeats: true\n", questions.find(before));
    questions.insert(at, "    lasting: true\n");
    const auto loaded = load_knowledge(files);
    return loaded ? std::string() : listing(loaded.error());
  };
  EXPECT_EQ(lasting("linkId: conditions\n"), "");
  EXPECT_NE(lasting("linkId: weakness\n").find("MF-2030: `lasting` is for"), std::string::npos);
}

// The problems of the small set, its only routine rule there three times, where rules silence
// others. Each of them stands below the `id` of its rule.
std::string silencing(std::string_view pairs) {
  auto files = small_files();
  std::string& routine = files.at("rules/routine.yaml");
  std::string coffee = routine.substr(routine.find("  - id: coffee"));
  for (const std::string id : {"second", "third"}) {
    routine += std::string(coffee).replace(coffee.find("coffee"), 6, id);
  }
  for (const std::string rule :
       {"sudden-weakness", "potassium", "slow-weakness", "coffee", "second", "third"}) {
    std::string names;
    for (std::size_t at = pairs.find(rule + ": "); at != std::string_view::npos;
         at = pairs.find(rule + ": ", at + 1)) {
      const auto begin = at + rule.size() + 2;
      const auto end = std::min(pairs.find(',', begin), pairs.size());
      names += (names.empty() ? "" : ", ") + std::string(pairs.substr(begin, end - begin));
    }
    for (auto& [name, text] : files) {
      const auto at = name.starts_with("rules/") ? text.find("id: " + rule + "\n") : text.npos;
      if (!names.empty() && at != text.npos) {
        text.insert(text.find('\n', at) + 1, "    silences: [" + names + "]\n");
      }
    }
  }
  const auto loaded = load_knowledge(files);
  return loaded ? std::string() : listing(loaded.error());
}

struct CalmCase {
  const char* lines;
  const char* problem;
};

// A code system that is misspelt, or none, would make calm what nobody meant.
TEST(Loader, WhatAlarmsNobodyNamesItsCodeSystems) {
  const std::vector<CalmCase> cases{
      {"{systems: [\"urn:a\", \"http://a.example\"], codes: [AMB]}", ""},
      {"{systems: [ActCode], codes: [AMB]}", "MF-2014: `ActCode` is no address"},
      {"{systems: [\"urn:a\", \"urn:a\"], codes: [AMB]}", "MF-2013: code system `urn:a`"},
      {"{systems: [], codes: [AMB]}", "MF-2017: the list is empty"},
      {"{systems: [\"urn:a\"], codes: []}", "MF-2017: the list is empty"},
      {"{codes: [AMB]}", "MF-2011: key `systems` is missing"},
      {"{systems: [\"urn:a\"], codes: [AMB], words: [x]}", "MF-2012"}};
  for (const auto& one : cases) {
    for (const std::string list : {"visits", "priorities", "normal"}) {
      auto files = small_files();
      files.at("bindings.yaml") += "calm:\n  " + list + ":\n    - " + one.lines + "\n";
      const auto loaded = load_knowledge(files);
      const auto said = loaded ? std::string() : listing(loaded.error());
      EXPECT_TRUE(*one.problem == '\0' ? said.empty() : said.find(one.problem) != std::string::npos)
          << list << one.lines << ": " << said;
    }
  }
}

struct SilenceCase {
  const char* rules;    // "rule: silenced" of the small set, divided by commas
  const char* problem;  // place and begin of what is said; empty: none
};

// What is silenced on both sides is told to nobody.
TEST(Loader, NothingFallsSilentOfWhichNothingElseSpeaks) {
  const std::vector<SilenceCase> cases{
      {"sudden-weakness: potassium", ""},
      {"sudden-weakness: slow-weakness, slow-weakness: coffee, sudden-weakness: coffee", ""},
      {"potassium: potassium", "rules/urgent.yaml:3:16: MF-2065: a rule cannot silence itself"},
      {"coffee: slow-weakness", "rules/routine.yaml:3:16: MF-2065: `slow-weakness` is more urgent"},
      {"coffee: gap-weakness", "rules/routine.yaml:3:16: MF-2065: `gap-weakness` is more urgent"},
      {"coffee: second, second: coffee",
       "rules/routine.yaml:3:16: MF-2065: `second` silences this"},
      {"coffee: second, second: coffee", "rules/routine.yaml:15:16: MF-2065: `coffee` silences"},
      {"coffee: second, second: third, third: coffee",
       "rules/routine.yaml:27:16: MF-2065: `coffee` silences"},
      {"coffee: second, second: third", ""}};
  for (const auto& one : cases) {
    const auto said = silencing(one.rules);
    EXPECT_TRUE(*one.problem == '\0' ? said.empty() : said.find(one.problem) != std::string::npos)
        << one.rules << ": " << said;
    EXPECT_TRUE(said.empty() || said.find("      silences: [") != std::string::npos) << said;
  }
}

TEST(Loader, ARuleThatMayComeToBeMoreUrgentIsNotSilenced) {
  const auto said = [](std::string_view when) {
    auto files = small_files();
    std::string& routine = files.at("rules/routine.yaml");
    const std::string coffee = routine.substr(routine.find("  - id: coffee"));
    routine += std::string(coffee).replace(coffee.find("coffee"), 6, "second");
    const auto second = routine.find('\n', routine.find("id: second")) + 1;
    routine.insert(second, std::string(when));
    routine.insert(routine.find('\n', routine.find("id: coffee")) + 1, "    silences: [second]\n");
    const auto loaded = load_knowledge(files);
    return loaded ? std::string() : listing(loaded.error());
  };
  EXPECT_EQ(said(""), "");
  const auto sooner =
      said("    target-when:\n      - {criteria: \"age >= 60\", hours: 24, text: \"soon\"}\n");
  EXPECT_NE(sooner.find("MF-2065: `second` is more urgent"), std::string::npos) << sooner;
}

TEST(Loader, AnAgeIsRoundedByAFewYearsAtMost) {
  const auto rounding = [](std::string_view years) {
    auto files = small_files();
    std::string& settings = files.at("knowledge.yaml");
    settings.insert(settings.find("pregnancy: "), "age-rounding: " + std::string(years) + ", ");
    const auto loaded = load_knowledge(files);
    return loaded ? std::to_string(loaded.value()->bindings.age_rounding) : listing(loaded.error());
  };
  EXPECT_EQ(rounding("2"), "2");
  EXPECT_NE(rounding("30").find("MF-2015"), std::string::npos);
  EXPECT_EQ(load_knowledge(small_files()).value()->bindings.age_rounding, 0);
}

TEST(Loader, DigestFollowsNamesAndBytes) {
  const auto digest = [](const KnowledgeFiles& files) {
    return load_knowledge(files).value()->digest;
  };
  const auto first = digest(small_files());
  EXPECT_EQ(first, digest(small_files()));
  EXPECT_NE(first, digest(with(small_files(), "seeds.yaml", "Muscles", "muscles")));
}

TEST(Loader, EveryFileIsNeeded) {
  for (const auto& [name, bytes] : small_files()) {
    KnowledgeFiles files = small_files();
    files.erase(name);
    const Problems problems = problems_of(files);
    EXPECT_TRUE(std::any_of(problems.begin(), problems.end(), [&, file = name](const Problem& p) {
      return p.code == "MF-2000" && p.file == file;
    })) << name;
  }
}

TEST(Loader, AMissingFileDoesNotMakeEveryNameOfItUnknown) {
  KnowledgeFiles files = small_files();
  files.erase("sources.yaml");
  files.erase("questions.yaml");
  EXPECT_EQ(codes_of(problems_of(files)), "MF-2000 MF-2000 ");
}

// Not what follows from it, in whatever file.
TEST(Loader, OfAMissingOrEmptyFileThatAloneIsTold) {
  for (const auto& [name, bytes] : real_files()) {
    KnowledgeFiles files = real_files();
    if (!name.starts_with("languages/")) {
      files.erase(name);
      EXPECT_EQ(listing(problems_of(files)), name + ": MF-2000: the file is missing\n");
    }
    for (const auto* nothing : {"", "# Begun.\n", "---\n"}) {
      files[name] = nothing;
      EXPECT_EQ(listing(problems_of(files)), name + ": MF-2000: the file is empty\n");
    }
  }
}

TEST(Loader, AListThatIsEmptyByMistakeIsNotToldThroughWhatFollows) {
  for (const auto* name : {"rules/urgent.yaml", "rules/self-care.yaml"}) {
    KnowledgeFiles files = real_files();
    files[name] = "rules:\n";
    EXPECT_EQ(codes_of(problems_of(files)), "MF-2010 ") << name;
  }
}

// Problems of whole files come before all others: those may follow from them.
TEST(Loader, WhatIsWrongWithAWholeFileComesFirst) {
  KnowledgeFiles files = with(small_files(), "advice.yaml", "id:", "idd:");
  files["seeds.yaml"].clear();
  files["rules/urgnet.yaml"] = "rules: []\n";
  EXPECT_TRUE(codes_of(problems_of(files)).starts_with("MF-2001 MF-2000 MF-20"))
      << listing(problems_of(files));
  EXPECT_NE(problems_of(files)[2].line, 0U);
}

TEST(Loader, AFileOfAnotherNameIsRefused) {
  KnowledgeFiles files = small_files();
  files["rules/urgnet.yaml"] = "rules: []\n";
  EXPECT_EQ(codes_of(problems_of(files)), "MF-2001 ");
}

TEST(Loader, LimitsAreTold) {
  KnowledgeFiles files = small_files();
  std::string items = files["questions.yaml"];
  for (int i = 0; i < 130; ++i) {
    items += "  - {linkId: extra-" + std::to_string(i) + ", type: display, text: More}\n";
  }
  files["questions.yaml"] = items;
  EXPECT_EQ(codes_of(problems_of(files)), "MF-2022 ");

  std::string options = "{code: unsure, text: Not sure}";
  for (int i = 0; i < 65; ++i) {
    options += ", {code: o" + std::to_string(i) + ", text: O}";
  }
  const std::string medicines = "[{code: lithium, text: Lithium}, {code: none, text: None}, ";
  EXPECT_EQ(codes_of(problems_of(with(small_files(), "questions.yaml",
                                      medicines + "{code: unsure, text: Not sure}",
                                      medicines + options))),
            "MF-2022 ");

  KnowledgeFiles large = small_files();
  large["seeds.yaml"] += "#" + std::string(4 * 1024 * 1024, 'x');
  EXPECT_EQ(codes_of(problems_of(large)), "MF-2002 ");
}

TEST(Loader, TooManyRulesAreTold) {
  KnowledgeFiles files = small_files();
  const std::string one = files["rules/emergency.yaml"].substr(std::string("rules:\n").size());
  for (int i = 0; i < 1030; ++i) {
    files["rules/emergency.yaml"] +=
        "  - id: more-" + std::to_string(i) + one.substr(one.find('\n'));
  }
  EXPECT_EQ(codes_of(problems_of(files)), "MF-2022 ");
}

std::string repeated(int count, const std::function<std::string(int)>& line) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    out += line(i);
  }
  return out;
}

KnowledgeFiles without_rules() {
  KnowledgeFiles files = small_files();
  for (auto& [name, text] : files) {
    if (name.starts_with("rules/")) {
      text = "rules: []\n";
    }
  }
  return files;
}

TEST(Loader, TooManyPoliciesAreToldAlsoWithoutAnyRule) {
  KnowledgeFiles files = without_rules();
  files["policies.yaml"] += repeated(1030, [](int i) {
    return "  - {id: more-" + std::to_string(i) +
           ", kind: gap, title: T, tier: soon, target: {hours: 672, text: t}, "
           "criteria: answered(cups), policy: P, reason: R, patient: P, sources: [author]}\n";
  });
  const Problems problems = problems_of(files);
  const auto too_many = std::find_if(problems.begin(), problems.end(),
                                     [](const Problem& p) { return p.code == "MF-2022"; });
  ASSERT_NE(too_many, problems.end()) << listing(problems);
  EXPECT_EQ(too_many->file, "policies.yaml");
  EXPECT_TRUE(too_many->excerpt.starts_with("  - {id: more-")) << too_many->excerpt;
}

// The rule that crosses the limit is named, not one that had its place long before.
TEST(Loader, TooManyPartsOfCriteriaAreToldWhereTheLimitIsCrossed) {
  KnowledgeFiles files = small_files();
  const std::string long_one =
      "answered(cups)" + repeated(9000, [](int) { return " or unsure(weakness)"; });
  files["rules/soon.yaml"] += repeated(3, [&](int i) {
    return "  - {id: long-" + std::to_string(i) +
           ", title: T, target: {hours: 672, text: t}, criteria: " + long_one +
           ", hypotheses: [], workups: [], must-not: [], rationale: R, patient: P, sources: "
           "[author], review: {owner: o, due: 2027-01-02}}\n";
  });
  const Problems problems = problems_of(files);
  ASSERT_EQ(codes_of(problems), "MF-2022 ");
  EXPECT_TRUE(problems[0].excerpt.starts_with("  - {id: long-1,")) << problems[0].excerpt;
}

// Leaves that all differ, joined in one criterion: the most values a part can need.
TEST(Loader, AsManyPartsAsAreAllowedCanBeEvaluated) {
  KnowledgeFiles files = small_files();
  const std::string wide = "num(cups) >= 1" + repeated(16000, [](int i) {
                             return " or num(cups) >= 1." + std::to_string(10000 + i);
                           });
  files["rules/soon.yaml"] +=
      "  - {id: wide, title: T, target: {hours: 672, text: t}, criteria: " + wide +
      ", hypotheses: [], workups: [], must-not: [], rationale: R, patient: "
      "P, sources: [author], review: {owner: o, due: 2027-01-02}}\n";
  const auto loaded = load_knowledge(files);
  ASSERT_TRUE(loaded.has_value()) << listing(loaded.error());
  EXPECT_GT((*loaded)->program.ops.size(), 16000U);
}

class NeverTrue : public testing::TestWithParam<std::pair<std::string, std::string>> {};

// A rule that looks alive and cannot fire must not get as far as a patient.
TEST_P(NeverTrue, IsRefused) {
  const auto& [criterion, code] = GetParam();
  const auto files = with(small_files(), "rules/emergency.yaml",
                          "\"any(weakness: WEAK) and any(onset: days)\"", '"' + criterion + '"');
  EXPECT_EQ(codes_of(problems_of(files)), code + " ");
}

INSTANTIATE_TEST_SUITE_P(
    Criteria, NeverTrue,
    testing::Values(std::pair("any(weakness: arm) and isNone(weakness)", "MF-2200"),
                    std::pair("any(onset: days) and any(onset: months)", "MF-2200"),
                    std::pair("isNone(weakness) and any(onset: days)", "MF-2200"),
                    std::pair("num(cups) >= 0 or isFalse(num(cups) >= 0)", "MF-2201")));

TEST(Loader, WhatCanNeverBeTrueIsToldBesideOtherProblems) {
  KnowledgeFiles files =
      with(small_files(), "rules/emergency.yaml", "any(onset: days)", "isNone(weakness)");
  files = with(files, "rules/routine.yaml", "sources: [author]", "sources: [autor]");
  files = with(files, "seeds.yaml", "fact:", "facts:");
  const std::string codes = codes_of(problems_of(files));
  EXPECT_NE(codes.find("MF-2021"), std::string::npos) << codes;
  EXPECT_NE(codes.find("MF-2012"), std::string::npos) << codes;
  EXPECT_NE(codes.find("MF-2200"), std::string::npos) << codes;
}

// The condition of `onset` cannot be read: whether a criterion about it holds is anybody's guess.
TEST(Loader, NothingIsConcludedFromAQuestionThatCannotBeRead) {
  const auto files = with(small_files(), "questions.yaml", "{question: weakness, is: [arm, leg]}",
                          "{question: weakness, is: [arms]}");
  EXPECT_EQ(codes_of(problems_of(files)), "MF-2021 ");
}

// One slip is one problem, at its place; what follows from it is none.
TEST(Loader, ASlipMakesNothingElseWrong) {
  struct Case {
    const char* file;
    const char* before;
    const char* after;
    const char* problem;
  };
  const Case table[] = {
      {"questions.yaml", "type: choice\n    text: Where are you weak?",
       "type: choise\n    text: Where are you weak?", "MF-2014: `choise` is none of"},
      {"questions.yaml", "type: choice\n    text: What sex", "type: boolean\n    text: What sex",
       "MF-2014: `boolean` is none of"},
      {"questions.yaml", "type: choice\n    text: What do you take?",
       "type: choise\n    text: What do you take?", "MF-2014"},
      {"questions.yaml", "age, group: g-about, type: integer", "age, group: g-about, type: number",
       "MF-2014"},
      {"questions.yaml", "linkId: cups, type: integer", "linkId: cups, type: integr", "MF-2014"},
      {"questions.yaml", "linkId: g-weakness, type: group", "linkId: g-weakness, type: grup",
       "MF-2014"},
      {"rules/soon.yaml", "any(weakness: WEAK)", "any(weaknes: WEAK)",
       "rules/soon.yaml:5:20: MF-2041: there is no question `weaknes`; did you mean `weakness`?"},
      {"rules/soon.yaml", "any(weakness: WEAK)", "any(onset: WEAK)",
       "MF-2040: option set `WEAK` belongs to `weakness`"},
      {"knowledge.yaml", "WEAK: {item: weakness,", "WEAK: {item: weaknes,",
       "MF-2021: there is no question `weaknes`; did you mean `weakness`?"},
      {"knowledge.yaml", "male: {item: sex,", "male: {item: sexx,",
       "MF-2021: there is no question `sexx`; did you mean `sex`?"},
      {"knowledge.yaml", "{item: weakness, options: [arm, leg]}", "{item: weakness, options: arm}",
       "MF-2010: expected a list here"},
      {"text.en.yaml", "hours: 168", "hours: one week", "MF-2015"},
      {"rules/urgent.yaml", "hours: 24, text: today", "hours: soon, text: today", "MF-2015"},
      {"rules/urgent.yaml", "hours: 168, text: 1 week", "hours: soon, text: 1 week", "MF-2015"},
      {"text.en.yaml", "targets: [2 weeks]}", "targets: [4 weeks]}", "MF-2020"},
      {"text.en.yaml", "words: [hour, day, week, month, today, tomorrow]", "words: []", "MF-2017"},
  };
  for (const Case& one : table) {
    const auto files = with(small_files(), one.file, one.before, one.after);
    const Problems problems = problems_of(files);
    EXPECT_EQ(problems.size(), 1U) << one.after << "\n" << listing(problems);
    EXPECT_NE(listing(problems).find(one.problem), std::string::npos) << listing(problems);
  }
}

TEST(Loader, DatesAreDaysThatExist) {
  for (const auto* good : {"2024-02-29", "2026-12-31"}) {
    EXPECT_EQ(listing(problems_of(with(small_files(), "knowledge.yaml", "date: 2026-01-02",
                                       std::string("date: ") + good))),
              "");
    EXPECT_EQ(listing(problems_of(with(small_files(), "rules/urgent.yaml", "due: 2027-01-02",
                                       std::string("due: ") + good))),
              "");
  }
  for (const auto* bad : {"2026-02-31", "2026-02-29", "2026-13-01", "2026-00-10", "soonish",
                          "2026-1-1", "2026-01-01T00", "26-01-01"}) {
    EXPECT_EQ(codes_of(problems_of(with(small_files(), "knowledge.yaml", "date: 2026-01-02",
                                        std::string("date: ") + bad))),
              "MF-2015 ")
        << bad;
    EXPECT_EQ(codes_of(problems_of(with(small_files(), "rules/urgent.yaml", "due: 2027-01-02",
                                        std::string("due: ") + bad))),
              "MF-2015 ")
        << bad;
  }
}

// With the line folded by the file, the caret is under the wrong name, and the right one is given.
TEST(Loader, AWrongOptionInALongCriterionIsShownWhereItStands) {
  const auto files =
      with(small_files(), "rules/emergency.yaml", "\"any(weakness: WEAK) and any(onset: days)\"",
           ">-\n      any(onset: days)\n      and any(weakness:\n        arm|\n"
           "        leeg)");
  const Problems problems = problems_of(files);
  ASSERT_EQ(codes_of(problems), "MF-2041 ");
  EXPECT_EQ(problems[0].excerpt, "        leeg)");
  EXPECT_EQ(problems[0].column, 9U);
  EXPECT_NE(problems[0].text.find("did you mean `leg`?"), std::string::npos) << problems[0].text;
}

TEST(Loader, NamesInCriteriaGetASuggestion) {
  const std::pair<const char*, const char*> table[] = {
      {"any(weaknes: arm)", "`weakness`"},       {"any(weakness: WEEK)", "`WEAK`"},
      {"is(femal) or is(mal)", "`male`"},        {"firedTier(urgentt)", "`urgent`"},
      {"sum(worry-1, wory-2) > 1", "`worry-2`"}, {"answerd(weakness)", "`answered`"},
  };
  for (const auto& [criterion, nearest] : table) {
    const auto files =
        with(small_files(), "rules/emergency.yaml", "\"any(weakness: WEAK) and any(onset: days)\"",
             std::string("\"") + criterion + '"');
    EXPECT_NE(listing(problems_of(files)).find(std::string("did you mean ") + nearest),
              std::string::npos)
        << criterion << '\n'
        << listing(problems_of(files));
  }
}

TEST(Loader, LineEndingsOfWindowsAndAByteOrderMarkAreRead) {
  KnowledgeFiles files = small_files();
  for (auto& [name, bytes] : files) {
    std::string other = "\xEF\xBB\xBF";
    for (const char c : bytes) {
      other += c == '\n' ? "\r\n" : std::string(1, c);
    }
    bytes = other;
  }
  EXPECT_EQ(listing(problems_of(files)), "");
  files = with(files, "rules/urgent.yaml", "med(lithium)", "med(lithiom)");
  const Problems problems = problems_of(files);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].line, 9U);
  EXPECT_EQ(problems[0].excerpt, "      or (med(lithiom) and");
}

TEST(Loader, ColumnsCountCharactersNotBytes) {
  const auto files = with(small_files(), "workups.yaml", "text: Assessment, category: referral",
                          "text: \"Béurteilung\", category: none");
  const Problems problems = problems_of(files);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].column, 55U);
}

void expect_places(const KnowledgeFiles& files) {
  for (const Problem& problem : problems_of(files)) {
    ASSERT_TRUE(problem.line == 0 || files.contains(problem.file)) << to_text(problem);
    EXPECT_EQ(problem.line == 0, problem.column == 0);
    EXPECT_TRUE(problem.code.starts_with("MF-2")) << to_text(problem);
    EXPECT_FALSE(problem.text.empty());
  }
}

// A hostile or broken file costs its author a message, never the program its life.
TEST(Loader, AnyByteMayBeDamaged) {
  const KnowledgeFiles good = small_files();
  const std::string noise = std::string("\0\n:[]{}&*!|>'\"%@`#-?,\xff\t~", 25);
  std::size_t round = 0;
  for (const auto& [name, text] : good) {
    for (std::size_t at = 0; at < text.size(); at += 59) {
      KnowledgeFiles files = good;
      files[name][at] = noise[++round % noise.size()];
      expect_places(files);
      files[name].resize(at);
      expect_places(files);
    }
  }
}

TEST(Loader, ProblemsOfAHostileFileAreBounded) {
  KnowledgeFiles files = small_files();
  std::string bomb = "hypotheses:\n";
  for (int i = 0; i < 100'000; ++i) {
    bomb += "  - {a: b}\n";
  }
  files["hypotheses.yaml"] = bomb;
  EXPECT_LE(problems_of(files).size(), 2001U);
}

TEST(Loader, AListingThatIsCutSaysSo) {
  KnowledgeFiles files = small_files();
  files["hypotheses.yaml"] = "hypotheses:\n" + repeated(1500, [](int) { return "  - {a: b}\n"; });
  const Problems problems = problems_of(files);
  ASSERT_LE(problems.size(), 2001U);
  EXPECT_EQ(problems.back().code, "MF-2024");
  EXPECT_NE(problems.back().text.find("more problems are not listed"), std::string::npos);
  EXPECT_EQ(
      codes_of(problems_of(with(small_files(), "seeds.yaml", "fact:", "facts:"))).find("2024"),
      std::string::npos);
}

// Both took minutes when every unknown name was compared with every known one.
TEST(Loader, ManyNamesDoNotMakeLoadingSlow) {
  const double begin = myoflag::timing::processor_seconds();
  KnowledgeFiles unknown = small_files();
  unknown["rules/soon.yaml"] = with(unknown, "rules/soon.yaml", "sources: [guide, author]",
                                    "sources: [" + repeated(60'000, [](int i) {
                                      return "unknown-source-" + std::to_string(i) + ", ";
                                    }) + "author]")["rules/soon.yaml"];
  EXPECT_FALSE(problems_of(unknown).empty());
  KnowledgeFiles names = small_files();
  names["hypotheses.yaml"] +=
      repeated(100'000, [](int i) { return "  - {code: h-" + std::to_string(i) + ", text: T}\n"; });
  EXPECT_FALSE(problems_of(names).empty());
  KnowledgeFiles both = small_files();
  both["sources.yaml"] += repeated(900, [](int i) {
    return "  - {id: a-long-name-of-a-source-" + std::to_string(i) + ", grade: C, title: T}\n";
  });
  both["seeds.yaml"] = unknown["seeds.yaml"];
  both["rules/soon.yaml"] = unknown["rules/soon.yaml"];
  EXPECT_FALSE(problems_of(both).empty());
  EXPECT_LT(myoflag::timing::processor_seconds() - begin, 30 * myoflag::timing::kSlowness);
}

TEST(Loader, ASlipInTheAddressOfACodeSystemIsTold) {
  for (const auto* wrong : {"snomed.info/sct", "http://snomed.info/sctt", "https://SNOMED.info/sct",
                            "http://snomed.info/sct/"}) {
    const auto problems =
        problems_of(with(small_files(), "terminology.yaml", "http://snomed.info/sct", wrong));
    ASSERT_FALSE(problems.empty()) << wrong;
    EXPECT_EQ(problems[0].code, "MF-2053") << wrong;
    EXPECT_NE(problems[0].excerpt.find(wrong), std::string::npos);
  }
}

TEST(CheckDigit, Snomed) {
  for (const auto* good : {"82470000", "26544005", "27678003", "713514005", "1070000"}) {
    EXPECT_TRUE(is_snomed_id(good)) << good;
  }
  for (const auto* bad :
       {"82470001", "28470000", "", "8247000a", "0", "12345", "1234567890123456789"}) {
    EXPECT_FALSE(is_snomed_id(bad)) << bad;
  }
}

TEST(CheckDigit, EveryWrongDigitAndEverySwapOfNeighboursIsNoticed) {
  const std::string code = "713514005";
  for (std::size_t at = 0; at < code.size(); ++at) {
    for (char digit = '0'; digit <= '9'; ++digit) {
      std::string other = code;
      other[at] = digit;
      EXPECT_EQ(is_snomed_id(other), other == code) << other;
    }
    if (at > 0 && code[at] != code[at - 1]) {
      std::string other = code;
      std::swap(other[at], other[at - 1]);
      EXPECT_FALSE(is_snomed_id(other)) << other;
    }
  }
}

TEST(CheckDigit, Loinc) {
  for (const auto* good : {"2823-3", "2951-2", "LA6568-5", "LA33-6", "LA18978-9", "69737-5"}) {
    EXPECT_TRUE(is_loinc_code(good)) << good;
  }
  // The letters count: the same digits after other letters have another check digit.
  for (const auto* part : {"LP6118-6", "LP29693-6", "LP31755-9"}) {
    EXPECT_TRUE(is_loinc_code(part)) << part;
  }
  EXPECT_FALSE(is_loinc_code("LA6118-6"));
  EXPECT_FALSE(is_loinc_code("LP6568-5"));
  EXPECT_FALSE(is_loinc_code("6568-5"));
  for (const auto* bad : {"2823-4", "2823", "-3", "2823-33", "2832-3", "LB2823-3", "a823-3"}) {
    EXPECT_FALSE(is_loinc_code(bad)) << bad;
  }
}

}  // namespace
}  // namespace myoflag::rules
