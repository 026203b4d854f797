"""Runs notebooks in this process as a browser's kernel does, and prints as JSON what they reported.

    python run_notebooks.py FOLDER book/introduction.ipynb ...
    python run_notebooks.py --open FOLDER book/introduction.ipynb ...

With `--open` each runs once more by the cells whose code a reader of the page sees, without those of exercises: nothing
is reported then, so all numbers are given that these cells left behind, in fits, tables and variables.

Needs IPython and the library alone: it runs in environments that have no Jupyter. The shell is IPython's own, as
Pyodide's kernel is; what a cell publishes is kept, and the first error of a cell ends the run.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from types import ModuleType

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


NOT_OPEN = {"hide-input", "remove-cell", "remove-input", "starter", "solution", "check"}


def numbers(thing, depth: int = 5) -> set[float]:
    """Every number in a value: of tables, of fits (coefficients and errors), in lists and dictionaries."""
    if isinstance(thing, int | float):
        return {float(thing)}
    if depth == 0 or isinstance(thing, str | type | ModuleType):
        return set()
    if hasattr(thing, "select_dtypes"):
        return set(thing.select_dtypes("number").to_numpy(float).ravel())
    if hasattr(thing, "ravel"):
        return set(thing.ravel().tolist()) if thing.dtype.kind in "fiu" else set()
    if hasattr(thing, "to_numpy"):
        return set(thing.to_numpy(float)) if thing.dtype.kind in "fiu" else set()
    if isinstance(thing, dict | list | tuple):
        parts = thing.values() if isinstance(thing, dict) else thing
        return set().union(*(numbers(part, depth - 1) for part in parts))
    found = set()
    for name in ("params", "coef", "value", "att", "att_conventional", "overall_att", "margeff", "overall", "estimate",
                 "rows", "path"):  # fmt: skip
        part = getattr(thing, name, None)
        part = part() if callable(part) and name == "coef" else part
        found |= set() if part is None or callable(part) else numbers(part, depth - 1)
    return found


def run(path: Path, only_open: bool = False) -> dict:
    """Results by id, kinds of output, and seconds; with `only_open` also all numbers. Raises what a cell raises."""
    Shell.clear_instance()
    shell = Shell.instance(display_pub_class=Publisher, user_ns={})
    shell.published, began = [], time.perf_counter()
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if only_open and NOT_OPEN & set(cell["metadata"].get("tags", [])):
            continue
        if cell["cell_type"] == "code":
            done = shell.run_cell("".join(cell["source"]))
            if done.error_before_exec or done.error_in_exec:
                print(f"{path.name}, cell {cell['id']}", file=sys.stderr)
                done.raise_error()
    results = {r["id"]: r for r in (bundle[RESULT] for bundle in shell.published if RESULT in bundle)}
    kinds = sorted({kind for bundle in shell.published for kind in bundle})
    answer = {"results": results, "kinds": kinds, "seconds": round(time.perf_counter() - began, 1)}
    if only_open:
        left = (value for name, value in shell.user_ns.items() if not name.startswith("_"))
        answer["numbers"] = sorted(number for number in set().union(*map(numbers, left)) if number == number)
    return answer


def main(*names: str) -> None:
    also_open, (folder, *names) = "--open" in names, [name for name in names if name != "--open"]
    out, sys.stdout = sys.stdout, sys.stderr  # the answer alone goes to standard output
    importlib.import_module("goingglobal.absorbing")  # as the first cell does in the browser
    answer = {
        "python": sys.version.split()[0], "modules": [],
        "notebooks": {name: run(Path(folder, name)) for name in names},
        "open": {name: run(Path(folder, name), only_open=True) for name in names if also_open},
    }  # fmt: skip
    answer["modules"] = sorted({name.partition(".")[0] for name, module in sys.modules.items()
                                if not name.startswith("_") and getattr(module, "__name__", name) == name})
    json.dump(answer, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
