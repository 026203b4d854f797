"""What a build depends on and what it left behind, as digests. Standard library only: it decides before Sphinx starts.

A site is unchanged when everything that could change a byte of it is: the project's files, the commit, the tools and
their versions, the settings in the environment, and the site itself. What is not certain to be the same is built.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from goingglobal.sphinx import settings

MINE = "my-notebooks"  # a reader's own folder (`elsewhere.lab`)
# Folders that a build writes, or that no page is made from.
NOT_READ = {".git", "_build", "__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".ruff_cache", "jupyter_execute",
            MINE}  # fmt: skip
PACKAGE = Path(__file__).resolve().parents[1]
_SETTINGS = ("SOURCE_DATE_EPOCH", "GOINGGLOBAL_DATA", "GOINGGLOBAL_LITE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS",
             "OPENBLAS_CORETYPE", "PYTHONHASHSEED", *settings.ALL)


def digest(files: Iterable[Path], *words: str, base: Path | None = None) -> str:
    """A digest of words, and of files: their names (seen from `base`) and every byte of them."""
    total = hashlib.sha256("\n".join(words).encode())
    for file in files:
        name = file.relative_to(base).as_posix() if base else file.name
        content = hashlib.sha256(file.read_bytes()).digest()
        total.update(f"\0{name}\0".encode() + content)
    return total.hexdigest()[:16]


def files_below(folder: Path, leave_out: Iterable[str] = ()) -> list[Path]:
    """Every file below a folder, sorted; not what a build writes, nor what is named in `leave_out`."""
    found, skip = [], {*NOT_READ, *leave_out}
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in skip and not name.startswith(".venv")
                      and not name.endswith(".egg-info")]  # fmt: skip
        found += [Path(where, name) for name in names if name not in skip]
    return sorted(found)


def git(source: Path, *arguments: str) -> str:
    """What git says about the repository at `source`; nothing without git, or where only a folder above is one."""
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(source.parent)}
    try:
        done = subprocess.run(["git", *arguments], cwd=source, env=environment, capture_output=True, check=True,
                              encoding="utf-8", errors="replace")  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def commit(source: Path) -> str:
    """The commit, or what the files are changed from; no tag may stand for it."""
    return git(source, "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty= with local changes")


# A commit changes every page by its name alone. So that none is written again for it, `make book` builds pages with
# these words, and puts the commit in their place when the site is put in its own.
COMMIT_LATER = "GOINGGLOBAL_COMMIT_LATER"
_HASH, _SHORT, _STATE = "gg-the-commit-of-this-edition-in-40-char", "gg-the-commit-in-7", "gg-state-of-the-files"


def commit_words(source: Path, later: bool = False) -> dict[str, str]:
    """The commit as an edition has it, whole and short, or `later` the words that stand for it."""
    known = commit(source)
    hash_, short, changes = (_HASH, _SHORT, _STATE) if known and later else (known[:40], known[:7], known[40:])
    return {"commit": hash_ + changes, "commit_short": short + changes}


def commit_put_in(source: Path) -> dict[bytes, bytes]:
    """What stands for the commit in pages, and the commit."""
    known = commit(source)
    return {word.encode(): part.encode() for word, part in ((_HASH, known[:40]), (_SHORT, known[:7]),
                                                            (_STATE, known[40:]))}


def commit_time(source: Path) -> str:
    """Seconds since 1970 of the edition: `SOURCE_DATE_EPOCH`'s, else the commit's; nothing where neither is known."""
    return os.environ.get("SOURCE_DATE_EPOCH") or git(source, "log", "-1", "--format=%ct")


def tools() -> str:
    """Python, the machine's kind, and every installed distribution with its version."""
    folders = [Path(place) for place in sys.path if place.endswith(("site-packages", "dist-packages"))]
    names = sorted(path.name for folder in folders if folder.is_dir() for path in folder.glob("*.dist-info"))
    return "\n".join([sys.version, platform.machine(), *names])


def inputs(root: Path) -> str:
    """A digest of all that the site at `root` is made from."""
    places = [(root, ("tests",)), *((place, ()) for place in (PACKAGE, _data()) if not place.is_relative_to(root))]
    parts = [digest(files_below(place, skip), base=place) for place, skip in places]
    settings = [f"{name}={os.environ.get(name, '')}" for name in _SETTINGS]
    history = [commit(root), commit_time(root), git(root, "config", "--get", "remote.origin.url")]
    return digest((), tools(), *parts, *settings, *history)


def executed(root: Path) -> Path:
    """The folder of what notebooks gave: named by what a cell depends on besides its own text and those before it."""
    library = [path for path in sorted(PACKAGE.rglob("*.py"))
               if path.relative_to(PACKAGE).parts[0] not in ("sphinx", "refresh")]  # fmt: skip
    tables = [path for path in (_data() / "datapackage.json", *sorted(_data().glob("*.csv"))) if path.is_file()]
    lock = [path for path in (root / "requirements.lock",) if path.is_file()]
    return root / "_build" / ".jupyter_cache" / digest([*library, *tables, *lock], sys.version)


def _data() -> Path:
    """Where `data.data_folder` finds the tables, which loads pandas; not whether they are there."""
    named, here = os.environ.get("GOINGGLOBAL_DATA"), PACKAGE.parents[1] / "data"
    beside = here if (here / "datapackage.json").is_file() else PACKAGE / "_data"
    return Path(named).resolve() if named else beside


def tree(folder: Path) -> str:
    """A digest of every file below a folder; "" where there is none."""
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    return digest(files, base=folder) if files else ""


def read(path: Path) -> dict:
    """A JSON object, or {} where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(path: Path, content: dict) -> None:
    """Write a JSON object whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8", newline="\n")
    fresh.replace(path)
