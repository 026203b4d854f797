"""Reading copies: each notebook as it reads outside the site, written to `notebooks/` of the site.

A reading copy has the code of its notebook, the outputs of the build, and the text as the page shows it: numbers,
claims, facts and citations filled in, boxes as quotations, hints and solutions folded, captions with their numbers,
definitions below the cell that uses them. Its links lead to the site: by the public address where there is one
(`html.baseurl`), else by relative paths. It is written when its page is, so it is made anew when what the page shows
has changed, and only then. Figures become PNG, since code hosts don't show SVG soundly; pictures drawn before are
taken as they were.
"""

from __future__ import annotations

import base64
import html
import json
import re
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import docname_join
from sphinx.util.osutil import relative_uri

from goingglobal._display import EXHIBIT, EXPLORER, RESULT
from goingglobal.sphinx import registry
from goingglobal.sphinx.cache import Cache
from goingglobal.sphinx.elsewhere import launch
from goingglobal.sphinx.reading import margin, mime, roles
from goingglobal.sphinx.taking import citing, plain
from goingglobal.sphinx.taking.pictures import picture, size
from goingglobal.sphinx.teaching import exercises

if TYPE_CHECKING:
    from sphinx.environment import BuildEnvironment

CELL = "\f"  # where a cell ends and the head of a folded solution begins
_LINK = re.compile(r"\]\((?![a-z]+:|#)([^)\s]+)")  # a relative one
HIDDEN = {"hide-input", "remove-cell", "remove-input"}
LEFT_OUT = {"remove-output", "hide-output"}


