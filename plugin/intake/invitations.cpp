#include "plugin/intake/invitations.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "plugin/random_uuid.h"
#include "plugin/store/outbox_file.h"
#include "rules/digest.h"

namespace myoflag::intake {

namespace {

using store::Columns;
using store::File;
using store::optional_of;
using store::seconds;
using store::time_of;
using store::Write;

constexpr std::size_t kMostId = 64;
constexpr int kMostLinks = 50;   // of one invitation
constexpr int kMostTold = 100;   // at a time
constexpr int kMostForAll = 4;   // tries to fetch what is missing of a record
constexpr int kMostVisits = 20;  // of one invitation; the oldest, first those without identity, go

std::string digest(std::string_view token) { return rules::hex(rules::sha256(token)); }

constexpr const char* kInvitation =
    "SELECT id,response,patient,born,language,made,expires,withdrawn,begun,submitted,locked_until,"
    "revision,draft,told,appointment,meets,(SELECT COUNT(*) FROM interruption r WHERE "
    "r.invitation=i.id),"
    "(SELECT COUNT(*) FROM interruption r WHERE r.invitation=i.id AND r.read IS "
    "NULL),informant,opened_by"
    " FROM invitation i";

// Far enough to mean for ever.
constexpr std::int64_t kForEver = 1'000'000'000'000;

std::optional<Time> optional_time(const Columns& row, int column) {
  const auto value = optional_of(row, column);
  return value ? std::optional(time_of(*value)) : std::nullopt;
}

Invitation invitation_of(const Columns& row) {
  Invitation out;
  out.id = row.integer(0);
  out.response = row.text(1);
  out.patient = row.text(2);
  out.born = row.text(3);
  out.language = row.text(4);
  out.made = time_of(row.integer(5));
  out.expires = time_of(row.integer(6));
  out.withdrawn = optional_time(row, 7);
  out.begun = optional_time(row, 8);
  out.submitted = optional_time(row, 9);
  out.locked_for_good = row.integer(10) == kForEver;
  out.locked_until = time_of(out.locked_for_good ? 0 : row.integer(10));
  out.revision = row.integer(11);
  out.draft = row.text(12);
  out.told = row.text(13);
  out.appointment = row.text(14);
  out.meets = optional_time(row, 15);
  out.interruptions = static_cast<int>(row.integer(16));
  out.unread_interruptions = static_cast<int>(row.integer(17));
  out.informant = row.text(18);
  out.opened_by = row.text(19);
  return out;
}

// `type`: "Patient/".
bool is_reference(std::string_view reference, std::string_view type) {
  const auto id = reference.substr(std::min(type.size(), reference.size()));
  return reference.starts_with(type) && !id.empty() && id.size() <= kMostId &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '-' || c == '.';
         });
}

std::optional<std::int64_t> optional_seconds(const std::optional<Time>& time) {
  return time ? std::optional(seconds(*time)) : std::nullopt;
}

bool is_day(const std::string& born) {
  const auto date = fhir::parse_date(born);
  return date && date->precision == fhir::Precision::day;
}

tl::unexpected<Failure> refused(std::string text) {
  return tl::unexpected(Failure{Exit::usage, std::move(text)});
}

// Empty: nothing is wrong with it.
std::string flaw_of(const NewInvitation& invitation, Time now) {
  if (!is_reference(invitation.patient, "Patient/")) {
    return "MF-4264: the patient is to be a reference such as Patient/123";
  }
  if (!is_day(invitation.born) || invitation.born > fhir::instant_text(now)) {
    return "MF-4264: the date of birth is to be a whole date such as 1980-02-27, in the past";
  }
  if (!invitation.appointment.empty() && !is_reference(invitation.appointment, "Appointment/")) {
    return "MF-4264: the appointment is to be a reference such as Appointment/77";
  }
  if (invitation.expires <= now) {
    return "MF-4264: an invitation is to end in the future";
  }
  return invitation.expires <= now + kLongestInvitation
             ? ""
             : fmt::format("MF-4264: an invitation is to end within {} days",
                           kLongestInvitation.count());
}

}  // namespace

std::string_view state_of(const Invitation& invitation, Time now) {
  return invitation.submitted           ? "submitted"
         : invitation.withdrawn         ? "withdrawn"
         : invitation.expires <= now    ? "expired"
         : invitation.is_locked(now)    ? "locked"
         : invitation.interruptions > 0 ? "interrupted"
         : invitation.begun             ? "started"
                                        : "open";
}

