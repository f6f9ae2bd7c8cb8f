#pragma once
// The quick way from the bytes of a plain response to the resources as they stand in files, for
// batches: answers by fast_answers.h, rules by rules/quick.h, and text put together from pieces
// that were made beforehand by the careful way itself (bundle.h, standing_alone.h). Promise: where
// it writes, it writes what the careful way writes, byte for byte; whatever is unusual it leaves to
// that.

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "fhir/json.h"
#include "fhir/uuid.h"
#include "rules/knowledge.h"
#include "rules/quick.h"

namespace myoflag::mapping {

// Everything that is the same for all patients. Immutable; shared by threads.
class QuickForms {
 public:
  explicit QuickForms(rules::KnowledgePtr knowledge);
  ~QuickForms();
  QuickForms(QuickForms&&) noexcept;

 private:
  friend class QuickDesk;
  struct Parts;
  std::unique_ptr<const Parts> parts_;
};

struct QuickOptions {
  rules::Instant now{};
  bool batch = false;
  fhir::Limits limits;
};

// NDJSON of one response, by resource type, in the order of a bundle.
struct QuickLines {
  std::string_view device;
  std::string response, observations, service_requests, provenance;
};

// What one thread needs, used again and again. The forms must outlive it.
class QuickDesk {
 public:
  QuickDesk(const QuickForms& forms, const QuickOptions& options);
  ~QuickDesk();
  QuickDesk(QuickDesk&&) noexcept;

  // False: to be done the careful way. Also in doubt about what that would say.
  bool judge(std::string_view json);
  // Of what was judged last; valid until the next one.
  const rules::QuickAssessment& assessment() const;
  std::string_view authored() const;
  // The lines are put behind what is there. The name is that of repetition_key (bundle.h).
  fhir::Uuid write(QuickLines& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace myoflag::mapping
