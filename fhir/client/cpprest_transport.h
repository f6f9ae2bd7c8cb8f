#pragma once
// The transport over cpprestsdk. A hostile answer can abort the process inside that library (a
// chunk of size -1), so this runs where a death costs nothing: never in the process that serves
// patients and cards.

#include <chrono>
#include <memory>
#include <string>

#include "fhir/client/transport.h"

namespace myoflag::fhir::client {

struct TransportOptions {
  std::string ca_file;           // PEM, beside the system's; empty: the system's only
  std::string certificate_file;  // PEM chain of ours, for mutual TLS; with key_file or neither
  std::string key_file;          // PEM
  std::string proxy;             // "http://proxy.example:3128"; empty: none
  int most_at_once = 8;          // exchanges; others wait, within their own deadline
};

// Throws std::runtime_error where a file cannot be used.
std::unique_ptr<Transport> cpprest_transport(const TransportOptions& options);

}  // namespace myoflag::fhir::client
