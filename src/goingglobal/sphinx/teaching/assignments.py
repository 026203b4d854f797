"""`make assignment`: the exercises as assignments of nbgrader, in the folder `classes`.

For each chapter, from the same cells as the students' notebooks (`students`):

`source/CHAPTER/`    what nbgrader marks against: starters, checks, hidden tests, places for answers
`release/CHAPTER/`   what students get: the same without hidden tests
`solution/CHAPTER/`  for the teacher: solutions in the starters' places
`gradebook.db`       nbgrader's marks; also those given by hand, so it is never written anew

A check and a hidden test give a mark each, an answer in words one mark by hand (`POINTS`). Hidden tests are functions
in `book/hidden/CHAPTER.py`, named as their exercise (`exercise_same_year`), whose parameters are names of the student's
notebook; a course keeps its own in a folder that it does not publish (`HIDDEN=folder`).

nbgrader and not otter-grader: otter 7 copies its tests, hidden ones too, into the folder in which the submission runs,
reads its results from a pickle that the same process wrote, runs without a limit of time unless Docker is there, and
needs another wrapt than the lock's. nbgrader sends a test to the kernel when its turn has come, so that a kernel in
a sandbox (`sandbox`) never finds it in a file.
"""

from __future__ import annotations

import ast
import copy
import json
import logging
import os
import sys
from argparse import ArgumentParser
from pathlib import Path

from goingglobal import _console
from goingglobal.sphinx import edition
from goingglobal.sphinx.teaching import students
from goingglobal.sphinx.teaching.exercises import file_name

__all__ = ["POINTS", "AssignmentError", "course", "hidden", "solution", "source", "write"]

FOLDER = COURSE = "classes"
POINTS = {"check": 1, "hidden": 1, "answer": 1}
NEEDS = "marking a class needs nbgrader: pip install 'goingglobal[classes]'"
HEAD = "# A test that is run when this notebook is marked\n"
BEGIN, END = "### BEGIN HIDDEN TESTS\n", "### END HIDDEN TESTS"


class AssignmentError(ValueError):
    """An assignment can't be made or marked; the message says which, and what to do."""


def hidden(file: Path, labels: set[str]) -> dict[str, str]:
    """Label → code of its hidden test: the file's imports, the function and its call; empty where there is no file.

    Raises `AssignmentError` for a file that is no Python or holds a function of no exercise in `labels`.
    """
    if not file.is_file():
        return {}
    text = file.read_text(encoding="utf-8")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise AssignmentError(f"{file.name}, line {error.lineno}: {error.msg}") from error
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    found = {}
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        label = node.name.replace("_", "-")
        if label not in labels:
            raise AssignmentError(f"{file.name}, line {node.lineno}: {node.name} is the test of no checked exercise of "
                                  f"this chapter; expected is one of {', '.join(sorted(labels)) or 'none'}")
        call = f"{node.name}({', '.join(f'{a.arg}={a.arg}' for a in node.args.args)})"
        found[label] = "\n".join([*imports, ast.get_source_segment(text, node), call]) + "\n"
    return found


def _grading(cell: dict, *, points: float | None = None, answer: bool = False) -> dict:
    """A cell with what nbgrader reads: an answer, a test (points, no answer), or a cell to be left as it is."""
    cell = copy.deepcopy(cell)
    kind = {"grade": points is not None, "solution": answer, "locked": not answer, "task": False, "schema_version": 3,
            "grade_id": cell["id"], "cell_type": cell["cell_type"]}  # fmt: skip
    cell["metadata"]["nbgrader"] = kind | ({} if points is None else {"points": points})
    return cell


def source(chapter: dict, stem: str, number: int, title: str, tests: dict[str, str]) -> dict:
    """nbgrader's source notebook of a chapter, from the chapter's notebook as JSON and its hidden tests."""
    sheet = students.notebook(chapter, stem, number, title)
    asked = {exercise.id: exercise for exercise in students.exercises(chapter, stem)}
    cells, current = [], None
    for cell in sheet["cells"]:
        current = asked.get(cell["id"], current)
        kinds = students.tags(cell)
        if "starter" in kinds:
            cells.append(_grading(cell, answer=True))
        elif "check" in kinds:
            cells.append(_grading(cell, points=POINTS["check"]))
            if current.label in tests:
                code = HEAD + BEGIN + tests[current.label] + END
                extra = {"cell_type": "code", "execution_count": None, "id": f"{current.id}-hidden", "outputs": [],
                         "metadata": {"tags": ["hidden"]}, "source": code.splitlines(keepends=True)}  # fmt: skip
                cells.append(_grading(extra, points=POINTS["hidden"]))
        elif cell["id"].endswith("-answer"):
            cells.append(_grading(cell, points=POINTS["answer"], answer=True))
        else:
            cells.append(_grading(cell))
    return {**sheet, "cells": cells}


