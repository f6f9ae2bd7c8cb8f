"""Layers and forbidden means in C++: who may include whom, where the third-party libraries may be named."""
import re

from common import code_only, cpp_files, lines, read

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
FORBIDDEN_LAYERS = {"fhir": ("rules", "plugin", "tests"), "rules": ("fhir", "plugin", "tests"), "plugin": ("tests",)}
CPPREST_FILES = ("fhir/client/cpprest_transport.cpp",)
# What the sidecar's speed is held against, on loopback: a bare echo, and a listener that only parses.
PEERS = {"beast": "tests/bench/cards/echo_peer.cpp", "cpprest": "tests/bench/cards/parse_peer.cpp"}
CPPREST_NAMES = re.compile(r"\b(?:web::|pplx::|utility::conversions|concurrency::streams)|\bnamespace\s+(?:web|pplx)\b")
CPPREST_HEADERS = re.compile(r"^(?:cpprest|pplx)/")
BEAST = re.compile(r"\bboost::beast\b|\bbeast::http\b")
# A header of ours shows the standard library and tl::expected, and at most the forward declarations of nlohmann/json.
OPEN_HEADERS = ("tl/expected.hpp", "nlohmann/json_fwd.hpp")
STANDARD = re.compile(r"^[a-z_0-9]+$")
# Pure parts: same input, same bytes out. Time, files, network, locale and randomness enter from outside.
IMPURE_HEADERS = re.compile(r"^(?:fstream|filesystem|iostream|random|locale|clocale|ctime|thread|unistd\.h|fcntl\.h|(?:sys|netinet|arpa)/.*)$")
IMPURE_NAMES = re.compile(r"\b(?:system_clock|steady_clock|high_resolution_clock)\b|\b(?:getenv|setlocale|srand|rand|localtime|fopen|f?printf|f?puts)\s*\(")


def is_pure(path):
    return path.startswith(("rules/", "plugin/mapping/", "plugin/assess.", "fhir/")) and not path.startswith("fhir/client/")


def is_cpprest_home(path):
    # Test doubles: the fake EHR speaks with cpprestsdk's listener.
    return path in (*CPPREST_FILES, PEERS["cpprest"]) or re.match(r"tests/(?:support|service)/[^/]*fake_ehr[^/]*\.(?:h|cpp)$", path)


def is_beast_home(path):
    return path.startswith("plugin/http/") or path == PEERS["beast"]


def check_include(path, bracket, name):
    layer = path.split("/")[0]
    if name.split("/")[0] in FORBIDDEN_LAYERS.get(layer, ()):
        yield f"{layer}/ must not include {name}"
    if "/../" in f"/{name}" or name.startswith("./"):
        yield f"include {name}: write it from the root of the project"
    if CPPREST_HEADERS.match(name) and not is_cpprest_home(path):
        yield f"cpprestsdk ({name}) belongs in {CPPREST_FILES[0]} only"
    if name.startswith("boost/beast") and not is_beast_home(path):
        yield f"Boost.Beast ({name}) belongs in plugin/http/ only"
    if name == "regex":
        yield "std::regex crashes on long input: hand-written code instead"
    if is_pure(path) and bracket == "<" and IMPURE_HEADERS.match(name):
        yield f"<{name}> in a pure part: files, clocks, network, locale and randomness come in from plugin/"
    if path.endswith(".h") and layer != "tests" and bracket == "<" and not STANDARD.match(name) and name not in OPEN_HEADERS:
        yield f"<{name}> in a header: third-party types stay in the .cpp"


def check_line(path, line):
    if CPPREST_NAMES.search(line) and not is_cpprest_home(path):
        yield f"cpprestsdk is named outside {CPPREST_FILES[0]}"
    if BEAST.search(line) and not is_beast_home(path):
        yield "Boost.Beast is named outside plugin/http/"
    if re.search(r"\bstd::regex", line):
        yield "std::regex crashes on long input: hand-written code instead"
    if is_pure(path) and IMPURE_NAMES.search(line):
        yield "a clock, a file, the environment, the locale or randomness in a pure part"
    # Tests may replace the global operators, to count allocations.
    if re.search(r"(?<!operator )\bnew\b", line):
        yield "'new': values, containers or std::make_unique"
    if re.search(r"(?<!operator )(?<!= )(?<!=)\bdelete\b", line):
        yield "'delete': an owner frees what it holds"
    if path.endswith(".h") and re.search(r"\busing\s+namespace\b", line):
        yield "'using namespace' in a header"


def check_header(path, text):
    if not text.startswith("#pragma once\n"):
        yield 1, "a header begins with #pragma once"
    elif not re.match(r"#pragma once\n\n?//", text):
        yield 2, "a header opens with a comment: what it is for and what it promises"


def check(root):
    problems = []
    for path in cpp_files(root):
        text = read(root, path)
        if path.endswith(".h"):
            problems += [f"{path}:{n}: {p}" for n, p in check_header(path, text)]
        for number, line in lines(code_only(text)):
            include = INCLUDE.match(line)
            found = check_include(path, *include.groups()) if include else check_line(path, line)
            problems += [f"{path}:{number}: {p}" for p in found]
    return problems
