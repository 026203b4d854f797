"""The build, on a small book in a copy of the repository: what must stop it, what must not survive it, what is kept.

One copy lives through a good build, a rebuild, a changed figure, a changed function, a changed cell and a failure;
others fail at once. Both lines start with the first test that asks and run beside each other, a step after the other.
"""

from __future__ import annotations

import re
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from conftest import ROOT
from small_book import ALPHA, BETA, INDEX, QUOTE, Book, Built, copy_of_repository
from sphinx.errors import ExtensionError

from goingglobal.sphinx import build, registry

FAULTS = """\
# Delta

{result}`tiny/nothing`, {claim}`C999`, {fact}`F9999`, {claim}`18 % <C012>`, {fact}`98.2 <F0087>`

```{exhibit} fig-nothing
```
"""
LEDGER = """\
from goingglobal import exhibits, ledger, load
claims = ledger.audited_claims(load("claims"), load("official_figures"), load("literature"))
shown = claims[["claim_id", "evidence"]]
exhibits.table("tab-ledger", shown, caption="Ledger.", tables=["claims"], quotes=["evidence"])"""
REPORT = 'from goingglobal.results import report\nreport("{}", {}, "d", unit="count")'


# One fault in the ledger of claims at a time: table, row, field, what it is changed to; and what the build must say.
BROKEN = {
    "verdict": ("claims", {"claim_id": "C012"}, "evidence", ""),
    "evidence": ("claims", {"claim_id": "C012"}, "evidence", "F9999 F0428"),
    "figure": ("official_figures", {"fact_id": "F0065"}, "number", "74.4"),
}
SAID = {
    "verdict": "row C012, field 'verdict': contradicted without evidence",
    "evidence": "row C012, field 'verdict': evidence 'F9999' does not exist",
    "figure": "row C044, field 'verdict': confirmed, but 71 against 74.4 (F0065), tolerance 0.5",
}


# -------------------------------------------------------------------------------------------------- the two lines
def good_line(book: Book) -> dict[str, Built | tuple]:
    steps: dict[str, Built | tuple] = {"first": book.build(), "again": book.build()}
    book.set_cell("country_panel", {"iso3": "JPN", "year": "2013"}, "exports_pct_gdp", "12.34")
    steps["unsealed"] = book.run("goingglobal.data", "check")
    steps["seal"] = book.run("goingglobal.data", "seal", "country_panel")
    steps["figure"] = book.build()
    with (book.root / "src" / "goingglobal" / "samples" / "__init__.py").open("a", encoding="utf-8") as library:
        library.write("TINY = 40 + 2\n")
    steps["library"] = book.build()
    book.page("alpha", "# Alpha", ALPHA.replace('"tiny/typed", 5', '"tiny/typed", 6'))
    (book.root / "book" / "gone.md").unlink()
    book.contents("alpha", "beta")
    steps["cell"] = book.build()
    book.page("index", INDEX + "\nAnd {result}`tiny/nothing`.\n")
    steps["failure"] = book.build()
    return steps


def bad_line(book: Book) -> dict[str, Built | tuple]:
    steps: dict[str, Built | tuple] = {}
    row = book.set_cell("industry_japan_continuing", {}, "employees", "-5")
    steps["table"] = (book.build(), row)
    name = "industry_japan_continuing.csv"
    shutil.copy2(ROOT / "data" / name, book.root / "data" / name)
    book.page("beta", QUOTE, BETA, 'raise ValueError("this cell is meant to fail")')
    steps["cell"] = book.build()
    book.page("beta", "# Beta", REPORT.format("tiny/shared", 1))
    book.page("gamma", "# Gamma", REPORT.format("tiny/shared", 1))
    book.page("delta", FAULTS)
    book.contents("alpha", "beta", "gamma", "delta")
    steps["records"] = book.build()
    book.page("ledger", "# Ledger", LEDGER)
    book.contents("alpha", "ledger")
    steps["ledger"] = book.build()  # sound, but this small book has none of the results that it names
    package = book.root / "data" / "datapackage.json"
    sealed = package.read_bytes()
    for name, (table, wanted, column, value) in BROKEN.items():
        book.set_cell(table, wanted, column, value)
        steps[f"seal {name}"] = book.run("goingglobal.data", "seal", table)
        steps[name] = book.build()
        shutil.copy2(ROOT / "data" / f"{table}.csv", book.root / "data" / f"{table}.csv")
        package.write_bytes(sealed)
    return steps


@pytest.fixture(scope="module")
def lines(request, tmp_path_factory):
    """Futures of both lines; a line that no chosen test asks for is not run."""
    asked = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    books = {name: copy_of_repository(tmp_path_factory.mktemp(name)) for name in ("good", "bad") if name in asked}
    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit({"good": good_line, "bad": bad_line}[name], book) for name, book in books.items()}


