"""From what `report`, `figure`, `table` and explorers publish to document nodes (a myst-nb renderer plug-in)."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.environment import BuildEnvironment

from goingglobal._display import EXHIBIT, EXPLORER, RESULT
from goingglobal.sphinx import registry
from goingglobal.sphinx.reading.explorers import explorer


def anchor(result_id: str) -> str:
    """The anchor of the cell that reported an id."""
    return "result-" + re.sub(r"[^a-z0-9]+", "-", result_id.lower()).strip("-")


class quoted(nodes.Inline, nodes.TextElement):
    """A number quoted by id, resolved when the page is written."""


class drawing(nodes.General, nodes.Element):
    """A figure's picture, filled in from its record when the page is written."""


class source_links(nodes.General, nodes.Element):
    """The line under an exhibit: source, licence, vintage; data, code, how to cite."""


def _figure(exhibit: dict) -> nodes.figure:
    node = nodes.figure("", classes=["gg-exhibit", "gg-exhibit-figure"])
    node += drawing("", label=exhibit["label"])
    node += nodes.caption("", exhibit["caption"])
    node += nodes.legend("", source_links("", label=exhibit["label"], source=exhibit["source"]))
    return node


def _link(id_: str, env: BuildEnvironment | None) -> nodes.Node:
    """One id of a column of quotes: a result, a fact, a claim or a chapter; other words stay words."""
    kind = "result" if "/" in id_ else "claim" if re.fullmatch(r"C\d{3}", id_) else "fact"
    if kind != "fact" or re.fullmatch(r"[FGH]\d{4}", id_):
        if env is not None:
            registry.page(env).uses.append((kind, id_, 0))
        return quoted("", "", kind=kind, key=id_, words=id_)
    if env is not None and re.fullmatch(r"[a-z-]+", id_):
        inner = nodes.inline("", id_)
        return addnodes.pending_xref("", inner, refdomain="std", reftype="doc", reftarget=f"/book/{id_}",
                                     refexplicit=True, refwarn=True, refdoc=env.docname)
    return nodes.Text(id_)


def _table(exhibit: dict, env: BuildEnvironment | None = None) -> nodes.table:
    columns, numeric = exhibit["columns"], exhibit["numeric"]
    quotes = exhibit.get("quotes") or []
    table = nodes.table("", classes=["gg-table"])
    table += nodes.title("", exhibit["caption"])
    group = nodes.tgroup("", cols=len(columns))
    table += group
    for place in range(len(columns)):
        group += nodes.colspec("", colwidth=1, stub=1 if place == 0 else 0)

    def line(cells: list[str]) -> nodes.row:
        row = nodes.row("")
        for place, cell in enumerate(cells):
            kinds = {"gg-number": numeric[place] and place, "gg-id": place in (exhibit.get("ids") or [])}
            entry = nodes.entry("", classes=[name for name, holds in kinds.items() if holds])
            if str(cell) and place in quotes and cells is not columns:
                parts = [part for id_ in str(cell).split() for part in (_link(id_, env), nodes.Text(" "))]
                entry += nodes.paragraph("", "", *parts[:-1])
            elif str(cell):
                first, _, below = str(cell).partition("\n")
                entry += nodes.paragraph("", first)
                entry += [nodes.paragraph("", below, classes=["gg-below"])] if below else []
            row += entry
        return row

    head, body = nodes.thead(""), nodes.tbody("")
    head += line(columns)
    anchors = exhibit.get("anchors") or [None] * len(exhibit["rows"])
    for cells, name in zip(exhibit["rows"], anchors, strict=True):
        row = line(cells)
        row["ids"] += [name] if name else []
        body += row
    group += [head, body]
    return table


def build(exhibit: dict, document: nodes.document | None, env: BuildEnvironment | None = None) -> list[nodes.Node]:
    """Nodes of one exhibit; with a document, also its label, so that it is numbered and can be referred to.

    Ids that a table quotes are noted in the environment, so that the build refuses unknown ones.
    """
    node = _figure(exhibit) if exhibit["kind"] == "figure" else _table(exhibit, env)
    if document is not None:
        node["names"].append(exhibit["label"])
        document.note_explicit_target(node, node)
    if exhibit["kind"] == "figure":
        return [node]
    links = source_links("", label=exhibit["label"], source=exhibit["source"])
    classes = ["gg-exhibit", "gg-exhibit-table"]
    if exhibit.get("filters"):
        classes += ["gg-filter", *(f"gg-filter-{place}" for place in exhibit["filters"])]
    return [nodes.container("", node, links, classes=classes, is_div=True)]


class Renderer:
    """Renders the book's own output types; all others are left to myst-nb."""

    mime_priority_overrides = (("*", EXHIBIT, 1), ("*", RESULT, 1), ("*", EXPLORER, 1))

    @staticmethod
    def handle_mime(renderer, data, inline):
        if inline or data.mime_type not in (EXHIBIT, RESULT, EXPLORER):
            return None
        document, env = renderer.renderer.document, renderer.renderer.sphinx_env
        page = registry.page(env)
        content = dict(data.content)
        if data.mime_type == RESULT:
            registry.add(page.results, content["id"], content, page, "result")
            # Not a target: docutils would hand its id on to an output that is not shown.
            return [nodes.container("", ids=[anchor(content["id"])], classes=["gg-anchor"], is_div=True)]
        if data.mime_type == EXPLORER:
            registry.add(page.explorers, content["label"], content, page, "explorer")
            return [explorer("", label=content["label"])]
        registry.add(page.exhibits, content["label"], content, page, "exhibit")
        return build(content, document, env)
