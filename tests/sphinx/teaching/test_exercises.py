"""Exercises: whole in every chapter, made into students' notebooks without solutions, checked in both directions.

A check must fail, in words, on the starter and on answers that are plausible and wrong, and pass on the solution.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from functools import cache

import nbclient
import nbformat
import pytest
import warm
from bs4 import BeautifulSoup
from conftest import ROOT, SHIPPED, SITE
from pages import soup

from goingglobal import results
from goingglobal.sphinx.elsewhere import launch
from goingglobal.sphinx.teaching import assignments, students
from goingglobal.sphinx.teaching.exercises import KINDS, file_name

FOLDER = ROOT / "book" / "exercises"


@cache
def chapter(stem: str) -> dict:
    return json.loads((ROOT / "book" / f"{stem}.ipynb").read_text(encoding="utf-8"))


@cache
def sheet(stem: str) -> dict:
    return json.loads((FOLDER / file_name(stem)).read_text(encoding="utf-8"))


def exercises(stem: str) -> list[students.Exercise]:
    return students.exercises(chapter(stem), stem)


CHAPTERS = {stem: number for stem, number in students.chapters(ROOT).items() if exercises(stem)}

CODE = {e.label: (stem, e) for stem in CHAPTERS for e in exercises(stem) if e.tagged("check")}
every_chapter = pytest.mark.parametrize("stem", CHAPTERS)
every_shipped = pytest.mark.parametrize("stem", SHIPPED)
every_check = pytest.mark.parametrize("label", CODE)

# Answers that a student might well give: in the solution, what is put in place of what, and what the check must name.
WRONG = {
    "exercise-same-year": [
        ("conduits=False", "conduits=True", "sample without conduits"), ("fdi_now", "fdi_lead", "fdi_now"),
        (", *controls]", "]", "controls")],
    "exercise-two-years": [
        ("shift(-1)", "shift(1)", "or back"), ('["fdi_lead"].shift(-1)', '["fdi_lead"].shift(0)', "one year only"),
        (", *controls]", "]", "two years later"),
        ('.groupby("iso3")["fdi_lead"]', '["fdi_lead"]', "of the next country"),
        ("fdi_in_two", "later", "column `fdi_in_two`")],
    "exercise-strict": [
        ("min_fdi_share=1.0", "min_fdi_share=0.85", "in every year since"),
        ("min_fdi_share=1.0", "trim=0.7, min_fdi_share=1.0", "trim nothing"),
        ("min_fdi_share=1.0", 'outcome="group", min_fdi_share=1.0', "parent headcount")],
    "exercise-one-firm": [
        ("idxmax()", "idxmin()", "jumped further"), ('"edinet_code"] != firm', '"jump"] < 3.1', "all rows"),
        ('"edinet_code"] != firm', '"jump"] < 2', "and no other")],
    "exercise-group-ladder": [
        ('"group ~ fdi + ln_parent0 + C(sector)"', '"group ~ fdi + ln_parent0"', "sectors"),
        ('"group ~ fdi", long', '"group ~ fdi", both_years', "raw"),
        ('["ipw_att"]', '["ipw_ate"]', "lead")],
    "exercise-weights-by-hand": [
        ('stay["propensity"] / (1', "1 / (1", "p/\\(1−p\\)"), (", weights=odds", "", "weights did nothing"),
        ("odds.sum() ** 2 / (odds**2).sum()", "odds.sum()", "worth")],
    "exercise-other-line": [
        ("100.5", "300.5", "which cut-off"), ('["parent"].min()', '["parent"].mean()', "least"),
        ('["sector"]) == 100', '["sector"]) <= 100', "in wholesale or services")],
    "exercise-how-many": [
        ("2.8 * error", "1.96 * error", "found in 50%"), ("2.8 * error", "2.8 * seen.se", "smallest"),
        ("(smallest / 1.0) ** 2", "smallest", "needed")],
    "exercise-small-parents": [
        ('["at most 300"]', '["J", "at most 300"]', "only the smaller groups"),
        ('"p_median"', '"low"', "another p"),
        ('"outcome": ["lower"]', '"outcome": ["upper"]', "only the lower bound"),
        ('["average after"]', '["impact year"]', "the average over the years"),
        ('["per firm"]', '["per job"]', "firms counted alike"),
        ("permutations=199", "permutations=19", "at least 199")],
    "exercise-best-of-many": [
        ("100 * above.mean()", "above.mean()", "in %"), ("any(axis=0)", "any(axis=1)", "deal by deal"),
        ("> half", "> 0 * half", "interval by interval")],
}  # fmt: skip


HIDDEN = {label: code for stem in CHAPTERS for label, code in assignments.hidden(
    ROOT / "book" / "hidden" / f"{stem}.py", {e.label for e in exercises(stem)}).items()}  # fmt: skip
# What passes the check and not the hidden test.
HALF = {
    "exercise-same-year": ('vcov={"CRV1": "iso3"}', 'vcov="hetero"', "cluster it by country"),
    "exercise-two-years": ('vcov={"CRV1": "iso3"}', 'vcov="iid"', "cluster it by country"),
    "exercise-strict": ('vcov={"CRV1": "edinet_code"}', 'vcov="iid"', "cluster it by firm"),
    "exercise-one-firm": ('vcov={"CRV1": "edinet_code"}', 'vcov="iid"', "cluster it by firm"),
    "exercise-group-ladder": ('cov_type="HC1"', 'cov_type="nonrobust"', "not robust"),
}


# ------------------------------------------------------------------------------------------------ as written
@every_shipped
def test_every_kind_is_there(stem):
    found = exercises(stem)
    assert len(found) >= 4
    assert {e.kind for e in found} == set(KINDS)
    assert len([e for e in found if e.tagged("check")]) >= 2


@every_chapter
def test_every_exercise_has_hint_and_solution(stem):
    for exercise in exercises(stem):
        assert len(exercise.statement.split()) >= 15, exercise.label
        assert len(exercise.hint.split()) >= 8, exercise.label
        text = "\n".join(students.source(c) for c in exercise.cells if c["cell_type"] == "markdown")
        assert re.search(rf"^```\{{solution(?:-start)?\}} {exercise.label}$", text, re.M), exercise.label
        assert exercise.id == f"{exercise.cells[0]['id']}"


@every_chapter
def test_what_is_checked_by_code_has_starter_and_solution(stem):
    for exercise in (e for e in exercises(stem) if e.tagged("check")):
        for tag in ("starter", "solution"):
            assert exercise.tagged(tag), (exercise.label, tag)
        assert all("remove-cell" in students.tags(cell) for cell in exercise.tagged("starter")), exercise.label


def test_labels_are_unique_over_the_book():
    labels = [e.label for stem in CHAPTERS for e in exercises(stem)]
    assert len(labels) == len(set(labels))


@every_check
def test_check_types_no_result(label):
    """What an answer is held against is computed; a number with three digits or more would be a result typed in."""
    for cell in CODE[label][1].tagged("check"):
        code = re.sub(r"f?\"[^\"]*\"", "", students.source(cell))
        assert not re.findall(r"(?<![\w.])\d+\.\d{3,}", code)
        assert re.search(r"teaching\.given\(", code), "dots of the starter are named first"


# ----------------------------------------------------------------------------------------- students' notebooks
def test_committed_notebooks_are_those_the_chapters_make():
    made = students.made(ROOT)
    assert {path.name for path in FOLDER.iterdir()} == {path.name for path in made}
    stale = [path.name for path, text in made.items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "`make exercises` makes them again"


def test_first_cells_written_again_change_nothing(tmp_path):
    """`launch` finds its cell in a student's notebook, under the id and in the place it expects."""
    shutil.copytree(FOLDER, tmp_path / "book" / "exercises")
    shutil.copyfile(ROOT / "_config.yml", tmp_path / "_config.yml")
    assert launch.stamp(tmp_path) == []


