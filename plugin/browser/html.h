#pragma once
// HTML, put together so that nothing of a patient, a form or a configuration can become markup:
// names of elements and attributes are literals of the program, every value is escaped, and there
// is no way round it. An element that was not closed is a mistake of the program
// (std::logic_error).

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace myoflag::browser {

// A literal of the program.
class Word {
 public:
  template <std::size_t N>
  consteval Word(const char (&text)[N]) : text_(text, N - 1) {}
  std::string_view view() const { return text_; }

 private:
  std::string_view text_;
};

struct Attribute {
  Word name;
  std::string_view value;
  bool is_there = true;  // false: left out
};
using Attributes = std::initializer_list<Attribute>;

class Html {
 public:
  Html& open(Word tag, Attributes attributes = {});
  Html& close();  // what was opened last
  Html& text(std::string_view text);
  Html& single(Word tag, Attributes attributes = {});  // an element that holds nothing: <input>

  // An element that holds only text.
  Html& element(Word tag, std::string_view text, Attributes attributes = {}) {
    return open(tag, attributes).text(text).close();
  }

  Html& add(const Html& whole);  // everything in it is closed

  const std::string& whole() const;

 private:
  void begin(Word tag, Attributes attributes);

  std::string out_;
  std::vector<std::string_view> open_;
};

}  // namespace myoflag::browser
