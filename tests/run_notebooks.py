"""Runs notebooks in this process as a browser's kernel does, and prints as JSON what they reported.

    python run_notebooks.py FOLDER book/introduction.ipynb ...

Needs IPython and the library alone: it runs in environments that have no Jupyter. The shell is IPython's own, as
Pyodide's kernel is; what a cell publishes is kept, and the first error of a cell ends the run.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path

from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

RESULT = "application/vnd.goingglobal.result+json"


class Publisher(DisplayPublisher):
    """Keeps what is published."""

    def publish(self, data, metadata=None, *_, **__) -> None:
        self.shell.published.append(data)


class Shell(InteractiveShell):
    """A kernel without a front end."""

    published: list[dict]

    def enable_gui(self, gui=None) -> None:
        """There is none."""


def run(path: Path) -> dict:
    """Results by id, kinds of output, and seconds. Raises what a cell raises."""
    Shell.clear_instance()
    shell = Shell.instance(display_pub_class=Publisher, user_ns={})
    shell.published, began = [], time.perf_counter()
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            done = shell.run_cell("".join(cell["source"]))
            if done.error_before_exec or done.error_in_exec:
                print(f"{path.name}, cell {cell['id']}", file=sys.stderr)
                done.raise_error()
    results = {r["id"]: r for r in (bundle[RESULT] for bundle in shell.published if RESULT in bundle)}
    kinds = sorted({kind for bundle in shell.published for kind in bundle})
    return {"results": results, "kinds": kinds, "seconds": round(time.perf_counter() - began, 1)}


def main(folder: str, *names: str) -> None:
    out, sys.stdout = sys.stdout, sys.stderr  # the answer alone goes to standard output
    importlib.import_module("goingglobal.absorbing")  # as the first cell does in the browser
    answer = {
        "python": sys.version.split()[0], "modules": [],
        "notebooks": {name: run(Path(folder, name)) for name in names},
    }  # fmt: skip
    answer["modules"] = sorted({name.partition(".")[0] for name, module in sys.modules.items()
                                if not name.startswith("_") and getattr(module, "__name__", name) == name})
    json.dump(answer, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
