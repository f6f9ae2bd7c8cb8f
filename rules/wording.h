#pragma once
// The small pieces explanations are made of: sentences filled in, answers quoted, moments written.

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "rules/assessment.h"
#include "rules/texts.h"

namespace myoflag::rules {

// The sentence of the knowledge with that key, its placeholders filled.
std::string say(const Knowledge& knowledge, std::string_view key,
                std::initializer_list<Fill> values = {});

// Why nothing is known of the question: "not answered"; empty where it is not open.
std::string gap_text(const Assessment& assessment, const Item* item);

std::string joined(const std::vector<std::string>& parts, std::string_view between);

// The texts of the chosen options, each in quotes, joined by commas.
std::string quoted_options(const Item& item, std::uint64_t options);

// "2026-11-22 09:00 UTC"
std::string moment_text(Instant moment);
// "2026-11-22", in UTC
std::string day_text(Instant moment);
// The last moment that the date of the answers may mean, wherever they were given; there is one.
Instant latest_authored(const ResponseInfo& response);
// When the form was answered, in the same form; a date alone where no time is known.
std::string authored_text(const ResponseInfo& response);
// Two decimals at most, for a converted value has no more digits than the laboratory gave; but
// never on or beyond a limit that the value itself is not on or beyond: 2.499999999 below 2.5 is
// "2.49".
std::string rounded_text(Number value, const std::vector<Number>& limits = {});

// An answer that says something, to a question that offers "none of these": a sign, rather than a
// circumstance.
bool is_sign(const Evidence& evidence);

std::string first_sentence(std::string_view text);
std::vector<std::string> sentences(std::string_view text);

// "em-stroke-signs: ng127-weak, stroke"
std::string basis_of(const Knowledge& knowledge, const Rule& rule);

// "Urgent"; "Urgent, within 2 weeks" where the target says more.
std::string when_text(const Knowledge& knowledge, Tier tier, const Target& target);

// One line for each question that findings rest on: first what was ticked in a list of signs, then
// other answers, then age and sex, and one for all questions answered with "none".
std::vector<std::string> answer_lines(const Assessment& assessment,
                                      const std::vector<Evidence>& evidence);

}  // namespace myoflag::rules
