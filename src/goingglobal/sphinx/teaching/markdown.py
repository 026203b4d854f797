"""Each page as plain Markdown beside it (`book/x.md` beside `book/x.html`), and `llms.txt`, which lists them.

For programs, and for people who read with them. The text is that of the reading copies (`copies`): numbers, claims,
facts and citations filled in. Open code is kept, folded code is not; a figure is its text and a link to its picture, a
table a table. A page is written when its HTML is.
"""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from textwrap import dedent

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.osutil import relative_uri

from goingglobal._display import EXHIBIT
from goingglobal.sphinx.reading import roles
from goingglobal.sphinx.taking import citing, plain
from goingglobal.sphinx.teaching import copies

LIST = "llms.txt"
_HEAD = re.compile(r"\A---\n.*?\n---\n", re.S)
_TARGETS = re.compile(r"(?m)^\([\w:-]+\)=\n|^%.*\n|^\+\+\+.*\n|^\{[.#][^}\n]*\}\n")
_TOLD = re.compile(r'<meta name="description" content="([^"]*)"')


class Text(copies.Page):
    """One page on its way to plain Markdown."""

    def address(self, place: str) -> str:
        base = self.app.config.html_baseurl
        return base + place if base else relative_uri(name(self.docname), place)

    def _quoted(self, kind: str, key: str, words: str) -> str:
        found = roles.quotation(self.results, kind, key, words)
        return found.words if kind == "result" else plain.link(
            found.words, found.url or self.page(found.page, found.anchor))

    def _headline(self, label: str) -> str:
        return self.exhibit(self.exhibits[label])

    def directive(self, block: plain.Block) -> str | None:
        if block.name == "glossary":
            return self._glossary(block.body)
        if block.name == "exhibits-list":
            return "\n".join(f"- {self._numbered(label, '')}: {record['caption']}"
                             for label, record in self.exhibits.items())  # fmt: skip
        return super().directive(block)

    def _glossary(self, body: str) -> str:
        """Terms in bold, each with its definition behind it; terms with one definition stand together."""
        entries = re.split(r"\n\s*\n(?=\S)", body)
        found = []
        for entry in entries:
            terms = [line for line in entry.splitlines() if line and not line.startswith(" ")]
            told = dedent("\n".join(line for line in entry.splitlines() if not line or line.startswith(" ")))
            found.append(f"**{'; '.join(terms)}**: {self.markdown(told).strip()}")
        return "\n\n".join(found)

    def exhibit(self, record: dict) -> str:
        """A figure or table: number, caption, what it shows, source, data."""
        label = record["label"]
        number, data = citing.number(self.env, label), plain.link("Data (CSV)", self.address(f"exhibits/{label}.csv"))
        if record["kind"] == "figure":
            drawn = plain.link("Picture (SVG)", self.address(f"exhibits/{label}.svg"))
            shown, links = f"*What it shows:* {record['alt']}", f"{drawn} · {data}"
        else:
            rows = [[re.sub(r"\s+", " ", str(cell)) for cell in row] for row in (record["columns"], *record["rows"])]
            shown, links = plain.table(rows), data
        return f"**{number}.** {record['caption']}\n\n{shown}\n\n{record['source']} {links}"

    def cell(self, cell: dict) -> list[str]:
        """One cell of the notebook, as parts that blank lines separate."""
        tags = set(cell["metadata"].get("tags", []))
        if cell["cell_type"] == "markdown":
            return [_bare(part) for part in self.text(cell)]
        if cell["cell_type"] != "code" or tags & {"remove-cell", "starter"}:
            return []
        opened = cell["source"].strip() and not tags & copies.HIDDEN
        parts = [f"```python\n{cell['source'].strip()}\n```"] if opened else []
        for output in [] if tags & copies.LEFT_OUT else cell.get("outputs", []):
            if EXHIBIT in output.get("data", {}):
                parts.append(self.exhibit(output["data"][EXHIBIT]))
            elif opened and output["output_type"] in ("stream", "execute_result"):
                said = output.get("text") or output["data"].get("text/plain", "")
                parts.append(f"```text\n{said.rstrip()}\n```" if said.strip() else "")
        return parts