struct Invitations::State : File {
  std::mutex mutex;  // one thread at a time

  Result<std::optional<Invitation>> one(const char* condition, auto&& value) {
    const std::string sql = fmt::format("{} WHERE {}", kInvitation, condition);
    return first(invitation_of, sql.c_str(), value);
  }

  // What this key was answered with. Nothing: it comes for the first time.
  Result<std::optional<Created>> answered(const NewInvitation& wanted) {
    if (wanted.key.empty()) {
      return std::nullopt;
    }
    struct Before {
      std::string asked;
      std::int64_t id;
    };
    const auto before = first(
        [](const Columns& row) {
          return Before{row.text(0), row.integer(1)};
        },
        "SELECT asked,invitation FROM invitation_key WHERE key=?", wanted.key);
    if (!before) {
      return tl::unexpected(before.error());
    }
    if (!*before) {
      return std::nullopt;
    }
    if ((*before)->asked != wanted.asked) {
      return refused("MF-4290: this key stands for another request");
    }
    return Created{(*before)->id, {}, Became::kept};
  }

  // The invitation that the appointment has. Nothing: it has none that counts.
  Result<std::optional<Created>> standing(Write& write, const NewInvitation& wanted) {
    if (wanted.appointment.empty()) {
      return std::nullopt;
    }
    const auto found = one("appointment=? AND withdrawn IS NULL", wanted.appointment);
    if (!found) {
      return tl::unexpected(found.error());
    }
    if (!*found) {
      return withdrawn_before(wanted);
    }
    const Invitation& before = **found;
    if (before.patient != wanted.patient) {
      return refused("MF-4291: the appointment has an invitation of another patient");
    }
    const bool differs =
        before.born != wanted.born ||
        (wanted.moves && (before.expires != wanted.expires || before.meets != wanted.meets));
    if (!differs || before.submitted) {
      return Created{before.id, {}, Became::kept};
    }
    write.change("UPDATE invitation SET born=? WHERE id=?", wanted.born, before.id);
    if (before.born != wanted.born) {
      write.change("DELETE FROM prefill WHERE invitation=?", before.id);
    }
    if (wanted.moves) {
      write.change("UPDATE invitation SET expires=?, meets=? WHERE id=?", seconds(wanted.expires),
                   optional_seconds(wanted.meets), before.id);
    }
    return Created{before.id, {}, Became::moved};
  }

  // `begun`: the one that was begun now, which stays.
  void keep_few_visits(Write& write, std::int64_t invitation, const std::string& begun) {
    write.change(
        "DELETE FROM visit WHERE invitation=?1 AND session<>?2 AND session NOT IN(SELECT session"
        " FROM visit WHERE invitation=?1 AND session<>?2 ORDER BY known DESC, made DESC, seen DESC"
        " LIMIT ?3)",
        invitation, begun, kMostVisits - 1);
  }

  // Of one that is over and was never told of, nothing is said.
  Result<std::vector<Untold>> untold(Time now) {
    struct Found {
      std::int64_t id, number, item;
      std::string says;
    };
    const auto found = all(
        [](const Columns& row) {
          return Found{row.integer(0), row.integer(1), row.integer(2), row.text(3)};
        },
        "SELECT id, task_number, COALESCE(item,0), says FROM (SELECT i.id, i.task_number, i.item,"
        " i.expires, i.task_says, CASE WHEN i.submitted IS NOT NULL THEN 'completed'"
        " WHEN i.withdrawn IS NOT NULL THEN 'withdrawn'"
        " WHEN i.expires<=? THEN 'expired ' || i.expires"
        " ELSE 'requested ' || i.expires END AS says FROM invitation i) AS one"
        " WHERE says<>task_says AND (task_says<>'' OR says LIKE 'requested%')"
        // Of two clocks that differ a little the one that is ahead is believed.
        " AND NOT (says LIKE 'requested%' AND task_says='expired ' || expires)"
        " AND NOT EXISTS(SELECT 1 FROM item r WHERE r.id=one.item AND r.state='waiting')"
        " ORDER BY id LIMIT ?",
        seconds(now), kMostTold);
    if (!found) {
      return tl::unexpected(found.error());
    }
    std::vector<Untold> out;
    for (const Found& one : *found) {
      auto invitation = this->one("id=?", one.id);
      if (!invitation) {
        return tl::unexpected(invitation.error());
      }
      out.push_back({**std::move(invitation), one.says, one.number + 1, {}, false, {}});
      if (const auto read = read_answers(out.back(), one.item); !read) {
        return tl::unexpected(read.error());
      }
    }
    return out;
  }

