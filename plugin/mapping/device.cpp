#include "plugin/mapping/device.h"

#include <utility>

namespace myoflag::mapping {

using fhir::Json;

std::string_view software_version() { return MYOFLAG_VERSION; }

Json device_resource(Json identifier, std::string_view version) {
  Json name = Json::object({{"name", "Myoflag"}, {"type", "user-friendly-name"}});
  return Json::object({{"resourceType", "Device"},
                       {"identifier", Json::array({std::move(identifier)})},
                       {"status", "active"},
                       {"deviceName", Json::array({std::move(name)})},
                       {"version", Json::array({Json::object({{"value", version}})})}});
}

}  // namespace myoflag::mapping
