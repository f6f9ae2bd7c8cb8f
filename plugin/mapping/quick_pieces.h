#pragma once
// The pieces that quick_resources.h puts together. Each was written by the careful way about an
// invented patient whose particulars are marks; where a mark stood there is a hole.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/knowledge.h"
#include "rules/quick.h"

namespace myoflag::mapping {

enum class Hole : std::uint8_t {
  id,         // of the resource
  head,       // whom and what it is about, and when
  response,   // id of the QuestionnaireResponse
  number,     // as the patient wrote it
  notes,      // what the clinician must know of the input
  members,    // the red flags
  target,     // by when
  reasons,    // of a proposal: references
  reason,     // the same in words
  targets,    // of the Provenance: references
  evaluated,  // instant
  agents,     // who answered
};

using Marks = std::vector<std::pair<std::string, Hole>>;

struct Template {
  std::vector<std::pair<std::string, Hole>> parts;  // text, and the hole behind it
  std::string last;

  // Empty when one of the marks does not stand in the text exactly once; an id stands there twice.
  static std::optional<Template> cut(std::string_view text, const Marks& marks);
};

// JSON of a string, without its quotes.
void append_escaped(std::string_view text, std::string& out);
std::string quoted(std::string_view text);

struct OptionPieces {
  Template answer;            // Observation
  std::string component;      // in a red flag
  std::string name;           // rest of the name of the Observation
  std::string plain, worded;  // {"valueCoding":...} without and with display
  std::string canonical;      // the same in the form whose digest is taken
  std::string code;           // quoted option code
};

struct ItemPieces {
  std::optional<Template> number;            // Observation of a number
  std::optional<Template> number_component;  // in a red flag
  std::string number_name;
  std::string_view number_member;      // "valueInteger"
  std::array<std::string, 4> missing;  // components, by reason
  std::vector<OptionPieces> options;
  std::string open_text;  // {"linkId":"x","text":"..."
  std::string link_id;    // quoted
};

struct RulePieces {
  std::array<std::optional<Template>, 4> flag;  // by FindingStatus; absent where none is written
  std::string name;                             // rest of the name of the flag
  std::string id;                               // quoted
  std::string shown_as;                         // ","display":"Title"}
  std::string words;                            // Title (id), escaped
  rules::ItemSet reads;
};

struct WorkupPieces {
  std::array<std::optional<Template>, 5> request;  // by tier
  std::string name, code;                          // rest of the name; quoted
};

struct TargetPieces {
  const rules::Target* target = nullptr;
  std::string component;    // of the tier's Observation
  std::string hours, text;  // JSON
};

struct Pieces {
  std::string device_line;
  std::string identifier_begin, identifier_end;        // around the id
  std::pair<std::string, std::string> author, source;  // of the Provenance: around the reference
  std::string knowledge_words;                         // "twitching 1.0.0", escaped
  std::vector<ItemPieces> items;
  std::vector<RulePieces> rules, gaps;
  std::vector<WorkupPieces> workups;
  std::vector<TargetPieces> targets;  // by address
  std::array<std::optional<Template>, 5> tiers;
  std::optional<Template> provenance;
  bool usable = false;
};

Pieces make_pieces(const rules::KnowledgePtr& knowledge);

}  // namespace myoflag::mapping
