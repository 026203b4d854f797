"""`python -m goingglobal.sphinx.teaching.students`: the students' notebooks, from the chapters.

A chapter holds exercises with their solutions; a student's notebook, `book/exercises/CHAPTER-exercises.ipynb`, is the
same without them. What goes where is said by the tags of the chapter's cells:

`setup`     copied in front: what the exercises need to run alone
`starter`   copied into its exercise, in the place of the solution (on the page it is not shown); its first line sets
            what the check reads to `...`, so that no check judges an older answer where the cell stops with an error
`check`     copied after it: fails, in words, until the answer is right
`solution`  left out

A cell whose id ends in `-install` stands first, under an id of its own, and asks for what the exercises need. An
exercise is one Markdown cell with the directive `{exercise}`; everything up to the next one belongs to it. Roles of the
page become words, so nothing here can hold a result; exhibits are counted as the site does, and named by number and
first words. The files are committed, and a test makes them again and compares.
"""

from __future__ import annotations

import ast
import builtins
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from goingglobal import _console
from goingglobal.sphinx import edition
from goingglobal.sphinx.elsewhere import launch
from goingglobal.sphinx.teaching.exercises import FOLDER, KINDS, file_name

__all__ = ["Exercise", "StudentError", "chapters", "exercises", "exhibits", "notebook", "write"]

_EXERCISE = re.compile(
    r"^:::\{exercise\} (?P<title>[^\n]+)\n(?P<options>(?::[\w-]+:[^\n]*\n)+)(?P<body>.*?)^:::$", re.S | re.M)
_HINT = re.compile(r"^```\{hint\}\n(?P<text>.*?)^```$", re.S | re.M)
_ROLE = re.compile(r"\{(?P<role>[\w:-]+)\}`(?:(?P<words>[^`<]+?) <[^`>]+>|(?P<key>[^`]+))`")
_HEADLINE = re.compile(r"^`{3}\{headline\} (?P<label>\S+)\n:caption: *(?P<caption>.+)$", re.M)
_WORDS = 5  # of a caption beside an exhibit's number
_DIRECTIVE = re.compile(r"^(?::{3,}|`{3,})\{", re.M)
HOW = """\
These are the exercises of a chapter of *{title}*. Run the cells from the top.

- They need the book's library. Where it is not there yet: `pip install .` in a clone of the book's repository. In the
  browser (JupyterLite) and on Colab the first code cell installs it.
- Where code is asked for, a cell holds its beginning and the next one checks it. A check fails (`AssertionError`) until
  the answer is right, and its last line says what to look at.
- If the answer's own cell shows an error, mend that first. A check that stops with `NameError` misses a cell above it
  that has not been run. Before you hand in, *Restart Kernel and Run All Cells*.
- Where words are asked for, double-click *Your answer* and write.
- Tables and figures that an exercise names stand on the chapter's page: keep it open beside this (in a clone,
  `make serve` shows it). Don't open the chapter's *notebook*: there the solutions stand in plain sight.
- Hints are folded. On the chapter's page solutions are folded too."""


class StudentError(ValueError):
    """A chapter's exercises can't be made into a student's notebook; the message names chapter and exercise."""


@dataclass
class Exercise:
    """One exercise of a chapter: its words and the cells that belong to it."""

    id: str
    label: str
    kind: str
    minutes: int
    title: str
    statement: str
    hint: str
    cells: list[dict] = field(default_factory=list)

    def tagged(self, tag: str) -> list[dict]:
        """Its code cells with a tag, in order."""
        return [cell for cell in self.cells if cell["cell_type"] == "code" and tag in tags(cell)]