def _bare(text: str) -> str:
    """Prose without what only a page shows: titles of links, marks of languages."""
    return re.sub(r"</?span[^>]*>", "", re.sub(r'(\]\([^)\s]+) "[^"]*"\)', r"\1)", text))


def name(docname: str) -> str:
    """Where the site keeps a page as Markdown, beside its HTML."""
    return f"{docname}.md"


def made(app: Sphinx, docname: str) -> str:
    """A page as plain Markdown, with a line that says where its HTML is."""
    page = Text(app, docname)
    if copies.is_notebook(app.env, docname):
        parts = [part for cell in copies.executed(app, docname)["cells"] for part in page.cell(cell)]
    else:
        source = Path(app.env.doc2path(docname)).read_text(encoding="utf-8")
        parts = page.cell({"cell_type": "markdown", "metadata": {}, "source": _HEAD.sub("", source)})
    text = "\n\n".join(part.strip("\n") for part in parts if part.strip())
    about = f"*As plain text; the page itself: {plain.link(app.env.titles[docname].astext(), page.page(docname))}.*"
    return f"{_TARGETS.sub('', text)}\n\n{about}\n"


def _put(app: Sphinx, docname: str) -> None:
    file = Path(app.outdir) / name(docname)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(made(app, docname), encoding="utf-8", newline="\n")


def _page(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    if doctree is not None and app.builder.name == "html":
        _put(app, pagename)
        context["gg_markdown"] = context["pathto"](name(pagename), 1)


def listed(app: Sphinx) -> str:
    """`llms.txt`: what the book is, its pages with a sentence each, its numbers and data (see llmstxt.org)."""
    env, base, out = app.env, app.config.html_baseurl, Path(app.outdir)
    edition = app.config.html_context["gg_edition"]

    def told(docname: str) -> str:
        found = _TOLD.search((out / app.builder.get_target_uri(docname)).read_text(encoding="utf-8"))
        return f": {unescape(found[1])}" if found else ""

    def line(docname: str) -> str:
        return f"- {plain.link(env.titles[docname].astext(), base + name(docname))}{told(docname)}"

    root = app.config.root_doc
    order = [root, *(doc for doc in env.toctree_includes.get(root, []) if doc != root)]
    order += sorted(env.found_docs - set(order))
    appendix = [doc for doc in order if "/appendix/" in doc]
    return dedent("""\
        # {title}

        > {about}

        Version {version} of {date}, data as of {vintage}. Every number of a chapter is computed on its page, from the
        tables below; none of the estimates shows cause and effect unless the page says so. Quote a number with its
        interval, its sample and its page.

        ## Chapters

        {chapters}

        ## Appendices

        {appendices}

        ## Numbers and data

        - {results}: every number that the pages state, with error, interval, n, sample and method
        - {exhibits}: every figure and table, with caption, text, source and data
        - {package}: the tables as a data package, with fields, units, sources and licences
        """).format(
        title=edition["title"], about=told(root).removeprefix(": "), version=edition["version"], date=edition["date"],
        vintage=edition["data_vintage"], chapters="\n".join(line(doc) for doc in order if doc not in appendix),
        appendices="\n".join(map(line, appendix)), results=plain.link("results.json", f"{base}results.json"),
        exhibits=plain.link("exhibits.json", f"{base}exhibits.json"),
        package=plain.link("datapackage.json", f"{base}data/datapackage.json"))  # fmt: skip


def _finish(app: Sphinx, exception: Exception | None) -> None:
    """Files of pages that are no more go; one that is missing is made; the list is made anew."""
    if exception is not None or app.builder.name != "html":
        return
    out = Path(app.outdir)
    for folder in {docname.partition("/")[0] for docname in app.env.found_docs}:
        for file in (out / folder).rglob("*.md"):
            if file.relative_to(out).with_suffix("").as_posix() not in app.env.found_docs:
                file.unlink()
    for docname in sorted(app.env.found_docs):
        if not (out / name(docname)).is_file():
            _put(app, docname)
    (out / LIST).write_text(listed(app), encoding="utf-8", newline="\n")


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", _page)
    app.connect("build-finished", _finish)
