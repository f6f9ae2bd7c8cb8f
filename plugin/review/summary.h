#pragma once
// One judged form for the clinician, as one page: complete without script, one screen wide or a
// narrow panel, one sheet when printed. What the rules say is the explanation of rules/explain.h;
// words beside it are those of texts.h. Pure. Titles and addresses hold nothing of a patient.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugin/browser/answer.h"
#include "plugin/browser/texts.h"
#include "plugin/intake/presentation.h"
#include "plugin/review/desk.h"
#include "rules/assessment.h"

namespace myoflag::review {

struct Look {
  const browser::Texts& texts;
  std::string style;  // its address
  // Opened from the record, for this patient of it only: "Patient/123". Empty: on this machine.
  std::string patient = {};
  std::string csrf = {};    // to sign out, where somebody signed in
  bool is_outside = false;  // a message to somebody who is not in
  std::string staff = {};   // who signed in, and sees all patients; empty: nobody did
  // Where staff sign in: on a message to somebody who is not in. Empty: nowhere.
  std::string sign_in = {};
  std::string sign_out = {};  // where staff go on to sign out; empty: nowhere
};

struct SummaryView {
  const rules::Assessment& assessment;
  std::string outcome;  // names the form in addresses
  std::string csrf;
  std::string born;           // "1980-02-27", may be empty
  rules::Instant now;         // the answers' age is told as of it
  bool is_finished = true;    // the form was sent off
  std::string newer;          // outcome of a newer state of it; empty: none
  std::string kept_tier;      // what the record has, where the rules of today say otherwise
  std::optional<Row> urgent;  // somebody is to look after it, or does
  std::vector<Proposal> proposals;
  std::vector<std::pair<std::string, std::string>>
      reasons;             // to disagree: code, words; may be none
  std::string said;        // key of what was just done; may be none
  std::string source;      // key of who gave the answers; may be none
  std::string entered_by;  // who of the clinic entered them; may be empty
};

std::string summary_page(const Look& look, const SummaryView& view);

// What the worklist shows of one form.
struct FormLine {
  Row row;
  std::string patient;  // "Patient/123"
};
struct InvitationLine {
  std::string patient, state;
  Time made, expires;
  std::int64_t id = 0;
};
struct WorklistView {
  const rules::Knowledge& knowledge;
  std::string csrf;
  rules::Instant now;
  std::vector<FormLine> forms;
  std::vector<InvitationLine> invitations;
  std::vector<FormLine> troubles;
  bool has_more = false;   // one of the lists was cut
  bool asks_name = false;  // no name came with what was acknowledged
  bool can_open = false;   // a form, on this device
};

// A form that staff are about to open on the device at hand.
struct OpenView {
  std::string csrf;
  InvitationLine invitation;
  const std::vector<intake::Informant>& informants;
  bool asks_who = false;  // nobody was chosen
};
std::string open_page(const Look& look, const OpenView& view);

std::string worklist_page(const Look& look, const WorklistView& view);
// The forms of the one patient that may be seen.
std::string forms_page(const Look& look, const WorklistView& view);

// "<name>-title" and "<name>-text".
std::string message_page(const Look& look, std::string_view name);

}  // namespace myoflag::review
