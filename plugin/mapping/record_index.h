#pragma once
// The resources of a record by the names under which others refer to them.

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "plugin/mapping/intake.h"

namespace myoflag::mapping {

class RecordIndex {
 public:
  // The resource must outlive the index.
  void add(const RecordResource& resource);
  // `full_url`: of the entry in which the reference stands. Null: there is none, or it is not
  // certain which of several is meant.
  const RecordResource* find(std::string_view reference, std::string_view full_url) const;

 private:
  std::unordered_map<std::string, const RecordResource*> by_address_;            // with the server
  std::unordered_map<std::string, std::vector<const RecordResource*>> by_tail_;  // two at most
};

}  // namespace myoflag::mapping
