"""The book on paper: the PDF, and a chapter printed from the browser."""

from __future__ import annotations

import ctypes
import json
import re
from collections import Counter
from pathlib import Path

import pypdfium2
import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, SHIPPED, SITE, contents
from pages import letters, page_of
from pypdf import PdfReader
from pypdfium2 import raw

from goingglobal.sphinx.edition import edition
from goingglobal.sphinx.taking import browser as browser_of_book
from goingglobal.sphinx.taking import paper

A4 = (595, 842)


@pytest.fixture(scope="module")
def site() -> dict[str, BeautifulSoup]:
    return {name: page_of(name) for name in contents()}


@pytest.fixture(scope="module")
def book() -> str:
    return paper.assemble(SITE, edition(ROOT))


@pytest.fixture(scope="module")
def assembled(book) -> BeautifulSoup:
    return BeautifulSoup(book, "lxml")


@pytest.fixture(scope="module")
def printed(book, tmp_path_factory) -> Path:
    """The PDF, printed from the page that other tests look at: it is put together once."""
    def put_together(site: Path, facts: dict) -> str:
        assert (site, facts) == (SITE, edition(ROOT))
        return book

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper, "assemble", put_together)
        return paper.pdf(ROOT, tmp_path_factory.mktemp("paper"))


@pytest.fixture(scope="module")
def pdf(printed) -> PdfReader:
    return PdfReader(printed)


def signs(text: pypdfium2.PdfTextPage) -> list[tuple[str, float, float, float]]:
    """Every sign of a page, its place and its size in points: by PDFium's bare functions, as there are very many."""
    matrix, x, y, found = raw.FS_MATRIX(), ctypes.c_double(), ctypes.c_double(), []
    for n in range(text.count_chars()):
        sign = chr(raw.FPDFText_GetUnicode(text, n))
        if not sign.isspace():
            assert raw.FPDFText_GetMatrix(text, n, matrix)
            assert raw.FPDFText_GetCharOrigin(text, n, x, y)
            found.append((sign, x.value, y.value, abs(raw.FPDFText_GetFontSize(text, n) * matrix.d)))
    return found


@pytest.fixture(scope="module")
def drawn(printed) -> tuple[list[str], list[list[tuple[str, float, float, float]]]]:
    """Of every page, its text; and its signs."""
    with pypdfium2.PdfDocument(printed) as document:
        pages = [page.get_textpage() for page in document]
        return [text.get_text_range() for text in pages], [signs(text) for text in pages]


@pytest.fixture(scope="module")
def texts(drawn) -> list[str]:
    return drawn[0]


@pytest.fixture(scope="module")
def pieces(drawn) -> list[list[tuple[str, float, float, float]]]:
    return drawn[1]


def bookmarks(pdf: PdfReader) -> list[tuple[int, str, int]]:
    """Level, letters of the title and page of every bookmark."""
    found = []

    def walk(items: list, level: int) -> None:
        for item in items:
            if isinstance(item, list):
                walk(item, level + 1)
            else:
                found.append((level, letters(item.title), pdf.get_destination_page_number(item) + 1))

    walk(pdf.outline, 1)
    return found


@pytest.mark.site
@pytest.mark.outputs
def test_one_page_holds_all_links_resolve_and_ids_are_unique(assembled):
    ids = Counter(node["id"] for node in assembled.find_all(id=True))
    assert not [name for name, times in ids.items() if times > 1]
    links = {a["href"] for a in assembled.select("a[href]")} | {u["xlink:href"] for u in assembled.select("use")}
    assert len([link for link in links if link.startswith("#")]) > 500
    assert not [link for link in links if link.startswith("#") and link[1:] not in ids]
    assert not [link for link in links if not re.match(r"#|https?:|mailto:", link)]
    assert not assembled.select("script, button, details, .headerlink")


@pytest.mark.site
@pytest.mark.outputs
def test_hints_and_solutions_are_open_on_paper(assembled, site):
    """Paper has nothing to open them with; the link to the student's notebook leads nowhere on it."""
    folds = {name: len(page.select("details.gg-fold")) for name, page in site.items()}
    own = {*(f"book/{name}" for name in SHIPPED), "book/appendix/regression-tables"}
    assert own <= {name for name, number in folds.items() if number}
    for name, number in folds.items():
        shown = assembled.find(id=paper._slug(f"{name}.html")).select("div.gg-fold")
        assert len(shown) == number, name
        assert [box.p.get_text() for box in shown] == [f.summary.get_text() for f in site[name].select(".gg-fold")]
    assert not assembled.select(".gg-sheet")


@pytest.mark.site
@pytest.mark.browser
@pytest.mark.outputs
def test_pdf_has_a_bookmark_for_every_chapter_and_section(pdf, site):
    wanted = [(int(h.name[1]), letters(h.get_text())) for page in site.values() for h in page.article.select("h1, h2")]
    made = [(level, title) for level, title, _ in bookmarks(pdf) if level <= 2 and title != "Contents"]
    assert made == wanted


