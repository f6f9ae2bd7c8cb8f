#pragma once
// The configuration of the sidecar, from a file or from nothing but defaults.

#include <string>

#include <tl/expected.hpp>

#include "plugin/cli/files.h"
#include "plugin/sidecar/setup.h"

namespace myoflag::cli {

// MF-4250 and all problems, ready to print.
Failure failure_of(const rules::Problems& problems);

// Empty: the defaults.
tl::expected<config::Loaded, Failure> open_config(const std::string& file);

// Paths in it are relative to the file.
sidecar::Setup setup_of(config::Loaded loaded, const std::string& file);

// In the folder for what outlives the program.
std::string feedback_file(const std::string& folder);

tl::expected<sidecar::Setup, Failure> open_setup(const std::string& file);

}  // namespace myoflag::cli
