"""Reading copies of the built site: the notebooks' code, the pages' numbers and words, outputs, and links that lead
somewhere; and every notebook as a script, as HTML and with other parameters."""

from __future__ import annotations

import ast
import base64
import io
import itertools
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urldefrag

import jupytext
import nbformat
import pytest
from conftest import ROOT, SHIPPED, SITE
from nbconvert import HTMLExporter, ScriptExporter
from pages import exhibits, results
from PIL import Image
from sphinx.errors import ExtensionError

from goingglobal import samples
from goingglobal._display import RESULT
from goingglobal.sphinx import cache as building
from goingglobal.sphinx.elsewhere import launch
from goingglobal.sphinx.taking import pictures as pictures_of_book
from goingglobal.sphinx.teaching import copies

FILES = launch.notebooks(ROOT)
SOURCES = {path.relative_to(ROOT / "book").with_suffix("").as_posix(): path for path in FILES
           if path.parent.name != "exercises"}  # fmt: skip
CHAPTERS = [name for name in SOURCES if "/" not in name]
EVERY = [path.relative_to(ROOT).as_posix() for path in FILES]
LINK = re.compile(r"\]\((?P<address>[^)\s]+)(?: \"[^\"]*\")?\)|href=\"(?P<reference>[^\"]+)\"")
every_copy = pytest.mark.parametrize("name", SOURCES)
site = pytest.mark.site


def source(cell: dict) -> str:
    return "".join(cell["source"])


@cache
def stored(name: str) -> dict:
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


@cache
def exporter() -> ScriptExporter:
    """One for all notebooks: it looks for plug-ins and makes its templates once."""
    return ScriptExporter()


@cache
def copy(name: str) -> dict:
    return json.loads((SITE / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))


def cells(notebook: dict, kind: str) -> dict[str, dict]:
    return {cell["id"]: cell for cell in notebook["cells"] if cell["cell_type"] == kind}


def outputs(name: str) -> list[dict]:
    return [output for cell in cells(copy(name), "code").values() for output in cell["outputs"]]


def shown(name: str) -> str:
    """All that a copy says: its text, and the HTML of its outputs."""
    html = ["".join(output["data"].get("text/html", "")) for output in outputs(name) if "data" in output]
    return "\n".join([*map(source, cells(copy(name), "markdown").values()), *html])


@cache
def anchors(page: Path) -> set[str]:
    return set(re.findall(r'\bid="([^"]+)"', page.read_text(encoding="utf-8")))


# ------------------------------------------------------------------------------------------------------- what it is
@site
@every_copy
def test_a_copy_has_the_code_of_its_notebook_and_is_valid(name):
    nbformat.validate(copy(name))
    theirs, ours = cells(stored(f"book/{name}.ipynb"), "code"), cells(copy(name), "code")
    assert list(ours) == list(theirs)
    for identity, cell in ours.items():
        if not identity.endswith("-install"):  # in a copy it knows where the repository is
            assert source(cell) == source(theirs[identity])
    assert all(cell["metadata"].get("tags", []) == theirs[identity]["metadata"].get("tags", [])
               for identity, cell in ours.items())  # fmt: skip
    assert all(cell["execution_count"] for cell in ours.values())


@site
@every_copy
def test_nothing_of_the_page_s_markup_is_left(name):
    for identity, cell in cells(copy(name), "markdown").items():
        text = re.sub(r"base64,\S+", "", source(cell))
        assert re.findall(r"\{[\w:-]+\}`|^>? ?(?::::|```\{).*|^:[\w-]+: .*", text, re.M) == [], identity
        assert text.strip(), identity


@site
@every_copy
def test_numbers_stand_where_their_names_stood(name):
    ours = cells(copy(name), "markdown")
    for identity, cell in cells(stored(f"book/{name}.ipynb"), "markdown").items():
        asked = re.findall(r"\{result\}`(?:[^`<]+<)?([^`<>]+?)>?`", source(cell))
        words = iter(re.findall(r"[+−]?\d[\d.,]*", source(ours[identity]))) if asked else iter(())
        for key in asked:
            text = results()[key]["text"]
            plain = re.findall(r"[+−]?\d[\d.,]*", text)[0].rstrip(".,")
            assert any(word.rstrip(".,") == plain for word in words), f"{identity}: {key} = {text} in its place"


