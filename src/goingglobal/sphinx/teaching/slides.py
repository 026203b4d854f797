"""Slides for each chapter: `book/slides/CHAPTER.md` becomes `slides/CHAPTER.html`, one file that needs no other.

A deck is a title, then a slide for each `##` heading; figures and tables are the chapter's own exhibits, numbers come
by the same roles as on its page:

    ## The finding, as a sentence

    ```{exhibit} tab-country
    :columns: Estimate (s.e.) | Clusters
    :rows: All 38, PWT | No conduits, PWT
    ```

    - At most three bullets, with {result}`country/oecd38/pwt`

    :::{notes}
    :minutes: 3
    :held: exhibit | words

    What the speaker says.
    :::

What is `held` appears at a key press each, in that order: an answer that students are asked for first. On paper, on a
telephone and without scripts nothing is held. The title's slide holds its chart, then its answer.

The title's slide has the question and the answer as paragraphs, and the chapter's `{headline}` chart; the last one also
gets how to cite, the edition and the licence. Figures' own notes are put below the speaker's.

`{slide}`         a link to a slide of a deck, named by its exhibit, by `last`, or by how its title begins:
                  {slide}`introduction/tab-country`, {slide}`introduction/A regression`
`{slides-list}`   the decks with their slides and minutes, and links to them, their chapters and exercises
"""

from __future__ import annotations

import base64
import re
import shutil
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.myst_role import myst_role_plugin
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxRole
from sphinx.util.osutil import relative_uri

from goingglobal import data
from goingglobal.sphinx import registry
from goingglobal.sphinx.reading import roles
from goingglobal.sphinx.taking import citing

FOLDER = "slides"
BULLETS = 3
_ROLES = ("result", "claim", "fact", "verdict")
_OPTIONS = {"exhibit": {"rows", "columns", "head"}, "notes": {"minutes", "held"}}
_PARTS = {"reveal_css": "vendor/reveal-6.0.2.css", "reveal": "vendor/reveal-6.0.2.js", "css": "slides.css",
          "script": "slides.js", "licence": "vendor/reveal-LICENSE.txt"}


class slides_list(nodes.General, nodes.Element):
    """Where the list of decks stands."""


class slide_link(nodes.Inline, nodes.Element):
    """Where the link to a slide stands: its `chapter` and its `place`, from zero."""


@dataclass
class Slide:
    """One slide: its title and text as tokens, the exhibit that it shows, what the speaker says."""

    title: Token
    line: int
    body: list[Token] = field(default_factory=list)
    exhibit: str = ""
    rows: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    head: str = ""
    notes: list[Token] = field(default_factory=list)
    minutes: int = 0
    held: list[str] = field(default_factory=list)

    @property
    def bullets(self) -> int:
        return sum(token.type == "list_item_open" for token in self.body)

    @property
    def shape(self) -> str:
        """How its parts stand, where it is neither the first slide nor the last."""
        return ("whole", "stack", "side")[min(self.bullets, 2)] if self.exhibit else "text"


@dataclass
class Deck:
    """The slides of a chapter, with what is wrong with them; uses are (kind, id, typed words, line)."""

    chapter: str
    slides: list[Slide] = field(default_factory=list)
    uses: list[tuple[str, str, str, int]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def minutes(self) -> int:
        return sum(slide.minutes for slide in self.slides)


def _markdown() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"typographer": True}).enable("smartquotes")
    return reader.use(colon_fence_plugin).use(myst_role_plugin)


def _options(text: str) -> tuple[dict[str, str], str]:
    """Options at the head of a directive, and what follows them."""
    options, lines = {}, text.split("\n")
    while lines and (found := re.match(r":([a-z]+):\s*(.*)$", lines[0])):
        options[found[1]] = found[2]
        lines.pop(0)
    return options, "\n".join(lines)


