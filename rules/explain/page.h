#pragma once
// One explanation for the clinician while it is written: what every section of it needs, and the
// lines of each section. A section without lines is left out.

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "rules/explain.h"
#include "rules/explain/groups.h"
#include "rules/wording.h"

namespace myoflag::rules::explaining {

using Texts = std::vector<std::string>;
using Lines = std::vector<Line>;

Line line(std::string text, std::string basis = {}, int indent = 0,
          Line::Style style = Line::Style::plain);

class Page {
 public:
  // The assessment must outlive the page.
  Page(const Assessment& assessment, const ExplainOptions& options);

  const Assessment& assessment() const { return assessment_; }
  const Knowledge& knowledge() const { return *assessment_.knowledge; }
  bool all() const { return all_; }
  const std::vector<Group>& groups() const { return groups_.list; }
  // The patient wrote something that nobody has read, and nothing urgent stands before it.
  bool words_come_first() const;

  std::string say(std::string_view key, std::initializer_list<Fill> values = {}) const;
  const std::string& label(Tier tier) const;

  // How many of a list are shown: all when all is asked for, and where the line that says how many
  // are left would stand for one.
  std::size_t shown(std::size_t total, std::size_t usual) const;
  std::string more(std::size_t count) const;
  bool shortened() const { return shortened_; }  // something was left out so far
  // The first few, and how many more there are.
  std::string shortened(const Texts& parts, std::size_t usual, std::string_view between) const;

  std::vector<std::size_t> sorted_numbers(const std::vector<const Rule*>& rules) const;
  std::string numbers_of(const std::vector<const Rule*>& rules) const;  // "1, 3, 4"

 private:
  const Assessment& assessment_;
  bool all_;
  Groups groups_;
  mutable bool shortened_ = false;
};

std::string joined_numbers(const std::vector<std::size_t>& numbers);
// Each option in quotes.
Texts option_list(const Item& item, std::uint64_t options);

Lines headline(const Page& page);
Lines why(const Page& page);
Lines not_excluded(const Page& page);
Lines patient_words(const Page& page);
Lines conflicts(const Page& page);
Lines also_answered(const Page& page);
Lines notices(const Page& page);
Lines hypotheses(const Page& page);
Lines workups(const Page& page);
Lines withheld(const Page& page);
Lines changes(const Page& page);
Lines advice(const Page& page);
Lines excluded(const Page& page);
Lines sources(const Page& page);
Lines provenance(const Page& page);

}  // namespace myoflag::rules::explaining
