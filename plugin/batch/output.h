#pragma once
// What a batch writes of one record, ready to be put behind what was written of the records before
// it. Pure: the same record gives the same bytes, on any thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/uuid.h"
#include "plugin/assess.h"
#include "plugin/batch/records.h"
#include "plugin/delivery/submission.h"
#include "plugin/store/store.h"
#include "rules/tier.h"

namespace myoflag::mapping {
class QuickForms;
}

namespace myoflag::batch {

// resources: one NDJSON file for each type, references between them as "Observation/<id>"; without
// the summary document, which a bundle has. bundles: one transaction a line. assessments: the JSON
// of docs/assessment.schema.json, one a line. table: CSV, one row a response.
enum class Shape { resources, bundles, assessments, table };

struct Written;

struct OutputOptions {
  Shape shape = Shape::resources;
  rules::Instant now{};
  bool quick = true;  // false: everything the careful way, by which the quick one is measured
  // What is judged is also for the EHR: Written::submission.
  std::optional<delivery::SubmissionOptions> submit = std::nullopt;
  // For measuring what the rest costs: what is written in place of a judgement, on any thread.
  std::function<Written(const Record&)> instead = nullptr;
};

// The files of a shape, in the order in which Written::to names them. The last two are always
// errors.ndjson and warnings.ndjson.
std::vector<std::string> file_names(Shape shape);
// Of the resources: the file of what all records share. It holds its first line only.
inline constexpr std::string_view kSharedFile = "Device.ndjson";
// What stands at the top of each file before the first record, for example the row of names.
std::vector<std::string> file_heads(Shape shape);

// What the summary counts of one record. Rules and items by their index in the knowledge.
struct Tally {
  bool assessed = false;
  bool warned = false;
  bool undeliverable = false;  // assessed, and cannot be delivered
  rules::Tier tier = rules::Tier::routine;
  std::vector<int> fired;    // rules
  std::vector<int> missing;  // items without a usable answer that some rule wanted
  std::string month;         // "2026-11" of the response, empty when unknown
  std::string problem;       // code of the first error, when not assessed
};

struct Written {
  Place place;
  // Equal for a repetition: the same response about the same patient with the same outcome. Nothing
  // when not assessed, or where two people may have answered alike.
  std::optional<fhir::Uuid> name;
  Tally tally;
  std::vector<std::pair<std::size_t, std::string>> to;  // file, lines with their ends
  std::optional<store::Submission> submission;
};

// Const use is safe from many threads.
class OutputWriter {
 public:
  OutputWriter(const Assessor& assessor, const std::vector<InputFile>& files,
               OutputOptions options);
  ~OutputWriter();

  // What one thread needs for the quick way, used again and again.
  class Desk;
  std::shared_ptr<Desk> desk() const;

  // Whatever happens: a fault of ours is an error of this record (MF-4109).
  Written write(const Record& record, Desk& desk) const;

  // Instead of all that, when the same response came before.
  Written repeated(const Place& place, const Place& first) const;

 private:
  Written judge(const Record& record, Desk& desk) const;
  std::optional<Written> judge_quickly(const Record& record, Desk& desk) const;
  Written judge_carefully(const Record& record) const;
  std::string outcome_line(const Place& place, const fhir::Issues& issues) const;
  Written refused(const Place& place, const fhir::Issues& issues) const;
  void add_resources(const Assessed& assessed, Written& out) const;
  void add_submission(const Assessed& assessed, const Record& record, Written& out) const;

  const Assessor& assessor_;
  const std::vector<InputFile>& files_;
  OutputOptions options_;
  std::vector<std::string> names_;
  std::unique_ptr<const mapping::QuickForms> quick_;  // null: all the careful way
};

}  // namespace myoflag::batch
