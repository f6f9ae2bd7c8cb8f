#pragma once
// The quick way from bytes to answers, for plain responses: complete, in the order of the form,
// nothing unusual in them. Promise: when it succeeds, the careful way (fhir check_structure,
// check_response, answers.h) finds no error and gives the same answers. Whatever is unusual, wrong
// or merely new to it gives nullopt, and the careful way decides.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fhir/json.h"
#include "plugin/mapping/answers.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

// The form prepared for fast reading: a table of its linkIds and one of its option codes.
// Immutable; shared by readers.
class FastForm {
 public:
  explicit FastForm(rules::KnowledgePtr knowledge);
  ~FastForm();
  FastForm(FastForm&&) noexcept;

 private:
  friend class FastReader;
  friend class FastWalk;
  struct Tables;
  std::unique_ptr<const Tables> tables_;
};

struct FastResponse {
  std::string id, subject, authored, language;
  rules::AnswerRecord given;
  std::vector<rules::FreeText> free_text;
};

// One for each thread, reused. The form must outlive it.
class FastReader {
 public:
  explicit FastReader(const FastForm& form, const fhir::Limits& limits = {});
  ~FastReader();
  FastReader(FastReader&&) noexcept;

  // authored is a moment with time zone; that it is not in the future is left to the caller.
  std::optional<FastResponse> read(std::string_view json);

 private:
  struct Parser;
  const FastForm* form_;
  fhir::Limits limits_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace myoflag::mapping
