#pragma once
// What the validators of a response share; internal to fhir/response_check. A validator is a
// function over the context and one node; it reports and never stops the others.

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fhir/enable_when.h"
#include "fhir/questionnaire.h"
#include "fhir/response.h"
#include "fhir/response_check.h"

namespace myoflag::fhir::response_check {

struct Finding {
  Severity severity = Severity::error;
  std::string_view type;  // of the value set issue-type
  std::string_view code;
  std::string text;
};

class Report {
 public:
  void add(Finding finding, std::string place, std::string link_id = {});
  bool is_full() const { return full_; }  // then nobody needs to write a place
  const Issues& issues() const { return issues_; }
  Issues take() { return std::move(issues_); }

 private:
  Issues issues_;
  bool full_ = false;
};

struct Context {
  const Response& response;
  const Questionnaire& form;
  const std::vector<std::size_t>& binding;
  const Enablement& enablement;
  bool complete = true;  // whether what is missing is an error

  const FormItem& form_item(std::size_t response_item) const {
    return form.item(binding[response_item]);
  }
};

// Direct children of the response, of a group or of an answer.
struct Container {
  std::size_t form_parent = no_item;
  Enablement::Position position;
  std::size_t first = 0;  // response items inside: [first, last)
  std::size_t last = 0;
};

struct HeaderContext {
  const Response& response;
  const Questionnaire& form;
  const CheckOptions& options;
};

using HeaderValidator = void (*)(const HeaderContext&, Report&);
using ContainerValidator = void (*)(const Context&, const Container&, Report&);
using ItemValidator = void (*)(const Context&, std::size_t item, Report&);
using AnswerValidator = void (*)(const Context&, std::size_t answer, Report&);

void check_header(const HeaderContext& context, Report& report);
void check_container(const Context& context, const Container& container, Report& report);
// Of an item that is no instance of any form item where it stands.
void report_misplaced(const Context& context, std::size_t item, Report& report);
void check_item(const Context& context, std::size_t item, Report& report);
void check_answer(const Context& context, std::size_t answer, Report& report);

void add_at_answer(const Context& context, std::size_t answer, Finding finding, Report& report);
const FormItem& item_of(const Context& context, std::size_t answer);
ValueRef value_of(const Context& context, std::size_t answer);  // of an answer that has one

// Rules of one well-formed answer of the right type.
std::span<const AnswerValidator> value_rules();
std::span<const AnswerValidator> complex_value_rules();

}  // namespace myoflag::fhir::response_check
