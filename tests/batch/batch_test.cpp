// The whole job in one process: the same bytes whatever the threads and wherever it was broken off.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/batch/batch.h"
#include "tests/mapping/intake_support.h"

namespace myoflag::batch {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// Chunks hold 64 records at most, and four are read before the first one is told of: a stop there
// must come before the end.
constexpr int kResponses = 300;
constexpr int kFew = 40;

std::string responses(int count) {
  std::mt19937_64 random(5);
  std::string lines;
  for (int i = 0; i < count; ++i) {
    // Most answer little, so that many are judged in little time.
    auto response =
        testing::response_of(i % 20 == 0 ? testing::random_given(random) : testing::harmless());
    response.set("id", "r" + std::to_string(i));
    lines += fhir::write_json(response) + "\n";
    if (i % 10 == 3) {
      lines += "{\"resourceType\":\"Patient\"}\n";
    }
    if (i % 10 == 7) {
      lines += fhir::write_json(response) + "\n";
    }
  }
  return lines;
}

using Files = std::map<std::string, std::string>;

class BatchTest : public ::testing::Test {
 protected:
  BatchTest() {
    fs::create_directories(path_);
    static const std::string text = responses(kResponses);
    std::ofstream(path_ / "in.ndjson") << text;
  }
  ~BatchTest() override { fs::remove_all(path_); }

  BatchOptions options(const std::string& out, Shape shape = Shape::resources) const {
    BatchOptions options;
    options.inputs = {(path_ / "in.ndjson").string()};
    options.out = (path_ / out).string();
    options.output = {shape, testing::now()};
    return options;
  }

  tl::expected<BatchResult, Failure> run(const BatchOptions& options) const {
    const std::atomic<bool> never{false};
    return run_batch(
        assessor(), options, [](const Progress&) {}, never);
  }

  // Stops it as soon as a first part is done; nothing of it is lost.
  void break_off(const BatchOptions& options) const {
    std::atomic<bool> stop{false};
    const auto result = run_batch(
        assessor(), options, [&stop](const Progress&) { stop = true; }, stop);
    ASSERT_TRUE(result) << result.error().text;
    ASSERT_TRUE(result->stopped);
  }

  static const Assessor& assessor() {
    static const Assessor one(testing::knowledge());
    return one;
  }

  Files files(const std::string& out) const {
    Files all;
    for (const auto& entry : fs::directory_iterator(path_ / out)) {
      std::stringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      all[entry.path().filename().string()] = text.str();
    }
    return all;
  }

