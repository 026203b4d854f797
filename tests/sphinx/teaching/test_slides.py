"""Slides: their source, and the built decks as a browser meets them, from a file on disk."""

from __future__ import annotations

import base64
import io
import json
import re

import axe
import pages
import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, SHIPPED, SITE
from pages import dead, exhibits, results, straight
from pypdf import PdfReader
from sphinx.errors import ExtensionError

from goingglobal.sphinx.teaching import slides

SOURCES = slides.decks(ROOT)
NOTES = ":::{notes}\n:minutes: 2\n\nSay this.\n:::\n"
HOLDS = NOTES.replace(":minutes: 2", ":minutes: 2\n:held: exhibit")
GOOD = "# A question?\n\n**Answer.** Yes.\n\n" + NOTES + "".join(
    f"\n## Finding {n}\n\n- A bullet\n\n{NOTES}" for n in "abcdefg")
TABLE = {"kind": "table", "page": "book/one", "columns": ["What", "Estimate", "Id"], "quotes": [2],
         "rows": [["first", "1\n(2)", "F0001"], ["second", "3", "F0002"]], "numeric": [False, True, False],
         "caption": "A table.", "ids": [2]}  # fmt: skip
FIGURE = {"kind": "figure", "page": "book/one", "caption": "A figure.", "room": "wide"}
EXHIBITS = {"tab-a": TABLE, "fig-a": FIGURE, "fig-other": {**FIGURE, "page": "book/two"},
            "fig-answer": {**FIGURE, "lines": [{}]}}  # fmt: skip
KNOWN = {"result": {"tiny/a"}, "claim": {"C012"}, "fact": {"F0088"}}

every_chapter = pytest.mark.parametrize("chapter", SHIPPED)


def soup(chapter: str) -> BeautifulSoup:
    return pages.soup(f"slides/{chapter}.html")


def faults(text: str) -> list[str]:
    return slides.check(slides.read("one", text), EXHIBITS, KNOWN)


# ------------------------------------------------------------------------------------------------------ the source
def test_sound_deck_has_no_fault():
    deck = slides.read("one", GOOD)
    assert slides.check(deck, EXHIBITS, KNOWN) == []
    assert (len(deck.slides), deck.minutes) == (8, 16)


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) >= 1
    return GOOD.replace(old, new, 1)