  Done read_answers(Untold& untold, std::int64_t item) {
    if (item == 0) {
      return {};
    }
    const auto text = [](const Columns& row) { return row.text(0); };
    const auto bundle = first(text, "SELECT bundle FROM item WHERE id=?", item);
    const auto id = first(
        text, "SELECT id FROM step WHERE item=? AND type='QuestionnaireResponse' AND state='done'",
        item);
    if (!bundle || !id) {
      return tl::unexpected(bundle ? id.error() : bundle.error());
    }
    untold.response_id = id->value_or("");
    auto answers = store::unpacked_json(bundle->value_or(""));
    untold.is_damaged = !answers;
    untold.answers = answers ? std::move(*answers) : fhir::Json();
    return {};
  }

  // Nothing where another process was quicker.
  Done keep_task(const Untold& one, const MakeTask& make, Time now) {
    Write write(*this);
    const int changed = write.change(
        "UPDATE invitation SET task_says=?, task_number=? WHERE id=? AND task_number=?", one.says,
        one.number, one.invitation.id, one.number - 1);
    if (changed == 0 && write.is_good()) {
      return {};
    }
    const auto receipt = store::keep(write, make(one), now);
    if (!receipt) {
      return tl::unexpected(receipt.error());
    }
    write.change("INSERT INTO task(item,invitation) VALUES(?,?)", receipt->item, one.invitation.id);
    if (one.is_damaged) {
      write.change("UPDATE item SET state='parked', code=?, reason=? WHERE id=?", "MF-3107",
                   "the answers that it tells of cannot be read; retry writes it without them",
                   receipt->item);
    }
    return write.commit();
  }

  Result<std::optional<Created>> withdrawn_before(const NewInvitation& wanted) {
    if (!wanted.stays_withdrawn) {
      return std::nullopt;
    }
    const auto last = number(
        "SELECT id FROM (SELECT id,withdrawn_by FROM invitation WHERE appointment=? ORDER BY id"
        " DESC LIMIT 1) AS last WHERE withdrawn_by='person'",
        wanted.appointment);
    return last.map([](const auto& id) {
      return id ? std::optional(Created{*id, {}, Became::withdrawn}) : std::nullopt;
    });
  }
};

Invitations::Invitations(std::unique_ptr<State> state) : state_(std::move(state)) {}
Invitations::~Invitations() = default;
Invitations::Invitations(Invitations&&) noexcept = default;

Result<Invitations> Invitations::open(const std::string& path, std::function<void()> at_write) {
  auto state = std::make_unique<State>();
  return store::open_outbox(*state, path, std::move(at_write)).map([&] {
    return Invitations(std::move(state));
  });
}

Result<Created> Invitations::invite(const NewInvitation& invitation, Time now) {
  if (auto flaw = flaw_of(invitation, now); !flaw.empty()) {
    return refused(std::move(flaw));
  }
  const std::lock_guard lock(state_->mutex);
  Write write(*state_);
  if (const auto answered = state_->answered(invitation); !answered || *answered) {
    return answered.map([](const auto& before) { return *before; });
  }
  const auto standing = state_->standing(write, invitation);
  if (!standing) {
    return tl::unexpected(standing.error());
  }
  Created created = standing->value_or(Created{});
  if (!*standing) {
    created.token = random_token();
    created.id = write.added(
        "INSERT INTO "
        "invitation(token,response,patient,born,language,made,expires,appointment,meets)"
        " VALUES(?,?,?,?,?,?,?,?,?) RETURNING id",
        digest(created.token), random_uuid(), invitation.patient, invitation.born,
        invitation.language, seconds(now), seconds(invitation.expires), invitation.appointment,
        optional_seconds(invitation.meets));
  }
  if (!invitation.key.empty()) {
    write.change("INSERT INTO invitation_key(key,asked,invitation) VALUES(?,?,?)", invitation.key,
                 invitation.asked, created.id);
  }
  return write.commit().map([&] { return created; });
}

