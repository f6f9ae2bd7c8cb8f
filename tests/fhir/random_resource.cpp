#include "tests/fhir/random_resource.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "fhir/r4/definitions.h"

namespace myoflag::fhir::test {

namespace {

using r4::Element;
using r4::Kind;
using r4::Primitive;
using r4::Type;

constexpr int deepest = 5;

class Maker {
 public:
  explicit Maker(std::uint32_t seed) : random_(seed) {}

  Json resource(const Type& type, int depth) {
    Json result;
    result.set("resourceType", type.name);
    fill(type, result, depth);
    return result;
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }
  bool one_in(std::size_t n) { return below(n) == 0; }

  template <std::size_t Size>
  std::string_view pick(const std::string_view (&list)[Size]) {
    return list[below(Size)];
  }

  void fill(const Type& type, Json& out, int depth) {
    const auto all = r4::elements(type);
    const bool has_content = type.kind == Kind::resource;
    for (std::size_t i = 0; i < all.size();) {
      std::size_t end = i + 1;
      while (!all[i].choice.empty() && end < all.size() && all[end].choice == all[i].choice) {
        ++end;
      }
      if (type.name == "Extension" && (all[i].name == "extension" || all[i].choice == "value")) {
        i = end;  // either one or the other, see below
        continue;
      }
      const bool wanted = all[i].min > 0 || one_in(static_cast<std::size_t>(2 + 3 * depth));
      if (wanted) {
        element(all[i + below(end - i)], out, depth);
      }
      i = end;
    }
    if (type.name == "Extension") {
      extension_content(type, out, depth);
    } else if (out.is_empty() && !has_content) {
      element(*r4::find_element(type, "id"), out, depth);
      element(*r4::find_element(type, "extension"), out, depth);
    }
  }

  void extension_content(const Type& type, Json& out, int depth) {
    constexpr std::string_view flat[] = {"valueString",  "valueDecimal", "valueDateTime",
                                         "valueBoolean", "valueCode",    "valueBase64Binary"};
    if (depth < deepest && one_in(3)) {
      element(*r4::find_element(type, one_in(2) ? "extension" : "valueQuantity"), out, depth);
    } else {
      element(*r4::find_element(type, pick(flat)), out, depth);
    }
  }

  void element(const Element& element, Json& out, int depth) {
    const auto& type = r4::type_of(element);
    if (element.attribute) {
      out.set(element.name, element.name == "url" ? "http://example.org/x" : "a1");
      return;
    }
    if (depth >= deepest && element.min == 0 && type.kind != Kind::primitive &&
        out.as_object() != nullptr && !out.as_object()->empty()) {
      return;
    }
    if (type.kind == Kind::primitive) {
      primitive(element, type, out, depth);
    } else if (!element.repeats) {
      out.set(element.name, value(type, depth));
    } else {
      Json list;
      for (std::size_t i = 0; i <= below(3); ++i) {
        list.push(value(type, depth));
      }
      out.set(element.name, std::move(list));
    }
  }

  Json value(const Type& type, int depth) {
    if (type.kind == Kind::xhtml) {
      constexpr std::string_view divs[] = {
          "<div xmlns=\"http://www.w3.org/1999/xhtml\">a &lt; b &amp;&#160;c</div>",
          "<div xmlns='http://www.w3.org/1999/xhtml' class=\"x\"><!-- kept --><p>\n  two "
          "<b>lines</b>\t</p><br/></div>",
          "<div xmlns=\"http://www.w3.org/1999/xhtml\"><![CDATA[1 < 2]]><img src=\"#a\" "
          "alt=\"\"/></div>",
      };
      return pick(divs);
    }
    if (type.kind == Kind::container) {
      constexpr std::string_view inner[] = {"Patient", "Observation", "Basic", "OperationOutcome"};
      return resource(*r4::find_resource(depth < deepest ? pick(inner) : "Binary"), depth + 1);
    }
    Json result;
    fill(type, result, depth + 1);
    return result;
  }

  Json more(int depth) {
    Json result;
    if (one_in(2)) {
      result.set("id", "p-1");
    }
    if (result.is_null() || one_in(3)) {
      result.set("extension", Json::array({value(*r4::find_type("Extension"), depth)}));
    }
    return result;
  }

