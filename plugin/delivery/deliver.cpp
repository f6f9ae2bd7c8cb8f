#include "plugin/delivery/deliver.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/file.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "plugin/delivery/exchange.h"
#include "plugin/delivery/file_rung.h"
#include "plugin/delivery/plan.h"
#include "plugin/safe_text.h"
#include "plugin/store/place.h"

namespace myoflag::delivery {

namespace {

using fhir::Json;
using fhir::client::Client;
using fhir::client::Next;
using fhir::client::World;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::sys_seconds;
using store::Done;
using store::Item;
using store::Result;
using store::Store;

constexpr std::string_view kNotBefore = "not-before";  // seconds since 1970
constexpr seconds kAbilityAge = std::chrono::hours(24);

Failure stays(std::string text) { return {Exit::outside, std::move(text)}; }

Done claim(Store& store, const std::string& target) {
  const auto claimed = store.claim(target);
  if (!claimed) {
    return tl::unexpected(claimed.error());
  }
  return *claimed ? Done()
                  : tl::unexpected(Failure{Exit::usage,
                                           "MF-3150: this store delivers to another "
                                           "place; each place has a store of its own"});
}

std::string without_slash(std::string text) {
  while (text.size() > 1 && text.ends_with('/')) {
    text.pop_back();
  }
  return text;
}

class Delivery {
 public:
  Delivery(Store& store, Client* client, const DeliverOptions& options, const World& world,
           const Tell& tell, const std::atomic<bool>& stop)
      : store_(store),
        client_(client),
        options_(options),
        world_(world),
        tell_(tell),
        stop_(stop) {}

  Result<Delivered> run() {
    if (auto claimed = claim(store_, without_slash(options_.target)); !claimed) {
      return tl::unexpected(claimed.error());
    }
    while (!stop_) {
      const auto more = turn();
      if (!more) {
        return tl::unexpected(more.error());
      }
      if (!*more) {
        break;
      }
    }
    return store_.counts().map([this](const store::Counts& left) {
      delivered_.left = left;
      return delivered_;
    });
  }

 private:
  // Does the next thing that there is to do; false when there is none.
  Result<bool> turn() {
    const auto due = store_.next_due();
    if (!due) {
      return tl::unexpected(due.error());
    }
    if (!*due) {
      return false;
    }
    if (auto read = read_not_before(); !read) {
      return tl::unexpected(read.error());
    }
    const sys_seconds from = std::max(**due, not_before_);
    if (world_.now() < from) {
      if (options_.once) {
        return false;
      }
      pause(from);
      return true;
    }
    if (auto known = learn_ability(); !known || !*known) {
      return known.map([](bool) { return true; });
    }
    const auto id = store_.next(world_.now());
    if (!id) {
      return tl::unexpected(id.error());
    }
    if (!*id) {  // others are about what is due
      if (!options_.once) {
        pause(world_.now() + seconds(1));
      }
      return !options_.once;
    }
    const auto worked = work(**id);
    const auto given = store_.give_back(**id);
    return (worked ? given : worked).map([] { return true; });
  }

  // In short waits: somebody may add something more urgent, or ask to stop.
  void pause(sys_seconds until) {
    constexpr milliseconds kStep{200};
    constexpr seconds kMost{5};
    const milliseconds all = std::min<milliseconds>(until - world_.now(), kMost);
    for (milliseconds left = all; left.count() > 0 && !stop_; left -= kStep) {
      world_.wait(std::min(left, kStep));
    }
  }

  // Another process may have been told.
  Done read_not_before() {
    const auto kept = store_.bookmark(kNotBefore);
    if (!kept) {
      return tl::unexpected(kept.error());
    }
    if (kept->value_or("") == said_) {
      return {};
    }
    said_ = kept->value_or("");
    std::int64_t at = 0;
    std::from_chars(said_.data(), said_.data() + said_.size(), at);
    // A clock that was wrong must not stop us for long: nobody asks for more than a day.
    not_before_ = std::min(sys_seconds(seconds(at)), world_.now() + std::chrono::hours(24));
    return {};
  }

  // Everything for this server waits, whoever is asked next.
  Done slow_down(const std::optional<seconds>& asked) {
    ++server_tries_;
    const auto own =
        std::chrono::ceil<seconds>(fhir::client::back_off(server_tries_, world_.chance()));
    not_before_ = world_.now() + std::max(asked.value_or(seconds(0)), own);
    return store_.set_bookmark(kNotBefore,
                               fmt::format("{}", not_before_.time_since_epoch().count()));
  }

