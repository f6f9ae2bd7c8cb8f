// The first lines: tier and deadline, what raised it, who it is about.
#include <optional>

#include "rules/explain/page.h"

namespace myoflag::rules::explaining {
namespace {

std::string tier_line(const Page& page) {
  const Assessment& assessment = page.assessment();
  const std::string& target = assessment.target.text;
  const std::string& tier = page.label(assessment.tier);
  const int hours = assessment.target.hours.value_or(0);
  if (target.empty()) {
    return tier;
  }
  if (hours <= 0) {
    return page.say("explain-headline", {{"tier", tier}, {"target", target}});
  }
  if (assessment.target.same_day) {
    return page.say("explain-headline-day",
                    {{"tier", tier}, {"target", target}, {"day", day_text(assessment.input->now)}});
  }
  const std::string by = moment_text(assessment.input->now + std::chrono::hours(hours));
  return page.say("explain-headline-by", {{"tier", tier}, {"target", target}, {"when", by}});
}

void add_notices(const Page& page, Notice::Kind kind, Line::Style style, Lines& lines) {
  for (const Notice& notice : page.assessment().notices) {
    if (notice.kind == kind) {
      lines.push_back(line(notice.text, {}, 0, style));
    }
  }
}

std::string lead_line(const Page& page, const Finding& lead) {
  Texts quotes;
  // What comforts rests on what is absent: any sign quoted beside it would be read as the reason.
  if (lead.rule->benign) {
    return lead.rule->title;
  }
  for (const Evidence& one : lead.because) {
    if (one.lab != nullptr) {
      quotes.push_back(answer_lines(page.assessment(), {one}).front());
    } else if (is_sign(one)) {
      quotes.push_back(one.origin == Origin::record && !one.record_text.empty()
                           ? one.record_text
                           : quoted_options(*one.item, one.options));
    }
  }
  return quotes.empty() ? lead.rule->title
                        : page.say("explain-why-line",
                                   {{"title", lead.rule->title}, {"answer", joined(quotes, "; ")}});
}

// What comforts waits until the patient's words are read.
void add_lead(const Page& page, Lines& lines) {
  if (page.groups().empty()) {
    add_notices(page, Notice::Kind::nothing_matched, Line::Style::plain, lines);
    return;
  }
  const Finding& lead = *page.groups().front().lead;
  if (!lead.rule->benign || !page.words_come_first()) {
    lines.push_back(line(lead_line(page, lead)));
  }
}

// Both ages where they differ: each rule takes the riskier.
void add_age(const Page& page, Texts& parts) {
  if (page.knowledge().bindings.age < 0) {
    return;
  }
  const auto index = static_cast<std::size_t>(page.knowledge().bindings.age);
  const Facts& facts = page.assessment().input->facts;
  const std::optional<Number> record = facts.record.age;
  const std::optional<Number> said = facts.answers.state[index] == ItemState::answered
                                         ? std::optional(facts.answers.number[index])
                                         : record;
  if (said && record && *said != *record) {
    parts.push_back(page.say("explain-subject-ages",
                             {{"patient", to_text(*said)}, {"record", to_text(*record)}}));
  } else if (said) {
    parts.push_back(page.say("explain-subject-years", {{"years", to_text(*said)}}));
  }
}

void add_sex(const Page& page, Texts& parts) {
  if (page.knowledge().bindings.sex < 0) {
    return;
  }
  const auto sex = static_cast<std::size_t>(page.knowledge().bindings.sex);
  const Item& item = page.knowledge().items[sex];
  const Facts& facts = page.assessment().input->facts;
  const std::uint64_t chosen =
      facts.answers.chosen[sex] != 0 ? facts.answers.chosen[sex] : facts.record.chosen[sex];
  for (std::size_t i = 0; i < item.options.size(); ++i) {
    if ((chosen >> i & 1U) != 0) {
      parts.push_back(item.options[i].text);
    }
  }
}

void add_person(const Page& page, Lines& lines) {
  const ResponseInfo& response = page.assessment().input->response;
  Texts parts;
  if (!response.subject.empty()) {
    parts.push_back(response.subject);
  }
  add_age(page, parts);
  add_sex(page, parts);
  if (const std::string when = authored_text(response); !when.empty()) {
    parts.push_back(page.say("explain-authored", {{"when", when}}));
  }
  if (!parts.empty()) {
    lines.push_back(line(joined(parts, ", "), {}, 0, Line::Style::quiet));
  }
}

void add_appointment(const Page& page, Lines& lines) {
  const EvaluationInput& input = *page.assessment().input;
  if (!input.appointment) {
    return;
  }
  const std::optional<int> hours = page.assessment().target.hours;
  const bool late = hours && *input.appointment > input.now + std::chrono::hours(*hours);
  lines.push_back(line(page.say(late ? "explain-appointment-late" : "explain-appointment",
                                {{"when", moment_text(*input.appointment)}}),
                       {}, 0, late ? Line::Style::strong : Line::Style::plain));
}

}  // namespace

Lines headline(const Page& page) {
  Lines lines{line(tier_line(page), {}, 0, Line::Style::strong)};
  add_notices(page, Notice::Kind::check_now, Line::Style::strong, lines);
  if (page.words_come_first()) {
    add_notices(page, Notice::Kind::free_text, Line::Style::strong, lines);
  }
  add_lead(page, lines);
  add_person(page, lines);
  add_appointment(page, lines);
  return lines;
}

}  // namespace myoflag::rules::explaining
