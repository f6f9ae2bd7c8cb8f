#include "tests/fhir_forms/case_files.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace myoflag::fhir::testing {

namespace {

std::string line(const Issue& issue) {
  std::string text = issue.severity == Severity::error     ? ""
                     : issue.severity == Severity::fatal   ? "fatal "
                     : issue.severity == Severity::warning ? "warning "
                                                           : "information ";
  text += issue.code + " " + issue.place;
  return issue.link_id.empty() ? text : text + " " + issue.link_id;
}

Json merged(Json base, const Json& parts) {
  if (const auto* members = parts.as_object()) {
    for (const auto& member : *members) {
      if (member.value.is_null()) {
        base.erase(member.name);
      } else {
        base.set(member.name, member.value);
      }
    }
  }
  return base;
}

}  // namespace

Json parse(std::string_view text) {
  auto json = read_json(text);
  if (!json) {
    std::cerr << "Bad JSON in a test: " << json.error().text << " line " << json.error().line
              << "\n";
    std::abort();
  }
  return *std::move(json);
}

Json read_case_file(const std::string& name) {
  std::ifstream file(std::string(MYOFLAG_SOURCE_DIR) + "/tests/data/response-check/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return parse(text.str());
}

Json form_with(const Json& parts) {
  return merged(parse(R"({"resourceType": "Questionnaire", "url": "http://example.org/form",
                          "version": "1", "name": "Form", "status": "active"})"),
                parts);
}

Json response_with(const Json& parts) {
  return merged(parse(R"({"resourceType": "QuestionnaireResponse", "status": "completed",
                "questionnaire": "http://example.org/form|1", "authored": "2024-05-12T10:00:00Z"})"),
                parts);
}

Questionnaire load(const Json& form) {
  auto loaded = load_questionnaire(form);
  if (!loaded.form) {
    std::cerr << "A form of a test is not valid:\n";
    for (const auto& text : lines(loaded.issues)) {
      std::cerr << "  " << text << "\n";
    }
    std::abort();
  }
  return *std::move(loaded.form);
}

std::vector<std::string> lines(const Issues& issues) {
  std::vector<std::string> result;
  for (const auto& issue : issues) {
    result.push_back(line(issue));
  }
  return result;
}

std::vector<std::string> strings(const Json& array) {
  std::vector<std::string> result;
  if (const auto* elements = array.as_array()) {
    for (const auto& element : *elements) {
      result.push_back(*element.as_string());
    }
  }
  return result;
}

Json nested_items(std::initializer_list<Json::Field>&& members, int depth) {
  Json result;
  const Json bare = Json::object(std::move(members));
  for (int level = 0; level < depth; ++level) {
    Json item = bare;
    if (auto* below = result.find("item")) {
      item.set("item", std::move(*below));
    }
    Json list;
    list.push(std::move(item));
    result = Json();
    result.set("item", std::move(list));
  }
  return result;
}

}  // namespace myoflag::fhir::testing