# ------------------------------------------------------------------------------------------------------------- text
class Page:
    """One page on its way to a reading copy: what its roles and directives say outside the site."""

    def __init__(self, app: Sphinx, docname: str):
        self.app, self.env, self.docname = app, app.env, docname
        self.results, self.exhibits = registry.results(app.env), registry.exhibits(app.env)
        self.here = app.builder.get_target_uri(docname)
        self.pictures = Path(app.doctreedir, "pictures")
        self.below: dict[str, str] = {}  # what stands at the end of the cell: definitions, then pictures
        self.images: dict[str, str] = {}

    # ---- links
    def address(self, place: str) -> str:
        """A file of the site, with its anchor, as a reading copy links to it."""
        base = self.app.config.html_baseurl
        return base + place if base else relative_uri(registry.reading_copy(self.docname), place)

    def page(self, docname: str, name: str = "") -> str:
        return self.address(self.app.builder.get_target_uri(docname)) + (f"#{name}" if name else "")

    def inline(self, node: nodes.Node) -> str:
        """Inline nodes as Markdown."""
        if isinstance(node, nodes.Text):
            return node.astext()
        if isinstance(node, mime.quoted):
            return roles.quotation(self.results, node["kind"], node["key"], node["words"]).words
        inner = "".join(self.inline(child) for child in node.children)
        for kind, mark in ((nodes.strong, "**"), (nodes.emphasis, "*"), (nodes.literal, "`"), (nodes.math, "$")):
            if isinstance(node, kind):
                return f"{mark}{inner}{mark}"
        if isinstance(node, nodes.reference) and (node.get("refuri") or node.get("refid")):
            uri = node.get("refuri") or f"#{node['refid']}"
            if not re.match(r"[a-z]+:", uri):
                file, _, name = uri.partition("#")
                file = normpath(join(dirname(self.here), file)) if file else self.here
                uri = self.address(file) + (f"#{name}" if name else "")
            return plain.link(inner, uri, node.get("reftitle") or "")
        return inner

    def reference(self, domain: str, kind: str, target: str, words: str = "") -> str:
        """A reference as Sphinx makes it; words alone where it leads nowhere."""
        node = addnodes.pending_xref("", nodes.inline("", words or target), refdomain=domain, reftype=kind,
                                     reftarget=target, refexplicit=bool(words), refdoc=self.docname, refwarn=False)
        found = self.env.get_domain(domain).resolve_xref(self.env, self.docname, self.app.builder, kind, target, node,
                                                         node[0])  # fmt: skip
        return self.inline(found) if found is not None else words or target

    def _followed(self, target: str) -> str:
        """A relative link of the source: to a page, or to a file that the site has in the same place."""
        file, _, name = target.partition("#")
        place = normpath(join(dirname(self.docname), file))
        doc = re.sub(r"\.(ipynb|md)$", "", place)
        if doc in self.env.found_docs:
            return self.page(doc, name)
        return self.address(place) + (f"#{name}" if name else "")

    # ---- roles
    def role(self, name: str, text: str) -> str:
        titled = roles.TITLED.match(text)
        words, key = (titled["text"], titled["id"]) if titled else ("", text.strip())
        if name in ("result", "claim", "fact", "verdict"):
            return self._quoted(name, key, words)
        if name == "numref":
            return self._numbered(key, words)
        if name == "define":
            return self._defined(key, words or key)
        if name == "doc":
            doc = docname_join(self.docname, key)
            return plain.link(words or self.env.titles[doc].astext(), self.page(doc))
        if name == "download":
            file, _ = self.env.relfn2path(key, self.docname)
            known = self.env.dlfiles.get(file)
            return plain.link(words or key, self.address(f"_downloads/{known[1]}")) if known else words or key
        if name.startswith("cite:"):
            return self.reference("cite", name.removeprefix("cite:"), text)
        if name in ("ref", "term"):
            return self.reference("std", name, key.lower() if name == "ref" else key, words)
        if name == "math":
            return f"${text}$"
        return words or key

    def _quoted(self, kind: str, key: str, words: str) -> str:
        found = roles.quotation(self.results, kind, key, words)
        if kind == "result" and found.page == self.docname:
            return found.words  # it stands, with error and n, below the cell of this notebook that reports it
        return plain.link(found.words, found.url or self.page(found.page, found.anchor), found.title)

    def number(self, label: str) -> tuple[str, str] | None:
        """“Figure 1.2” or “Exercise 1.2”, and its page; None for a label that is neither."""
        if label in self.exhibits:
            return citing.number(self.env, label), self.exhibits[label]["page"]
        for doc, kinds in self.env.toc_fignumbers.items():
            if label in kinds.get("exercise", {}):
                return f"Exercise {'.'.join(map(str, kinds['exercise'][label]))}", doc
        return None

    def _numbered(self, label: str, words: str) -> str:
        known = self.number(label)
        if known is None:
            return self.reference("std", "numref", label, words)
        told, page = known[0].replace("Figure", "Fig."), known[1]
        if words:
            told = words.replace("%s", told.rpartition(" ")[2]).replace("{number}", told.rpartition(" ")[2])
        return told if page == self.docname else plain.link(told, self.page(page, label))

    def _defined(self, key: str, words: str) -> str:
        term, paragraph = registry.page(self.env, margin.GLOSSARY).defines[margin.looked_up(key)]
        definition = "".join(self.inline(node) for node in margin.own_words(paragraph))
        self.below[term] = f"*{term}*: {definition}"
        return self.reference("std", "term", key, words)

    # ---- directives
    def markdown(self, text: str) -> str:
        return plain.rendered(text, self.role, self.directive)

    def directive(self, block: plain.Block) -> str | None:
        if block.name == "headline":
            return self._headline(block.argument)
        if block.name == "exercise":
            return self._exercise(block)
        if block.name == "hint":
            return plain.folded("Hint", self.markdown(block.body))
        if block.name == "solution":
            return plain.folded(self._solution(block.argument), self.markdown(block.body))
        if block.name == "solution-start":
            number, _ = self.number(block.argument)
            return f"{CELL}#### {self._solution(block.argument)} of {number}"
        if block.name == "solution-end":
            return ""
        if block.name == "exercise-sheet":
            file = f"{exercises.FOLDER}/{exercises.file_name(self.docname.rpartition('/')[2])}"
            return (f"To work in, take {plain.link('the exercises as a notebook', self.address(file))}: there are no "
                    "solutions in it, and checks that say what is missing.")
        if block.name == "exhibit":
            number, page = self.number(block.argument)
            caption = self.exhibits[block.argument]["caption"]
            return f"{plain.link(number, self.page(page, block.argument))}: {caption}"
        if not block.argument and not block.body.strip():  # what only the page can fill in
            words = block.name.replace("-", " ")
            return f"*On the book's page: {plain.link(words, self.page(self.docname))}.*"
        return None

    def _headline(self, label: str) -> str:
        exhibit = self.exhibits[label]
        image = base64.b64encode(picture(exhibit["svg"], self.pictures)).decode()
        self.images[label] = f"[{label}]: data:image/png;base64,{image}"
        alt = re.sub(r"\s+", " ", exhibit["alt"]).replace("[", "(").replace("]", ")")
        return (f"![{alt}][{label}]\n\n**{citing.number(self.env, label)}.** {exhibit['caption']}<br>\n"
                f"<small>{exhibit['source']}</small>")

    def _exercise(self, block: plain.Block) -> str:
        number, _ = self.number(block.options["label"])
        self.kinds = getattr(self, "kinds", {}) | {block.options["label"]: block.options["kind"]}
        return (f"### {number}. {self.markdown(block.argument)}\n\n"
                f"*{exercises.KINDS[block.options['kind']]} · about {block.options['minutes']} minutes*\n\n"
                f"{self.markdown(block.body)}")

    def _solution(self, label: str) -> str:
        return exercises.solution_words(getattr(self, "kinds", {}).get(label, ""))

    # ---- cells
    def text(self, cell: dict) -> tuple[str, str]:
        """A Markdown cell as it reads elsewhere, and apart from it the head of a folded solution that begins in it."""
        self.below, self.images = {}, {}
        source = _LINK.sub(lambda link: f"]({self._followed(link[1])}", cell["source"])
        text, _, head = self.markdown(source).partition(CELL)
        parts = [text.strip("\n")]
        if self.below:
            parts.append(plain.quoted("\n\n".join(self.below.values())))
        return "\n\n".join(filter(None, [*parts, *self.images.values()])), head.strip("\n")

    def outputs(self, cell: dict) -> list[dict]:
        """A cell's outputs as any notebook program shows them; the book's own kinds become pictures and tables."""
        found, numbers = [], []
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if RESULT in data:
                numbers.append(data[RESULT])
            elif EXHIBIT in data:
                found += self._exhibit(data[EXHIBIT])
            elif EXPLORER in data:
                found += self._explorer(data)
            else:
                found.append(dict(output))
        if numbers:
            found.append(self._numbers(numbers))
        return found

    def _exhibit(self, record: dict) -> list[dict]:
        label = record["label"]
        number = citing.number(self.env, label)
        file = html.escape(self.address(f"exhibits/{label}.csv"))
        said = (f"<p><strong>{number}.</strong> {html.escape(record['caption'])}<br>"
                f"<small>{html.escape(record['source'])} <a href=\"{file}\">Data (CSV)</a></small></p>")
        told = f"{number}. {record['caption']}\n{record['source']}"
        if record["kind"] == "figure":
            said += f"<details><summary>The figure in words (open)</summary>{html.escape(record['alt'])}</details>"
            return [self._picture(record["svg"], record["alt"]), _shown(told, said)]
        cells = "".join("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>".replace("\n", "<br>") for cell in row)
                        + "</tr>\n" for row in record["rows"])  # fmt: skip
        head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in record["columns"])
        return [_shown(told, f"{said}\n<table><thead><tr>{head}</tr></thead>\n<tbody>{cells}</tbody></table>")]

    def _picture(self, svg: str, alt: str) -> dict:
        image = picture(svg, self.pictures)
        width, height = size(image)
        shown = {"alt": alt, "width": width, "height": height}
        return {"output_type": "display_data", "metadata": {"image/png": shown},
                "data": {"image/png": base64.b64encode(image).decode(), "text/plain": alt}}

    def _explorer(self, data: dict) -> list[dict]:
        label = data[EXPLORER]["label"]
        where = self.page(self.docname, label)
        number = citing.number(self.env, label)
        words = f"{data[EXPLORER]['title']}. To choose other views: below {number} on the book's page, or in this cell."
        linked = html.escape(words).replace(number, f'<a href="{html.escape(where)}">{number}</a>')
        drawn = re.search(r"<svg.*</svg>", data["text/html"], re.S)
        pictures = [self._picture(drawn[0], data[EXPLORER]["title"])] if drawn else []
        return [*pictures, _shown(words, f"<p><small>{linked}</small></p>")]

    def _numbers(self, records: list[dict]) -> dict:
        """The numbers that a cell reports, each with its error, interval and n."""
        lines = [f"{record['text']}  {roles.quotation(self.results, 'result', record['id'], '').title}"
                 for record in records]  # fmt: skip
        told = "\n".join(lines)
        many = f"{len(records)} numbers reported here" if len(records) > 1 else "A number reported here"
        many += " (open for errors, intervals and n)"
        return _shown(told, f"<details><summary>{many}</summary>\n<pre>{html.escape(told)}</pre></details>")


