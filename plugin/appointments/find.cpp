#include "plugin/appointments/find.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "fhir/client/verdict.h"
#include "fhir/datetime.h"
#include "fhir/primitives.h"
#include "plugin/mapping/patient_identity.h"

namespace myoflag::appointments {

namespace {

using fhir::Json;
using fhir::client::Client;
using fhir::client::Next;
using fhir::client::Reply;

constexpr int kNotFound = 404;
constexpr int kGone = 410;
constexpr std::size_t kMostTag = 35;  // of a language

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= kMostTag &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-';
         });
}

std::string type_of(const Json& coding) {
  return fmt::format("{}|{}", coding.string_of("system"), coding.string_of("code"));
}

std::string tag_of(const Json& communication) {
  const Json* language = communication.find("language");
  for (const Json& coding : language == nullptr ? Json::Array() : language->array_of("coding")) {
    if (is_tag(coding.string_of("code"))) {
      return std::string(coding.string_of("code"));
    }
  }
  return {};
}

bool is_true(const Json& json, std::string_view name) {
  const Json* value = json.find(name);
  return value != nullptr && value->as_bool() != nullptr && *value->as_bool();
}

// What the patient prefers first.
std::vector<std::string> languages_of(const Json& patient) {
  std::vector<std::string> first, others;
  for (const Json& one : patient.array_of("communication")) {
    if (auto tag = tag_of(one); !tag.empty()) {
      (is_true(one, "preferred") ? first : others).push_back(std::move(tag));
    }
  }
  first.insert(first.end(), others.begin(), others.end());
  return first;
}

std::string hindrance_of(const Json& patient) {
  if (is_true(patient, "deceasedBoolean") || patient.has("deceasedDateTime")) {
    return "deceased";
  }
  const Json* active = patient.find("active");
  const bool is_inactive = active != nullptr && active->as_bool() != nullptr && !*active->as_bool();
  return is_inactive ? "inactive" : "";
}

std::string why_of(const Reply& reply) {
  return fmt::format("MF-3180: the EHR was not asked to the end: {}: {}", reply.code, reply.text);
}

class Search {
 public:
  Search(Client& client, const Wanted& wanted, const std::function<void(const Appointment&)>& take)
      : client_(client), wanted_(wanted), take_(take), base_(client.endpoint().base) {}

  std::string run() {
    auto why = search();
    return why.empty() ? look_at_known() : why;
  }

 private:
  // A server may not know our parameters, and may add what was not asked for: all is looked at
  // here.
  std::string search() {
    const auto found = client_.search(
        "Appointment", {{"status", "booked"},
                        {"service-type", fmt::format("{}", fmt::join(wanted_.types, ","))},
                        {"date", "ge" + fhir::instant_text(wanted_.from)},
                        {"date", "lt" + fhir::instant_text(wanted_.until)},
                        {"_include", "Appointment:patient"},
                        {"_count", "50"}});
    for (const Json& one : found.resources) {
      if (one.string_of("resourceType") == "Patient") {
        patients_.insert_or_assign(fmt::format("Patient/{}", one.string_of("id")), one);
      }
    }
    for (const Json& one : found.resources) {
      if (one.string_of("resourceType") == "Appointment" && is_wanted(one)) {
        if (auto why = give(one); !why.empty()) {
          return why;
        }
      }
    }
    if (found.is_whole) {
      return {};
    }
    return found.last.next == Next::done
               ? "MF-3181: there are more appointments than one search takes; fewer days ask for "
                 "fewer"
               : why_of(found.last);
  }

  bool is_wanted(const Json& appointment) const {
    const auto start = start_of(appointment);
    return fhir::is_id(appointment.string_of("id")) &&
           appointment.string_of("status") == "booked" && start && *start >= wanted_.from &&
           *start < wanted_.until && has_type(appointment);
  }