def _quotes(tokens: list[Token]) -> list[tuple[str, str, str]]:
    """Roles in tokens: name, id, typed words."""
    found = []
    for token in tokens:
        for part in token.children or []:
            if part.type == "myst_role":
                titled = roles.TITLED.match(part.content)
                found.append((part.meta["name"], titled["id"] if titled else part.content.strip(),
                              titled["text"] if titled else ""))
    return found


@lru_cache(maxsize=64)
def read(chapter: str, text: str) -> Deck:
    """A deck from its source. What is wrong is listed in its `faults`, each with its line."""
    deck, reader = Deck(chapter), _markdown()
    tokens = reader.parse(text)

    def fault(line: int, words: str) -> None:
        deck.faults.append(f"line {line}: {words}")

    def directive(slide: Slide, token: Token, line: int) -> None:
        name, _, argument = re.match(r"\{?([\w-]*)(\}?)\s*(.*)$", token.info.strip()).groups()
        options, content = _options(token.content)
        unknown = set(options) - _OPTIONS.get(name, set())
        if name not in _OPTIONS or unknown:
            fault(line, f"option {unknown.pop()!r} is not known here" if name in _OPTIONS else
                  f"a slide has {{exhibit}} and {{notes}}, no {token.info.strip() or 'code'!r}")
        elif name == "exhibit":
            if slide.exhibit:
                fault(line, "a second exhibit on one slide")
            slide.exhibit = argument.strip()
            slide.rows, slide.columns = ([part.strip() for part in options[key].split("|")] if key in options else []
                                         for key in ("rows", "columns"))  # fmt: skip
            slide.head = options.get("head", "")
        else:
            slide.notes += reader.parse(content)
            minutes = options.get("minutes", "")
            if re.fullmatch(r"[1-9]\d?", minutes):
                slide.minutes = int(minutes)
            else:
                fault(line, "notes need whole minutes, like “:minutes: 3”")
            slide.held = [part.strip() for part in options["held"].split("|")] if "held" in options else []
            note_use(slide.notes, line)

    def note_use(part: list[Token], line: int) -> None:
        for kind, key, words in _quotes(part):
            if kind in _ROLES:
                deck.uses.append((kind, key, words, line))
            else:
                fault(line, f"role {kind!r} is not known on slides")

    place = 0
    while place < len(tokens):
        token = tokens[place]
        line = token.map[0] + 1 if token.map else 0
        if token.type == "heading_open":
            level = 1 if not deck.slides else 2
            if token.tag != f"h{level}":
                fault(line, f"a title of level {token.tag[1:]}, expected {level}")
            deck.slides.append(Slide(tokens[place + 1], line))
            note_use([tokens[place + 1]], line)
            place += 3
            continue
        if not deck.slides:
            fault(line, "text before the title")
            break
        if token.type in ("fence", "colon_fence"):
            directive(deck.slides[-1], token, line)
        else:
            deck.slides[-1].body.append(token)
            note_use([token], line)
        place += 1
    if len(deck.slides) < 2:
        fault(0, "a title and no slide; expected is a slide for each ## heading")
    for slide in deck.slides:
        if not slide.notes:
            fault(slide.line, "a slide without {notes}")
        if slide.bullets > BULLETS:
            fault(slide.line, f"{slide.bullets} bullets, expected at most {BULLETS}")
        if not slide.body and not slide.exhibit:
            fault(slide.line, "an empty slide")
        there = [*(["exhibit"] if slide.exhibit else []), *(["words"] if slide.body else [])]
        if slide is deck.slides[0]:
            slide.held = slide.held or there
        if set(slide.held) - set(there) or len(set(slide.held)) < len(slide.held):
            fault(slide.line, f"held: {' | '.join(slide.held)}; the slide has {' | '.join(there)}")
    shown = [slide.exhibit for slide in deck.slides if slide.exhibit]
    twice = sorted({label for label in shown if shown.count(label) > 1})
    deck.faults += [f"line 0: exhibit {label!r} is shown twice" for label in twice]
    return deck


