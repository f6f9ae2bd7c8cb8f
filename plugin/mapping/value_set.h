#pragma once
// The lists behind what we ask, find and write, as R4 ValueSets: the answers of each question, our
// rules, tiers, workups and hypotheses, and the codes by which the record is understood. All of it
// follows from the knowledge; nothing here fails. Source: hl7.org/fhir/R4/valueset.html.

#include <vector>

#include "fhir/json.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

// One for each question with options, then one for each of our code systems of results.
std::vector<fhir::Json> own_value_sets(const rules::Knowledge& knowledge);

enum class RecordKind { medicine, condition, laboratory };

// Codes and beginnings of codes (as a filter) that stand for one option or one laboratory value.
// What a record is searched for by words alone has none.
std::vector<fhir::Json> record_value_sets(const rules::Knowledge& knowledge, RecordKind kind);

std::vector<fhir::Json> value_sets(const rules::Knowledge& knowledge);  // all of them

}  // namespace myoflag::mapping