@every_chapter
def test_students_notebook_is_valid_and_in_order(stem):
    notebook = sheet(stem)
    nbformat.validate(nbformat.from_dict(notebook))
    heads = [students.source(cell).splitlines()[0] for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    numbered = [head for head in heads if head.startswith("## Exercise ")]
    assert numbered == [f"## Exercise {CHAPTERS[stem]}.{place} {exercise.title}"
                        for place, exercise in enumerate(exercises(stem), 1)]  # fmt: skip
    text = json.dumps(notebook, ensure_ascii=False)
    assert not re.search(r"\{[\w:-]+\}`|^:::|```\{", text), "a role or a directive of the page is left"
    assert text.count("Your answer:") == text.count("<summary>Hint</summary>") == len(exercises(stem))


def test_exhibits_are_named_by_number_and_first_words():
    text = "".join(students.source(cell) for cell in sheet("sme-role")["cells"])
    assert "In Fig. 2.7 (“Keep every firm and the …”) trimming" in text
    assert "(Fig. 1.8, “Putting one conduit country back …”)" in json.dumps(sheet("introduction"), ensure_ascii=False)


@every_chapter
def test_students_notebook_holds_no_line_of_a_solution(stem):
    notebook = sheet(stem)
    given = "\n".join(students.source(cell) for cell in notebook["cells"])
    shared = {line.strip() for e in exercises(stem) for tag in ("starter", "check") for cell in e.tagged(tag)
              for line in students.source(cell).splitlines()}  # fmt: skip
    for exercise in exercises(stem):
        code = [line.strip() for cell in exercise.tagged("solution") for line in students.source(cell).splitlines()]
        lines = [line for line in code if len(line) > 12 and line not in shared and not line.startswith("import ")]
        text = [students.source(cell) for cell in exercise.cells[1:] if cell["cell_type"] == "markdown"]
        first = students.source(exercise.cells[0]).partition("```{solution} ")[2]
        sentences = [s for s in re.split(r"(?<=[.:?])\s+", " ".join([first, *text])) if len(s) > 30]
        assert len(lines) + len(sentences) >= 3, exercise.label
        assert [part for part in (*lines, *sentences) if part in given] == [], exercise.label


@every_chapter
def test_install_cell_is_carried_over_first(stem):
    install = {"cell_type": "code", "id": f"{stem}-install", "metadata": {"tags": ["remove-cell"]}, "outputs": [],
               "execution_count": None, "source": ["%pip install it\n"]}  # fmt: skip
    plain = {**chapter(stem), "cells": [c for c in chapter(stem)["cells"] if not c["id"].endswith("-install")]}
    notebook = students.notebook({**plain, "cells": [plain["cells"][0], install, *plain["cells"][1:]]}, stem, 1, "Book")
    first = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    assert first == {**install, "id": f"{stem}-exercises-install"}, "under the id that `launch` looks for"


# ------------------------------------------------------------------------------------------------ as executed
@pytest.fixture(scope="module")
def ready():
    """Stem → names that a student's setup cells leave, run once; reports of solutions stay out of the process."""
    made: dict[str, dict] = {}

    def names(stem: str) -> dict:
        if stem not in made:
            made[stem] = {}
            for cell in sheet(stem)["cells"]:
                if "setup" in students.tags(cell):
                    run(cell, made[stem])
        return dict(made[stem])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "_records", {})
        yield names


