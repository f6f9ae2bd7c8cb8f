#pragma once
// From bytes to one response and one patient's record: a QuestionnaireResponse alone, or a Bundle
// that also holds the record. Two patients are never mixed: whatever is about somebody else refuses
// the input. Errors are located (line and column of the text, or FHIRPath) and quote nothing of the
// data.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "fhir/issue.h"
#include "fhir/json.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

// A resource beside the response.
struct RecordResource {
  fhir::Json json;
  std::string type;
  std::string reference;  // "Observation/12", else the entry's fullUrl, else empty
  std::string full_url;
  std::string place;  // FHIRPath in the input
  // The place of the resource in which this one is contained, whose reference and fullUrl it has;
  // empty: it stands alone.
  std::string within;
};

// Something of the record that could not be used as it stands.
struct RecordProblem {
  std::string_view code;               // MF-3030 to MF-3034
  std::string text;                    // a phrase, without patient data
  std::string place;                   // FHIRPath in the input; empty: at no one place
  std::vector<std::string> also = {};  // other places of the same
};

struct GivenResponse {
  fhir::Json json;
  std::string place;      // "QuestionnaireResponse" or "Bundle.entry[2].resource"
  std::string reference;  // for our Provenance; empty where it has no address
};

struct Intake {
  fhir::Json response;
  std::string place, reference;  // as those of a GivenResponse
  // Later responses to the same form that were begun and not finished, newest first.
  std::vector<GivenResponse> begun;
  // The latest response of the same patient to the same form that was completed before this one.
  std::optional<GivenResponse> previous;
  // Of the same patient and form, begun after that one and given up before this one; newest first.
  std::vector<GivenResponse> given_up;
  // Of the same patient and form, completed or given up before that one; newest first.
  std::vector<GivenResponse> older;
  bool earlier_unread = false;  // an earlier response may say what is not known here
  std::vector<RecordResource> record;
  std::vector<RecordResource> set_aside;  // of the record, not used; the problems say why
  bool record_complete = true;            // false: a part of it failed or has more pages
  bool record_missing = false;            // such a part was announced and is not here
  std::vector<RecordProblem> record_problems;
  std::string patient;  // "Patient/p1", as far as known
  fhir::Issues warnings;
};

struct ReadResource {
  fhir::Json json;
  fhir::Issues notices;  // what was dropped or mended on the way, for example XML out of order
};

// What the record reader takes facts from; such a resource must say whom it is about.
bool is_clinical(std::string_view type);
// Something of a record, or answers to whatever form, is contained in it.
bool contains_record(const rules::Knowledge& knowledge, const fhir::Json& resource);
// Of what may say something about a patient, a type that nothing here reads: it is told.
bool is_unread_type(std::string_view type);
// A Device of no patient, which is the instrument or the program that made something; or an entry
// that names no patient and gives no reason for anything; and contains nothing of a record. Neither
// used nor told, but for a Device that a procedure of the patient names (focal_devices_of).
bool is_nobodys(const rules::Knowledge& knowledge, const fhir::Json& resource);

// A response to our form, or to one that is bound, or one that answers in our codes whatever form
// it names; of any version, for one that cannot be read may say what those that can be deny.
bool is_to_our_form(const rules::Knowledge& knowledge, const fhir::Json& response);
// An OperationOutcome that tells of an error, or that something is incomplete.
bool is_failure(const fhir::Json& outcome);
// The References that say whose the resource is; they live as long as it.
std::vector<const fhir::Json*> subjects_of(const fhir::Json& resource);
// The References by which a procedure that was begun names the devices it implanted or worked on;
// they live as long as it.
std::vector<const fhir::Json*> focal_devices_of(const fhir::Json& resource);

// Through the gate for XML or for JSON.
fhir::Result<ReadResource> read_resource(std::string_view bytes, bool xml,
                                         const fhir::Limits& limits);

// MF-3010 to MF-3019. Which form the response answers is not checked when it stands alone.
tl::expected<Intake, fhir::Issues> take_in(fhir::Json resource, const rules::Knowledge& knowledge);

}  // namespace myoflag::mapping