Result<std::string> Invitations::another_link(std::int64_t id, Time now) {
  const std::lock_guard lock(state_->mutex);
  Write write(*state_);
  const auto found = state_->one("id=?", id);
  const auto links = state_->number("SELECT COUNT(*) FROM link WHERE invitation=?", id);
  if (!found || !links) {
    return tl::unexpected(found ? links.error() : found.error());
  }
  if (!*found) {
    return refused(fmt::format("MF-4263: there is no invitation {}", id));
  }
  if ((*found)->withdrawn || (*found)->expires <= now) {
    return refused(fmt::format("MF-4265: invitation {} is over", id));
  }
  if (**links >= kMostLinks) {
    return refused(
        fmt::format("MF-4292: invitation {} has {} further links already: withdraw it "
                    "and make another one",
                    id, kMostLinks));
  }
  std::string token = random_token();
  write.change("INSERT INTO link(token,invitation,made) VALUES(?,?,?)", digest(token), id,
               seconds(now));
  return write.commit().map([&] { return std::move(token); });
}

Result<std::vector<Invitation>> Invitations::list() {
  const std::lock_guard lock(state_->mutex);
  const std::string sql = fmt::format("{} ORDER BY id DESC", kInvitation);
  return state_->all(
      [](const Columns& row) {
        Invitation invitation = invitation_of(row);
        invitation.draft.clear();
        invitation.told.clear();
        return invitation;
      },
      sql.c_str());
}

Done Invitations::withdraw(std::int64_t id, Time now) {
  const std::lock_guard lock(state_->mutex);
  Write write(*state_);
  const int changed = write.change(
      "UPDATE invitation SET withdrawn=COALESCE(withdrawn,?), withdrawn_by='person', draft=''"
      " WHERE id=? AND submitted IS NULL",
      seconds(now), id);
  write.change("DELETE FROM visit WHERE invitation=?", id);
  if (changed == 1) {
    write.change("DELETE FROM prefill WHERE invitation=?", id);
    return write.commit();
  }
  const auto found = state_->one("id=?", id);
  if (!found) {
    return tl::unexpected(found.error());
  }
  return *found ? refused(fmt::format("MF-4265: invitation {} was answered already", id))
                : refused(fmt::format("MF-4263: there is no invitation {}", id));
}

Result<bool> Invitations::cancel(std::int64_t id, Time now) {
  const std::lock_guard lock(state_->mutex);
  Write write(*state_);
  const int changed = write.change(
      "UPDATE invitation SET withdrawn=?, withdrawn_by='appointment', draft='' WHERE id=? AND"
      " withdrawn IS NULL AND submitted IS NULL",
      seconds(now), id);
  if (changed == 1) {
    write.change("DELETE FROM visit WHERE invitation=?", id);
    write.change("DELETE FROM prefill WHERE invitation=?", id);
  }
  return write.commit().map([&] { return changed == 1; });
}

Result<std::optional<Invitation>> Invitations::by_token(std::string_view token) {
  const std::lock_guard lock(state_->mutex);
  return state_->one(
      "id=COALESCE((SELECT id FROM invitation WHERE token=?1),(SELECT invitation FROM link WHERE"
      " token=?1))",
      digest(token));
}

Result<std::optional<Invitation>> Invitations::by_id(std::int64_t id) {
  const std::lock_guard lock(state_->mutex);
  return state_->one("id=?", id);
}

Done Invitations::speak(std::int64_t id, std::string_view language) {
  const std::lock_guard lock(state_->mutex);
  Write write(*state_);
  write.change("UPDATE invitation SET language=? WHERE id=?", std::string(language), id);
  return write.commit();
}

Result<std::string> Invitations::begin_visit(std::int64_t invitation, Time now, bool clinic) {
  const std::lock_guard lock(state_->mutex);
  std::string session = random_token();
  Write write(*state_);
  write.change("INSERT INTO visit(session,invitation,csrf,made,seen,clinic) VALUES(?,?,?,?,?,?)",
               digest(session), invitation, random_token(), seconds(now), seconds(now),
               std::int64_t{clinic ? 1 : 0});
  state_->keep_few_visits(write, invitation, digest(session));
  return write.commit().map([&] { return std::move(session); });
}

