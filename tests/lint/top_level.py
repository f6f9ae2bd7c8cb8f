"""The top level is a closed list: a new file goes into one of the folders."""
from common import files

FOLDERS = {"plugin", "fhir", "rules", "tests", "samples", "docs", "scripts", ".ci"}
FILES = {
    "CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE", "NOTICE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md",
    ".clang-format", ".clang-tidy", ".editorconfig", ".gitignore",
}


def check(root):
    found = {p.split("/")[0] for p in files(root)}
    problems = [f"{name}: not on the list of the top level" for name in sorted(found - FOLDERS - FILES)]
    problems += [f"{name}: missing from the top level" for name in sorted((FOLDERS | FILES) - found)]
    return problems
