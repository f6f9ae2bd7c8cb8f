#pragma once
// The form as a walk: from the knowledge and the answers so far to the pages, their order, and what
// interrupts them. Pure: no HTTP, no storage, no wording. One question a page, in the order of the
// form; adaptive, without those that can change nothing. Answers to questions that do not apply are
// never believed: they stay in the draft, so that nothing is lost when the patient changes his
// mind, and go no further.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/intake/presentation.h"
#include "rules/assessment.h"
#include "rules/knowledge.h"

namespace myoflag::intake {

// What was given to one question. Passed over: there, and without a value; that is neither "no" nor
// the same as never asked.
struct Answer {
  std::uint64_t chosen = 0;  // choice: bit i is option i
  std::string text;          // numbers as JSON writes them; free text as typed

  bool is_skipped() const { return chosen == 0 && text.empty(); }
  friend bool operator==(const Answer&, const Answer&) = default;
};

using Draft = std::map<int, Answer>;  // by index of the item

// By the codes of the form, so that another version of the knowledge reads it. An answer of which
// it does not know everything is not there then, and will be asked again.
std::string draft_text(const rules::Knowledge& knowledge, const Draft& draft);
// Nothing: it is no draft.
std::optional<Draft> read_draft(const rules::Knowledge& knowledge, std::string_view text);

// Whether questions are left out that can change nothing any more (rules/relevance.h).
enum class Order { whole, adaptive };

// What follows from a draft.
struct Form {
  rules::AnswerRecord answers;  // of questions that apply
  std::vector<int> pages;       // the questions to be asked, in the order of the form
  std::vector<int> hidden;      // answered, and not applying any more: not sent
  std::vector<int> not_needed;  // they apply and are not asked, because no answer changes anything
};
Form form_of(const rules::Knowledge& knowledge, const Draft& draft, Order order = Order::whole);

bool has_page(const Form& form, int item);
// Also a question that is not needed any more: what was answered to it in another window is kept.
bool takes_answer(const Form& form, int item);
std::optional<int> page_after(const Form& form, int item);  // nothing: the review
std::optional<int> page_before(const Form& form, int item);
// The first that is neither answered nor passed over; nothing: all are done.
std::optional<int> first_open(const Form& form, const Draft& draft);

// Displays that always apply, shown with the question after them in the same group. Those after the
// last question stand on the review: item -1.
std::vector<int> notes_of(const rules::Knowledge& knowledge, const Presentation& presentation,
                          int item);

// The top-level group of an item, and how many there are that hold questions.
struct Part {
  int group = -1;
  int number = 0, of = 0;  // from 1
};
Part part_of(const rules::Knowledge& knowledge, int item);

// Why a page interrupts the form.
struct Trigger {
  const Interruption* what = nullptr;
  std::string reason;  // names it once and for all: "em-stop em-now.seizure"
  std::vector<rules::Evidence> because;
};

// The strongest first. A display of the knowledge that applies, for each answer that makes it; and
// a rule that fired, of such an urgency, where no answer it rests on has interrupted as strongly
// already. `partial`: what the rules say of the answers so far; null when nothing is answered.
std::vector<Trigger> triggers_of(const rules::Knowledge& knowledge,
                                 const Presentation& presentation, const Form& form,
                                 const rules::Assessment* partial);

}  // namespace myoflag::intake
