"""The chart of a summary box, definitions in the margin, words marked with their language, the list of contents."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup
from conftest import contents
from docutils import nodes
from pages import exhibits, results, soup
from sphinx.errors import ExtensionError

from goingglobal.sphinx import registry
from goingglobal.sphinx.reading import margin, summary
from goingglobal.sphinx.reading import page as built_page

CHAPTERS = ["introduction", "sme-role", "barriers", "support-programs", "conclusion"]


def record(value: float, low: float | None = None, high: float | None = None, text: str = "0.10") -> dict:
    return {"id": "tiny/a", "value": value, "ci_low": low, "ci_high": high, "n": 9, "unit": "points", "text": text,
            "exhibit": None}  # fmt: skip


def chart(*lines: dict) -> dict:
    return {"lines": list(lines), "xlabel": "Effect of starting, log points", "bars": "95 % intervals", "svg": ""}


def drawn(exhibit: dict, found: dict[str, dict]) -> dict:
    pages = {"book/one": registry.Page(results=found, exhibits={"fig-answer-one": exhibit})}
    summary._draw(None, environment(pages))
    return exhibit


def environment(pages: dict[str, registry.Page], digest: str = "of code and data") -> SimpleNamespace:
    return SimpleNamespace(goingglobal_pages=pages, config=SimpleNamespace(goingglobal_digest=digest))


LINE = {"id": "tiny/a", "name": "All the firms there are", "colour": "parent", "interval": []}


@pytest.mark.parametrize(("line", "words"), [
    ("tiny/a | All firms", "result id|id . label . colour"), ("tiny/a | All firms | mauve", "no colour 'mauve'"),
    ("tiny/a | All firms | parent | tiny/low", "two ids of an interval"),
])  # fmt: skip
def test_bad_line_is_named(line, words):
    with pytest.raises(ValueError, match=f"fig-answer-one.*(?:{words})"):
        summary._read(line, "fig-answer-one")


def test_line_with_an_interval_of_its_own():
    read = summary._read("tiny/a | All firms | parent | tiny/low tiny/high", "fig-answer-one")
    assert read == {"id": "tiny/a", "name": "All firms", "colour": "parent", "interval": ["tiny/low", "tiny/high"]}


def test_chart_holds_the_reported_numbers():
    exhibit = drawn(chart(LINE), {"tiny/a": record(0.1, -0.001, 0.25)})
    assert "All the firms there are: 0.10 (0.00 to 0.25)" in exhibit["alt"], "no minus zero"
    assert exhibit["csv"].splitlines()[1] == "All the firms there are,tiny/a,0.1,-0.001,0.25,9,points"
    assert BeautifulSoup(exhibit["svg"], "xml").svg["aria-label"] == exhibit["alt"]


def test_chart_is_drawn_again_only_for_other_numbers_or_other_code(monkeypatch):
    draws, made = [], {"alt": "", "svg": "<svg/>", "csv": ""}
    monkeypatch.setattr(summary, "_drawn", lambda label, *_: draws.append(label) or made)
    page = registry.Page(results={"tiny/a": record(0.1, 0.0, 0.2)}, exhibits={"fig-answer-one": chart(LINE)})
    env = environment({"book/one": page})
    for _ in range(2):
        page.exhibits["fig-answer-one"] = chart(LINE)  # as it is when its page was read again
        summary._draw(None, env)
        assert page.exhibits["fig-answer-one"]["svg"] == "<svg/>"
    assert len(draws) == 1
    page.results["tiny/a"] = record(0.3, 0.0, 0.4)
    summary._draw(None, env)
    assert len(draws) == 2
    env.config.goingglobal_digest = "of other code"
    summary._draw(None, env)
    assert len(draws) == 3


def test_number_without_an_interval_is_refused():
    with pytest.raises(ExtensionError, match="book/one: fig-answer-one: 'tiny/a' has no interval"):
        drawn(chart(LINE), {"tiny/a": record(0.1)})


def test_interval_may_come_from_two_other_numbers():
    line = {**LINE, "interval": ["tiny/low", "tiny/high"]}
    found = {"tiny/a": record(0.1), "tiny/low": record(-0.2), "tiny/high": record(0.4)}
    assert "(−0.20 to 0.40)" in drawn(chart(line), found)["alt"]


def test_unknown_number_is_left_to_the_check_of_ids():
    assert drawn(chart(LINE), {})["svg"] == ""


def test_too_long_a_text_is_refused():
    with pytest.raises(ExtensionError, match=r"alt text has \d+ characters"):
        drawn(chart(*[{**LINE, "name": "x" * 60}] * 8), {"tiny/a": record(0.1, 0.0, 0.2)})


@pytest.mark.site
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_chapter_opens_with_question_chart_and_strength(chapter):
    page = soup(f"book/{chapter}.html")
    box = page.select_one("h1").find_next_sibling()
    assert "gg-summary" in box["class"]
    heads = [strong.get_text() for strong in box.select("p > strong")]
    assert heads == ["Question.", "Answer.", "In one number.", "Strength of evidence."]
    figure = box.select_one("figure.gg-exhibit")
    lines = exhibits()[figure["id"]]["alt"]
    shown = [record["text"] for record in results().values() if f": {record['text']} (" in lines]
    assert shown, "the chart shows no reported number"


@pytest.mark.site
def test_definitions_stand_beside_their_words():
    for chapter in CHAPTERS:
        page = soup(f"book/{chapter}.html")
        notes = page.select("aside.gg-define")
        assert notes, chapter
        for note in notes:
            term = note.strong.get_text()
            assert note.parent.select_one(f'a[href*="glossary.html#term-"], a[href*="#term-{term}"]'), term
            assert len(note.get_text()) > len(term) + 20, "a note without a definition"


def test_unknown_term_stops_the_build():
    mark = margin.margin_mark("", key="no such term", line=7)
    document = nodes.paragraph("", "", mark)
    glossary = registry.Page(defines={"placebo": ("placebo", nodes.paragraph())})
    app = SimpleNamespace(env=SimpleNamespace(goingglobal_pages={margin.GLOSSARY: glossary}))
    with pytest.raises(ExtensionError, match="book/one, line 7: the glossary has no term 'no such term'"):
        margin._margins(app, document, "book/one")


def test_words_are_marked_with_their_language():
    marked = margin._mark(nodes.Text("the 中小企業 and the Mittelstand"))
    assert [(n.astext(), n.get("classes")) for n in marked if isinstance(n, nodes.inline)] == [
        ("中小企業", ["language-ja"]), ("Mittelstand", ["language-de"])]  # fmt: skip
    assert "".join(n.astext() for n in marked) == "the 中小企業 and the Mittelstand"


def test_words_of_the_prose_are_counted_without_code_and_tables():
    prose = nodes.section("", nodes.paragraph("", "four words of prose"), nodes.literal_block("", "x = 1"))
    assert margin.words_in(prose) == 4


def test_contents_show_the_sections_of_the_page_itself():
    tree = '<p class="caption" role="heading">Parts</p><ul class="current"><li class="toctree-l1 current">' \
        '<a class="current reference" href="#">One</a></li><li class="toctree-l1"><a href="two.html">Two</a></li></ul>'
    toc = '<ul><li><a href="#">One</a><ul><li><a href="#a">A</a>' \
        '<ul><li><a href="#deep">D</a></li></ul></li></ul></li></ul>'
    soup = BeautifulSoup(built_page._contents(tree, toc, {"two.html": "de"}), "html.parser")
    assert [a["href"] for a in soup.select("li.current li a")] == ["#a"]
    assert soup.select_one("[aria-current=page]").get_text() == "One"
    assert soup.p.attrs == {"class": ["caption"]}
    assert [li.get("lang") for li in soup.select("li:has(> a[href$='.html']), li.current")] == [None, "de"]


def test_every_chapter_is_a_page():
    assert {f"book/{chapter}" for chapter in CHAPTERS} <= set(contents())
