"""`make grade SUBMISSIONS=folder`: marks and feedback for a class, by nbgrader, each submission in a sandbox.

A submission is `STUDENT/CHAPTER-exercises.ipynb`, or `STUDENT-CHAPTER-exercises.ipynb`; for a file of another name the
chapter is the one whose cells it holds, else `CHAPTER=name`. Each is laid out again as its assignment is (`arranged`),
its checks and hidden tests are the assignment's own, it is run in a process that is stopped at the limit, and a check
counts where it ran without error while the checks still could fail (`CANARY`). Into the folder `classes` go, once all
are marked: `feedback/STUDENT/CHAPTER.html` and `marks.csv`, in which rows of other assignments stay. Answers in words
are marked by hand in nbgrader's gradebook (`jupyter lab` in `classes`, menu Nbgrader, Formgrader), and kept there.
"""

from __future__ import annotations

import ast
import csv
import json
import logging
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from html import escape
from io import StringIO
from pathlib import Path

from goingglobal import _console
from goingglobal.sphinx import edition
from goingglobal.sphinx.teaching import sandbox, students
from goingglobal.sphinx.teaching.assignments import AssignmentError, course
from goingglobal.sphinx.teaching.exercises import file_name

__all__ = ["Mark", "Submission", "arranged", "found", "look", "page", "table"]

COLUMNS = ("student", "assignment", "marks", "tests", "tests_of", "by_hand", "answers_to_read", "look", "feedback")
LOG = "problems.log"
LARGEST = 20 * 2**20  # bytes
LONGEST = 300  # characters of what a check says
CELLS = 5  # a whole notebook may take so many times what one cell may
FRESH = """\
import importlib
import sys
sys.modules.pop("goingglobal.teaching", None)
teaching = importlib.import_module("goingglobal.teaching")
"""
CANARY = "teaching.close(1.0, 2.0, {nonce!r})"
CHANGED = "Something in this notebook keeps checks from failing, so that none of them counts."
# What no exercise needs: a submission that names one of them is looked at by its teacher.
STRANGE = {"ctypes", "gc", "inspect", "os", "pathlib", "requests", "shutil", "socket", "subprocess", "sys", "urllib",
           "http", "importlib", "builtins"}  # fmt: skip
CALLS = {"get_ipython", "open", "exec", "eval", "compile", "__import__", "setattr", "exit", "quit"}
OURS = {"charts", "designs", "exhibits", "explorers", "goingglobal", "models", "samples", "specifications", "teaching",
        "Estimate"}  # fmt: skip


# ----------------------------------------------------------------------------------------------------- what came in
@dataclass(frozen=True)
class Submission:
    """A file that a student handed in."""

    student: str
    chapter: str
    file: Path


