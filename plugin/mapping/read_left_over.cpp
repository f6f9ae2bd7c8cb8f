#include <algorithm>
#include <array>
#include <tuple>

#include "plugin/mapping/one_of.h"
#include "plugin/mapping/record_reader.h"
#include "plugin/mapping/record_statements.h"
#include "plugin/mapping/record_status.h"
#include "rules/texts.h"
#include "rules/unjudged.h"

namespace myoflag::mapping {

using fhir::Json;

namespace {

Moment when_of(const Json& json) {
  return first_moment({reason_time(json), statement_time(json), performed_text(json),
                       json.string_of("onsetDateTime"), json.string_of("authoredOn"),
                       json.string_of("authored"), json.string_of("recordedDate"),
                       json.string_of("created"), json.string_of("issued")});
}

}  // namespace

// Told, whenever it was: nobody has judged it.
void RecordReader::tell_mentions() {
  for (const auto& resource : record_) {
    for (const auto& mention : mentions_of(resource)) {
      rules::add_words(mention.words, out_.unread_words);
      list_text(
          rules::fill(knowledge_.text("record-statement"),
                      {{"type", resource.type + "." + mention.element}, {"words", mention.words}}),
          resource, when_of(resource.json));
    }
  }
}

// Of one resource.
std::vector<Mention> RecordReader::mentions_of(const RecordResource& resource) {
  const auto standing = standing_in(resource);
  if (standing == Standing::withdrawn) {
    return {};
  }
  const bool is_current = standing == Standing::current;
  const bool is_read =
      !is_statement(resource.type) || is_in_force(resource.json, resource.type, now_);
  auto mentions = sweep_.of(resource, is_current, is_read);
  std::erase_if(mentions, [&](const Mention& one) { return !is_new(one, resource, is_current); });
  return mentions;
}

// What no rule has met yet. Of what was, only the conditions count, as in read_reasons.
bool RecordReader::is_new(const Mention& mention, const RecordResource& resource,
                          bool is_current) const {
  const auto is_unmet = [this](int item, std::uint64_t options) {
    return options != 0 &&
           (item < 0 || (options & ~out_.facts.chosen[static_cast<std::size_t>(item)]) != 0);
  };
  const auto& [conditions, pregnancies, cautions] =
      std::tie(mention.meaning.conditions, mention.meaning.pregnancies, mention.meaning.cautions);
  if (is_unmet(bindings_.conditions, conditions)) {
    return true;
  }
  return is_current && (is_unmet(bindings_.pregnancy, pregnancies) ||
                        (mention.names_urgent_visit && !heard_.contains(&resource)) ||
                        std::any_of(cautions.begin(), cautions.end(),
                                    [this](int place) { return !told_cautions_.contains(place); }));
}

Standing RecordReader::standing_in(const RecordResource& resource) const {
  const auto& [json, type] = std::tie(resource.json, resource.type);
  const auto unless_over = [](bool is_over) {
    return is_over ? Standing::over : Standing::current;
  };
  constexpr std::array<std::string_view, 2> never{"cancelled", "entered-in-error"};
  if (is_one_of(json.string_of("status"), never)) {
    return Standing::withdrawn;
  }
  if (type == "Patient") {
    return Standing::current;
  }
  if (type == "Condition") {
    return is_real_condition(json) ? unless_over(is_over(json, now_)) : Standing::withdrawn;
  }
  if (is_medicine_use(type)) {
    return is_taken(json, type) ? Standing::current
           : was_meant(json)    ? Standing::over
                                : Standing::withdrawn;
  }
  if (type == "Procedure") {
    return was_begun(json) ? unless_over(!is_current_procedure(json)) : Standing::withdrawn;
  }
  if (type == "Observation") {
    return is_void(json) || index_.is_own(json) ? Standing::withdrawn
                                                : unless_over(is_too_old(effective_moment(json)));
  }
  if (type == "DiagnosticReport") {
    return is_void_report(json) ? Standing::withdrawn
                                : unless_over(is_too_old(report_moment(json)));
  }
  if (type == "Device") {
    return unless_over(!is_in_use(json));
  }
  if (is_statement(type)) {
    const bool is_of_now = is_in_force(json, type, now_) && !is_too_old(statement_moment(json));
    return standing_of(json) == Standing::withdrawn ? Standing::withdrawn : unless_over(!is_of_now);
  }
  const auto standing = standing_of(json);
  if (has_reasons(type)) {
    return standing == Standing::current ? unless_over(is_too_old(moment_in(reason_time(json))))
                                         : standing;
  }
  return is_unread_type(type) ? standing_of_unread(json) : Standing::withdrawn;
}

// A substance somewhere in an allergy is one that nobody takes.
Standing RecordReader::standing_of_unread(const Json& json) const {
  constexpr std::array<std::string_view, 5> withdrawn{"draft", "not-done", "proposed", "rejected",
                                                      "revoked"};
  if (is_one_of(json.string_of("status"), withdrawn)) {
    return Standing::withdrawn;
  }
  const bool is_of_now =
      json.string_of("resourceType") != "AllergyIntolerance" && !is_too_old(when_of(json));
  return is_of_now ? Standing::current : Standing::over;
}

}  // namespace myoflag::mapping
