"""An execution cache that sees data, library, lock and Python as well as cells.

jupyter-cache compares the code of cells only. Here the cache's folder carries a digest of
everything else that a result depends on, so a changed figure, function or pin starts an empty
cache; the same digest is a Sphinx configuration value, so every page is read again.
Before anything is executed, the tables are checked; a fault stops the build with nothing written.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

import goingglobal
from goingglobal import data

PACKAGE = Path(goingglobal.__file__).resolve().parent
KEEP = 3


def _digest(files: list[Path], *words: str) -> str:
    total = hashlib.sha256("\n".join(words).encode())
    for file in files:
        total.update(f"\0{file.name}\0".encode())
        total.update(file.read_bytes())
    return total.hexdigest()[:16]


def _python(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*.py"))


def execution_digest(source: Path) -> str:
    """What an executed cell depends on, besides its own text and those before it."""
    library = [p for p in _python(PACKAGE) if "sphinx" not in p.relative_to(PACKAGE).parts]
    folder = data.data_folder()
    tables = [folder / "datapackage.json", *sorted(folder.glob("*.csv"))]
    lock = [p for p in (source / "requirements.lock",) if p.is_file()]
    return _digest([*library, *tables, *lock], sys.version)


def _configure(app: Sphinx, config: Config) -> None:
    source = Path(app.srcdir)
    digest = execution_digest(source)
    patterns = ("_templates/**/*.html", "references.bib")
    book = [p for pattern in patterns for p in sorted((source / "book").glob(pattern))]
    config.goingglobal_digest = _digest([*_python(PACKAGE / "sphinx"), *book], digest)
    caches = source / "_build" / ".jupyter_cache"
    folder = caches / digest
    if not folder.is_dir():
        faults = data.validate()
        if faults:
            raise ExtensionError("the data package is not sound:\n" + "\n".join(f"  {fault}" for fault in faults))
        folder.mkdir(parents=True)
        old = sorted((p for p in caches.iterdir() if p.is_dir() and p != folder), key=lambda p: p.stat().st_mtime)
        for stale in old[: max(0, len(old) - KEEP + 1)]:
            shutil.rmtree(stale)
    config.nb_execution_cache_path = str(folder)


def setup(app: Sphinx) -> None:
    app.add_config_value("goingglobal_digest", "", "env", types=[str])
    app.connect("config-inited", _configure, priority=100)
