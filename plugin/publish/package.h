#pragma once
// Definitions as a FHIR package: package.json, .index.json, one file for each resource. Same
// knowledge, same bytes. Source: hl7.org/fhir packages page (docs.npmjs.com/package.json beside
// it).

#include <string>
#include <vector>

#include "fhir/json.h"
#include "rules/knowledge.h"

namespace myoflag::publish {

struct PackageFile {
  std::string name;  // "package/ValueSet-twitching-tiers.json"
  std::string text;
};

// "org.myoflag.twitching" of https://myoflag.org/fhir and twitching.
std::string package_name(const rules::Knowledge& knowledge);

std::vector<PackageFile> package_files(const rules::Knowledge& knowledge,
                                       const std::vector<fhir::Json>& definitions);

// A gzip tar without times, owners and machine. Throws std::runtime_error when there is no memory.
std::string package_archive(const std::vector<PackageFile>& files);

}  // namespace myoflag::publish