def _content(file: Path) -> dict:
    """A notebook's JSON. Raises `AssignmentError`, in words for its student."""
    if file.is_symlink() or not file.is_file():
        raise AssignmentError("This is no file of its own.")
    if file.stat().st_size > LARGEST:
        raise AssignmentError(f"This file has more than {LARGEST // 2**20} MB: clear its outputs and hand it in again.")
    import nbformat

    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        notebook = nbformat.v4.upgrade(nbformat.from_dict(content)) if content["nbformat"] < 4 else content
        for cell in notebook["cells"]:
            if cell["cell_type"] not in ("code", "markdown", "raw") or not isinstance(cell["metadata"], dict):
                raise TypeError(cell["cell_type"])
            cell["source"] = "".join(cell["source"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise AssignmentError("This is not a notebook: hand in the .ipynb file as it was saved.") from error
    return notebook


def found(folder: Path, chapters: list[str], assignment: str | None = None) -> list[Submission]:
    """Every file in `folder` as a submission, in order of students. `chapters` are those that have an assignment.

    Raises `AssignmentError` for an empty folder, a file whose chapter can't be told, and two files for one mark.
    """
    if not folder.is_dir():
        raise AssignmentError(f"SUBMISSIONS={folder}: no such folder")
    out: dict[tuple[str, str], Submission] = {}
    for file in sorted(folder.rglob("*")):
        place = file.relative_to(folder)
        if (file.is_dir() and not file.is_symlink()) or any(part.startswith((".", "__")) for part in place.parts):
            continue
        inside = next((stem for stem in chapters if file.stem.endswith(f"{stem}-exercises")), None)
        chapter = inside or _held(file, chapters) or assignment or (chapters[0] if len(chapters) == 1 else None)
        if chapter is None:
            raise AssignmentError(f"{place}: of which chapter is it? Name it STUDENT-CHAPTER-exercises.ipynb, or say "
                                  "CHAPTER=name")
        name = place.parts[0] if len(place.parts) > 1 else file.stem.removesuffix(f"{chapter}-exercises") or file.stem
        student = re.sub(r"[^\w.@-]+", "_", name).strip("-_.")
        if not student:
            raise AssignmentError(f"{place}: whose is it? Put it into a folder with the student's name")
        first = out.setdefault((student, chapter), Submission(student, chapter, file))
        if first.file != file:
            raise AssignmentError(f"{student} has two files for {chapter}: {first.file.relative_to(folder)} and "
                                  f"{place}; leave the one that counts")
    if not out:
        raise AssignmentError(f"SUBMISSIONS={folder}: no file in it")
    return [out[key] for key in sorted(out)]


def _held(file: Path, chapters: list[str]) -> str | None:
    """The chapter whose exercises' title a notebook has in its cells' ids."""
    try:
        ids = {cell.get("id") for cell in _content(file)["cells"]}
    except AssignmentError:
        return None
    return next((stem for stem in chapters if f"{stem}-exercises-title" in ids), None)


# --------------------------------------------------------------------------------------------------------- laid out
def _key(cell: dict) -> str | None:
    grading = cell["metadata"].get("nbgrader")
    return grading.get("grade_id") if isinstance(grading, dict) else None


def _plain(name: str, code: str) -> dict:
    return {"cell_type": "code", "id": name, "metadata": {"tags": ["raises-exception"]}, "execution_count": None,
            "outputs": [], "source": code}  # fmt: skip


def _head(cell: dict) -> str | None:
    """“## Exercise 1.2” of an exercise's cell: by it a cell is known that has lost its id."""
    match = re.match(r"## Exercise \d+\.\d+\b", cell["source"]) if cell["cell_type"] == "markdown" else None
    return match and match[0]


def arranged(submission: list[dict], frame: list[dict]) -> list[dict]:
    """The submission's cells in the order and with the cells of `frame`, the release's.

    What belongs to the frame is known by nbgrader's id, the cell's id, an exercise's heading, or its unchanged text.
    Of answers and starters the student's text is taken; everything else is the frame's; cells of the student's own
    stay behind the cell of the frame after which they stood. A starter that is gone leaves an empty cell.
    """
    known = {cell["id"]: place for place, cell in enumerate(frame)}
    heads = {_head(cell): place for place, cell in enumerate(frame) if _head(cell)}
    texts = {cell["source"].strip(): place for place, cell in enumerate(frame) if cell["cell_type"] == "code"}
    start = max((place for place, cell in enumerate(frame) if "setup" in students.tags(cell)), default=0)
    answers: dict[int, str] = {}
    own: dict[int, list[dict]] = {}
    last = start
    for cell in submission:
        names = (known.get(_key(cell)), known.get(cell.get("id")), heads.get(_head(cell)),
                 texts.get(cell["source"].strip()))  # fmt: skip
        place = next((name for name in names if name is not None), None)
        if place is not None and place not in answers and frame[place]["cell_type"] == cell["cell_type"]:
            answers[place], last = cell["source"], max(start, place)
        elif cell["cell_type"] == "code":
            own.setdefault(last, []).append(cell)
        elif (place := _answer(frame, last, answers)) is not None and cell["source"].strip():
            answers[place] = cell["source"]
    out = []
    for place, cell in enumerate(frame):
        editable = cell["metadata"]["nbgrader"]["solution"]
        text = answers.get(place, "" if cell["cell_type"] == "code" else cell["source"]) if editable else cell["source"]
        out.append({**cell, "source": text})
        out += [_plain(f"own-{place}-{count}", extra["source"]) for count, extra in enumerate(own.get(place, []))]
    return out


def _answer(frame: list[dict], last: int, answers: dict[int, str]) -> int | None:
    """The place of the next answer in words of the exercise at `last`, if it is not taken."""
    for place in range(last, len(frame)):
        if place > last and _head(frame[place]):
            return None
        if frame[place]["id"].endswith("-answer"):
            return None if place in answers else place
    return None


def guarded(cells: list[dict], nonce: str) -> list[dict]:
    """Before each check the checks' own module is loaded anew; after it stands a check that must fail."""
    out = []
    for place, cell in enumerate(cells):
        tested = {"check", "hidden"} & set(students.tags(cell))
        out += [_plain(f"fresh-{place}", FRESH)] if tested else []
        out.append(cell)
        out += [_plain(f"canary-{place}", CANARY.format(nonce=nonce))] if tested else []
    return out


def look(cells: list[dict], frame: list[dict]) -> list[str]:
    """What in a student's own code (not the frame's) a teacher should see, by its cell's place, counted from one."""
    given = {cell["source"].strip() for cell in frame}
    said = []
    for place, cell in enumerate(cells, 1):
        if cell["cell_type"] != "code" or cell["source"].strip() in given:
            continue
        try:
            tree = ast.parse("\n".join("" if re.match(r"\s*[%!]", line) else line
                                       for line in cell["source"].splitlines()))  # fmt: skip
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
                said += [f"cell {place} imports {n}" for n in names if n.partition(".")[0] in STRANGE]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
                said.append(f"cell {place} calls {node.func.id}")
            elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Store):
                name = ast.unparse(node)
                said += [f"cell {place} sets {name}"] if name.partition(".")[0] in OURS else []
    return list(dict.fromkeys(said))


# ----------------------------------------------------------------------------------------------------------- marked
@dataclass
class Mark:
    """A submission's marks: `tests`, per check or hidden test its exercise, marks, of how many, what it said."""

    student: str
    chapter: str
    line: str = ""
    tests: list[dict] = field(default_factory=list)
    by_hand: float = 0.0
    to_read: int = 0
    look: list[str] = field(default_factory=list)
    failed: bool = False  # nbgrader's own fault: no mark, not even a zero

    @property
    def passed(self) -> float:
        return sum(test["marks"] for test in self.tests)

    @property
    def out_of(self) -> float:
        return sum(test["of"] for test in self.tests)


def said(cell: dict, limit: int) -> str:
    """What a test that failed says, in one line; empty where it ran without error."""
    error = next((o for o in cell.get("outputs", []) if o["output_type"] == "error"), None)
    if error is None:
        return "" if cell.get("execution_count") else "It was not run: the notebook's Python had ended before."
    if error["ename"] == "CellTimeoutError":
        return f"It was stopped after {limit} seconds."
    words = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", error["evalue"]).split())
    unset = re.fullmatch(r"name '(\w+)' is not defined", words)
    if unset:
        return f"`{unset[1]}` is not set: the answer's cell is empty or stops with an error."
    text = words if error["ename"] == "AssertionError" and words else f"{error['ename']}: {words}".rstrip(": ")
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"


def _exercises(frame: list[dict]) -> dict[str, str]:
    """Id of a test's or an answer's cell → “Exercise 1.2 Title”."""
    current, out = "", {}
    for cell in frame:
        if _head(cell):
            current = cell["source"].splitlines()[0].removeprefix("## ")
        elif current:
            out[cell["id"]] = current
    return out


def judged(cells: list[dict], frame: list[dict], nonce: str, limit: int) -> tuple[list[dict], str]:
    """Marks of each test, and the line for the whole, from a notebook that was run (`guarded`)."""
    names, tests, changed, late = _exercises(frame), [], False, False
    for place, cell in enumerate(cells):
        kind = next((kind for kind in ("check", "hidden") if kind in students.tags(cell)), None)
        late |= any(o.get("ename") == "CellTimeoutError" for o in cell.get("outputs", []))
        if kind is None:
            continue
        words, points = said(cell, limit), cell["metadata"]["nbgrader"]["points"]
        canary = cells[place + 1]
        dead = not words and nonce not in "".join(o.get("evalue", "") for o in canary.get("outputs", []))
        changed |= dead
        tests.append({"exercise": names[cell["id"]], "kind": kind, "id": cell["id"], "of": points,
                      "marks": 0.0 if words or dead else float(points),
                      "words": CHANGED if dead else words})  # fmt: skip
    if changed:
        for test in tests:
            test["marks"] = 0.0
    ended = any(test["words"].startswith("It was not run") for test in tests)
    right = sum(test["marks"] == test["of"] for test in tests)
    line = CHANGED if changed else f"{right} of {len(tests)} tests passed."
    line += f" A cell was stopped after {limit} seconds." if late else ""
    line += " The notebook's Python ended before its last cell." if ended else ""
    return tests, line


def _executor(kernel: str, folder: Path, limit: int):
    """nbgrader's step that runs a notebook: in a named kernel whose sockets lie in `folder`; where that kernel ends,
    what was run is kept.
    """
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from nbgrader.preprocessors import Execute

    class Sandboxed(Execute):
        def create_kernel_manager(self):
            self.kernel_name, self.timeout, self.iopub_timeout = kernel, limit, limit
            manager = super().create_kernel_manager()
            manager.transport, manager.connection_file = "ipc", str(folder / "kernel.json")  # it has no network
            return manager

        def preprocess(self, nb, resources, **more):
            try:
                return super().preprocess(nb, resources, **more)
            except (DeadKernelError, CellTimeoutError):
                return nb, resources

    return Sandboxed


def one(root: Path, folder: Path, name: str, chapter: str, limit: int, memory: float, sealed: bool) -> dict:
    """Run and mark `submitted/NAME/CHAPTER` of the folder `classes`, in a process of its own; its tests and line."""
    from nbgrader.api import Gradebook
    from nbgrader.converters import Autograde

    nonce = secrets.token_hex(8)
    work = Path(tempfile.mkdtemp(prefix="gg-"))
    file = folder / "submitted" / name / chapter / file_name(chapter)
    frame = _content(folder / "release" / chapter / file_name(chapter))["cells"]
    notebook = _content(file)
    notebook["cells"] = guarded(notebook["cells"], nonce)
    file.write_text(students.dumped(notebook), encoding="utf-8", newline="\n")
    try:
        kernel = sandbox.kernel(root, work, seconds=CELLS * limit, memory=memory, sealed=sealed)
        directory, config = course(folder)
        directory.assignment_id, directory.student_id = chapter, name
        marker = Autograde(coursedir=directory, config=config, force=True)
        execute = _executor(kernel, work, limit)
        marker.autograde_preprocessors = [
            execute if step.__name__ == "Execute" else step for step in marker.autograde_preprocessors]
        marker.start()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    run = _content(folder / "autograded" / name / chapter / file_name(chapter))["cells"]
    tests, line = judged(run, frame, nonce, limit)
    with Gradebook(directory.db_url, directory.course_id) as book:
        for test in tests:
            grade = book.find_grade(test["id"], file.stem, chapter, name)
            grade.auto_score, grade.needs_manual_grade = test["marks"], False
        book.db.commit()
        written = [g for g in book.find_submission_notebook(file.stem, chapter, name).grades
                   if g.cell.cell_type == "markdown"]  # fmt: skip
        by_hand = sum(g.manual_score or 0.0 for g in written)
        to_read = sum(g.manual_score is None and g.auto_score is None for g in written)
    return {"tests": tests, "line": line, "by_hand": by_hand, "to_read": to_read}


def mark(root: Path, folder: Path, submission: Submission, *, limit: int, memory: float, sealed: bool) -> Mark:
    """One submission's mark; whatever it does, this returns within `CELLS` times the limit and some seconds."""
    chapter, name = submission.chapter, submission.student
    release = _content(folder / "release" / chapter / file_name(chapter))
    tests = [{"exercise": _exercises(release["cells"])[c["id"]], "kind": kind, "marks": 0.0, "words": "",
              "id": c["id"], "of": c["metadata"]["nbgrader"]["points"]}
             for c in release["cells"] for kind in ("check", "hidden") if kind in students.tags(c)]  # fmt: skip
    nothing = Mark(name, chapter, tests=tests)
    try:
        handed = _content(submission.file)["cells"]
    except AssignmentError as error:
        nothing.line = str(error)
        return nothing
    nothing.look = look(handed, release["cells"])
    if not any(cell["source"].strip() for cell in handed):
        nothing.line = "This notebook is empty."
        return nothing
    for part in ("submitted", "autograded"):
        shutil.rmtree(folder / part / name / chapter, ignore_errors=True)
    file = folder / "submitted" / name / chapter / file_name(chapter)
    file.parent.mkdir(parents=True)
    laid = {**release, "cells": arranged(handed, release["cells"])}
    file.write_text(students.dumped(laid), encoding="utf-8", newline="\n")
    asked = [sys.executable, "-m", __spec__.name, "one", str(root), str(folder), name, chapter, str(limit), str(memory),
             "sealed" if sealed else sandbox.NONE]  # fmt: skip
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          encoding="utf-8", errors="replace", start_new_session=True) as process:
        try:
            out, problems = process.communicate(timeout=CELLS * limit + 60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
            nothing.line = f"This notebook was stopped: it ran for more than {CELLS * limit} seconds."
            return nothing
    if process.returncode:
        with (folder / LOG).open("a", encoding="utf-8") as log:
            log.write(f"==== {name}, {chapter}\n{problems}\n")
        nothing.line, nothing.failed = "This could not be marked by the program; your teacher looks at it.", True
        return nothing
    return Mark(name, chapter, look=nothing.look, **json.loads(out.splitlines()[-1]))


# -------------------------------------------------------------------------------------------------------- given back
def table(marks: list[Mark], before: str = "") -> str:
    """The marks as CSV, a row for each submission; rows of others in `before`, an earlier table, stay."""
    rows = {(row["student"], row["assignment"]): row for row in csv.DictReader(StringIO(before))}
    for m in marks:
        row = {"student": m.student, "assignment": m.chapter, "marks": "" if m.failed else f"{m.passed + m.by_hand:g}",
               "tests": "" if m.failed else f"{m.passed:g}", "tests_of": f"{m.out_of:g}", "by_hand": f"{m.by_hand:g}",
               "answers_to_read": str(m.to_read), "look": "; ".join(m.look), "feedback": m.line}  # fmt: skip
        # A spreadsheet runs what begins like a formula.
        row = {name: f"'{value}" if value[:1] in ("=", "+", "-", "@") else value for name, value in row.items()}
        rows[row["student"], m.chapter] = row
    out = StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows[key] for key in sorted(rows))
    return out.getvalue()


