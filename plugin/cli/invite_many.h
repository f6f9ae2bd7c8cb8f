#pragma once
// Invitations for everybody with a booked appointment, and reminders of those without an answer, as
// rows for whoever sends the links. Errors: MF-3180 to MF-3184.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/appointments/lines.h"
#include "plugin/config/config.h"
#include "plugin/failure.h"
#include "plugin/intake/invitations.h"

namespace myoflag::cli {

// What became of one of them. It holds patient data.
struct InviteRow {
  std::int64_t invitation = 0;  // 0: there is none
  std::string did;              // "invited", or why nobody was
  std::string patient, appointment;
  std::optional<intake::Time> start, expires;
  std::string language;
  std::string link;  // empty: there is none to send
};

enum class RowFormat { csv, json };
std::string rows_text(const std::vector<InviteRow>& rows, RowFormat format);

struct Inviting {
  intake::Invitations& invitations;
  std::string base;                    // of links
  std::vector<std::string> languages;  // that are offered
  intake::Time now;
  bool with_links = false;  // also to those that have one already
};

// Once for each appointment, however often this is done.
tl::expected<std::vector<InviteRow>, Failure> invite_all(
    const Inviting& how, const std::vector<appointments::Appointment>& found);

// Those without an answer that end, or whose appointment begins, within that time; the nearest
// first.
tl::expected<std::vector<InviteRow>, Failure> reminders(const Inviting& how,
                                                        std::chrono::days within);

// Asks the EHR, in a process of its own. `store`: beside which what is found lies for as long.
tl::expected<appointments::Appointments, Failure> ask_for_appointments(
    const config::Delivery& record, const std::vector<std::string>& types, int days,
    const std::string& store, intake::Invitations& invitations, intake::Time now);

}  // namespace myoflag::cli