def _shown(text: str, marked_up: str) -> dict:
    return {"output_type": "display_data", "metadata": {}, "data": {"text/html": marked_up, "text/plain": text}}


# --------------------------------------------------------------------------------------------------------- notebook
def executed(app: Sphinx, docname: str) -> dict:
    """The page's notebook as it was read, with the outputs of this build; the last one asked for is kept."""
    import nbformat

    if app.goingglobal_executed[0] == docname:
        return app.goingglobal_executed[1]
    read = Path(app.outdir).parent / "jupyter_execute" / f"{docname}.ipynb"  # where myst-nb leaves it
    path = read if read.is_file() else Path(app.env.doc2path(docname))
    notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    if app.env.mystnb_config.execution_mode == "cache":
        if app.goingglobal_outputs is None:
            app.goingglobal_outputs = Cache(Path(app.config.nb_execution_cache_path))
        notebook = app.goingglobal_outputs.executed(notebook)
    app.goingglobal_executed = docname, json.loads(nbformat.writes(notebook, split_lines=False))
    return app.goingglobal_executed[1]


def _about(page: Page, title: str) -> str:
    edition = page.app.config.html_context["gg_edition"]
    book = edition["title"].partition(":")[0]
    return (f"*A copy to read, run and change of {plain.link(title, page.page(page.docname))}, from the book {book}, "
            f"version {edition['version']}. Text and outputs are those of the book; what you run here replaces the "
            "outputs, and the text stays as it is. Folded cells hold captions, tables and the numbers of the text.*")


