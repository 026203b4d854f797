"""Classes: assignments, a class of made submissions marked in the sandbox, and the parts that need no sandbox."""

from __future__ import annotations

import copy
import csv
import json
import re
import socket
from io import StringIO
from pathlib import Path

import pytest
from conftest import ROOT

from goingglobal.sphinx.teaching import assignments, marking, sandbox, students
from goingglobal.sphinx.teaching.assignments import AssignmentError
from goingglobal.sphinx.teaching.exercises import file_name

STEM = "introduction"
FIRST, SECOND = f"{STEM}-exercise-same-year", f"{STEM}-exercise-two-years"
ANSWER = f"{STEM}-exercise-two-sentences-answer"


def chapter() -> dict:
    return json.loads((ROOT / "book" / f"{STEM}.ipynb").read_text(encoding="utf-8"))


def source() -> dict:
    tests = assignments.hidden(ROOT / "book" / "hidden" / f"{STEM}.py", {"exercise-same-year", "exercise-two-years"})
    return assignments.source(chapter(), STEM, 1, "A book", tests)


def plain(notebook: dict) -> list[dict]:
    return [{**cell, "source": students.source(cell)} for cell in copy.deepcopy(notebook["cells"])]


def text(cells: list[dict], identity: str) -> str:
    return next(students.source(cell) for cell in cells if cell["id"] == identity)


# ------------------------------------------------------------------------------------------------------ assignments
def test_source_has_starters_checks_and_hidden_tests_and_no_solution():
    cells = source()["cells"]
    kinds = {cell["id"]: cell["metadata"]["nbgrader"] for cell in cells}
    assert kinds[f"{FIRST}-starter"] | {"solution": True, "locked": False} == kinds[f"{FIRST}-starter"]
    assert (kinds[f"{FIRST}-check"]["points"], kinds[f"{FIRST}-hidden"]["points"], kinds[ANSWER]["points"]) == (1, 1, 1)
    assert "fdi_now" not in text(cells, f"{FIRST}-starter")
    lines = text(cells, f"{FIRST}-hidden").splitlines()
    assert lines[1] + "\n" == assignments.BEGIN
    assert lines[-2:] == ["exercise_same_year(now=now, countries=countries, controls=controls)", assignments.END]
    solved = assignments.solution(chapter(), STEM, source())["cells"]
    assert '"fdi_now"' in text(solved, f"{FIRST}-starter")


@pytest.mark.parametrize(("code", "words"), [
    ("def exercise_other(now):\n    pass\n", "line 1: exercise_other is the test of no checked exercise"),
    ("x = (\n", "line 1: '(' was never closed"),
])  # fmt: skip
def test_hidden_test_of_nothing_is_refused(tmp_path, code, words):
    file = tmp_path / "one.py"
    file.write_text(code, encoding="utf-8")
    with pytest.raises(AssignmentError, match=r"one\.py, " + words.replace("(", r"\(").replace(")", r"\)")):
        assignments.hidden(file, {"exercise-a"})


def test_unknown_chapter_is_refused(tmp_path):
    with pytest.raises(AssignmentError, match="CHAPTER=nothing: no such chapter; expected is one of introduction"):
        assignments.write(ROOT, tmp_path, ROOT / "book" / "hidden", ["nothing"])
    assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------------------------------------- what comes in
