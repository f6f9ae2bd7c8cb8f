#include "fhir/json.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

namespace myoflag::fhir {

namespace {

bool is_filled_container(const Json& value) {
  if (const auto* array = value.as_array()) {
    return !array->empty();
  }
  const auto* object = value.as_object();
  return object != nullptr && !object->empty();
}

// Moves the non-empty containers directly below `value` to `pending`, so that destroying `value`
// goes one level deep.
void detach_containers(Json& value, Json::Array& pending) {
  if (auto* array = value.as_array()) {
    for (auto& element : *array) {
      if (is_filled_container(element)) {
        pending.push_back(std::move(element));
      }
    }
  } else if (auto* object = value.as_object()) {
    for (auto& member : *object) {
      if (is_filled_container(member.value)) {
        pending.push_back(std::move(member.value));
      }
    }
  }
}

}  // namespace

Json::Json(int value) : value_(Number{fmt::to_string(value)}) {}
Json::Json(std::int64_t value) : value_(Number{fmt::to_string(value)}) {}

Json::Json(const Json& other) {
  struct Task {
    const Json* from;
    Json* to;
  };
  std::vector<Task> tasks{{&other, this}};
  while (!tasks.empty()) {
    const auto [from, to] = tasks.back();
    tasks.pop_back();
    if (const auto* array = from->as_array()) {
      auto& copy = to->value_.emplace<Array>(array->size());
      for (std::size_t i = 0; i < array->size(); ++i) {
        tasks.push_back({&(*array)[i], &copy[i]});
      }
    } else if (const auto* object = from->as_object()) {
      auto& copy = to->value_.emplace<Object>(object->size());
      for (std::size_t i = 0; i < object->size(); ++i) {
        copy[i].name = (*object)[i].name;
        tasks.push_back({&(*object)[i].value, &copy[i].value});
      }
    } else {
      to->value_ = from->value_;
    }
  }
}

Json& Json::operator=(const Json& other) {
  if (this != &other) {
    *this = Json(other);
  }
  return *this;
}

Json& Json::operator=(Json&& other) noexcept {
  // `other` may live inside this value: it must be out before the old content goes.
  auto old = std::exchange(value_, std::exchange(other.value_, nullptr));
  Json dying;
  dying.value_ = std::move(old);
  return *this;
}

Json::~Json() {
  if (!is_filled_container(*this)) {
    return;
  }
  Array pending;
  detach_containers(*this, pending);
  while (!pending.empty()) {
    Json value = std::move(pending.back());
    pending.pop_back();
    detach_containers(value, pending);
  }
}

Json Json::array(std::initializer_list<Element>&& elements) {
  Array list;
  list.reserve(elements.size());
  for (const auto& element : elements) {
    list.push_back(std::move(element.value));
  }
  return list;
}

Json Json::object(std::initializer_list<Field>&& members) {
  Object list;
  list.reserve(members.size());
  Json result = std::move(list);
  for (const auto& [name, value] : members) {
    result.set(name, std::move(value));
  }
  return result;
}

const Json* Json::find(std::string_view name) const {
  const auto* object = as_object();
  if (object == nullptr) {
    return nullptr;
  }
  const auto it = std::find_if(object->begin(), object->end(),
                               [name](const Member& member) { return member.name == name; });
  return it == object->end() ? nullptr : &it->value;
}

Json* Json::find(std::string_view name) {
  return const_cast<Json*>(std::as_const(*this).find(name));
}

std::string_view Json::string_of(std::string_view name) const {
  const auto* value = find(name);
  const auto* text = value == nullptr ? nullptr : value->as_string();
  return text == nullptr ? std::string_view{} : std::string_view{*text};
}

const Json::Array& Json::array_of(std::string_view name) const {
  static const Array none;
  const auto* value = find(name);
  const auto* array = value == nullptr ? nullptr : value->as_array();
  return array == nullptr ? none : *array;
}

// Anything else would be lost without a word.
template <typename Container>
void Json::become() {
  if (is_null()) {
    value_ = Container{};
  } else if (!std::holds_alternative<Container>(value_)) {
    throw std::logic_error("a JSON value that is neither null nor of this kind cannot be added to");
  }
}

Json& Json::set(std::string_view name, Json value) {
  if (auto* present = find(name)) {
    *present = std::move(value);
    return *this;
  }
  become<Object>();
  as_object()->push_back({std::string(name), std::move(value)});
  return *this;
}

Json& Json::set_if(std::string_view name, Json value) {
  return value.is_empty() ? *this : set(name, std::move(value));
}

bool Json::erase(std::string_view name) {
  auto* object = as_object();
  return object != nullptr &&
         std::erase_if(*object, [name](const Member& member) { return member.name == name; }) > 0;
}

Json& Json::push(Json element) {
  become<Array>();
  as_array()->push_back(std::move(element));
  return *this;
}

bool Json::is_empty() const {
  if (const auto* text = as_string()) {
    return text->empty();
  }
  if (is_array() || is_object()) {
    return !is_filled_container(*this);
  }
  return is_null();
}

namespace {

using Pairs = std::vector<std::pair<const Json*, const Json*>>;

std::vector<const Json::Member*> by_name(const Json::Object& object) {
  std::vector<const Json::Member*> sorted;
  sorted.reserve(object.size());
  for (const auto& member : object) {
    sorted.push_back(&member);
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const auto* a, const auto* b) { return a->name < b->name; });
  return sorted;
}

bool same_names(const Json::Object& a, const Json::Object& b, Pairs& pending) {
  if (a.size() != b.size()) {
    return false;
  }
  const auto left = by_name(a);
  const auto right = by_name(b);
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i]->name != right[i]->name) {
      return false;
    }
    pending.emplace_back(&left[i]->value, &right[i]->value);
  }
  return true;
}

bool same_size(const Json::Array& a, const Json::Array& b, Pairs& pending) {
  if (a.size() != b.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    pending.emplace_back(&a[i], &b[i]);
  }
  return true;
}

bool same_scalar(const Json& a, const Json& b) {
  if (const auto* flag = a.as_bool()) {
    return b.is_bool() && *flag == *b.as_bool();
  }
  if (const auto* number = a.as_number()) {
    return b.is_number() && *number == *b.as_number();
  }
  if (const auto* text = a.as_string()) {
    return b.is_string() && *text == *b.as_string();
  }
  return a.is_null() && b.is_null();
}

}  // namespace

bool operator==(const Json& a, const Json& b) {
  Pairs pending{{&a, &b}};
  while (!pending.empty()) {
    const auto [left, right] = pending.back();
    pending.pop_back();
    bool same = false;
    if (left->is_array() && right->is_array()) {
      same = same_size(*left->as_array(), *right->as_array(), pending);
    } else if (left->is_object() && right->is_object()) {
      same = same_names(*left->as_object(), *right->as_object(), pending);
    } else {
      same = same_scalar(*left, *right);
    }
    if (!same) {
      return false;
    }
  }
  return true;
}

}  // namespace myoflag::fhir
