#pragma once
// Booked appointments of certain types at an EHR, with what an invitation needs of their patients,
// and how those stand that have one already. Nothing is written there. Errors: MF-3180 to MF-3182,
// in the last line.

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "fhir/client/client.h"
#include "plugin/appointments/lines.h"

namespace myoflag::appointments {

struct Wanted {
  std::vector<std::string> types;  // "system|code", of Appointment.serviceType
  std::chrono::sys_seconds from, until;
  std::vector<std::string> known;  // "Appointment/77": looked at whatever they are now
};

inline constexpr std::size_t kMostKnown = 2'000;  // that are read one by one

// Gives each to `take`. What is returned is empty where all was seen.
std::string find_appointments(fhir::client::Client& client, const Wanted& wanted,
                              const std::function<void(const Appointment&)>& take);

}  // namespace myoflag::appointments