def handed(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return folder


def test_submissions_are_found_by_folder_and_by_name(tmp_path):
    handed(tmp_path, "ada/introduction-exercises.ipynb", "bo_1234_barriers-exercises.ipynb", ".DS_Store",
           "__MACOSX/ada/introduction-exercises.ipynb", "ada/barriers-exercises.ipynb")  # fmt: skip
    found = marking.found(tmp_path, ["introduction", "barriers"])
    assert [(s.student, s.chapter) for s in found] == [
        ("ada", "barriers"), ("ada", "introduction"), ("bo_1234", "barriers")]
    handed(tmp_path / "more", "cy.ipynb")
    assert marking.found(tmp_path / "more", ["introduction", "barriers"], "barriers")[0].chapter == "barriers"


@pytest.mark.parametrize(("names", "words"), [
    ((), "no file in it"), (("cy.docx",), r"cy\.docx: of which chapter is it\?"),
    (("ada/x/introduction-exercises.ipynb", "ada/introduction-exercises.ipynb"), "ada has two files for introduction"),
])  # fmt: skip
def test_what_can_not_be_told_apart_is_refused_before_anything_is_marked(tmp_path, names, words):
    with pytest.raises(AssignmentError, match=words):
        marking.found(handed(tmp_path, *names), ["introduction", "barriers"])


# -------------------------------------------------------------------------------------------------------- laid out
def test_answers_find_their_places_whatever_became_of_ids_and_cells():
    frame = plain(source())
    student = plain(source())
    for cell in student:
        if cell["id"] == f"{FIRST}-starter":
            cell["source"] = "now = 1"
        elif cell["id"] == ANSWER:
            cell["source"] = "My words."
        elif cell["id"] == f"{FIRST}-check":
            cell["source"] = "'Right.'"
    assert marking.arranged(frame, frame) == frame
    laid = marking.arranged(student, frame)
    assert [cell["id"] for cell in laid] == [cell["id"] for cell in frame]
    assert text(laid, f"{FIRST}-starter") == "now = 1"
    assert text(laid, f"{FIRST}-check") == text(frame, f"{FIRST}-check")
    bare = [{**cell, "id": f"x{place}", "metadata": {}} for place, cell in enumerate(student)]
    without = [cell for cell in bare if cell["source"] != "'Right.'"]
    laid = marking.arranged(without, frame)
    order = [students.source(cell) for cell in laid]
    assert order.index("now = 1") < order.index(text(frame, f"{FIRST}-check"))
    assert text(laid, ANSWER) == "My words."
    assert [cell["id"] for cell in laid if not cell["id"].startswith("own-")] == [cell["id"] for cell in frame]


def test_check_that_can_not_fail_gives_nothing():
    cells = marking.guarded(plain(source()), "nonce")
    for cell in cells:
        cell.update(execution_count=1, outputs=[]) if cell["cell_type"] == "code" else None
    tests, line = marking.judged(cells, plain(source()), "nonce", 20)
    assert ({test["marks"] for test in tests}, line) == ({0.0}, marking.CHANGED)
    failed = {"output_type": "error", "ename": "AssertionError", "evalue": "nonce Yours is 1.", "traceback": []}
    for cell in cells:
        if cell["id"].startswith("canary"):
            cell["outputs"] = [failed]
    tests, line = marking.judged(cells, plain(source()), "nonce", 20)
    assert ([test["marks"] for test in tests], line) == ([1.0] * 4, "4 of 4 tests passed.")
    cells[[cell["id"] for cell in cells].index(f"{SECOND}-check")]["execution_count"] = None
    tests, line = marking.judged(cells, plain(source()), "nonce", 20)
    assert sum(test["marks"] for test in tests) == 3
    assert line == "3 of 4 tests passed. The notebook's Python ended before its last cell."


@pytest.mark.parametrize(("code", "said"), [
    ("import socket", ["cell 1 imports socket"]), ("teaching.close = print", ["cell 1 sets teaching.close"]),
    ("from os import path", ["cell 1 imports os"]), ("get_ipython().x = 1", ["cell 1 calls get_ipython"]),
    ("import pandas as pd\nnow = pd.DataFrame()", []), ("%pip install x\nopen('a')", ["cell 1 calls open"]),
    ("this is (no Python", []),
])  # fmt: skip
def test_what_a_teacher_should_see_is_named(code, said):
    cell = {"cell_type": "code", "source": code}
    assert marking.look([cell], []) == said
    assert marking.look([cell], [cell]) == []


# ------------------------------------------------------------------------------------------------------ given back
def test_table_keeps_other_rows_and_runs_no_formula():
    first = marking.table([marking.Mark("ada", "barriers", "4 of 4 tests passed.")])
    failed = marking.table([marking.Mark("bo", STEM, "x", failed=True)])
    assert next(csv.DictReader(StringIO(failed)))["marks"] == ""
    odd = marking.Mark("=1+1", STEM, "x", [{"marks": 1.0, "of": 1}], 2.0, 1, ["cell 1 calls open"])
    both = marking.table([odd], first)
    rows = {row["student"]: row for row in csv.DictReader(StringIO(both))}
    assert rows["ada"]["feedback"] == "4 of 4 tests passed."
    assert rows["'=1+1"]["marks"] == "3"
    assert (rows["'=1+1"]["tests_of"], rows["'=1+1"]["answers_to_read"]) == ("1", "1")


def test_page_of_feedback_shows_words_as_words():
    test = {"exercise": "Exercise 1.2 A & B", "kind": "hidden", "marks": 0.0, "of": 1, "words": "<script>x</script>"}
    page = marking.page(marking.Mark("ada", STEM, "0 of 1 tests passed.", [test]), "A book")
    assert "<script" not in page
    assert "Exercise 1.2 A &amp; B (a test seen only here)" in page


def test_sandbox_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None if name == "bwrap" else "/usr/bin/" + name)
    with pytest.raises(sandbox.SandboxError, match=r"no bwrap on this machine\. Install bubblewrap"):
        sandbox.available(ROOT, tmp_path)


    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    with pytest.raises(sandbox.SandboxError, match="on Linux only"):
        sandbox.available(ROOT, tmp_path, sealed=False)