@pytest.mark.parametrize(("text", "words"), [
    (changed("## Finding a", "### Finding a"), "line 11: a title of level 3, expected 2"),
    (changed("# A question?", "Text.\n\n# A question?"), "line 1: text before the title"),
    (changed(NOTES, ""), "line 1: a slide without {notes}"),
    (changed(":minutes: 2\n", ""), "notes need whole minutes"),
    (changed(":minutes: 2", ":minutes: two"), "notes need whole minutes"),
    (changed(":minutes: 2", ":hours: 2"), "option 'hours' is not known here"),
    (changed("- A bullet\n\n" + NOTES, "- A bullet\n\n" + HOLDS), "line 11: held: exhibit; the slide has words"),
    (changed(NOTES, HOLDS.replace("exhibit", "words | words")), "line 1: held: words | words; the slide has words"),
    (changed("- A bullet", "- A\n- B\n- C\n- D"), "line 11: 4 bullets, expected at most 3"),
    (changed("- A bullet\n", ""), "line 11: an empty slide"),
    (changed("- A bullet", "```{figure} x.png\n```"), "no '{figure} x.png'"),
    (changed("- A bullet", "- {doc}`introduction`"), "role 'doc' is not known on slides"),
    (changed("Say this.", "{numref}`fig-a`"), "role 'numref' is not known on slides"),
    (changed("- A bullet", "- {result}`tiny/b`"), "line 13: unknown result id 'tiny/b'"),
    (changed("Say this.", "{fact}`F9999`"), "unknown fact id 'F9999'"),
    (changed("- A bullet", "- {verdict}`C999`"), "unknown verdict id 'C999'"),
    (changed("- A bullet", "- {result}`about half <tiny/a>`"), "result 'tiny/a' in other words"),
    (changed("- A bullet", "- {claim}`18 % <C012>`"), "18 does not stand in its record"),
    (changed("- A bullet", "```{exhibit} fig-b\n```"), "exhibit 'fig-b' is none of book/one; it has tab-a, fig-a"),
    (changed("- A bullet", "```{exhibit} fig-other\n```"), "exhibit 'fig-other' is none of book/one"),
    (changed("- A bullet", "```{exhibit} fig-a\n```\n\n```{exhibit} fig-a\n```"), "a second exhibit on one slide"),
    (changed("- A bullet", "```{exhibit} fig-a\n:rows: first\n```"), "rows and columns are chosen of tables only"),
    (changed("- A bullet", "```{exhibit} fig-a\n```\n\n- A\n- B"),
     'line 11: fig-a: give its figure `slide="side"`, so that it is drawn for this slide; it has \'wide\''),
    (changed("- A bullet", "```{exhibit} tab-a\n:columns: Esti\n```"), "no column 'Esti'; it has What | Estimate | Id"),
    (changed("- A bullet", "```{exhibit} tab-a\n:columns: Estimate\n:rows: last\n```"), "no row 'last'; it has first"),
    (changed("- A bullet", "```{exhibit} tab-a\n:head: Whose\n:columns: Estimate\n```"), "no column 'Whose'"),
    (changed("- A bullet", "```{exhibit} tab-a\n```"), "a column of ids tells nothing on a slide"),
    (changed("**Answer.** Yes.", "```{exhibit} fig-a\n```"), "shows the chapter's headline chart, not 'fig-a'"),
    (GOOD.partition("\n## Finding a")[0], "a title and no slide"),
    (re.sub(r"- A bullet", "```{exhibit} fig-a\n```", GOOD, count=2), "exhibit 'fig-a' is shown twice"),
])  # fmt: skip
def test_fault_is_named(text, words):
    found = faults(text)
    assert any(words in fault for fault in found), found


def test_table_is_cut_to_what_the_slide_names():
    text = changed("- A bullet", "```{exhibit} tab-a\n:head: Estimate\n:columns: What\n:rows: second\n```")
    deck = slides.read("one", text)
    assert slides.check(deck, EXHIBITS, KNOWN) == []
    table = BeautifulSoup(slides._table(deck.slides[1], TABLE), "lxml")
    assert [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in table.select("tr")] == [
        ["Estimate", "What"], ["3", "second"]]  # fmt: skip
    assert table.select_one("tbody th")["scope"] == "row"


def test_a_row_goes_by_its_id_too():
    deck = slides.read("one", changed("- A bullet", "```{exhibit} tab-a\n:columns: Estimate\n:rows: F0002\n```"))
    assert slides.check(deck, EXHIBITS, KNOWN) == []
    assert slides._cut(deck.slides[1], TABLE)[0] == ([0, 1], [["second", "3", "F0002"]])


def test_slide_is_found_by_exhibit_title_or_as_the_last():
    text = changed("- A bullet", "```{exhibit} fig-a\n```")
    found = {"one": slides.read("one", text)}
    addresses = ["one/fig-a", "one/Finding c", "one/last", "one/A question"]
    assert [slides.find(found, address) for address in addresses] == [("one", place) for place in (1, 3, 7, 0)]
    wrong = {"two/last": "no deck 'two'; there are one", "one/fig-b": "'one/fig-b' is 0 slides",
             "one/Finding": "is 7 slides", "one": "is 0 slides", "one/": "is 0 slides"}  # fmt: skip
    for address, words in wrong.items():
        with pytest.raises(LookupError, match=re.escape(words)):
            slides.find(found, address)


def test_title_holds_its_chart_then_its_answer():
    for name in SHIPPED:
        assert SOURCES[name].slides[0].held == ["exhibit", "words"]


def test_colours_are_those_of_the_book():
    folder = ROOT / "book" / "_static"
    sheet = (folder / "book.css").read_text(encoding="utf-8")
    style = slides._style(sheet, folder)
    assert "--gg-japan: #c2410b" in style
    assert style.count("url(data:font/woff2;base64,") == style.count("url(") == 3
    with pytest.raises(ExtensionError, match=r"book\.css has no part"):
        slides._style(sheet.replace("/* Page */", ""), folder)


