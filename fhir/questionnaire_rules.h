#pragma once
// The rules of a good form that need more than one element to decide; used by the loader only.
// Every finding goes to a FormReport. Source: hl7.org/fhir/R4/questionnaire.html (que-0 to que-13).

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fhir/questionnaire.h"

namespace myoflag::fhir {

class FormReport {
 public:
  void error(std::string_view code, std::string_view type, const std::string& place,
             const std::string& link_id, std::string text) {
    add(Severity::error, code, type, place, link_id, std::move(text));
  }
  void warning(std::string_view code, std::string_view type, const std::string& place,
               const std::string& link_id, std::string text) {
    add(Severity::warning, code, type, place, link_id, std::move(text));
  }
  Issues take() { return std::move(issues_); }

 private:
  void add(Severity severity, std::string_view code, std::string_view type,
           const std::string& place, const std::string& link_id, std::string text) {
    issues_.push_back(
        {severity, std::string(type), std::string(code), std::move(text), place, link_id});
  }

  Issues issues_;
};

// Rules of one item and its JSON: que-1, que-3 to que-6, que-8 to que-13, limits that contradict
// each other.
void check_item_rules(const FormItem& item, const Json& json, FormReport& report);

// Fills target and scope of every condition and reports what cannot be decided.
void resolve_conditions(std::vector<FormItem>& items, const Questionnaire& form,
                        FormReport& report);

// Parents before children, questions before what depends on them; reports every circle.
std::vector<std::size_t> decision_order(const std::vector<FormItem>& items, FormReport& report);

// The members of a ValueSet contained in the form; nullopt when they cannot be listed.
std::optional<std::vector<Json>> contained_value_set(const Json& form, std::string_view reference);

}  // namespace myoflag::fhir
