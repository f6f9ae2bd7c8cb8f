#pragma once
// SHA-256 of files while they are written: beside the writing, on a thread of its own, so that a
// finished file is not read once more.

#include <cstddef>
#include <memory>
#include <string>

namespace myoflag::batch {

class Digests {
 public:
  explicit Digests(std::size_t files);
  ~Digests();

  // What comes next in the file. Waits while more than a few MB are still to be looked at.
  void add(std::size_t file, std::string text);
  // Of all that was added to it, in hexadecimal; more can be added later.
  std::string of(std::size_t file);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace myoflag::batch