def tags(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


def source(cell: dict) -> str:
    return "".join(cell["source"])


def chapters(root: Path) -> dict[str, int]:
    """Stem → number of every numbered chapter of `_toc.yml`; appendices, which go by letters, are none."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    numbered = [part for part in toc["parts"] if part.get("numbered") and "style" not in part]
    files = [entry["file"] for part in numbered for entry in part["chapters"]]
    return {file.rpartition("/")[2]: number for number, file in enumerate(files, 1)}


def exercises(chapter: dict, stem: str) -> list[Exercise]:
    """The exercises of a chapter's notebook, in order. Raises `StudentError` for one that is not whole."""
    found: list[Exercise] = []
    for cell in chapter["cells"]:
        block = _EXERCISE.search(source(cell)) if cell["cell_type"] == "markdown" else None
        if block:
            found.append(_read(block, cell["id"], stem))
        elif found and cell["cell_type"] == "markdown" and re.search(r"^## ", source(cell), re.M):
            break
        if found:
            found[-1].cells.append(cell)
    return found


def _read(block: re.Match, identity: str, stem: str) -> Exercise:
    options = dict(re.findall(r"^:([\w-]+): *(.*)$", block["options"], re.M))
    hint = _HINT.search(block["body"])
    lost = [name for name in ("label", "kind", "minutes") if not options.get(name)]
    if lost or hint is None or options["kind"] not in KINDS:
        what = f":{lost[0]}:" if lost else "{hint}" if hint is None else f"kind among {', '.join(KINDS)}"
        raise StudentError(f"{stem}, exercise {block['title']!r}: no {what}")
    return Exercise(identity, options["label"], options["kind"], int(options["minutes"]), block["title"].strip(),
                    _HINT.sub("", block["body"]).strip(), hint["text"].strip())


def exhibits(chapter: dict, number: int) -> dict[str, tuple[str, str]]:
    """Label → number as the site gives it (“Figure 2.6”) and caption, of a chapter's exhibits in their order.

    A caption that is not written out in the call is empty.
    """
    found, count = {}, {"Figure": 0, "Table": 0}

    def add(kind: str, label: str, caption: str) -> None:
        count[kind] += 1
        found[label] = f"{kind} {number}.{count[kind]}", caption.strip().rstrip(".")

    for cell in chapter["cells"]:
        if cell["cell_type"] == "markdown":
            for match in _HEADLINE.finditer(source(cell)):
                add("Figure", match["label"], match["caption"])
        elif not cell["id"].endswith("-install"):
            calls = [node for node in ast.walk(ast.parse(source(cell))) if isinstance(node, ast.Call) and node.args
                     and ast.unparse(node.func) in ("exhibits.figure", "exhibits.table")]  # fmt: skip
            for call in sorted(calls, key=lambda node: node.lineno):
                caption = next((k.value for k in call.keywords if k.arg == "caption"), None)
                add(call.func.attr.capitalize(), ast.literal_eval(call.args[0]),
                    caption.value if isinstance(caption, ast.Constant) else "")
    return found


def _named(number: str, caption: str) -> str:
    """“Fig. 2.6 (“Keep every firm and starting …”)”."""
    first = caption.split()
    short = " ".join(first[:_WORDS]).rstrip(",;:") + (" …" if len(first) > _WORDS else "")
    return number.replace("Figure", "Fig.") + (f" (“{short}”)" if short else "")


def words(text: str, names: dict[str, str], where: str) -> str:
    """Text of the page as a notebook shows it: roles become words. Raises `StudentError` for one that can't."""

    def plain(match: re.Match) -> str:
        role, key = match["role"], match["key"]
        if role == "numref" and key in names:
            inside = text[:match.start()].endswith("(") and text[match.end():].startswith(")")
            return re.sub(r" \((“.*”)\)$", r", \1", names[key]) if inside else names[key]
        if role in ("claim", "fact", "doc", "define") and match["words"]:
            return match["words"]
        if role == "define":
            return key
        raise StudentError(f"{where}: {match[0]} says nothing outside the book; put it in words")

    out = _ROLE.sub(plain, text)
    if _DIRECTIVE.search(out):
        raise StudentError(f"{where}: a directive other than {{hint}}")
    return out


def _markdown(identity: str, text: str) -> dict:
    return {"cell_type": "markdown", "id": identity, "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(cell: dict, *extra: str) -> dict:
    kept = [tag for tag in tags(cell) if tag in ("setup", "parameters", "starter", "check")]
    return {"cell_type": "code", "execution_count": None, "id": cell["id"], "metadata": {"tags": [*kept, *extra]},
            "outputs": [], "source": list(cell["source"])}


def notebook(chapter: dict, stem: str, number: int, book: str) -> dict:
    """A student's notebook. `chapter`: the chapter's, as JSON; `book`: the book's title. Raises `StudentError`."""
    title = next(line for line in source(chapter["cells"][0]).splitlines() if line.startswith("# ")).removeprefix("# ")
    found = exercises(chapter, stem)
    names = {label: _named(*shown) for label, shown in exhibits(chapter, number).items()}
    names |= {e.label: f"Exercise {number}.{place}" for place, e in enumerate(found, 1)}
    head = f"# Exercises for Chapter {number}. {title}\n\n{HOW.format(title=book)}"
    cells = [_markdown(f"{stem}-exercises-title", head)]
    install = [cell for cell in chapter["cells"] if cell["id"].endswith("-install")]
    setup = [cell for cell in chapter["cells"] if "setup" in tags(cell)]
    if setup:
        cells.append(_markdown(f"{stem}-exercises-needs", "## What the exercises need\n\nFrom the chapter, unchanged."))
    # Under the id and in the place where `launch` writes it.
    cells += [{**cell, "id": f"{stem}-exercises-install"} for cell in install]
    cells += [_code(cell) for cell in setup]
    for place, exercise in enumerate(found, 1):
        where = f"{stem}, exercise {exercise.label!r}"
        head = (f"## Exercise {number}.{place} {exercise.title}\n\n"
                f"*{KINDS[exercise.kind]} · about {exercise.minutes} minutes*")
        hint = f"<details><summary>Hint</summary>\n\n{words(exercise.hint, names, where)}\n\n</details>"
        cells.append(_markdown(exercise.id, f"{head}\n\n{words(exercise.statement, names, where)}\n\n{hint}"))
        starters, checks = exercise.tagged("starter"), exercise.tagged("check")
        if bool(starters) != bool(checks):
            raise StudentError(f"{where}: a starter and a check belong together")
        cells += [_code(cell) for cell in starters]
        cells += [_code(cell, "raises-exception") for cell in checks]  # by design, until it is answered
        cells.append(_markdown(f"{exercise.id}-answer", "**Your answer:** "))
    return {"cells": cells, "metadata": chapter["metadata"], "nbformat": 4, "nbformat_minor": 5}


def unmet(sheet: dict) -> list[str]:
    """Names that a student's notebook reads and none of its cells makes: a chapter's cell lacks the tag `setup`."""
    made, read = set(dir(builtins)), set()
    for cell in sheet["cells"]:
        if cell["cell_type"] != "code" or cell["id"].endswith("-install"):
            continue
        for node in ast.walk(ast.parse(source(cell))):
            if isinstance(node, ast.Name):
                (read if isinstance(node.ctx, ast.Load) else made).add(node.id)
            elif isinstance(node, ast.alias):
                made.add((node.asname or node.name).partition(".")[0])
            elif isinstance(node, ast.arg):
                made.add(node.arg)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                made.add(node.name)
    return sorted(read - made)


def dumped(content: dict) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def made(root: Path) -> dict[Path, str]:
    """Every student's notebook as text, by the file it belongs in; a chapter without exercises has none."""
    out, where = {}, launch.configured(root)
    for stem, number in chapters(root).items():
        chapter = json.loads((root / "book" / f"{stem}.ipynb").read_text(encoding="utf-8"))
        if not exercises(chapter, stem):
            continue
        sheet, identity = notebook(chapter, stem, number, edition.book(root)), f"{stem}-exercises-install"
        install = launch.install_cell(f"{stem}-exercises", sheet, where)  # asks for what the sheet needs, no more
        sheet["cells"] = [install if cell["id"] == identity else cell for cell in sheet["cells"]]
        out[root / "book" / FOLDER / file_name(stem)] = dumped(sheet)
    return out


def write(root: Path) -> list[Path]:
    """Write the students' notebooks; those of chapters that are no more are removed."""
    files = made(root)
    (root / "book" / FOLDER).mkdir(exist_ok=True)
    for stale in set((root / "book" / FOLDER).glob("*.ipynb")) - set(files):
        stale.unlink()
    for file, text in files.items():
        file.write_text(text, encoding="utf-8", newline="\n")
    return list(files)


def main(root: Path) -> int:
    launch.stamp(root)
    try:
        files = write(root)
    except StudentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for file in files:
        lacking = unmet(json.loads(file.read_text(encoding="utf-8")))
        if lacking:
            print(f"warning: {file.name} uses {', '.join(lacking)}, which none of its cells makes: tag the chapter's "
                  "cells that do (imports, tables) `setup`, then make exercises again", file=sys.stderr)
    print(f"{len(files)} notebooks are in {(Path('book') / FOLDER)}")
    return 0


if __name__ == "__main__":
    _console.forgive()
    sys.exit(main(Path.cwd()))
