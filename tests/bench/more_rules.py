#!/usr/bin/env python3
"""usage: more_rules.py TIMES OUT [KNOWLEDGE]

Writes the knowledge with each rule TIMES over, the copies under new ids, to the new folder OUT: for measuring what rules cost
(`myoflag batch --knowledge OUT`). A knowledge may have 1024 rules and policies together.
"""
import os
import re
import shutil
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def multiplied(text, times):
    head, *rules = re.split(r"(?m)^(?=  - id: )", text)
    copies = [re.sub(r"^  - id: (\S+)", rf"  - id: \1-copy{n}", rule) for n in range(1, times) for rule in rules]
    rules[-1] = rules[-1].rstrip("\n") + "\n\n" if copies else rules[-1]
    return head + "".join(rules + [c.rstrip("\n") + "\n\n" for c in copies])


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    times, out = int(sys.argv[1]), sys.argv[2]
    shutil.copytree(sys.argv[3] if len(sys.argv) == 4 else f"{ROOT}/rules/knowledge/twitching", out)
    for name in os.listdir(f"{out}/rules"):
        path = f"{out}/rules/{name}"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(multiplied(text, times))


if __name__ == "__main__":
    main()