  // False: not now.
  Result<bool> learn_ability() {
    if (client_ == nullptr || (ability_ && world_.now() - learned_ < kAbilityAge)) {
      return true;
    }
    const fhir::client::Reply reply = client_->read("metadata");
    if (reply.next == Next::done &&
        reply.resource.string_of("resourceType") == "CapabilityStatement") {
      ability_ = ability_of(reply.resource);
      learned_ = world_.now();
      server_tries_ = 0;
      return true;
    }
    const bool is_final = reply.next == Next::final && reply.code != "MF-1514";
    if (is_final || options_.once) {
      return tl::unexpected(
          stays(fmt::format("MF-3160: the server does not say what it takes: {}", reply.text)));
    }
    tell_(fmt::format("the server does not say what it takes: {}", reply.text));
    return slow_down(reply.wait).map([] { return false; });
  }

  Done work(std::int64_t id) {
    auto item = store_.item(id);
    const auto bundle = store_.bundle(id);
    if (!item) {
      return tl::unexpected(item.error());
    }
    if (!bundle) {
      const Failure& why = bundle.error();  // of this one alone, or of the store
      return why.exit == Exit::rejected ? park(*item, why.code(), why.words())
                                        : Done(tl::unexpected(why));
    }
    if (item->rung.empty()) {
      if (auto planned = plan(*item, *bundle); !planned) {
        return planned;
      }
    }
    names_ = {};
    names_.base = client_ == nullptr ? "" : options_.target;
    names_.identities = identities_of(*bundle);
    while (item->state == store::ItemState::waiting && item->due <= world_.now() && !stop_) {
      if (auto done = step_on(*item, *bundle); !done) {
        return done;
      }
      item = store_.item(id);
      if (!item) {
        return tl::unexpected(item.error());
      }
      if (not_before_ > world_.now()) {
        break;
      }
    }
    return {};
  }

  Done plan(Item& item, const Json& bundle) {
    const auto before = store_.steps(item.id);
    if (!before) {
      return tl::unexpected(before.error());
    }
    const auto plan = plan_of(bundle, ability_.value_or(Ability()), options_.site, *before);
    if (!plan) {
      return park(item, plan.error().code(), plan.error().words()).and_then([&] {
        item.state = store::ItemState::parked;
        return Done();
      });
    }
    item.rung = std::string(1, letter_of(plan->rung));
    return store_.plan(item.id, item.rung, plan->folded, plan->steps);
  }

  // One exchange, and what it says written down.
  Done step_on(const Item& item, const Json& bundle) {
    const Rung rung = rung_of(item.rung).value_or(Rung::plain);
    const auto steps = store_.steps(item.id);
    if (!steps) {
      return tl::unexpected(steps.error());
    }
    for (const store::Step& step : *steps) {
      if (step.state == store::StepState::done) {
        names_.ids[step.urn] = step.id;
      }
    }
    const auto group = next_group(rung, *steps);
    if (group.empty()) {  // the process ended between two planned steps
      return store_.arrived(item.id, {});
    }
    if (rung == Rung::file) {
      return into_files(item, bundle, *steps);
    }
    if (client_ == nullptr) {
      return tl::unexpected(
          Failure{Exit::usage, "MF-3150: this store delivers to a server, not to a folder"});
    }
    Done kept;
    const auto outcome = exchange(client_of(item), rung, group, names_, [&] {
      std::vector<std::string> urns;
      for (const store::Step& step : group) {
        urns.push_back(step.urn);
      }
      kept = store_.sent(item.id, urns);
      return kept.has_value();
    });
    return outcome ? take(item, *outcome) : kept;
  }

  Client& client_of(const Item& item) const {
    return item.kind == store::Kind::task && options_.tasks != nullptr ? *options_.tasks : *client_;
  }

