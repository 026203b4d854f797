"""`make twice`: the book is built a second time, elsewhere and from nothing, and compared byte by byte with the first.

Then a sentence is added there, built, and taken out again: what the third build leaves must be the same, too.
Fails on any difference that EXCEPTIONS does not explain. Needs a site of the present state in `_build/html`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import ROOT, copy_of_repository, edited

# What may differ, as a pattern that is blanked on both sides before comparing; one reason each. Nothing does today.
EXCEPTIONS: dict[str, str] = {}


def contents(site: Path) -> dict[str, bytes]:
    found = {}
    for path in sorted(p for p in site.rglob("*") if p.is_file()):
        content = path.read_bytes()
        for pattern in EXCEPTIONS:
            content = re.sub(pattern.encode(), b"", content)
        found[str(path.relative_to(site))] = content
    return found


def differences(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """What is not the same, one line a file, with the place where it begins."""
    faults = [f"{name}: only in one of the two" for name in sorted(set(one) ^ set(other))]
    for name in sorted(set(one) & set(other)):
        if one[name] != other[name]:
            pairs = enumerate(zip(one[name], other[name], strict=False))
            at = next((i for i, (a, b) in pairs if a != b), min(len(one[name]), len(other[name])))
            around = slice(max(0, at - 40), at + 40)
            faults.append(f"{name}, byte {at}: {one[name][around]!r} against {other[name][around]!r}")
    return faults


def main() -> int:
    first = ROOT / "_build" / "html"
    if not (first / "index.html").is_file():
        print("error: no site in _build/html; run make book first", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        copy = copy_of_repository(Path(scratch))
        subprocess.run(["git", "clone", "--quiet", "--no-checkout", str(ROOT), str(copy / "clone")], check=True)
        (copy / "clone" / ".git").rename(copy / ".git")  # the same commit, so the same version and date
        (copy / "clone").rmdir()
        remote = subprocess.run(["git", "config", "remote.origin.url"], cwd=ROOT, capture_output=True, text=True)
        subprocess.run(["git", "config", "remote.origin.url", remote.stdout.strip()], cwd=copy, check=True)
        subprocess.run(["git", "reset", "--quiet"], cwd=copy, check=True)
        environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "GOINGGLOBAL_DATA": str(copy / "data")}
        command = [sys.executable, "-m", "goingglobal.sphinx.build"]

        def build() -> dict[str, bytes]:
            done = subprocess.run(command, cwd=copy, env=environment, check=False, capture_output=True, text=True)
            if done.returncode:
                print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
                sys.exit(done.returncode)
            return contents(copy / "_build" / "html")

        one, other = contents(first), build()
        chapter = copy / "book" / "sme-role.ipynb"
        before = chapter.read_bytes()
        edited(chapter, "markdown", ". ", ", and so on. ")
        between = build()
        chapter.write_bytes(before)
        after = build()
    faults = differences(one, other) + [f"after an edit, {fault}" for fault in differences(one, after)]
    if between == one:
        faults.append("an edited sentence changed nothing")
    print("\n".join(faults) if faults else f"builds alike, from nothing and after an edit: {len(one)} files, "
          f"{sum(map(len, one.values())):,} bytes")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