def solution(chapter: dict, stem: str, graded: dict) -> dict:
    """A notebook (the source or the release) with the chapter's solutions where the starters stood."""
    code = {}
    for exercise in students.exercises(chapter, stem):
        solved = [students.source(c) for c in exercise.tagged("solution") if "hide-input" not in students.tags(c)]
        code |= {cell["id"]: "\n\n".join(solved) for cell in exercise.tagged("starter")[:1]}
    cells = [{**cell, "source": code[cell["id"]].splitlines(keepends=True)} if cell["id"] in code else cell
             for cell in graded["cells"]]  # fmt: skip
    return {**graded, "cells": cells}


def course(folder: Path):
    """nbgrader's view of the folder `classes`, and its settings as traitlets has them. Raises `AssignmentError`."""
    try:
        from nbgrader.coursedir import CourseDirectory
    except ImportError as error:
        raise AssignmentError(NEEDS) from error
    from traitlets.config import Config

    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # it calls alembic
    config = Config({"CourseDirectory": {"root": str(folder.resolve()), "course_id": COURSE}})
    return CourseDirectory(config=config), config


def _notebook(folder: Path, stem: str, content: dict) -> Path:
    file = folder / stem / file_name(stem)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(students.dumped(content), encoding="utf-8", newline="\n")
    return file


def write(root: Path, folder: Path, tests: Path, only: list[str] | None = None) -> list[str]:
    """Write source, release and solution of every chapter (or of those in `only`) into `folder`; returns their names.

    Raises `AssignmentError` and `students.StudentError`, before anything is written where a chapter is at fault.
    """
    numbers = students.chapters(root)
    for stem in only or []:
        if stem not in numbers:
            raise AssignmentError(f"CHAPTER={stem}: no such chapter; expected is one of {', '.join(numbers)}")
    title, ready = edition.book(root), {}
    for stem in only or numbers:
        chapter = json.loads((root / "book" / f"{stem}.ipynb").read_text(encoding="utf-8"))
        found = students.exercises(chapter, stem)
        if not found:
            continue
        extra = hidden(tests / f"{stem}.py", {e.label for e in found if e.tagged("check")})
        ready[stem] = chapter, source(chapter, stem, numbers[stem], title, extra)
    directory, config = course(folder)
    from nbgrader.converters import GenerateAssignment
    from nbgrader.converters.base import NbGraderException

    folder.mkdir(parents=True, exist_ok=True)
    settings = f"c = get_config()\nc.CourseDirectory.course_id = {COURSE!r}\n"
    (folder / "nbgrader_config.py").write_text(settings, encoding="utf-8", newline="\n")
    logging.getLogger("traitlets").setLevel(logging.ERROR)
    for stem, (chapter, content) in ready.items():
        _notebook(folder / "source", stem, content)
        directory.assignment_id = stem
        maker = GenerateAssignment(coursedir=directory, config=config, force=True)
        # The starters are what students get: nbgrader would put words of its own in their place.
        maker.preprocessors = [step for step in maker.preprocessors if step.__name__ != "ClearSolutions"]
        try:
            maker.start()
        except NbGraderException as error:
            raise AssignmentError(f"{stem}: nbgrader could not make the assignment: {error}") from error
        _notebook(folder / "solution", stem, solution(chapter, stem, content))
    return list(ready)


def main(arguments: list[str]) -> int:
    parser = ArgumentParser(description="Make the exercises into assignments of nbgrader.")
    parser.add_argument("chapters", nargs="*", help="as their files are called; all where none is named")
    parser.add_argument("--folder", type=Path, default=Path(FOLDER))
    parser.add_argument("--hidden", type=Path, default=Path("book") / "hidden")
    given = parser.parse_args(arguments)
    _console.forgive()
    try:
        made = write(Path.cwd(), given.folder, given.hidden, given.chapters)
    except (AssignmentError, students.StudentError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{len(made)} assignments ({', '.join(made)}): give out {given.folder / 'release'}, keep the rest of "
          f"{given.folder} to yourself")
    return 0


if __name__ == "__main__":
    _console.forgive()
    sys.exit(main(sys.argv[1:]))
