"""Search: its words, whole after every build; what a reader finds, in which order, and where the results lead."""

from __future__ import annotations

import json
import pickle
import re
from types import SimpleNamespace

import pytest
from conftest import SITE, contents
from docutils import nodes
from docutils.utils import new_document

from goingglobal.sphinx.reading import search

PAGES = {
    "_titles": {"a": "A", "b": "B"}, "_filenames": {"a": "a.md", "b": "b.md"},
    "_mapping": {"word": {"a", "b"}, "only": {"b"}}, "_title_mapping": {"a": {"a"}, "b": {"b"}},
    "_all_titles": {"a": [("A", None)], "b": [("B", None)]},
    "_index_entries": {"a": [("term", "term-term", "main")], "b": [("other", "term-other", "")]},
}


class Indexer(SimpleNamespace):
    """As Sphinx's: pruning takes pages out of the sets of words, and leaves the words."""

    def prune(self, kept):
        for words in (self._mapping, self._title_mapping):
            for pages in words.values():
                pages.intersection_update(kept)


def builder(**more) -> SimpleNamespace:
    return SimpleNamespace(env=SimpleNamespace(all_docs={"a": 0, "b": 0}), indexer=Indexer(**more))


def test_words_of_kept_pages_come_back_and_no_word_without_a_page(tmp_path):
    file = tmp_path / "search.pickle"
    file.write_bytes(pickle.dumps(PAGES))
    made = builder()
    search._load(made, file, {"b"})
    assert made.indexer._mapping == {"word": {"a"}}
    assert made.indexer._title_mapping == {"a": {"a"}}
    assert made.indexer._index_entries == {"a": [("term", "term-term", "main")]}


def test_nothing_is_asked_for_where_every_page_is_written(tmp_path):
    made = builder()
    search._load(made, tmp_path / "not-there", {"a", "b"})
    assert vars(made.indexer) == {}


# ------------------------------------------------------------------------------------------------------------- words
SPLIT = {
    "空洞化": ["空洞", "洞化", "空", "洞", "化"], "企業": ["企業", "企", "業"], "円": ["円"],
    "FDIの Mittelstand, x_y": ["FDI", "Mittelstand", "x_y"],
    "中小企業白書2012": ["中小", "小企", "企業", "業白", "白書", *"中小企業白書", "2012"],
}  # fmt: skip


@pytest.mark.parametrize("text", SPLIT)
def test_words_of_a_text(text):
    assert search.Words({}).split(text) == SPLIT[text]


@pytest.mark.parametrize(("word", "kept"), [
    ("企業", True), ("円", True), ("の海", False), ("2012", False), ("the", False)])  # fmt: skip
def test_words_that_nobody_asks_for_are_left_out(word, kept):
    assert search.Words({}).word_filter(word) is kept


def test_code_is_out_of_the_tree_for_a_while_and_comes_back():
    tree = new_document("x")
    tree += [nodes.paragraph("", "prose"), nodes.literal_block("", "code"),
             nodes.raw("", "<svg>drawn</svg>", format="html")]  # fmt: skip
    before = tree.pformat()
    with search.without_code(tree):
        assert tree.astext().split() == ["prose"]
    assert tree.pformat() == before


def index_of_the_site() -> dict:
    text = (SITE / "searchindex.js").read_text(encoding="utf-8")
    return json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))


@pytest.mark.site
def test_words_of_code_alone_are_not_in_the_index():
    index = index_of_the_site()
    assert "import" in (SITE / "book" / "sme-role.html").read_text(encoding="utf-8")
    assert not {"plt", "iloc", "figsize"} & {*index["terms"], *index["titleterms"]}
    assert {"企業", "空洞", "洞化"} <= set(index["terms"]) | set(index["titleterms"])


@pytest.mark.site
def test_index_of_the_site_is_whole():
    index = index_of_the_site()
    assert index["docnames"] == sorted(contents())
    assert [word for words in ("terms", "titleterms") for word, pages in index[words].items() if pages == []] == []
    assert {"mittelstand", "conduit"} <= {entry.lower() for entry in index["indexentries"]}


