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

from goingglobal.sphinx import kernels

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there are forked kernels on Linux only")
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
def warm():
    with tempfile.TemporaryDirectory() as folder, kernels.warm(Path(folder)) as name:
        yield name


def test_each_notebook_is_alone(warm, tmp_path, monkeypatch):
    monkeypatch.setenv("GG_TOLD", "one")
    (_, first) = run(warm, tmp_path, "kept = 1", WHO)
    monkeypatch.setenv("GG_TOLD", "two")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (second,) = run(warm, elsewhere, WHO)
    assert first[0] != second[0]
    assert (first[1:3], second[1:3]) == ((str(tmp_path), "one"), (str(elsewhere), "two"))
    assert first[3:5] == second[3:5] == (True, False), "libraries are there, the book's own is not"
    assert (first[5], second[5]) == (1, None)
    assert gone(first[0])
    assert gone(second[0])


def test_errors_and_deaths_are_seen(warm, tmp_path):
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        run(warm, tmp_path, "1 / 0")
    with pytest.raises(DeadKernelError):
        run(warm, tmp_path, "import os\nos._exit(3)")
    assert run(warm, tmp_path, "1 + 1") == [2], "and the next one is well"


def test_nothing_is_left_when_the_block_ends(tmp_path):
    before = os.environ.get("JUPYTER_PATH")
    with tempfile.TemporaryDirectory() as folder, kernels.warm(Path(folder)) as name:
        (server,) = run(name, tmp_path, "import os\nos.getppid()")
    assert gone(server)
    assert os.environ.get("JUPYTER_PATH") == before


def test_elsewhere_kernels_are_plain(monkeypatch, tmp_path):
    monkeypatch.setattr(kernels.sys, "platform", "darwin")
    with kernels.warm(tmp_path) as name:
        assert name is None
    assert list(tmp_path.iterdir()) == []
