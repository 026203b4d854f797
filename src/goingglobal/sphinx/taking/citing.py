"""How to cite the book, a page or an exhibit: a box on every page, and files for reference managers in `cite/`.

`{cite-book}`       the box for the whole book, open
`{cite-syllabus}`   the book and this edition in a syllabus, as plain text and as Markdown, and how to get the edition
"""

from __future__ import annotations

import codecs
import json
import shutil
from dataclasses import dataclass
from html import escape
from pathlib import Path

import latexcodec  # noqa: F401 (registers the encoding "ulatex")
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.osutil import relative_uri

from goingglobal.sphinx import registry

_FILES = {"bib": "BibTeX", "ris": "RIS", "json": "CSL-JSON"}


class cite_book(nodes.General, nodes.Element):
    """Where the box for the whole book stands."""


class cite_syllabus(nodes.General, nodes.Element):
    """Where the snippets for a syllabus stand."""


@dataclass(frozen=True)
class Work:
    """What is cited: the book (with no `part`) or a page of it."""

    edition: dict
    slug: str
    part: str = ""
    address: str = ""

    @property
    def authors(self) -> list[str]:
        return [a.get("literal") or f"{a['family']}, {a['given']}" for a in self.edition["authors"]]

    @property
    def year(self) -> str:
        return self.edition["date"][:4]

    def note(self, commit: str = "commit") -> str:
        """Version, date and commit, as far as they are known."""
        told = f"Version {self.edition['version']} of {self.edition['date']}"
        return f"{told}, commit {self.edition[commit]}" if self.edition[commit] else told


def work(env: BuildEnvironment, docname: str) -> Work:
    """A page as a work; the first page stands for the book."""
    edition, base = env.config.html_context["gg_edition"], env.config.html_baseurl
    if docname == env.config.root_doc:
        return Work(edition, "book", "", base)
    address = base + env.app.builder.get_target_uri(docname) if base else ""
    return Work(edition, docname.removeprefix("book/").replace("/", "-"), env.titles[docname].astext(), address)


def reference(cited: Work, exhibit: str = "", label: str = "", anchor: str = "") -> str:
    """The author–date reference, as HTML; with `exhibit` ("Figure 1.2") and its label, to that exhibit.

    `anchor`: where on the page it stands, if not under its label.
    """
    title = f"<cite>{escape(cited.edition['title'])}</cite>"
    if cited.part:
        title = f"“{escape(cited.part)}”, in {title}"
    if exhibit:
        title = f"{exhibit} ({label}) of {title}"
    words = f"{escape('; '.join(cited.authors))} ({cited.year}). {title}. {escape(cited.note('commit_short'))}."
    address = escape(cited.address + (f"#{anchor or label}" if label else ""))
    return f'{words} <a href="{address}">{address}</a>' if cited.address else words


def number(env: BuildEnvironment, label: str) -> str:
    """“Figure 1.2”, as the page numbers it."""
    record = registry.exhibits(env)[label]
    place = env.toc_fignumbers[record["page"]][record["kind"]][label]
    return f"{record['kind'].capitalize()} {'.'.join(map(str, place))}"


def _tex(text: str) -> str:
    """Text as TeX reads it; Japanese stays. The codec takes dollar signs for mathematics and lets them be."""
    return r"\$".join(codecs.encode(part, "ulatex", "keep") for part in text.split("$"))


def bibtex(cited: Work) -> str:
    """A BibTeX entry; what could be read as TeX is escaped, the address stands as it is."""
    people = [f"{{{name}}}" if "literal" in author else name
              for name, author in zip(cited.authors, cited.edition["authors"], strict=True)]  # fmt: skip
    texts = {"author": " and ".join(people), "title": f"{{{cited.part or cited.edition['title']}}}",
             "booktitle": f"{{{cited.edition['title']}}}" if cited.part else "",
             "publisher": " and ".join(cited.authors), "year": cited.year,  # some styles refuse a book without one
             "version": cited.edition["version"], "note": cited.note()}
    fields = {name: _tex(text) for name, text in texts.items()} | {"url": cited.address}
    lines = "".join(f"  {name:<9} = {{{text}}},\n" for name, text in fields.items() if text)
    return f"@{'incollection' if cited.part else 'book'}{{goingglobal-{cited.slug},\n{lines}}}\n"


def ris(cited: Work) -> str:
    """A RIS record; its lines end as the format wants."""
    fields = [("TY", "CHAP" if cited.part else "BOOK"), *(("AU", name) for name in cited.authors),
              ("TI", cited.part or cited.edition["title"]), ("T2", cited.edition["title"] if cited.part else ""),
              ("PY", cited.year), ("DA", cited.edition["date"].replace("-", "/")), ("ET", cited.edition["version"]),
              ("N1", cited.note()), ("LA", "en"), ("UR", cited.address)]
    return "".join(f"{tag}  - {text}\r\n" for tag, text in fields if text) + "ER  - \r\n"


