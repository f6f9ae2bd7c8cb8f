#pragma once
// Text as markup writes it: what markup reads itself becomes a reference. One table for both
// languages, which differ in two points. A reader of XML makes blanks of bare tabs and line ends in
// an attribute, so there they are references too; HTML keeps them. HTML may stand in a page whose
// attributes end on an apostrophe; the XML is our own, with double quotes only, and keeps it.

#include <string>
#include <string_view>

namespace myoflag::fhir {

// Inside an HTML element or attribute.
void append_html(std::string& out, std::string_view text);

// Inside an XML attribute in double quotes.
void append_xml_attribute(std::string& out, std::string_view value);

}  // namespace myoflag::fhir