  bool has_type(const Json& appointment) const {
    for (const Json& concept_given : appointment.array_of("serviceType")) {
      for (const Json& coding : concept_given.array_of("coding")) {
        if (std::find(wanted_.types.begin(), wanted_.types.end(), type_of(coding)) !=
            wanted_.types.end()) {
          return true;
        }
      }
    }
    return false;
  }

  static std::optional<std::chrono::sys_seconds> start_of(const Json& appointment) {
    const auto start = fhir::parse_instant(appointment.string_of("start"));
    return start ? fhir::to_sys_seconds(*start) : std::nullopt;
  }

  // Nobody, where there are several or one that did not accept: which of them is asked is not ours
  // to say.
  std::string patient_of(const Json& appointment) const {
    std::set<std::string> patients;
    for (const Json& participant : appointment.array_of("participant")) {
      const Json* actor = participant.find("actor");
      const auto key =
          mapping::reference_key(actor == nullptr ? "" : actor->string_of("reference"));
      if (key.type() != "Patient" || participant.string_of("status") == "declined") {
        continue;
      }
      const auto here = mapping::reference_key(base_ + "/" + key.tail).base;
      const bool is_here = key.base.empty() || key.base == here;
      const auto id = std::string_view(key.tail).substr(key.tail.find('/') + 1);
      patients.insert(is_here && fhir::is_id(id) ? key.tail : std::string());
    }
    return patients.size() == 1 ? *patients.begin() : std::string();
  }

  // What could not be had of the patient: empty, or why.
  std::string give(const Json& appointment) {
    Appointment out;
    out.reference = fmt::format("Appointment/{}", appointment.string_of("id"));
    out.status = appointment.string_of("status");
    out.start = start_of(appointment);
    out.patient = patient_of(appointment);
    seen_.insert(out.reference);
    if (!out.patient.empty()) {
      if (auto why = add_patient(out); !why.empty()) {
        return why;
      }
    }
    take_(out);
    return {};
  }

  std::string add_patient(Appointment& out) {
    auto found = patients_.find(out.patient);
    if (found == patients_.end()) {
      Reply reply = client_.read(out.patient);
      if (reply.status == kNotFound || reply.status == kGone) {
        out.hindrance = "no-patient";
        return {};
      }
      if (reply.next != Next::done) {
        return why_of(reply);
      }
      found = patients_.emplace(out.patient, std::move(reply.resource)).first;
    }
    const Json& patient = found->second;
    out.born = patient.string_of("birthDate");
    out.languages = languages_of(patient);
    out.hindrance = hindrance_of(patient);
    return {};
  }

  // Those that have an invitation and were not in the search: moved, cancelled, or of another type.
  std::string look_at_known() {
    std::size_t count = 0;
    std::size_t missing = 0;
    for (const auto& reference : wanted_.known) {
      if (seen_.contains(reference)) {
        continue;
      }
      if (++count > kMostKnown) {
        return "MF-3181: more appointments with an invitation are to be looked at than are at once";
      }
      const Reply reply = client_.read(reference);
      if (reply.status == kGone) {
        take_({reference, "gone", {}, {}, {}, {}, {}});
      } else if (reply.status == kNotFound) {
        ++missing;
      } else if (reply.next != Next::done) {
        return why_of(reply);
      } else if (fmt::format("Appointment/{}", reply.resource.string_of("id")) == reference) {
        if (auto why = give(reply.resource); !why.empty()) {
          return why;
        }
      }
    }
    // A wrong address of the EHR answers like that to all of them.
    return missing == 0
               ? ""
               : fmt::format(
                     "MF-3182: {} appointments with an invitation are not found in the EHR; "
                     "their invitations are left as they are",
                     missing);
  }

  Client& client_;
  const Wanted& wanted_;
  const std::function<void(const Appointment&)>& take_;
  const std::string base_;
  std::map<std::string, Json, std::less<>> patients_;
  std::set<std::string, std::less<>> seen_;
};

}  // namespace

std::string find_appointments(Client& client, const Wanted& wanted,
                              const std::function<void(const Appointment&)>& take) {
  return Search(client, wanted, take).run();
}

}  // namespace myoflag::appointments
