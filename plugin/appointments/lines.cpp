#include "plugin/appointments/lines.h"

#include <utility>

#include "fhir/datetime.h"
#include "fhir/json.h"

namespace myoflag::appointments {

namespace {

using fhir::Json;

Appointment appointment_of(const Json& json) {
  const auto text = [&](std::string_view name) { return std::string(json.string_of(name)); };
  Appointment out;
  out.reference = text("appointment");
  out.status = text("status");
  if (const auto start = fhir::parse_instant(json.string_of("start"))) {
    out.start = fhir::to_sys_seconds(*start);
  }
  out.patient = text("patient");
  out.born = text("birthDate");
  for (const Json& tag : json.array_of("languages")) {
    if (const auto* language = tag.as_string()) {
      out.languages.push_back(*language);
    }
  }
  out.hindrance = text("hindrance");
  return out;
}

}  // namespace

std::string line_of(const Appointment& appointment) {
  Json json =
      Json::object({{"appointment", appointment.reference}, {"status", appointment.status}});
  if (appointment.start) {
    json.set("start", fhir::instant_text(*appointment.start));
  }
  Json languages = Json::array();
  for (const auto& tag : appointment.languages) {
    languages.push(tag);
  }
  json.set_if("patient", appointment.patient);
  json.set_if("birthDate", appointment.born);
  json.set_if("languages", std::move(languages));
  json.set_if("hindrance", appointment.hindrance);
  return fhir::write_json(json) + "\n";
}

std::string last_line(std::string_view why) {
  return fhir::write_json(Json::object({{"end", why}})) + "\n";
}

Appointments read_lines(std::string_view text) {
  Appointments out;
  bool is_broken = false;
  while (!text.empty() && !out.is_ended) {
    const auto end = text.find('\n');
    const auto json = fhir::read_json(text.substr(0, end));
    const bool is_whole = end != std::string_view::npos && json && json->is_object();
    if (is_whole && json->has("end")) {
      out.is_ended = true;
      out.why = json->string_of("end");
    } else if (is_whole && json->has("appointment")) {
      out.all.push_back(appointment_of(*json));
    } else {
      is_broken = true;
    }
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  out.is_ended = out.is_ended && !is_broken;
  return out;
}

}  // namespace myoflag::appointments
