"""Every error code that C++ uses has one paragraph under docs/errors/, and every paragraph belongs to a code in use."""
import re

from common import cpp_files, files, lines, read, without_comments

CODE = re.compile(r"\bMF-(\d+)\b")
HEADING = re.compile(r"^##\s+(MF-\d{4})\s+(\S.*)$")
# Which numbers a folder may use: a code tells where to look.
RANGES = {"fhir": [(1000, 1599)], "rules": [(2000, 2299)], "plugin": [(3000, 3199), (4000, 4299)]}


def used(root, problems):
    """code -> first place in the product. Tests may name only codes that the product has."""
    product, tests = {}, {}
    strangers = []  # codes outside the numbers of their layer: right only where the layer of the number has them too
    for path in cpp_files(root):
        layer = path.split("/")[0]
        for number, line in lines(without_comments(read(root, path))):
            for m in CODE.finditer(line):
                place = f"{path}:{number}"
                if layer == "tests":
                    if len(m.group(1)) == 4:
                        tests.setdefault(m.group(0), place)
                elif len(m.group(1)) != 4:
                    problems.append(f"{place}: {m.group(0)}: a code has four digits")
                elif any(low <= int(m.group(1)) <= high for low, high in RANGES[layer]):
                    product.setdefault(m.group(0), place)
                else:
                    strangers.append((m.group(0), place, layer))
    for code, place, layer in strangers:
        if code not in product:
            problems.append(f"{place}: {code} is outside the numbers of {layer}/")
            product[code] = place
    for code, place in tests.items():
        if code not in product:
            problems.append(f"{place}: {code} is expected by a test, but no product code gives it")
    return product


def explained(root, problems):
    """code -> place of its paragraph."""
    found = {}
    for path in files(root):
        if not re.match(r"docs/errors/[^/]+\.md$", path):
            continue
        text = read(root, path).split("\n")
        for number, line in enumerate(text, 1):
            if re.match(r"^#+\s*MF-", line) and not HEADING.match(line):
                problems.append(f"{path}:{number}: a paragraph starts with '## MF-nnnn Title'")
            m = HEADING.match(line)
            if not m:
                continue
            if m.group(1) in found:
                problems.append(f"{path}:{number}: {m.group(1)} is explained already in {found[m.group(1)]}")
            found.setdefault(m.group(1), f"{path}:{number}")
            body = []
            for below in text[number:]:
                if re.match(r"^#{1,2}\s", below):
                    break
                body.append(below.strip())
            if len(" ".join(body).split()) < 5:
                problems.append(f"{path}:{number}: {m.group(1)}: say what happened and what to do")
    return found


def check(root):
    problems = []
    in_use, paragraphs = used(root, problems), explained(root, problems)
    for code in sorted(in_use.keys() - paragraphs.keys()):
        problems.append(f"{in_use[code]}: {code} has no paragraph under docs/errors/")
    for code in sorted(paragraphs.keys() - in_use.keys()):
        problems.append(f"{paragraphs[code]}: {code} is explained, but no code uses it")
    return problems
