#pragma once
// A QuestionnaireResponse as two flat lists, items and answers, over the JSON it was read from.
// Nothing is copied: a Response is valid only as long as that Json lives unchanged. Reading is
// lenient, so that every problem can be found in one go; what could not be read is listed in
// misfits() (the first max_issues places) and never silently left out. Source:
// hl7.org/fhir/R4/questionnaireresponse.html.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/answer_value.h"
#include "fhir/error.h"
#include "fhir/json.h"

namespace myoflag::fhir {

enum class ResponseStatus { in_progress, completed, amended, entered_in_error, stopped, unknown };

// "url|version"; a fragment behind '#' is dropped.
struct Canonical {
  std::string url;
  std::string version;
  friend bool operator==(const Canonical&, const Canonical&) = default;
};
Canonical split_canonical(std::string_view text);

struct ResponseHeader {
  std::string id;
  Json identifier;  // null if none
  Canonical questionnaire;
  ResponseStatus status = ResponseStatus::unknown;
  std::string subject;  // Reference.reference, as are the next four; empty if none
  std::string encounter;
  std::string author;
  std::string source;
  std::string authored;  // dateTime as written
};

inline constexpr std::size_t no_node = static_cast<std::size_t>(-1);

struct ResponseItem {
  const Json* json = nullptr;
  std::size_t parent_item = no_node;  // the group (or, against the rules, the question) it sits in
  std::size_t parent_answer = no_node;  // set instead when it sits below an answer
  std::size_t index = 0;                // in the array it sits in
  std::size_t first_answer = 0;
  std::size_t answer_count = 0;
  std::size_t end = 0;  // one past the last item below this one, children of answers included

  std::string_view link_id() const { return json->string_of("linkId"); }
};

struct ResponseAnswer {
  const Json* json = nullptr;
  std::size_t item = no_node;
  std::size_t index = 0;
  ChoiceElement choice;
  std::size_t first_item = 0;  // items below this answer: [first_item, end_item)
  std::size_t end_item = 0;

  bool has_value() const { return choice.value.has_value(); }
};

class Response {
 public:
  // Refuses only what is no QuestionnaireResponse at all (MF-1400).
  static Result<Response> read(const Json& resource);

  const ResponseHeader& header() const { return header_; }
  const Json& json() const { return *json_; }
  // Pre-order, as written: a parent comes before its children.
  const std::vector<ResponseItem>& items() const { return items_; }
  const std::vector<ResponseAnswer>& answers() const { return answers_; }
  const ResponseItem& item(std::size_t index) const { return items_[index]; }
  const ResponseAnswer& answer(std::size_t index) const { return answers_[index]; }

  // The item above, also when an answer stands between; no_node at the top.
  std::size_t parent_of(std::size_t item) const;

  // FHIRPath, "QuestionnaireResponse.item[2].answer[0]"; for no_node that of the response.
  std::string place_of_item(std::size_t item) const;
  std::string place_of_answer(std::size_t answer) const;

  // Places where an array of objects was expected and something else stands; at most max_issues.
  const std::vector<std::string>& misfits() const { return misfits_; }

 private:
  friend class ResponseReader;

  ResponseHeader header_;
  const Json* json_ = nullptr;
  std::vector<ResponseItem> items_;
  std::vector<ResponseAnswer> answers_;
  std::vector<std::string> misfits_;
};

}  // namespace myoflag::fhir