@pytest.fixture(scope="module")
def good(lines: dict[str, Future]) -> dict:
    return lines["good"].result()


@pytest.fixture(scope="module")
def bad(lines: dict[str, Future]) -> dict:
    return lines["bad"].result()


@pytest.mark.proof
# ----------------------------------------------------------------------------------------------------- good builds
def test_good_build_makes_a_whole_site(good):
    first = good["first"]
    assert first.code == 0, first.said
    assert {"index.html", "book/index.html", "book/alpha.html", "book/beta.html", "results.json"} <= set(first.site)
    assert first.shown == {"tiny/figure": "15.8", "tiny/library": "41", "tiny/typed": "5"}
    assert {key: record["text"] for key, record in first.results.items()} == {**first.shown, "tiny/beta": "2"}
    assert first.runs == ["alpha", "beta"]
    assert "_build/html/index.html" in first.said


@pytest.mark.proof
def test_rebuild_executes_nothing(good):
    first, again = good["first"], good["again"]
    assert again.code == 0, again.said
    assert again.runs == first.runs
    assert again.cache == first.cache
    assert len([name for name in again.cache if name.endswith("base.ipynb")]) == 2
    assert again.shown == first.shown


@pytest.mark.proof
def test_rebuild_gives_the_same_pages(good):
    first, again = good["first"].site, good["again"].site
    assert set(first) == set(again)
    assert [name for name in first if first[name] != again[name] and name.endswith((".html", ".json", ".csv"))] == []


@pytest.mark.proof
def test_changed_figure_must_be_sealed(good):
    code, said = good["unsealed"]
    assert code == 1
    assert "country_panel" in said
    assert good["seal"][0] == 0, good["seal"][1]


@pytest.mark.proof
def test_changed_figure_changes_the_number(good):
    figure = good["figure"]
    assert figure.code == 0, figure.said
    assert figure.shown == {"tiny/figure": "12.3", "tiny/library": "41", "tiny/typed": "5"}
    assert figure.runs.count("alpha") == 2


@pytest.mark.proof
def test_changed_function_changes_the_number(good):
    library = good["library"]
    assert library.code == 0, library.said
    assert library.shown == {"tiny/figure": "12.3", "tiny/library": "42", "tiny/typed": "5"}
    assert library.runs.count("alpha") == 3


@pytest.mark.proof
def test_changed_cell_runs_its_notebook_and_no_other(good):
    """…and a page that quotes the number shows the new one, though it was not touched itself."""
    library, cell = good["library"], good["cell"]
    assert cell.code == 0, cell.said
    assert cell.shown == {"tiny/figure": "12.3", "tiny/library": "42", "tiny/typed": "6"}
    assert (library.shown_by_beta, cell.shown_by_beta) == ({"tiny/typed": "5"}, {"tiny/typed": "6"})
    assert cell.runs.count("alpha") == library.runs.count("alpha") + 1
    assert cell.runs.count("beta") == library.runs.count("beta")


@pytest.mark.proof
def test_removed_page_leaves_the_site(good):
    assert "book/gone.html" in good["library"].site
    assert [name for name in good["cell"].site if "gone" in name] == []


@pytest.mark.proof
def test_failure_leaves_the_good_site_untouched(good):
    cell, failure = good["cell"], good["failure"]
    assert failure.code != 0
    assert "'tiny/nothing'" in failure.said
    assert failure.site == cell.site
    assert "left as it was" in failure.said


@pytest.mark.proof
# ------------------------------------------------------------------------------------------------------ bad builds
def test_damaged_table_stops_the_build(bad):
    built, row = bad["table"]
    assert built.code != 0
    for words in ("'industry_japan_continuing'", "'employees'", f"row {row} ", "'-5'"):
        assert words in built.said
    assert built.site == {}
    assert built.runs == [], "a notebook ran on a table that was not checked"


@pytest.mark.proof
def test_failing_cell_stops_the_build(bad):
    assert bad["cell"].code != 0
    assert "this cell is meant to fail" in bad["cell"].said
    assert "beta" in bad["cell"].said
    assert bad["cell"].site == {}
    assert "none was written" in bad["cell"].said


@pytest.mark.proof
def test_records_that_disagree_stop_the_build(bad):
    assert bad["records"].code != 0
    assert bad["records"].site == {}


