#include "fhir/markup.h"

namespace myoflag::fhir {
namespace {

// Empty: the character stays as it is.
std::string_view reference(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    default:
      return {};
  }
}

std::string_view html_reference(char c) { return c == '\'' ? "&#39;" : reference(c); }

std::string_view xml_reference(char c) {
  switch (c) {
    case '\t':
      return "&#9;";
    case '\n':
      return "&#10;";
    case '\r':
      return "&#13;";
    default:
      return reference(c);
  }
}

template <auto reference_of>
void append(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto written = reference_of(c);
    if (written.empty()) {
      out.push_back(c);
    } else {
      out += written;
    }
  }
}

}  // namespace

void append_html(std::string& out, std::string_view text) { append<html_reference>(out, text); }

void append_xml_attribute(std::string& out, std::string_view value) {
  append<xml_reference>(out, value);
}

}  // namespace myoflag::fhir
