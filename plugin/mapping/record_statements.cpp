#include "plugin/mapping/record_statements.h"

#include <array>

#include "plugin/mapping/one_of.h"
#include "plugin/mapping/record_dates.h"
#include "plugin/mapping/record_values.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;

// Divided by semicolons.
class Words {
 public:
  void add(std::string_view words) {
    if (!words.empty()) {
      text_ += text_.empty() ? "" : "; ";
      text_ += words;
    }
  }
  void add_concept(const Json* one) { add(words_or_code_of(one)); }
  void add_notes(const Json& noted) {
    for (const auto& note : noted.array_of("note")) {
      add(note.string_of("text"));
    }
  }
  void add_concepts(const Json::Array& list, std::string_view member) {
    for (const auto& one : list) {
      add_concept(one.find(member));
    }
  }
  std::string shortened() const { return shown(text_); }

 private:
  std::string text_;
};

}  // namespace

std::string with_words(const std::string& name, std::string_view words) {
  return name + (name.empty() || words.empty() ? "" : ": ") + std::string(words);
}

std::string together(const std::string& words, std::string_view more) {
  return words + (words.empty() || more.empty() ? "" : "; ") + std::string(more);
}

std::string report_words(const Json& report) {
  Words words;
  words.add(report.string_of("conclusion"));
  for (const auto& one : report.array_of("conclusionCode")) {
    words.add_concept(&one);
  }
  for (const auto& one : report.array_of("presentedForm")) {
    words.add(one.string_of("title"));
  }
  return words.shortened();
}

std::string family_words(const Json& relative) {
  Words words;
  for (const auto& condition : relative.array_of("condition")) {
    words.add_concept(condition.find("code"));
    words.add_concept(condition.find("outcome"));
    words.add_notes(condition);
  }
  words.add(relative.string_of("deceasedString"));
  for (const auto& reason : relative.array_of("reasonCode")) {
    words.add_concept(&reason);
  }
  for (const auto& reason : relative.array_of("reasonReference")) {
    words.add(reason.string_of("display"));
  }
  words.add_notes(relative);
  return words.shortened();
}

bool is_statement(std::string_view type) {
  constexpr std::array<std::string_view, 5> types{"CarePlan", "ClinicalImpression", "DetectedIssue",
                                                  "Flag", "RiskAssessment"};
  return is_one_of(type, types);
}

std::string statement_words(const Json& statement) {
  Words words;
  words.add_concept(statement.find("code"));
  for (const auto* name : {"title", "description", "summary", "detail"}) {
    words.add(statement.string_of(name));
  }
  words.add_concepts(statement.array_of("finding"), "itemCodeableConcept");
  words.add_concepts(statement.array_of("prediction"), "outcome");
  return words.shortened();
}

std::string_view statement_time(const Json& statement) {
  for (const auto text : {effective_text(statement), statement.string_of("date"),
                          occurrence_text(statement), identified_text(statement)}) {
    if (!text.empty()) {
      return text;
    }
  }
  return {};
}

Moment statement_moment(const Json& statement) {
  auto moment = moment_in(statement_time(statement));
  if (is_open_period(statement, "effective") || is_open_period(statement, "occurrence") ||
      is_open_period(statement, "identified")) {
    moment.last.reset();
  }
  return moment;
}

}  // namespace myoflag::mapping