@pytest.fixture(scope="module")
def solved(ready):
    """Label → names that the setup cells and the solution leave, run once."""
    made: dict[str, dict] = {}

    def names(label: str) -> dict:
        if label not in made:
            stem, exercise = CODE[label]
            made[label] = ready(stem)
            run(exercise.tagged("solution")[0], made[label])
        return dict(made[label])

    return names


def run(cell: dict, names: dict, *swap: str) -> None:
    code = students.source(cell)
    if swap:
        assert swap[0] in code, f"{swap[0]!r} does not stand in the solution"
        code = code.replace(*swap)
    exec(compile(code, cell["id"], "exec"), names)  # the project's own cells


def said(cell: dict, names: dict) -> str:
    with pytest.raises(AssertionError) as caught:
        run(cell, names)
    return str(caught.value)


@every_chapter
def test_as_generated_every_check_fails_in_words_and_nothing_else_does(ready, stem):
    names, checks = ready(stem), 0
    for cell in sheet(stem)["cells"]:
        if "check" in students.tags(cell):
            words = said(cell, names)
            assert len(words.split()) >= 6, words
            assert words.endswith((".", "?")), words
            checks += 1
        elif cell["cell_type"] == "code" and "setup" not in students.tags(cell) and not cell["id"].endswith("-install"):
            run(cell, names)
    assert checks == sum(bool(e.tagged("check")) for e in exercises(stem))


