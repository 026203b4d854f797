"""What is read and executed again: an execution cache that sees data, library, lock and Python as well as cells.

jupyter-cache compares the code of cells only. Here the cache's folder carries a digest of everything else that a
result depends on, so a changed figure, function or pin starts an empty cache; the same digest is a Sphinx
configuration value, so every page is read again. Before anything is executed, the tables are checked; a fault stops
the build with nothing written.

Notebooks whose outputs are not at hand run side by side, on the cores there are, before Sphinx reads a page: each
alone, in an empty folder, offline, so that none can need another, a working directory or a network. What the cache
holds is taken only if it is what was put there. Pages are read again when their bytes, or those of what they name, are
others than when they were read: Sphinx alone would go by the time of the last change.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError

from goingglobal import data
from goingglobal.sphinx import kernels, state
from goingglobal.sphinx.build import cores, say, saying
from goingglobal.sphinx.state import PACKAGE

KEEP = 3
NOWHERE = "http://127.0.0.1:9"  # the discard port: whatever asks a network through it fails at once
OFFLINE = {name: NOWHERE for kind in ("http", "https", "all") for name in (f"{kind}_proxy", f"{kind}_proxy".upper())}
OUTPUTS = "outputs.json"  # beside the cache's own files: key of a notebook → digest of what was kept of it


# ------------------------------------------------------------------------------------------------------- what counts
def _configure(app: Sphinx, config: Config) -> None:
    source = Path(app.srcdir)
    folder = state.executed(source)
    patterns = ("_templates/**/*.html", "references.bib")
    book = [p for pattern in patterns for p in sorted((source / "book").glob(pattern))]
    config.goingglobal_digest = state.digest([*sorted((PACKAGE / "sphinx").rglob("*.py")), *book], folder.name)
    caches = folder.parent
    if not folder.is_dir():
        faults = data.validate()
        if faults:
            raise ExtensionError("the data package is not sound:\n" + "\n".join(f"  {fault}" for fault in faults))
        folder.mkdir(parents=True)
        old = sorted((p for p in caches.iterdir() if p.is_dir() and p != folder), key=lambda p: p.stat().st_mtime)
        for stale in old[: max(0, len(old) - KEEP + 1)]:
            shutil.rmtree(stale)
    config.nb_execution_cache_path = str(folder)
    # Other code or data: nothing that Sphinx and its extensions remember is taken over.
    told, seen = config.goingglobal_digest, Path(app.doctreedir) / "digest.txt"
    if not seen.is_file() or seen.read_text(encoding="utf-8") != told:
        (Path(app.doctreedir) / "environment.pickle").unlink(missing_ok=True)
        seen.parent.mkdir(parents=True, exist_ok=True)
        seen.write_text(told, encoding="utf-8", newline="\n")


# ------------------------------------------------------------------------------------------------------ what is read
def _sources(env: BuildEnvironment, docname: str) -> str:
    """A digest of a page's source and of the files that it names; "" for a file that is no more."""
    files = [Path(env.doc2path(docname)), *sorted(Path(env.srcdir, name) for name in env.dependencies.get(docname, ()))]
    return state.digest([file for file in files if file.is_file()], *(str(file.is_file()) for file in files))


