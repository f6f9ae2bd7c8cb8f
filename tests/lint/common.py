"""What the lints share: which files are the project's, and C++ text without comments and strings."""
import os
import re
import subprocess

OUTPUT = {"build", "out", "node_modules", "target", "__pycache__", ".git", ".cache"}
OUR_CPP = ("fhir", "rules", "plugin", "tests")


def files(root):
    """Paths, relative to root, of every file that is (or could be) committed; build output never."""
    try:
        listed = subprocess.run(
            ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True, check=True).stdout.decode().split("\0")
        top = subprocess.run(["git", "-C", root, "rev-parse", "--show-toplevel"],
                             capture_output=True, check=True).stdout.decode().strip()
        if os.path.realpath(top) == os.path.realpath(root):
            return sorted({p for p in listed if p and os.path.isfile(os.path.join(root, p))})
    except (OSError, subprocess.CalledProcessError):
        pass  # a source archive: walk it
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f not in OUTPUT]
        found += [os.path.relpath(os.path.join(folder, n), root) for n in names]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def cpp_files(root):
    return [p for p in files(root) if p.endswith((".h", ".cpp")) and p.split("/")[0] in OUR_CPP]


_TOKEN = re.compile(r"""
    (?P<line>//[^\n]*)
  | (?P<block>/\*.*?\*/)
  | (?P<raw>R"(?P<d>[^()\\\s]{0,16})\(.*?\)(?P=d)")
  | (?P<string>"(?:\\.|[^"\\\n])*")
  | (?P<char>(?<![0-9A-Za-z])'(?:\\.|[^'\\\n])+')
""", re.X | re.S)


def without_comments(text):
    """C++ with its comments blanked out; strings and line numbers stay."""
    return _TOKEN.sub(
        lambda m: re.sub(r"[^\n]", " ", m.group(0)) if m.lastgroup in ("line", "block") else m.group(0), text)


def code_only(text):
    """C++ with comments, strings and characters blanked out; line numbers stay. Include lines keep their names."""
    def blank(m):
        t = m.group(0)
        start = m.string.rfind("\n", 0, m.start()) + 1
        if m.lastgroup == "string" and re.match(r"\s*#\s*include\s*$", m.string[start:m.start()]):
            return t
        return re.sub(r"[^\n]", " ", t)
    return _TOKEN.sub(blank, text)


def lines(text):
    return enumerate(text.split("\n"), 1)
