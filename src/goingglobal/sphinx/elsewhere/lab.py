"""`python -m goingglobal.sphinx.elsewhere.lab`: the reading copies in a reader's own folder, in JupyterLab.

`make lab` builds the book if need be, puts the reading copies and the students' sheets of exercises into
`my-notebooks/` and opens that folder. What a reader has changed there is never written over: a copy that is no longer
as it was written stays, and where the book has a new one, that gets another name (`x-newer.ipynb`). What was written is
noted in `.written.json` beside the copies.
Arguments are handed on to JupyterLab.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from goingglobal import _console
from goingglobal.sphinx import build, registry, state

NOTED = ".written.json"
_UP = re.compile(r"(?P<before>\]\(|href=\\\")(?P<up>(?:\.\./)+)")


def moved(text: str) -> str:
    """A reading copy as it stands in the reader's folder: links that led up to the site lead to the built site."""
    return _UP.sub(lambda found: f"{found['before']}{found['up']}_build/html/", text)


def _names(file: Path) -> Iterator[Path]:
    """The name of a copy, then the names it gets where a reader's file stands in the way."""
    yield file
    for number in itertools.count(1):
        yield file.with_name(f"{file.stem}-newer{'' if number == 1 else f'-{number}'}{file.suffix}")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def put(copies: Path, folder: Path) -> list[str]:
    """Put the reading copies in `copies` into a reader's `folder`; returns what a reader should be told, in lines."""
    noted, told = state.read(folder / NOTED), []
    for copy in sorted(copies.rglob("*.ipynb")):
        name = copy.relative_to(copies)
        content = moved(copy.read_text(encoding="utf-8")).encode()
        file = place = folder / name
        for place in _names(file):
            known = noted.get(place.relative_to(folder).as_posix())
            if known == _digest(content) and place.is_file():
                break  # this very copy is there, or was and the reader has gone on from it
            if not place.exists() or _digest(place.read_bytes()) in (known, _digest(content)):
                place.parent.mkdir(parents=True, exist_ok=True)
                fresh = place.with_name(place.name + ".new")
                fresh.write_bytes(content)
                fresh.replace(place)
                noted[place.relative_to(folder).as_posix()] = _digest(content)
                state.write(folder / NOTED, noted)
                if place != file:
                    told.append(f"{name.as_posix()}: yours is kept; the book's new one is {place.name}")
                break
    return told


def main(root: Path, arguments: list[str]) -> int:
    """Build, copy, open JupyterLab; the exit code of what failed, or JupyterLab's."""
    code = build.main(root)
    if code != 0:
        return code
    folder, site = root / state.MINE, root / "_build" / "html"
    sheets = folder / registry.SHEETS
    sheets.mkdir(parents=True, exist_ok=True)
    for line in [*put(site / "notebooks", folder), *put(site / registry.SHEETS, sheets)]:
        print(line)
    print(f"to read and change: {state.MINE}/ (your changes stay); to write the book: book/", flush=True)
    as_root = ["--allow-root"] if getattr(os, "geteuid", int)() == 0 and os.name == "posix" else []
    command = [sys.executable, "-m", "jupyterlab", *as_root, f"--ServerApp.root_dir={root}",
               f"--LabApp.default_url=/lab/tree/{state.MINE}", *arguments]  # fmt: skip
    return subprocess.run(command, cwd=root, check=False).returncode


if __name__ == "__main__":
    _console.forgive()
    try:
        sys.exit(main(Path.cwd(), sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
