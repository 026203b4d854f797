"""Where a notebook is opened: addresses from one setting, links that lead somewhere, first cells, the cut."""

from __future__ import annotations

import ast
import json
import re
import shutil
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from bs4 import BeautifulSoup
from conftest import ROOT, contents
from IPython.core.inputtransformer2 import TransformerManager
from made import git
from pages import soup
from sphinx.errors import ConfigError

from goingglobal.sphinx import settings
from goingglobal.sphinx.elsewhere import launch
from goingglobal.sphinx.elsewhere.launch import Repository

HERE = Repository("https://github.com/someone/book", "v1.0")
NOTEBOOKS = [str(path.relative_to(ROOT)) for path in launch.notebooks(ROOT)]
CHAPTERS = [name for name in NOTEBOOKS if name.count("/") == 1]


def stored(name: str) -> dict:
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


# ------------------------------------------------------------------------------------------------------- addresses
@pytest.mark.parametrize(("remote", "address"), [
    ("https://github.com/someone/book.git", "https://github.com/someone/book"),
    ("https://github.com/someone/book/", "https://github.com/someone/book"),
    ("git@github.com:someone/book.git", "https://github.com/someone/book"),
    ("ssh://git@gitlab.com/group/part/book.git", "https://gitlab.com/group/part/book"),
    ("https://user:secret@example.org:8443/someone/book.git", "https://example.org/someone/book"),
])  # fmt: skip
def test_public_addresses(remote, address):
    assert launch.public(remote) == address


@pytest.mark.parametrize("remote", [
    "", "/srv/git/book.git", "../book", "file:///srv/git/book.git", "http://localhost/a/b", "http://10.0.0.1/a/b",
    "https://github.com/", "https://github.com/someone", "git@machine:book.git",
])  # fmt: skip
def test_what_no_reader_can_open_is_no_address(remote):
    assert launch.public(remote) is None


def test_where_a_page_is_edited_and_a_mistake_told():
    here = Repository("https://github.com/someone/book", "main")
    assert here.edit("book/sme role.ipynb") == "https://github.com/someone/book/edit/main/book/sme%20role.ipynb"
    assert here.report("Mistake & more") == "https://github.com/someone/book/issues/new?title=Mistake%20%26%20more"
    lab = Repository("https://gitlab.com/group/book", "work/two")
    assert lab.edit("book/x.md") == "https://gitlab.com/group/book/-/edit/work/two/book/x.md"
    assert lab.report("x") == "https://gitlab.com/group/book/-/issues/new?issue[title]=x"


@pytest.mark.parametrize("ref", ["v1.0", "0123abc", "f" * 40])
def test_nobody_edits_an_edition_but_mistakes_are_told(ref):
    fixed = Repository("https://github.com/someone/book", ref)
    assert fixed.edit("book/x.md") is None
    assert fixed.report("x")


def test_on_an_unknown_host_nothing_is_edited():
    elsewhere = Repository("https://git.example.org/someone/book", "main")
    assert (elsewhere.edit("book/x.md"), elsewhere.report("x")) == (None, None)


def test_links_to_mend_a_page_stand_only_where_an_address_is_set():
    env = SimpleNamespace(doc2path=lambda doc: f"/src/{doc}.md", titles={"book/x": SimpleNamespace(astext=lambda: "X")})
    app = SimpleNamespace(config=SimpleNamespace(goingglobal_repository=()), env=env, srcdir="/src")
    bare, known = {}, {}
    launch.mend(app, "book/x", "page.html", bare, object())
    app.config.goingglobal_repository = ("https://github.com/someone/book", "main", "")
    launch.mend(app, "book/x", "page.html", known, object())
    assert bare == {}
    links = {a.get_text(): a["href"] for a in BeautifulSoup(known["gg_mend"], "lxml").select("a")}
    assert links == {
        "Edit this page": "https://github.com/someone/book/edit/main/book/x.md",
        "Report a mistake": "https://github.com/someone/book/issues/new?title=Mistake%20in%20%E2%80%9CX%E2%80%9D%20"
                            "%28book%2Fx%29"}  # fmt: skip


