#pragma once
// Options of every command that speaks to an EHR: how it is reached, and who we are there. Secrets
// come from the environment or from files, never from the command line, where others see them.
// The program that speaks to the EHR is another one than the one that is called: both know these.

#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/failure.h"

namespace CLI {
class App;
}

namespace myoflag::ehr {

struct EhrOptions {
  std::string base;  // of the FHIR endpoint
  // SMART Backend Services; without a client id: MYOFLAG_EHR_TOKEN, or MYOFLAG_EHR_USER and
  // MYOFLAG_EHR_PASSWORD, or nobody.
  std::string client_id;
  std::string key_file;
  std::string key_id;
  std::string token_url;
  std::string scope;
  // TLS
  std::string ca_file;
  std::string certificate_file;
  std::string certificate_key_file;
  std::string proxy;
};
void add_ehr_options(CLI::App& command, EhrOptions& options);  // all but the base

// In the folder of an export: where its resources are, as NDJSON.
inline constexpr const char* kExportedFiles = "files";

// What is asked for in an export: the responses, and what the record reader takes facts from.
struct ExportChoice {
  std::string folder;
  std::string group;  // "Patient", "Group/<id>", or empty: everything
  std::vector<std::string> types{"QuestionnaireResponse",
                                 "Patient",
                                 "Appointment",
                                 "Condition",
                                 "Device",
                                 "DiagnosticReport",
                                 "Medication",
                                 "MedicationAdministration",
                                 "MedicationDispense",
                                 "MedicationRequest",
                                 "MedicationStatement",
                                 "Observation",
                                 "Procedure",
                                 "ServiceRequest"};
};
void add_export_choice(CLI::App& command, ExportChoice& choice);

// How what waits in an outbox is delivered.
struct DeliveryChoice {
  std::string site = "generic";  // name of a site profile
  std::string sites;             // file with profiles; empty: our own
  std::string folder;            // for a site that takes files
  bool once = false;
  bool quiet = false;
};

// Which appointments are asked for.
struct AppointmentsChoice {
  std::string known;               // file: references that are looked at anyway, one a line
  std::string out;                 // file for lines as plugin/appointments/lines.h has them
  std::vector<std::string> types;  // "system|code"
  std::string from, until;         // instants
};

// What signs the messages to a web hook: MYOFLAG_HOOK_SECRET of the environment. MF-3165.
tl::expected<std::string, Failure> hook_secret();

// The same again, as arguments.
std::vector<std::string> arguments_of(const EhrOptions& options);
std::vector<std::string> arguments_of(const ExportChoice& choice);
std::vector<std::string> arguments_of(const DeliveryChoice& choice);
std::vector<std::string> arguments_of(const AppointmentsChoice& choice);
std::vector<std::string> poll_arguments(const std::string& store, const EhrOptions& options,
                                        const std::vector<std::string>& forms, bool quiet);

}  // namespace myoflag::ehr
