#pragma once
// Appointments of an EHR as lines of JSON, from the program that asks it to the one that invites.
// The last line says whether that was all. They hold patient data.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace myoflag::appointments {

struct Appointment {
  std::string reference;  // "Appointment/77"
  std::string status;     // the record's: "booked", "cancelled"; "gone": it was deleted there
  std::optional<std::chrono::sys_seconds> start;
  std::string patient;                 // "Patient/123"; empty: none, or several
  std::string born;                    // as the record writes it; may be empty
  std::vector<std::string> languages;  // tags, what the patient prefers first
  std::string hindrance;               // why nobody is invited: "deceased"; empty: nothing
};

std::string line_of(const Appointment& appointment);
// `why`: what is missing; empty: nothing is.
std::string last_line(std::string_view why);

struct Appointments {
  std::vector<Appointment> all;
  bool is_ended = false;  // there is a last line
  std::string why;        // of it
};
// Lines that are none are left out, and what is read counts as not ended.
Appointments read_lines(std::string_view text);

}  // namespace myoflag::appointments
