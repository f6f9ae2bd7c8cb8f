#include "plugin/cds/prefetch.h"

#include <algorithm>

namespace myoflag::cds {
namespace {

using fhir::Json;

bool has_next_page(const Json& bundle) {
  const auto& links = bundle.array_of("link");
  return std::any_of(links.begin(), links.end(),
                     [](const Json& link) { return link.string_of("relation") == "next"; });
}

bool is_outcome(const Json& entry) {
  const auto* resource = entry.find("resource");
  return resource != nullptr && resource->string_of("resourceType") == "OperationOutcome";
}

// Nothing but complaints: the search brought nothing that could be known.
bool is_failed_search(const Json& bundle) {
  const auto& entries = bundle.array_of("entry");
  return !entries.empty() && std::all_of(entries.begin(), entries.end(), is_outcome);
}

State state_of_bundle(const Json& bundle) {
  if (bundle.string_of("type") != "searchset") {
    return State::unusable;
  }
  if (is_failed_search(bundle)) {
    return State::failed;
  }
  return has_next_page(bundle) ? State::paged : State::given;
}

}  // namespace

State state_of(const Json& prefetch, const Template& asked) {
  const auto* value = prefetch.find(asked.key);
  if (value == nullptr) {
    return State::not_provided;
  }
  if (value->is_null()) {
    return State::no_data;
  }
  if (!value->is_object()) {
    return State::not_provided;
  }
  const auto type = value->string_of("resourceType");
  if (type == "OperationOutcome") {
    return State::failed;
  }
  if (type == "Bundle") {
    return state_of_bundle(*value);
  }
  return type == asked.type ? State::given : State::unusable;
}

}  // namespace myoflag::cds
