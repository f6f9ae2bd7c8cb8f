#include "fhir/response_check.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "fhir/enable_when.h"
#include "fhir/response.h"
#include "fhir/response_check/validators.h"
#include "fhir/structure.h"

namespace myoflag::fhir {

namespace response_check {

namespace {

Issue there_are_more() {
  return {Severity::error,
          "too-costly",
          "MF-1499",
          "There are more problems than are listed.",
          "QuestionnaireResponse",
          {}};
}

}  // namespace

void Report::add(Finding finding, std::string place, std::string link_id) {
  if (full_) {
    return;
  }
  if (issues_.size() + 1 >= max_issues) {
    full_ = true;
    issues_.push_back(there_are_more());
    return;
  }
  issues_.push_back({finding.severity, std::string(finding.type), std::string(finding.code),
                     std::move(finding.text), std::move(place), std::move(link_id)});
}

namespace {

// Not more than max_issues in all.
void append(Issues& to, Issues from) {
  const auto room = max_issues - std::min(max_issues, to.size());
  const bool fits = from.size() <= room;
  to.insert(to.end(), std::make_move_iterator(from.begin()),
            std::make_move_iterator(from.begin() +
                                    static_cast<std::ptrdiff_t>(std::min(from.size(), room))));
  if (!fits) {
    to.back() = there_are_more();
  }
}

// Goes through the response once, in document order, and hands every node to its validators.
class Walk {
 public:
  Walk(const Context& context, Report& report, std::vector<DisabledAnswer>& disabled)
      : context_(context), report_(report), disabled_(disabled) {}

  void run() {
    const auto count = context_.response.items().size();
    check_container(context_, {no_item, {}, 0, count}, report_);
    for (std::size_t item = 0; item < count;) {
      item = visit(item);
    }
  }

 private:
  // The next item to look at.
  std::size_t visit(std::size_t item) {
    const auto& node = context_.response.item(item);
    if (context_.binding[item] == no_item) {
      report_misplaced(context_, item, report_);
      return node.end;
    }
    if (context_.enablement.of(item) == Truth::no) {
      report_disabled(item);
      return node.end;
    }
    check_item(context_, item, report_);
    if (context_.form_item(item).type == ItemType::group) {
      check_container(context_, {context_.binding[item], {item, no_node}, item + 1, node.end},
                      report_);
    } else if (is_question(context_.form_item(item).type)) {
      visit_answers(item);
    }
    return item + 1;
  }

  void visit_answers(std::size_t item) {
    const auto& node = context_.response.item(item);
    for (auto i = node.first_answer; i < node.first_answer + node.answer_count; ++i) {
      const auto& answer = context_.response.answer(i);
      check_answer(context_, i, report_);
      check_container(context_,
                      {context_.binding[item], {no_node, i}, answer.first_item, answer.end_item},
                      report_);
    }
  }

  void report_disabled(std::size_t item) {
    const auto& link_id = context_.form_item(item).link_id;
    report_.add({context_.complete ? Severity::error : Severity::warning, "business-rule",
                 disabled_item, "With these answers the form does not ask for this item."},
                context_.response.place_of_item(item), link_id);
    for (auto i = item; i < context_.response.item(item).end; ++i) {
      if (context_.binding[i] != no_item) {
        disabled_.push_back({context_.form_item(i).link_id, context_.response.place_of_item(i),
                             context_.response.item(i).answer_count});
      }
    }
  }

  const Context& context_;
  Report& report_;
  std::vector<DisabledAnswer>& disabled_;
};

bool is_other_form(const Issues& issues) {
  for (const auto& issue : issues) {
    if (issue.code == other_questionnaire || issue.code == other_version) {
      return true;
    }
  }
  return false;
}

void check_items(const Response& response, const Questionnaire& form, Report& report,
                 std::vector<DisabledAnswer>& disabled) {
  const auto binding = bind_items(response, form);
  const Enablement enablement(response, form, binding);
  const auto status = response.header().status;
  const bool complete = status != ResponseStatus::in_progress && status != ResponseStatus::stopped;
  const Context context{response, form, binding, enablement, complete};
  Walk(context, report, disabled).run();
}

}  // namespace

}  // namespace response_check

CheckResult check_response(const Json& response, const Questionnaire& form,
                           const CheckOptions& options) {
  CheckResult result;
  const auto read = Response::read(response);
  if (!read) {
    result.issues.push_back({Severity::fatal, "structure", read.error().code, read.error().text,
                             read.error().place, std::string()});
    return result;
  }
  response_check::Report report;
  response_check::check_header({*read, form, options}, report);
  // Against another form every item would look wrong: one clear error instead of a hundred
  // misleading ones.
  if (!response_check::is_other_form(report.issues()) &&
      read->header().status != ResponseStatus::entered_in_error) {
    response_check::check_items(*read, form, report, result.disabled);
  }
  result.issues = report.take();
  return result;
}

namespace {

// Says only that an element is not written as R4 demands, which the structure check says as well.
bool is_about_form(const Issue& issue) {
  constexpr std::array<std::string_view, 7> codes{"MF-1401", "MF-1407", "MF-1410", "MF-1441",
                                                  "MF-1443", "MF-1463", "MF-1464"};
  return std::find(codes.begin(), codes.end(), issue.code) != codes.end();
}

bool is_inside(std::string_view place, std::string_view outer) {
  return place.starts_with(outer) &&
         (place.size() == outer.size() || place[outer.size()] == '.' || place[outer.size()] == '[');
}

// `places` is sorted: what is inside a place follows it, with others at most between.
bool names_inside(const std::set<std::string_view>& places, std::string_view outer) {
  for (auto place = places.lower_bound(outer); place != places.end() && place->starts_with(outer);
       ++place) {
    if (is_inside(*place, outer)) {
      return true;
    }
  }
  return false;
}

}  // namespace

Issues check_all(const Json& response, const Questionnaire& form, const CheckOptions& options) {
  auto issues = check_structure(response);
  auto found = check_response(response, form, options).issues;
  std::set<std::string_view> places;
  for (const auto& issue : issues) {
    places.insert(issue.place);
  }
  std::erase_if(found, [&places](const Issue& issue) {
    return is_about_form(issue) && names_inside(places, issue.place);
  });
  places.clear();
  response_check::append(issues, std::move(found));
  return issues;
}

}  // namespace myoflag::fhir
