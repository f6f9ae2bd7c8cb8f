#include "plugin/cli/invite_many.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <sys/stat.h>
#include <utility>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "fhir/json.h"
#include "plugin/browser/accept_language.h"
#include "plugin/cli/files.h"
#include "plugin/ehr/process.h"
#include "plugin/intake/service.h"
#include "plugin/safe_text.h"
#include "plugin/store/place.h"

namespace myoflag::cli {
namespace {

using appointments::Appointment;
using fhir::Json;
using intake::Became;
using intake::Invitation;
using intake::NewInvitation;

constexpr std::size_t kMostFound = 64u << 20;  // bytes
constexpr std::size_t kColumns = 8;

std::string moment(const std::optional<intake::Time>& when) {
  return when ? fhir::instant_text(*when) : "";
}

std::array<std::string, kColumns> cells_of(const InviteRow& row) {
  return {row.invitation == 0 ? "" : std::to_string(row.invitation),
          row.did,
          row.patient,
          row.appointment,
          moment(row.start),
          moment(row.expires),
          row.language,
          row.link};
}

constexpr std::array<std::string_view, kColumns> kNames{
    "invitation", "did", "patient", "appointment", "start", "expires", "language", "link"};

// RFC 4180.
std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) {
    return text;
  }
  std::string out = "\"";
  for (const char c : text) {
    out += c == '"' ? "\"\"" : std::string(1, c);
  }
  return out + "\"";
}

std::string csv_text(const std::vector<InviteRow>& rows) {
  std::string out = fmt::format("{}\n", fmt::join(kNames, ","));
  for (const auto& row : rows) {
    std::string line;
    for (const auto& cell : cells_of(row)) {
      line += csv_cell(cell) + ",";
    }
    line.back() = '\n';
    out += line;
  }
  return out;
}

std::string json_text(const std::vector<InviteRow>& rows) {
  Json all = Json::array();
  for (const auto& row : rows) {
    Json one = Json::object();
    const auto cells = cells_of(row);
    for (std::size_t i = 0; i < kColumns; ++i) {
      one.set_if(kNames[i], cells[i]);
    }
    all.push(std::move(one));
  }
  return fhir::write_json(all, fhir::JsonStyle::pretty);
}

bool is_open(const Invitation& invitation, intake::Time now) {
  return !invitation.submitted && !invitation.withdrawn && invitation.expires > now;
}

// Why nobody is invited to it; empty: somebody is.
std::string hindrance_of(const Appointment& one, intake::Time now) {
  if (one.patient.empty()) {
    return "no-patient";
  }
  if (!one.hindrance.empty()) {
    return one.hindrance;
  }
  const auto born = fhir::parse_date(one.born);
  if (!born || born->precision != fhir::Precision::day || one.born > fhir::instant_text(now)) {
    return "no-birth-date";
  }
  return !one.start || *one.start <= now ? "too-late" : "";
}

class Inviter {
 public:
  explicit Inviter(const Inviting& how) : how_(how) {}

  tl::expected<std::vector<InviteRow>, Failure> run(const std::vector<Appointment>& found) {
    const auto all = how_.invitations.list();
    if (!all) {
      return tl::unexpected(all.error());
    }
    for (const Invitation& one : *all) {
      if (!one.appointment.empty() && is_open(one, how_.now)) {
        known_.emplace(one.appointment, one);
      }
    }
    std::vector<InviteRow> rows;
    for (const Appointment& one : found) {
      auto row = take(one);
      if (!row) {
        return tl::unexpected(std::move(row.error()));
      }
      if (*row) {
        rows.push_back(**std::move(row));
      }
    }
    return rows;
  }

 private:
  using Row = tl::expected<std::optional<InviteRow>, Failure>;

  Row take(const Appointment& one) {
    const auto known = known_.find(one.reference);
    if (one.status == "booked") {
      return invite(one, known == known_.end() ? nullptr : &known->second);
    }
    const bool is_cancelled =
        one.status == "cancelled" || one.status == "entered-in-error" || one.status == "gone";
    if (!is_cancelled || known == known_.end()) {
      return std::nullopt;
    }
    return cancel(one, known->second);
  }

  Row cancel(const Appointment& one, const Invitation& invitation) {
    const auto done = how_.invitations.cancel(invitation.id, how_.now);
    if (!done) {
      return tl::unexpected(done.error());
    }
    return InviteRow{
        invitation.id, *done ? "withdrawn" : "kept", invitation.patient,  one.reference,
        one.start,     invitation.expires,           invitation.language, {}};
  }

  Row invite(const Appointment& one, const Invitation* known) {
    InviteRow row{0, hindrance_of(one, how_.now), one.patient, one.reference, one.start, {}, {},
                  {}};
    // Who has died is not to be reminded of a form either.
    if (known != nullptr && (row.did == "deceased" || row.did == "inactive")) {
      return cancel(one, *known);
    }
    if (!row.did.empty()) {
      row.invitation = known == nullptr ? 0 : known->id;
      return row;
    }
    NewInvitation wanted;
    wanted.patient = one.patient;
    wanted.born = one.born;
    wanted.language = browser::preferred_language(fmt::format("{}", fmt::join(one.languages, ",")),
                                                  how_.languages);
    wanted.expires = std::min(*one.start, how_.now + intake::kLongestInvitation);
    wanted.appointment = one.reference;
    wanted.meets = one.start;
    wanted.stays_withdrawn = true;
    const auto created = how_.invitations.invite(wanted, how_.now);
    if (!created && created.error().code() == "MF-4291") {
      row.did = "other-patient";
      return row;
    }
    if (!created) {
      return tl::unexpected(created.error());
    }
    return invited(std::move(row), wanted, *created);
  }