@every_check
def test_solution_passes_its_check(solved, label):
    exercise, names = CODE[label][1], solved(label)
    first, *others = [cell for cell in exercise.cells[1:]
                      if cell["cell_type"] == "code" and "starter" not in students.tags(cell)]  # fmt: skip
    assert first is exercise.tagged("solution")[0]
    for cell in others:
        run(cell, names)


@every_check
def test_check_judges_no_older_answer(solved, label):
    """Where the answer's cell stops with an error after a right answer, the check names what is not set."""
    exercise, names = CODE[label][1], solved(label)
    check = students.source(exercise.tagged("check")[0])
    given = re.findall(r"teaching\.given\(([^)]*)\)", check)
    asked = {name for call in given for name in re.findall(r"(\w+)=", call)}
    starter = students.source(exercise.tagged("starter")[0]).splitlines()
    exec(compile(starter[0], "first line", "exec"), names)
    assert asked == {name for name in re.findall(r"(\w+) =", starter[0]) if names[name] is ...}
    assert "is still `...`" in said(exercise.tagged("check")[0], names)


@pytest.mark.parametrize(("label", "swap"), [(label, swap) for label in WRONG for swap in WRONG[label]],
                         ids=lambda value: value if isinstance(value, str) else value[1][:24])  # fmt: skip
def test_plausible_wrong_answer_fails_and_hears_why(ready, label, swap):
    stem, exercise = CODE[label]
    names = ready(stem)
    run(exercise.tagged("solution")[0], names, *swap[:2])
    assert re.search(swap[2], said(exercise.tagged("check")[0], names))


@pytest.mark.parametrize("label", HIDDEN)
def test_hidden_test_tells_a_right_answer_from_one_that_passes_the_check(ready, solved, label):
    stem, exercise = CODE[label]
    hidden = {"id": f"{label}-hidden", "source": [HIDDEN[label]]}
    run(hidden, solved(label))
    names = ready(stem)
    run(exercise.tagged("solution")[0], names, *HALF[label][:2])
    run(exercise.tagged("check")[0], names)
    assert HALF[label][2] in said(hidden, names)


def test_every_check_meets_a_wrong_answer():
    assert set(WRONG) == {label for label, (stem, _) in CODE.items() if stem in SHIPPED}


@pytest.fixture
def kernel(tmp_path, monkeypatch) -> str:
    """A kernel of this environment; where workers share a Python that has the libraries imported, it is forked."""
    python = warm.python("tests") if warm.SHARED in os.environ else sys.executable
    told = {"argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "Students",
            "language": "python"}  # fmt: skip
    folder = tmp_path / "share" / "kernels" / "students"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(told), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    return folder.name


@pytest.mark.proof
def test_students_notebook_runs_through_in_jupyter(kernel, tmp_path):
    """Cells that fail by design are marked, so that “run all” goes on to the next exercise."""
    notebook = nbformat.read(FOLDER / file_name("introduction"), as_version=4)
    place = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=120, kernel_name=kernel, resources=place).execute()
    failed = [cell.id for cell in notebook.cells for o in cell.get("outputs", []) if o.output_type == "error"]
    assert failed == [cell.id for cell in notebook.cells if "check" in cell.metadata.get("tags", [])]


# ------------------------------------------------------------------------------------------------ what is refused
GOOD = """\
:::{exercise} Title
:label: a
:kind: read
:minutes: 5

What {define}`conduits <conduit>` do.

```{hint}
Look.
```
:::
"""


