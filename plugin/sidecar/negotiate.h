#pragma once
// FHIR resources as answers, in JSON or XML, whichever the client asks for. Source:
// hl7.org/fhir/R4/http.html#mime-type.

#include "fhir/json.h"
#include "plugin/http/message.h"

namespace myoflag::sidecar {

// The parameter _format counts more than the field Accept; neither: JSON. 406 where
// neither can be served (MF-4243), or XML cannot hold the resource (MF-1214).
http::Response fhir_response(const http::Request& request, int status, const fhir::Json& resource);

}  // namespace myoflag::sidecar