# --------------------------------------------------------------------------------------------------------- a class
THIEF = """\
from pathlib import Path
book = Path({root!r}) / "book"
seen = [str(p) for folder in ("/tmp", "/home", "/root", {root!r}) for p in Path(folder).rglob("*")
        if "site-packages" not in p.parts and (p.suffix == ".ipynb" or "hidden" in p.parts)]
raise ValueError(f"seen: {{seen}}, book: {{book.exists()}}, classes: {{Path({classes!r}).exists()}}")"""
CALLER = """\
import socket
try:
    socket.create_connection(("127.0.0.1", {port}), timeout=5)
    now = "connected"
except OSError as error:
    raise ValueError(f"no network: {{error}}")"""
QUIET = "teaching.close = teaching.given = lambda *a, **k: None\nget_ipython().showtraceback = lambda *a, **k: None"
BLANK = """\
import ast
class Blank(ast.NodeTransformer):
    def visit_Module(self, node):
        return ast.Module([], [])
get_ipython().ast_transformers.append(Blank())"""


def replaced(notebook: dict, *pairs: tuple[str, str]) -> dict:
    notebook, wanted = copy.deepcopy(notebook), dict(pairs)
    for cell in notebook["cells"]:
        if cell["id"] in wanted:
            cell["source"] = wanted[cell["id"]]
    return notebook


def submissions(folder: Path, classes: Path, port: int) -> dict[str, tuple[int, str]]:
    """Write a class; returns each student's marks from tests and the words of the feedback."""
    release, solved = (json.loads((classes / kind / STEM / file_name(STEM)).read_text(encoding="utf-8"))
                       for kind in ("release", "solution"))  # fmt: skip
    first, second = (f"{stem}-starter" for stem in (FIRST, SECOND))
    right = text(solved["cells"], first)
    bare = {**solved, "cells": [{**cell, "id": f"x{n}", "metadata": {}} for n, cell in enumerate(solved["cells"])]}
    deleted = {**solved, "cells": [c for c in solved["cells"] if not c["id"].endswith(("-check", "-hidden", "-setup"))]}
    forged = copy.deepcopy(release)
    for cell in forged["cells"]:
        if cell["cell_type"] == "code":
            shown = {"output_type": "execute_result", "metadata": {}, "data": {"text/plain": "'Right.'"}}
            cell |= {"execution_count": 1, "outputs": [shown | {"execution_count": 1}]}
    thief = THIEF.format(root=str(ROOT), classes=str(classes))
    made = {
        "right": (replaced(solved, (ANSWER, "The ministry quotes the second line.")), 4, "4 of 4"),
        "partly": (replaced(solved, (second, text(release["cells"], second))), 2, "2 of 4"),
        "unclustered": (replaced(solved, (first, right.replace('{"CRV1": "iso3"}', '"iid"'))), 3, "by country"),
        "wrong": (release, 0, "this year&#x27;s FDI is"),
        "raises": (replaced(solved, (first, "raise ValueError('no idea')")), 2, "2 of 4"),
        "crash": (replaced(solved, (second, "import os\nos._exit(1)")), 2, "Python ended before"),
        "loop": (replaced(solved, (first, "now = ...\nwhile True:\n    pass")), 2, "stopped after 60 seconds"),
        "memory": (replaced(solved, (first, "now = ...\nx = bytearray(8 * 2**30)")), 2, "2 of 4"),
        "empty": ({**release, "cells": []}, 0, "This notebook is empty."),
        "renamed": (bare, 4, "4 of 4"), "deleted": (deleted, 4, "4 of 4"),
        "thief": (replaced(release, (first, thief)), 0, "`now` is not set"),
        "caller": (replaced(release, (first, CALLER.format(port=port))), 0, "`now` is not set"),
        "faker": (replaced(release, (first, "print('Right.')\nprint('marks: 4 of 4')\n4.0")), 0, "0 of 4"),
        "forger": (forged, 0, "0 of 4"),
        "quiet": (replaced(release, (first, QUIET)), 0, "0 of 4"),
        "blank": (replaced(release, (first, BLANK)), 0, marking.CHANGED),
    }  # fmt: skip
    for name, (notebook, _, _) in made.items():
        (folder / name).mkdir(parents=True)
        (folder / name / file_name(STEM)).write_text(json.dumps(notebook), encoding="utf-8")
    (folder / f"letter-{file_name(STEM)}").write_text("Dear teacher, my answer is 42.", encoding="utf-8")
    return {name: rest for name, (_, *rest) in made.items()} | {"letter": [0, "This is not a notebook"]}


