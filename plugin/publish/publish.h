#pragma once
// Puts definitions to an EHR's FHIR endpoint so that it holds each pair of url and version once,
// with our content. May be repeated at any time: what is there already is looked up first and left
// alone where it says the same. An older version stays beside a newer one, because old answers
// refer to it. Nothing here concerns a patient.

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "fhir/client/client.h"
#include "fhir/json.h"
#include "plugin/failure.h"

namespace myoflag::publish {

enum class Outcome {
  unchanged,
  created,    // in a dry run: would be
  updated,    // the same
  not_taken,  // the server's own statement leaves no way
  refused,    // a person has to look: the text says why
  not_tried,  // the endpoint was gone before
};

struct Line {
  std::string type;       // "ValueSet"
  std::string canonical;  // url|version
  Outcome outcome = Outcome::unchanged;
  std::string why;  // of the last three
};

struct Published {
  std::vector<Line> lines;  // in the order of the definitions
  std::string broken_off;   // why, where the endpoint went away; empty: it did not
};

struct PublishOptions {
  bool dry_run = false;
  int most_tries = 5;  // of one definition; each looks first what the one before has done
};

// Equal but for what a server adds: id, meta, narrative. Numbers by value, members in any order.
bool is_same_content(const fhir::Json& one, const fhir::Json& other);

// `told` is called for each line as it is done, in order. After `stop` nothing more is begun. Each
// definition has resourceType, url and version. MF-4142, MF-4135: nothing could be begun, exit 3.
tl::expected<Published, Failure> publish(fhir::client::Client& client,
                                         const std::vector<fhir::Json>& definitions,
                                         const PublishOptions& options,
                                         const fhir::client::World& world,
                                         const std::function<void(const Line&)>& told,
                                         const std::atomic<bool>& stop);

// 3: broken off, or the server took nothing at all (MF-4136); 1: something was refused; else 0.
Exit exit_of(const Published& published);

}  // namespace myoflag::publish
