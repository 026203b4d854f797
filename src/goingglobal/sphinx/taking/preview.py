"""What a page says of itself in one or two sentences: for search engines, previews of links, and `llms.txt`.

The sentences are the page's own: its answer, where it has one, else its first paragraph; never half a sentence.
"""

from __future__ import annotations

import re
from html import escape

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

LONGEST = 300  # letters; the first sentence is taken whole up to this
_ANSWERS = ("Answer.", "答え。", "Antwort.")
_SENTENCES = re.compile(r"(?<=。)|(?:(?<=[.!?])|(?<=[.!?]”))(?<!\bp\.)(?<!\bFig\.)\s+(?=[A-ZÄÖÜ“„(\d])")
_DRAWN = re.compile(r"[\u0000-\u036f\u2000-\u22ff]*")
_NOT_PROSE = (nodes.table, nodes.figure, nodes.literal_block, nodes.footnote, nodes.citation)


def _paragraphs(doctree: nodes.document) -> list[nodes.paragraph]:
    found = []
    for paragraph in doctree.findall(nodes.paragraph):
        above, classes = paragraph.parent, set()
        while above is not None and not isinstance(above, _NOT_PROSE):
            classes |= set(above.get("classes", []))
            above = above.parent
        if above is None and not classes & {"gg-exercise", "cell_output", "gg-define"}:
            found.append(paragraph)
    return found


def _words(paragraph: nodes.paragraph, links: bool = True) -> str:
    """The words of a paragraph, without markup; with `links=False` those outside of links."""
    out = (nodes.raw,) if links else (nodes.raw, nodes.reference, addnodes.pending_xref)

    def said(node: nodes.Node) -> str:
        if isinstance(node, nodes.Text):
            return node.astext()
        return "" if isinstance(node, out) else "".join(map(said, node.children))

    return re.sub(r"\s+", " ", said(paragraph)).strip()


def whole_sentences(text: str) -> str:
    """The first sentences of a text that together have at most `LONGEST` letters, one at least.

    A first sentence that is longer ends at a word, and says so by an ellipsis.
    """
    first, *more = filter(None, _SENTENCES.split(text))
    if len(first) > LONGEST:
        return first[:LONGEST].rsplit(" ", 1)[0].rstrip(",;:") + " …"
    for sentence in more:
        joined = first + ("" if first.endswith("。") else " ") + sentence
        if len(joined) > LONGEST:
            break
        first = joined
    return first


def description(doctree: nodes.document) -> str:
    """What a page says of itself; "" for a page without a paragraph."""
    paragraphs = _paragraphs(doctree)
    for words in map(_words, paragraphs):
        if words.startswith(_ANSWERS):
            return whole_sentences(words.partition("。" if "。" in words[:4] else ".")[2].strip())
    for least in (40, 5):  # letters outside of links: prose, and where there is none what comes next to it
        for paragraph in paragraphs:
            if len(_words(paragraph, links=False)) > least:
                return whole_sentences(_words(paragraph))
    return ""


def _page(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    if doctree is None or app.builder.name != "html":
        return
    if told := description(doctree):
        context["metatags"] = (context.get("metatags") or "") + f'<meta name="description" content="{escape(told)}">\n'
    base, title = app.config.html_baseurl, app.env.titles[pagename].astext()
    if base and not _DRAWN.fullmatch(title + told):  # the font of the drawn pictures lacks its letters
        mark = {"og:image": f"{base}_static/mark.png", "og:image:alt": app.config.html_title}
        context["meta"] = {**(context.get("meta") or {}), **mark}


def previews() -> None:
    """Let previews of links and their pictures say the same."""
    from sphinxext import opengraph

    opengraph.get_description = lambda doctree, *_: escape(description(doctree))


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", _page, priority=400)