def _changed(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    known = getattr(env, "goingglobal_sources", {})
    return [doc for doc in env.found_docs - added - changed if known.get(doc) != _sources(env, doc)]


def _note(app: Sphinx, env: BuildEnvironment) -> None:
    """Remember what the pages were read from; called once all are read, when their dependencies are known."""
    read, before = app.goingglobal_read, getattr(env, "goingglobal_sources", {})
    env.goingglobal_sources = {doc: _sources(env, doc) if doc in read or doc not in before else before[doc]
                               for doc in env.found_docs}  # fmt: skip


# -------------------------------------------------------------------------------------------------- what is executed
def _digest_of(notebook: dict) -> str:
    return hashlib.sha256(json.dumps(notebook, sort_keys=True).encode()).hexdigest()


class Cache:
    """The cache of one build; what can't be trusted in it is taken out."""

    def __init__(self, folder: Path):
        from jupyter_cache import get_cache

        database = folder / "global.db"
        if database.exists() and not self._sound(database):
            say("what notebooks gave was damaged on the disk: they run again")
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.digests, self.cache = folder / OUTPUTS, get_cache(str(folder))

    @staticmethod
    def _sound(database: Path) -> bool:
        try:
            with contextlib.closing(sqlite3.connect(database)) as connection:
                connection.execute("SELECT pk, hashkey, data FROM nbcache")
                return connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        except sqlite3.Error:
            return False

    def _kept(self, record) -> str:
        return _digest_of(self.cache.get_cache_bundle(record.pk).nb)

    def has(self, notebook) -> bool:
        """Whether the outputs of a notebook are there as they were put there; if not, what is there is removed."""
        try:
            record = self.cache.match_cache_notebook(notebook)
        except KeyError:
            return False
        try:
            sound = self._kept(record) == state.read(self.digests).get(record.hashkey)
        except (KeyError, OSError, ValueError):  # nbformat's errors are ValueErrors
            sound = False
        if not sound:
            self.cache.remove_cache(record.pk)
        return sound

    def executed(self, notebook):
        """A notebook with its outputs, which `has` it. Raises `KeyError` where they are not there."""
        return self.cache.merge_match_into_notebook(notebook)[1]

    def keep(self, path: Path, notebook, seconds: float) -> None:
        from jupyter_cache.base import CacheBundleIn

        bundle = CacheBundleIn(notebook, str(path), data={"execution_seconds": seconds})
        record = self.cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        state.write(self.digests, state.read(self.digests) | {record.hashkey: self._kept(record)})


def _code(notebook) -> int:
    """A guess how long a notebook takes, before it ran: the characters of its code."""
    return sum(len(cell.source) for cell in notebook.cells if cell.cell_type == "code")


def _stopped(notebook, error: Exception) -> str:
    """Which cell of a notebook stopped, and with what: “cell 2 (its id): ValueError: …”, where it happened below."""
    cells = [(number, cell) for number, cell in enumerate(notebook.cells, 1) if cell.cell_type == "code"]
    failed = [(number, cell, out) for number, cell in cells for out in cell.outputs if out.output_type == "error"]
    if failed:
        number, cell, out = failed[-1]
        trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(out.traceback)).splitlines()
        where = [line for line in trace if "Traceback (most recent call last)" not in line and line.strip("-")]
        what = "\n  ".join([f"{out.ename}: {out.evalue}", *where[:-1]])  # the last line is the error again
    else:  # it took too long
        number, cell = ([pair for pair in cells if pair[1].execution_count] or cells)[-1]
        what = str(error).strip()
    return f"cell {number} ({cell.get('id', 'without id')}): {what}"


