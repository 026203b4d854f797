"""A Python that has imported the libraries already: what is started with it is forked, and so spared some seconds.

    python = warm.python("one")     # the path of an executable that takes `-m MODULE …` and `-c CODE …` as Python does
    code, said = warm.run("one", "-m", "json.tool", "x.json", folder=…, environment=…)      # the same, to its end

Small books are built with it, and their notebooks run. All that one such Python starts has its order of hashes:
builds that are compared with each other take two, “one” and “other”. “tests” has what the tests import, for workers:
there `sys.executable` is Python as a user starts it, and sets have the order that they have when the book is built. Of
the book's own library nothing is imported beforehand. The libraries are read when a Python is first asked for, and a
book of one page is built by them, without ours: what they make at their first use is then there, too. Workers of one
run of tests share it (`share`). What is killed is started as a user does it, and so is a build that others are
compared with.

`serve SOCKET` is the process that is forked; `ask.py` stands for a process and lives as long as it does.
"""

from __future__ import annotations

import contextlib
import json
import marshal
import os
import select
import signal
import socket
import subprocess
import sys
import threading

from ask import ask

LIBRARIES = (
    "IPython.core.completerlib", "IPython.display", "IPython.extensions.storemagic", "IPython.lib.lexers",
    "a11y_pygments", "bs4", "filelock", "ipykernel.debugger", "ipykernel.kernelapp", "ipykernel_launcher",
    "jinja2.ext",
    "duckdb", "jupyter_book.cli.main", "jupyter_book.sphinx", "latex2mathml.converter", "lxml.etree",
    "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg", "matplotlib.pyplot",
    "myst_nb.core.lexers", "myst_nb.ext.glue.domain", "myst_nb.sphinx_ext", "myst_parser.sphinx_ext.myst_refs",
    "notfound.extension", "pandas", "pandas.io.formats.csvs", "psutil", "pydata_sphinx_theme", "pydoc",
    "pygments.lexers.shell", "sphinx.builders.html.transforms", "sphinx.builders.latex.transforms",
    "sphinx.ext.mathjax", "sphinx.search.en", "sphinx_book_theme", "sphinx_comments", "sphinx_copybutton",
    "sphinx_design.extension", "sphinx_exercise", "sphinx_external_toc.events",
    "sphinx_jupyterbook_latex.transforms", "sphinx_multitoc_numbering", "sphinx_proof", "sphinx_reredirects",
    "sphinx_thebe", "sphinx_togglebutton", "sphinxcontrib.bibtex",
    "sphinxcontrib.bibtex.style.referencing.author_year", "sqlalchemy.dialects.sqlite", "tornado.platform.asyncio",
    "vl_convert", "xml.dom.minidom",
)  # fmt: skip
FOR_TESTS = (
    "IPython.display", "altair", "bs4", "diff_diff", "frictionless", "ibis", "ibis.backends.duckdb",
    "jupyter_book.cli.main", "jupyterlite_pyodide_kernel.constants", "jupytext", "linearmodels", "lxml.etree",
    "matplotlib.backends.backend_svg", "matplotlib.pyplot", "myst_nb.sphinx_", "nbclient", "nbconvert", "openpyxl",
    "pandas", "pandera.pandas", "pikepdf", "pybtex.database", "pyfixest", "pyfixest.estimation", "pypdf", "pypdfium2",
    "pytest", "scipy.optimize", "scipy.stats", "seaborn.objects", "selenium.webdriver.chrome.webdriver",
    "sphinx_exercise", "statsmodels.api", "statsmodels.formula.api", "vl_convert",
)  # fmt: skip
BOOK = {
    "_config.yml": """\
title: A book
bibtex_bibfiles: [all.bib]
execute:
  execute_notebooks: "off"
sphinx:
  extra_extensions: [notfound.extension, sphinx_exercise, sphinx_proof, sphinx_reredirects]
  config:
    bibtex_reference_style: author_year
    myst_update_mathjax: false
    numfig: true
    redirects: {old: page.html}
""",
    "_toc.yml": "format: jb-book\nroot: page\nchapters:\n- file: other\n",
    "all.bib": "@article{one, author = {One, A.}, title = {On one}, journal = {J}, year = {2001}}\n",
    "other.md": "# Other\n\n```{glossary}\nterm\n  Its meaning.\n```\n",
}
PAGE = """\
# A page

Words, {cite:t}`one`, {ref}`there`, {term}`term` and $x^2$.

(there)=
## There

| a | b |
| - | - |
| 1 | 2 |

```{exercise}
:label: try
Try.
```

```{bibliography}
```
"""
SHARED = "GOINGGLOBAL_TEST_PYTHONS"  # executables that the process above this one offers, by name
_servers: dict[str, str] = {}


def share(*names: str, now: bool = False) -> None:
    """Offer executables to the processes that this one will start."""
    for name in names:
        python(name, now)


