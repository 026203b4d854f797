"""`python -m goingglobal.sphinx.build`: the strict build behind `make book`.

Jupyter Book builds in `_build/work` with warnings as errors; only a whole, clean site
replaces `_build/html`, so a reader never meets a half-written one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path


def publish(built: Path, site: Path) -> None:
    """Put a finished site in place of the last one."""
    fresh, old = site.with_name("html.new"), site.with_name("html.old")
    for left in (fresh, old):
        shutil.rmtree(left, ignore_errors=True)
    shutil.copytree(built, fresh)
    if site.exists():
        site.rename(old)
    fresh.rename(site)
    shutil.rmtree(old, ignore_errors=True)


def main(root: Path) -> int:
    """Build the book at `root`; 0 when `_build/html` is new and whole, else the builder's exit code."""
    if not (root / "_config.yml").is_file():
        print(f"error: no _config.yml in {root}; run this from the project's root", file=sys.stderr)
        return 2
    work = root / "_build" / "work"
    book = str(Path(sys.executable).with_name("jupyter-book"))
    command = [book, "build", str(root), "--path-output", str(work), "-W", "-n", "--keep-going", "-q"]
    done = subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, check=False)
    site = root / "_build" / "html"
    if done.returncode != 0:
        left = "the last good one is left as it was" if site.exists() else "none was written"
        print(f"error: the book was not built; no new site: {left}", file=sys.stderr)
        return done.returncode
    publish(work / "_build" / "html", site)
    print(f"the book is in {site.relative_to(root)}/index.html (full path: {site / 'index.html'})")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path.cwd()))
