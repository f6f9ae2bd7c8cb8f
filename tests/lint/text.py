"""Text that must not be there: paths of one machine, unfinished work, download addresses in lock files."""
import os
import re

from common import files, lines, read

BINARY = (".png", ".jpg", ".gif", ".ico", ".woff2", ".gz", ".tgz", ".jar", ".zip", ".pdf")
# Published by others and kept as they are, or bytes made to break a parser.
FOREIGN = re.compile(r"^(?:LICENSE$|tests/fuzz/(?:corpus|crashes)/|tests/.*\.xsd$)")
# Spelled so that this file does not contain what it looks for.
MACHINE = re.compile(r"(?<![\w.$}/-])/(?:work|root|home/[a-z]\w*|Users/\w+)(?:/|\b(?![\w-]))|/tmp/(?:build|bash)|\.\./shared\b")
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
LOCKS = ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock")
ADDRESS = re.compile(r'"resolved"\s*:|registry\.|_authToken')


def check(root):
    problems = []
    for path in files(root):
        if path.endswith(BINARY) or FOREIGN.match(path) or os.path.getsize(os.path.join(root, path)) > 5_000_000:
            continue
        is_lock = os.path.basename(path) in LOCKS
        for number, line in lines(read(root, path)):
            if MACHINE.search(line):
                problems.append(f"{path}:{number}: a path of one machine")
            if UNFINISHED.search(line) and not is_lock:
                problems.append(f"{path}:{number}: a mark of unfinished work")
            if is_lock and ADDRESS.search(line):
                problems.append(f"{path}:{number}: a download address in a lock file")
    return problems
