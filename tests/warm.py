"""A Python that has imported the libraries already: what is started with it is forked, and so spared some seconds.

    python = warm.python("one")     # the path of an executable that takes `-m MODULE …` and `-c CODE …` as Python does

Small books are built with it, and their notebooks run. All that one such Python starts has its order of hashes:
builds that are compared with each other take two, “one” and “other”. “tests” has what the tests import, for workers:
there `sys.executable` is Python as a user starts it, and sets have the order that they have when the book is built. Of
the book's own library nothing is imported beforehand. The libraries are read when a Python is first asked for; workers
of one run of tests share it (`share`). What is killed, or waits for another, is started as a user does it.

`serve SOCKET` is the process that is forked; `ask SOCKET ARGUMENTS` stands for a process and lives as long as it does.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys

LIBRARIES = (
    "IPython.core.completerlib", "IPython.display", "IPython.extensions.storemagic", "IPython.lib.lexers",
    "a11y_pygments", "bs4", "ipykernel.debugger", "ipykernel.kernelapp", "ipykernel_launcher", "jinja2.ext",
    "jupyter_book.cli.main", "jupyter_book.sphinx", "latex2mathml.converter", "lxml.etree",
    "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg", "matplotlib.pyplot",
    "myst_nb.core.lexers", "myst_nb.ext.glue.domain", "myst_nb.sphinx_ext", "myst_parser.sphinx_ext.myst_refs",
    "notfound.extension", "pandas", "pandas.io.formats.csvs", "psutil", "pydata_sphinx_theme", "pydoc",
    "pygments.lexers.shell", "sphinx.builders.html.transforms", "sphinx.builders.latex.transforms",
    "sphinx.ext.mathjax", "sphinx.search.en", "sphinx_book_theme", "sphinx_comments", "sphinx_copybutton",
    "sphinx_design.extension", "sphinx_exercise", "sphinx_external_toc.events",
    "sphinx_jupyterbook_latex.transforms", "sphinx_multitoc_numbering", "sphinx_proof", "sphinx_reredirects",
    "sphinx_thebe", "sphinx_togglebutton", "sphinxcontrib.bibtex",
    "sphinxcontrib.bibtex.style.referencing.author_year", "sqlalchemy.dialects.sqlite", "tornado.platform.asyncio",
    "xml.dom.minidom",
)  # fmt: skip
FOR_TESTS = (
    "IPython.display", "bs4", "diff_diff", "frictionless", "jupyter_book.cli.main", "linearmodels", "lxml.etree",
    "matplotlib.pyplot", "myst_nb.sphinx_", "nbclient", "pandas", "pyfixest", "pypdf", "pytest", "scipy.stats",
    "seaborn.objects", "selenium.webdriver.chrome.webdriver", "statsmodels.api", "statsmodels.formula.api",
)  # fmt: skip
SHARED = "GOINGGLOBAL_TEST_PYTHONS"  # executables that the process above this one offers, by name
_servers: dict[str, str] = {}


def share(*names: str) -> None:
    """Offer executables to the processes that this one will start."""
    os.environ[SHARED] = json.dumps({name: python(name) for name in names})


def python(name: str) -> str:
    """The executable of that name, started where it is not there yet; it ends with this process. Linux only."""
    import atexit
    import shutil
    import tempfile
    from pathlib import Path

    if not sys.platform.startswith("linux"):
        return sys.executable
    if name not in _servers:
        _servers.update(json.loads(os.environ.get(SHARED, "{}")))
    if name not in _servers:
        folder = Path(tempfile.mkdtemp(prefix="goingglobal-warm-"))
        address, shim = folder / "socket", folder / "python"
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "{__file__}" ask "{address}" "$@"\n')
        shim.chmod(0o755)
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {
            "NO_COLOR": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1"}  # fmt: skip
        if name == "tests":
            environment["PYTHONHASHSEED"] = "0"  # `goingglobal.sphinx.build.NOTEBOOKS` says why
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(str(address))
            door.listen()
            server = subprocess.Popen([sys.executable, __file__, "serve", str(door.fileno()), name, str(shim)],
                                      env=environment, stdin=subprocess.DEVNULL, pass_fds=(door.fileno(),))  # fmt: skip
        atexit.register(lambda: (server.kill(), server.wait(), shutil.rmtree(folder, ignore_errors=True)))
        _servers[name] = str(shim)
    return _servers[name]


# -------------------------------------------------------------------------------------------- what stands for a process
def ask(address: str, *arguments: str) -> int:
    """Ask for a process with this one's files, folder and environment; wait for its end and give its exit code."""
    words = [word for word in arguments if not word.startswith(("-X", "-u"))]
    if words[:1] not in (["-m"], ["-c"]):
        os.execv(sys.executable, [sys.executable, *arguments])
    files = [number for number in map(int, os.listdir("/proc/self/fd")) if _inherited(number)]
    wanted = {"words": words, "folder": os.getcwd(), "environment": dict(os.environ), "files": files}
    message = json.dumps(wanted).encode()
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(address)
        socket.send_fds(asked, [len(message).to_bytes(4, "big")], files)
        asked.sendall(message)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        told = asked.recv(1)
    return told[0] if told else 1