@pytest.mark.site
@pytest.mark.browser
@pytest.mark.outputs
def test_contents_name_the_pages_and_every_page_is_numbered(pdf, texts):
    marks = [mark for mark in bookmarks(pdf) if mark[0] <= 2]
    first = marks[1][2]
    listed = letters("".join(texts[1:first - 1]))
    assert not [title for _, title, page in marks[1:] if f"{title}{page}" not in listed]
    assert "Version" in texts[0]
    assert not [n for n, text in enumerate(texts[1:], 2) if str(n) not in (text.split()[0], text.split()[-1])]


@pytest.mark.site
@pytest.mark.browser
@pytest.mark.outputs
def test_pdf_shows_every_exhibit_and_the_numbers_of_the_site(texts, site):
    whole = letters("".join(texts))
    exhibits = json.loads((SITE / "exhibits.json").read_text(encoding="utf-8"))
    captions = {label: letters(BeautifulSoup(record["caption"], "html.parser").get_text())
                for label, record in exhibits.items()}
    # A table that goes over a page may have the page's number in its caption's line, no other text.
    assert not [label for label, caption in captions.items() if caption not in whole]
    numbers = [letters(a.get_text()) for a in site["book/index"].select("article a.gg-result")]
    assert len(numbers) > 5
    assert not [number for number in numbers if number not in whole]


@pytest.mark.site
@pytest.mark.browser
@pytest.mark.outputs
def test_pdf_pages_are_a4_in_ten_point_and_nothing_stands_beyond_them(pdf, pieces):
    assert {(round(page.mediabox.width), round(page.mediabox.height)) for page in pdf.pages} == {A4}
    sizes, outside = Counter(), []
    for number, here in enumerate(pieces, 1):
        for sign, x, y, size in here:
            sizes[round(size, 1)] += 1
            if not (0 < x < A4[0] and 0 < y < A4[1]):
                outside.append((number, sign))
    assert sizes.total() > 300_000
    assert not outside
    # A line wider than the page makes Chromium shrink the whole book: its text would be smaller than it is set.
    assert abs(sizes.most_common(1)[0][0] - 10.2) < 0.15


@pytest.mark.site
@pytest.mark.browser
@pytest.mark.outputs
def test_pdf_links_lead_somewhere_and_fonts_are_embedded(pdf):
    places, fonts, links = pdf.named_destinations, {}, 0
    for page in pdf.pages:
        for note in page.get("/Annots") or []:
            note = note.get_object()
            target = note.get("/Dest")
            if isinstance(target, str):
                links += 1
                assert target in places
        for font in (page["/Resources"].get("/Font") or {}).values():
            font = font.get_object()
            inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
            if font["/Subtype"] != "/Type3":  # drawn in the file itself
                fonts[font["/BaseFont"]] = inner["/FontDescriptor"].get_object()
    assert links > 500
    assert any("SourceSerif4" in name for name in fonts)
    assert not [name for name, font in fonts.items() if not {"/FontFile", "/FontFile2", "/FontFile3"} & set(font)]


@pytest.mark.site
@pytest.mark.browser
@pytest.mark.outputs
def test_pdf_says_what_it_is(pdf):
    facts = edition(ROOT)
    assert pdf.metadata.title == "Japanese SMEs going global, re-examined"
    assert pdf.metadata.author == "The founders of the project"
    assert f"{pdf.metadata.creation_date:%Y-%m-%d}" == facts["date"]
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert pdf.trailer["/Root"]["/Lang"] == "en"


def test_without_chromium_or_site_the_reason_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(browser_of_book, "find", lambda: None)
    with pytest.raises(paper.PaperError, match="apt-get install chromium"):
        paper.pdf(tmp_path, tmp_path)
    monkeypatch.setattr(browser_of_book, "find", lambda: "chromium")
    with pytest.raises(paper.PaperError, match="make book"):
        paper.pdf(tmp_path, tmp_path)


@pytest.mark.site
@pytest.mark.browser
def test_a_chapter_printed_from_a_dark_screen_is_black_on_white_without_navigation(browser, server):
    browser.get(f"{server}/book/introduction.html")
    browser.execute_script("document.documentElement.dataset.theme = 'dark'")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        look = browser.execute_script("""
          const shown = (css) => [...document.querySelectorAll(css)].filter((e) => e.getClientRects().length).length;
          return { ground: getComputedStyle(document.body).backgroundColor, ink: getComputedStyle(document.body).color,
            gone: shown('.gg-top, .gg-book-nav, .gg-turn, .gg-foot, .headerlink, .gg-links, button, details.hide'),
            figures: shown('svg.gg-figure'), tables: shown('table'),
            code: shown('.cell:not(.tag_hide-input) .highlight') }""")
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert look["ground"] == "rgb(255, 255, 255)"
    assert max(map(int, re.findall(r"\d+", look["ink"])[:3])) < 60
    assert look["gone"] == 0
    assert look["figures"] >= 5
    assert look["tables"] >= 1
    assert look["code"] >= 3
