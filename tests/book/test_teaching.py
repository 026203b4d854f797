"""The teaching guide and the page for students: times and marks that add up, an edition to be got, true numbers."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup, Tag
from conftest import ROOT, SHIPPED
from pages import results, soup

from goingglobal.sphinx.edition import edition
from goingglobal.sphinx.taking import citing

GUIDE, READING = "book/appendix/teaching.html", "book/appendix/regression-tables.html"
pytestmark = pytest.mark.site


def page(name: str) -> BeautifulSoup:
    return soup(name)


def heading(tag: Tag) -> str:
    return tag.get_text().rstrip("#").strip()


def section(words: str) -> Tag:
    return next(h for h in page(GUIDE).select("article h2, article h3") if words in heading(h)).parent


def column(table: Tag, place: int, unit: str) -> list[int]:
    """The numbers that stand before a unit in a column of a table."""
    cells = [row.find_all(["th", "td"])[place].get_text() for row in table.select("tbody tr")]
    found = [re.search(rf"(\d+) {unit}\b", cell) for cell in cells]
    assert all(found), cells
    return [int(match[1]) for match in found]


def stated(words: str, unit: str) -> int:
    return int(re.search(rf"(\d+) {unit}", words)[1])


# ----------------------------------------------------------------------------------------------------- the courses
def test_minutes_of_the_lecture_add_up():
    lecture = section("One lecture")
    assert sum(column(lecture.table, 0, "min")) == stated(heading(lecture.h2), "min") == 90


def test_minutes_of_each_session_add_up():
    block = section("Two weeks")
    sessions = block.select("section")
    assert len(sessions) == 4
    assert f"four sessions of {stated(heading(block.h2), 'min')} min" in heading(block.h2)
    for session in sessions:
        assert sum(column(session.table, 0, "min")) == stated(heading(block.h2), "min"), heading(session.h3)


def test_hours_of_the_project_add_up():
    project = section("term project")
    assert sum(column(project.table, 1, "hours")) == stated(heading(project.h2), "hours")


@pytest.mark.parametrize("course", ["One lecture", "Two weeks", "term project"])
def test_course_has_goals_times_and_something_to_hand_in(course):
    words = section(course).get_text()
    assert re.search(r"Goals?[:.]", words)
    assert "hand in" in words
    assert section(course).select("table")


def test_plans_link_slides_that_are_there():
    links = [a["href"].partition("#") for a in page(GUIDE).select('a[href*="/slides/"][href*="#"]')]
    assert {path for path, _, _ in links} == {f"../../slides/{name}.html" for name in (
        "introduction", "sme-role", "barriers", "support-programs", "conclusion")}  # fmt: skip
    for path, _, anchor in links:
        assert page(path.removeprefix("../../")).find("section", id=anchor), (path, anchor)


@pytest.mark.parametrize("course", ["One lecture", "First session", "Second session", "Third session"])
def test_rows_of_a_plan_lead_into_the_decks(course):
    rows = section(course).table.select("tbody tr")
    linked = [row for row in rows if row.select('a[href*="#slide-"]')]
    assert len(linked) >= len(rows) - 1, course


def test_slide_that_is_linked_shows_what_its_row_names():
    """A figure or table named in a row of a plan stands on one of the slides that the row links."""
    checked = 0
    for row in page(GUIDE).select("table tr:has(a[href*='#slide-'])"):
        named = re.findall(r"(?:Fig\.|Table) \d\.\d+", row.find_all("td")[-2].get_text())
        named = [words.replace("Fig.", "Figure") for words in named]
        shown = [page(path.removeprefix("../../")).find("section", id=anchor).get_text()
                 for path, _, anchor in (a["href"].partition("#") for a in row.select('a[href*="#slide-"]'))]
        for words in named:
            assert any(re.search(rf"{re.escape(words)}\b", text) for text in shown), words
            checked += 1
    assert checked >= 6


def test_every_chapter_is_discussed():
    links = {link["href"].rpartition("/")[2] for link in section("Questions to discuss").select("p > strong a")}
    assert links == {f"{name}.html" for name in (
        "introduction", "sme-role", "barriers", "support-programs", "conclusion")}  # fmt: skip
    for paragraph in section("Questions to discuss").select("p"):
        assert paragraph.get_text().count("?") >= 3


def test_exercises_that_the_guide_links_are_there():
    links = [a["href"] for a in page(GUIDE).select('a[href$="#exercises"]')]
    assert {f"../{name}.html#exercises" for name in SHIPPED} <= set(links)  # test_site tests the anchors of all links


# ------------------------------------------------------------------------------------------------------- the marks
def test_marks_of_the_long_scheme_add_up():
    scheme = section("Marking scheme")
    promised = [int(n) for n in re.findall(r"(\d+) marks:", " ".join(
        p.get_text() for p in scheme.find_all("p", recursive=False)))]  # fmt: skip
    assert sum(column(scheme.table, 0, "marks")) == promised[-1] == 100


def test_levels_leave_no_mark_out():
    table = section("Marking scheme").table
    for row in table.select("tbody tr"):
        first, *levels = [cell.get_text() for cell in row.find_all(["th", "td"])]
        spans = [tuple(map(int, re.search(r"(\d+)–(\d+) marks", level).groups())) for level in levels]
        covered = [mark for low, high in spans for mark in range(high, low - 1, -1)]
        assert covered == list(range(stated(first, "marks"), -1, -1)), first


def test_marks_of_the_short_scheme_add_up():
    words = section("Marking scheme").find("p").get_text()
    parts, total = words.split("Together")
    assert sum(map(int, re.findall(r"(\d+) marks", parts))) == stated(total, "marks")


# --------------------------------------------------------------------------------------------------------- the edition
def test_syllabus_names_the_edition():
    facts = edition(ROOT)
    snippets = [pre.get_text() for pre in section("In your syllabus").select("pre")]
    assert len(snippets) == 3
    shown = page(GUIDE).select_one(".gg-foot").get_text()
    for text in snippets[:2]:
        assert facts["title"] in text
        assert f"Version {facts['version']}" in text
        date, commit = re.search(r" of (\d{4}-\d\d-\d\d)(?:, commit ([0-9a-f]{40}))?", text).groups()
        assert date in shown
        assert commit is None or commit[:7] in shown
        assert commit is None or f"git checkout {commit}\n" in snippets[2]
    assert section("In your syllabus").select_one('a[href$="cite/book.bib"]')


FACTS = {"book": "A Book",
         "title": "A Book: on things", "authors": [{"literal": "Somebody"}], "version": "1.2.3", "date": "2030-01-02",
         "commit": "a" * 40 + " with local changes", "commit_short": "aaaaaaa with local changes",
         "data_vintage": "2029-12-31"}  # fmt: skip


def test_snippets_with_an_address_and_changed_files():
    plain, markdown, shell = citing.syllabus(citing.Work(FACTS, "book", "", "https://example.org/b/")).values()
    assert plain.startswith("Somebody (2030). A Book: on things. Version 1.2.3 of 2030-01-02, commit aaaa")
    assert "<https://example.org/b/>" in markdown
    assert "*A Book: on things*" in markdown
    assert shell == f"git checkout {'a' * 40}\nmake book\n"


def test_snippets_without_address_and_commit():
    facts = {**FACTS, "commit": "", "commit_short": ""}
    plain, markdown, shell = citing.syllabus(citing.Work(facts, "book")).values()
    assert "commit" not in plain + markdown
    assert "http" not in plain + markdown
    assert shell == "make book\n"


# ------------------------------------------------------------------------------------------------- the student's page
SAME = {"coefficient": "country/no_conduits_controls/pwt", "placebo": "country/placebo_lead/pwt",
        "all": "country/oecd38/pwt", "no_conduits": "country/no_conduits/pwt",
        "log_points": "firm/starters_trim70/group"}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_numbers_are_the_chapters(name):
    here, chapter = results()[f"reading/{name}"], results()[SAME[name]]
    for field in ("text", "n", "groups", "unit"):
        assert here[field] == chapter[field]
    for field in ("value", "se", "ci_low", "ci_high"):
        assert here[field] == pytest.approx(chapter[field], rel=1e-9)


def test_table_is_the_chapters_but_for_its_marks():
    own = page(READING).find(id="tab-reading")
    chapter = page("book/introduction.html").find(id="tab-country")

    def rows(table: Tag) -> list[list[str]]:
        return [[cell.get_text(" ", strip=True) for cell in row.find_all("td")] for row in table.select("tbody tr")]

    heads = [head.get_text(strip=True) for head in chapter.select("thead th")]
    conduits = heads.index("Conduits") - 1  # the first cell of a row is its head
    assert rows(own) == [row[:conduits] + row[conduits + 1:] for row in rows(chapter)[:4]]


def test_each_mark_of_the_table_is_explained_in_order():
    marks = r"[①②③④⑤⑥⑦⑧]"
    table = page(READING).find(id="tab-reading")
    shown = re.findall(marks, table.thead.get_text() + table.tbody.get_text())
    told = [re.match(marks, strong.get_text()) for strong in page(READING).select("p > strong:first-child")]
    assert shown == [mark[0] for mark in told if mark] == list("①②③④⑤⑥⑦⑧")


def test_ten_questions_and_folded_answers():
    ten = next(h for h in page(READING).find_all("h2") if "Ten questions" in h.get_text()).parent
    assert len(ten.select("ol > li")) == 10
    answers = page(READING).select("details.gg-fold")
    assert len(answers) >= 4
    for answer in answers:
        assert not answer.has_attr("open")
        assert len(answer.get_text().split()) > 15
        assert "{result}" not in answer.get_text()