def test_binder_and_colab():
    assert HERE.binder("book/introduction.ipynb") == (
        "https://mybinder.org/v2/gh/someone/book/v1.0?urlpath=lab%2Ftree%2Fbook%2Fintroduction.ipynb")
    assert HERE.colab("book/introduction.ipynb") == (
        "https://colab.research.google.com/github/someone/book/blob/v1.0/book/introduction.ipynb")
    lab = Repository("https://gitlab.com/group/book")
    assert lab.binder("a.ipynb").startswith("https://mybinder.org/v2/gl/group/book/main?")
    assert lab.colab("a.ipynb") is None  # it reads from GitHub only
    other = Repository("https://git.example.org/x/book")
    assert "/v2/git/https%3A%2F%2Fgit.example.org%2Fx%2Fbook/main?" in other.binder("a.ipynb")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with a configuration and a git remote of its own."""
    git(tmp_path, "init", "--quiet")
    shutil.copyfile(ROOT / "_config.yml", tmp_path / "_config.yml")
    return tmp_path


def configure(folder: Path, **repository: str) -> None:
    config = yaml.safe_load((folder / "_config.yml").read_text(encoding="utf-8"))
    config["repository"] |= repository
    (folder / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")


def test_setting_goes_before_remote(clone):
    assert launch.repository(clone) is None
    git(clone, "remote", "add", "origin", "git@github.com:someone/book.git")
    assert launch.repository(clone) == Repository("https://github.com/someone/book", "main")
    configure(clone, url="https://github.com/other/book", branch="v2")
    assert launch.repository(clone) == Repository("https://github.com/other/book", "v2")


def test_the_environment_goes_before_both(clone, monkeypatch):
    git(clone, "remote", "add", "origin", "git@github.com:someone/book.git")
    configure(clone, url="https://github.com/other/book", branch="v2")
    monkeypatch.setenv(settings.REPOSITORY, "https://github.com/third/book")
    monkeypatch.setenv(settings.READING, "reading")
    assert launch.repository(clone) == Repository("https://github.com/third/book", "v2", "reading")
    monkeypatch.setenv(settings.REF, "v3")
    assert launch.repository(clone) == Repository("https://github.com/third/book", "v3", "reading")
    assert launch.configured(clone) == Repository("https://github.com/other/book", "v2"), "no committed cell follows it"
    monkeypatch.setenv(settings.REPOSITORY, "third")
    with pytest.raises(ConfigError, match="GOINGGLOBAL_REPOSITORY is 'third'"):
        launch.repository(clone)


def test_local_remote_is_no_address(clone):
    git(clone, "remote", "add", "origin", str(clone))
    assert launch.repository(clone) is None


def test_jupyter_books_own_default_is_not_ours(clone):
    assert launch.repository(clone, "https://github.com/executablebooks/jupyter-book", "master") is None


def test_wrong_setting_is_an_error_with_its_name(clone):
    configure(clone, url="github.com/someone")
    with pytest.raises(ConfigError, match=r"repository: url is 'github.com/someone'"):
        launch.repository(clone)


# ----------------------------------------------------------------------------------------------------- first cells
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_first_cell_is_as_the_setting_says(name):
    notebook = stored(name)
    first = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    assert first == launch.install_cell(Path(name).stem, notebook, launch.configured(ROOT)), "make address writes it"


def fake_run(source: str, platform: str, modules: set[str]) -> list[str]:
    """What the cell would install on such a machine."""
    asked: list[str] = []
    shell = SimpleNamespace(run_line_magic=lambda magic, line: asked.append(f"{magic} {line}"))
    code = TransformerManager().transform_cell(source).replace("import sys", "")
    exec(code, {"sys": SimpleNamespace(platform=platform, modules=modules), "get_ipython": lambda: shell})
    return asked


@pytest.mark.parametrize("where", [None, HERE])
def test_first_cell_installs_in_the_browser_and_on_colab_only(where):
    notebook = stored("book/introduction.ipynb")
    source = launch.install_source(notebook, where)
    assert fake_run(source, "linux", {"pandas"}) == []
    assert fake_run(source, "emscripten", set()) == ['pip install -q "goingglobal[explorers]"']
    colab = fake_run(source, "linux", {"google.colab"})
    wanted = "git+https://github.com/someone/book@v1.0" if where else "./goingglobal-"
    assert len(colab) == 1
    assert wanted in colab[0]
    assert "[explorers]" in colab[0]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_first_cell_does_nothing_here(name):
    source = "".join(next(c for c in stored(name)["cells"] if c["id"].endswith("-install"))["source"])
    assert fake_run(source, sys.platform, set(sys.modules)) == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_extras_asked_for_exist(name):
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    asked = launch.extras(stored(name)).strip("[]")
    assert {e for e in asked.split(",") if e} <= set(known)


@pytest.mark.parametrize(("source", "asked"), [
    ("from goingglobal import explorers, load", "[explorers]"),
    ("import pandas as pd\nfrom goingglobal.own import large", "[large]"),
    ("facts, bounds = designs.sensitivity(rows, 'y ~ d', 'd', [])", "[sensitivity]"),
    ("from goingglobal.designs import sensitivity\nsensitivity(rows, 'y ~ d', 'd', [])", "[sensitivity]"),
    ("from goingglobal import explorers\ndesigns.sensitivity(rows)", "[explorers,sensitivity]"),
    ("large = 3\nsensitivity = 'explorers'", ""),
])  # fmt: skip
def test_extras_follow_from_imports_and_calls(source, asked):
    cells = [{"cell_type": "markdown", "source": ["designs.sensitivity() and import explorers"]},
             {"cell_type": "code", "source": source.splitlines(keepends=True)}]  # fmt: skip
    assert launch.extras({"cells": cells}) == asked


def test_the_sensitivity_analysis_is_asked_for_where_it_is_run():
    asked = {name: launch.extras(stored(name)) for name in NOTEBOOKS}
    assert [name for name, extras in asked.items() if "sensitivity" in extras] == ["book/barriers.ipynb"]
    assert "[sensitivity]" not in "".join(stored("book/exercises/barriers-exercises.ipynb")["cells"][1]["source"])


def test_stamp_writes_the_address_once_and_keeps_all_else(clone):
    folder = clone / "book"
    folder.mkdir()
    shutil.copyfile(ROOT / "book" / "introduction.ipynb", folder / "introduction.ipynb")
    before = stored("book/introduction.ipynb")["cells"]
    configure(clone, url="https://github.com/other/book", branch="v2")
    assert launch.stamp(clone) == [folder / "introduction.ipynb"]
    assert launch.stamp(clone) == []
    after = json.loads((folder / "introduction.ipynb").read_text(encoding="utf-8"))["cells"]
    assert [c["id"] for c in after] == [c["id"] for c in before]
    changed = [c["id"] for c, old in zip(after, before, strict=True) if c != old]
    assert changed == ["introduction-install"]
    cell = next(c for c in after if c["id"] == "introduction-install")
    assert "git+https://github.com/other/book@v2" in "".join(cell["source"])


# ------------------------------------------------------------------------------------------------------------- cut
def test_cut_keeps_the_first_line_of_long_cells_and_all_else():
    whole = stored("book/support-programs.ipynb")
    short = launch.cut(whole)
    assert [c["id"] for c in short["cells"] if c["id"] != "about-this-cut"] == [c["id"] for c in whole["cells"]]
    by_id = {c["id"]: c for c in short["cells"]}
    differ = [c["id"] for c in whole["cells"] if c != by_id[c["id"]]]
    first = {"support-sdid-variants": ["variants = {}\n"], "support-time": ["dated = {}\n"]}
    assert {name: by_id[name]["source"] for name in differ} == first
    note = "".join(by_id["about-this-cut"]["source"])
    assert [name for name in first if f"`{name}`" not in note] == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_cells_left_out_begin_with_an_empty_variable(name):
    notebook = stored(name)
    for cell in notebook["cells"]:
        if set(launch.CUT) & set(cell["metadata"].get("tags", [])):
            first = ast.parse(cell["source"][0]).body[0]
            assert isinstance(first, ast.Assign)
            assert not ast.literal_eval(first.value), cell["id"]
    cuts = {"book/support-programs.ipynb", "book/appendix/your-data.ipynb"}
    assert (launch.cut(notebook) is None) == (name not in cuts)


def test_cut_reports_every_headline():
    """ESTIMATES' headline ids of chapter 4, and every id in its summary's chart, are reported without the long cells.
    """
    cells = launch.cut(stored("book/support-programs.ipynb"))["cells"]
    text = "".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    chart = re.findall(r"(?m)^(support/[\w/.-]+) \| ", text)
    assert chart, "no chart in the summary box"
    left_out = "".join("".join(c["source"]) for c in stored("book/support-programs.ipynb")["cells"]
                       if c["id"] in ("support-sdid-variants", "support-time"))  # fmt: skip
    for headline in [*chart, "support/rd_fdi_share", "support/rd_parent_growth", "support/sdid_fdi"]:
        assert f'"{headline}"' not in left_out


# ----------------------------------------------------------------------------------------------------------- links
def app(repository: Repository | None, lite: bool, source: Path = ROOT) -> SimpleNamespace:
    found = (repository.url, repository.ref, repository.notebooks) if repository else ()
    config = SimpleNamespace(goingglobal_repository=found, goingglobal_lite=lite)
    return SimpleNamespace(srcdir=str(source), config=config)


def made(repository: Repository | None, lite: bool, name: str = "book/introduction.ipynb", lacking=None, source=ROOT):
    links = launch.links(app(repository, lite, source), name, lambda to, _: f"../{to}", lacking or {})
    return {a.get_text(): a for a in (BeautifulSoup(link, "html.parser").a for link in links)}


def test_without_address_no_link():
    assert made(None, lite=False) == {}


def test_colab_is_offered_only_where_the_first_cell_finds_the_library(tmp_path):
    assert set(made(HERE, lite=False)) == {"Binder"}
    (tmp_path / "book").mkdir()
    notebook = stored("book/introduction.ipynb")
    notebook["cells"].insert(0, launch.install_cell("introduction", notebook, HERE))
    (tmp_path / "book" / "introduction.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    assert set(made(HERE, lite=False, source=tmp_path)) == {"Binder", "Colab"}


def test_a_branch_of_notebooks_is_opened_and_its_library_installed_from_the_tag():
    where = Repository("https://github.com/someone/book", "v1.0", "reading-v1.0")
    links = made(where, lite=False)
    assert links["Binder"]["href"].startswith("https://mybinder.org/v2/gh/someone/book/reading-v1.0?")
    assert links["Colab"]["href"].endswith("/someone/book/blob/reading-v1.0/book/introduction.ipynb")
    text = launch.stamped("introduction", (ROOT / "book/introduction.ipynb").read_text(encoding="utf-8"), where)
    assert "git+https://github.com/someone/book@v1.0" in text


def test_browser_link_says_what_differs():
    words, link = made(None, lite=True, lacking={"pyfixest": "statsmodels"}).popitem()
    assert words == "In this browser (statsmodels in place of pyfixest)"
    assert link["href"] == "../lite/notebooks/index.html?path=book/introduction.ipynb"
    assert "the numbers are the same" in link["title"]
    words, link = made(None, lite=True, name="book/support-programs.ipynb").popitem()
    assert "a cut" in words
    assert link["href"].endswith("?path=book/support-programs-cut.ipynb")
    assert "headline numbers are all there" in link["title"]


@pytest.mark.site
@pytest.mark.parametrize("page", contents())
def test_every_notebook_page_says_how_to_run_it_and_no_link_is_dead(page):
    html = soup(f"{page}.html")
    line = html.select_one(".gg-launch")
    assert (line is not None) == (ROOT / f"{page}.ipynb").is_file()
    if line is not None:
        hrefs = [a["href"] for a in line.select("a")]
        assert any(href.endswith("appendix/rerun.html") or href == "rerun.html" for href in hrefs)
        if launch.repository(ROOT) is None:  # a plain `make book` without an address: nowhere to go but the page
            assert line.select(".gg-button") == []


# ------------------------------------------------------------------------------------------------------------ pins
def test_environment_yml_installs_the_lock_and_nothing_else():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    packages = [p for p in environment["dependencies"] if isinstance(p, str)]
    pip = next(p["pip"] for p in environment["dependencies"] if isinstance(p, dict))
    assert pip == ["-r requirements.lock", "--require-hashes"]
    python = next(p for p in packages if p.startswith("python="))
    assert set(packages) == {python, "pip", "make"}
    low, high = re.search(r">=3\.(\d+),<3\.(\d+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8")).groups()
    assert int(low) <= int(python.removeprefix("python=3.")) < int(high)
    assert "-e ." in (ROOT / "postBuild").read_text(encoding="utf-8")
    pinned = re.findall(r"(?m)^[\w.-]+(\S\S)", (ROOT / "requirements.lock").read_text(encoding="utf-8"))
    assert set(pinned) == {"=="}