Result<std::optional<std::string>> Invitations::hand_over(const HandOver& given, Time now) {
  const std::lock_guard lock(state_->mutex);
  std::string session = random_token();
  Write write(*state_);
  const int changed = write.change(
      "UPDATE invitation SET draft=?, revision=revision+1, informant=?, opened_by=? WHERE id=? AND"
      " revision=? AND submitted IS NULL AND withdrawn IS NULL AND expires>?",
      given.draft, given.informant, given.opened_by, given.invitation, given.revision,
      seconds(now));
  if (changed == 0 && write.is_good()) {
    return std::nullopt;
  }
  write.change("DELETE FROM visit WHERE invitation=? AND clinic<>0", given.invitation);
  write.change("INSERT INTO visit(session,invitation,csrf,made,seen,clinic) VALUES(?,?,?,?,?,1)",
               digest(session), given.invitation, random_token(), seconds(now), seconds(now));
  state_->keep_few_visits(write, given.invitation, digest(session));
  return write.commit().map([&] { return std::optional(std::move(session)); });
}

// With those before it: the date of birth made another session of the same visit.
Done Invitations::end_visit(std::string_view session) {
  const std::lock_guard lock(state_->mutex);
  Write write(*state_);
  write.change(
      "DELETE FROM visit WHERE clinic<>0 AND invitation=(SELECT invitation FROM visit WHERE"
      " session=? AND clinic<>0)",
      digest(session));
  return write.commit();
}

Result<std::optional<Visit>> Invitations::visit(std::string_view session) {
  const std::lock_guard lock(state_->mutex);
  return state_->first(
      [](const Columns& row) {
        return Visit{row.integer(0),          row.text(1),
                     row.integer(2) != 0,     time_of(row.integer(3)),
                     time_of(row.integer(4)), row.integer(5) != 0};
      },
      "SELECT invitation,csrf,known,made,seen,clinic FROM visit WHERE session=?", digest(session));
}

Done Invitations::touch(std::string_view session, Time now) {
  const std::lock_guard lock(state_->mutex);
  Write write(*state_);
  write.change("UPDATE visit SET seen=? WHERE session=?", seconds(now), digest(session));
  return write.commit();
}

Done Invitations::forget(std::string_view session) {
  const std::lock_guard lock(state_->mutex);
  Write write(*state_);
  write.change("UPDATE visit SET known=0 WHERE session=?", digest(session));
  return write.commit();
}

Result<Identified> Invitations::identify(std::string_view session, std::string_view born, Time now,
                                         const Patience& patience) {
  const std::lock_guard lock(state_->mutex);
  Write write(*state_);
  const auto mine = digest(session);
  const auto found = state_->one("id=(SELECT invitation FROM visit WHERE session=?)", mine);
  const auto tried = state_->number(
      "SELECT wrong_ever FROM invitation WHERE id=(SELECT invitation FROM visit WHERE session=?)",
      mine);
  const auto clinic = state_->number("SELECT clinic FROM visit WHERE session=?", mine);
  if (!found || !tried || !clinic) {
    return tl::unexpected(state_->failure());
  }
  if (!*found || (*found)->is_locked(now)) {
    return Identified{*found ? Identity::locked : Identity::wrong, {}};
  }
  const Invitation& invitation = **found;
  if (invitation.born == born) {
    Identified right{Identity::right, random_token()};
    write.change("UPDATE invitation SET wrong=0, begun=COALESCE(begun,?) WHERE id=?", seconds(now),
                 invitation.id);
    // The one before stays as it was: what is sent twice is right twice.
    write.change(
        "INSERT INTO visit(session,invitation,csrf,known,made,seen,clinic) VALUES(?,?,?,1,?,?,?)",
        digest(right.session), invitation.id, random_token(), seconds(now), seconds(now),
        clinic->value_or(0));
    state_->keep_few_visits(write, invitation.id, digest(right.session));
    return write.commit().map([&] { return right; });
  }
  const bool for_good = **tried + 1 >= std::int64_t{patience.tries} * patience.locks;
  write.change(
      "UPDATE invitation SET wrong_ever=wrong_ever+1, wrong=CASE WHEN wrong+1>=? THEN 0 ELSE"
      " wrong+1 END, locked_until=CASE WHEN ?<>0 THEN ? WHEN wrong+1>=? THEN ? ELSE locked_until "
      "END"
      " WHERE id=?",
      patience.tries, for_good ? 1 : 0, kForEver, patience.tries, seconds(now + patience.lock),
      invitation.id);
  const auto after = state_->one("id=?", invitation.id);
  if (!after) {
    return tl::unexpected(after.error());
  }
  const auto outcome = (*after)->is_locked(now) ? Identity::locked : Identity::wrong;
  return write.commit().map([&] { return Identified{outcome, {}}; });
}

