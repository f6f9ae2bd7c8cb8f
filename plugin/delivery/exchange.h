#pragma once
// One exchange of a delivery: some steps of an item, sent as their rung says, and what the answer
// means for each of them. Everything is looked up that may have arrived unheard.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fhir/client/client.h"
#include "plugin/delivery/plan.h"
#include "plugin/store/store.h"

namespace myoflag::delivery {

// Why steps have not arrived.
struct Trouble {
  enum class Kind {
    later,   // try again
    parked,  // it stays so until a person has looked
    locked   // it is not about this item: the server does not let us in
  };
  Kind kind = Kind::later;
  std::string code;
  std::string text;                          // free of patient data
  std::optional<std::chrono::seconds> wait;  // asked for by the server
  bool is_server = false;                    // everything for this server had better wait
};

struct Outcome {
  std::vector<store::Arrival> arrived;
  std::optional<Trouble> trouble;
};

// The steps that go out together next; empty when all are done.
std::vector<store::Step> next_group(Rung rung, const std::vector<store::Step>& steps);

// `about_to_send`: called before the first byte that may change something leaves; nothing leaves
// when it says no. `names`: of all steps of the item.
std::optional<Outcome> exchange(fhir::client::Client& client, Rung rung,
                                const std::vector<store::Step>& group, const Names& names,
                                const std::function<bool()>& about_to_send);

}  // namespace myoflag::delivery
