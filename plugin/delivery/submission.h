#pragma once
// From a judged response to what the store keeps of it and the EHR gets. Pure.

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "plugin/assess.h"
#include "plugin/delivery/site.h"
#include "plugin/failure.h"
#include "plugin/store/store.h"

namespace myoflag::delivery {

struct SubmissionOptions {
  std::string tenant;           // of mapping::BundleOptions
  Urgency urgency;              // what makes a result urgent
  bool communication = false;   // an urgent result also writes a Communication
  std::string held_response{};  // of mapping::BundleOptions
};

// `input`: the bytes that were judged. MF-3106: the response names neither its patient nor itself;
// of two alike nobody could tell whether they are one.
tl::expected<store::Submission, Failure> submission_of(const Assessed& assessed,
                                                       std::string_view input,
                                                       const SubmissionOptions& options);

}  // namespace myoflag::delivery