@pytest.mark.environments
@pytest.mark.far
def test_a_class_of_made_submissions_gets_right_marks_and_clear_words(tmp_path):
    try:
        sandbox.available(ROOT, tmp_path)
    except sandbox.SandboxError as error:
        pytest.skip(str(error))
    classes, folder = tmp_path / "classes", tmp_path / "handed-in"
    assert assignments.write(ROOT, classes, ROOT / "book" / "hidden", [STEM]) == [STEM]
    release = (classes / "release" / STEM / file_name(STEM)).read_text(encoding="utf-8")
    assert "exercise_same_year(" not in release
    assert "until the lines below have run" in release
    with socket.create_server(("127.0.0.1", 0)) as server:
        expected = submissions(folder, classes, server.getsockname()[1])
        marks = {m.student: m for m in marking.grade(ROOT, classes, folder, limit=60, memory=4)}
    with (classes / "marks.csv").open(encoding="utf-8", newline="") as handle:
        rows = {row["student"]: row for row in csv.DictReader(handle)}
    assert {name: float(row["tests"]) for name, row in rows.items()} == {n: m for n, (m, _) in expected.items()}
    pages = {name: (classes / "feedback" / name / f"{STEM}.html").read_text(encoding="utf-8") for name in expected}
    assert [name for name, (_, words) in expected.items() if not re.search(words, pages[name])] == []
    assert {name for name, row in rows.items() if row["look"]} == {"crash", "thief", "caller", "quiet", "blank"}
    assert (rows["right"]["answers_to_read"], rows["wrong"]["answers_to_read"]) == ("1", "0")
    run = json.loads((classes / "autograded" / "thief" / STEM / file_name(STEM)).read_text(encoding="utf-8"))
    said = [o["evalue"] for cell in run["cells"] for o in cell.get("outputs", []) if o.get("ename") == "ValueError"]
    assert said == ["seen: [], book: False, classes: False"]
    run = (classes / "autograded" / "caller" / STEM / file_name(STEM)).read_text(encoding="utf-8")
    assert "no network: " in run
    assert marks["loop"].passed == 2
    assert not list(classes.glob("*.new"))
    # A mark by hand, given in nbgrader's gradebook, is kept and counted when the class is marked again.
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{classes}/gradebook.db", "classes") as book:
        book.find_grade(ANSWER, Path(file_name(STEM)).stem, STEM, "right").manual_score = 1
        book.db.commit()
    (tmp_path / "second").mkdir()
    (folder / "right").rename(tmp_path / "second" / "right")
    marking.grade(ROOT, classes, tmp_path / "second", limit=60, memory=4)
    with (classes / "marks.csv").open(encoding="utf-8", newline="") as handle:
        later = {row["student"]: row for row in csv.DictReader(handle)}
    assert (later["right"]["marks"], later["right"]["by_hand"], later["right"]["answers_to_read"]) == ("5", "1", "0")
    assert later | {"right": rows["right"]} == rows
