"""Two verdicts, on the wording and on cause and effect, each with a shape that doesn't rest on colour."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pages
import pytest
from conftest import ROOT

from goingglobal import load
from goingglobal.sphinx import registry
from goingglobal.sphinx.reading import roles

SHAPE = re.compile(r'td \.gg-is-([a-z-]+)::before \{ content: "(.)";')


def shapes(sheet: str) -> dict[str, str]:
    return dict(SHAPE.findall((ROOT / "book" / "_static" / sheet).read_text(encoding="utf-8")))


@pytest.mark.parametrize("sheet", ["book.css", "ebook.css"])
def test_every_verdict_has_a_shape(sheet):
    found = shapes(sheet)
    told = {*load("claims")["verdict"], *roles.CAUSAL}
    assert set(found) == {verdict.replace(" ", "-") for verdict in told}
    unread = {"not-checkable", "damaged-text"}  # alike: neither could be checked
    others = [shape for verdict, shape in found.items() if verdict not in unread]
    assert len(set(others)) == len(others)


@pytest.mark.parametrize(("words", "fault"), [
    ("not identified", ""), ("not asked", ""), ("proven", "'proven' is no verdict on cause and effect; known are")])
def test_other_words_on_cause_and_effect_are_a_fault(words, fault):
    page = SimpleNamespace(faults=[])
    role = roles.Causal()
    role.text, role.inliner = words, SimpleNamespace(document=SimpleNamespace(settings=SimpleNamespace(env=None)))
    before, registry.page = registry.page, lambda env: page
    try:
        (node,), _ = role.run()
    finally:
        registry.page = before
    assert node["classes"] == ["gg-causal", "gg-is-" + words.replace(" ", "-")]
    assert [fault in said for said in page.faults] == ([True] if fault else [])


@pytest.mark.site
@pytest.mark.browser
def test_the_scoreboard_has_two_columns_of_verdicts_with_their_shapes(browser, server):
    browser.get(f"{server}/book/conclusion.html")
    rows = browser.execute_script("""
      const table = document.querySelector('#the-scoreboard table');
      return [...table.tBodies[0].rows].map(row => [2, 3].map(place => {
        const verdict = row.cells[place].querySelector('.gg-verdict, .gg-causal');
        return [verdict.textContent, getComputedStyle(verdict, '::before').content]; }));""")
    assert len(rows) >= 12
    book = shapes("book.css")
    for wording, cause in rows:
        assert wording[0] in set(load("claims")["verdict"])
        assert cause[0] in roles.CAUSAL
        for words, content in (wording, cause):
            assert content.startswith(f'"{book[words.replace(" ", "-")]}"')
    assert {cause[0] for _, cause in rows} == set(roles.CAUSAL)


@pytest.mark.site
def test_columns_of_ids_are_quiet():
    table = pages.soup("book/appendix/claims.html").find(id="tab-claims")
    heads = [cell.get_text(strip=True) for cell in table.select("thead th")]
    assert heads[-2:] == ["Evidence", "Claim"]
    assert heads[0] == "Wording"
    assert all("gg-id" in cell["class"] for row in table.select("tbody tr") for cell in row.find_all(["td", "th"])[-2:])
