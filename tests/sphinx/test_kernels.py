"""Kernels forked from one process: alone, as plain ones, and gone when they are no longer wanted."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import nbclient
import nbformat.v4
import pytest
from nbclient.exceptions import CellExecutionError, DeadKernelError

from goingglobal.sphinx import build, kernels, state

pytestmark = [pytest.mark.proof, pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="there are forked kernels on Linux only")]
WHO = """\
import os, sys
(os.getpid(), os.getcwd(), os.environ.get("GG_TOLD"), "pandas" in sys.modules, "goingglobal" in sys.modules,
 globals().get("kept"))"""


def run(name: str, folder: Path, *sources: str):
    """Execute cells in a kernel of a name; the last value of each."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    place = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(notebook, timeout=60, kernel_name=name, resources=place).execute()
    return [eval(cell.outputs[-1].data["text/plain"]) if cell.outputs else None for cell in notebook.cells]


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What notebooks saw in kernels of one block, and what was there before and after it."""
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    found = {"folders": (str(one), str(two)), "path before": os.environ.get("JUPYTER_PATH")}
    with (pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder,
          kernels.warm(Path(folder)) as name):
        patch.setenv("GG_TOLD", "one")
        found["path inside"] = os.environ["JUPYTER_PATH"]
        (_, found["first"], found["server"]) = run(name, one, "kept = 1", WHO, "os.getppid()")
        patch.setenv("GG_TOLD", "two")
        (found["second"],) = run(name, two, WHO)
        with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
            run(name, one, "1 / 0")
        with pytest.raises(DeadKernelError):
            run(name, one, "import os\nos._exit(3)")
        found["after errors"] = run(name, one, "1 + 1")
        os.kill(found["server"], 0)  # which serves as long as the block lasts
    found["path after"] = os.environ.get("JUPYTER_PATH")
    return found


def test_each_notebook_is_alone(seen):
    first, second = seen["first"], seen["second"]
    assert first[0] != second[0]
    assert (first[1:3], second[1:3]) == tuple(zip(seen["folders"], ("one", "two"), strict=True))
    assert first[3:5] == second[3:5] == (True, False), "libraries are there, the book's own is not"
    assert (first[5], second[5]) == (1, None)
    assert gone(first[0])
    assert gone(second[0])


def test_errors_and_deaths_are_seen(seen):
    """…where the block runs them, and the next one is well."""
    assert seen["after errors"] == [2]


def test_nothing_is_left_when_the_block_ends(seen):
    assert gone(seen["server"])
    assert seen["path inside"] != seen["path before"]
    assert seen["path after"] == seen["path before"]


def test_elsewhere_kernels_are_plain(monkeypatch, tmp_path):
    monkeypatch.setattr(kernels.sys, "platform", "darwin")
    with kernels.warm(tmp_path) as name:
        assert name is None
    assert list(tmp_path.iterdir()) == []


def test_they_are_begun_before_jupyter_book_where_all_notebooks_will_run(tmp_path, monkeypatch):
    log, root = (tmp_path / "log").open("w+b"), tmp_path / "book"
    (root / "book").mkdir(parents=True)
    with build._kernels(root, os.environ, log) as told:
        assert told == {}, "so few are not worth it"
    for number in range(build.cores() + 1):
        (root / "book" / f"{number}.ipynb").touch()
    with build._kernels(root, os.environ, log) as told:
        monkeypatch.setenv("JUPYTER_PATH", told["JUPYTER_PATH"])
        name = told[kernels.GIVEN]
        assert run(name, tmp_path, WHO)[0][1:4] == (str(tmp_path), None, True)
    executed = state.executed(root)
    assert executed.parent == root / "_build" / ".jupyter_cache"
    executed.mkdir(parents=True)
    with build._kernels(root, os.environ, log) as told:
        assert told == {}, "how many have to run is not known yet"
