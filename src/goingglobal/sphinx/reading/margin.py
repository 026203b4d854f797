"""What helps a reader along: definitions in the margin, the line above a title, and words marked with their language.

`{define}`conduit``              a term at its first use, linked to the glossary, its definition in the margin
`{define}`conduits <conduit>``   the same in other words
"""

from __future__ import annotations

import re
from html import escape

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxRole

from goingglobal.sphinx import registry
from goingglobal.sphinx.build import place

GLOSSARY = "book/appendix/glossary"
WORDS_A_MINUTE = 220
_TITLED = re.compile(r"^(?P<text>.+?)\s*<(?P<id>[^<>]+)>$", re.S)
# Japanese script, with the marks and spaces that stand inside it.
_SCRIPT = r"[\u3040-\u30ff\u3400-\u9fff\uff01-\uff9f々〆]+"
_JAPANESE = re.compile(rf"{_SCRIPT}(?:[・、（）ー\s]*{_SCRIPT})*")
# German as the book's prose uses it; the glossary marks its own.
GERMAN = (
    "Mittelstand", "Direktinvestition", "kleine und mittlere Unternehmen", "Unternehmen",
    "Institut für Mittelstandsforschung", "Kreditanstalt für Wiederaufbau", "Statistisches Bundesamt",
    "Auslandsmesseprogramm", "Außenwirtschaftsförderung",
    "Außenhandelskammern", "Außenhandelskammer",
)
_GERMAN = re.compile("|".join(rf"\b{re.escape(word)}\b" for word in sorted(GERMAN, key=len, reverse=True)))


class fold(nodes.General, nodes.Element):
    """What is closed until asked for: a hint, a solution; `words` is what one clicks."""


class margin_mark(nodes.Invisible, nodes.Element):
    """Where a definition is wanted; becomes a note beside the paragraph."""


class margin_note(nodes.General, nodes.Element):
    """A definition beside (or, on a narrow screen, below) its paragraph."""


class Define(SphinxRole):
    """`{define}`: a link to the glossary, and its definition beside the paragraph."""

    def run(self):
        titled = _TITLED.match(self.text)
        key = titled["id"] if titled else self.text.strip()
        words = titled["text"] if titled else key
        link = addnodes.pending_xref("", nodes.inline("", words), refdomain="std", reftype="term", reftarget=key,
                                     refexplicit=True, refwarn=True, refdoc=self.env.docname)
        registry.page(self.env).terms.append((key, self.lineno))
        return [link, margin_mark("", key=key, line=self.lineno)], []


def looked_up(term: str) -> str:
    """A term as it is looked up: the page's typographic apostrophe is the one that authors write."""
    return term.lower().replace("’", "'")


def _gather(app: Sphinx, doctree: nodes.document) -> None:
    """The glossary's terms: as written, and the first paragraph of the definition."""
    if app.env.docname == GLOSSARY:
        defines = registry.page(app.env).defines
        for item in doctree.findall(nodes.definition_list_item):
            paragraph = next(item[-1].findall(nodes.paragraph)).deepcopy()
            for term in item.findall(nodes.term):
                written = term.astext().split("\n")[0]
                defines[looked_up(written)] = (written, paragraph)


def own_words(paragraph: nodes.paragraph) -> list[nodes.Node]:
    """A definition's own text, its links as words, without the languages that stand before its first full stop."""
    copy = paragraph.deepcopy()
    for link in [*copy.findall(addnodes.pending_xref), *copy.findall(nodes.reference)]:
        link.replace_self(nodes.Text(link.astext()))
    children = list(copy.children)
    raw = [place for place, child in enumerate(children) if isinstance(child, nodes.raw)]
    rest = children[raw[-1] + 1:] if raw else children
    if rest and isinstance(rest[0], nodes.Text):
        rest[0] = nodes.Text(rest[0].astext().lstrip(". "))
    return rest