def test_script_can_not_end_its_element():
    assert "</script" not in slides._inline("const a = '</script>';")


def test_every_chapter_has_a_deck():
    assert set(SOURCES) >= set(SHIPPED)
    assert {name: len(SOURCES[name].slides) for name in SHIPPED if not 8 <= len(SOURCES[name].slides) <= 14} == {}


@every_chapter
def test_slides_are_terse(chapter):
    for slide in SOURCES[chapter].slides:
        assert len(slide.title.content) <= 90, slide.title.content
        if slide is not SOURCES[chapter].slides[0]:
            words = [len(re.sub(r"<[^<>]*>`|`[^`]*/[^`]*`", "", t.content).split()) for t in slide.body if t.content]
            assert max(words, default=0) <= 24, slide.title.content
        spoken = sum(len(token.content.split()) for token in slide.notes)
        assert 15 <= spoken <= 180 * slide.minutes, f"{slide.title.content}: {spoken} words in {slide.minutes} min"
    last = SOURCES[chapter].slides[-1]
    assert last.title.content == "What this can't tell"


# -------------------------------------------------------------------------------------------------- the built decks
@pytest.mark.site
@every_chapter
def test_deck_is_one_file(chapter):
    page = soup(chapter)
    loading = page.select("script[src], link:not([href^='data:']), img, iframe, source, object, embed, image")
    assert loading == []
    assert "Permission is hereby granted" in str(page.head), "reveal.js without its licence"
    for style in page.find_all("style"):
        assert not re.search(r"@import|url\((?!data:|#)", style.get_text())


@pytest.mark.site
@every_chapter
def test_numbers_are_those_of_the_results(chapter):
    shown = {}
    for link in soup(chapter).select("a.gg-result"):
        key = link["data-card"]
        assert link.get_text() == results()[key]["text"], key
        shown[key] = link
    assert set(shown) == {key for kind, key, _, _ in SOURCES[chapter].uses if kind == "result"}
    assert len(shown) >= 10


@pytest.mark.site
@every_chapter
def test_links_of_the_deck_lead_somewhere(chapter):
    page = f"slides/{chapter}.html"
    addresses = {link["href"] for link in soup(chapter).select("a[href]")}
    assert any(address.startswith(f"../book/{chapter}.html#fig-") for address in addresses)
    assert sorted(filter(None, (dead(page, address) for address in addresses))) == []


@pytest.mark.site
@every_chapter
def test_exhibits_are_the_chapters_own(chapter):
    labels = [slide.exhibit for slide in SOURCES[chapter].slides if slide.exhibit]
    figures = soup(chapter).select("figure")
    assert len(figures) == len(labels)
    for label, figure in zip(labels, figures, strict=True):
        record = exhibits()[label]
        words = figure.svg["aria-label"] if record["kind"] == "figure" else figure.table.caption.get_text()
        assert straight(words) == straight(record["alt" if record["kind"] == "figure" else "caption"])
        caption = figure.figcaption
        assert caption.a.get_text() == record["number"]
        assert caption.a["href"].endswith(f"{record['page']}.html#{label}")
        assert "Source: " in caption.get_text()
        if record["kind"] == "table":
            own = pages.those(f"{record['page']}.html", f"#{label}")[0]
            cells = {straight(cell.get_text(" ", strip=True)) for cell in own.select("td, th")}
            assert {straight(c.get_text(" ", strip=True)) for c in figure.select("td, th")} <= cells


