"""`python -m goingglobal.sphinx.build`: the strict build behind `make book`.

Jupyter Book builds in `_build/work` with warnings as errors; only a whole, clean site
replaces `_build/html`, so a reader never meets a half-written one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# Matrices here are small: one thread is faster than two that wait for each other, and sums in one order.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def publish(built: Path, site: Path, lite: Path | None = None) -> None:
    """Put a finished site in place of the last one; with it, the browser's JupyterLab where there is one."""
    fresh, old = site.with_name("html.new"), site.with_name("html.old")
    for left in (fresh, old):
        shutil.rmtree(left, ignore_errors=True)
    shutil.copytree(built, fresh)
    if lite:
        shutil.copytree(lite, fresh / "lite")
    if site.exists():
        site.rename(old)
    fresh.rename(site)
    shutil.rmtree(old, ignore_errors=True)


def core(output: str) -> str:
    """What went wrong, without the builder's own tracebacks: our error, or the failing cell, or the warnings."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", output)
    if "Extension error:" in text:
        text = text.split("Extension error:", 1)[1]
        text = text.split("Traceback (most recent call last)")[0]
    text = text.split("The above exception was the direct cause")[0]
    return text.strip()


def main(root: Path, lite: Path | None = None) -> int:
    """Build the book at `root`; 0 when `_build/html` is new and whole, else the builder's exit code.

    `lite`: a folder made by `goingglobal.sphinx.lite`, which the site then carries and its pages link to.
    """
    if not (root / "_config.yml").is_file():
        print(f"error: no _config.yml in {root}; run this from the project's root", file=sys.stderr)
        return 2
    work = root / "_build" / "work"
    book = str(Path(sys.executable).with_name("jupyter-book"))
    command = [book, "build", str(root), "--path-output", str(work), "-W", "-n", "--keep-going", "-q"]
    if not (root / "_build" / ".jupyter_cache").is_dir():
        print("running every notebook for the first time and building the site: two minutes or so ...", flush=True)
    environment = {**ONE_THREAD, **os.environ, "GOINGGLOBAL_LITE": "yes" if lite else ""}
    done = subprocess.run(
        command, cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace", check=False)
    work.mkdir(parents=True, exist_ok=True)
    log = work / "build.log"
    log.write_text(done.stdout, encoding="utf-8")
    site = root / "_build" / "html"
    if done.returncode != 0:
        left = "the last good one is left as it was" if site.exists() else "none was written"
        print(f"{core(done.stdout)}\nerror: the book was not built; no new site: {left} (all that was said: "
              f"{log.relative_to(root)})", file=sys.stderr)
        return done.returncode
    publish(work / "_build" / "html", site, lite)
    print(f"the book is in {site.relative_to(root)}/index.html (full path: {site / 'index.html'})")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path.cwd()))
