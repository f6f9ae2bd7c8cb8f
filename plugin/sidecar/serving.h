#pragma once
// What the sidecar answers from: knowledge and what is made of it, replaced whole while requests
// run. A request keeps what it began with.

#include <memory>
#include <mutex>
#include <utility>

#include "plugin/assess.h"
#include "plugin/cds/service.h"

namespace myoflag::sidecar {

struct Serving {
  Serving(rules::KnowledgePtr knowledge, cds::CardSettings cards)
      : assessor(std::move(knowledge)), service(assessor, std::move(cards)) {}
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  const Assessor assessor;
  const cds::Service service;
};

class Current {
 public:
  explicit Current(std::shared_ptr<const Serving> serving) : serving_(std::move(serving)) {}

  std::shared_ptr<const Serving> get() const {
    const std::lock_guard lock(mutex_);
    return serving_;
  }
  void set(std::shared_ptr<const Serving> serving) {
    const std::lock_guard lock(mutex_);
    serving_.swap(serving);  // the old one ends outside, where it may take its time
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Serving> serving_;  // guarded by mutex_, never null
};

}  // namespace myoflag::sidecar
