#pragma once
// The pages, as pure functions of what they show. No wording of their own: texts.h and the
// knowledge have it. Complete without script; nothing in them comes from another server. Titles and
// addresses hold nothing of a patient.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/intake/texts.h"

namespace myoflag::intake {

// What every page has in common.
struct Site {
  std::string clinic, phone, emergency_number;
};
// The languages that can be chosen instead of the one of the page, and how.
struct Choice {
  std::string tag, name, direction;
};
struct LanguageSwitch {
  std::vector<Choice> languages;
  // Where they are sent; empty: with the form of the page, which keeps what was typed.
  std::string action;
  std::string csrf, back_to;  // fields; empty: left out
};
// A device of the clinic, which the next person uses too.
struct Device {
  std::string csrf;           // to give it back
  std::chrono::seconds idle;  // then the page closes by itself
};
struct Look {
  const Texts& texts;
  const Site& site;
  std::string style, script, keep_script;  // their addresses
  LanguageSwitch others = {};
  std::optional<Device> device = {};
  std::string dictionary = {};  // its address; empty: none
};

// A field that cannot be used: what is wrong, and the id of the control.
struct FieldError {
  std::string text, control;
};

// `is_unchecked`: the page says that it is a translation that nobody has reviewed.
std::string start_page(const Look& look, std::string_view action, bool is_finished,
                       bool is_unchecked);

struct IdentityView {
  std::string csrf;
  std::string day, month, year;  // as typed
  std::optional<FieldError> error;
  bool is_first = false;      // no page came before it that says whom to call
  bool is_unchecked = false;  // as for start_page
};
std::string identity_page(const Look& look, const IdentityView& view);

struct OptionView {
  std::string code, text;
  bool is_chosen = false;
  bool is_exclusive = false;  // "none of these"
};
enum class Control { one, several, number, text };
struct QuestionView {
  std::string link_id, question;
  std::string help;  // of the form; may be empty
  std::string section;
  int part = 0, parts = 0;
  std::vector<std::string> notes;  // to be read before it
  Control control = Control::one;
  std::vector<OptionView> options;
  std::vector<std::string> from_record;  // of the options, those that the record suggests
  bool has_body_map = false;             // beside the list, for who sees it and has script
  std::string value;                     // number, text
  bool is_whole = false;
  bool is_required = false;
  bool to_review = false;  // Continue leads back to the review
  std::string back;        // address; empty: none
  std::string csrf;
  std::int64_t revision = 0;
  std::string slip;  // what is wrong with the answer
  bool changed_elsewhere = false;
};
std::string question_page(const Look& look, const QuestionView& view);
// What question pages have in common, for browsers to keep (browser::Dictionary): pages of invented
// questions. `options`: that several questions have; `phrases`: that stand on several pages.
std::string common_text(const Look& look, std::vector<OptionView> options,
                        const std::vector<std::string>& phrases);

struct StopView {
  bool is_emergency = false;
  std::string words;              // of the knowledge
  std::vector<std::string> told;  // what the patient said
  std::string back;
  std::string csrf;
  std::int64_t revision = 0;
};
std::string stop_page(const Look& look, const StopView& view);

struct ReviewLine {
  std::string question;
  std::vector<std::string> answers;  // empty: not answered
  std::string change;                // address; empty: none
  bool is_own_words = false;         // answers in whatever language
};
struct ReviewSection {
  std::string title;
  std::vector<ReviewLine> lines;
};
struct ReviewView {
  std::vector<ReviewSection> sections;
  std::vector<std::string> hidden;  // questions whose answers are not sent
  std::vector<std::string> notes;
  std::string back;
  std::string csrf;
  std::int64_t revision = 0;
  bool has_not_needed = false;  // questions that apply were not asked
};
std::string review_page(const Look& look, const ReviewView& view);

struct DoneView {
  bool is_emergency = false;
  std::string headline;
  std::vector<std::string> paragraphs;
};
std::string done_page(const Look& look, const DoneView& view);
std::string copy_page(const Look& look, const ReviewView& view, std::string_view sent);

// A page that only tells something: "<name>-title" and "<name>-text". `button`: text key and
// address of where to go on; empty: nowhere.
struct Message {
  std::string title, text;
  std::string button, address;
};
std::string message_page(const Look& look, const Message& message);

// A device of the clinic that waits for the next person.
std::string over_page(const Look& look, std::string_view for_staff);

// In their languages, with clinic and numbers filled in.
std::string say(const Look& look, std::string_view key,
                std::initializer_list<rules::Fill> more = {});

}  // namespace myoflag::intake