Result<bool> Invitations::save(const Change& change, Time now) {
  const std::lock_guard lock(state_->mutex);
  Write write(*state_);
  const int changed = write.change(
      "UPDATE invitation SET draft=?, revision=revision+1 WHERE id=? AND revision=? AND submitted"
      " IS NULL AND withdrawn IS NULL AND expires>?",
      change.draft, change.invitation, change.revision, seconds(now));
  if (changed == 0 && write.is_good()) {
    return false;
  }
  if (change.judged) {
    const auto receipt = store::keep(write, *change.judged, now);
    if (!receipt) {
      return tl::unexpected(receipt.error());
    }
    for (const Interrupted& one : change.interrupted) {
      write.change(
          "INSERT INTO interruption(invitation,reason,display,raised,item) VALUES(?,?,?,?,?)"
          " ON CONFLICT DO NOTHING",
          change.invitation, one.reason, one.display, seconds(now), receipt->item);
    }
  }
  return write.commit().map([] { return true; });
}

Done Invitations::read_interruptions(std::int64_t invitation, std::int64_t revision, Time now) {
  const std::lock_guard lock(state_->mutex);
  Write write(*state_);
  write.change(
      "UPDATE interruption SET read=? WHERE invitation=(SELECT id FROM invitation WHERE id=? AND"
      " revision=?) AND read IS NULL",
      seconds(now), invitation, revision);
  return write.commit();
}

Result<std::vector<Interrupted>> Invitations::interruptions(std::int64_t invitation) {
  const std::lock_guard lock(state_->mutex);
  return state_->all(
      [](const Columns& row) {
        return Interrupted{row.text(0), row.text(1), !row.is_null(2)};
      },
      "SELECT reason,display,read FROM interruption WHERE invitation=? ORDER BY id", invitation);
}

Result<bool> Invitations::submit(std::int64_t invitation, std::int64_t revision,
                                 const store::Submission& submission, std::string_view told,
                                 Time now) {
  const std::lock_guard lock(state_->mutex);
  Write write(*state_);
  const int changed = write.change(
      "UPDATE invitation SET submitted=?, told=? WHERE id=? AND revision=? AND submitted IS NULL"
      " AND withdrawn IS NULL AND expires>?",
      seconds(now), told, invitation, revision, seconds(now));
  if (changed == 0 && write.is_good()) {
    return false;
  }
  const auto receipt = store::keep(write, submission, now);
  if (!receipt) {
    return tl::unexpected(receipt.error());
  }
  write.change("UPDATE invitation SET item=? WHERE id=?", receipt->item, invitation);
  write.change("DELETE FROM prefill WHERE invitation=?", invitation);
  return write.commit().map([] { return true; });
}

Result<std::vector<Invitation>> Invitations::without_record(Time now, int most) {
  const std::lock_guard lock(state_->mutex);
  const std::string sql = fmt::format(
      "{} WHERE submitted IS NULL AND withdrawn IS NULL AND expires>? AND NOT EXISTS(SELECT 1 FROM"
      " prefill p WHERE p.invitation=i.id AND (p.due>? OR p.whole=1 OR (p.whole=0 AND p.fetched IS"
      " NOT NULL AND p.tries>=?))) ORDER BY id LIMIT ?",
      kInvitation);
  return state_->all(invitation_of, sql.c_str(), seconds(now), seconds(now), kMostForAll, most);
}

