#include "fhir/references.h"

#include "fhir/r4/definitions.h"
#include "fhir/walk.h"

namespace myoflag::fhir {

namespace {

using r4::Kind;
using r4::Type;

// Walks value and tables side by side; the gate bounds the depth of everything from outside.
class Walk {
 public:
  explicit Walk(const OnReference& visit) : visit_(visit) {}

  void run(const Json& resource) {
    if (const auto* type = r4::find_resource(resource.string_of("resourceType"))) {
      path_ = type->name;
      walk_members(resource, *type);
    }
  }

 private:
  void walk_members(const Json& value, const Type& type) {
    for (const auto& member : *value.as_object()) {
      const bool sibling = member.name.starts_with('_');
      const auto* element =
          r4::find_element(type, std::string_view(member.name).substr(sibling ? 1 : 0));
      if (element != nullptr) {
        const Step step(path_, element->choice.empty() ? element->name : element->choice);
        walk_all(member.value, sibling ? *r4::find_type("Element") : r4::type_of(*element));
      }
    }
  }

  void walk_all(const Json& value, const Type& type) {
    const auto* list = value.as_array();
    if (list == nullptr) {
      walk_one(value, type);
      return;
    }
    for (std::size_t i = 0; i < list->size(); ++i) {
      const Step index(path_, i);
      walk_one((*list)[i], type);
    }
  }

  void walk_one(const Json& value, const Type& type) {
    if (!value.is_object()) {
      return;
    }
    if (type.kind == Kind::container) {
      if (const auto* inner = r4::find_resource(value.string_of("resourceType"))) {
        walk_members(value, *inner);
      }
      return;
    }
    if (type.name == "Reference") {
      visit_(value, path_);
    }
    walk_members(value, type);
  }

  const OnReference& visit_;
  std::string path_;
};

}  // namespace

void for_each_reference(const Json& resource, const OnReference& visit) {
  Walk(visit).run(resource);
}

}  // namespace myoflag::fhir
