"""`python -m goingglobal.sphinx.build`: the strict build behind `make book`.

Nothing is done where nothing can have changed: that is decided from digests (`state`) before Sphinx starts. Else
Jupyter Book builds in `_build/work` with warnings as errors; only a whole, clean site replaces `_build/html`, so a
reader never meets a half-written one. What a build leaves in `_build/work` is trusted by the next one only if it is
byte for byte what was left. What is going on is said line by line (`say`); all that Sphinx says goes to a log.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from goingglobal import _console
from goingglobal.sphinx import kernels, state

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# Matrices here are small: one thread is faster than two that wait for each other, and sums in one order.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
# What a Python that is started reads, writes and says is UTF-8, whatever the machine's own code page is.
UTF8 = {"PYTHONUTF8": "1"}
# A picture is shown by its exhibit alone, not by the cell that draws it as well; sets have one order in every build
# (pyfixest takes absorbed effects in the order of a set: their order decides the ninth digit of an error).
NOTEBOOKS = {"MPLBACKEND": "agg", "PYTHONHASHSEED": "0"}
JUPYTER_BOOK = (sys.executable, "-c", "from goingglobal.sphinx.build import jupyter_book; jupyter_book()")
PROGRESS = "GOINGGLOBAL_PROGRESS"  # set for a build whose standard output goes to a log: where its lines go instead
FULL = 28  # errno of a full disk
HEARTBEAT = 30  # seconds
_QUOTING = {".html", ".bib", ".ris", ".json", ".xml"}  # files that may name the commit


def say(words: str) -> None:
    """One line about what is going on, to whoever started the build."""
    target = os.environ.get(PROGRESS)
    if target:
        os.write(int(target), f"{words}\n".encode())
    else:
        print(words, flush=True)


def cores() -> int:
    """How many notebooks run at a time."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def saying(words: str) -> Iterator[None]:
    """Say now and then that something long is still going on."""
    done, began = threading.Event(), time.monotonic()

    def beat() -> None:
        while not done.wait(HEARTBEAT):
            say(f"  still {words} ({time.monotonic() - began:.0f} s)")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


# -------------------------------------------------------------------------------------------------- what went wrong
def place(line: int) -> str:
    """“line 7”, or, as myst-nb counts the lines of a notebook from 10,000 times the cell's number, “cell 1, line 4”."""
    return f"cell {line // 10_000}, line {line % 10_000}" if line >= 10_000 else f"line {line}"


