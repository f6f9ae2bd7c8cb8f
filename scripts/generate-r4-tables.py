#!/usr/bin/env python3
"""Writes fhir/r4/tables.inc from the official R4 XML schema (fhir-single.xsd).

Usage: scripts/generate-r4-tables.py [SCHEMA [OUTPUT]]     (defaults: the copies in this repository; "-" = stdout)

The schema is the one published source that holds, for every R4 type, the order of the elements, their cardinality,
their type, what is an XML attribute, and the closed code lists. The same schema gives the same bytes.
"""
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
XS = "{http://www.w3.org/2001/XMLSchema}"
ABSTRACT = {"Resource", "DomainResource", "Element", "BackboneElement"}
# Primitive types in the order of enum class Primitive in definitions.h; the rest are kinds of code.
PRIMITIVES = [
    "base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id", "instant", "integer",
    "markdown", "oid", "positiveInt", "string", "time", "unsignedInt", "uri", "url", "uuid", "SampledDataDataType",
]


class Type:
    def __init__(self, name, kind):
        self.name = name
        self.kind = kind          # primitive, complex, resource, container, xhtml
        self.primitive = "none"
        self.codes = []           # closed code list
        self.elements = []        # (name, choice, type name, min, max, is attribute)


def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


def capital(name):
    return name[0].upper() + name[1:]


def occurs(node, outer=None):
    low = node.get("minOccurs", "1")
    high = node.get("maxOccurs", "1")
    if outer is not None:
        low = outer.get("minOccurs", "1")
        if (high, outer.get("maxOccurs", "1")) != ("1", "1"):
            raise SystemExit(f"the choice of {node.get('name')} repeats")
    if low not in ("0", "1") or high not in ("1", "unbounded"):
        raise SystemExit(f"unexpected cardinality {low}..{high}")
    return int(low), high


def plain_element(node):
    if node.get("ref") == "xhtml:div":
        return ("div", "", "xhtml", *occurs(node), False)
    return (node.get("name"), "", node.get("type"), *occurs(node), False)


def choice_elements(choice):
    nodes = choice.findall(XS + "element")
    names = set()
    for node in nodes:
        suffix = capital(node.get("type"))
        if not node.get("name").endswith(suffix):
            raise SystemExit(f"choice {node.get('name')} does not end in its type {suffix}")
        names.add(node.get("name")[: -len(suffix)])
    if len(names) != 1:
        raise SystemExit(f"a choice has several names: {sorted(names)}")
    name = names.pop()
    return [(n.get("name"), name, n.get("type"), occurs(n, choice)[0], "1", False) for n in nodes]


def own_elements(body):
    """Attributes first: JSON writes id and url before the rest."""
    result = [(a.get("name"), "", a.get("type").removesuffix("-primitive"),
               1 if a.get("use") == "required" else 0, "1", True) for a in body.findall(XS + "attribute")]
    sequence = body.find(XS + "sequence")
    for node in sequence if sequence is not None else []:
        if node.tag == XS + "element":
            result.append(plain_element(node))
        elif node.tag == XS + "choice":
            result.extend(choice_elements(node))
        elif node.tag != XS + "annotation":
            raise SystemExit(f"unexpected {node.tag}")
    return result


class Schema:
    def __init__(self, path):
        root = ET.parse(path).getroot()
        self.version = root.get("version")
        self.complex = {t.get("name"): t for t in root.findall(XS + "complexType")}
        self.simple = {t.get("name"): t for t in root.findall(XS + "simpleType")}

    def base_and_body(self, name):
        node = self.complex[name]
        extension = node.find(f"{XS}complexContent/{XS}extension")
        return (None, node) if extension is None else (extension.get("base"), extension)

    def bases(self, name):
        base, _ = self.base_and_body(name)
        return [name] if base is None else self.bases(base) + [name]

    def elements(self, name):
        """Base types first: that is the order of R4."""
        return [e for step in self.bases(name) for e in own_elements(self.base_and_body(step)[1])]

    def value_type(self, name):
        _, body = self.base_and_body(name)
        values = [a.get("type") for a in body.findall(XS + "attribute") if a.get("name") == "value"]
        return values[0] if values else None

    def codes(self, value_type):
        simple = self.simple[value_type]
        return [e.get("value") for e in simple.iter(XS + "enumeration")]

    def read_type(self, name):
        value_type = self.value_type(name)
        if value_type is not None:
            result = Type(name, "primitive")
            if value_type.endswith("-list"):
                result.primitive, result.codes = "code", self.codes(value_type)
            else:
                result.primitive = snake(PRIMITIVES[PRIMITIVES.index(value_type.removesuffix("-primitive"))])
            return result
        if name == "ResourceContainer":
            return Type(name, "container")
        result = Type(name, "resource" if "Resource" in self.bases(name) else "complex")
        result.elements = self.elements(name)
        return result

    def types(self):
        result = [self.read_type(name) for name in self.complex] + [Type("xhtml", "xhtml")]
        return sorted(result, key=lambda t: t.name)


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def check(types):
    names = {t.name for t in types}
    for t in types:
        seen = set()
        for name, _, type_name, *_ in t.elements:
            if type_name not in names:
                raise SystemExit(f"{t.name}.{name}: unknown type {type_name}")
            if name in seen:
                raise SystemExit(f"{t.name}.{name} occurs twice")
            seen.add(name)


def render(schema):
    types = schema.types()
    check(types)
    index = {t.name: i for i, t in enumerate(types)}
    codes, elements, rows = [], [], []
    code_count = element_count = 0
    for t in types:
        abstract = "true" if t.name in ABSTRACT else "false"
        first, count = (code_count, len(t.codes)) if t.kind == "primitive" else (element_count, len(t.elements))
        rows.append(f"    {{{quoted(t.name)}, Kind::{t.kind}, Primitive::{t.primitive}, {abstract}, "
                    f"{first if count else 0}, {count}}},")
        if t.codes:
            codes.append(f"    // {t.name}")
            codes.extend(f"    {quoted(c)}," for c in t.codes)
            code_count += len(t.codes)
        if t.elements:
            elements.append(f"    // {t.name}")
            for name, choice, type_name, low, high, attribute in t.elements:
                elements.append(f"    {{{quoted(name)}, {quoted(choice)}, {index[type_name]}, {low}, "
                                f"{'true' if high == 'unbounded' else 'false'}, {'true' if attribute else 'false'}}},")
            element_count += len(t.elements)
    return "\n".join([
        f"// Generated by scripts/generate-r4-tables.py from the official FHIR XML schema, version {schema.version}. "
        "Do not edit.",
        "// clang-format off",
        "",
        "constexpr std::string_view code_table[] = {",
        *codes,
        "};",
        "",
        "// name, choice, type, min, repeats, attribute",
        "constexpr Element element_table[] = {",
        *elements,
        "};",
        "",
        "// name, kind, primitive, abstract, first element or code, their number; sorted by name",
        "constexpr Type type_table[] = {",
        *rows,
        "};",
        "",
        "// clang-format on",
        "",
    ])


def main(arguments):
    source = Path(arguments[0]) if arguments else ROOT / "tests/data/fhir-r4-xsd/fhir-single.xsd"
    target = arguments[1] if len(arguments) > 1 else str(ROOT / "fhir/r4/tables.inc")
    text = render(Schema(source))
    if target == "-":
        sys.stdout.write(text)
    else:
        Path(target).write_text(text, encoding="utf-8")


main(sys.argv[1:])
