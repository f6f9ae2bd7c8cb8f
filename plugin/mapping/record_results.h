#pragma once
// The results that a report or a panel names: which of them are there, and whether one says
// something.

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "fhir/json.h"
#include "plugin/mapping/intake.h"
#include "plugin/mapping/record_index.h"

namespace myoflag::mapping {

// `result` of a DiagnosticReport, `hasMember` of an Observation; a result may be a panel itself.
class Results {
 public:
  enum class Use : bool { read, set_aside };
  struct Found {
    bool all_there = true;  // also those that were set aside, which was said
    bool one_read = false;  // a final value of one of them was read
    bool is_whole() const { return all_there && one_read; }
  };

  // An Observation, which must outlive this. All are added before the first is asked for.
  void add(const RecordResource& observation, Use use);
  Found of(const RecordResource& report);

 private:
  const RecordResource* find(const fhir::Json& reference, const RecordResource& from) const;
  bool says_value(const RecordResource& observation) const;
  bool has_read_member(const RecordResource& panel);

  RecordIndex index_;
  std::map<std::pair<std::string_view, std::string>, const RecordResource*> inside_;  // "#id" there
  std::unordered_set<const RecordResource*> read_;
  std::unordered_map<const RecordResource*, bool> panels_;
};

}  // namespace myoflag::mapping
