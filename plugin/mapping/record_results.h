#pragma once
// The results that a report or a panel names or contains: which of them are there, whether one says
// something, and the date of one that has none itself.

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "fhir/json.h"
#include "plugin/mapping/intake.h"
#include "plugin/mapping/record_dates.h"
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

  // The dates that these reports and panels, which were not withdrawn, give to their results.
  void take_dates(const std::vector<const RecordResource*>& reports);
  // Of a report or panel of an Observation, to the day at least; of several the latest. Empty: none
  // gives one, or the Observation has a date of its own.
  Extent report_date(const RecordResource& observation) const;

 private:
  void give_date(const RecordResource& report, const Extent& date);
  void give_date_to(const RecordResource& observation, const Extent& date);
  const RecordResource* find(const fhir::Json& reference, const RecordResource& from) const;
  bool says_value(const RecordResource& observation);
  bool has_read_member(const RecordResource& panel);

  RecordIndex index_;
  // By "#id" there; null: several that differ.
  std::map<std::pair<std::string_view, std::string>, const RecordResource*> inside_;
  std::unordered_map<std::string_view, std::vector<const RecordResource*>> contained_;  // by place
  std::unordered_map<const RecordResource*, Extent> report_dates_;
  std::unordered_set<const RecordResource*> read_;
  std::unordered_map<const RecordResource*, bool> panels_, says_value_;
};

}  // namespace myoflag::mapping
