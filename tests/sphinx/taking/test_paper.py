"""The book on paper: the PDF, the EPUB, and a chapter printed from the browser."""

from __future__ import annotations

import ctypes
import json
import posixpath
import re
import zipfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pypdfium2
import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, SHIPPED, SITE, contents
from pypdf import PdfReader
from pypdfium2 import raw

from goingglobal.sphinx.edition import edition
from goingglobal.sphinx.taking import browser as browser_of_book
from goingglobal.sphinx.taking import paper

XHTML = "{http://www.w3.org/1999/xhtml}"
OPF = "{http://www.idpf.org/2007/opf}"
A4 = (595, 842)


def letters(text: str) -> str:
    """Letters and digits alone: lines, hyphens, spaces and apostrophes differ between the page and its text."""
    return re.sub(r"[\W_ʼ]", "", text)


def page_of(name: str) -> BeautifulSoup:
    """A page of the site, without the signs beside its headings."""
    page = BeautifulSoup((SITE / f"{name}.html").read_text(encoding="utf-8"), "lxml")
    for sign in page.select(".headerlink"):
        sign.decompose()
    return page


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
def test_one_page_holds_all_links_resolve_and_ids_are_unique(assembled):
    ids = Counter(node["id"] for node in assembled.find_all(id=True))
    assert not [name for name, times in ids.items() if times > 1]
    links = {a["href"] for a in assembled.select("a[href]")} | {u["xlink:href"] for u in assembled.select("use")}
    assert len([link for link in links if link.startswith("#")]) > 500
    assert not [link for link in links if link.startswith("#") and link[1:] not in ids]
    assert not [link for link in links if not re.match(r"#|https?:|mailto:", link)]
    assert not assembled.select("script, button, details, .headerlink")


@pytest.mark.site
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
def test_pdf_has_a_bookmark_for_every_chapter_and_section(pdf, site):
    wanted = [(int(h.name[1]), letters(h.get_text())) for page in site.values() for h in page.article.select("h1, h2")]
    made = [(level, title) for level, title, _ in bookmarks(pdf) if level <= 2 and title != "Contents"]
    assert made == wanted


@pytest.mark.site
@pytest.mark.browser
def test_contents_name_the_pages_and_every_page_is_numbered(pdf, texts):
    marks = [mark for mark in bookmarks(pdf) if mark[0] <= 2]
    first = marks[1][2]
    listed = letters("".join(texts[1:first - 1]))
    assert not [title for _, title, page in marks[1:] if f"{title}{page}" not in listed]
    assert "Version" in texts[0]
    assert not [n for n, text in enumerate(texts[1:], 2) if str(n) not in (text.split()[0], text.split()[-1])]


@pytest.mark.site
@pytest.mark.browser
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


@pytest.fixture(scope="module")
def epub(tmp_path_factory) -> zipfile.ZipFile:
    with zipfile.ZipFile(paper.epub(ROOT, tmp_path_factory.mktemp("paper"))) as file:
        yield file


@pytest.fixture(scope="module")
def chapters(epub) -> dict[str, ElementTree.Element]:
    """Every XHTML file of the EPUB, read as XML: that alone shows that it is well formed."""
    return {n: ElementTree.fromstring(epub.read(n)) for n in epub.namelist() if n.endswith(".xhtml")}


@pytest.fixture(scope="module")
def package(epub) -> ElementTree.Element:
    return ElementTree.fromstring(epub.read("content.opf"))


def test_epub_begins_with_its_type_and_is_dated_by_the_edition(epub):
    first = epub.infolist()[0]
    assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
    assert epub.read("mimetype") == b"application/epub+zip"
    assert epub.testzip() is None
    year, month, day = map(int, edition(ROOT)["date"].split("-"))
    assert {info.date_time for info in epub.infolist()} == {(year, month, day, 0, 0, 0)}


def test_epub_names_all_its_files_and_reads_in_the_order_of_the_contents(epub, chapters, package):
    items = {item.get("id"): item for item in package.iter(f"{OPF}item")}
    named = {item.get("href") for item in items.values()}
    assert named == set(epub.namelist()) - {"mimetype", "META-INF/container.xml", "content.opf"}
    spine = [items[ref.get("idref")].get("href") for ref in package.iter(f"{OPF}itemref")]
    assert spine == ["epub-cover.xhtml", *(f"{name}.xhtml" for name in contents())]
    for item in items.values():
        tree = chapters.get(item.get("href"))
        holds = {node.tag.split("}")[-1] for node in tree.iter()} if tree is not None else set()
        properties = (item.get("properties") or "").split()
        assert ("svg" in properties) == ("svg" in holds), item.get("href")
        assert ("mathml" in properties) == ("math" in holds), item.get("href")
    entries = [a.get("href") for a in chapters["nav.xhtml"].iter(f"{XHTML}a")]
    assert entries == [f"{name}.xhtml" for name in contents()]


def test_epub_links_resolve_and_nothing_is_fetched(epub, chapters):
    ids = {name: [node.get("id") for node in tree.iter() if node.get("id")] for name, tree in chapters.items()}
    assert not [name for name, found in ids.items() if len(found) != len(set(found))]
    lost, inside = [], 0
    for name, tree in chapters.items():
        for node in tree.iter():
            source = node.get("src") or (node.get("href") if node.tag == f"{XHTML}link" else None)
            if source:
                assert posixpath.normpath(posixpath.join(posixpath.dirname(name), source)) in epub.namelist()
            href = node.get("href") if node.tag == f"{XHTML}a" else node.get("{http://www.w3.org/1999/xlink}href")
            if href is None or re.match(r"(https?|mailto):", href):
                continue
            file, _, anchor = href.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), file)) if file else name
            inside += 1
            if target not in chapters or (anchor and anchor not in ids[target]):
                lost.append((name, href))
    assert inside > 500
    assert not lost
    assert "url(" not in epub.read("_static/ebook.css").decode()


@pytest.mark.site
def test_epub_has_the_titles_exhibits_and_numbers_of_the_site(chapters, site):
    for name, page in site.items():
        tree = chapters[f"{name}.xhtml"]
        for tag in ("h1", "h2"):
            found = [letters("".join(node.itertext())) for node in tree.iter(f"{XHTML}{tag}")]
            assert found == [letters(node.get_text()) for node in page.article.find_all(tag)], name
        numbers = ["".join(a.itertext()) for a in tree.iter(f"{XHTML}a") if "gg-result" in a.get("class", "").split()]
        assert numbers == [a.get_text() for a in page.article.select("a.gg-result")], name
        figures = [node for node in tree.iter("{http://www.w3.org/2000/svg}svg") if node.get("aria-label")]
        assert len(figures) == len(page.article.select("svg.gg-figure")), name
        assert len(list(tree.iter(f"{XHTML}table"))) == len(page.article.find_all("table")), name
        assert "var(--" not in ElementTree.tostring(tree, "unicode"), name


@pytest.mark.site
def test_epub_shows_hints_and_solutions_open(chapters, site):
    for name, page in site.items():
        tree = chapters[f"{name}.xhtml"]
        titles = [letters("".join(node.itertext())) for node in tree.iter(f"{XHTML}p")
                  if node.get("class") == "gg-fold-title"]  # fmt: skip
        assert titles == [letters(fold.summary.get_text()) for fold in page.select(".gg-fold")], name
        assert not list(tree.iter(f"{XHTML}details")), name


def test_epub_is_the_same_each_time(epub):
    file = Path(epub.filename)
    first = file.read_bytes()
    assert paper.epub(ROOT, file.parent).read_bytes() == first
