"""Which edition a book is: version, commit, date, by git or by its citation file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from made import git
from sphinx.errors import ConfigError

from goingglobal import __version__
from goingglobal.sphinx.edition import edition

CITATION = ROOT / "CITATION.cff"


@pytest.fixture
def source(tmp_path, monkeypatch) -> Path:
    """A folder with nothing but the citation file and the title."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    (tmp_path / "book").mkdir()
    for name in ("CITATION.cff", "_config.yml"):
        (tmp_path / "book" / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path / "book"


def commit(folder: Path) -> str:
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    return git(folder, "rev-parse", "HEAD")


def test_edition_of_a_commit(source, monkeypatch):
    head = commit(source)
    git(source, "tag", "v9")
    made = edition(source)
    assert (made["commit"], made["commit_short"]) == (head, head[:7])
    assert made["version"] == __version__
    assert made["date"] == "2020-02-04", "the date of the commit, in universal time"
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", made["data_vintage"])
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert edition(source)["date"] == "1970-01-02"


def test_edition_with_local_changes_says_so(source):
    head = commit(source)
    (source / "new.txt").write_text("not tracked")
    assert edition(source)["commit"] == head
    with (source / "CITATION.cff").open("a") as file:
        file.write("# changed\n")
    made = edition(source)
    assert made["commit"] == f"{head} with local changes"
    assert made["commit_short"] == f"{head[:7]} with local changes"


@pytest.mark.parametrize("above", [False, True])
def test_edition_without_a_repository_of_its_own(source, above):
    """A downloaded archive has no commit, even where it is unpacked inside another repository."""
    if above:
        commit(source.parent)
    made = edition(source)
    assert (made["commit"], made["commit_short"]) == ("", "")
    assert made["date"] == yaml.load(CITATION.read_text(encoding="utf-8"), yaml.BaseLoader)["date-released"]


def test_edition_needs_its_citation_file(source):
    file = source / "CITATION.cff"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(f"version: {__version__}", "version: 99"), encoding="utf-8")
    with pytest.raises(ConfigError, match=f"CITATION.cff says version 99, the package says {__version__}"):
        edition(source)
    file.unlink()
    with pytest.raises(ConfigError, match=r"CITATION\.cff is missing"):
        edition(source)
