#include "plugin/browser/html.h"

#include <stdexcept>

#include "fhir/markup.h"

namespace myoflag::browser {

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
    fhir::append_html(out_, attribute.value);
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
  fhir::append_html(out_, text);
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
