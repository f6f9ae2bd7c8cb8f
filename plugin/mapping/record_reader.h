#pragma once
// The reader behind context.h: one walk through a record, divided by what is read.

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugin/mapping/record_index.h"
#include "plugin/mapping/record_reasons.h"
#include "plugin/mapping/record_results.h"
#include "plugin/mapping/record_sweep.h"
#include "plugin/mapping/record_teller.h"
#include "plugin/mapping/record_unread.h"

namespace myoflag::mapping {

class RecordReader : private RecordTeller {
 public:
  // The index and the record must outlive it.
  RecordReader(const ConceptIndex& concepts, std::span<const RecordResource> record,
               std::span<const RecordResource> set_aside, rules::Instant now);

  RecordContext read(bool complete);

 private:
  enum class Result : bool { read, unread };

  // Of all.
  bool speaks_for_itself(const RecordResource& resource) const;
  void take_report_dates();
  void read_resource(const RecordResource& resource);
  void say_unread_types();
  void settle_doubt();
  bool is_too_old(const Moment& when) const;
  bool is_older(const Moment& when, int days) const;

  // The patient (read_patient.cpp).
  void read_patient(const RecordResource& resource);
  int oldest_person() const;
  bool is_replaced_from_outside(const fhir::Json& patient) const;
  bool are_alike(const AgeRange& age) const;
  void settle_age();
  void read_sex(const RecordResource& resource);

  // Conditions, and what is said beside all that: reasons, statements, relatives
  // (read_conditions.cpp).
  void read_condition(const RecordResource& resource);
  bool has_late_note(const fhir::Json& condition) const;
  void list_noted(const Named& named, const RecordResource& resource, const Moment& when);
  void list_past_pregnancy(const Named& named, const RecordResource& resource, const Moment& when);
  void read_statement(const RecordResource& resource);
  void read_family(const RecordResource& resource);
  static bool says_of_relative(const fhir::Json& json);
  void read_entry(const RecordResource& resource);
  void list_reasons(const Named& named, const RecordResource& resource, const Moment& when,
                    bool is_current);
  Reasons read_reasons(const RecordResource& resource, const Moment& when, bool is_current);
  bool gives_reasons(const RecordResource& resource, bool is_current) const;
  bool gives_reasons(const RecordResource& resource) const;

  // Medicines (read_medicines.cpp).
  void read_medicine(const RecordResource& resource);
  void list_ended(const RecordResource& resource);
  void assert_measured_medicines();
  void assert_measured_medicine(const RecordResource& resource, const fhir::Json& part);

  // Procedures and devices (read_procedures.cpp).
  void read_procedure(const RecordResource& resource);
  static bool is_completed(const fhir::Json& procedure);
  bool is_current_procedure(const fhir::Json& procedure) const;
  static bool is_name_unread(const fhir::Json& procedure, const Named& named);
  void list_focal_device(const fhir::Json& reference, const RecordResource& resource);
  void add_device(const RecordResource& resource);
  bool is_device_there(const fhir::Json& reference, const RecordResource& from) const;
  void read_device(const RecordResource& resource);
  void list_device(const std::string& name, const RecordResource& resource);
  void add_device_cautions(const std::string& name, const RecordResource& resource);

  // Tests, orders, visits (read_tests.cpp).
  void read_observation(const RecordResource& resource);
  void read_report(const RecordResource& resource);
  static Moment report_moment(const fhir::Json& report);
  void list_report(const Named& named, const RecordResource& resource, const Moment& when,
                   const Results::Found& results);
  void miss_results(const RecordResource& resource);
  void read_order(const RecordResource& resource);
  void add_tests(const Named& named, const RecordResource& resource, const Moment& when,
                 Result result = Result::read);
  void read_appointment(const RecordResource& resource);
  void read_laboratory(bool complete);
  void list_unread_results();

  // Pregnancy as an Observation: of several with the same code only those speak that may be the
  // newest (read_pregnancy.cpp).
  void read_pregnancy_observations();
  void read_pregnancy(const RecordResource& resource, const Moment& when);
  bool speaks(const RecordResource& observation) const;
  bool implies_pregnancy(const RecordResource& resource) const;
  bool speaks_of_pregnancy(const RecordResource& observation) const;
  Named stated_by(const fhir::Json& observation) const;

  // What is left when all is read (read_left_over.cpp).
  void tell_mentions();
  std::vector<Mention> mentions_of(const RecordResource& resource);
  bool is_new(const Mention& mention, const RecordResource& resource, bool is_current) const;
  Standing standing_in(const RecordResource& resource) const;
  Standing standing_of_unread(const fhir::Json& json) const;

  // What was set aside (read_set_aside.cpp).
  bool may_have_mattered(const RecordResource& resource);
  bool is_of_weight(const RecordResource& resource);
  bool condition_may_have_mattered(const RecordResource& resource) const;
  bool procedure_may_have_mattered(const RecordResource& resource) const;
  bool medicine_may_have_mattered(const RecordResource& resource);
  static bool may_be_known(const RecordResource& resource, const Named& named);
  bool has_readable_code(const RecordResource& resource) const;
  static bool has_broken_code(const RecordResource& resource);

  std::span<const RecordResource> record_, set_aside_;
  rules::Instant now_;
  const ConceptIndex& index_;
  Medicines medicines_;
  ReasonReader reasons_;
  RecordSweep sweep_;
  RecordIndex devices_;
  std::set<std::pair<std::string_view, std::string>> contained_devices_;  // place, "#id"
  std::vector<const RecordResource*> observations_;
  std::set<std::pair<int, int>> ages_;  // youngest and oldest, by each date of birth
  std::set<int> alike_ages_;            // of them those that are one to every rule
  std::map<std::pair<int, Result>, std::size_t> tests_;  // workup -> its place in the entries
  Results results_;
  bool lacks_results_ = false;  // a result is named that is not there
  std::vector<UnreadResult> unread_;
};

}  // namespace myoflag::mapping
