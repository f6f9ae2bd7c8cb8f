#pragma once
// The quick way from bytes to answers, for plain responses: complete, in the order of the form,
// nothing unusual in them. Promise: when it succeeds, the careful way (fhir check_structure,
// check_response, answers.h) finds no error and gives the same answers. Whatever is unusual, wrong
// or merely new to it gives nullopt, and the careful way decides.

#include <cstdint>
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

// A member of the response itself, with the one text in it. The kinds are in the order of the
// definition.
struct FastMember {
  enum class Kind : std::uint8_t {
    meta_source,
    language,
    questionnaire,
    status,
    subject,
    encounter,
    authored,
    author,
    source,
    items,
  };
  Kind kind = Kind::items;
  std::string_view text;
};

// What stands in the items, piece by piece.
struct FastPiece {
  enum class Kind : std::uint8_t { group, question, end, option, number, words };
  Kind kind = Kind::end;
  bool is_worded = false;  // item: has its text; option: has its display
  int item = -1;
  int option = -1;
  std::string_view text;  // number as written, words
};

struct FastResponse {
  std::string id, subject, authored, language;
  rules::AnswerRecord given;
  std::vector<rules::FreeText> free_text;

  // The same in the order of the text. Views into the text and into the reader, valid until it
  // reads again.
  std::vector<FastMember> members;  // but for resourceType and id, and what servers put into meta
  std::vector<FastPiece> pieces;
  bool is_usual =
      true;  // inside items and answers the members stand in the order of FHIR's definition
};

// One for each thread, reused. The form must outlive it.
class FastReader {
 public:
  explicit FastReader(const FastForm& form, const fhir::Limits& limits = {});
  ~FastReader();
  FastReader(FastReader&&) noexcept;

  // authored is a moment with time zone; that it is not in the future is left to the caller.
  std::optional<FastResponse> read(std::string_view json);
  // As read, into what is used again; false: nullopt, and `out` holds nothing that means anything.
  bool read(std::string_view json, FastResponse& out);

 private:
  struct Parser;
  const FastForm* form_;
  fhir::Limits limits_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace myoflag::mapping