def _inherited(number: int) -> bool:
    try:
        return os.get_inheritable(number)
    except OSError:
        return False


# ----------------------------------------------------------------------------------------- the process that is forked
def serve(number: str, who: str, executable: str) -> None:
    """Import the libraries once somebody asks at the open socket of this number, then fork a process for each."""
    import functools
    import gc
    import importlib.metadata

    parent = os.getppid()
    while not select.select([int(number)], [], [], 1)[0]:
        if os.getppid() != parent:
            return
    del sys.path[0]  # the folder of this file
    sys.modules["rfc3987_syntax"] = None  # as in `goingglobal.sphinx.build`
    if who != "tests":
        importlib.metadata.entry_points = functools.lru_cache(importlib.metadata.entry_points().select)  # as there, too
        sys.executable = executable
    for name in FOR_TESTS if who == "tests" else LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for name in __import__("sphinx.application").application.builtin_extensions:
        importlib.import_module(name)
    importlib.import_module("soupsieve").compile("a")  # it makes its patterns at the first use
    assert "goingglobal" not in sys.modules
    gc.freeze()
    with socket.socket(fileno=int(number)) as door:
        while os.getppid() == parent:
            with contextlib.suppress(ChildProcessError):  # of those that have ended, the seconds are counted
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if select.select([door], [], [], 1)[0]:
                asked, _ = door.accept()
                size, files, _, _ = socket.recv_fds(asked, 4, 250)
                wanted = json.loads(asked.makefile("rb").read(int.from_bytes(size, "big")))
                if os.fork() == 0:
                    door.close()
                    return _keep(asked, files, wanted)
                asked.close()
                for file in files:
                    os.close(file)


def _keep(asked: socket.socket, files: list[int], wanted: dict) -> None:
    """Start the process that was asked for, and tell its exit code."""
    process = os.fork()
    if process == 0:
        return _be(asked, files, **wanted)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    with contextlib.suppress(OSError):
        asked.send(bytes([code if code >= 0 else 128 - code]))
    os._exit(0)


def _be(asked: socket.socket, given: list[int], words: list[str], folder: str, environment: dict[str, str],
        files: list[int]) -> None:  # fmt: skip
    """Be the process: `-m MODULE …` or `-c CODE …`, until its end or that of the one that asked for it."""
    import runpy
    import threading

    told = os.dup(asked.fileno()) if asked.fileno() in files else asked.fileno()
    spare = [os.dup(file) for file in given]  # above all numbers that are filled now
    while any(number in files for number in (told, *spare)):
        told, spare = os.dup(told), [os.dup(file) for file in spare]
    for file, number in zip(spare, files, strict=True):
        os.dup2(file, number)
    for file in {*given, *spare} - {*files}:
        os.close(file)
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    os.environ.pop("JPY_PARENT_PID", None)  # this one's parent is another
    if backend := environment.get("MPLBACKEND"):  # which it reads when it is imported
        sys.modules["matplotlib"].rcParams["backend"] = backend

    def watch() -> None:
        os.read(told, 1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    kind, what, *rest = words
    path = [place for place in environment.get("PYTHONPATH", "").split(os.pathsep) if place]
    sys.path[:0] = [folder if kind == "-m" else "", *path]
    sys.argv = [what if kind == "-m" else "-c", *rest]
    with _Ending():
        if kind == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            main = type(sys)("__main__")
            sys.modules["__main__"] = main
            exec(compile(what, "<string>", "exec"), vars(main))


class _Ending:
    """Ends the process as Python does, but for taking down every module, which takes longer than many of them live."""

    def __enter__(self) -> None:
        """Nothing is done before the end."""

    def __exit__(self, kind, error, trace) -> None:
        import atexit
        import threading

        code = 0
        if isinstance(error, SystemExit):
            code = error.code or 0
            if not isinstance(code, int):
                print(code, file=sys.stderr)
                code = 1
        elif error is not None:
            sys.excepthook(kind, error, trace)
            code = 1
        threading._shutdown()
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code & 0xFF)


if __name__ == "__main__":
    sys.exit({"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:]))
