"""What pages say of themselves: whole sentences, their own, without markup."""

from __future__ import annotations

import pytest
from docutils import nodes
from docutils.utils import new_document
from pages import OWN_PAGES, soup

from goingglobal.sphinx.taking import preview


def tree(*paragraphs: nodes.Node) -> nodes.document:
    document = new_document("x")
    document += nodes.section("", nodes.title("", "A title"), *paragraphs)
    return document


LONG = "This is a first sentence that is long enough to be taken for prose."


@pytest.mark.parametrize(("text", "told"), [
    ("One. Two.", "One. Two."),
    ("See Fig. 1 on p. 5 for it. Two.", "See Fig. 1 on p. 5 for it. Two."),
    ("A" * 290 + ". Too long to stand beside it.", "A" * 290 + "."),
    ("word " * 70, " ".join(["word"] * 60) + " …"),
    ("一つ目。" + "二" * 400 + "。", "一つ目。"),
])  # fmt: skip
def test_whole_sentences(text, told):
    assert preview.whole_sentences(text.strip()) == told
    assert len(told) <= preview.LONGEST + 2


def test_a_page_says_its_answer_and_else_its_first_prose():
    question, answer = nodes.paragraph("", "Question. " + LONG), nodes.paragraph("", "Answer. Not in these figures.")
    assert preview.description(tree(question, answer)) == "Not in these figures."
    links = nodes.paragraph("", "", nodes.reference("", "A long link to another page, in another language altogether"))
    figure = nodes.figure("", nodes.caption("", LONG), nodes.legend("", nodes.paragraph("", LONG + " In a figure.")))
    raw = nodes.raw("", "<b>", format="html")
    assert preview.description(tree(links, figure, nodes.paragraph("", "", raw, nodes.Text(LONG)))) == LONG
    assert preview.description(tree(links, nodes.paragraph("", "A first page."))) == "A first page."
    assert preview.description(tree(links)) == preview.description(tree()) == ""


@pytest.mark.site
def test_every_page_has_a_title_and_a_description_of_its_own():
    told = {page: soup(page).find("meta", attrs={"name": "description"})["content"] for page in OWN_PAGES}
    assert {page: words for page, words in told.items() if not 40 <= len(words) <= preview.LONGEST + 2} == {}
    assert {page: words for page, words in told.items() if not words.rstrip("”").endswith((".", "。", "…"))} == {}
    assert [words for words in told.values() if "<" in words or "{" in words or "  " in words] == []
    assert len(set(told.values())) == len(OWN_PAGES)
    titles = [soup(page).title.get_text().strip() for page in OWN_PAGES]
    assert all(titles)
    assert len(set(titles)) == len(OWN_PAGES)