def run(notebook, timeout: int, kernel: str | None = None) -> float:
    """Execute a notebook in place, alone in an empty folder, in its own kernel or a named one; its seconds.

    Where a named kernel dies, a plain one tries again. Raises `ExtensionError` naming the cell that failed, and for
    files that are left behind.
    """
    from jupyter_cache.executors.utils import single_nb_execution

    with tempfile.TemporaryDirectory(prefix="goingglobal-") as folder:
        try:
            done = single_nb_execution(notebook, cwd=folder, timeout=timeout, allow_errors=False,
                                       **({"kernel_name": kernel} if kernel else {}))  # fmt: skip
        except RuntimeError as error:  # of nbclient, and of jupyter_client for one that doesn't come up
            if kernel is not None:
                return run(notebook, timeout)
            raise ExtensionError(f"its kernel died: {error}") from error
        left = sorted(os.listdir(folder))
    if done.err is not None:
        raise ExtensionError(_stopped(notebook, done.err))
    if left:
        raise ExtensionError(f"leaves files behind: {', '.join(left)}; a notebook may not count on its folder")
    return done.time


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """Processes that are started find no network, and nothing that lets an address pass."""
    before = {name: os.environ.get(name) for name in (*OFFLINE, "no_proxy", "NO_PROXY")}
    os.environ.update(OFFLINE)
    for name in ("no_proxy", "NO_PROXY"):
        os.environ.pop(name, None)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _execute(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Run the notebooks among the pages to be read whose outputs are not in the cache, the longest first."""
    import nbformat

    app.goingglobal_read = set(docnames)
    paths = [Path(env.doc2path(doc)) for doc in docnames]
    paths = [path for path in paths if path.suffix == ".ipynb" and path.is_file()]
    if not paths or env.mystnb_config.execution_mode != "cache":
        return
    cache, waiting, faults = Cache(Path(app.config.nb_execution_cache_path)), [], []
    for path in paths:
        try:
            notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        except (nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
            faults.append((path, f"not a notebook: {str(error).splitlines()[0]}"))
            continue
        if not notebook.metadata.get("kernelspec", {}).get("name"):
            faults.append((path, "its metadata name no kernel; `make address` writes them"))
            continue
        if not cache.has(notebook):
            waiting.append((path, notebook))
    waiting.sort(key=lambda pair: -_code(pair[1]))
    if waiting:
        say(f"running {len(waiting)} of the notebooks, {min(cores(), len(waiting))} at a time ...")
    given = os.environ.get(kernels.GIVEN)
    many = kernels.warm if len(waiting) > cores() and not given else lambda _: contextlib.nullcontext(given)
    with (saying("running notebooks"), _offline(), tempfile.TemporaryDirectory() as scratch,
          many(Path(scratch)) as warm, ThreadPoolExecutor(cores()) as pool):
        running = {}
        for place, (path, notebook) in enumerate(waiting):  # the first doesn't wait for the others' kernels
            future = pool.submit(run, notebook, env.mystnb_config.execution_timeout, warm if place or given else None)
            running[future] = path, notebook
        for future in as_completed(running):
            path, notebook = running[future]
            name = path.relative_to(app.srcdir).as_posix()
            try:
                seconds = future.result()
            except ExtensionError as error:
                faults.append((path, error.message))
                say(f"  {name} failed")
                continue
            cache.keep(path, notebook, seconds)
            say(f"  {name} {seconds:.1f} s")
    if faults:
        told = [f"{path.relative_to(app.srcdir).as_posix()}, {words}" for path, words in sorted(faults)]
        raise ExtensionError("notebooks could not be run:\n" + "\n".join(told))


# --------------------------------------------------------------------------------------------------- what is loaded
class Environment(BuildEnvironment):
    """Sphinx's environment, which unpickles the tree of a page once, however many pages refer to its figures.

    Sphinx itself does so for every reference by number. A page that is written gets a tree of its own, to be changed.
    """

    _shared: dict[str, nodes.document] | None = None  # none as long as pages are being read

    def get_doctree(self, docname: str) -> nodes.document:
        if self._shared is None:
            return super().get_doctree(docname)
        if docname not in self._shared:
            self._shared[docname] = super().get_doctree(docname)
        return self._shared[docname]

    def get_and_resolve_doctree(self, docname: str, builder, doctree=None, *rest, **more) -> nodes.document:
        if doctree is None and docname not in self._write_doc_doctree_cache:
            doctree = super().get_doctree(docname)
        return super().get_and_resolve_doctree(docname, builder, doctree, *rest, **more)

    def __getstate__(self) -> dict:
        return super().__getstate__() | {"_shared": None}


def _enter(app: Sphinx) -> None:
    app.env.__class__ = Environment


def _share(app: Sphinx, env: BuildEnvironment) -> None:
    env._shared = {}


def setup(app: Sphinx) -> None:
    app.goingglobal_read = set()
    app.add_config_value("goingglobal_digest", "", "env", types=[str])
    app.connect("config-inited", _configure, priority=100)
    app.connect("builder-inited", _enter)
    app.connect("env-get-outdated", _changed)
    app.connect("env-before-read-docs", _execute)
    app.connect("env-updated", _note)
    app.connect("env-updated", _share)