def _margins(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for mark in list(doctree.findall(margin_mark)):
        known = registry.page(app.env, GLOSSARY).defines
        if looked_up(mark["key"]) not in known:
            raise ExtensionError(f"{docname}, {place(mark['line'])}: the glossary has no term {mark['key']!r}")
        term, paragraph = known[looked_up(mark["key"])]
        beside = mark.parent
        while beside.parent is not None and not isinstance(beside, nodes.paragraph):
            beside = beside.parent
        mark.parent.remove(mark)
        note = margin_note("", nodes.paragraph("", "", nodes.strong("", term), nodes.Text(". "), *own_words(paragraph)))
        frame = beside.parent
        if not (isinstance(frame, nodes.container) and "gg-noted" in frame["classes"]):
            frame = nodes.container("", classes=["gg-noted"], is_div=True)
            beside.replace_self(frame)
            frame += beside
        frame.insert(frame.index(beside), note)


def _mark(text: nodes.Text) -> list[nodes.Node]:
    """A text cut at its Japanese and German words, each marked with its language."""
    words, out, at = text.astext(), [], 0
    found = [(m.start(), m.end(), "ja") for m in _JAPANESE.finditer(words)]
    found += [(m.start(), m.end(), "de") for m in _GERMAN.finditer(words)]
    for start, end, language in sorted(found):
        if start > at:
            out.append(nodes.Text(words[at:start]))
        out.append(nodes.inline("", words[start:end], classes=[f"language-{language}"]))
        at = end
    return [*out, nodes.Text(words[at:])] if at < len(words) else out


def marked(words: str) -> str:
    """Words as HTML, the Japanese and German ones marked with their language."""
    return "".join(escape(node.astext()) if isinstance(node, nodes.Text) else
                   f'<span lang="{node["classes"][0].removeprefix("language-")}">{escape(node.astext())}</span>'
                   for node in _mark(nodes.Text(words)))  # fmt: skip


def _languages(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    spoken, own = app.env.metadata[docname].get("lang"), f"language-{app.config.language}"
    titles = {title.astext() for doc, title in app.env.titles.items() if "lang" not in app.env.metadata[doc]}
    for words in doctree.findall(nodes.inline) if spoken else ():
        if "doc" in words["classes"] and words.astext() in titles:
            words["classes"].append(own)
    for text in list(doctree.findall(nodes.Text)):
        words = text.astext()
        if not (_JAPANESE.search(words) or _GERMAN.search(words)):
            continue
        above, parent = [], text.parent
        while parent is not None:
            above.append(parent)
            parent = parent.parent
        skip = (nodes.literal_block, nodes.literal, nodes.raw, nodes.math, nodes.math_block)
        inline = [p for p in above if isinstance(p, nodes.inline)]
        marked = any(name.startswith("language-") for p in inline for name in p.get("classes", []))
        if not marked and not any(isinstance(p, skip) for p in above):
            text.parent.replace(text, _mark(text))


def words_in(doctree: nodes.document) -> int:
    """Words of the prose: no code, no tables, no formulas, and no exercises, which state their own minutes."""
    skip = (nodes.literal_block, nodes.table, nodes.math_block, nodes.raw, margin_note, fold)

    def count(node: nodes.Node) -> int:
        if isinstance(node, nodes.Text):
            return len(node.astext().split())
        if isinstance(node, skip) or "gg-exercise" in node.get("classes", []):
            return 0
        return sum(count(child) for child in node.children)

    return count(doctree)


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _line(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """The line above a chapter's title: how long it takes, what it shows, its notebook and its slides."""
    source = context.get("sourcename") or ""
    if doctree is None or not source.endswith(".ipynb"):
        return
    kinds = [record["kind"] for record in registry.page(app.env, pagename).exhibits.values()]
    minutes = max(1, round(words_in(doctree) / WORDS_A_MINUTE + 0.3 * len(kinds)))
    parts = [f"About {_counted(minutes, 'minute')} to read"]
    parts += [_counted(kinds.count(kind), kind) for kind in ("figure", "table") if kind in kinds]
    file = context["pathto"](registry.reading_copy(pagename), 1)
    parts.append(f'<a href="{file}" download>notebook (.ipynb)</a>')
    deck = context.get("gg_slides")
    parts += [f'<a href="{deck}">slides</a>'] if deck else []
    context["gg_reading"] = " · ".join(parts)


def _visit_note(self, node: nodes.Element) -> None:
    self.body.append('<aside class="gg-define" role="note">')


def _depart_note(self, node: nodes.Element) -> None:
    self.body.append("</aside>")


def _skip(self, node: nodes.Element) -> None:
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    app.add_role("define", Define())
    app.add_node(margin_mark, html=(_skip, None), epub=(_skip, None), latex=(_skip, None), text=(_skip, None))
    app.add_node(margin_note, html=(_visit_note, _depart_note), epub=(_visit_note, _depart_note), latex=(_skip, None),
                 text=(_skip, None))
    app.connect("doctree-read", _gather)
    app.connect("doctree-resolved", _margins, priority=400)
    app.connect("doctree-resolved", _languages, priority=900)
    app.connect("html-page-context", _line)
