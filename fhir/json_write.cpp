#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "fhir/json.h"

namespace myoflag::fhir {

namespace {

void append_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

class Writer {
 public:
  explicit Writer(bool pretty) : pretty_(pretty) {}

  std::string write(const Json& root) {
    begin(root);
    while (!stack_.empty()) {
      step();
    }
    if (pretty_) {
      out_.push_back('\n');
    }
    return std::move(out_);
  }

 private:
  struct Frame {
    const Json* container;
    std::size_t next;
  };

  void begin(const Json& value) {
    if (value.is_array() || value.is_object()) {
      out_.push_back(value.is_array() ? '[' : '{');
      stack_.push_back({&value, 0});
    } else {
      scalar(value);
    }
  }

  void scalar(const Json& value) {
    if (const auto* text = value.as_string()) {
      append_string(out_, *text);
    } else if (const auto* number = value.as_number()) {
      out_ += number->text;
    } else if (const auto* flag = value.as_bool()) {
      out_ += *flag ? "true" : "false";
    } else {
      out_ += "null";
    }
  }

  void step() {
    auto& frame = stack_.back();
    const auto* array = frame.container->as_array();
    const auto* object = frame.container->as_object();
    const auto size = array != nullptr ? array->size() : object->size();
    if (frame.next == size) {
      stack_.pop_back();
      if (size > 0) {
        new_line();
      }
      out_.push_back(array != nullptr ? ']' : '}');
      return;
    }
    const auto index = frame.next++;
    if (index > 0) {
      out_.push_back(',');
    }
    new_line();
    if (object != nullptr) {
      append_string(out_, (*object)[index].name);
      out_ += pretty_ ? ": " : ":";
    }
    begin(array != nullptr ? (*array)[index] : (*object)[index].value);
  }

  void new_line() {
    if (pretty_) {
      out_.push_back('\n');
      out_.append(stack_.size() * 2, ' ');
    }
  }

  bool pretty_;
  std::string out_;
  std::vector<Frame> stack_;
};

}  // namespace

std::string write_json(const Json& value, JsonStyle style) {
  return Writer(style == JsonStyle::pretty).write(value);
}

}  // namespace myoflag::fhir
