#pragma once
// What a walk through a resource keeps while it is inside an element: the path, and how deep it is.
// Both go back by themselves when the element is left.

#include <cstddef>
#include <string>
#include <string_view>

namespace myoflag::fhir {

// One step of a FHIRPath: ".name" or "[index]".
class Step {
 public:
  Step(std::string& path, std::string_view name) : path_(path), size_(path.size()) {
    path_.push_back('.');
    path_.append(name);
  }
  Step(std::string& path, std::size_t index) : path_(path), size_(path.size()) {
    path_.append("[").append(std::to_string(index)).append("]");
  }
  ~Step() { path_.resize(size_); }
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

 private:
  std::string& path_;
  std::size_t size_;
};

class Level {
 public:
  explicit Level(int& depth) : depth_(depth) { ++depth_; }
  ~Level() { --depth_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

 private:
  int& depth_;
};

}  // namespace myoflag::fhir
