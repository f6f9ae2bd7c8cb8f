#include "plugin/browser/body_map.h"

#include <stdexcept>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "plugin/browser/embedded.h"

namespace myoflag::browser {
namespace {

std::string needed(const YAML::Node& map, const char* key) {
  const YAML::Node node = map[key];
  if (!node.IsDefined() || !node.IsScalar()) {
    throw std::logic_error(fmt::format("the picture of a body lacks {}", key));
  }
  return node.as<std::string>();
}

BodyMap read_body_map() {
  const YAML::Node root = YAML::Load(std::string(kBodyMap));
  BodyMap map;
  map.question = needed(root, "question");
  map.view_box = fmt::format("0 0 {} {}", needed(root, "width"), needed(root, "height"));
  for (const auto& code : root["not-on-it"]) {
    map.not_on_it.push_back(code.as<std::string>());
  }
  for (const auto& path : root["outlines"]) {
    map.outlines.push_back(path.as<std::string>());
  }
  for (const auto& place : root["places"]) {
    map.places.push_back({needed(place, "code"), needed(place, "path")});
  }
  for (const auto& label : root["labels"]) {
    map.labels.push_back({needed(label, "text"), needed(label, "x"), needed(label, "y")});
  }
  return map;
}

}  // namespace

const BodyMap& body_map() {
  static const BodyMap map = read_body_map();
  return map;
}

void add_body_map(Html& html, const std::function<std::string(std::string_view)>& say,
                  const std::function<bool(std::string_view)>& is_marked) {
  const BodyMap& map = body_map();
  html.open("svg", {{"viewBox", map.view_box}, {"aria-hidden", "true"}});
  for (const auto& outline : map.outlines) {
    html.element("path", "", {{"d", outline}});
  }
  for (const auto& place : map.places) {
    html.element(
        "path", "",
        {{"d", place.path}, {"data-code", place.code}, {"class", "mf-on", is_marked(place.code)}});
  }
  for (const auto& label : map.labels) {
    html.element("text", say(label.text), {{"x", label.x}, {"y", label.y}});
  }
  html.close();
}

}  // namespace myoflag::browser