  const fs::path path_ =
      fs::temp_directory_path() / ("batch_test." + std::to_string(::getpid()) + "." +
                                   ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST_F(BatchTest, EveryRecordIsInTheOutputOnceOrInTheErrors) {
  const auto result = run(options("out"));
  ASSERT_TRUE(result) << result.error().text;
  EXPECT_EQ(result->summary.records, kResponses * 6U / 5U);
  EXPECT_EQ(result->summary.assessed, std::size_t{kResponses});
  EXPECT_EQ(result->summary.rejected, kResponses / 10U);
  EXPECT_EQ(result->summary.repeated, kResponses / 10U);
  const auto out = files("out");
  EXPECT_EQ(lines(out.at("QuestionnaireResponse.ndjson")), std::size_t{kResponses});
  EXPECT_EQ(lines(out.at("Provenance.ndjson")), std::size_t{kResponses});
  EXPECT_EQ(lines(out.at("Device.ndjson")), 1U);
  EXPECT_EQ(lines(out.at("errors.ndjson")), kResponses / 5U);
  EXPECT_THAT(out.at("errors.ndjson"), HasSubstr("MF-4105"));
  EXPECT_TRUE(out.contains("manifest.json"));
  EXPECT_FALSE(out.contains("state.sqlite"));
}

TEST_F(BatchTest, EveryReferenceLeadsSomewhere) {
  ASSERT_TRUE(run(options("out")));
  std::set<std::string> known;
  std::set<std::string> wanted;
  for (const auto& [name, text] : files("out")) {
    std::stringstream stream(name.ends_with(".ndjson") && name.front() < 'a' ? text : "");
    for (std::string line; std::getline(stream, line);) {
      const auto resource = fhir::read_json(line);
      ASSERT_TRUE(resource) << name;
      known.insert(std::string(resource->string_of("resourceType")) + "/" +
                   std::string(resource->string_of("id")));
      EXPECT_EQ(line.find("urn:uuid:"), std::string::npos);
      for (std::size_t at = 0; (at = line.find("\"reference\":\"", at)) != std::string::npos;) {
        at += 13;
        wanted.insert(line.substr(at, line.find('"', at) - at));
      }
    }
  }
  known.insert("Patient/p1");
  for (const auto& reference : wanted) {
    EXPECT_TRUE(known.contains(reference)) << reference;
  }
  EXPECT_GT(wanted.size(), 1000U);
}

TEST_F(BatchTest, ThreadsChangeNothing) {
  std::ofstream(path_ / "in.ndjson") << responses(kFew);
  for (const auto shape : {Shape::resources, Shape::bundles, Shape::assessments, Shape::table}) {
    ASSERT_TRUE(run(options("one", shape)));
    auto four = options("four", shape);
    four.threads = 4;
    ASSERT_TRUE(run(four));
    EXPECT_EQ(files("one"), files("four"));
    fs::remove_all(path_ / "one");
    fs::remove_all(path_ / "four");
  }
}

TEST_F(BatchTest, GoesOnWhereItWasStopped) {
  ASSERT_TRUE(run(options("whole")));
  const auto whole = files("whole");
  auto broken = options("broken");
  broken.checkpoint_bytes = 1;
  int stops = 0;
  for (bool done = false; !done; ++stops) {
    ASSERT_LT(stops, 20);
    std::atomic<bool> stop{false};
    const auto result = run_batch(
        assessor(), broken, [&stop](const Progress&) { stop = true; }, stop);
    ASSERT_TRUE(result) << result.error().text;
    done = !result->stopped;
    EXPECT_EQ(fs::exists(path_ / "broken" / "manifest.json"), done);
    broken.resume = true;
  }
  EXPECT_GT(stops, 1);
  EXPECT_EQ(files("broken"), whole);
}

TEST_F(BatchTest, WhatWasWrittenBehindTheLastCheckpointIsWrittenAgain) {
  ASSERT_TRUE(run(options("whole")));
  auto broken = options("broken");
  broken.checkpoint_bytes = 1;
  break_off(broken);
  std::ofstream(path_ / "broken" / "Observation.ndjson.part", std::ios::app) << "{\"half\":";
  broken.resume = true;
  ASSERT_TRUE(run(broken));
  EXPECT_EQ(files("broken"), files("whole"));
}

TEST_F(BatchTest, GoesOnOnlyWithWhatWasBegun) {
  auto broken = options("broken");
  broken.checkpoint_bytes = 1;
  break_off(broken);

  EXPECT_THAT(run(broken).error().text, HasSubstr("--resume"));
  broken.resume = true;
  auto other = broken;
  other.output.shape = Shape::table;
  EXPECT_THAT(run(other).error().text, HasSubstr("\"output\" is not what it was"));
  other = broken;
  other.now_given = true;
  other.output.now += std::chrono::hours(1);
  EXPECT_THAT(run(other).error().text, HasSubstr("\"now\" is not what it was"));
  std::ofstream(path_ / "in.ndjson", std::ios::app) << "\n";
  EXPECT_THAT(run(broken).error().text, HasSubstr("\"inputs\" is not what it was"));
}

TEST_F(BatchTest, KeepsTheTimeOfItsStart) {
  ASSERT_TRUE(run(options("whole")));
  auto broken = options("broken");
  broken.checkpoint_bytes = 1;
  break_off(broken);
  broken.resume = true;
  broken.output.now += std::chrono::hours(100);
  ASSERT_TRUE(run(broken));
  EXPECT_EQ(files("broken"), files("whole"));
}

TEST_F(BatchTest, DoesNotWriteIntoAFolderInUse) {
  ASSERT_TRUE(run(options("out")));
  const auto before = files("out");
  for (const bool resume : {false, true}) {
    auto again = options("out");
    again.resume = resume;
    const auto result = run(again);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().exit, Exit::usage);
    EXPECT_THAT(result.error().text, HasSubstr("MF-4108"));
  }
  EXPECT_EQ(files("out"), before);
}

// A chunk that is full when the input ends, and inputs without a record.
TEST_F(BatchTest, EndsWhateverTheNumberOfRecords) {
  const auto line = fhir::write_json(testing::response_of(testing::harmless())) + "\n";
  for (const int records : {0, 1, 63, 64, 65, 128}) {
    for (const auto* behind : {"", "\n\n"}) {
      std::string text;
      for (int i = 0; i < records; ++i) {
        text += line;
      }
      std::ofstream(path_ / "in.ndjson") << text << behind;
      const auto result = run(options("out", Shape::table));
      ASSERT_TRUE(result) << result.error().text;
      EXPECT_FALSE(result->stopped) << records;
      EXPECT_EQ(result->summary.records, static_cast<std::uint64_t>(records));
      EXPECT_TRUE(fs::exists(path_ / "out" / "manifest.json"));
      fs::remove_all(path_ / "out");
    }
  }
}

TEST_F(BatchTest, TheSameResponseWithAnotherResultIsNoRepetition) {
  const auto patient = testing::parse(R"({"resourceType":"Patient","id":"p1"})");
  const auto potassium = testing::parse(
      R"({"resourceType":"Observation","id":"k","status":"final","subject":{"reference":"Patient/p1"},)"
      R"("code":{"coding":[{"system":"http://loinc.org","code":"2823-3"}]},)"
      R"("effectiveDateTime":"2026-11-22","valueQuantity":{"value":7.9,"unit":"mmol/L"}})");
  const auto alone = testing::response_of(testing::harmless());
  const std::string one = fhir::write_json(alone) + "\n";
  const std::string other =
      fhir::write_json(testing::bundle_of({patient, alone, potassium})) + "\n";
  for (const auto& text : {one + other + one, other + one + other}) {
    std::ofstream(path_ / "in.ndjson") << text;
    const auto result = run(options("out", Shape::table));
    ASSERT_TRUE(result) << result.error().text;
    EXPECT_EQ(result->summary.assessed, 2U);
    EXPECT_EQ(result->summary.repeated, 1U);
    EXPECT_EQ(result->summary.tiers[static_cast<std::size_t>(rules::Tier::emergency)], 1U);
    fs::remove_all(path_ / "out");
  }
}

TEST_F(BatchTest, TwoPeopleWhomNothingTellsApartAreTwo) {
  auto response = testing::response_of(testing::harmless());
  for (const auto* member : {"id", "identifier", "subject"}) {
    response.erase(member);
  }
  const auto line = fhir::write_json(response) + "\n";
  std::ofstream(path_ / "in.ndjson") << line << line;
  const auto result = run(options("out", Shape::table));
  ASSERT_TRUE(result) << result.error().text;
  EXPECT_EQ(result->summary.assessed, 2U);
}

TEST_F(BatchTest, AnOutputFolderInsideTheInputIsNoInput) {
  auto all = options("out");
  all.inputs = {path_.string()};
  all.checkpoint_bytes = 1;
  break_off(all);
  all.resume = true;
  const auto result = run(all);
  ASSERT_TRUE(result) << result.error().text;
  EXPECT_EQ(result->summary.assessed, std::size_t{kResponses});
}

TEST_F(BatchTest, ManyInputsCanGoOn) {
  fs::create_directories(path_ / "many");
  for (int i = 0; i < 300; ++i) {
    std::ofstream(path_ / "many" / (std::to_string(i) + ".json")) << "{}";
  }
  auto many = options("out", Shape::table);
  many.inputs = {(path_ / "many").string()};
  many.checkpoint_bytes = 1;
  break_off(many);
  many.resume = true;
  const auto rest = run(many);
  ASSERT_TRUE(rest) << rest.error().text;
  EXPECT_EQ(rest->summary.rejected, 300U);
}

TEST_F(BatchTest, WhatIsWholeButForItsStateIsOnlyTidiedUp) {
  auto broken = options("out");
  ASSERT_TRUE(run(broken));
  const auto whole = files("out");
  broken = options("again");
  broken.checkpoint_bytes = 1;
  break_off(broken);
  // As if the power had gone before the state was removed.
  fs::copy(path_ / "again" / "state.sqlite", path_ / "out" / "state.sqlite");
  auto resumed = options("out");
  resumed.resume = true;
  ASSERT_TRUE(run(resumed));
  EXPECT_EQ(files("out"), whole);
}

TEST_F(BatchTest, ARowOfTheTableForEachResponse) {
  ASSERT_TRUE(run(options("out", Shape::table)));
  const auto table = files("out").at("table.csv");
  EXPECT_EQ(lines(table), kResponses + 1U);
  EXPECT_TRUE(table.starts_with("file,line,response,patient,"));
}

TEST_F(BatchTest, AFormulaInAFieldIsDisarmed) {
  const auto before = fs::current_path();
  fs::current_path(path_);
  std::ofstream("=1+1") << testing::json_of(testing::harmless()) << "\n";
  auto how = options("out", Shape::table);
  how.inputs = {"=1+1"};
  const auto result = run(how);
  fs::current_path(before);
  ASSERT_TRUE(result) << result.error().text;
  const auto table = files("out").at("table.csv");
  EXPECT_EQ(lines(table), 2U);
  EXPECT_THAT(table, HasSubstr("\n'=1+1,"));
}

}  // namespace
}  // namespace myoflag::batch
