#include "plugin/cds/prefetch.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "fhir/structure.h"
#include "plugin/mapping/intake.h"

namespace myoflag::cds {
namespace {

using fhir::Json;

bool has_next_page(const Json& bundle) {
  const auto& links = bundle.array_of("link");
  return std::any_of(links.begin(), links.end(),
                     [](const Json& link) { return link.string_of("relation") == "next"; });
}

// False where it is no whole number; the shape of the Bundle tells that.
bool says_more_than(const Json& bundle, std::size_t matches) {
  const auto* total = bundle.find("total");
  const auto* number = total == nullptr ? nullptr : total->as_number();
  if (number == nullptr) {
    return false;
  }
  std::size_t value = 0;
  const auto* end = number->text.data() + number->text.size();
  const auto read = std::from_chars(number->text.data(), end, value);
  return read.ec == std::errc::result_out_of_range || (read.ptr == end && value > matches);
}

std::string_view mode_of(const Json& entry) {
  const auto* search = entry.find("search");
  return search == nullptr ? "" : search->string_of("mode");
}

// As it is, but each member of that name goes through `change`.
template <typename Change>
Json with_member(const Json& value, std::string_view name, Change change) {
  const auto* members = value.as_object();
  if (members == nullptr) {
    return value;
  }
  Json::Object copy;
  copy.reserve(members->size());
  for (const auto& member : *members) {
    copy.push_back({member.name, member.name == name ? change(member.value) : member.value});
  }
  return copy;
}

// The Bundle with a small one in the place of each resource.
Json without_resources(const Json& bundle) {
  const auto small = [](const Json& resource) {
    return resource.is_object() ? Json::object({{"resourceType", "Parameters"}}) : resource;
  };
  return with_member(bundle, "entry", [&](const Json& entries) {
    if (!entries.is_array()) {
      return entries;
    }
    Json::Array list;
    for (const auto& entry : *entries.as_array()) {
      list.push_back(with_member(entry, "resource", small));
    }
    return Json(std::move(list));
  });
}

// An answer to a search, taken apart: what can be used of it, and what not.
class SearchReader {
 public:
  SearchReader(const Json& bundle, const Template& asked) : bundle_(bundle), asked_(asked) {}

  Source read() {
    source_.asked = &asked_;
    source_.state = State::unusable;
    if (bundle_.string_of("type") != "searchset") {
      return std::move(source_);
    }
    for (const auto& entry : bundle_.array_of("entry")) {
      take(entry);
    }
    check_envelope();
    source_.state = state();
    const bool used = !is_missing(source_.state) && source_.state != State::no_data;
    if (used) {
      source_.value = rebuilt();
    }
    return std::move(source_);
  }

 private:
  // Each entry keeps its place, so that findings can be located.
  void take(const Json& entry) {
    const auto at = fmt::format("entry[{}]", kept_.as_array()->size());
    const auto* resource = entry.find("resource");
    if (resource == nullptr || !is_expected(entry, *resource)) {
      source_.left_out.push_back(at);
      kept_.push(nothing());
      return;
    }
    const auto type = resource->string_of("resourceType");
    failed_ = failed_ || (type == "OperationOutcome" && mapping::is_failure(*resource));
    matches_ += type == asked_.type && mode_of(entry) != "include" ? 1U : 0U;
    Json kept = Json::object({{"resource", *resource}});
    kept.set_if("fullUrl", std::string(entry.string_of("fullUrl")));
    kept_.push(std::move(kept));
  }

  bool is_expected(const Json& entry, const Json& resource) const {
    const auto type = resource.string_of("resourceType");
    const bool included =
        (type == "Patient" || type == "Medication") && mode_of(entry) == "include";
    return !entry.has("request") && !entry.has("response") &&
           (type == asked_.type || type == "OperationOutcome" || included);
  }

  // An entry that says nothing and hides nothing.
  static Json nothing() {
    return Json::object({{"resource", Json::object({{"resourceType", "OperationOutcome"}})}});
  }

  // A member that FHIR does not know may have held a resource, so it is told.
  void check_envelope() {
    constexpr std::string_view root = "Bundle.";
    for (const auto& found : fhir::check_shape(without_resources(bundle_))) {
      const bool inside = found.place.starts_with(root);
      source_.left_out.push_back(inside ? found.place.substr(root.size()) : found.place);
    }
  }

  bool is_paged() const { return has_next_page(bundle_) || says_more_than(bundle_, matches_); }

  State state() const {
    const bool is_read = asked_.key == "patient";  // of one resource by its id
    if (matches_ == 0 && failed_) {
      return State::failed;
    }
    if ((matches_ == 0 && !source_.left_out.empty()) || (is_read && matches_ != 1)) {
      return State::unusable;
    }
    if (is_paged()) {
      return State::paged;
    }
    if (failed_ || !source_.left_out.empty()) {
      return State::partial;
    }
    return matches_ == 0 ? State::no_data : State::given;
  }

  Json rebuilt() {
    Json bundle = Json::object({{"resourceType", "Bundle"}, {"type", "searchset"}});
    if (is_paged()) {
      bundle.set("link",
                 Json::array({Json::object({{"relation", "next"}, {"url", "urn:next-page"}})}));
    }
    bundle.set_if("entry", std::move(kept_));
    return bundle;
  }

  const Json& bundle_;
  const Template& asked_;
  Source source_;
  Json kept_ = Json::array();
  std::size_t matches_ = 0;
  bool failed_ = false;
};

State state_of_value(const Json* value, const Template& asked) {
  if (value == nullptr) {
    return State::not_provided;
  }
  if (value->is_null()) {
    return State::no_data;
  }
  if (!value->is_object()) {
    return State::not_provided;
  }
  const auto type = value->string_of("resourceType");
  if (type == "OperationOutcome") {
    return State::failed;
  }
  return type == asked.type ? State::given : State::unusable;
}

}  // namespace

Source read_source(const Json& prefetch, const Template& asked) {
  const auto* value = prefetch.find(asked.key);
  if (value != nullptr && value->string_of("resourceType") == "Bundle") {
    return SearchReader(*value, asked).read();
  }
  Source source;
  source.asked = &asked;
  source.state = state_of_value(value, asked);
  if (source.state == State::given) {
    source.value = *value;
  }
  return source;
}

}  // namespace myoflag::cds
