"""The code behind an exhibit, and the list of all exhibits.

The cell that makes an exhibit has the anchor `code-<label>` (of its first exhibit, where it makes several). Where the
cell is folded, the fold itself bears it: a link lands there without scripts, and opens it with them.

`{exhibits-list}`   number, finding, page, tables, code and data of every exhibit
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.util.osutil import relative_uri

import goingglobal
from goingglobal.sphinx import registry
from goingglobal.sphinx.reading import mime
from goingglobal.sphinx.taking import citing

_MODULES = ("charts", "data", "designs", "exhibits", "ledger", "models", "samples", "specifications")
_CALL = re.compile(rf"\b({'|'.join(_MODULES)})\.([a-z]\w*)\(")
_PLACING = {"exhibits.figure", "exhibits.table"}  # every exhibit's last step says nothing about it


class exhibits_list(nodes.General, nodes.Element):
    """Where the list stands; filled in when the page is written."""


@cache
def _names(module: str) -> set[str]:
    """What a module of the library defines or hands on, read from its text: to import it would load an estimator."""
    place = Path(goingglobal.__file__).parent / module
    text = (place / "__init__.py" if place.is_dir() else place.with_suffix(".py")).read_text(encoding="utf-8")
    body = ast.parse(text).body
    found = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return found | {alias.asname or alias.name for node in body if isinstance(node, ast.ImportFrom)
                    for alias in node.names}  # fmt: skip


def calls(code: str) -> list[str]:
    """Functions of the library that code calls, in the order of their first call."""
    found = dict.fromkeys(f"{module}.{name}" for module, name in _CALL.findall(code) if name in _names(module))
    return [name for name in found if name not in _PLACING]


def _is(node: nodes.Node, element: str) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == element


def _anchors(app: Sphinx, doctree: nodes.document) -> None:
    """Mark the cells that make exhibits, and note where each exhibit's code is and which functions it calls.

    Cells since the exhibit before count as well: they prepare this one. A removed input has no code to show.
    """
    page, code = registry.page(app.env), ""
    for cell in doctree.findall(lambda node: _is(node, "cell_code")):
        if not _is(cell[0], "cell_code_source"):
            continue
        code += cell[0].astext() + "\n"
        labels = [node["label"] for node in cell.findall(mime.source_links)]
        if labels:
            cell["ids"].append(f"code-{labels[0]}")
            for label in labels:
                page.exhibits[label] |= {"code": f"code-{labels[0]}", "calls": calls(code)}
            code = ""


def _is_anchor(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and "gg-anchor" in node["classes"]


def _fold_name(app: Sphinx, cell: nodes.Element) -> str:
    """What a folded cell holds: the code of its exhibits; the words of its first line, a comment; or its numbers."""
    labels = dict.fromkeys(node["label"] for node in cell.findall(mime.source_links))
    labels |= dict.fromkeys(node["label"] for node in cell.findall(mime.drawing))
    if labels:
        return "Code of " + " and ".join(citing.number(app.env, label).replace("Figure", "Fig.") for label in labels)
    code = next((part.astext() for part in cell.children if _is(part, "cell_code_source")), cell.astext())
    words = re.match(r"# (.+)", code.lstrip())
    if words:
        return words[1].rstrip(".")
    return NUMBERS if any(cell.findall(_is_anchor)) else ""


NUMBERS = "Numbers reported here"


def _folds(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Names of folds, and the anchors of a cell's numbers above its code: there the browser goes by itself.

    (It goes to the place of a link more than once while a page loads: what a script shows instead may not last.)
    """
    for fold in list(doctree.findall(HideCodeCellNode)):
        if "above-input" in fold["classes"]:
            cell = fold.parent
            fold["ids"], cell["ids"] = cell["ids"], []
            fold["prompt_show"] = fold["prompt_hide"] = _fold_name(app, cell) or fold["prompt_show"]
            anchors = list(cell.findall(_is_anchor))
            for anchor in anchors:
                anchor.parent.remove(anchor)
            cell[cell.index(fold):cell.index(fold)] = anchors


def _visit_fold(self, node: HideCodeCellNode) -> None:
    self.body.append(self.starttag(node, "details", CLASS="admonition hide"))
    words = "".join(f'<p class="{state} admonition-title">{self.encode(node[prompt])}</p>'
                    for state, prompt in (("collapsed", "prompt_show"), ("expanded", "prompt_hide")))  # fmt: skip
    self.body.append(f"<summary>{words}</summary>\n")


def _depart_fold(self, node: HideCodeCellNode) -> None:
    self.body.append("</details>\n")


def _fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    places = list(doctree.findall(exhibits_list))
    if not places:
        return
    env, here = app.env, app.builder.get_target_uri(docname)
    known = registry.exhibits(env)

    def link(words: str, page: str, name: str) -> nodes.reference:
        address = relative_uri(here, app.builder.get_target_uri(page)) + f"#{name}"
        return nodes.reference("", words, internal=True, refuri=address)

    def described(table: str) -> nodes.Node:
        label = f"tab-fields-{table.replace('_', '-')}"
        return link(table, known[label]["page"], label) if label in known else nodes.Text(table)

    def joined(parts: list[nodes.Node]) -> list[nodes.Node]:
        return [node for part in parts for node in (nodes.Text(", "), part)][1:]

    rows = []
    for page in env.collect_relations():
        for label, record in registry.page(env, page).exhibits.items():
            code = [link("cell", page, record["code"])] if record.get("code") else []
            code += [nodes.literal("", name) for name in record.get("calls", [])]
            file = nodes.reference("", "CSV", internal=True, refuri=relative_uri(here, f"exhibits/{label}.csv"))
            rows.append([
                [nodes.Text(citing.number(env, label))], [link(record["caption"], page, label)],
                [nodes.Text(env.titles[page].astext())], joined([described(name) for name in record["tables"]]),
                joined(code), [file],
            ])
    for place in places:
        place.replace_self(_table(["Exhibit", "Finding", "Page", "Tables", "Code", "Data"], rows))


def _table(heads: list[str], rows: list[list[list[nodes.Node]]]) -> nodes.container:
    def line(cells: list[list[nodes.Node]]) -> nodes.row:
        return nodes.row("", *(nodes.entry("", *([nodes.paragraph("", "", *cell)] if cell else [])) for cell in cells))

    columns = [nodes.colspec("", colwidth=1, stub=1 if place == 0 else 0) for place in range(len(heads))]
    group = nodes.tgroup("", *columns, nodes.thead("", line([[nodes.Text(head)] for head in heads])),
                         nodes.tbody("", *map(line, rows)), cols=len(heads))  # fmt: skip
    return nodes.container("", nodes.table("", group), classes=["gg-exhibits-list", "gg-filter", "gg-filter-2"],
                           is_div=True)  # fmt: skip


class ExhibitsList(Directive):
    """`{exhibits-list}`: every exhibit of the book."""

    def run(self):
        registry.page(self.state.document.settings.env).shows_all = True
        return [exhibits_list()]


def setup(app: Sphinx) -> None:
    app.add_directive("exhibits-list", ExhibitsList)
    app.add_node(exhibits_list)
    app.add_node(HideCodeCellNode, override=True, html=(_visit_fold, _depart_fold))
    app.connect("doctree-read", _anchors)
    app.connect("doctree-resolved", _folds)
    app.connect("doctree-resolved", _fill)
