#include "plugin/mapping/record_index.h"

#include "plugin/mapping/patient_identity.h"

namespace myoflag::mapping {

namespace {

std::string address(const ReferenceKey& key) { return key.base + key.tail; }

bool is_same(const RecordResource& one, const RecordResource& other) {
  return &one == &other || (one.full_url == other.full_url && one.json == other.json);
}

}  // namespace

void RecordIndex::add(const RecordResource& resource) {
  for (const auto& name : {resource.full_url, resource.reference}) {
    const auto key = reference_key(name);
    if (key.empty()) {
      continue;
    }
    if (!key.base.empty() || key.type().empty()) {
      const auto [known, is_new] = by_address_.try_emplace(address(key), &resource);
      if (!is_new && known->second != nullptr && !is_same(*known->second, resource)) {
        known->second = nullptr;
      }
    }
    auto& same_tail = by_tail_[key.tail];
    if (same_tail.empty() || (same_tail.size() == 1 && !is_same(*same_tail.front(), resource))) {
      same_tail.push_back(&resource);
    }
  }
}

// A server that only one side names is taken for the same where there is no choice.
const RecordResource* RecordIndex::find(std::string_view reference,
                                        std::string_view full_url) const {
  const auto key = reference_in_entry(reference, full_url);
  if (const auto exact = by_address_.find(address(key)); exact != by_address_.end()) {
    return exact->second;
  }
  const auto known = by_tail_.find(key.tail);
  if (known == by_tail_.end() || known->second.size() != 1) {
    return nullptr;
  }
  const auto* only = known->second.front();
  const bool foreign =
      !key.base.empty() && !reference_key(only->full_url).base.empty();  // of two servers
  return foreign ? nullptr : only;
}

}  // namespace myoflag::mapping
