#include "plugin/browser/html.h"

#include <stdexcept>

namespace myoflag::browser {

namespace {

void append_escaped(std::string_view text, std::string& out) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
}

}  // namespace

void Html::begin(Word tag, Attributes attributes) {
  out_ += '<';
  out_ += tag.view();
  for (const Attribute& attribute : attributes) {
    if (!attribute.is_there) {
      continue;
    }
    out_ += ' ';
    out_ += attribute.name.view();
    out_ += "=\"";
    append_escaped(attribute.value, out_);
    out_ += '"';
  }
  out_ += '>';
}

Html& Html::open(Word tag, Attributes attributes) {
  begin(tag, attributes);
  open_.push_back(tag.view());
  return *this;
}

Html& Html::close() {
  if (open_.empty()) {
    throw std::logic_error("nothing is open in this page");
  }
  out_ += "</";
  out_ += open_.back();
  out_ += '>';
  open_.pop_back();
  return *this;
}

Html& Html::text(std::string_view text) {
  append_escaped(text, out_);
  return *this;
}

Html& Html::single(Word tag, Attributes attributes) {
  begin(tag, attributes);
  return *this;
}

Html& Html::add(const Html& whole) {
  out_ += whole.whole();
  return *this;
}

const std::string& Html::whole() const {
  if (!open_.empty()) {
    throw std::logic_error("an element of this page was not closed");
  }
  return out_;
}

}  // namespace myoflag::browser