  Done take(const Item& item, const Outcome& outcome) {
    if (!outcome.arrived.empty()) {
      server_tries_ = 0;
      if (auto kept = store_.arrived(item.id, outcome.arrived); !kept) {
        return kept;
      }
    }
    if (!outcome.trouble) {
      return told_if_done(item);
    }
    const Trouble& trouble = *outcome.trouble;
    if (trouble.kind == Trouble::Kind::parked) {
      ability_.reset();  // it may have changed
      return park(item, trouble.code, trouble.text);
    }
    // Where no Tasks are let in, results are all the same; it waits where people see it.
    if (trouble.kind == Trouble::Kind::locked && item.kind == store::Kind::task) {
      return postpone(item, trouble);
    }
    if (trouble.kind == Trouble::Kind::locked) {
      return tl::unexpected(
          stays(fmt::format("MF-3162: the server does not let us in; what waits stays: {}: {}",
                            trouble.code, trouble.text)));
    }
    if (trouble.is_server) {
      if (auto slow = slow_down(trouble.wait); !slow) {
        return slow;
      }
    }
    return postpone(item, trouble);
  }

  Done told_if_done(const Item& item) {
    return store_.item(item.id).map([this](const Item& now) {
      if (now.state == store::ItemState::done) {
        ++delivered_.done;
        tell_(now.folded.empty()
                  ? fmt::format("item {}: delivered", now.id)
                  : fmt::format("item {}: delivered; in the document: {}", now.id, now.folded));
      }
    });
  }

  Done postpone(const Item& item, const Trouble& trouble) {
    const auto now = store_.item(item.id);  // what has arrived began a new count
    if (!now) {
      return tl::unexpected(now.error());
    }
    const auto own =
        std::chrono::ceil<seconds>(fhir::client::back_off(now->tries + 1, world_.chance()));
    const sys_seconds due = world_.now() + std::max(trouble.wait.value_or(seconds(0)), own);
    if (now->since && due - *now->since > options_.give_up) {
      return park(*now, "MF-3157",
                  fmt::format("given up after {} tries: {}", now->tries + 1, trouble.text));
    }
    return store_.postpone(item.id, world_.now(), due, trouble.code, trouble.text);
  }

  Done park(const Item& item, std::string_view code, std::string_view reason) {
    tell_(fmt::format("item {}: parked: {}: {}", item.id, code, reason));
    ++delivered_.parked;
    auto parked = store_.park(item.id, code, reason);
    // Somebody was quicker.
    return !parked && parked.error().exit == Exit::usage ? Done() : parked;
  }

  Done into_files(const Item& item, const Json& bundle, const std::vector<store::Step>& steps) {
    if (auto written = write_files(options_.target, item.outcome, bundle); !written) {
      return written;
    }
    Outcome all;
    for (const store::Step& step : steps) {
      all.arrived.push_back({step.urn, {}});
    }
    return take(item, all);
  }

  Store& store_;
  Client* client_;  // null: into a folder
  const DeliverOptions& options_;
  const World& world_;
  const Tell& tell_;
  const std::atomic<bool>& stop_;
  std::optional<Ability> ability_;
  sys_seconds learned_;
  sys_seconds not_before_;
  std::string said_;  // in the store, of it
  int server_tries_ = 0;
  Names names_;
  Delivered delivered_;
};

}  // namespace

tl::expected<Delivered, Failure> deliver(Store& store, Client& client,
                                         const DeliverOptions& options, const World& world,
                                         const Tell& tell, const std::atomic<bool>& stop) {
  return Delivery(store, &client, options, world, tell, stop).run();
}

tl::expected<Delivered, Failure> deliver_files(Store& store, const DeliverOptions& options,
                                               const World& world, const Tell& tell,
                                               const std::atomic<bool>& stop) {
  return Delivery(store, nullptr, options, world, tell, stop).run();
}

tl::expected<Lock, Failure> Lock::take(const std::string& store_file) {
  if (store::is_database(store_file)) {
    return Lock(-1);
  }
  const std::string path = store_file + ".lock";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    return tl::unexpected(stays(
        fmt::format("MF-3151: {} cannot be used: {}", safe_name(path), std::strerror(errno))));
  }
  // What a process that was killed began may hold it for a moment more.
  constexpr int kTries = 20;
  constexpr std::chrono::milliseconds kPause{25};
  Lock lock(file);
  for (int tries = 1; ::flock(file, LOCK_EX | LOCK_NB) != 0; ++tries) {
    if (tries == kTries) {
      return tl::unexpected(stays("MF-3151: another process delivers from this store"));
    }
    std::this_thread::sleep_for(kPause);
  }
  return lock;
}

Lock::~Lock() {
  if (file_ >= 0) {
    ::close(file_);
  }
}

Lock::Lock(Lock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

}  // namespace myoflag::delivery