  void primitive(const Element& element, const Type& type, Json& out, int depth) {
    const auto sibling = "_" + std::string(element.name);
    const bool plain = depth >= deepest || !one_in(6);
    if (!element.repeats) {
      if (plain || one_in(2)) {
        out.set(element.name, primitive_value(type));
      }
      if (!plain) {
        out.set(sibling, more(depth + 1));
      }
      return;
    }
    Json::Array values;
    Json::Array siblings;
    bool any_value = false;
    for (std::size_t i = 0; i <= below(3); ++i) {
      const bool has_more = !plain && one_in(2);
      const bool has_value = !has_more || one_in(2);
      any_value = any_value || has_value;
      values.push_back(has_value ? primitive_value(type) : Json());
      siblings.push_back(has_more ? more(depth + 1) : Json());
    }
    const bool any_more = std::any_of(siblings.begin(), siblings.end(),
                                      [](const Json& one) { return !one.is_null(); });
    if (any_value) {
      out.set(element.name, std::move(values));
    }
    if (any_more) {
      out.set(sibling, std::move(siblings));
    }
  }

  Json number(std::string_view text) { return Json::Number{std::string(text)}; }

  Json primitive_value(const Type& type) {
    if (const auto codes = r4::codes(type); !codes.empty()) {
      return codes[below(codes.size())];
    }
    constexpr std::string_view decimals[] = {"0",
                                             "-0",
                                             "1.10",
                                             "1e400",
                                             "0.1000000000000000055",
                                             "-3.0E-7",
                                             "100",
                                             "1e+2",
                                             "18446744073709551616"};
    constexpr std::string_view texts[] = {"a",
                                          "two words",
                                          "<&>\"'",
                                          "line\nbreak\ttab\r\nend",
                                          "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80",
                                          " spaces ",
                                          "]]>",
                                          "\xC2\xA0",
                                          "&#0;",
                                          "<!-- no -->",
                                          "\\ \\u0000"};
    constexpr std::string_view dates[] = {"2024", "2024-02", "2024-02-29", "0001-01-01",
                                          "9999-12-31"};
    constexpr std::string_view moments[] = {"2024-02-29T23:59:59Z", "2015-02-07T13:28:17.239+02:00",
                                            "1999-12-31T00:00:00.000000000001-14:00"};
    constexpr std::string_view uris[] = {"http://example.org/a?b=c&d", "urn:oid:1.2.3", "#x",
                                         "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"};
    switch (type.primitive) {
      case Primitive::boolean:
        return one_in(2);
      case Primitive::decimal:
        return number(pick(decimals));
      case Primitive::integer:
        return number(one_in(2) ? "-2147483648" : "0");
      case Primitive::positive_int:
        return number(one_in(2) ? "2147483647" : "1");
      case Primitive::unsigned_int:
        return number(one_in(2) ? "0" : "12");
      case Primitive::date:
        return pick(dates);
      case Primitive::date_time:
        return one_in(2) ? pick(dates) : pick(moments);
      case Primitive::instant:
        return pick(moments);
      case Primitive::time:
        return one_in(2) ? "08:00:00" : "23:59:59.999";
      case Primitive::base64_binary:
        return one_in(2) ? "aGVsbG8=" : "AAAA\nBBBB ";
      case Primitive::code:
        return one_in(2) ? "final-x" : "two words";
      case Primitive::id:
        return one_in(2) ? "A-1.b"
                         : "0123456789012345678901234567890123456789012345678901234567890123";
      case Primitive::oid:
        return "urn:oid:2.16.840.1.0";
      case Primitive::uuid:
        return "urn:uuid:c757873d-ec9a-4326-a141-556f43239520";
      case Primitive::sampled_data_data_type:
        return "1 -2.5 E .5 L";
      case Primitive::uri:
      case Primitive::url:
      case Primitive::canonical:
        return pick(uris);
      case Primitive::markdown:
      case Primitive::string:
      case Primitive::none:
        break;
    }
    return pick(texts);
  }

  std::mt19937 random_;
};

}  // namespace

Json random_resource(std::string_view type, std::uint32_t seed) {
  return Maker(seed).resource(*r4::find_resource(type), 0);
}

}  // namespace myoflag::fhir::test
