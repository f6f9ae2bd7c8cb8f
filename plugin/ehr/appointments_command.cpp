#include "plugin/ehr/appointments_command.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <utility>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "plugin/appointments/find.h"
#include "plugin/ehr/open_ehr.h"

namespace myoflag::ehr {

namespace {

constexpr const char* kScope = "system/Appointment.rs system/Patient.rs";

Exit fail(const Failure& failure) {
  fmt::print(stderr, "error: {}\n", failure.text);
  return failure.exit;
}

std::vector<std::string> lines_of(const std::string& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

}  // namespace

Exit fetch_appointments(const EhrOptions& options, const AppointmentsChoice& choice) {
  const auto from = fhir::parse_instant(choice.from);
  const auto until = fhir::parse_instant(choice.until);
  if (!from || !until) {
    return fail({Exit::usage, "MF-4006: --from and --until want instants"});
  }
  const auto ehr = open_ehr(options, kScope);
  if (!ehr) {
    return fail(ehr.error());
  }
  fhir::client::Endpoint endpoint;
  endpoint.base = options.base;
  fhir::client::Client client(*ehr->transport, endpoint, ehr->authority.get(), ehr->world);
  std::ofstream out(choice.out, std::ios::trunc);
  const appointments::Wanted wanted{choice.types, *fhir::to_sys_seconds(*from),
                                    *fhir::to_sys_seconds(*until), lines_of(choice.known)};
  const auto why = appointments::find_appointments(
      client, wanted,
      [&out](const appointments::Appointment& one) { out << appointments::line_of(one); });
  out << appointments::last_line(why);
  out.close();
  return out ? Exit::done : fail({Exit::outside, "MF-4005: what was found cannot be written"});
}

}  // namespace myoflag::ehr
