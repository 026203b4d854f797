"""The literature appendix: every finding addressed, every study citable, the typed counts those of the table."""

from __future__ import annotations

import json
import re
from collections import Counter

import pandas as pd
import pytest
from conftest import ROOT
from pybtex.database import parse_file

from goingglobal import load, samples

PAGE = ROOT / "book" / "appendix" / "literature.ipynb"
# Words by which a note in references.bib says that a detail is not known; "In Japanese" or a later version are none.
UNSURE = re.compile(r"not shown|from memory|first page only|read through|as summarised|probably", re.I)
@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return load("literature")


@pytest.fixture(scope="module")
def headcount(table) -> pd.DataFrame:
    return samples.findings(table)


@pytest.fixture(scope="module")
def entries() -> dict:
    return parse_file(ROOT / "book" / "references.bib").entries


@pytest.fixture(scope="module")
def cells() -> dict[str, str]:
    return {c["id"]: "".join(c["source"]) for c in json.loads(PAGE.read_text(encoding="utf-8"))["cells"]}


# ------------------------------------------------------------------------------------------ studies and their keys
def test_every_study_is_in_the_references(table, entries):
    assert sorted(set(table["study_key"]) - set(entries)) == []


def test_references_name_the_years_of_the_table(table, entries):
    years = table.dropna(subset=["publication_year"]).drop_duplicates("study_key").set_index("study_key")
    wrong = {key: (int(year), entries[key].fields.get("year")) for key, year in years["publication_year"].items()
             if entries[key].fields.get("year") != str(int(year))}  # fmt: skip
    assert wrong == {}


def test_references_name_the_first_author_of_the_table(table, entries):
    for row in table.drop_duplicates("study_key").itertuples():
        first = row.authors.split(";")[0].split(",")[0].strip()
        names = " ".join(str(person) for person in entries[row.study_key].persons["author"])
        names = names.replace("{", "").replace("}", "")
        assert first.split("(")[0].strip() in names, row.study_key


def test_bibliography_cites_every_study_and_no_other_in_the_silent_list(table):
    text = (ROOT / "book" / "appendix" / "bibliography.md").read_text(encoding="utf-8")
    silent = re.search(r"\{cite:empty\}`([^`]+)`", text)[1].split(",")
    assert Counter(silent) == Counter(set(table["study_key"]))


def test_page_lists_exactly_the_references_that_are_unsure(table, entries, cells):
    unsure = {key for key in set(table["study_key"]) if UNSURE.search(entries[key].fields.get("note", ""))}
    listed = re.findall(r"\{cite:t\}`([^`]+)`", cells["literature-references"])
    assert Counter(listed) == Counter(unsure)


def test_page_offers_the_references(cells):
    targets = re.findall(r"\{download\}`[^<`]*<([^>]+)>`", "".join(cells.values()))
    assert targets
    assert all((PAGE.parent / target).resolve() == ROOT / "book" / "references.bib" for target in targets)


# --------------------------------------------------------------------------------------------------- every finding
def test_finding_ids_are_unique_and_fit_an_address(table):
    ids = table["finding_id"]
    assert ids.is_unique
    assert ids.str.lower().is_unique
    assert ids.str.fullmatch(r"[a-z][a-z0-9_]*__\d+").all()
    assert (ids.str.rsplit("__", n=1).str[0] == table["study_key"]).all()


def test_page_anchors_all_findings_and_offers_all_columns(cells):
    call = cells["literature-table"]
    assert 'anchor="Finding"' in call
    assert '"Finding": table["finding_id"]' in call
    assert "data=table" in call, "the CSV holds the whole table, with the address read"


def test_anchored_example_on_the_page_exists(table, cells):
    named = re.findall(r"literature\.html#(\w+)", "".join(cells.values()))
    assert named
    assert set(named) <= set(table["finding_id"])


def test_numbers_in_the_alt_text_are_the_counts(table, headcount, cells):
    """The alt text of the bars is typed: it must say what is drawn."""
    alt = "".join(re.findall(r'"([^"]*)"', re.search(r"alt=(.*?),\n    data=", cells["literature-fig-signs"], re.S)[1]))
    for words, by, group in (("Not split", "destination", "All, not split"), ("Low-wage", "destination", "Low-wage"),
                             ("High-wage", "destination", "High-wage"), ("Japan", "country", "Japan"),
                             ("Germany", "country", "Germany"), ("Small firms", "size", "Small firms")):  # fmt: skip
        row = samples.votes(headcount, by).set_index("group").loc[group]
        assert f"{words}: {row['negative']}, {row['neither']} and {row['positive']}" in alt
