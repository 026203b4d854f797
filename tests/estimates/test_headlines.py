"""`replication/headlines.R`, a second program from the CSV files up; and the lines beside each other in the methods."""

from __future__ import annotations

import ast
import csv
import json
import re
import shutil
import subprocess
from pathlib import Path

import diff_diff
import pytest
from conftest import ROOT, SITE

from goingglobal import load, models, samples

R, STATA = ROOT / "replication" / "headlines.R", ROOT / "replication" / "headlines.do"
PRIMARY = {"jobs/starters/lower", "jobs/starters/upper", "group/starters/le300", "group/stoppers/all",
           "both/us_parents/year", "both/eu_industry/main"}  # fmt: skip
HEADLINES = {  # at least one of each chapter's first box
    "jobs/starters/interval_low", "firm/starters_share10/parent", "barriers/raw_difference_complete/parent",
    "barriers/ipw_att/parent", "support/rd_parent_growth_corrected/chosen", "both/us_parents_hosts/low_wage",
}  # fmt: skip
# Compared, but not to a millionth: medians, where several slopes fit equally well.
ROUGHLY = {"firm/longdiff_median/parent": 1e-2, "firm/longdiff_median/group": 1e-2}
ERRORS_APART = {"barriers/ipw_att/parent", "barriers/ipw_att/group", "barriers/spec/group_size/ipw_att/parent"}
PACKAGES = ("sandwich", "lmtest", "plm", "quantreg")


