"""Each page as plain Markdown, and their list: numbers filled in, nothing of the book's own markup, sound links."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from conftest import SITE
from pages import OWN_PAGES, dead, exhibits, results, soup

pytestmark = pytest.mark.site

TEXTS = {page: page.replace(".html", ".md") for page in OWN_PAGES}


def text(page: str) -> str:
    return (SITE / TEXTS[page]).read_text(encoding="utf-8")


def prose(page: str) -> str:
    """Without code, in which braces and the like are code."""
    return re.sub(r"(?ms)^(> )*(`{3,}).*?^(> )*\2$|`[^`\n]+`|\$\$.*?\$\$|\$[^$\n]+\$", "", text(page))


@pytest.mark.parametrize("page", OWN_PAGES)
def test_page_is_plain_markdown(page):
    assert text(page).startswith(("# ", "<")), "its title comes first"
    assert re.findall(r"\{[a-z-]+\}|^:{3,}.*|^\([\w-]+\)=$", prose(page), re.M) == []
    assert "data:image" not in text(page)
    assert soup(page).head.find("link", type="text/markdown")["href"] == TEXTS[page].rpartition("/")[2]


@pytest.mark.parametrize("page", OWN_PAGES)
def test_numbers_of_the_page_stand_in_its_text(page):
    said = text(page)
    for link in soup(page).select("article p a.gg-result"):
        assert link.get_text() in said, link["data-card"]
    for label, record in exhibits().items():
        if f"{record['page']}.html" == page:
            assert f"**{record['number']}.** {record['caption']}" in said, label


def test_glossary_and_list_of_exhibits_are_written_out():
    glossary = text("book/appendix/glossary.html")
    terms = dict(re.findall(r"^\*\*(.+?)\*\*: (.+)$", glossary, re.M))
    assert terms["two-way clusters; two-way clustering"].startswith("二方向クラスタリング; Zwei-Wege-Clusterung. ")
    assert len(terms) > 80
    listed = text("book/appendix/exhibits.html")
    assert len(re.findall(r"^- \[", listed, re.M)) == len(exhibits())


@pytest.mark.parametrize("page", OWN_PAGES)
def test_links_of_the_text_lead_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)", prose(page))
    assert links
    assert [fault for link in links if not urlsplit(link).scheme and (fault := dead(page, link))] == []


def test_the_list_names_every_page_with_its_sentence():
    listed = (SITE / "llms.txt").read_text(encoding="utf-8")
    links = re.findall(r"^- \[(.+?)\]\((.+?)\)(?:: (.+))?$", listed, re.M)
    assert [address for _, address, _ in links[:len(OWN_PAGES)]] == [TEXTS[page] for page in OWN_PAGES]
    assert all((SITE / address).is_file() for _, address, _ in links)
    told = {address: words for _, address, words in links}
    for page, name in TEXTS.items():
        assert told[name] == soup(page).find("meta", attrs={"name": "description"})["content"]
    assert results()["jobs/percent/lower"]["text"] in listed.split("## Chapters")[0]
