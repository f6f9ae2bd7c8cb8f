#pragma once
// Options that several commands share, and what they lead to.

#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/assess.h"
#include "plugin/cli/files.h"
#include "plugin/cli/screen.h"
#include "rules/knowledge.h"

namespace CLI {
class App;
}

namespace myoflag::cli {

struct InputOptions {
  std::string file = "-";
  std::size_t max_bytes = kDefaultMaxBytes;
};
void add_input(CLI::App& command, InputOptions& options);

struct KnowledgeOptions {
  std::string folder;    // empty: the knowledge inside the program
  std::string language;  // of the sentences; empty: English, or as the command says
};
// What a command writes: no sentences; only English ones; or those of any language of the
// knowledge.
enum class Sentences { none, english, any };
void add_knowledge_options(CLI::App& command, KnowledgeOptions& options,
                           Sentences sentences = Sentences::english);
// MF-4007 and the problems of the knowledge, ready to print. `when_wrong`: of files with errors;
// Exit::rejected where the knowledge is what the command works on. A folder that cannot be read is
// wrong usage in any case.
tl::expected<rules::KnowledgePtr, Failure> load(const KnowledgeOptions& options,
                                                Exit when_wrong = Exit::usage);

// The catalogue of this language; null is English, also for an empty tag. MF-4010: there is none.
tl::expected<const rules::Language*, Failure> find_language(const rules::Knowledge& knowledge,
                                                            const std::string& tag);

struct ClockOptions {
  std::string now;  // empty: the system's clock
};
void add_clock(CLI::App& command, ClockOptions& options);
tl::expected<rules::Instant, Failure> instant(const ClockOptions& options);  // MF-4006

// One response or Bundle, and what it is held against.
struct CaseOptions {
  InputOptions input;
  KnowledgeOptions knowledge;
  ClockOptions clock;
};
void add_case(CLI::App& command, CaseOptions& options, Sentences sentences = Sentences::english);

struct OpenCase {
  Assessor assessor;
  std::string bytes;
  AssessOptions how;
};
tl::expected<OpenCase, Failure> open_case(const CaseOptions& options);

void add_colour(CLI::App& command, Colour& colour);

// Limits of the gate for an input of that size.
fhir::Limits limits_for(const InputOptions& options);

}  // namespace myoflag::cli
