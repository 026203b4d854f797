"""Exercises on the page: sphinx-exercise's directives, with kind and minutes, folded hints and folded solutions.

    :::{exercise} The same year's investment
    :label: exercise-same-year
    :kind: change
    :minutes: 5

    What to do.

    ```{hint}
    Where to look.
    ```
    :::

    ```{solution-start} exercise-same-year
    ```
    cells tagged `solution` and `check`, and text
    ```{solution-end}
    ```

`{solution}` does for a solution without cells. Hint and solution become `<details>`, closed, inside the exercise; a
page printed from the browser shows those that are open, the PDF and the EPUB show all. An exercise that lacks either
stops the build. `{exercise-sheet}` links the student's notebook (made by `students`), which is copied to `exercises/`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sphinx.application import Sphinx
from sphinx.util.osutil import relative_uri
from sphinx_exercise.directive import ExerciseDirective
from sphinx_exercise.nodes import (
    depart_exercise_enumerable_node,
    exercise_enumerable_node,
    solution_node,
    visit_exercise_enumerable_node,
)

from goingglobal.sphinx import registry
from goingglobal.sphinx.elsewhere import launch
from goingglobal.sphinx.reading.margin import fold

KINDS = {"read": "Read", "change": "Rerun and change", "interpret": "Interpret", "open": "Open"}
FOLDER = registry.SHEETS


def file_name(stem: str) -> str:
    """A chapter's student's notebook: another name than the chapter's, since both may be open side by side."""
    return f"{stem}-exercises.ipynb"


def solution_words(kind: str) -> str:
    """What one clicks to open the solution of an exercise of a kind."""
    return "What a good answer has" if kind == "open" else "Solution"


class sheet(nodes.General, nodes.Element):
    """The link to the student's notebook of a chapter."""


class Exercise(ExerciseDirective):
    """`{exercise}` with its kind and the minutes it takes, both required, as are title and label."""

    option_spec = {
        **ExerciseDirective.option_spec, "minutes": directives.positive_int,
        "kind": lambda argument: directives.choice(argument, tuple(KINDS)),
    }

    def run(self):
        absent = [name for name in ("label", "kind", "minutes") if name not in self.options]
        if absent or not self.arguments:
            raise self.error(f"an exercise needs a title and :{absent[0] if absent else 'label'}:")
        found = super().run()
        for node in found:
            node["kind"], node["minutes"] = self.options["kind"], self.options["minutes"]
            node["classes"].append("gg-exercise")
        return found


def _unwrapped(node: nodes.Element) -> None:
    """The content without sphinx-exercise's section, whose id would stand on the page once per exercise."""
    inner = next(child for child in node if isinstance(child, nodes.section))
    inner["ids"] = []
    inner.replace_self(inner.children)


def _gather(app: Sphinx, doctree: nodes.document) -> None:
    """Hints become folds; solutions become folds at the end of their exercise."""
    faults = registry.page(app.env).faults
    found = {node["label"]: node for node in doctree.findall(exercise_enumerable_node)}
    for node in found.values():
        _unwrapped(node)
        for hint in list(node.findall(nodes.hint)):
            hint.replace_self(fold("", *hint.children, words="Hint"))
    for solution in list(doctree.findall(solution_node)):
        exercise = found.get(solution["target_label"])
        if exercise is None:
            faults.append(f"solution of {solution['target_label']!r}, which is no exercise of this page")
            continue
        _unwrapped(solution)
        words = solution_words(exercise["kind"])
        inner = [child for child in solution.children if not isinstance(child, nodes.title)]
        solution.parent.remove(solution)
        exercise += fold("", *inner, words=words, ids=[f"{exercise['label']}-solution"])
    for label, node in found.items():
        folds = [child["words"] == "Hint" for child in node if isinstance(child, fold)]
        if sorted(folds) != [False, True]:
            faults.append(f"exercise {label!r} has {folds.count(True)} hints and {folds.count(False)} solutions; "
                          "one of each is expected")


def _titles(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """After “Exercise 1.2”: the title without sphinx-exercise's brackets, then kind and minutes."""
    for node in doctree.findall(exercise_enumerable_node):
        title = node[0]
        kind = nodes.inline("", f"{KINDS[node['kind']]} · about {node['minutes']} minutes", classes=["gg-kind"])
        title.children = [*title.children[1:-1], nodes.Text(" "), kind]
        title.setup_child(kind)


class ExerciseSheet(Directive):
    """`{exercise-sheet}`: the student's notebook of this chapter."""

    def run(self):
        env = self.state.document.settings.env
        name = file_name(env.docname.rpartition("/")[2])
        file = Path(env.srcdir) / "book" / FOLDER / name
        if not file.is_file():
            raise self.error(f"no book/{FOLDER}/{name}; `make exercises` writes it")
        env.note_dependency(str(file))
        return [sheet("", name=name)]


def _visit_sheet(self, node: nodes.Element) -> None:
    here = self.builder.get_target_uri(self.builder.current_docname)
    file = f"{FOLDER}/{node['name']}"
    opened = " ".join(launch.links(self.builder.app, f"book/{file}", lambda to, _: relative_uri(here, to), {}))
    if opened:
        opened = f" Or open it: {opened}."
    self.body.append(
        f'<p class="gg-sheet">To work in: <a href="{relative_uri(here, file)}" download>these exercises as a notebook '
        f"({node['name']})</a>.{opened} It holds the cells they need, a place for every answer, and checks that say "
        f"what is missing; in a clone of the repository it is <code>book/{file}</code>. Hints and solutions are folded "
        "below: try first.</p>\n")
    raise nodes.SkipNode


def _visit_fold(self, node: nodes.Element) -> None:
    self.body.append(self.starttag(node, "details", CLASS="gg-fold"))
    self.body.append(f"<summary>{self.encode(node['words'])}</summary>\n")


def _depart_fold(self, node: nodes.Element) -> None:
    self.body.append("</details>\n")


def _visit_open(self, node: nodes.Element) -> None:
    """In an e-reader there is nothing to open it with."""
    self.body.append(self.starttag(node, "div", CLASS="gg-fold"))
    self.body.append(f'<p class="gg-fold-title">{self.encode(node["words"])}</p>\n')


def _depart_open(self, node: nodes.Element) -> None:
    self.body.append("</div>\n")


def _skip(self, node: nodes.Element) -> None:
    raise nodes.SkipNode


def _copy(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.name != "html":
        return
    out = Path(app.outdir) / FOLDER
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    for file in sorted((Path(app.srcdir) / "book" / FOLDER).glob("*.ipynb")):
        shutil.copyfile(file, out / file.name)


def setup(app: Sphinx) -> None:
    app.setup_extension("sphinx_exercise")
    app.add_directive("exercise", Exercise, override=True)
    app.add_directive("exercise-sheet", ExerciseSheet)
    app.add_node(fold, html=(_visit_fold, _depart_fold), epub=(_visit_open, _depart_open), latex=(_skip, None),
                 text=(_skip, None))
    # A builder with visitors of its own, as the EPUB's has, is not given those of HTML.
    app.add_node(exercise_enumerable_node, override=True,
                 epub=(visit_exercise_enumerable_node, depart_exercise_enumerable_node))
    app.add_node(sheet, html=(_visit_sheet, None), epub=(_skip, None), latex=(_skip, None), text=(_skip, None))
    app.connect("doctree-read", _gather, priority=600)  # sphinx-exercise notes its labels at the same event, before
    app.connect("doctree-resolved", _titles)
    app.connect("build-finished", _copy)
