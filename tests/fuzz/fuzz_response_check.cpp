// Any bytes as response to a fixed form, and any bytes as form with a response in one text.
//
// Input: JSON. An object with the members "form" and "response" is taken apart; anything else is a
// response to the fixed form. Promises: no crash; every issue has code, type, sentence and, for
// responses that can be read, a place; pruning what is disabled leaves nothing disabled; all
// findings together hold an error when a part of them does. How time grows with large inputs is
// tested in tests/fhir_forms/growth_test.cpp.
#include <cstdint>
#include <string_view>

#include "fhir/json.h"
#include "fhir/questionnaire.h"
#include "fhir/response_check.h"
#include "fhir/structure.h"
#include "tests/fuzz/require.h"
#include "tests/support/without_disabled.h"

namespace {

using namespace myoflag::fhir;
using myoflag::fuzz::require;

constexpr std::string_view fixed_form = R"({
  "resourceType": "Questionnaire", "url": "u", "version": "1", "status": "active", "item": [
    {"linkId": "a", "type": "boolean", "required": true},
    {"linkId": "g", "type": "group", "repeats": true, "item": [
      {"linkId": "b", "type": "choice", "repeats": true, "answerOption": [
        {"valueCoding": {"system": "s", "code": "x"}},
        {"valueCoding": {"system": "s", "code": "n"}, "extension": [
          {"url": "http://hl7.org/fhir/StructureDefinition/questionnaire-optionExclusive", "valueBoolean": true}]}],
        "item": [{"linkId": "c", "type": "string", "maxLength": 3}]},
      {"linkId": "d", "type": "quantity", "enableWhen": [{"question": "a", "operator": "=", "answerBoolean": true}]},
      {"linkId": "e", "type": "date", "enableWhen": [
        {"question": "d", "operator": ">", "answerQuantity": {"value": 1, "system": "u", "code": "mg"}}]}]},
    {"linkId": "f", "type": "attachment", "extension": [
      {"url": "http://hl7.org/fhir/StructureDefinition/maxSize", "valueDecimal": 3}]},
    {"linkId": "h", "type": "reference"},
    {"linkId": "i", "type": "decimal", "extension": [
      {"url": "http://hl7.org/fhir/StructureDefinition/minValue", "valueDecimal": 0.5},
      {"url": "http://hl7.org/fhir/StructureDefinition/maxDecimalPlaces", "valueInteger": 2}]},
    {"linkId": "j", "type": "open-choice", "answerOption": [{"valueString": "x"}]}]})";

void check(const Json& response, const Questionnaire& form) {
  const CheckOptions options{std::chrono::sys_seconds{std::chrono::seconds{1'700'000'000}}};
  const auto result = check_response(response, form, options);
  for (const auto& issue : result.issues) {
    require(!issue.code.empty() && !issue.type.empty() && !issue.text.empty(),
            "every issue says what it is");
    require(issue.code == "MF-1400" || issue.place.starts_with("QuestionnaireResponse"),
            "every issue has a place");
  }
  require(result.issues.size() <= max_issues, "issues are bounded");
  const bool wrong = has_errors(result.issues) || has_errors(check_structure(response));
  require(has_errors(check_all(response, form, options)) == wrong, "no error is lost by merging");
  const auto pruned = testing::without_disabled(response, result.disabled);
  require(check_response(pruned, form, options).disabled.empty(), "pruning is enough");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto form = load_questionnaire(read_json(fixed_form).value()).form.value();
  const auto json = read_json(myoflag::fuzz::as_text(data, size));
  if (!json) {
    return 0;
  }
  check(*json, form);
  const auto* own_form = json->find("form");
  const auto* response = json->find("response");
  if (own_form != nullptr && response != nullptr) {
    const auto loaded = load_questionnaire(*own_form);
    if (loaded.form) {
      check(*response, *loaded.form);
    }
  }
  return 0;
}