@pytest.mark.site
@every_chapter
def test_slides_have_titles_notes_and_minutes(chapter):
    page, deck = soup(chapter), SOURCES[chapter]
    assert len(page.select("section")) == len(deck.slides)
    assert len(page.select("h1")) == 1
    for section, slide in zip(page.select("section"), deck.slides, strict=True):
        assert section.select_one("h1, h2").get_text(strip=True)
        assert section.select_one("aside.notes .gg-minutes").get_text() == f"{slide.minutes} min"
        assert len(section.select_one("aside.notes").get_text().split()) > 15
    last = page.select("section")[-1].get_text()
    facts = re.search(r"Version (\S+), (\d{4}-\d\d-\d\d)", last)
    assert facts, "no edition on the last slide"
    assert {"Cite.", "Edition.", "Licence."} <= {strong.get_text() for strong in page.select(".gg-cite strong")}


@pytest.mark.site
@every_chapter
def test_chapter_and_guide_link_the_deck(chapter):
    own = pages.soup(f"book/{chapter}.html")
    assert own.select_one(f'.gg-reading a[href="../slides/{chapter}.html"]')
    guide = pages.soup("book/appendix/teaching.html")
    item = guide.select_one(f'li:has(a[href="../../slides/{chapter}.html"])').get_text()
    assert f"{len(SOURCES[chapter].slides)} slides, {SOURCES[chapter].minutes} min" in item


# ------------------------------------------------------------------------------------------------------- a browser
# What stands outside the slide: words and pictures, not the parts of a picture or what is only for screen readers.
OVER = """const slide = document.querySelector('section.present .gg-slide'), edge = slide.getBoundingClientRect();
return [...slide.querySelectorAll(':not(caption)')].filter(e => !e.parentElement.closest('svg')).filter(e => {
  const box = e.getBoundingClientRect(); return box.bottom > edge.bottom + 1 || box.right > edge.right + 1;
}).map(e => e.tagName + ' ' + e.textContent.slice(0, 40));"""
# Lettering of the figure that is smaller than 18 pixels as shown, and a table that is wider than its room.
SMALL = """const slide = document.querySelector('section.present .gg-slide');
const svg = slide.querySelector('svg.gg-figure');
const table = slide.querySelector('table'), faults = [];
if (svg) {
  const box = svg.getBoundingClientRect(), own = svg.viewBox.baseVal;
  const scale = Math.min(box.width / own.width, box.height / own.height);
  const texts = [...svg.querySelectorAll('text')];
  if (!texts.length) { faults.push('a figure without lettering'); }
  faults.push(...texts.map(t => [parseFloat(getComputedStyle(t).fontSize) * scale, t.textContent])
    .filter(([size]) => size < 17.95).map(([size, words]) => `${size.toFixed(1)} px: ${words}`));
}
if (table) {
  const room = table.closest('figure').getBoundingClientRect(), box = table.getBoundingClientRect();
  const beyond = box.right > room.right + 1 || table.scrollWidth > table.clientWidth + 1;
  if (beyond) { faults.push('a table beyond its room'); }
  if (parseFloat(getComputedStyle(table).fontSize) < 18) { faults.push('a table in small letters'); }
}
return faults;"""
# What of a slide's exhibit and words is seen now.
SEEN = """const parts = {exhibit: 'figure', words: '.gg-words'}, slide = document.querySelector('section.present');
return Object.fromEntries(Object.entries(parts).map(([kind, css]) => [kind, slide.querySelector(css)])
  .filter(([, part]) => part).map(([kind, part]) => [kind, part.checkVisibility(
    {visibilityProperty: true, opacityProperty: true})]));"""
SHOWN = f"""return {{place: Reveal.getIndices().h, over: (() => {{{OVER}}})(), small: (() => {{{SMALL}}})(),
  heading: document.querySelector('section.present').querySelector('h1, h2').checkVisibility(),
  seen: (() => {{{SEEN}}})()}};"""


def _size(browser, width: int, height: int) -> None:
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})


@pytest.fixture
def wide(browser):
    """The browser with a window of a projector's shape, and afterwards as it was."""
    _size(browser, 1280, 720)
    yield browser
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.get("about:blank")


def _open(browser, chapter: str, more: str = "") -> None:
    address = (SITE / "slides" / f"{chapter}.html").as_uri()
    if browser.current_url.startswith(address):  # or only the place on the page would change
        browser.get("about:blank")
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(address + more)
    browser.execute_async_script("document.fonts.ready.then(() => requestAnimationFrame(() => arguments[0]()))")


