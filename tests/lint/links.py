"""Relative links in Markdown lead to a file, and their fragments to a heading."""
import os
import re
from urllib.parse import unquote

from common import files, lines, read

LINK = re.compile(r'!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|^\s*\[[^\]]+\]:\s*(\S+)')


def prose(text):
    """The lines outside of code blocks, without inline code."""
    fence = None
    for number, line in lines(text):
        mark = re.match(r"\s*(```+|~~~+)", line)
        if mark and (fence is None or mark.group(1).startswith(fence)):
            fence = mark.group(1) if fence is None else None
            continue
        if fence is None:
            yield number, re.sub(r"`[^`]*`", "", line)


def anchors(text):
    seen, found = {}, set(re.findall(r'<a\s+(?:id|name)="([^"]+)"', text))
    fence = False
    for _, line in lines(text):
        if re.match(r"\s*(```|~~~)", line):
            fence = not fence
        m = None if fence else re.match(r"#{1,6}\s+(.*?)\s*#*$", line)
        if m:
            title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", m.group(1))
            slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            count = seen.get(slug, 0)
            seen[slug] = count + 1
            found.add(slug if count == 0 else f"{slug}-{count}")
    return found


def check(root):
    problems = []
    known = files(root)
    places = set(known) | {os.path.dirname(p) for p in known}
    for place in list(places):
        while place:
            place = os.path.dirname(place)
            places.add(place)
    for path in known:
        if not path.endswith(".md"):
            continue
        text = read(root, path)
        for number, line in prose(text):
            for m in LINK.finditer(line):
                target = m.group(1) or m.group(2)
                if re.match(r"[a-zA-Z][\w+.-]*:", target):
                    continue
                where, _, fragment = target.partition("#")
                to = os.path.normpath(os.path.join(os.path.dirname(path), unquote(where))) if where else path
                to = "" if to == "." else to
                if where.startswith("/") or to not in places:
                    problems.append(f"{path}:{number}: {target} leads nowhere")
                elif fragment and to.endswith(".md") and unquote(fragment) not in anchors(read(root, to)):
                    problems.append(f"{path}:{number}: {target}: no such heading")
    return problems
