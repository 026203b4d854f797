"""One version in every file that names one, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from conftest import ROOT

from goingglobal import __version__
from goingglobal.sphinx.publishing import versions

FILES = (versions.CITATION, versions.ZENODO, versions.CODEMETA, versions.LIBRARY.as_posix())


@pytest.fixture
def root(tmp_path) -> Path:
    """A copy of the files that name a version."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    return tmp_path


def contents(root: Path) -> dict[str, str]:
    return {name: (root / name).read_text(encoding="utf-8") for name in FILES}


def test_all_files_name_this_version():
    assert versions.faults(ROOT, f"v{__version__}") == []
    assert versions.library(ROOT) == __version__
    for name in (versions.ZENODO, versions.CODEMETA):
        assert json.loads((ROOT / name).read_text(encoding="utf-8"))["version"] == __version__


def test_authors_title_and_licences_are_those_of_the_citation_file():
    book = versions.citation(ROOT)
    zenodo, codemeta = versions.zenodo(ROOT), versions.codemeta(ROOT)
    assert zenodo["title"] == codemeta["name"] == book["title"]
    assert zenodo["license"] == "MIT"
    assert codemeta["license"] == ["https://spdx.org/licenses/MIT", "https://spdx.org/licenses/CC-BY-4.0"]
    assert len(zenodo["creators"]) == len(codemeta["author"]) == len(book["authors"])


def test_people_by_their_names(root):
    path = root / versions.CITATION
    text = path.read_text(encoding="utf-8").replace(
        "  - name: The founders of the project\nversion", "  - family-names: Sato\n    given-names: Aya\nversion", 1)
    path.write_text(text, encoding="utf-8")
    assert versions.zenodo(root)["creators"] == [{"name": "Sato, Aya"}]
    assert versions.codemeta(root)["author"] == [{"type": "Person", "familyName": "Sato", "givenName": "Aya"}]


def test_set_writes_all_of_them_and_nothing_else(root, capsys):
    before = contents(root)
    assert versions.main(root, ["set", "1.2.3", "2027-01-31"]) == 0
    assert versions.faults(root, "v1.2.3") == []
    after = contents(root)
    for name in (versions.CITATION, versions.LIBRARY.as_posix()):
        changed = [(a, b) for a, b in zip(before[name].splitlines(), after[name].splitlines(), strict=True) if a != b]
        assert all(re.search(r"1\.2\.3|2027-01-31", b) for _, b in changed)
        assert len(changed) == (4 if name == versions.CITATION else 1)
    assert json.loads(after[versions.ZENODO])["publication_date"] == "2027-01-31"
    assert "tag it v1.2.3" in capsys.readouterr().out
    assert versions.main(root, ["set", __version__, versions.citation(ROOT)["date-released"]]) == 0
    assert contents(root) == before


@pytest.mark.parametrize(("words", "said"), [
    (["set", "1.2"], "error: VERSION=1.2 is no version; expected three numbers, as in 0.2.0"),
    (["set", "v1.2.3"], "error: VERSION=v1.2.3 is no version"),
    (["set", "1.2.3", "31.1.2027"], "error: DATE=31.1.2027 is no date; expected one like 2026-11-22"),
    (["check", "v9.9.9"], f"error: the tag is v9.9.9, the library's version is {__version__}; expected is v"),
])  # fmt: skip
def test_what_is_refused_changes_nothing(root, words, said, capsys):
    before = contents(root)
    assert versions.main(root, words) == 1
    assert capsys.readouterr().err.startswith(said)
    assert contents(root) == before


@pytest.mark.parametrize(("name", "old", "new", "said"), [
    (versions.CITATION, f"\nversion: {__version__}", "\nversion: 9.0.0", "CITATION.cff, version is 9.0.0"),
    (versions.CITATION, f"  version: {__version__}", "  version: 9.0.0", "preferred-citation: version is 9.0.0"),
    (versions.CITATION, "\ndate-released: ", "\ndate-released: 1", "date-released is 1"),
    (versions.ZENODO, __version__, "9.0.0", ".zenodo.json is not what CITATION.cff says"),
    (versions.CODEMETA, "Organization", "Person", "codemeta.json is not what CITATION.cff says"),
])  # fmt: skip
def test_a_file_that_differs_is_named(root, name, old, new, said, capsys):
    text = (root / name).read_text(encoding="utf-8")
    assert old in text
    (root / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    assert versions.main(root, ["check"]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert f"make version VERSION={__version__} writes them" in error


def test_a_file_without_its_line_is_named_and_nothing_is_written(root, capsys):
    path = root / versions.CITATION
    path.write_text(path.read_text(encoding="utf-8").replace("  version:", "  edition:", 1), encoding="utf-8")
    before = contents(root)
    assert versions.main(root, ["set", "1.2.3"]) == 1
    assert "CITATION.cff: 1 lines say it, expected are 2" in capsys.readouterr().err
    assert contents(root) == before
