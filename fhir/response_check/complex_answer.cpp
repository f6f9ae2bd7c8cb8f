// Rules about answers that are structures: quantities, attachments, references.
#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "fhir/decimal.h"
#include "fhir/primitives.h"
#include "fhir/response_check/reference_form.h"
#include "fhir/response_check/validators.h"

namespace myoflag::fhir::response_check {

namespace {

// ---- Quantity

bool is_allowed_unit(const FormItem& item, const Json& quantity) {
  const bool coded = !quantity.string_of("code").empty();
  if (!coded && item.unit_open == "options-or-string") {
    return true;
  }
  if (coded && item.unit_open == "options-or-type") {
    return true;
  }
  if (item.unit_options.empty()) {
    return item.unit.is_null() || same_code(quantity, item.unit);
  }
  return std::any_of(item.unit_options.begin(), item.unit_options.end(),
                     [&quantity](const Json& unit) { return same_code(quantity, unit); });
}

void has_an_allowed_unit(const Context& context, std::size_t answer, Report& report) {
  const auto value = value_of(context, answer);
  if (value.type == ValueType::quantity &&
      !is_allowed_unit(item_of(context, answer), *value.json)) {
    add_at_answer(context, answer,
                  {Severity::error, "code-invalid", "MF-1457",
                   "The unit is not among those that the form allows."},
                  report);
  }
}

// ---- Attachment

// Size of the data if it is there, otherwise the size that is claimed.
std::optional<std::size_t> size_of(const Json& attachment) {
  if (const auto* data = attachment.find("data"); data != nullptr && data->is_string()) {
    return base64_size(*data->as_string());
  }
  const auto* size = attachment.find("size");
  const auto* number = size == nullptr ? nullptr : size->as_number();
  const auto claimed = number == nullptr ? std::nullopt : to_integer(number->text);
  return claimed && *claimed >= 0 ? std::optional<std::size_t>(*claimed) : std::nullopt;
}

bool is_attachment(ValueRef value) { return value.type == ValueType::attachment; }

void data_is_base64(const Context& context, std::size_t answer, Report& report) {
  const auto value = value_of(context, answer);
  const auto* data = is_attachment(value) ? value.json->find("data") : nullptr;
  if (data != nullptr && (!data->is_string() || !base64_size(*data->as_string()))) {
    add_at_answer(
        context, answer,
        {Severity::error, "value", "MF-1464", "The data of the attachment is not base64."}, report);
  }
}

void size_is_that_of_the_data(const Context& context, std::size_t answer, Report& report) {
  const auto value = value_of(context, answer);
  const auto* size = is_attachment(value) ? value.json->find("size") : nullptr;
  if (size == nullptr) {
    return;
  }
  const auto* number = size->as_number();
  const auto claimed = number == nullptr ? std::nullopt : to_integer(number->text);
  const auto real = size_of(*value.json);
  if (!claimed || *claimed < 0 || (real && *real != static_cast<std::size_t>(*claimed))) {
    add_at_answer(context, answer,
                  {Severity::error, "value", "MF-1463",
                   "The size of the attachment is not that of its data."},
                  report);
  }
}

void is_not_too_big(const Context& context, std::size_t answer, Report& report) {
  const auto value = value_of(context, answer);
  const auto& limit = item_of(context, answer).limits.max_size;
  if (limit.empty() || !is_attachment(value)) {
    return;
  }
  const auto size = size_of(*value.json);
  const auto order = size ? compare_decimals(fmt::to_string(*size), limit) : std::nullopt;
  if (order && std::is_gt(*order)) {
    add_at_answer(context, answer,
                  {Severity::error, "too-long", "MF-1461",
                   fmt::format("The attachment is larger than {} bytes.", limit)},
                  report);
  }
}

std::string bare_mime_type(std::string_view text) {
  text = text.substr(0, text.find(';'));
  std::string bare;
  for (const char c : text) {
    if (c != ' ') {
      bare.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    }
  }
  return bare;
}

bool fits_mime_type(const std::string& type, std::string_view allowed) {
  const auto pattern = bare_mime_type(allowed);
  if (pattern.ends_with("/*")) {
    return type.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
  }
  return type == pattern;
}

void has_an_allowed_mime_type(const Context& context, std::size_t answer, Report& report) {
  const auto value = value_of(context, answer);
  const auto& allowed = item_of(context, answer).limits.mime_types;
  if (allowed.empty() || !is_attachment(value)) {
    return;
  }
  const auto type = bare_mime_type(value.json->string_of("contentType"));
  if (std::none_of(allowed.begin(), allowed.end(),
                   [&type](const std::string& one) { return fits_mime_type(type, one); })) {
    add_at_answer(context, answer,
                  {Severity::error, "value", "MF-1462",
                   "The attachment is not of a kind that the form allows."},
                  report);
  }
}

// ---- Reference

bool is_well_formed_reference(const Context& context, const Json& reference) {
  const auto* target = reference.find("reference");
  if (target == nullptr) {
    return reference.find("identifier") != nullptr || reference.find("display") != nullptr;
  }
  return target->is_string() &&
         is_reference(*target->as_string(), contained_in(context.response.json()));
}

void reference_is_well_formed(const Context& context, std::size_t answer, Report& report) {
  const auto value = value_of(context, answer);
  if (value.type == ValueType::reference && !is_well_formed_reference(context, *value.json)) {
    add_at_answer(
        context, answer,
        {Severity::error, "value", "MF-1465",
         "A reference is Type/id, an http(s) address, a urn, or #id of a contained resource."},
        report);
  }
}

void reference_has_an_allowed_type(const Context& context, std::size_t answer, Report& report) {
  const auto value = value_of(context, answer);
  if (value.type != ValueType::reference) {
    return;
  }
  const auto type = type_of_target(*value.json, contained_in(context.response.json()));
  const auto claimed = value.json->string_of("type");
  const auto& allowed = item_of(context, answer).limits.reference_types;
  const bool contradicts = !claimed.empty() && !type.empty() && type != claimed;
  const bool forbidden = !allowed.empty() && !type.empty() &&
                         std::find(allowed.begin(), allowed.end(), type) == allowed.end();
  if (contradicts || forbidden) {
    add_at_answer(context, answer,
                  {Severity::error, "value", "MF-1466",
                   "The reference leads to a resource of another type than allowed."},
                  report);
  }
}

constexpr AnswerValidator rules[] = {has_an_allowed_unit,          data_is_base64,
                                     size_is_that_of_the_data,     is_not_too_big,
                                     has_an_allowed_mime_type,     reference_is_well_formed,
                                     reference_has_an_allowed_type};

}  // namespace

std::span<const AnswerValidator> complex_value_rules() { return rules; }

}  // namespace myoflag::fhir::response_check
