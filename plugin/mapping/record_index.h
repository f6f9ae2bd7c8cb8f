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
  // The resource must outlive the index. What was added before with the same content and the same
  // address is the same resource.
  void add(const RecordResource& resource);
  // `full_url`: of the entry in which the reference stands. Null: there is none, or it is not
  // certain which of several is meant: two of one address that differ, or of one type and id.
  const RecordResource* find(std::string_view reference, std::string_view full_url) const;

 private:
  std::unordered_map<std::string, const RecordResource*> by_address_;            // null: several
  std::unordered_map<std::string, std::vector<const RecordResource*>> by_tail_;  // two at most
};

}  // namespace myoflag::mapping