def python(name: str, now: bool = False) -> str:
    """The executable of that name, started where it is not there yet; it ends with this process. Linux only.

    With `now` its libraries are read at once, not when it is first asked for a process.
    """
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
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "{ask.__code__.co_filename}" "{address}" "$@"\n')
        shim.chmod(0o755)
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {
            "NO_COLOR": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1"}  # fmt: skip
        if name == "tests":
            environment["PYTHONHASHSEED"] = "0"  # `goingglobal.sphinx.build.NOTEBOOKS` says why
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(str(address))
            door.listen()
            server = subprocess.Popen([sys.executable, __file__, "serve", str(door.fileno()), name, str(shim),
                                       "now" if now else "later"],
                                      env=environment, stdin=subprocess.DEVNULL, pass_fds=(door.fileno(),))  # fmt: skip
        atexit.register(lambda: (server.kill(), server.wait(), shutil.rmtree(folder, ignore_errors=True)))
        _servers[name] = str(shim)
        os.environ[SHARED] = json.dumps(_servers)
    return _servers[name]


def run(name: str, *arguments: str, folder: str, environment: dict[str, str]) -> tuple[int, str]:
    """Run `-m MODULE …` or `-c CODE …` with the Python of that name to its end; exit code, and all that was said.

    Raises `AssertionError` where a process that it started goes on, and holds what it says it to.
    """
    executable = python(name)
    if executable == sys.executable:
        done = subprocess.run([executable, *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)  # fmt: skip
        return done.returncode, done.stdout.decode()
    reading, writing = os.pipe()
    words: list[str] = []

    def listen() -> None:
        with open(reading, encoding="utf-8") as said:
            words.append(said.read())

    reader = threading.Thread(target=listen, daemon=True)
    reader.start()
    with open(os.devnull, "rb") as nothing:
        files = {0: nothing.fileno(), 1: writing, 2: writing}
        asked = ask(os.path.join(os.path.dirname(executable), "socket"), list(arguments), folder, environment, files)
        os.close(writing)
        told = asked.recv(1)
        asked.close()
    reader.join(20)
    assert words, f"{' '.join(arguments)} has ended, but not all that it started"
    return told[0] if told else 1, words[0]


# ----------------------------------------------------------------------------------------- the process that is forked
def serve(number: str, who: str, executable: str, when: str) -> None:
    """Import the libraries now, or once somebody asks at the open socket of this number; then fork a process for each.
    """
    import functools
    import gc
    import importlib.metadata

    parent = os.getppid()
    while when == "later" and not select.select([int(number)], [], [], 1)[0]:
        if os.getppid() != parent:
            return
    del sys.path[0]  # the folder of this file
    sys.modules["rfc3987_syntax"] = None  # as in `goingglobal.sphinx.build`
    if who != "tests":
        for library in (importlib.metadata, importlib.import_module("importlib_metadata")):  # as there, too
            library.entry_points = functools.lru_cache(library.entry_points().select)
        sys.executable = executable
    for name in FOR_TESTS if who == "tests" else LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for name in __import__("sphinx.application").application.builtin_extensions:
        importlib.import_module(name)
    if who != "tests":
        _build_once()
    assert "goingglobal" not in sys.modules
    gc.collect()
    gc.freeze()
    running: dict[int, tuple[int, socket.socket]] = {}  # by what tells of its end: a process, and who asked for it
    with socket.socket(fileno=int(number)) as door:
        while os.getppid() == parent:
            for ready in select.select([door, *running], [], [], 1)[0]:
                if ready is not door:
                    process, asked = running.pop(ready)
                    os.close(ready)
                    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
                    with asked, contextlib.suppress(OSError):
                        asked.send(bytes([code if code >= 0 else 128 - code]))
                    continue
                asked, _ = door.accept()
                size, files, _, _ = socket.recv_fds(asked, 4, 250)
                wanted = marshal.loads(asked.makefile("rb").read(int.from_bytes(size, "big")))
                process = os.fork()
                if process == 0:
                    door.close()
                    for end, (_, other) in running.items():
                        os.close(end)
                        other.close()
                    return _be(asked, files, *wanted)
                running[os.pidfd_open(process)] = process, asked
                for file in files:
                    os.close(file)


def _build_once() -> None:
    """Build a book of one notebook, and forget it but for the templates of its theme."""
    import functools
    import tempfile
    from pathlib import Path

    from jinja2 import BytecodeCache
    from jupyter_book.cli.main import main
    from myst_nb.core import render
    from nbformat import v4, validator, write
    from sphinx import jinja2glue

    compiled: dict[str, bytes] = {}

    class Templates(BytecodeCache):
        def load_bytecode(self, bucket) -> None:
            if bucket.key in compiled:
                bucket.bytecode_from_string(compiled[bucket.key])  # which looks whether the template is the same

        def dump_bytecode(self, bucket) -> None:
            compiled[bucket.key] = bucket.bytecode_to_string()

    jinja2glue.SandboxedEnvironment = functools.partial(jinja2glue.SandboxedEnvironment, bytecode_cache=Templates())

    code = v4.new_code_cell("1 + 1", id="code", outputs=[v4.new_output("stream", text="2")], execution_count=1)
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w", encoding="utf-8") as nowhere:
        root = Path(folder)
        for name, text in BOOK.items():
            (root / name).write_text(text, encoding="utf-8")
        write(v4.new_notebook(cells=[v4.new_markdown_cell(PAGE, id="words"), code],
                              metadata={"language_info": {"name": "python", "pygments_lexer": "ipython3"}}),
              root / "page.ipynb")  # fmt: skip
        plugins, render.load_mime_renders = render.load_mime_renders, list  # ours is one of them
        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            main(["build", folder, "--path-output", str(root / "_made"), "-q", "-W"], standalone_mode=False)
        render.load_mime_renders = plugins
        assert (root / "_made" / "_build" / "html" / "page.html").is_file()
    validator.get_validator(4, 4)  # for jupyter-cache's copies


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
    sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
    if backend := environment.get("MPLBACKEND"):  # which it reads when it is imported
        sys.modules["matplotlib"].rcParams["backend"] = backend

    def watch() -> None:
        while os.read(told, 1):
            os.kill(os.getpid(), signal.SIGINT)
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
    serve(*sys.argv[2:])