def _markdown(identity: str, text: str, metadata: dict) -> dict:
    return {"cell_type": "markdown", "id": identity, "metadata": metadata, "source": text}


def _cells(page: Page, notebook: dict, stem: str) -> tuple[list[dict], list[str]]:
    """The cells of the copy, and the ids of those whose sections are folded."""
    where = page.app.config.goingglobal_repository
    install = launch.install_cell(stem, notebook, launch.Repository(*where) if where else None)
    cells, folded = [], []
    for place, cell in enumerate(notebook["cells"]):
        tags = cell["metadata"].get("tags", [])
        if cell["cell_type"] == "markdown":
            text, head = page.text(cell)
            if text:
                cells.append(_markdown(cell["id"], text, {"tags": tags} if tags else {}))
            if head:
                folded.append(f"{cell['id']}-solution-head")
                cells.append(_markdown(folded[-1], head, {"jp-MarkdownHeadingCollapsed": True}))
            if place == 0:
                title = page.env.titles[page.docname].astext()
                cells.append(_markdown(f"{stem}-about-this-copy", _about(page, title), {}))
        elif cell["cell_type"] == "code":
            first = cell["id"] == install["id"]
            metadata: dict = {"tags": tags} if tags else {}
            if HIDDEN & set(tags) and not first and "parameters" not in tags:
                metadata |= {"jupyter": {"source_hidden": True}, "cellView": "form"}  # in JupyterLab; on Colab
            cells.append({"cell_type": "code", "id": cell["id"], "metadata": metadata,
                          "execution_count": cell.get("execution_count"),
                          "source": "".join(install["source"]) if first else cell["source"],
                          "outputs": [] if LEFT_OUT & set(tags) else page.outputs(cell)})  # fmt: skip
    return cells, folded


def made(app: Sphinx, docname: str) -> str:
    """The reading copy of a page that is a notebook, as JSON."""
    notebook = executed(app, docname)
    cells, folded = _cells(Page(app, docname), notebook, docname.rpartition("/")[2])
    metadata = {"kernelspec": notebook["metadata"].get("kernelspec", launch.METADATA["kernelspec"]),
                "language_info": launch.METADATA["language_info"]}  # fmt: skip
    if folded:
        metadata["colab"] = {"collapsed_sections": folded}
    copy = {"cells": [_lines(cell) for cell in cells], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(copy, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _lines(cell: dict) -> dict:
    """A cell as notebooks are stored: texts by lines."""
    cell = {**cell, "source": cell["source"].splitlines(keepends=True)}
    for output in cell.get("outputs", []):
        if "text" in output and isinstance(output["text"], str):
            output["text"] = output["text"].splitlines(keepends=True)
        output["data"] = {kind: text.splitlines(keepends=True) if kind.startswith("text/") and isinstance(text, str)
                          else text for kind, text in output["data"].items()} if "data" in output else None
        if output["data"] is None:
            del output["data"]
    return cell


def is_notebook(env: BuildEnvironment, docname: str) -> bool:
    """Whether a page's source is a notebook."""
    return docname in env.found_docs and env.doc2path(docname).endswith(".ipynb")


def _put(app: Sphinx, docname: str) -> None:
    file = Path(app.outdir) / registry.reading_copy(docname)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(made(app, docname), encoding="utf-8", newline="\n")


def _write(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    if doctree is not None and app.builder.name == "html" and is_notebook(app.env, pagename):
        _put(app, pagename)


def _finish(app: Sphinx, exception: Exception | None) -> None:
    """Copies of pages that are no more go; one that is missing is made. So for pictures that no build uses."""
    if exception is not None or app.builder.name != "html":
        return
    out, wanted = Path(app.outdir), {}
    for docname in app.env.found_docs:
        if is_notebook(app.env, docname):
            wanted[out / registry.reading_copy(docname)] = docname
    for file in [file for file in (out / "notebooks").rglob("*.ipynb") if file not in wanted]:
        file.unlink()
    for file, docname in wanted.items():
        if not file.is_file():
            _put(app, docname)


def setup(app: Sphinx) -> None:
    app.goingglobal_outputs = None
    app.goingglobal_executed = "", {}
    app.connect("html-page-context", _write)
    app.connect("build-finished", _finish)