def decks(source: Path) -> dict[str, Deck]:
    """Decks by chapter, in the order of their files' names; {} where there is none."""
    return {path.stem: read(path.stem, path.read_text(encoding="utf-8"))
            for path in sorted((source / "book" / FOLDER).glob("*.md"))}


def find(found: dict[str, Deck], address: str) -> tuple[str, int]:
    """The chapter and the place (from zero) of a slide, given as “chapter/exhibit”, “chapter/last” or “chapter/how its
    title begins”. Raises `LookupError`, in words, where there is none or more than one.
    """
    chapter, _, name = address.strip().partition("/")
    if chapter not in found:
        raise LookupError(f"slide {address!r}: no deck {chapter!r}; there are {', '.join(found)}")
    slides = found[chapter].slides
    places = [len(slides) - 1] if name == "last" else [
        place for place, slide in enumerate(slides)
        if name and (slide.exhibit == name or slide.title.content.startswith(name))]  # fmt: skip
    if len(places) != 1:
        raise LookupError(f"slide {address!r} is {len(places)} slides of the deck, expected 1")
    return chapter, places[0]


def names(source: Path) -> set[str]:
    """The files of the site that are decks, without their ending."""
    return {f"{FOLDER}/{path.stem}" for path in (source / "book" / FOLDER).glob("*.md")}


def check(deck: Deck, exhibits: dict[str, dict], known: dict[str, set[str]]) -> list[str]:
    """What is wrong with a deck, given the book's exhibits and its ids by kind (result, claim, fact)."""
    faults, page = list(deck.faults), f"book/{deck.chapter}"
    for kind, key, words, line in deck.uses:
        if key not in known["claim" if kind == "verdict" else kind]:
            faults.append(f"line {line}: unknown {kind} id {key!r}")
        elif words and kind == "result":
            faults.append(f"line {line}: result {key!r} in other words ({words!r})")
        elif words and kind in ("claim", "fact"):
            faults += [f"line {line}: {fault}" for fault in roles.numbers_not_in_record(kind, key, words)]
    for slide in deck.slides:
        record = exhibits.get(slide.exhibit)
        if slide.exhibit and (record is None or record["page"] != page):
            own = ", ".join(label for label, e in exhibits.items() if e["page"] == page)
            faults.append(f"line {slide.line}: exhibit {slide.exhibit!r} is none of {page}; it has {own}")
        elif record is not None:
            room = "title" if slide is deck.slides[0] else "side" if slide.shape == "side" else "wide"
            if record["kind"] == "figure" and not record.get("lines") and record.get("room") != room:
                faults.append(f"line {slide.line}: {slide.exhibit}: give its figure `slide=\"{room}\"`, so that it is "
                              f"drawn for this slide; it has {record.get('room') or 'none'!r}")
            faults += [f"line {slide.line}: {slide.exhibit}: {fault}" for fault in _cut(slide, record)[1]]
    first = deck.slides[0].exhibit if deck.slides else ""
    if first in exhibits and not exhibits[first].get("lines"):
        faults.append(f"line 1: the title's slide shows the chapter's headline chart, not {first!r}")
    return faults


def _cut(slide: Slide, record: dict) -> tuple[tuple[list[int], list[list[str]]], list[str]]:
    """The columns (by place) and the rows of a table that a slide shows, and what it names in vain."""
    wanted = [*([slide.head] if slide.head else []), *slide.columns]
    if record["kind"] == "figure":
        return ([], []), ["rows and columns are chosen of tables only"] if slide.rows or wanted else []
    columns = [record["columns"].index(name) for name in slide.columns if name in record["columns"]]
    named = [0, *(record.get("ids") or [])]  # a row goes by its first cell, or by an id
    heads = {row[place].partition("\n")[0]: row for place in named for row in record["rows"]}
    faults = [f"no column {name!r}; it has {' | '.join(record['columns'])}" for name in wanted
              if name not in record["columns"]]
    faults += [f"no row {name!r}; it has {' | '.join(heads)}" for name in slide.rows if name not in heads]
    rows = [heads[name] for name in slide.rows if name in heads] if slide.rows else record["rows"]
    head = record["columns"].index(slide.head) if slide.head in record["columns"] else 0
    places = [head, *(columns or range(1, len(record["columns"])))]
    if set(places) & set(record.get("quotes") or []):
        faults.append("a column of ids tells nothing on a slide; choose the others by “:columns:”")
    return (places, rows), faults


