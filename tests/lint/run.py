#!/usr/bin/env python3
"""usage: run.py [LINT...]  Checks the project with the lints named (all by default). Exit 1 when one finds something."""
import importlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LINTS = ("layers", "error_codes", "text", "top_level", "links")


def main(names):
    unknown = [n for n in names if n not in LINTS]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are: {', '.join(LINTS)}", file=sys.stderr)
        return 2
    count = 0
    for name in names or LINTS:
        for problem in importlib.import_module(name).check(ROOT):
            print(f"{problem} [{name}]")
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.path.insert(0, HERE)
    sys.exit(main(sys.argv[1:]))
