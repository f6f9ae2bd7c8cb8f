#pragma once
// Small YAML files of our own: what is wrong with one ends its reading, with the line. For .cpp
// files only.

#include <stdexcept>
#include <string>

namespace myoflag::browser {

class Wrong : public std::runtime_error {
 public:
  Wrong(int at_line, const std::string& text) : std::runtime_error(text), line(at_line) {}
  int line;  // from 1; 0: the file as a whole
};

}  // namespace myoflag::browser