def page(m: Mark, title: str) -> str:
    """A student's feedback as one HTML file that asks for nothing else."""
    rows = "".join(
        f"<tr><td>{escape(t['exercise'])}{'' if t['kind'] == 'check' else ' (a test seen only here)'}</td>"
        f"<td>{t['marks']:g} of {t['of']:g}</td>"
        f"<td>{escape(t['words'] or ('Right.' if t['marks'] else m.line))}</td></tr>\n" for t in m.tests)
    read = f", {m.to_read} still to be read" if m.to_read else ""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(m.student)}: {escape(m.chapter)}</title>
<style>:root {{ color-scheme: light dark }} body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem;
margin: 2rem auto; padding: 0 1rem }} table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #8886;
overflow-wrap: anywhere }} td:nth-child(2), th {{ white-space: nowrap }}</style></head><body>
<h1>Exercises of {escape(m.chapter)}</h1>
<p><em>{escape(title)}</em>. {escape(m.student)}: <strong>{m.passed:g} of {m.out_of:g}</strong> marks from tests,
<strong>{m.by_hand:g}</strong> for answers in words{read}.</p>
<p>{escape(m.line)}</p>
<table><thead><tr><th scope="col">Exercise</th><th scope="col">Marks</th><th scope="col">What the test says</th></tr>
</thead><tbody>
{rows}</tbody></table>
</body></html>
"""


def publish(folder: Path, marks: list[Mark], title: str) -> None:
    """Write all feedback and the table beside the old ones, then put each in its place; the table comes last."""
    table_file, fresh = folder / "marks.csv", folder / "feedback.new"
    shutil.rmtree(fresh, ignore_errors=True)
    before = table_file.read_text(encoding="utf-8") if table_file.is_file() else ""
    for m in marks:
        (fresh / m.student).mkdir(parents=True, exist_ok=True)
        (fresh / m.student / f"{m.chapter}.html").write_text(page(m, title), encoding="utf-8", newline="\n")
    table_file.with_suffix(".new").write_text(table(marks, before), encoding="utf-8", newline="\n")
    for file in fresh.glob("*/*.html"):
        place = folder / "feedback" / file.relative_to(fresh)
        place.parent.mkdir(parents=True, exist_ok=True)
        file.replace(place)
    shutil.rmtree(fresh)
    table_file.with_suffix(".new").replace(table_file)


def grade(root: Path, folder: Path, submissions: Path, assignment: str | None = None, *, limit: int = 120,
          memory: float = 4.0, sealed: bool = True) -> list[Mark]:
    """Mark every submission; `limit` in seconds for a cell, `memory` in GiB. Raises `AssignmentError`, `SandboxError`.

    Marks and feedback are written when all are marked.
    """
    course(folder)
    ready = sorted(file.parent.name for file in (folder / "release").glob("*/*.ipynb"))
    if not ready:
        raise AssignmentError(f"there is no assignment in {folder.name}/release: run make assignment first")
    if assignment and assignment not in ready:
        raise AssignmentError(f"CHAPTER={assignment}: expected is one of {', '.join(ready)}")
    handed = found(submissions, ready, assignment)
    with tempfile.TemporaryDirectory(prefix="gg-") as trial:
        sandbox.available(root, Path(trial), sealed=sealed)
    (folder / LOG).unlink(missing_ok=True)
    marks = []
    for place, submission in enumerate(handed, 1):
        marks.append(mark(root, folder, submission, limit=limit, memory=memory, sealed=sealed))
        print(f"[{place}/{len(handed)}] {submission.student}, {submission.chapter}: {marks[-1].line}", flush=True)
    publish(folder, marks, edition.book(root))
    return marks


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["one"]:
        root, folder, name, chapter, limit, memory, sealed = arguments[1:]
        logging.getLogger("traitlets").addHandler(logging.StreamHandler())
        logging.getLogger("traitlets").setLevel(logging.ERROR)
        print(json.dumps(one(Path(root), Path(folder), name, chapter, int(limit), float(memory), sealed == "sealed")))
        return 0
    from argparse import ArgumentParser

    _console.forgive()

    parser = ArgumentParser(description="Mark a class's submissions.")
    parser.add_argument("submissions", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("classes"))
    parser.add_argument("--assignment")
    parser.add_argument("--limit", type=int, default=120, help="seconds for a cell")
    parser.add_argument("--memory", type=float, default=4.0, help="GiB for a submission")
    parser.add_argument("--sandbox", choices=["bwrap", sandbox.NONE], default="bwrap")
    given = parser.parse_args(arguments)
    try:
        marks = grade(Path.cwd(), given.folder, given.submissions, given.assignment, limit=given.limit,
                      memory=given.memory, sealed=given.sandbox != sandbox.NONE)  # fmt: skip
    except (AssignmentError, sandbox.SandboxError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    unmarked = [f"{m.student}, {m.chapter}" for m in marks if m.failed]
    print(f"{len(marks) - len(unmarked)} submissions are marked: {given.folder}/marks.csv, {given.folder}/feedback")
    if unmarked:
        print(f"error: not marked: {'; '.join(unmarked)}; the reasons are in {given.folder / LOG}", file=sys.stderr)
    return 1 if unmarked else 0


if __name__ == "__main__":
    _console.forgive()
    sys.exit(main(sys.argv[1:]))