@pytest.mark.parametrize(("old", "new", "words"), [
    (":kind: read", ":kind: guess", "kind among read, change"), (":minutes: 5\n", "", "no :minutes:"),
    ("```{hint}\nLook.\n```\n", "", "no {hint}"), ("Look.", "{result}`a/b`", "{result}`a/b` says nothing outside"),
    ("Look.", "{numref}`fig-elsewhere`", "put it in words"), ("Look.", "````{note}\nx\n````", "a directive other than"),
])  # fmt: skip
def test_exercise_that_a_notebook_cannot_show_is_refused(old, new, words):
    head = {"cell_type": "markdown", "id": "t", "metadata": {}, "source": ["# Title"]}
    cell = {**head, "id": "t-exercise-a", "source": [GOOD]}
    made = students.notebook({"cells": [head, cell], "metadata": {}}, "t", 1, "Book")
    assert "What conduits do." in students.dumped(made)
    cell["source"] = [GOOD.replace(old, new)]
    with pytest.raises(students.StudentError, match=re.escape(words)):
        students.notebook({"cells": [head, cell], "metadata": {}}, "t", 1, "Book")


# ------------------------------------------------------------------------------------------------ on the page
def page(stem: str) -> BeautifulSoup:
    return soup(f"book/{stem}.html")


@pytest.mark.site
@every_chapter
def test_page_shows_exercises_by_number_with_both_folds_closed(stem):
    boxes = page(stem).select(".gg-exercise")
    assert [box["id"] for box in boxes] == [e.label for e in exercises(stem)]
    for place, (box, exercise) in enumerate(zip(boxes, exercises(stem), strict=True), 1):
        title = " ".join(box.select_one(".admonition-title").get_text().split())
        assert title == (f"Exercise {CHAPTERS[stem]}.{place} {exercise.title} {KINDS[exercise.kind]} · "
                         f"about {exercise.minutes} minutes").replace("'", "’")  # fmt: skip
        folds = box.select(":scope > details.gg-fold")
        assert [fold.summary.get_text() for fold in folds] == [
            "Hint", "What a good answer has" if exercise.kind == "open" else "Solution"]
        assert not any(fold.has_attr("open") for fold in folds)
        assert folds[1]["id"] == f"{exercise.label}-solution"
        code = folds[1].select(".cell_input")
        assert len(code) >= 2 if exercise.tagged("check") else True
    assert not page(stem).select(".tag_starter"), "starters are for the notebook"


@pytest.mark.site
@every_chapter
def test_page_offers_the_students_notebook(stem):
    link = page(stem).select_one("#exercises a[download]")
    assert link["href"] == f"../exercises/{file_name(stem)}"
    assert (SITE / "exercises" / file_name(stem)).read_bytes() == (FOLDER / file_name(stem)).read_bytes()


@pytest.mark.site
@every_chapter
def test_students_notebook_counts_exhibits_as_the_site_does(stem):
    site = json.loads((SITE / "exhibits.json").read_text(encoding="utf-8"))
    there = {label: record["number"] for label, record in site.items() if record["page"] == f"book/{stem}"}
    assert there == {label: number for label, (number, _) in students.exhibits(chapter(stem), CHAPTERS[stem]).items()}


@pytest.mark.site
@pytest.mark.browser
def test_folds_open_by_keyboard_without_scripts(plain_browser, server):
    from selenium.webdriver.common.keys import Keys

    plain_browser.get(f"{server}/book/introduction.html#exercise-two-sentences")
    fold = plain_browser.find_element("css selector", "#exercise-two-sentences-solution")
    text = fold.find_element("css selector", "p")
    assert not text.is_displayed()
    fold.find_element("css selector", "summary").send_keys(Keys.ENTER)
    assert fold.get_attribute("open") is not None
    assert text.is_displayed()


@pytest.mark.site
@pytest.mark.browser
def test_number_in_a_solution_leads_to_its_cell_inside_the_fold(browser, server):
    browser.get(f"{server}/book/introduction.html#result-exercise-introduction-same-year")
    assert browser.execute_script("""const at = document.getElementById(location.hash.slice(1));
        return at.closest('.gg-exercise').id === 'exercise-same-year' && at.closest('details').open""")


@pytest.mark.site
@pytest.mark.browser
def test_print_from_the_browser_shows_the_folds_that_are_open(browser, server):
    browser.get(f"{server}/book/introduction.html")
    browser.execute_script("document.querySelector('#exercise-two-years-solution').open = true")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        shown = browser.execute_script("""return [...document.querySelectorAll('.gg-fold')]
            .filter((fold) => fold.getClientRects().length).map((fold) => fold.id)""")
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert shown == ["exercise-two-years-solution"]