Result<bool> Invitations::may_fetch(std::int64_t id, const Fetching& why, Time now) {
  struct Before {
    Time tried, due;
    std::int64_t tries;
    std::optional<Time> fetched;
  };
  constexpr std::chrono::seconds first{60}, longest{21'600};
  constexpr std::int64_t most_doubled = 9;
  const std::lock_guard lock(state_->mutex);
  Write write(*state_);
  const auto found = state_->first(
      [](const Columns& row) {
        return Before{time_of(row.integer(0)), time_of(row.integer(1)), row.integer(2),
                      optional_time(row, 3)};
      },
      "SELECT tried,due,tries,fetched FROM prefill WHERE invitation=?", id);
  if (!found) {
    return tl::unexpected(found.error());
  }
  const auto& before = *found;
  const bool is_wanted =
      !before || (why.is_opened ? (!before->fetched || *before->fetched <= why.not_since) &&
                                      before->tried + kFetchPause <= now
                                : before->due <= now);
  if (!is_wanted) {
    return false;
  }
  // A form that is opened begins the few tries anew.
  const bool goes_on = before && !(why.is_opened && before->fetched);
  const auto tries = goes_on ? before->tries : 0;
  const auto wait =
      why.is_opened ? kFetchPause
                    : std::min(first * (std::int64_t{1} << std::min(tries, most_doubled)), longest);
  // Whole before, and too old now: 2, until it is fetched whole again.
  write.change(
      "INSERT INTO prefill(invitation,tried,tries,due) VALUES(?1,?2,?3,?4) ON CONFLICT(invitation)"
      " DO UPDATE SET tried=excluded.tried, tries=excluded.tries, due=excluded.due, whole=CASE WHEN"
      " prefill.whole=1 AND ?5<>0 THEN 2 ELSE prefill.whole END",
      id, seconds(now), tries + 1, seconds(now + wait), std::int64_t{why.is_opened ? 1 : 0});
  return write.commit().map([] { return true; });
}

Done Invitations::keep_record(std::int64_t id, const KeptRecord& kept, Time now) {
  const bool is_there = !kept.record.empty();
  const std::string small = is_there ? store::packed(kept.record) : std::string();
  if (is_there && small.empty()) {
    return tl::unexpected(Failure{Exit::outside, "MF-3100: the store cannot be kept: zstd"});
  }
  const bool is_done = is_there && kept.is_whole;
  const std::lock_guard lock(state_->mutex);
  Write write(*state_);
  write.change(
      "UPDATE prefill SET record=?, suggested=?, fetched=?, whole=?, tries=CASE WHEN ?<>0 THEN 0"
      " ELSE tries END WHERE invitation=(SELECT id FROM invitation WHERE id=? AND submitted IS NULL"
      " AND withdrawn IS NULL AND expires>?) AND (fetched IS NULL OR ?<>0 OR (whole=0 AND ?<>0))",
      small, kept.suggested, is_there ? std::optional(seconds(now)) : std::nullopt,
      std::int64_t{is_done ? 1 : 0}, std::int64_t{is_done ? 1 : 0}, id, seconds(now),
      std::int64_t{kept.is_whole ? 1 : 0}, std::int64_t{kept.replaces_part ? 1 : 0});
  return write.commit();
}

Result<std::string> Invitations::suggested(std::int64_t id) {
  const std::lock_guard lock(state_->mutex);
  return state_
      ->first([](const Columns& row) { return row.text(0); },
              "SELECT suggested FROM prefill WHERE invitation=?", id)
      .map([](auto&& found) { return found.value_or(""); });
}

Result<FetchedRecord> Invitations::record(std::int64_t id) {
  const std::lock_guard lock(state_->mutex);
  auto found = state_->first(
      [](const Columns& row) {
        return FetchedRecord{row.text(0), time_of(row.integer(1)), row.integer(2) == 2};
      },
      "SELECT record,COALESCE(fetched,0),whole FROM prefill WHERE invitation=?", id);
  if (!found) {
    return tl::unexpected(found.error());
  }
  auto kept = found->value_or(FetchedRecord());
  if (kept.json.empty()) {
    return FetchedRecord();
  }
  return store::unpacked(kept.json).map([&](std::string&& json) {
    return FetchedRecord{std::move(json), kept.fetched, kept.is_outdated};
  });
}

// Patients do not wait for all of them.
Result<int> Invitations::tell(const MakeTask& make, Time now) {
  const auto untold = [&] {
    const std::lock_guard lock(state_->mutex);
    return state_->untold(now);
  }();
  if (!untold) {
    return tl::unexpected(untold.error());
  }
  for (const Untold& one : *untold) {
    const std::lock_guard lock(state_->mutex);
    if (const auto kept = state_->keep_task(one, make, now); !kept) {
      return tl::unexpected(kept.error());
    }
  }
  return static_cast<int>(untold->size());
}

Done Invitations::tidy(Time now) {
  const std::lock_guard lock(state_->mutex);
  Write write(*state_);
  write.change(
      "UPDATE invitation SET draft='', told='' WHERE expires<=? AND (length(draft)>0 OR"
      " length(told)>0)",
      seconds(now));
  write.change(
      "DELETE FROM prefill WHERE invitation IN(SELECT id FROM invitation WHERE expires<=?)",
      seconds(now));
  write.change("DELETE FROM visit WHERE made<=?", seconds(now - kLongestVisit));
  return write.commit();
}

}  // namespace myoflag::intake