def rscript() -> str:
    """R with its packages; a test without them is skipped."""
    found = shutil.which("Rscript")
    lacks = "R is not on the PATH" if not found else ""
    if found:
        asked = "; ".join(f"if (!requireNamespace('{name}', quietly = TRUE)) cat('{name} ')" for name in PACKAGES)
        missing = subprocess.run([found, "-e", asked], capture_output=True, text=True, check=False).stdout.split()
        lacks = f"R lacks {', '.join(missing)}" if missing else ""
    if lacks:
        words = f"{lacks}: apt-get install r-base-core {' '.join(f'r-cran-{name}' for name in PACKAGES)}"
        pytest.skip(words)
    return found


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run([rscript(), R, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False)


# ------------------------------------------------------------------------------------------------------------ numbers
@pytest.mark.environments
@pytest.mark.site
def test_r_gives_the_numbers_of_the_site(tmp_path):
    done = run(ROOT / "data", "out.csv", "samples", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out.csv").open(encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    book = json.loads((SITE / "results.json").read_text(encoding="utf-8"))
    with models.noting():
        panel = samples.jobs_in_japan(load("firm_panel"), load("group_panel"), "lower")
        imputed = diff_diff.ImputationDiD(aux_partition="cohort", leave_one_out=True).fit(
            panel[panel.duplicated("edinet_code", keep=False)], outcome="y", unit="edinet_code", time="year",
            first_treat="first_fdi")  # fmt: skip
    book["imputation/jobs/lower"] = {"value": imputed.overall_att, "se": imputed.overall_se, "n": 3564}
    assert len(rows) > 70
    assert {*PRIMARY, *HEADLINES} <= set(rows) <= set(book)
    assert {key for key in book if key.startswith("primary/")} <= set(rows)
    apart = []
    for key, row in rows.items():
        theirs = {part: None if row[part] == "NA" else float(row[part]) for part in ("value", "se", "n")}
        known = {"all": 1e-6, "value": 1e-6, "roughly": ROUGHLY.get(key, 0)}[row["compared"]]
        if abs(theirs["value"] - book[key]["value"]) > known:
            apart.append((key, theirs["value"], book[key]["value"]))
        if row["compared"] == "all" and (theirs["se"] is None) != (book[key]["se"] is None):
            apart.append((key, "one has no error"))
        if None not in (theirs["se"], book[key]["se"]) and abs(theirs["se"] - book[key]["se"]) > 1e-6:
            apart.append((key, "error", theirs["se"], book[key]["se"]))
        if theirs["n"] is not None and theirs["n"] != book[key]["n"]:
            apart.append((key, "n", theirs["n"], book[key]["n"]))
    assert apart == []
    assert {key for key, row in rows.items() if row["compared"] == "roughly"} == set(ROUGHLY)
    assert {key for key, row in rows.items() if row["compared"] == "value"} == ERRORS_APART
    written = {path.stem for path in (tmp_path / "samples").glob("*.csv")}
    assert written == set(re.findall(r"`samples'/(\w+)\.csv", STATA.read_text(encoding="utf-8")))
    assert "vcovCL: nested effects count" in done.stdout


@pytest.mark.environments
@pytest.mark.parametrize(("change", "words"), [
    (lambda data: (data / "group_panel.csv").unlink(), "group_panel.csv is not there: name the folder"),
    (lambda data: edit(data / "firm_panel.csv", "ifrs_ever", "ifrs"), "firm_panel.csv: no column ifrs_ever"),
    (lambda data: edit(data / "us_multinationals.csv", "7765.8", "many"),
     'us_multinationals.csv, row 2, column employees_thousands: "many" is no number'),
    (lambda data: edit(data / "country_panel.csv", "AUS,Australia,1971", "AUS,Australia,1970"),
     "country_panel.csv, row 3: iso3, year stand there twice"),
])  # fmt: skip
def test_r_says_what_is_wrong_with_a_table_and_writes_nothing(tmp_path, change, words):
    shutil.copytree(ROOT / "data", tmp_path / "data", ignore=shutil.ignore_patterns("build"))
    change(tmp_path / "data")
    done = run("data", "out.csv", cwd=tmp_path)
    assert done.returncode == 1
    assert words in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


# -------------------------------------------------------------------------------------------------------------- words
def sections() -> dict[str, list[tuple[str, str, str]]]:
    """Heading → label, language and code of each tab under it, of the page on methods."""
    text = (ROOT / "book" / "appendix" / "methods.md").read_text(encoding="utf-8")
    tab = re.compile(r"^:::\{tab-item\} ([^\n]+)\n:sync: \w+\n```(\w+)\n(.*?)\n```\n:::$", re.M | re.S)
    return {part.partition("\n")[0]: tab.findall(part) for part in text.split("\n## ")[1:]}


def lines(code: str) -> list[str]:
    return [" ".join(line.split()) for line in code.splitlines()]


def test_every_estimator_has_its_line_in_three_languages():
    without = {name for name, tabs in sections().items() if not tabs}
    assert without == {  # no estimator of their own: a simulation, sums for a database, and the rest of the page
        "Minimum detectable effects by shuffling", "Two-way effects and long differences from aggregates",
        "Samples and definitions", "Choices the definitions leave open",
    }  # fmt: skip
    for name, tabs in sections().items():
        if tabs:
            assert [language for _, language, _ in tabs] == ["python", "r", "stata"], name
            assert tabs[0][0] == "Python"
            assert re.fullmatch(r"R \((.* )?(not )?run by our tests\)", tabs[1][0]), name
            assert tabs[2][0] == "Stata (not run by our tests)", name
            ast.parse(tabs[0][2])


def test_what_is_called_run_is_in_the_file_that_is_run():
    """And Stata's lines are in its file, where the same estimate is in R's."""
    there, stata = (set(lines(path.read_text(encoding="utf-8"))) for path in (R, STATA))
    run_by_tests = {name: tabs for name, tabs in sections().items() if tabs and "not run" not in tabs[1][0]}
    assert len(run_by_tests) > 15
    for name, tabs in run_by_tests.items():
        assert [line for line in lines(tabs[1][2]) if line not in there] == [], name
        if not name.startswith("Named beforehand"):  # Holm's method takes the p-values of several estimates
            assert [line for line in lines(tabs[2][2]) if line not in stata] == [], name
    assert "NOT RUN BY OUR TESTS" in STATA.read_text(encoding="utf-8").splitlines()[2]


@pytest.mark.site
def test_every_number_that_statas_file_names_is_on_the_site():
    """Comments above Stata's lines: `country/oecd38/pwt`, or `jobs/starters/lower, upper, worst`."""
    named = re.findall(r"^\* ((?:\w+/)+\w+)", STATA.read_text(encoding="utf-8"), re.M)
    book = json.loads((SITE / "results.json").read_text(encoding="utf-8"))
    assert len(named) > 25
    assert [name for name in named if name not in book and not any(key.startswith(f"{name}/") for key in book)] == []