  Row invited(InviteRow row, const NewInvitation& wanted, const intake::Created& created) {
    row.invitation = created.id;
    row.did = created.became == Became::made    ? "invited"
              : created.became == Became::moved ? "moved"
              : created.became == Became::kept  ? "kept"
                                                : "withdrawn-before";
    row.expires = wanted.expires;
    row.language = wanted.language;
    if (!created.token.empty()) {
      row.link = how_.base + intake::path_of(created.token);
      return row;
    }
    if (how_.with_links && created.became != Became::withdrawn) {
      return add_link(how_, std::move(row));
    }
    return row;
  }

 public:
  static Row add_link(const Inviting& how, InviteRow row) {
    const auto token = how.invitations.another_link(row.invitation, how.now);
    if (token) {
      row.link = how.base + intake::path_of(*token);
    } else if (token.error().exit != Exit::usage) {
      return tl::unexpected(token.error());
    } else {
      say(token.error().text);  // it is over, or has too many: the row has none
    }
    return row;
  }

 private:
  const Inviting& how_;
  std::map<std::string, Invitation> known_;  // by appointment
};

// For its owner only; gone with everything in it when this ends.
class Folder {
 public:
  static tl::expected<Folder, Failure> make(const std::string& beside) {
    const auto parent = store::is_database(beside) ? std::filesystem::temp_directory_path()
                                                   : std::filesystem::path(beside).parent_path();
    auto path = (parent / "appointments-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) {
      return tl::unexpected(Failure{
          Exit::outside, fmt::format("MF-3183: {}: {}", safe_name(path), std::strerror(errno))});
    }
    return Folder(path);
  }
  Folder(Folder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  Folder& operator=(Folder&&) = delete;
  ~Folder() {
    std::error_code error;
    if (!path_.empty()) {
      std::filesystem::remove_all(path_, error);
    }
  }
  std::string file(const char* name) const {
    return (std::filesystem::path(path_) / name).string();
  }

 private:
  explicit Folder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace

std::string rows_text(const std::vector<InviteRow>& rows, RowFormat format) {
  return format == RowFormat::csv ? csv_text(rows) : json_text(rows);
}

tl::expected<std::vector<InviteRow>, Failure> invite_all(const Inviting& how,
                                                         const std::vector<Appointment>& found) {
  return Inviter(how).run(found);
}

tl::expected<std::vector<InviteRow>, Failure> reminders(const Inviting& how,
                                                        std::chrono::days within) {
  auto all = how.invitations.list();
  if (!all) {
    return tl::unexpected(all.error());
  }
  const auto when = [](const Invitation& one) {
    return one.meets ? std::min(*one.meets, one.expires) : one.expires;
  };
  std::erase_if(*all, [&](const Invitation& one) {
    return !is_open(one, how.now) || when(one) > how.now + within;
  });
  std::stable_sort(all->begin(), all->end(),
                   [&](const Invitation& a, const Invitation& b) { return when(a) < when(b); });
  std::vector<InviteRow> rows;
  for (const Invitation& one : *all) {
    InviteRow row{one.id,       std::string(intake::state_of(one, how.now)),
                  one.patient,  one.appointment,
                  one.meets,    one.expires,
                  one.language, {}};
    if (how.with_links) {
      auto linked = Inviter::add_link(how, std::move(row));
      if (!linked) {
        return tl::unexpected(std::move(linked.error()));
      }
      row = **std::move(linked);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

tl::expected<appointments::Appointments, Failure> ask_for_appointments(
    const config::Delivery& record, const std::vector<std::string>& types, int days,
    const std::string& store, intake::Invitations& invitations, intake::Time now) {
  const auto folder = Folder::make(store);
  const auto all = invitations.list();
  if (!folder || !all) {
    return tl::unexpected(folder ? all.error() : folder.error());
  }
  std::string known;
  for (const Invitation& one : *all) {
    known += !one.appointment.empty() && is_open(one, now) ? one.appointment + "\n" : "";
  }
  const ehr::AppointmentsChoice choice{folder->file("known"), folder->file("found"), types,
                                       fhir::instant_text(now),
                                       fhir::instant_text(now + std::chrono::days(days))};
  if (const auto written = write_file(choice.known, known); !written) {
    return tl::unexpected(written.error());
  }
  std::vector<std::string> arguments{"appointments"};
  for (const auto& more : {ehr::arguments_of(choice), ehr::arguments_of(record.ehr)}) {
    arguments.insert(arguments.end(), more.begin(), more.end());
  }
  const std::atomic<bool> stop{false};
  const auto ran = ehr::run_ehr(arguments, stop);
  const auto text = read_input(choice.out, kMostFound);
  if (!ran && !text) {
    return tl::unexpected(ran.error());
  }
  if (!text) {
    return tl::unexpected(text.error());
  }
  auto found = appointments::read_lines(*text);
  if (!found.is_ended) {
    found.why =
        ran || ran.error().text.empty() ? "MF-3184: what was found breaks off" : ran.error().text;
  }
  return found;
}

}  // namespace myoflag::cli