@site
@every_copy
def test_every_link_leads_to_a_page_and_a_place_on_it(name):
    here = Path("notebooks", name).parent
    found = {match["address"] or match["reference"] for match in LINK.finditer(shown(name))}
    assert found
    for address in found:
        if re.match(r"[a-z]+:", address):
            continue
        file, anchor = urldefrag(unquote(address.replace("&amp;", "&")))
        target = (SITE / here / file).resolve()
        assert target.is_file(), address
        if anchor and target.suffix == ".html":
            assert anchor in anchors(target), address


@site
@every_copy
def test_every_exhibit_of_the_page_has_its_number_caption_and_picture(name):
    text, pictures = shown(name).replace("&#x27;", "'").replace("&quot;", '"'), 0
    for label, record in exhibits().items():
        if record["page"] != f"book/{name}":
            continue
        assert f"{record['number']}." in text, label
        assert record["caption"].replace("&", "&amp;") in text or record["caption"] in text, label
        assert record["kind"] == "figure" or f"<strong>{record['number']}.</strong>" in text
        pictures += record["kind"] == "figure"
    images = [output["data"]["image/png"] for output in outputs(name) if "image/png" in output.get("data", {})]
    images += re.findall(r"data:image/png;base64,(\S+)", text)
    assert len(images) >= pictures
    for image in images:
        drawn = Image.open(io.BytesIO(base64.b64decode(image)))
        assert 300 < drawn.width / pictures_of_book.SCALE < 1000
        assert len(drawn.convert("L").getcolors()) > 8, "a picture of nothing"


@site
@pytest.mark.parametrize("name", CHAPTERS)
def test_hints_and_solutions_are_folded(name):
    written = [source(cell) for cell in cells(stored(f"book/{name}.ipynb"), "markdown").values()]
    text = "\n".join(map(source, cells(copy(name), "markdown").values()))
    assert text.count("<details><summary>Hint (open)</summary>") == "\n".join(written).count("```{hint}")
    folded = len(re.findall(r"<summary>(?:Solution|What a good answer has) \(open\)</summary>", text))
    assert folded == "\n".join(written).count("```{solution} ")
    heads = [cell["id"] for cell in cells(copy(name), "markdown").values()
             if cell["metadata"].get("jp-MarkdownHeadingCollapsed")]  # fmt: skip
    assert heads == [f"{cell['id']}-solution-head" for cell in cells(stored(f"book/{name}.ipynb"), "markdown").values()
                     if "{solution-start}" in source(cell)]  # fmt: skip
    assert copy(name)["metadata"]["colab"]["collapsed_sections"] == heads
    # What is folded with a solution ends with its exercise: the next head is no lower.
    levels = [(cell["id"], len(match[1])) for cell in cells(copy(name), "markdown").values()
              for match in re.finditer(r"^(#+) ", source(cell), re.M)]  # fmt: skip
    for (identity, level), (_, following) in itertools.pairwise(levels):
        assert identity not in heads or following <= level


@site
def test_definitions_stand_below_the_cell_that_uses_a_term():
    cell = cells(copy("barriers"), "markdown")["barriers-more-2"]
    assert re.search(r"^> \*discrete-time hazard\*: The probability that", source(cell), re.M)
    assert "[discrete-time hazard](../book/appendix/glossary.html#term-discrete-time-hazard)" in source(cell)


def test_links_of_the_source_and_what_only_a_page_can_fill_in():
    config = SimpleNamespace(html_baseurl="https://e.org/b/")
    env = SimpleNamespace(found_docs={"book/appendix/rerun"}, goingglobal_pages={})
    builder = SimpleNamespace(get_target_uri=lambda doc: f"{doc}.html")
    app = SimpleNamespace(env=env, config=config, builder=builder, doctreedir="")
    page = copies.Page(app, "book/appendix/data")
    written = "[a](../../data/x.csv) [b](rerun.md#c) [d](https://f.org) [e](#g)\n\n```{data-files}\n```"
    assert page.text({"source": written}) == (
        "[a](https://e.org/b/data/x.csv) [b](https://e.org/b/book/appendix/rerun.html#c) [d](https://f.org) [e](#g)\n\n"
        "*On the book's page: [data files](https://e.org/b/book/appendix/data.html).*", "")


