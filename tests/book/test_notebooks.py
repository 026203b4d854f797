"""Every notebook: stored clean, written as the house writes, able to run alone from any folder, offline, in silence."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from functools import cache

import nbformat
import pytest
from conftest import ROOT, SHIPPED, SITE

from goingglobal._display import EXHIBIT, EXPLORER, RESULT
from goingglobal.sphinx import cache as building
from goingglobal.sphinx import state

NOTEBOOKS = sorted(p for p in (ROOT / "book").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
# Students' notebooks fail by design until they are answered: test_exercises runs them.
SHEETS = [str(path.relative_to(ROOT)) for path in NOTEBOOKS if path.parent.name == "exercises"]
NAMES = [name for path in NOTEBOOKS if (name := str(path.relative_to(ROOT))) not in SHEETS]
# A cell of code that is read, and one that is folded: lines, and characters that fit the page (see test_site).
OPEN, FOLDED, FUNCTION_LINES = (20, 84), (45, 120), 8
CLOSED = {"hide-input", "remove-cell", "remove-input"}
EXERCISES = {"starter", "solution", "check"}
CHAPTERS = [f"book/{stem}.ipynb" for stem in SHIPPED]
LIBRARIES = {"smf", "sm", "pf", "diff_diff"}  # as the chapters import them
NAMED = re.compile(r"exhibits\.(figure|table|table_description)\(|\A# \S|\breport\(")
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


def tags(cell: dict) -> set[str]:
    return set(cell["metadata"].get("tags", []))


def too_large(cells: list[dict]) -> list[str]:
    """Cells with more lines, or longer ones, than a reader of open code, or a writer of folded, should meet."""
    faults = []
    for cell in (cell for cell in cells if cell["cell_type"] == "code" and not cell["id"].endswith("-install")):
        lines = "".join(cell["source"]).rstrip("\n").split("\n")
        most, widest = FOLDED if tags(cell) & (CLOSED | {"check"}) else OPEN
        if len(lines) > most or max(map(len, lines)) > widest or lines == [""]:
            faults.append(f"{cell['id']}: {len(lines)} lines of up to {max(map(len, lines))} characters")
    return faults


@every_file
def test_cells_are_short(name):
    assert too_large(stored(name)["cells"]) == []


def ill_folded(cells: list[dict]) -> list[str]:
    """Folds that don't say what they hold, folds on folds, and open cells without a word between them."""
    faults, above = [], None
    for cell in cells:
        if cell["cell_type"] != "code":
            above = None
            continue
        if tags(cell) & {"remove-cell", "remove-input"}:
            continue
        source, folded = "".join(cell["source"]), "hide-input" in tags(cell)
        if folded and not NAMED.search(source):
            faults.append(f"{cell['id']}: a fold without a name")
        if above == ("fold" if folded else "open"):
            faults.append(f"{cell['id']}: {'a fold on a fold' if folded else 'an open cell on an open cell'}")
        shows = re.search(r"exhibits\.(figure|table)|table_description", source) or (
            not folded and shows_a_value(source))
        alone = "parameters" in tags(cell)  # papermill writes its own cell below this one, and setup follows
        above = None if shows or alone else "fold" if folded else "open"
    return faults


def shows_a_value(source: str) -> bool:
    """Whether the last line of a cell is a value, which stands between this cell and the next."""
    last = ast.parse(source).body[-1]
    return isinstance(last, ast.Expr)


@every_notebook
def test_folds_say_what_they_hold_and_stand_apart(name):
    cells = [cell for cell in stored(name)["cells"] if not cell["id"].endswith("-install")]
    assert ill_folded(cells) == []


@pytest.mark.parametrize(("cells", "fault"), [
    ([("a = 1", []), ("b = 2", [])], "an open cell on an open cell"),
    ([("a = 1\na", []), ("b = 2", [])], None), ([("a = 1", ["parameters"]), ("b = 2", [])], None),
    ([("report('a/b', 1)", ["hide-input"]), ("report('a/c', 1)", ["hide-input"])], "a fold on a fold"),
    ([("exhibits.figure('fig-a')", ["hide-input"]), ("report('a/c', 1)", ["hide-input"])], None),
    ([("a = 1", ["hide-input"])], "a fold without a name"), ([("# Where names stand\na = 1", ["hide-input"])], None),
    ([("a = 1", []), ("b = 2", ["remove-cell"]), ("c = 3", [])], "an open cell on an open cell"),
])  # fmt: skip
def test_an_ill_folded_cell_is_found(cells, fault):
    made = [{"cell_type": "code", "id": f"c-{n}", "source": source, "metadata": {"tags": tag}}
            for n, (source, tag) in enumerate(cells)]  # fmt: skip
    assert [line.partition(": ")[2] for line in ill_folded(made)] == ([fault] if fault else [])


def open_cells(name: str) -> dict[str, str]:
    """Cells of code that a reader of the chapter sees, without those of exercises."""
    return {cell["id"]: "".join(cell["source"]) for cell in stored(name)["cells"]
            if cell["cell_type"] == "code" and not tags(cell) & (CLOSED | EXERCISES)}  # fmt: skip


def fits(source: str) -> int:
    """Calls of `fit`, `feols` and the like, of a library that the cell names."""
    tree = ast.parse(source)
    roots = {node.value.id for node in ast.walk(tree) if isinstance(node, ast.Attribute)
             and isinstance(node.value, ast.Name)} & LIBRARIES  # fmt: skip
    return sum(name in ("fit", "feols", "fepois") for name in calls(tree)) if roots else 0


def drawn_by_seaborn(name: str) -> dict[str, bool]:
    """Label of each figure → whether what it shows was made by a call of seaborn in an open cell."""
    made: set[str] = set()  # names that stand for what a call of seaborn in an open cell made, or for what came of it
    figures = {}
    for cell in stored(name)["cells"]:
        if cell["cell_type"] != "code" or tags(cell) & EXERCISES or cell["id"].endswith("-install"):
            continue
        tree, seaborn = ast.parse("".join(cell["source"])), set() if tags(cell) & CLOSED else {"sns", "so"}
        for node in (node for node in ast.walk(tree) if isinstance(node, ast.Assign)):
            used = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
            bound = {n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)}
            made = made | bound if used & (seaborn | made) else made - bound
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "exhibits.figure":
                label = ast.literal_eval(node.args[0])
                figures[label] = bool({n.id for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)} & made)
    return figures


@pytest.mark.parametrize("name", CHAPTERS)
def test_regressions_are_calls_of_the_libraries_in_open_cells(name):
    own = {identity: count for identity, source in open_cells(name).items() if identity in python(name)
           and (count := fits(source))}  # fmt: skip
    assert len(own) >= 4, own


@pytest.mark.parametrize("name", CHAPTERS)
def test_half_of_the_figures_are_drawn_by_seaborn_in_open_cells(name):
    figures = drawn_by_seaborn(name)
    assert len(figures) >= 3
    assert 2 * sum(figures.values()) >= len(figures), figures


@pytest.mark.parametrize(("source", "count"), [
    ("fit = smf.ols('y ~ x', d).fit()", 1), ("fit = pf.feols('y ~ x', d)", 1), ("models.ols(d, 'y ~ x')", 0),
    ("study = models.event_study(d)", 0), ("a = diff_diff.CallawaySantAnna().fit(d)", 1), ("sm.families.Binomial()", 0),
])  # fmt: skip
def test_a_fit_is_counted_where_a_library_makes_it(source, count):
    assert fits(source) == count


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
    kept = building.Cache(state.executed(ROOT))
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
