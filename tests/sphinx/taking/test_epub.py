"""The book as an EPUB: a sound file with what the site has, the same each time."""

from __future__ import annotations

import posixpath
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, contents
from pages import letters, page_of

from goingglobal.sphinx.edition import edition
from goingglobal.sphinx.taking import paper

pytestmark = pytest.mark.outputs
XHTML = "{http://www.w3.org/1999/xhtml}"
OPF = "{http://www.idpf.org/2007/opf}"


@pytest.fixture(scope="module")
def site() -> dict[str, BeautifulSoup]:
    return {name: page_of(name) for name in contents()}


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
        assert len(figures) == len(page.article.select("svg.gg-wide")), name
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


def test_epub_shows_the_lines_of_every_language(chapters):
    page = chapters["book/appendix/methods.xhtml"]
    classes = [(node.tag.rpartition("}")[2], node.get("class", "")) for node in page.iter()]
    labels = ["".join(node.itertext()) for node in page.iter() if node.get("class") == "gg-tab"]
    assert labels[:3] == ["Python", "R (run by our tests)", "Stata (not run by our tests)"]
    assert len(labels) == 3 * sum("sd-tab-set" in name for _, name in classes) > 60
    assert not {"input", "label"} & {tag for tag, _ in classes}


def test_epub_is_the_same_each_time(epub):
    file = Path(epub.filename)
    first = file.read_bytes()
    assert paper.epub(ROOT, file.parent).read_bytes() == first