def csl(cited: Work) -> str:
    """A CSL-JSON list of one item."""
    item = {"id": f"goingglobal-{cited.slug}", "type": "chapter" if cited.part else "book",
            "title": cited.part or cited.edition["title"],
            "container-title": cited.edition["title"] if cited.part else "", "author": cited.edition["authors"],
            "issued": {"date-parts": [[int(part) for part in cited.edition["date"].split("-")]]},
            "version": cited.edition["version"], "note": cited.note(), "language": "en", "URL": cited.address}
    return json.dumps([{key: value for key, value in item.items() if value}], indent=1, ensure_ascii=False) + "\n"


def _box(cited: Work, here: str, opened: bool = False) -> str:
    what = "page" if cited.part else "book"
    files = " · ".join(f'<a href="{relative_uri(here, f"cite/{cited.slug}.{end}")}" download>{name}</a>'
                       for end, name in _FILES.items())  # fmt: skip
    return (f'<details class="gg-cite"{" open" if opened else ""}><summary>Cite this {what}</summary>\n'
            f'<p>{reference(cited)}</p>\n<pre class="gg-bibtex">{escape(bibtex(cited))}</pre>\n'
            f"<p>For a reference manager: {files}</p></details>\n")


def exhibit_box(env: BuildEnvironment, label: str) -> str:
    """The fold with the reference to one exhibit."""
    cited = work(env, registry.exhibits(env)[label]["page"])
    return (f'<details class="gg-cite-exhibit"><summary>Cite</summary>'
            f"<p>{reference(cited, number(env, label), label)}</p></details>")


def _context(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    if doctree is not None and pagename != app.config.root_doc:  # the first page has the book's box in its text
        context["gg_cite"] = _box(work(app.env, pagename), app.builder.get_target_uri(pagename))


def _write(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "cite"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for docname in app.env.found_docs:
        cited = work(app.env, docname)
        for end, text in (("bib", bibtex(cited)), ("ris", ris(cited)), ("json", csl(cited))):
            (folder / f"{cited.slug}.{end}").write_text(text, encoding="utf-8", newline="")


def syllabus(cited: Work) -> dict[str, str]:
    """What a syllabus says of the book: heading → text to copy. The edition is named in full, so that it can be got."""
    names, address = "; ".join(cited.authors), f" {cited.address}" if cited.address else ""
    title, rest = cited.edition["title"], (
        "We use this edition for the whole term; numbers of later editions may differ. Slides, exercises and all "
        "numbers come with the book. Text and figures CC BY 4.0, code MIT.")
    commit = cited.edition["commit"][:40]  # what follows it says that files were changed
    edition = [f"git checkout {commit}"] if commit else []
    return {
        "Plain text": f"{names} ({cited.year}). {title}. {cited.note()}.{address}\n{rest}\n",
        "Markdown": f"{names} ({cited.year}). *{title}*. {cited.note()}.{f' <{cited.address}>' if address else ''}\n\n"
                    f"{rest}\n",
        "This edition, in a clone of the repository": "\n".join([*edition, "make book"]) + "\n",
    }


class CiteSyllabus(Directive):
    """`{cite-syllabus}`: snippets for a syllabus."""

    def run(self):
        return [cite_syllabus()]


def _visit_cite_syllabus(self, node: nodes.Element) -> None:
    here, cited = self.builder.current_docname, work(self.builder.env, self.builder.config.root_doc)
    self.body += [f'<p class="gg-copied">{head}</p>\n<pre class="gg-snippet">{escape(text)}</pre>\n'
                  for head, text in syllabus(cited).items()]
    if self.builder.name == "html":  # other books have no files beside them
        files = " · ".join(f'<a href="{relative_uri(self.builder.get_target_uri(here), f"cite/book.{end}")}" download>'
                           f"{name}</a>" for end, name in _FILES.items())  # fmt: skip
        self.body.append(f"<p>For a reference manager: {files}</p>\n")
    raise nodes.SkipNode


class CiteBook(Directive):
    """`{cite-book}`: how to cite the whole book."""

    def run(self):
        return [cite_book()]


def _visit_cite_book(self, node: nodes.Element) -> None:
    here = self.builder.get_target_uri(self.builder.current_docname)
    self.body.append(_box(work(self.builder.env, self.builder.config.root_doc), here, opened=True))
    raise nodes.SkipNode


def _visit_reference(self, node: nodes.Element) -> None:
    """In a book without a site around it: no fold and no files."""
    cited = work(self.builder.env, self.builder.config.root_doc)
    self.body.append(f'<p>{reference(cited)}</p>\n<pre class="gg-bibtex">{escape(bibtex(cited))}</pre>\n')
    raise nodes.SkipNode


def _skip(self, node: nodes.Element) -> None:
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    app.add_directive("cite-book", CiteBook)
    app.add_node(cite_book, html=(_visit_cite_book, None), epub=(_visit_reference, None), latex=(_skip, None),
                 text=(_skip, None))
    app.add_directive("cite-syllabus", CiteSyllabus)
    app.add_node(cite_syllabus, html=(_visit_cite_syllabus, None), epub=(_visit_cite_syllabus, None),
                 latex=(_skip, None), text=(_skip, None))
    app.connect("html-page-context", _context)
    app.connect("build-finished", _write)
