#pragma once
// What `myoflag serve --demo` brings with it where no configuration names a store: a folder that is
// gone with it, and two invented patients. One has an invitation; the other has answered, and
// something is in the record. Errors: MF-3100 to
// MF-3103.

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

#include "plugin/assess.h"
#include "plugin/config/config.h"
#include "plugin/failure.h"
#include "plugin/intake/invitations.h"
#include "plugin/intake/service.h"
#include "rules/assessment.h"

namespace myoflag::cli {

// For its owner only, held by a lock as long as it is used. Making one removes what demos left that
// were killed.
class DemoFolder {
 public:
  static tl::expected<DemoFolder, Failure> make();
  ~DemoFolder() { remove(); }
  DemoFolder(DemoFolder&& other) noexcept
      : path_(std::exchange(other.path_, {})), lock_(std::exchange(other.lock_, -1)) {}
  DemoFolder& operator=(DemoFolder&&) = delete;

  const std::string& path() const { return path_; }
  std::string store() const { return path_ + "/store.sqlite"; }
  std::string ehr() const { return path_ + "/ehr"; }    // what the record gets, as files
  std::string call() const { return path_ + "/call"; }  // a call of CDS Hooks, to be posted
  void remove();

 private:
  DemoFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::string path_;
  int lock_ = -1;
};

// Store and, where it is to deliver, target of the demo.
void use_demo(const DemoFolder& folder, bool is_delivering, config::Config& config);

// Nobody who needs help looks at a demo; the numbers belong to nobody but the emergency service of
// Europe.
config::IntakeOptions for_demo(config::IntakeOptions options);

struct DemoPatient {
  std::string path;  // of the link
  std::string born;
};

struct DemoPatients {
  DemoPatient open;
  std::optional<DemoPatient> answered;  // nobody, where the knowledge is not that of the sample
};

// Into the store, with the call beside it. The sample was written for one morning: it is told as if
// that were `now`.
tl::expected<DemoPatients, Failure> bring_patients(const DemoFolder& folder,
                                                   intake::Invitations& invitations,
                                                   const intake::Settings& settings,
                                                   const Assessor& assessor, rules::Instant now);

}  // namespace myoflag::cli
