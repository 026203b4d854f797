"""Beside each exhibit: its data, its code and how to cite it; the list of all exhibits."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import contents
from pages import exhibits, local, soup, those

from goingglobal.sphinx.reading import exhibits as listing

site = pytest.mark.site
PAGES = contents()


def test_calls_are_functions_of_the_library():
    code = "rows = samples.starters(f)\nrows.assign(x=1)\ndata.rename(y)\nexhibits.table(1)\nsamples.starters(g)"
    assert listing.calls(code + "\nmodels.event_study(rows)") == ["samples.starters", "models.event_study"]


@site
@pytest.mark.parametrize("page", PAGES)
def test_exhibit_offers_data_code_and_reference(page):
    lines = [line for line in those(f"{page}.html", ".gg-links") if line.find_parent(class_="gg-exhibit")]
    assert len(lines) == len(those(f"{page}.html", ".gg-exhibit"))
    for line in lines:
        data, *pictures, code = line.find_all("a", recursive=False)
        assert (data.get_text(), code.get_text(), line.summary.get_text()) == ("Data (CSV)", "Code", "Cite")
        label = data["href"].rsplit("/", 1)[1].removesuffix(".csv")
        record = exhibits()[label]
        assert [a.get_text() for a in pictures] == (["SVG", "PNG"] if record["kind"] == "figure" else [])
        assert [Path(a["href"]).name for a in pictures] == [f"{label}.{a.get_text().lower()}" for a in pictures]
        assert local(f"{page}.html", code["href"]) == (f"{record['page']}.html", record["code"])
        assert f"{record['number']} ({label}) of “" in line.details.get_text()
        assert line.find_previous(class_="gg-source")


@site
def test_code_of_an_exhibit_is_the_cell_that_makes_it():
    assert exhibits()
    for label, record in exhibits().items():
        target = those(f"{record['page']}.html", f"#{record['code']}")[0]
        cell = target if "cell" in target["class"] else target.find_parent(class_="cell")
        # The chart of a summary box sums up another exhibit: the code is that one's.
        made = record["code"].removeprefix("code-") if label.startswith("fig-answer-") else label
        assert cell.find(id=made), f"{label}: the anchor is not on its cell"
        assert cell.select_one(".cell_input"), label
        fold = cell.select_one("details.above-input")
        assert target is (cell if fold is None else fold), f"{label}: a link would not open the code"
        stem = made.split("-", 2)[1]
        assert stem in cell.select_one(".cell_input").get_text() or record["calls"], label
        caption = those(f"{record['page']}.html", f"#{label}")[0].select_one(".caption-number").get_text()
        assert record["number"].split()[1] in caption


@site
def test_list_of_exhibits_is_whole():
    page = "book/appendix/exhibits.html"
    rows = soup(page).select(".gg-exhibits-list tbody tr")
    made = {}
    for row in rows:
        number, finding, where, tables, code, data = row.find_all(["th", "td"])
        file, label = local(page, finding.a["href"])
        record = exhibits()[label]
        made[label] = (number.get_text(), finding.get_text(), file, [a.get_text() for a in tables.find_all("a")])
        assert made[label] == (record["number"], record["caption"], f"{record['page']}.html", record["tables"])
        assert where.get_text().strip()
        assert local(page, code.a["href"]) == (f"{record['page']}.html", record["code"])
        assert [name.get_text() for name in code.find_all("code")] == record["calls"]
        assert local(page, data.a["href"])[0] == record["csv"]
    assert set(made) == set(exhibits())
    order = [PAGES.index(file.removesuffix(".html")) for _, _, file, _ in made.values()]
    assert order == sorted(order)


def _code(driver, server: str) -> tuple[bool, float, bool]:
    """Follow the link to an exhibit's code: is the fold open, where on the screen is it, is the code seen?"""
    driver.get("about:blank")
    still = {"name": "prefers-reduced-motion", "value": "reduce"}  # no smooth scrolling to wait for
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [still]})
    driver.get(f"{server}/book/introduction.html#code-fig-conduits")
    return tuple(driver.execute_script("""const fold = document.getElementById('code-fig-conduits');
        return [fold.open, fold.getBoundingClientRect().top, fold.querySelector('pre').checkVisibility()]"""))


@site
@pytest.mark.browser
def test_link_to_code_opens_it(browser, server):
    opened, top, seen = _code(browser, server)
    assert (opened, seen) == (True, True)
    assert 0 < top < 600


@site
@pytest.mark.browser
def test_link_to_code_lands_without_scripts(plain_browser, server):
    opened, top, _ = _code(plain_browser, server)
    assert not opened
    assert 0 < top < 600