def core(output: str, root: Path | None = None) -> str:
    """What went wrong, without the builder's own tracebacks: its warnings, then our error or the failing cell."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", output)
    if root is not None:
        text = text.replace(f"{root}{os.sep}", "")
    before, *after = re.split(r"Extension error(?: \([\w.]+\))?:", text, maxsplit=1)
    named = re.compile(r"\b(WARNING|ERROR|CRITICAL|SEVERE): ")
    if after:
        warned = [line for line in before.splitlines() if named.search(line)]
        text = "\n".join([*warned, after[0].split("Traceback (most recent call last)")[0].strip()])
    elif named.search(text):  # from the first warning on, without Jupyter Book's own words around
        lines = re.split(r"(?m)^={20,}$", text)[0].splitlines()
        first = next((at for at, line in enumerate(lines) if named.search(line)), 0)
        text = "\n".join(lines[first:])
    text = text.split("The above exception was the direct cause")[0]
    text = re.sub(r"(\.ipynb):(\d{5,})(?=[:\s])", lambda m: f"{m[1]}, {place(int(m[2]))}", text)
    text = re.sub(r"\bline (\d{5,})\b", lambda m: place(int(m[1])), text)
    if re.search(r"No space left on device|Errno 28\b", text):
        text += "\nThe disk is full: make room, then build again."
    return text.strip()


# ------------------------------------------------------------------------------------------------- putting in place
def publish(built: Path, site: Path, lite: Path | None = None, words: Mapping[bytes, bytes] | None = None) -> None:
    """Put a finished site in place of the last one; with it, the browser's JupyterLab where there is one.

    `words`: what is put in the place of what, in pages and in files that quote them.
    Raises `OSError` where it can't be copied; the last site is then left.
    """
    fresh, old = site.with_name("html.new"), site.with_name("html.old")
    recover(site)
    for left in (fresh, old):
        shutil.rmtree(left, ignore_errors=True)
    try:
        shutil.copytree(built, fresh)
        if lite:
            shutil.copytree(lite, fresh / "lite")
        for path in [path for path in fresh.rglob("*") if words and path.suffix in _QUOTING and path.is_file()]:
            before = after = path.read_bytes()
            for word, meant in words.items():
                after = after.replace(word, meant)
            if after != before:
                path.write_bytes(after)
    except (OSError, shutil.Error):
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    if site.exists():
        site.rename(old)
    fresh.rename(site)
    shutil.rmtree(old, ignore_errors=True)


def recover(site: Path) -> None:
    """Bring the last site back, where a build was ended between putting it aside and putting the new one in place."""
    old = site.with_name("html.old")
    if old.is_dir() and not site.exists():
        old.rename(site)


# --------------------------------------------------------------------------------------------------------- one build
def main(root: Path, lite: Path | None = None) -> int:
    """Build the book at `root`; 0 when `_build/html` is new and whole, else the builder's exit code.

    `lite`: a folder made by `goingglobal.sphinx.elsewhere.lite`, which the site then carries and its pages link to.
    Builds of one clone wait for each other.
    """
    if not (root / "_config.yml").is_file():
        print(f"error: no _config.yml in {root}; run this from the project's root", file=sys.stderr)
        return 2
    site = root / "_build" / "html"
    try:
        (root / "_build").mkdir(exist_ok=True)
        with _alone(root):
            recover(site)
            return _build(root, site, lite)
    except OSError as error:
        full = " The disk is full: make room, then build again." if error.errno == FULL else ""
        print(f"error: {error}.{full} {_left(site)}", file=sys.stderr)
        return 1


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Hold the clone's lock; it is freed when this process ends, however it ends."""
    from filelock import FileLock, Timeout

    lock = FileLock(root / "_build" / "build.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say("another build of this clone is running; waiting for it ...")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _left(site: Path) -> str:
    return f"no new site: {'the last good one is left as it was' if site.exists() else 'none was written'}"


def _build(root: Path, site: Path, lite: Path | None) -> int:
    stamp, inputs = root / "_build" / "stamp.json", state.inputs(root)
    told = f"the book is in {site.relative_to(root)}/index.html (full path: {site / 'index.html'})"
    if lite is None and (known := state.read(stamp)).get("inputs") == inputs and known.get("site") == state.tree(site):
        print(f"nothing has changed: {told}")
        return 0
    began, work = time.monotonic(), root / "_build" / "work"
    _trust(work)
    code = _child(root, work, lite)
    log = work / "build.log"
    if code != 0:
        said = log.read_text(encoding="utf-8", errors="replace")
        print(f"{core(said, root)}\nerror: the book was not built; {_left(site)} (all that was said: "
              f"{log.relative_to(root)})", file=sys.stderr)
        return code
    publish(work / "_build" / "html", site, lite, state.commit_put_in(root))
    state.write(stamp, {"inputs": inputs if lite is None else "", "site": state.tree(site)})
    print(f"built in {time.monotonic() - began:.1f} s; {told}")
    return 0


def _trust(work: Path) -> None:
    """Keep what the last build left only if it came to an end and nothing was changed since; else begin anew.

    What notebooks gave is kept elsewhere, and checked by itself (`cache`).
    """
    manifest, made = work / "manifest.json", work / "_build"
    if made.is_dir() and state.read(manifest).get("made") != state.tree(made):
        say("the last build was broken off, or its files were changed: every page is made again")
        shutil.rmtree(made)
    manifest.unlink(missing_ok=True)


def _child(root: Path, work: Path, lite: Path | None) -> int:
    """Run Jupyter Book in a process of its own, whose words go to a log and whose progress comes here."""
    work.mkdir(parents=True, exist_ok=True)
    environment = {**ONE_THREAD, **os.environ, **NOTEBOOKS, **UTF8, "GOINGGLOBAL_LITE": "yes" if lite else "",
                   state.COMMIT_LATER: "yes"}
    progress = () if os.name == "nt" else (os.dup(1),)  # Windows hands on no single file: there the log has it all
    if progress:
        environment[PROGRESS] = str(progress[0])
    environment.setdefault("LOKY_MAX_CPU_COUNT", "1")  # notebooks run beside each other: the cores are theirs
    command = [*JUPYTER_BOOK, str(root), str(work)]
    sys.stdout.flush()
    try:
        with (work / "build.log").open("wb") as log, _kernels(root, environment, log) as more:
            child = subprocess.Popen(command, cwd=root, env=environment | more, stdin=subprocess.DEVNULL, stdout=log,
                                     stderr=subprocess.STDOUT, pass_fds=progress)  # fmt: skip
            code = _wait(child)
    finally:
        for number in progress:
            os.close(number)
    if code >= 0:  # it ended by itself, so what it left is known
        state.write(work / "manifest.json", {"made": state.tree(work / "_build")})
    return code


@contextlib.contextmanager
def _kernels(root: Path, environment: Mapping[str, str], log: IO[bytes]) -> Iterator[dict[str, str]]:
    """Libraries that notebooks import are read while Jupyter Book's are, where many will run: what tells it so."""
    many = sum(file.suffix == ".ipynb" for file in state.files_below(root / "book")) > cores()
    if not many or state.executed(root).is_dir():
        yield {}
        return
    with tempfile.TemporaryDirectory() as scratch, kernels.warm(Path(scratch), environment, log) as name:
        yield {kernels.GIVEN: name, "JUPYTER_PATH": os.environ["JUPYTER_PATH"]} if name else {}


def _wait(child: subprocess.Popen) -> int:
    """The exit code; when this process is told to stop, the child is, too."""
    def stop(*_) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop) if threading.current_thread() is threading.main_thread() else None
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
        raise
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def jupyter_book() -> None:
    """The child: `jupyter-book build ROOT --path-output WORK …` with warnings as errors, as its arguments say.

    It ends when the process that started it does.
    """
    import importlib_metadata

    root, work, *more = sys.argv[1:]
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(130)

    threading.Thread(target=watch, daemon=True).start()
    # jsonschema would compile a grammar of addresses, three seconds long, which nothing here asks for.
    sys.modules["rfc3987_syntax"] = None
    # Which plug-ins are installed doesn't change while a book is built: each question would read hundreds of files.
    for library in (importlib.metadata, importlib_metadata):  # myst-nb asks by the second
        library.entry_points = functools.lru_cache(library.entry_points().select)
    gc.set_threshold(100_000, 50, 50)  # trees of pages are large and short-lived: looking for garbage costs a third
    from jupyter_book.cli.main import main as command

    sys.argv[0] = "jupyter-book"
    try:
        command(["build", root, "--path-output", work, "-W", "-n", "--keep-going", "-q", *more])
    except SystemExit as ended:
        if ended.code:
            raise
        atexit._run_exitfuncs()  # they end the processes that extensions have started
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # else Python would take apart all trees of pages first, for two seconds


# --------------------------------------------------------------------------------------------------- inside of Sphinx

def _written(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    if doctree is not None:
        app.goingglobal_written.append(pagename)


def _finished(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        names = app.goingglobal_written
        few = f": {', '.join(names)}" if 0 < len(names) <= 6 else ""
        say(f"  {len(names)} of {len(app.env.found_docs)} pages written{few}")


def setup(app: Sphinx) -> None:
    app.goingglobal_written = []
    app.connect("html-page-context", _written)
    app.connect("build-finished", _finished, priority=950)


if __name__ == "__main__":
    _console.forgive()
    try:
        sys.exit(main(Path.cwd()))
    except KeyboardInterrupt:
        print(f"\nstopped; {_left(Path.cwd() / '_build' / 'html')}", file=sys.stderr)
        sys.exit(130)