@pytest.mark.proof
@pytest.mark.parametrize("words", [
    ["delta", "unknown result id 'tiny/nothing'"], ["delta", "unknown claim id 'C999'"],
    ["delta", "unknown fact id 'F9999'"], ["delta", "unknown exhibit id 'fig-nothing'"],
    ["delta", "claim 'C012'", "18 does not stand in its record"],
    ["delta", "fact 'F0087'", "98.2 does not stand in its record"],
    ["gamma", "'tiny/shared' is already reported by book/beta"],
], ids=lambda words: words[-1])  # fmt: skip
def test_message_names_page_and_id(bad, words):
    lines = bad["records"].said.splitlines()
    assert [line for line in lines if all(part in line for part in words)], bad["records"].said


@pytest.mark.proof
@pytest.mark.parametrize("name", BROKEN)
def test_broken_verdict_evidence_or_figure_stops_the_build(bad, name):
    code, said = bad[f"seal {name}"]
    assert code == 0, said
    assert bad[name].code != 0
    assert SAID[name] in bad[name].said
    assert bad[name].site == {}


@pytest.mark.proof
def test_evidence_that_no_page_reports_stops_the_build(bad):
    assert bad["ledger"].code != 0
    assert "ledger" in bad["ledger"].said
    assert "unknown result id 'support/rd_starting'" in bad["ledger"].said


# Each fault alone is enough (the build above has them all at once).
RESULT = {"id": "tiny/a", "text": "1"}
FIRST = SimpleNamespace(config=SimpleNamespace(root_doc="book/index"))
FAULTY = {
    "'tiny/nothing'": registry.Page(uses=[("result", "tiny/nothing", 3)]),
    "'C999'": registry.Page(uses=[("claim", "C999", 3)]),
    "'F9999'": registry.Page(uses=[("fact", "F9999", 3)]),
    "'fig-nothing'": registry.Page(uses=[("exhibit", "fig-nothing", 3)]),
    "a wrong number": registry.Page(faults=["a wrong number"]),
    "'tiny/a' is already reported": registry.Page(results={"tiny/a": RESULT}),
}


@pytest.mark.parametrize("words", FAULTY)
def test_one_fault_is_enough(words):
    good = registry.Page(results={"tiny/a": RESULT})
    env = SimpleNamespace(goingglobal_pages={"book/good": good, "book/bad": FAULTY[words]}, metadata={})
    with pytest.raises(ExtensionError, match=r"book/bad.*" + words):
        registry._check(FIRST, env)


@pytest.mark.parametrize(("uses", "words"), [
    ([], "book/ja: quotes no result 'tiny/a', as book/index, line 1 does"),
    ([("result", "tiny/a", 4), ("claim", "C012", 5)],
     "book/ja, line 5: quotes claim 'C012', which book/index does not"),
])  # fmt: skip
def test_the_first_page_quotes_the_same_in_every_language(uses, words):
    first = registry.Page(results={"tiny/a": RESULT}, uses=[("result", "tiny/a", 1)])
    env = SimpleNamespace(goingglobal_pages={"book/index": first, "book/ja": registry.Page(uses=uses)},
                          metadata={"book/ja": {"lang": "ja"}})  # fmt: skip
    with pytest.raises(ExtensionError, match=re.escape(words)):
        registry._check(FIRST, env)
    env.goingglobal_pages["book/ja"].uses = [("result", "tiny/a", 9)]
    assert registry._check(FIRST, env) is None


def test_sound_records_pass():
    uses = [("result", "tiny/a", 1), ("claim", "C012", 2), ("fact", "F0088", 3)]
    page = registry.Page(results={"tiny/a": RESULT}, uses=uses)
    assert registry._check(FIRST, SimpleNamespace(goingglobal_pages={"book/good": page}, metadata={})) is None


def test_same_id_twice_on_a_page_is_a_fault():
    page = registry.Page()
    for _ in range(2):
        registry.add(page.results, "tiny/a", RESULT, page, "result")
    assert page.faults == ["result 'tiny/a' stands twice on this page"]


# ----------------------------------------------------------------------------------------------- putting in place
def test_build_needs_a_configuration(tmp_path, capsys):
    assert build.main(tmp_path) == 2
    assert "no _config.yml" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_published_site_replaces_the_last_one_whole(tmp_path):
    built, site = tmp_path / "built", tmp_path / "html"
    for folder, name in ((built, "new.html"), (site, "old.html")):
        folder.mkdir()
        (folder / name).write_text(name)
    build.publish(built, site)
    assert [path.name for path in site.iterdir()] == ["new.html"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["built", "html"]


def test_publishing_starts_afresh_after_a_broken_off_one(tmp_path):
    built, site = tmp_path / "built", tmp_path / "html"
    for folder in (built, tmp_path / "html.new", tmp_path / "html.old"):
        folder.mkdir()
        (folder / f"{folder.name}.txt").write_text("")
    build.publish(built, site)
    assert [path.name for path in site.iterdir()] == ["built.txt"]
