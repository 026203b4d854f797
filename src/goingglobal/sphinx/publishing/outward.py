"""`make links`: whether the links that lead off the site still lead somewhere (Sphinx's own check; needs the network).

A host that refuses programs (403) or this many questions (429) says nothing of its pages: such links are counted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from goingglobal import _console
from goingglobal.sphinx.build import JUPYTER_BOOK, NOTEBOOKS, ONE_THREAD, UTF8

BROKEN = ("broken", "timeout")
REFUSED = ("403 ", "429 ")  # how what is said of a link begins, where its host answers no program


def broken(report: Path) -> tuple[list[str], int, int]:
    """Of a report of Sphinx's (`output.json`, one object a line): dead links, one line each with its page; how many
    links a host refused to a program; how many there are."""
    rows = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines() if line]
    bad = [row for row in rows if row["status"] in BROKEN]
    dead = [row for row in bad if not row["info"].startswith(REFUSED)]
    lines = sorted({f"{row['filename']}: {row['uri']}: {row['info'] or row['status']}" for row in dead})
    return lines, len(bad) - len(dead), len(rows)


def main(root: Path) -> int:
    """0 where every link leads somewhere."""
    work = root / "_build" / "links"
    report = work / "_build" / "linkcheck" / "output.json"
    report.unlink(missing_ok=True)
    done = subprocess.run([*JUPYTER_BOOK, str(root), str(work), "--builder", "linkcheck"], cwd=root, check=False,
                          env={**ONE_THREAD, **os.environ, **NOTEBOOKS, **UTF8}, stdin=subprocess.DEVNULL,
                          capture_output=True, encoding="utf-8", errors="replace")  # fmt: skip
    if not report.is_file():
        print(f"{done.stdout[-2000:]}{done.stderr[-2000:]}\nerror: the links were not looked at", file=sys.stderr)
        return 2
    found, refused, looked = broken(report)
    print("\n".join([*found, f"{looked} links: {len(found)} dead, {refused} refused to a program"]))
    return 1 if found else 0


if __name__ == "__main__":
    _console.forgive()
    sys.exit(main(Path.cwd()))
