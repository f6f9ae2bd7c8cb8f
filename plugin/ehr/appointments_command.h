#pragma once
// myoflag-ehr appointments: those of an EHR into a file.

#include "plugin/ehr/ehr_options.h"
#include "plugin/failure.h"

namespace myoflag::ehr {

// The file ends with a last line unless this process did before.
Exit fetch_appointments(const EhrOptions& options, const AppointmentsChoice& choice);

}  // namespace myoflag::ehr
