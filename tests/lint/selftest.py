#!/usr/bin/env python3
"""Each lint finds what is planted, and nothing in sound files."""
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import error_codes  # noqa: E402
import layers  # noqa: E402
import links  # noqa: E402
import text  # noqa: E402
import top_level  # noqa: E402

HEADER = "#pragma once\n// What it is for.\n"
PARAGRAPH = "## MF-1003 A title\n\nWhat happened, and after it what to do.\n"


class Lint(unittest.TestCase):
    def tree(self, contents):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for path, body in contents.items():
            full = os.path.join(folder.name, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as f:
                f.write(body)
        return folder.name

    def finds(self, lint, contents, words, count=1):
        found = lint.check(self.tree(contents))
        self.assertEqual(len(found), count, f"{contents} gave {found}")
        self.assertIn(words, found[0])

    def quiet(self, lint, contents):
        self.assertEqual(lint.check(self.tree(contents)), [])


class Layers(Lint):
    def test_planted(self):
        cases = [
            ("rules/a.cpp", '#include "fhir/json.h"\n', "rules/ must not include fhir/json.h"),
            ("rules/a.cpp", '# include "plugin/assess.h"\n', "rules/ must not include"),
            ("fhir/a.cpp", '#include "rules/tri.h"\n', "fhir/ must not include rules/tri.h"),
            ("fhir/a.cpp", '#include "plugin/assess.h"\n', "fhir/ must not include"),
            ("fhir/a.cpp", "#include <rules/tri.h>\n", "fhir/ must not include rules/tri.h"),
            ("plugin/a.cpp", '#include "tests/support/x.h"\n', "plugin/ must not include tests"),
            ("plugin/a.cpp", '#include "x/../rules/tri.h"\n', "from the root"),
            ("plugin/a.cpp", "#include <cpprest/http_client.h>\n", "cpprestsdk"),
            ("fhir/client/client.cpp", "#include <pplx/pplxtasks.h>\n", "cpprestsdk"),
            ("plugin/a.cpp", "web::uri u;\n", "cpprestsdk is named"),
            ("plugin/a.cpp", "pplx::task<void> t;\n", "cpprestsdk is named"),
            ("plugin/a.cpp", "using namespace web;\n", "cpprestsdk is named"),
            ("tests/plugin/a_test.cpp", "web::uri u;\n", "cpprestsdk is named"),
            ("plugin/a.cpp", "#include <boost/beast/core.hpp>\n", "Boost.Beast"),
            ("plugin/cds/a.cpp", "namespace b = boost::beast;\n", "Boost.Beast"),
            ("rules/a.h", HEADER + "#include <nlohmann/json.hpp>\n", "in a header"),
            ("rules/a.h", HEADER + "#include <yaml-cpp/yaml.h>\n", "in a header"),
            ("fhir/a.h", HEADER + "#include <pugixml.hpp>\n", "in a header"),
            ("fhir/a.h", HEADER + "#include <simdjson.h>\n", "in a header"),
            ("fhir/a.h", HEADER + "#include <fmt/format.h>\n", "in a header"),
            ("fhir/a.h", "// words\n" + HEADER, "#pragma once"),
            ("fhir/a.h", "#pragma once\n\n#include <string>\n", "opens with a comment"),
            ("fhir/a.h", HEADER + "using namespace std;\n", "using namespace"),
            ("plugin/a.cpp", "int* p = new int(1);\n", "'new'"),
            ("plugin/a.cpp", "void f(int* p) {\n  delete p;\n}\n", "a.cpp:2: 'delete'"),
            ("plugin/a.cpp", "void f(int* p) { delete[] p; }\n", "'delete'"),
            ("plugin/a.cpp", "auto s = \"//\"; int* p = new int;\n", "'new'"),
            ("plugin/a.cpp", "#include <regex>\n", "std::regex"),
            ("tests/rules/a_test.cpp", "std::regex r;\n", "std::regex"),
            ("rules/a.cpp", "#include <fstream>\n", "pure"),
            ("fhir/a.cpp", "#include <random>\n", "pure"),
            ("plugin/assess.cpp", "#include <fstream>\n", "pure"),
            ("plugin/mapping/a.cpp", "auto t = std::chrono::system_clock::now();\n", "pure"),
            ("rules/a.cpp", 'f = std::fopen("x", "r");\n', "pure"),
            ("rules/a.cpp", "auto t = getenv(\"TZ\");\n", "pure"),
        ]
        for path, body, words in cases:
            with self.subTest(path=path, body=body):
                self.finds(layers, {path: body}, words)

    def test_sound(self):
        for path, body in [
            ("rules/a.cpp", '#include "rules/tri.h"\n\n#include <yaml-cpp/yaml.h>\n'),
            ("rules/a.cpp", '// #include "fhir/json.h" would be wrong\n/* new\n delete p; */\n'),
            ("rules/a.cpp", 'auto s = "new std::regex web::uri";\nauto r = R"x(delete p; ")x";\n'),
            ("rules/a.cpp", "auto n = 1'000'000; // new\nchar c = '\"'; char d = '\\'';\n"),
            ("rules/a.h", HEADER + "#include <tl/expected.hpp>\n#include <vector>\nstruct A { A(const A&) = delete; };\n"),
            ("fhir/a.h", HEADER + "#include <nlohmann/json_fwd.hpp>\n"),
            ("plugin/a.cpp", '#include "fhir/json.h"\n#include "rules/tri.h"\nint renew = 1, new_value = 2;\n'),
            ("fhir/client/cpprest_transport.cpp", "#include <cpprest/http_client.h>\nweb::uri u;\n"),
            ("tests/support/fake_ehr.cpp", "#include <cpprest/http_listener.h>\npplx::task<void> t;\n"),
            ("plugin/http/server.cpp", "#include <boost/beast/core.hpp>\nnamespace beast = boost::beast;\n"),
            ("plugin/env/clock.cpp", "auto t = std::chrono::system_clock::now();\n"),
            ("tests/rules/a_test.cpp", "void* operator new(std::size_t n);\nvoid operator delete(void* p) noexcept;\n"),
            ("docs/a.md", "#include <regex>\n"),
        ]:
            with self.subTest(path=path, body=body):
                self.quiet(layers, {path: body})


class ErrorCodes(Lint):
    USE = {"fhir/a.cpp": 'f("MF-1003");\n'}

    def test_sound(self):
        self.quiet(error_codes, {**self.USE, "docs/errors/gate.md": "# Gate\n\n" + PARAGRAPH,
                                 "tests/fhir/a_test.cpp": 'g("MF-1003");\n'})
        # The program may ask for a code that the FHIR layer gives; a test may look for the beginning of one.
        self.quiet(error_codes, {**self.USE, "plugin/a.cpp": 'is("MF-1003");\n', "docs/errors/gate.md": PARAGRAPH,
                                 "tests/fuzz/a.cpp": 'starts("MF-10");\n'})
        self.quiet(error_codes, {"fhir/a.h": '// for example "MF-1003"\n'})

    def test_planted(self):
        doc = "docs/errors/gate.md"
        cases = [
            (self.USE, "MF-1003 has no paragraph"),
            ({doc: PARAGRAPH}, "no code uses it"),
            ({**self.USE, doc: PARAGRAPH, "docs/errors/other.md": PARAGRAPH}, "explained already"),
            ({**self.USE, doc: PARAGRAPH + PARAGRAPH}, "explained already"),
            ({**self.USE, doc: "## MF-1003 A title\n\n## Other\n\nwords of another section, not of ours\n"}, "say what"),
            ({**self.USE, doc: PARAGRAPH, "tests/fhir/a_test.cpp": 'g("MF-1004");\n'}, "no product code gives it"),
            ({"rules/a.cpp": 'f("MF-1003");\n', doc: PARAGRAPH}, "outside the numbers of rules/"),
            ({"fhir/a.cpp": 'f("MF-10031");\n'}, "four digits"),
            ({**self.USE, doc: PARAGRAPH + "### MF-1004 Wrong level\n"}, "starts with '## MF-nnnn Title'"),
        ]
        for contents, words in cases:
            with self.subTest(contents=contents):
                self.finds(error_codes, contents, words)


class Text(Lint):
    def test_planted(self):
        cases = [
            ("docs/a.md", "see /" "work/main/x\n", "a path of one machine"),
            ("scripts/a", "cd /" "root/.cache\n", "a path of one machine"),
            ("tests/a.py", "open('/" "home/ann/x')\n", "a path of one machine"),
            ("docs/a.md", "in .." "/shared/design\n", "a path of one machine"),
            ("plugin/a.cpp", "// TO" "DO later\n", "unfinished"),
            ("docs/a.md", "FIX" "ME\n", "unfinished"),
            ("tests/x/package-lock.json", '"res' 'olved": "x"\n', "lock file"),
            ("tests/x/package-lock.json", '"https://regi' 'stry.npmjs.org/x"\n', "lock file"),
        ]
        for path, body, words in cases:
            with self.subTest(path=path, body=body):
                self.finds(text, {path: body}, words)

    def test_sound(self):
        for path, body in [
            ("docs/a.md", "the home/ann folder, a work/shift pattern, http://x.example/home/page, https://x.example/work/y\n"),
            ("scripts/a", 'cd "$root/work"; cd ${x}/root/y\n'),
            ("tests/fuzz/corpus/a", "TO" "DO /" "work/x\n"),
            ("tests/x/package-lock.json", '"url": "https://github.com/sponsors/x"\n'),
            ("samples/a.json", '{"tODO": "XXXX"}\n'),
        ]:
            with self.subTest(path=path, body=body):
                self.quiet(text, {path: body})


class TopLevel(Lint):
    def complete(self):
        return {**{f"{d}/x": "" for d in top_level.FOLDERS}, **{f: "" for f in top_level.FILES}}

    def test_sound(self):
        self.quiet(top_level, {**self.complete(), "build/dev/x": "", "out/x": ""})

    def test_planted(self):
        self.finds(top_level, {**self.complete(), "src/a.cpp": ""}, "src: not on the list")
        self.finds(top_level, {**self.complete(), "notes.txt": ""}, "notes.txt: not on the list")
        tree = self.complete()
        del tree["NOTICE"]
        self.finds(top_level, tree, "NOTICE: missing")


class Links(Lint):
    def test_planted(self):
        cases = [
            ("[x](docs/b.md)\n", "leads nowhere"),
            ("![x](docs/b.png)\n", "leads nowhere"),
            ("[x](/docs/a.md)\n", "leads nowhere"),
            ("[x](#not-there)\n", "no such heading"),
            ("[x](docs/a.md#not-there)\n", "no such heading"),
            ("[x]: docs/b.md\n", "leads nowhere"),
            ("```\ncode\n```\n[x](docs/b.md)\n", "README.md:4"),
        ]
        for body, words in cases:
            with self.subTest(body=body):
                self.finds(links, {"README.md": body, "docs/a.md": "# Title\n"}, words)

    def test_sound(self):
        for body in [
            "[x](docs/a.md) [y](docs) [z](docs/) [w](docs/a.md#a-title-with-code) [v](docs/a.md#again-1)\n",
            "[x](https://x.example/y) [y](mailto:a@x.example) `[x](nowhere.md)`\n",
            "```\n[x](nowhere.md)\n```\n",
            "# Here it is\n[x](#here-it-is)\n",
        ]:
            with self.subTest(body=body):
                self.quiet(links, {"README.md": body, "docs/a.md": "# A title, with `code`\n## Again\n## Again\n"})


if __name__ == "__main__":
    unittest.main(verbosity=1)