@site
def test_the_page_offers_its_copy():
    page = (SITE / "book" / "barriers.html").read_text(encoding="utf-8")
    assert '<a href="../notebooks/barriers.ipynb" download>notebook (.ipynb)</a>' in page


def test_a_picture_is_drawn_once_and_shows_what_reaches_over_the_edge(tmp_path):
    svg = ('<svg width="300" height="60" viewBox="0 0 300 60" xmlns="http://www.w3.org/2000/svg">'
           '<rect x="10" y="10" width="20" height="40" style="fill: var(--gg-a,var(--jp-b,#ff0000))"/>{}</svg>')
    over = svg.format('<rect x="290" y="10" width="40" height="40" style="fill: var(--gg-c,#0000ff)"/>')
    inside, reaching = pictures_of_book.picture(svg.format(""), tmp_path), pictures_of_book.picture(over, tmp_path)
    assert pictures_of_book.size(inside) == (300, 60)
    assert pictures_of_book.size(reaching) == (330, 60)
    drawn = Image.open(io.BytesIO(reaching)).convert("RGB")
    red, blue, white = (drawn.getpixel(place) for place in ((25, 38), (410, 38), (200, 38)))
    assert (red[0] > 240, red[2] < 20, blue[2] > 240, blue[0] < 20, min(white) > 250) == (True,) * 5
    assert len(list(tmp_path.iterdir())) == 2
    for file in tmp_path.iterdir():
        file.write_bytes(b"as it was")
    assert pictures_of_book.picture(over, tmp_path) == b"as it was"


# ----------------------------------------------------------------------------------------------------- other programs
def everything() -> list[Path]:
    return [*FILES, *(SITE / "notebooks" / f"{name}.ipynb" for name in SOURCES)]


@site
@pytest.mark.parametrize("path", everything(), ids=lambda path: "-".join(path.parts[-3:]))
def test_every_notebook_survives_as_a_script(path):
    """By jupytext, which makes magics comments, and by nbconvert, which makes them calls."""
    notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    ast.parse(jupytext.writes(notebook, fmt="py:percent"), str(path))
    script, about = exporter().from_notebook_node(notebook)
    assert about["output_extension"] == ".py"
    tree = ast.parse(script, str(path))
    compile(tree, str(path), "exec")
    count = len([cell for cell in notebook.cells if cell.cell_type == "code"])
    assert len(tree.body) >= count, "each cell has its statements"


def test_a_notebook_becomes_html_in_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    html, _ = HTMLExporter().from_filename(str(SITE / "notebooks" / "appendix" / "regression-tables.ipynb"))
    assert "<table>" in html
    assert list(tmp_path.iterdir()) == []