def _words(text: str) -> str:
    """Text of a record as a slide shows it, with the page's apostrophes."""
    return escape(text.replace("'", "’"))


def _table(slide: Slide, record: dict) -> str:
    (places, rows), _ = _cut(slide, record)

    def cell(row: list[str], place: int) -> str:
        first, _, below = str(row[place]).partition("\n")
        words = _words(first) + (f"<span>{_words(below)}</span>" if below else "")
        if place == places[0]:
            return f'<th scope="row">{words}</th>'
        return f'<td class="gg-number">{words}</td>' if record["numeric"][place] else f"<td>{words}</td>"

    head = "".join(
        f'<th scope="col"{" class=gg-number" if place and record["numeric"][place] else ""}>'
        f'{_words(record["columns"][place])}</th>' if record["columns"][place] else "<td></td>" for place in places)
    body = "".join(f"<tr>{''.join(cell(row, place) for place in places)}</tr>" for row in rows)
    return (f'<table><caption>{_words(record["caption"])}</caption><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>")  # fmt: skip


class _Writer:
    """Turns a checked deck into HTML; links lead to the site."""

    def __init__(self, app: Sphinx):
        self.env, self.uri, self.base = app.env, app.builder.get_target_uri, app.config.html_baseurl or "../"
        self.results, self.exhibits = registry.results(app.env), registry.exhibits(app.env)
        self.reader = _markdown()
        self.reader.renderer.rules["myst_role"] = self._role

    def _role(self, tokens: list[Token], place: int, options, env) -> str:
        (kind, key, words), = _quotes([Token("inline", "", 0, children=[tokens[place]])])
        found = roles.quotation(self.results, kind, key, words)
        return (f'<a class="gg-{kind}" data-card="{key}" '
                f'href="{escape(found.url or self.link(found.page, found.anchor))}" '
                f'title="{escape(found.title)}">{escape(found.words)}</a>')

    def link(self, page: str, anchor: str = "") -> str:
        return self.base + self.uri(page) + (f"#{anchor}" if anchor else "")

    def text(self, tokens: list[Token]) -> str:
        """Paragraphs and bullets as HTML; no line ends between a number and its per cent."""
        made = self.reader.renderer.render(tokens, self.reader.options, {})
        return re.sub(r"(?<=\d)(</a>)? %", lambda match: f"{match[1] or ''}\u00a0%", made)

    def inline(self, token: Token) -> str:
        return self.reader.renderer.renderInline(token.children, self.reader.options, {})

    def exhibit(self, slide: Slide) -> str:
        record, label = self.exhibits[slide.exhibit], slide.exhibit
        source = f"Source: {data.source_line(*record['tables'])}." if record["tables"] else record["source"]
        where = f'<a href="{escape(self.link(record["page"], label))}">{citing.number(self.env, label)}</a>'
        drawn = record["slide"] if record["kind"] == "figure" else _table(slide, record)
        return (f'<figure class="gg-{record["kind"]}">{drawn}<figcaption>{where}. {_words(source)}</figcaption>'
                "</figure>")

    def notes(self, slide: Slide) -> str:
        more = ""
        if slide.exhibit:
            record = self.exhibits[slide.exhibit]
            more = (f'<p class="gg-under"><strong>{citing.number(self.env, slide.exhibit)}</strong>, in the book: '
                    f'{_words(record["caption"])} {_words(record["source"])}</p>')
        return (f'<aside class="notes"><p class="gg-minutes">{slide.minutes} min</p>'
                f"{self.text(slide.notes)}{more}</aside>")

    def last(self, chapter: str) -> str:
        """How to cite, the edition and the licence."""
        facts = self.env.config.html_context["gg_edition"]
        licence = '<a href="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</a>'
        return (f'<div class="gg-cite"><p><strong>Cite.</strong> {citing.reference(citing.work(self.env, chapter))}</p>'
                f'<p><strong>Edition.</strong> Version {facts["version"]}, {facts["date"]}'
                f'{", commit " + escape(facts["commit"]) if facts["commit"] else ""}; data of {facts["data_vintage"]}. '
                f'<a href="{escape(self.link(chapter))}">The chapter</a> has code, data and exercises.</p>'
                f"<p><strong>Licence.</strong> Text and figures {licence}; each table has terms of its own, named "
                "under it.</p></div>")

    def name(self, chapter: str) -> str:
        """“Chapter 1. Introduction: two export nations”, as the contents number it."""
        number = self.env.toc_secnumbers.get(chapter, {}).get("")
        return f"{f'Chapter {number[0]}. ' if number else ''}{self.env.titles[chapter].astext()}"

    def slide(self, slide: Slide, chapter: str, place: int, last: bool) -> str:
        level = "h2" if place else "h1"
        kind = "last" if last else slide.shape if place else "title"
        parts = [f"<{level}>{self.inline(slide.title)}</{level}>"]

        def held(part: str, kind: str) -> str:
            return (part.replace(' class="', f' data-fragment-index="{slide.held.index(kind)}" class="fragment ', 1)
                    if kind in slide.held else part)  # fmt: skip

        if not place:
            parts.insert(0, f'<p class="gg-kicker">{escape(self.name(chapter))}</p>')
        if slide.exhibit:
            parts.append(held(self.exhibit(slide), "exhibit"))
        if slide.body:
            parts.append(held(f'<div class="gg-words">{self.text(slide.body)}</div>', "words"))
        if last:
            parts.append(self.last(chapter))
        return (f'<section id="slide-{place + 1}"><div class="gg-slide gg-{kind}">{"".join(parts)}</div>'
                f"{self.notes(slide)}</section>")


def _style(book: str, folder: Path) -> str:
    """The book's fonts, put into the sheet, and its colours: all that stands before the layout of its page."""
    head, mark, _ = book.partition("/* Page */")
    if not mark:
        raise ExtensionError("slides: book.css has no part “/* Page */”, before which its fonts and colours stand")

    def font(match: re.Match) -> str:
        return f"url(data:font/woff2;base64,{base64.b64encode((folder / match[1]).read_bytes()).decode()})"

    return re.sub(r'url\("([^"]+)"\)', font, head).replace("font-display: optional", "font-display: block")


def _inline(text: str) -> str:
    """A script or sheet as it may stand inside a page."""
    return re.sub(r"</(script|style)", r"<\\/\1", text)


def _write(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.name != "html":
        return
    folder, source = Path(app.outdir) / FOLDER, Path(app.srcdir)
    shutil.rmtree(folder, ignore_errors=True)
    found = decks(source)
    if not found:
        return
    exhibits = registry.exhibits(app.env)
    known = {"result": set(registry.results(app.env)), "claim": set(data.load("claims")["claim_id"]),
             "fact": set(data.load("official_figures")["fact_id"])}  # fmt: skip
    faults = [f"book/{FOLDER}/{name}.md, {fault}" for name, deck in found.items()
              for fault in check(deck, exhibits, known)]
    faults += [f"book/{FOLDER}/{name}.md: the contents have no chapter book/{name}" for name in found
               if f"book/{name}" not in app.env.found_docs]
    if faults:
        raise ExtensionError("slides can't be made:\n  " + "\n  ".join(faults))
    static = source / "book" / "_static"
    parts = {key: _inline((static / name).read_text(encoding="utf-8")) for key, name in _PARTS.items()}
    parts["colours"] = _style((static / "book.css").read_text(encoding="utf-8"), static)
    writer, facts = _Writer(app), app.config.html_context["gg_edition"]
    folder.mkdir()
    for name, deck in found.items():
        page = f"book/{name}"
        slides = [writer.slide(slide, page, place, place + 1 == len(deck.slides))
                  for place, slide in enumerate(deck.slides)]  # fmt: skip
        content = {"title": app.env.titles[page].astext(), "book": facts["book"], "slides": slides,
                   "back": writer.link(page), "minutes": deck.minutes, **parts}  # fmt: skip
        text = app.builder.templates.render("slides.html", content)
        (folder / f"{name}.html").write_text(text, encoding="utf-8", newline="\n")


def _context(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """The address of a page's slides, seen from the page, for the line above its title."""
    name = pagename.removeprefix("book/")
    if f"{FOLDER}/{name}" in names(Path(app.srcdir)):
        context["gg_slides"] = relative_uri(app.builder.get_target_uri(pagename), f"{FOLDER}/{name}.html")


class SlidesList(Directive):
    """`{slides-list}`: every deck with its length."""

    def run(self):
        env = self.state.document.settings.env
        for path in (Path(env.srcdir) / "book" / FOLDER).glob("*.md"):
            env.note_dependency(str(path))
        return [slides_list()]


class SlideRole(SphinxRole):
    """`{slide}`: “Introduction, slide 7”, a link to that slide on the site."""

    def run(self):
        source = Path(self.env.srcdir)
        for path in (source / "book" / FOLDER).glob("*.md"):
            self.env.note_dependency(str(path))
        try:
            chapter, place = find(decks(source), self.text)
        except LookupError as error:
            registry.page(self.env).faults.append(str(error))
            return [nodes.Text(self.text)], []
        return [slide_link(chapter=chapter, place=place)], []


def _fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for node in list(doctree.findall(slide_link)):
        name = app.env.titles[f"book/{node['chapter']}"].astext().partition(":")[0]
        words = nodes.Text(f"{name}, slide {node['place'] + 1}")
        if app.builder.name == "html":
            uri = relative_uri(app.builder.get_target_uri(docname), f"{FOLDER}/{node['chapter']}.html")
            node.replace_self(nodes.reference("", "", words, internal=True, refuri=f"{uri}#slide-{node['place'] + 1}"))
        else:
            node.replace_self(words)
    for place in list(doctree.findall(slides_list)):
        here, found = app.builder.get_target_uri(docname), decks(Path(app.srcdir))
        items = []
        for page in app.env.collect_relations():
            deck = found.get(page.removeprefix("book/"))
            if deck is None:
                continue
            parts = [nodes.strong("", app.env.titles[page].astext())]
            parts.append(nodes.Text(f": {len(deck.slides)} slides, {deck.minutes} min. "))
            if app.builder.name == "html":  # other books have no site around them
                chapter = relative_uri(here, app.builder.get_target_uri(page))
                for words, uri in (("Slides", relative_uri(here, f"{FOLDER}/{deck.chapter}.html")),
                                   ("Chapter", chapter), ("Exercises", f"{chapter}#exercises")):  # fmt: skip
                    parts += [nodes.reference("", words, internal=True, refuri=uri), nodes.Text(" · ")]
                parts.pop()
            items.append(nodes.list_item("", nodes.paragraph("", "", *parts)))
        place.replace_self(nodes.bullet_list("", *items) if items else nodes.paragraph("", "There are no slides."))


def _skip(self, node: nodes.Element) -> None:
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    app.add_directive("slides-list", SlidesList)
    app.add_role("slide", SlideRole())
    app.add_node(slide_link, html=(_skip, None), epub=(_skip, None), latex=(_skip, None), text=(_skip, None))
    app.add_node(slides_list, html=(_skip, None), epub=(_skip, None), latex=(_skip, None), text=(_skip, None))
    app.connect("doctree-resolved", _fill)
    app.connect("html-page-context", _context, priority=400)
    app.connect("build-finished", _write)
