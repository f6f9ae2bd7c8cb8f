#include "rules/explain.h"

#include <algorithm>
#include <array>

#include "rules/explain/page.h"

namespace myoflag::rules {
namespace explaining {
namespace {

constexpr std::size_t kDigest = 12;  // digits that tell one knowledge from another at a glance

struct Part {
  Section::Kind kind;
  std::string_view title;  // key of the sentence; empty: no title
  Lines (*write)(const Page&);
  bool only_all = false;
};

constexpr std::array kParts{
    Part{Section::Kind::headline, "", headline},
    Part{Section::Kind::why, "explain-title-why", why},
    Part{Section::Kind::not_excluded, "explain-title-not-excluded", not_excluded},
    Part{Section::Kind::patient_words, "explain-title-words", patient_words},
    Part{Section::Kind::conflicts, "explain-title-conflicts", conflicts},
    Part{Section::Kind::answers, "explain-title-answers", also_answered},
    Part{Section::Kind::notices, "explain-title-notices", notices},
    Part{Section::Kind::hypotheses, "explain-title-hypotheses", hypotheses},
    Part{Section::Kind::workups, "explain-title-workups", workups},
    Part{Section::Kind::withheld, "explain-title-withheld", withheld},
    Part{Section::Kind::changes, "explain-title-changes", changes},
    Part{Section::Kind::advice, "explain-title-advice", advice},
    Part{Section::Kind::excluded, "explain-title-excluded", excluded, true},
    Part{Section::Kind::sources, "explain-title-sources", sources, true},
    Part{Section::Kind::provenance, "explain-title-provenance", provenance},
};

void add(const Page& page, const Part& part, Explanation& explanation) {
  Lines lines = part.only_all && !page.all() ? Lines() : part.write(page);
  if (!lines.empty()) {
    explanation.sections.push_back(
        {part.kind, part.title.empty() ? std::string() : page.say(part.title), std::move(lines)});
  }
}

// Behind the headline, so that a finding that comforts is read after the words it cannot weigh.
void bring_words_forward(std::vector<Section>& sections) {
  const auto words = std::find_if(sections.begin(), sections.end(), [](const Section& section) {
    return section.kind == Section::Kind::patient_words;
  });
  if (words != sections.end()) {
    std::rotate(std::next(sections.begin()), words, std::next(words));
  }
}

Texts not_needed(const Assessment& assessment) {
  Texts labels;
  for (const Item* item : assessment.not_needed) {
    labels.push_back(item->label);
  }
  return labels;
}

}  // namespace

Lines provenance(const Page& page) {
  const Knowledge& knowledge = page.knowledge();
  const EvaluationInput& input = *page.assessment().input;
  Lines lines;
  lines.push_back(line(page.say("explain-knowledge",
                                {{"title", knowledge.title},
                                 {"version", knowledge.version},
                                 {"digest", std::string_view(knowledge.digest).substr(0, kDigest)},
                                 {"when", moment_text(input.now)}}),
                       {}, 0, Line::Style::quiet));
  if (!input.response.id.empty()) {
    lines.push_back(
        line(page.say("explain-response", {{"id", input.response.id}}), {}, 0, Line::Style::quiet));
  }
  if (const Texts labels = not_needed(page.assessment()); !labels.empty()) {
    lines.push_back(line(page.say("explain-not-needed", {{"questions", joined(labels, "; ")}}), {},
                         0, Line::Style::quiet));
  }
  lines.push_back(line(page.say("explain-disclaimer"), {}, 0, Line::Style::quiet));
  return lines;
}

}  // namespace explaining

Explanation explain_for_clinician(const Assessment& assessment, const ExplainOptions& options) {
  const explaining::Page page(assessment, options);
  Explanation explanation;
  explanation.tier = assessment.tier;
  for (const explaining::Part& part : explaining::kParts) {
    explaining::add(page, part, explanation);
  }
  explanation.shortened = page.shortened();
  if (page.words_come_first()) {
    explaining::bring_words_forward(explanation.sections);
  }
  return explanation;
}

}  // namespace myoflag::rules