def _press(browser, keys: str) -> None:
    browser.find_element("css selector", "body").send_keys(keys)


@pytest.mark.site
@pytest.mark.browser
@every_chapter
def test_all_slides_are_reached_by_keyboard_from_disk(wide, chapter):
    from selenium.webdriver.common.keys import Keys

    _open(wide, chapter)
    seen, body = [], wide.find_element("css selector", "body")
    for place, slide in enumerate(SOURCES[chapter].slides):
        for shown in range(len(slide.held) + 1):
            found = wide.execute_script(SHOWN)
            if not shown:
                seen.append(found["place"])
                assert found["heading"], seen
                assert found["over"] == [], f"slide {place + 1}"
                assert found["small"] == [], f"slide {place + 1}"
            parts = found["seen"]
            assert [parts[kind] for kind in slide.held] == [n < shown for n in range(len(slide.held))], place + 1
            assert all(seen for kind, seen in parts.items() if kind not in slide.held), place + 1
            body.send_keys(Keys.ARROW_RIGHT)
    assert seen == list(range(len(SOURCES[chapter].slides)))
    assert wide.execute_script("return Reveal.isLastSlide()")
    messages = [json.loads(entry["message"])["message"] for entry in wide.get_log("performance")]
    asked = {m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"}
    asked = {address for address in asked if not address.startswith(("data:", "blob:"))}
    assert len(asked) == 1, "the deck asks for more than itself"
    assert wide.get_log("browser") == []


@pytest.fixture(scope="module")
def judged() -> dict:
    """What axe has found by chapter and slide, in whichever mode it was shown first."""
    return {}


@pytest.mark.site
@pytest.mark.browser
@pytest.mark.parametrize("mode", ["light", "dark"])
@every_chapter
def test_axe_finds_nothing_serious_on_slides(wide, judged, chapter, mode):
    wide.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": mode}]})
    _open(wide, chapter)
    looks = {}
    for place in (0, 4, len(SOURCES[chapter].slides) - 1):
        wide.execute_script("Reveal.slide(arguments[0], 0, 9)", place)  # with all that is held
        assert all(wide.execute_script(SEEN).values())
        found = axe.look(wide, judged.get((chapter, place)))
        judged[chapter, place] = found
        assert found["rules"] > 10, "axe has looked at nothing"
        assert found["faults"] == [], place
        looks |= found["looks"]
    assert len(looks) > 5
    assert axe.faint(wide, looks) == []


@pytest.mark.site
@pytest.mark.browser
def test_keys_change_colours_and_show_notes(wide):
    _open(wide, "introduction")
    ground = "return getComputedStyle(document.body).backgroundColor"
    before = wide.execute_script(ground)
    _press(wide, "d")
    assert wide.execute_script(ground) != before
    _press(wide, "t")
    notes = wide.find_element("css selector", ".speaker-notes")
    assert notes.is_displayed()
    assert "Read the question aloud" in notes.text
    _press(wide, "t")
    assert not notes.is_displayed()


@pytest.mark.site
@pytest.mark.browser
@pytest.mark.parametrize("size", [(1400, 1000), (1280, 720)])
def test_slide_beside_its_notes_is_whole(wide, size):
    _size(wide, *size)
    beside = """requestAnimationFrame(() => requestAnimationFrame(() => {
      const slide = document.querySelector('.slides').getBoundingClientRect();
      const notes = document.querySelector('.speaker-notes').getBoundingClientRect();
      arguments[0]([slide.left, slide.right, notes.left, slide.width]); }))"""
    widths = []
    for more in ("", "?notes"):
        _open(wide, "introduction", more)
        if not more:
            _press(wide, "t")
        left, right, notes, width = wide.execute_async_script(beside)
        assert left >= 0, more
        assert right <= notes, more
        widths.append(round(width))
    _press(wide, "t")
    assert widths[0] == widths[1] < round(wide.execute_async_script(beside)[3])


@pytest.mark.site
@pytest.mark.browser
def test_alt_and_an_arrow_pass_over_what_is_held(wide):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    _open(wide, "introduction")
    ActionChains(wide).key_down(Keys.ALT).send_keys(Keys.ARROW_RIGHT).key_up(Keys.ALT).perform()
    assert wide.execute_script("return Reveal.getIndices().h") == 1
    _open(wide, "introduction", "#slide-9")  # as the guide links it
    assert wide.execute_script("return Reveal.getIndices().h") == 8
    assert wide.execute_script(SEEN) == {"exhibit": False, "words": False}


@pytest.mark.site
@pytest.mark.browser
def test_speakers_window_follows_the_slides(wide):
    from selenium.webdriver.common.keys import Keys

    _open(wide, "introduction")
    own = wide.current_window_handle
    _press(wide, "s")
    other, = set(wide.window_handles) - {own}
    try:
        wide.switch_to.window(other)
        assert "Read the question aloud" in wide.find_element("css selector", "main").text
        assert "Next: Two export nations" in wide.find_element("css selector", "h2").text
        assert re.fullmatch(r"\d\d:\d\d", wide.find_element("css selector", "output").text)
        wide.switch_to.window(own)
        for _ in range(3):  # past the chart and the answer
            _press(wide, Keys.ARROW_RIGHT)
        wide.switch_to.window(other)
        assert "Two export nations" in wide.find_element("css selector", "h1").text
    finally:
        wide.switch_to.window(other)
        wide.close()
        wide.switch_to.window(own)


@pytest.mark.site
@pytest.mark.browser
@every_chapter
def test_telephone_scrolls_through_all_slides(wide, chapter):
    _size(wide, 375, 800)
    _open(wide, chapter)
    seen = wide.execute_script("""return {shown: [...document.querySelectorAll('section, aside.notes')].every(
        e => e.checkVisibility() && e.getBoundingClientRect().height > 40)
        && [...document.querySelectorAll('figure, .gg-words')].every(
        e => e.checkVisibility({visibilityProperty: true, opacityProperty: true})),
        width: document.documentElement.scrollWidth, deck: document.documentElement.classList.contains('gg-deck')}""")
    assert seen["shown"]
    assert seen["width"] <= 375
    assert not seen["deck"]
    assert wide.get_log("browser") == []


@pytest.mark.site
@pytest.mark.browser
def test_slides_need_no_script(plain_browser):
    plain_browser.get((SITE / "slides" / "introduction.html").as_uri())
    heights = plain_browser.execute_script(
        "return [...document.querySelectorAll('section .gg-slide')].map(e => e.getBoundingClientRect().height)")
    assert len(heights) == len(SOURCES["introduction"].slides)
    assert min(heights) > 60
    assert plain_browser.execute_script("""return [...document.querySelectorAll('figure, .gg-words')].every(
        e => e.checkVisibility({visibilityProperty: true, opacityProperty: true}))""")


@pytest.mark.site
@pytest.mark.browser
@pytest.mark.parametrize(("more", "shape"), [("", (960, 540)), ("?notes", (595, 842))])
def test_deck_is_printed_whole(wide, more, shape):
    _open(wide, "sme-role", more)
    printed = wide.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, "printBackground": True})
    pages = PdfReader(io.BytesIO(base64.b64decode(printed["data"]))).pages
    assert {tuple(round(float(edge)) for edge in page.mediabox[2:]) for page in pages} == {shape}
    texts = [re.sub(r"\s+", " ", page.extract_text()) for page in pages]
    assert ("Ask the room for a guess" in texts[0]) == bool(more)
    assert "Reports only let us bound them" in texts[0], "the answer is held on paper"
    deck = SOURCES["sme-role"].slides
    starts = [re.match(r"[^':]+", slide.title.content)[0][:25] for slide in deck]
    found = [next(n for n, text in enumerate(texts) if start in text) for start in starts]
    if more:  # two on a page where they fit, in order
        assert found == sorted(found)
        assert len(pages) <= 0.7 * len(deck)
        assert max(found.count(page) for page in found) == 2
    else:
        assert found == list(range(len(pages))) == list(range(len(deck)))
