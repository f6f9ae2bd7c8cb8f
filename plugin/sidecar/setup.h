#pragma once
// From a configuration to what is served: the files that it names are read and checked, when the
// program starts and again when it is told to. Each part alone, so that a bad one leaves the others
// as they are. Errors, at the option's place: MF-4007, MF-4219, MF-4240, MF-4246, MF-4251, MF-4257
// and those of the files.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/config/config.h"
#include "plugin/failure.h"
#include "plugin/http/tls.h"
#include "plugin/launch/server.h"
#include "plugin/sidecar/serving.h"
#include "plugin/trust/jwt.h"

namespace myoflag::sidecar {

template <typename T>
using Checked = tl::expected<T, rules::Problems>;

class Setup {
 public:
  using ReadFile = std::function<tl::expected<std::string, Failure>(const std::string& path)>;

  // `folder`: what paths in the configuration are relative to.
  Setup(config::Loaded loaded, std::string folder, ReadFile read_file);

  const config::Config& config() const { return loaded_.config(); }
  std::string path_of(const std::string& named) const;  // an address of a database stays

  Checked<std::shared_ptr<const Serving>> serving() const;
  Checked<std::vector<trust::Client>> clients() const;
  Checked<std::shared_ptr<const http::Tls>> tls() const;  // null: plain HTTP

  // The servers that may be asked for what did not come with a call; none: nothing is fetched.
  std::vector<std::string> fhir_servers() const;
  // Of the program that fetches; empty: nothing is fetched.
  Checked<std::vector<std::string>> fetching() const;

  // EHRs that launch the clinic's pages; none: it is off.
  Checked<std::vector<launch::Server>> launch_servers() const;
  // Where staff sign in; none: they do not.
  Checked<std::vector<launch::Server>> staff_server() const;
  // Of the program that speaks to them; empty: nothing is launched, and nobody signs in.
  Checked<std::vector<std::string>> launching() const;

  // What is configured of delivery, its paths as they are from here.
  config::Delivery delivery_from_here() const;
  // Of the program that delivers; empty: nothing is delivered.
  Checked<std::vector<std::string>> delivery() const;
  // Of the program that tells a web hook what is urgent; empty: there is none.
  Checked<std::vector<std::string>> hook() const;
  // Of the program that looks for new responses to these forms; empty: nobody looks.
  Checked<std::vector<std::string>> polling(const std::vector<std::string>& forms) const;
  // Of the program that fetches what records suggest to patients; empty: nothing is fetched.
  std::vector<std::string> prefilling() const;
  // Where what is urgent stands; empty: nowhere.
  std::string outbox() const;

  // A failure that shows at an option; its text begins with its code.
  rules::Problem problem_at(const std::string& option, const Failure& failure) const;

  // Everything that a start would say, of all parts.
  rules::Problems problems() const;

 private:
  Checked<rules::KnowledgePtr> knowledge() const;
  Checked<cds::CardSettings> cards() const;
  // What the environment variable that the option names holds.
  Checked<std::string> secret_of(const char* option, const std::string& variable) const;
  Checked<std::vector<std::string>> fetch_arguments(const std::string& section,
                                                    const std::string& ca,
                                                    const std::string& proxy) const;

  const config::Loaded loaded_;
  const std::string folder_;
  const ReadFile read_file_;
};

// Of all of them, in their order.
template <typename... T>
rules::Problems problems_of(const Checked<T>&... checked) {
  rules::Problems problems;
  const auto take = [&problems](const auto& one) {
    if (!one) {
      problems.insert(problems.end(), one.error().begin(), one.error().end());
    }
  };
  (take(checked), ...);
  return problems;
}

}  // namespace myoflag::sidecar