# What each chapter lets one vary, and to what: another value, with which numbers change.
VARIED = {
    "introduction": ("last_year", 2012, "country/no_conduits_controls/pwt"),
    "sme-role": ("largest_step", 0.5, "firm/starters_trim70_without_2019/parent"),
    "barriers": ("covariates", ["ln_parent0", "ln_assets", "profitability", "average_age", "manufacturing"],
                 "barriers/ipw_att/parent"),
    "support-programs": ("cutoff", 400.5, "support/rd_fdi_share"),
    "conclusion": ("largest_group", 100, "primary/small_groups/p"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED)
def test_papermill_finds_each_chapter_s_parameters(name):
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook

    parameter, value, _ = VARIED[name]
    path = SOURCES[name]
    before = load_notebook_node(str(path))
    after = parameterize_notebook(load_notebook_node(str(path)), {parameter: value})
    place = next(at for at, cell in enumerate(after.cells) if "parameters" in cell.metadata.get("tags", []))
    known = {}
    exec(before.cells[place].source, known)
    assert known[parameter] != value
    assert after.cells[place + 1].metadata["tags"] == ["injected-parameters"]
    exec(after.cells[place + 1].source, known)
    assert known[parameter] == value
    assert len(after.cells) == len(before.cells) + 1
    later = "\n".join(cell.source for cell in after.cells[place + 2:] if cell.cell_type == "code")
    assert re.search(rf"\b{parameter}\b", later)
    assert not re.search(rf"^{parameter} = ", later, re.M), "nothing sets it anew"


def test_the_parameters_are_those_of_the_book():
    known = {}
    exec(source(cells(stored("book/barriers.ipynb"), "code")["barriers-parameters"]), known)
    assert tuple(known["covariates"]) == samples.COVARIATES


# --------------------------------------------------------------------------------------------------- faults and places
def test_a_notebook_without_a_kernel_is_one_clear_line(tmp_path):
    (tmp_path / "a.ipynb").write_text(nbformat.writes(nbformat.v4.new_notebook()), encoding="utf-8")
    env = SimpleNamespace(doc2path=lambda doc: str(tmp_path / f"{doc}.ipynb"),
                          mystnb_config=SimpleNamespace(execution_mode="cache", execution_timeout=9))
    app = SimpleNamespace(srcdir=str(tmp_path), config=SimpleNamespace(nb_execution_cache_path=str(tmp_path / "kept")))
    with pytest.raises(ExtensionError) as raised:
        building._execute(app, env, ["a"])
    assert str(raised.value) == (
        "notebooks could not be run:\na.ipynb, its metadata name no kernel; `make address` writes them")


def test_metadata_are_written_with_the_first_cell(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "_config.yml").write_text("repository: {url: ''}\n", encoding="utf-8")
    cell = nbformat.v4.new_code_cell("1", id="a-1")
    bare = nbformat.v4.new_notebook(cells=[cell], metadata={"authors": [{"name": "A"}]})
    path = tmp_path / "book" / "a.ipynb"
    path.write_text(nbformat.writes(bare), encoding="utf-8")
    assert launch.stamp(tmp_path) == [path]
    assert json.loads(path.read_text(encoding="utf-8"))["metadata"] == {**launch.METADATA, "authors": [{"name": "A"}]}
    assert launch.stamp(tmp_path) == []


@pytest.mark.parametrize("name", EVERY)
def test_every_notebook_says_what_it_holds(name):
    assert stored(name)["metadata"] == launch.METADATA


def test_binder_and_colab_open_the_copy_where_a_branch_holds_it():
    def opened(reading: str) -> str:
        where = ("https://github.com/someone/book", "main", reading)
        config = SimpleNamespace(goingglobal_repository=where, goingglobal_lite=False)
        app = SimpleNamespace(srcdir=str(ROOT), config=config)
        return " ".join(launch.links(app, "book/barriers.ipynb", None, {}, "notebooks/barriers.ipynb"))

    assert "/v2/gh/someone/book/reading?urlpath=lab%2Ftree%2Fnotebooks%2Fbarriers.ipynb" in opened("reading")
    assert "colab.research.google.com/github/someone/book/blob/reading/notebooks/barriers.ipynb" in opened("reading")
    assert "/v2/gh/someone/book/main?urlpath=lab%2Ftree%2Fbook%2Fbarriers.ipynb" in opened("")
    assert "colab" not in opened("")  # the committed first cell doesn't know where the library is


# ------------------------------------------------------------------------------------------------------------- minutes
@pytest.mark.environments
@pytest.mark.far
@site
@pytest.mark.parametrize("name", SHIPPED)
def test_a_copy_runs_by_itself_and_its_parameters_change_numbers(name, tmp_path):
    """Top to bottom in an empty folder, by papermill: once as it is, once with another value."""
    import papermill

    parameter, value, changed = VARIED[name]
    path, runs = SITE / "notebooks" / f"{name}.ipynb", []
    empty = tmp_path / "empty"
    empty.mkdir()
    for place, parameters in enumerate(({}, {parameter: value})):
        done = papermill.execute_notebook(str(path), str(tmp_path / f"{place}.ipynb"), parameters, cwd=str(empty),
                                          progress_bar=False, kernel_name="python3")  # fmt: skip
        runs.append({output["data"][RESULT]["id"]: output["data"][RESULT]["text"] for cell in done.cells
                     for output in cell.get("outputs", []) if RESULT in output.get("data", {})})  # fmt: skip
    book = {key: record["text"] for key, record in results().items() if record["chapter"] == name}
    assert runs[0] == book
    assert runs[1].keys() == book.keys()
    assert runs[1][changed] != book[changed]
    assert list(empty.iterdir()) == []


@pytest.mark.environments
@pytest.mark.far
@site
def test_every_notebook_becomes_html_by_the_command(tmp_path):
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--output-dir", "pages", *map(str, everything())]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names = {path.stem for path in everything()}
    assert {path.stem for path in (tmp_path / "pages").iterdir()} == names
