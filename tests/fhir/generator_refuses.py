"""The generator of the R4 tables stops at a schema that the tables cannot hold.

Usage: generator_refuses.py GENERATOR SCHEMA
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

generator, schema = sys.argv[1:]
text = Path(schema).read_text(encoding="utf-8")
choice = re.search(r"<xs:choice [^>]*maxOccurs=\"1\"[^>]*>", text).group(0)
inside = re.search(r"<xs:choice [^>]*>\s*(?:<xs:annotation>.*?</xs:annotation>\s*)?(<xs:element [^>]*>)", text, re.S).group(1)
spoilt = {
    "a choice that repeats": (choice, choice.replace('maxOccurs="1"', 'maxOccurs="unbounded"')),
    "a variant that repeats": (inside, re.sub(r' maxOccurs="[^"]*"', "", inside).replace("<xs:element ", '<xs:element maxOccurs="unbounded" ')),
}
failures = 0
for name, (old, new) in spoilt.items():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "schema.xsd"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        run = subprocess.run([sys.executable, generator, str(path), "-"], capture_output=True, text=True)
    if run.returncode == 0 or "repeats" not in run.stderr:
        print(f"not refused: {name}: {run.stderr[-200:]}")
        failures += 1
sys.exit(failures)
