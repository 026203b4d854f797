"""What is put on the web: refused without an address, whole or not at all; numbers compared; outward links counted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import ROOT
from made import git

from goingglobal import __version__
from goingglobal.sphinx import settings
from goingglobal.sphinx.elsewhere.launch import Repository
from goingglobal.sphinx.publishing import compare, editions, outward, public

SITE, CODE = "https://someone.example.org/some/path/", "https://github.com/someone/book"


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """A repository with the configuration and the files that name a version; no address is set."""
    for name in settings.ALL:
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "book"
    for name in ("_config.yml", "CITATION.cff", ".zenodo.json", "codemeta.json", "src/goingglobal/__init__.py",
                 "book/introduction.ipynb", ".gitignore"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, root / name)
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "one")
    return root


@pytest.fixture
def made(root, monkeypatch) -> list[dict[str, str]]:
    """The builders, which take minutes, replaced by ones that note the addresses they were given."""
    seen: list[dict[str, str]] = []

    def site(folder: Path, lite: Path | None = None) -> int:
        if lite is None:  # the first time, for the reading copies that the program holds
            return 0
        seen.append({name: public.os.environ.get(name, "") for name in settings.ALL})
        html = folder / "_build" / "html"
        (html / "book").mkdir(parents=True, exist_ok=True)
        (html / "index.html").write_text("home", encoding="utf-8")
        (html / editions.PAGE).write_text('<h2 id="kept">K</h2><div id="kept-editions"></div>', encoding="utf-8")
        facts = {"version": __version__, "date": "2026-11-22", "commit": "a" * 40, "data_vintage": "2026-11-22"}
        (html / editions.RECORD).write_text(json.dumps(facts), encoding="utf-8")
        return 0

    def printed(kind: str):
        def make(folder: Path, out: Path) -> Path:
            out.mkdir(parents=True, exist_ok=True)
            (out / f"b.{kind}").write_text(kind, encoding="utf-8")
            return out / f"b.{kind}"
        return make

    monkeypatch.setattr(public.build, "main", site)
    monkeypatch.setattr(public.lite, "build", lambda folder: folder / "_build" / "lite")
    for kind in ("pdf", "epub"):
        monkeypatch.setattr(public.paper, kind, printed(kind))
    return seen


def address(monkeypatch) -> None:
    monkeypatch.setenv(settings.SITE, SITE)
    monkeypatch.setenv(settings.REPOSITORY, CODE)
    monkeypatch.setenv(settings.READING, "reading")


# ------------------------------------------------------------------------------------------------------- addresses
@pytest.mark.parametrize("words", [[], ["edition"]])
def test_without_a_remote_one_line_and_nothing_built(root, made, words, monkeypatch, capsys):
    monkeypatch.setenv(settings.SITE, SITE)
    assert public.main(root, words) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: this repository has no public remote, ")
    assert "git remote add origin https://host/owner/name" in error
    assert error.count("\n") == 1
    assert made == []
    assert not (root / "_build").exists()


def test_a_remote_is_enough_for_the_repository_but_the_site_must_be_known(root, made, monkeypatch, capsys):
    git(root, "remote", "add", "origin", "git@github.com:someone/book.git")
    assert public.main(root, []) == 1
    assert "error: the site's public address is not known: set GOINGGLOBAL_SITE=" in capsys.readouterr().err
    monkeypatch.setenv(settings.SITE, "someone.example.org")
    assert public.main(root, []) == 1
    assert "GOINGGLOBAL_SITE is 'someone.example.org'; expected an address" in capsys.readouterr().err
    assert made == []
    monkeypatch.setenv(settings.SITE, SITE)
    assert public.addresses(root) == (SITE, Repository(CODE, "main"))


def test_the_environment_goes_before_configuration_and_remote(root, monkeypatch):
    git(root, "remote", "add", "origin", "git@github.com:other/book.git")
    address(monkeypatch)
    monkeypatch.setenv(settings.REF, "v1.2.3")
    assert public.addresses(root) == (SITE, Repository(CODE, "v1.2.3", "reading"))
    monkeypatch.setenv(settings.REPOSITORY, "book")
    with pytest.raises(public.PublicError, match="GOINGGLOBAL_REPOSITORY is 'book'; expected an address like https"):
        public.addresses(root)


# ---------------------------------------------------------------------------------------------------------- public
def test_all_of_it_is_there_with_the_editions(root, made, monkeypatch, capsys):
    address(monkeypatch)
    out = public.public(root)
    assert {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} == {
        ".nojekyll", "edition.json", "editions.html", "editions.json", "index.html", "paper/b.pdf", "paper/b.epub"}
    assert made == [{settings.SITE: SITE, settings.REPOSITORY: CODE, settings.REF: "", settings.READING: "reading"}]
    cell = (root / "_build/notebooks/book/introduction.ipynb").read_text(encoding="utf-8")
    assert f"git+{CODE}@main" in cell
    assert git(root, "status", "--porcelain") == "", "the notebooks in the repository stay as they are"
    assert "with 0 kept editions" in capsys.readouterr().out
    offered = root / "_build" / "html" / "notebooks"
    offered.mkdir()
    (offered / "copy.ipynb").write_text("{}", encoding="utf-8")
    public.public(root)
    assert (root / "_build/notebooks/notebooks/copy.ipynb").is_file()


@pytest.mark.parametrize("fault", ["site", "paper", "archive"])
def test_what_fails_leaves_the_last_one(root, made, fault, monkeypatch, capsys):
    address(monkeypatch)
    before = {path: path.read_bytes() for path in public.public(root).rglob("*") if path.is_file()}
    if fault == "site":
        monkeypatch.setattr(public.build, "main", lambda *_: 1)
    elif fault == "paper":
        def fail(*_) -> None:
            raise public.paper.PaperError("no Chromium")
        monkeypatch.setattr(public.paper, "pdf", fail)
    else:
        (root / public.KEPT).mkdir()
        (root / public.KEPT / editions.name("0.0.1")).write_bytes(b"broken")
    assert public.main(root, []) == 1
    assert capsys.readouterr().err.startswith("error: ")
    assert {path: path.read_bytes() for path in (root / "_build/public").rglob("*") if path.is_file()} == before
    assert not (root / "_build/public.new").exists()


# --------------------------------------------------------------------------------------------------------- edition
def test_an_edition_is_made_once_from_its_tag_at_its_own_path(root, made, monkeypatch, capsys):
    address(monkeypatch)
    assert public.main(root, ["edition"]) == 1
    assert f"error: this commit is not tagged v{__version__}: git tag v{__version__}" in capsys.readouterr().err
    git(root, "tag", f"v{__version__}")
    (root / "CITATION.cff").write_text((root / "CITATION.cff").read_text(encoding="utf-8") + "# x\n", encoding="utf-8")
    assert public.main(root, ["edition"]) == 1
    assert "error: there are changes that are not committed" in capsys.readouterr().err
    git(root, "checkout", "--quiet", "CITATION.cff")
    assert made == []
    with monkeypatch.context() as there:  # it sets the edition's own addresses for the builders it starts
        there.setattr(public.os, "environ", dict(public.os.environ))
        assert public.main(root, ["edition"]) == 0
    assert made == [{settings.SITE: f"{SITE}editions/{__version__}/", settings.REPOSITORY: CODE,
                     settings.REF: f"v{__version__}", settings.READING: f"reading-v{__version__}"}]  # fmt: skip
    names = {path.name for path in (root / public.KEPT).iterdir()}
    assert names == {editions.name(__version__), f"b-{__version__}.pdf", f"b-{__version__}.epub", "SHA256SUMS"}
    cell = (root / "_build/notebooks/book/introduction.ipynb").read_text(encoding="utf-8")
    assert f"git+{CODE}@v{__version__}" in cell
    assert not (root / "_build/edition.new").exists()
    before = {path: path.read_bytes() for path in (root / public.KEPT).iterdir()}
    assert public.main(root, ["edition"]) == 1
    assert f"error: edition {__version__} exists: " in capsys.readouterr().err
    assert len(made) == 1
    assert {path: path.read_bytes() for path in (root / public.KEPT).iterdir()} == before
    assert public.main(root, []) == 0
    assert (root / f"_build/public/editions/{__version__}/paper/b.pdf").is_file()


def test_files_that_name_two_versions_make_no_edition(root, made, monkeypatch, capsys):
    address(monkeypatch)
    (root / ".zenodo.json").unlink()
    assert public.main(root, ["edition"]) == 1
    assert "error: .zenodo.json is not what CITATION.cff says. make version VERSION=" in capsys.readouterr().err
    assert made == []


# --------------------------------------------------------------------------------------------------------- numbers
def numbers(**changed) -> dict[str, dict]:
    record = {"value": 2.0, "se": 0.5, "ci_low": 1.0, "ci_high": 3.0, "n": 10, "groups": None, "text": "2.0"}
    return {"a/b": record | changed}


@pytest.mark.parametrize(("other", "found"), [
    (numbers(), []),
    (numbers(value=2.0 * (1 + 1e-7)), []),
    (numbers(value=2.0 * (1 + 1e-5)), ["a/b, value: 2.0 here, 2.00002 there"]),
    (numbers(se=None), ["a/b, se: 0.5 here, None there"]),
    (numbers(n=11), ["a/b, n: 10 here, 11 there"]),
    (numbers(text="2.1"), ["a/b: shown as '2.0' here, as '2.1' there"]),
    ({}, ["a/b: only in this build"]),
    (numbers() | {"c/d": {}}, ["c/d: only in the other"]),
])  # fmt: skip
def test_numbers_that_differ_are_named(other, found):
    assert compare.differences(numbers(), other) == found


@pytest.mark.site
def test_numbers_of_another_site(tmp_path, server, capsys):
    (tmp_path / "_build" / "html").mkdir(parents=True)
    site = json.loads((ROOT / "_build/html/results.json").read_text(encoding="utf-8"))
    ours = tmp_path / "_build/html/results.json"
    ours.write_text(json.dumps(site), encoding="utf-8")
    assert compare.main(tmp_path, f"{server}/results.json") == 0
    assert f"{len(site)} numbers are the same in both builds" in capsys.readouterr().out
    first = min(site)
    site[first]["text"] += "!"
    ours.write_text(json.dumps(site), encoding="utf-8")
    assert compare.main(tmp_path, f"{server}/results.json") == 1
    assert first in capsys.readouterr().out
    assert compare.main(tmp_path, f"{server}/none.json") == 2
    assert "error: nothing to compare with: HTTP Error 404" in capsys.readouterr().err


# ----------------------------------------------------------------------------------------------------------- links
def test_dead_links_are_named_and_refused_ones_counted(tmp_path):
    rows = [("working", ""), ("redirected", "https://b"), ("broken", "404 Client Error: Not Found for url"),
            ("broken", "403 Client Error: Forbidden for url"), ("timeout", ""), ("unchecked", ""),
            ("broken", "429 Client Error: Too Many Requests")]  # fmt: skip
    report = tmp_path / "output.json"
    report.write_text("".join(json.dumps({"filename": "a.md", "lineno": 1, "status": status, "code": 0, "info": info,
                                          "uri": f"https://x/{at}"}) + "\n"
                              for at, (status, info) in enumerate(rows)), encoding="utf-8")  # fmt: skip
    assert outward.broken(report) == (
        ["a.md: https://x/2: 404 Client Error: Not Found for url", "a.md: https://x/4: timeout"], 2, 7)