# ---------------------------------------------------------------------------------------------------------- a browser
ITEMS = """return [...document.querySelectorAll('#search-results > ul > li')].map(item => ({
  title: item.querySelector('a').textContent, href: item.querySelector('a').href,
  places: [...item.querySelectorAll('.gg-places a')].map(a => [a.textContent, a.getAttribute('href').split('#')[1]]),
  excerpt: item.querySelector('.context')?.textContent,
  marks: [...item.querySelectorAll('mark')].map(m => m.textContent)}))"""


def _found(browser, server: str, query: str) -> list[dict]:
    """What a search shows, once each page found is quoted."""
    from urllib.parse import quote

    from selenium.webdriver.support.ui import WebDriverWait

    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.get(f"{server}/search.html?q={quote(query)}")
    WebDriverWait(browser, 20, 0.05).until(lambda driver: driver.execute_script(
        "return document.querySelector('.search-summary')?.textContent"))
    return WebDriverWait(browser, 20, 0.05).until(lambda driver: (
        found := driver.execute_script(ITEMS), all(item["excerpt"] for item in found[:3]))[1] and found)


@pytest.mark.site
@pytest.mark.browser
def test_japanese_compounds_are_found_where_they_stand(browser, server):
    for word in ("企業", "空洞化"):
        pages = [page for page in contents() if word in (SITE / f"{page}.html").read_text(encoding="utf-8")]
        found = _found(browser, server, word)
        assert {item["href"].split("/book/")[1].split(".html")[0] for item in found} <= {
            page.removeprefix("book/") for page in pages}
        assert {"book/ja", "book/appendix/glossary"} <= set(pages)
        assert len(found) >= 3
        assert found[0]["marks"][0] == word
        cut = browser.execute_script("return splitQuery(arguments[0])", word)
        assert set(cut) <= set(search.Words({}).split(word)), "a question is cut as the pages are"


@pytest.mark.site
@pytest.mark.browser
def test_terms_and_titles_come_first(browser, server):
    found = _found(browser, server, "conduit")
    assert re.fullmatch(r"[A-Z]\. Glossary", found[0]["title"])
    assert found[0]["places"] == [["conduit", "term-conduit"]]
    assert "Barriers" in _found(browser, server, "barriers")[0]["title"]


@pytest.mark.site
@pytest.mark.browser
def test_a_result_opens_at_the_place_with_the_words_marked(browser, server):
    from selenium.webdriver.support.ui import WebDriverWait

    (item,) = [item for item in _found(browser, server, "hollowing-out fear") if "/introduction.html" in item["href"]]
    assert {"hollowing", "fear"} <= {mark.lower() for mark in item["marks"]}
    browser.get(item["href"])
    shown = """const first = [...document.querySelectorAll('main mark')].map(m => m.getBoundingClientRect());
        return [first.length, first.some(box => box.top > 60 && box.bottom < innerHeight), scrollY > 200,
                document.querySelectorAll('pre mark, svg mark, code mark').length]"""
    count, on_screen, moved, in_code = WebDriverWait(browser, 20, 0.05).until(
        lambda driver: (seen := driver.execute_script(shown))[1] and seen)
    assert (count > 1, on_screen, moved, in_code) == (True, True, True, 0)
    browser.get(item["href"].partition("?")[0])
    assert browser.execute_script("return document.querySelectorAll('mark').length") == 0


@pytest.mark.site
@pytest.mark.browser
def test_arrow_keys_turn_pages_but_not_where_they_move_something_else(browser, server):
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    def press(*keys: str) -> None:
        browser.switch_to.active_element.send_keys(*keys)

    def at(page: str) -> bool:
        return WebDriverWait(browser, 20, 0.05).until(lambda driver: driver.current_url == f"{server}/{page}.html")

    pages = contents()
    browser.get(f"{server}/{pages[-2]}.html")
    press(Keys.CONTROL, Keys.ARROW_RIGHT)
    browser.execute_script("document.querySelector('.gg-search input').focus()")
    press(Keys.ARROW_LEFT)
    assert at(pages[-2])
    browser.execute_script("document.activeElement.blur()")
    press(Keys.ARROW_RIGHT)
    assert at(pages[-1])
    press(Keys.ARROW_RIGHT)  # the last page has no next one
    press(Keys.ARROW_LEFT)
    assert at(pages[-2])
