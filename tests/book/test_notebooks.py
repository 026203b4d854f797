"""Every notebook: stored clean, written as the house writes, able to run alone from any folder, offline, in silence."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from functools import cache

import nbformat
import pytest
from conftest import ROOT, SITE

from goingglobal._display import EXHIBIT, EXPLORER, RESULT
from goingglobal.sphinx import cache as building

NOTEBOOKS = sorted(p for p in (ROOT / "book").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
# Students' notebooks fail by design until they are answered: test_exercises runs them.
SHEETS = [str(path.relative_to(ROOT)) for path in NOTEBOOKS if path.parent.name == "exercises"]
NAMES = [name for path in NOTEBOOKS if (name := str(path.relative_to(ROOT))) not in SHEETS]
LINES, WIDTH, FUNCTION_LINES = 20, 120, 8
NEVER = {"filterwarnings", "simplefilter", "allow_errors", "raises-exception", "remove-stderr", "remove_stderr"}
READERS = re.compile(r"open|urlopen|urlretrieve|loadtxt|genfromtxt|read_(csv|excel|table|json|parquet|html|pickle)")

every_notebook = pytest.mark.parametrize("name", NAMES)
every_file = pytest.mark.parametrize("name", NAMES + SHEETS)


def stored(name: str) -> dict:
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


def code(name: str) -> dict[str, str]:
    """Source of each code cell by id."""
    return {c["id"]: "".join(c["source"]) for c in stored(name)["cells"] if c["cell_type"] == "code"}


def python(name: str) -> dict[str, str]:
    """Source of each cell that is plain Python: all but the first, whose text test_launch.py compares."""
    return {identity: source for identity, source in code(name).items() if not identity.endswith("-install")}


def calls(tree: ast.AST) -> list[str]:
    """The last name of each thing called: `pd.read_csv(…)` → 'read_csv'."""
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [f.attr if isinstance(f, ast.Attribute) else f.id for f in called if isinstance(f, ast.Attribute | ast.Name)]


# ------------------------------------------------------------------------------------------------------ as stored
def test_there_are_notebooks():
    assert "book/introduction.ipynb" in NAMES


@every_file
def test_format_is_valid(name):
    notebook = stored(name)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    nbformat.validate(notebook)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"


@every_file
def test_nothing_of_a_run_is_stored(name):
    for cell in stored(name)["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], cell["id"]
            assert cell["execution_count"] is None, cell["id"]
        assert set(cell["metadata"]) <= {"tags"}, f"{cell['id']}: {cell['metadata']}"


@every_file
def test_cell_ids_are_stable_words(name):
    ids = [cell["id"] for cell in stored(name)["cells"]]
    stem = name.rpartition("/")[2].removesuffix(".ipynb")
    assert [i for i, count in Counter(ids).items() if count > 1] == []
    # A random id is eight hexadecimal digits: it says nothing and changes with the tool that saved the notebook.
    assert [i for i in ids if not (i.startswith(f"{stem}-") or re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", i))] == []


@every_file
def test_cells_are_short(name):
    lines = {identity: source.rstrip("\n").split("\n") for identity, source in code(name).items()}
    assert {i: len(cell) for i, cell in lines.items() if len(cell) > LINES} == {}, "cells with too many lines"
    longest = {i: max(map(len, cell)) for i, cell in lines.items()}
    assert {i: length for i, length in longest.items() if length > WIDTH} == {}, "cells with too long lines"
    assert [i for i, length in longest.items() if not length] == [], "empty cells"


@every_file
def test_cells_hold_no_plumbing(name):
    for identity, source in python(name).items():
        tree = ast.parse(source)  # a magic or a shell command is no Python and fails here
        assert [c for c in calls(tree) if READERS.fullmatch(c)] == [], identity
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert not {"plt", "pyplot", "warnings", "subprocess", "sys", "os"} & names, identity
        assert not any(isinstance(node, ast.ExceptHandler) for node in ast.walk(tree)), identity


@every_file
def test_functions_are_short(name):
    for identity, source in python(name).items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                length = node.end_lineno - node.lineno + 1
                assert length <= FUNCTION_LINES, f"{identity}: {node.name} has {length} lines"


@every_notebook
def test_nothing_is_hushed_up(name):
    assert [word for word in NEVER if word in (ROOT / name).read_text(encoding="utf-8")] == []


# ---------------------------------------------------------------------------------------------------- as executed
@cache
def executed(name: str) -> nbformat.NotebookNode:
    """A notebook as the build ran it: alone in an empty folder, offline (test_loop.py shows that it is)."""
    kept = building.Cache(ROOT / "_build" / ".jupyter_cache" / building.execution_digest(ROOT))
    notebook = nbformat.read(ROOT / name, as_version=4)
    assert kept.has(notebook), f"{name} was not run as it is; `make book` runs it"
    return kept.executed(notebook)


def outputs(name: str) -> list[tuple[str, nbformat.NotebookNode]]:
    """Every output with its cell's id."""
    cells = [cell for cell in executed(name).cells if cell.cell_type == "code"]
    return [(cell.id, output) for cell in cells for output in cell.outputs]


@pytest.mark.site
@every_notebook
def test_runs_alone_in_an_empty_folder_offline(name):
    cells = [cell for cell in executed(name).cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)
    assert len(cells) == len(code(name))


@pytest.mark.site
@every_notebook
def test_says_nothing_on_standard_error(name):
    assert [(cell, o.text[:300]) for cell, o in outputs(name) if o.get("name") == "stderr"] == []


@pytest.mark.site
@every_notebook
def test_shows_only_exhibits_results_and_values(name):
    shown = outputs(name)
    assert shown, "a notebook that shows nothing"
    odd = []
    for cell, output in shown:
        book = output.output_type == "display_data" and {RESULT, EXHIBIT, EXPLORER} & set(output.data)
        value = output.output_type == "execute_result" and "text/plain" in output.data
        if not (book or value):
            odd.append((cell, output.output_type, str(output.get("data") or output.get("text"))[:200]))
    assert odd == []


@pytest.mark.site
@every_notebook
def test_raw_values_show_no_address(name):
    """`<matplotlib.axes at 0x7f…>` tells a reader nothing and differs at every build."""
    plain = [(cell, o.data["text/plain"]) for cell, o in outputs(name) if o.output_type == "execute_result"]
    assert [(cell, text[:100]) for cell, text in plain if re.search(r" at 0x[0-9a-f]+>", text)] == []


@pytest.mark.site
@every_notebook
def test_site_shows_the_numbers_of_this_run(name):
    """A notebook run elsewhere, alone, gives what the site says: no number depends on the build or on another page.

    The text must be the same; below it, estimators that iterate (quantile regression) may stop a hair apart.
    """
    site = json.loads((SITE / "results.json").read_text(encoding="utf-8"))
    chapter = name.removeprefix("book/").removesuffix(".ipynb")
    fresh = {o.data[RESULT]["id"]: o.data[RESULT] for _, o in outputs(name) if RESULT in o.get("data", {})}
    assert set(fresh) == {key for key, record in site.items() if record["chapter"] == chapter}
    for key, record in fresh.items():
        assert record["text"] == site[key]["text"], key
        for part in ("value", "se", "ci_low", "ci_high"):
            assert record[part] == (None if site[key][part] is None else pytest.approx(site[key][part], rel=1e-3)), key
        assert record["n"] == site[key]["n"], key
