#pragma once
// manifest.json of a batch: what is in the folder, and what it was made from. In the shape of the
// Bulk Data manifest (hl7.org/fhir/uv/bulkdata, "Complete Status"), with sizes, digests, inputs and
// the summary added.

#include <string>
#include <vector>

#include "fhir/json.h"
#include "plugin/batch/job.h"
#include "plugin/batch/summary.h"
#include "rules/knowledge.h"

namespace myoflag::batch {

struct ManifestFile {
  std::string name;
  OutputFileState state;
  std::string sha256;
  bool of_outcomes = false;  // of OperationOutcomes: listed under "error"
};

// `inputs` as in the description of the job.
fhir::Json manifest_json(const std::vector<ManifestFile>& files, const fhir::Json& inputs,
                         const Summary& summary, const rules::Knowledge& knowledge,
                         const std::string& when);

}  // namespace myoflag::batch
