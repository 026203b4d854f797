"""Fixtures of this room, named by `pytest_plugins`: stand-ins for the publishers, a copy of the repository's data."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import ROOT

from goingglobal.refresh.fetching import Fetcher


@pytest.fixture(scope="module")
def untouched():
    """The sealed data have the same hashes before a module's tests and after them."""
    from publishers import sealed

    before = sealed()
    yield
    assert sealed() == before


@pytest.fixture
def publishers(monkeypatch):
    """The local server; `GOINGGLOBAL_REFRESH_AT` leads there, and BEA's key is in the environment."""
    from publishers import KEY, Publishers

    served = Publishers()
    monkeypatch.setenv("GOINGGLOBAL_REFRESH_AT", served.address)
    monkeypatch.setenv("BEA_API_KEY", KEY)
    yield served
    served.close()


@pytest.fixture
def fetcher(tmp_path):
    """Keeps below a folder of its own, tries again at once, and remembers what it said in `fetcher.lines`."""
    lines: list[str] = []
    made = Fetcher(tmp_path / "refresh", pause=0.001, say=lines.append)
    made.lines = lines
    return made


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """A copy of what the command reads and writes in a checkout: data with its build code, changelog, frozen values."""
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "data", root / "data", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "book").mkdir()
    (root / "tests" / "estimates").mkdir(parents=True)
    shutil.copyfile(ROOT / "tests/estimates/golden.json", root / "tests/estimates/golden.json")
    for name in ("CHANGELOG.md", "requirements.lock"):
        shutil.copyfile(ROOT / name, root / name)
    monkeypatch.setenv("GOINGGLOBAL_DATA", str(root / "data"))
    return root
