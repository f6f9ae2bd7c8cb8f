#pragma once
// The picture of a body beside the list of places of a question. It says nothing that the list does
// not say, so it is hidden from who hears the page. Data: body_map.yaml, inside the program; a file
// that cannot be used is a mistake of the program (std::logic_error).

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/browser/html.h"

namespace myoflag::browser {

struct BodyMap {
  struct Place {
    std::string code;  // of an option
    std::string path;  // SVG path data
  };
  struct Label {
    std::string text;  // key of what it says
    std::string x, y;
  };
  std::string question;                // linkId
  std::vector<std::string> not_on_it;  // options that are in the list alone
  std::string view_box;
  std::vector<std::string> outlines;  // paths that are no place
  std::vector<Place> places;
  std::vector<Label> labels;
};

const BodyMap& body_map();

// As one <svg>; a place has its option's code as data-code, and is filled where it is marked.
void add_body_map(Html& html, const std::function<std::string(std::string_view)>& say,
                  const std::function<bool(std::string_view)>& is_marked);

}  // namespace myoflag::browser
