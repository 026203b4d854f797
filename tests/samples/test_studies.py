"""Findings of the literature: studies named, signs kept, votes against a count by hand."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest

from goingglobal import load, samples
from goingglobal.samples import SampleError


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return load("literature")


@pytest.fixture(scope="module")
def headcount(table) -> pd.DataFrame:
    return samples.findings(table)


@pytest.mark.parametrize(("authors", "year", "name"), [
    ("Agnese, Pablo", 2011, "Agnese 2011"), ("Ando, Mitsuyo; Kimura, Fukunari", 2007, "Ando and Kimura 2007"),
    ("Barba Navaretti, Giorgio; Castellani, Davide; Disdier, Anne-Célia", 2010, "Barba Navaretti et al. 2010"),
    ("Knödler, Hermann", float("nan"), "Knödler n.d."), ("(not shown)", 2018, "Author not shown 2018"),
])  # fmt: skip
def test_study_names(authors, year, name):
    frame = pd.DataFrame({"authors": [authors], "publication_year": [year]})
    assert samples.study_names(frame).tolist() == [name]


# ------------------------------------------------------------------------------------------------ findings and votes
def test_findings_keep_signs_and_drop_what_counts_twice(table, headcount):
    assert headcount["sign"].cat.categories.tolist() == ["negative", "neither", "positive"]
    left = table[(table["outcome_class"] == "employment") & table["sign"].isin(["negative", "neither", "positive"])]
    dropped = set(left["finding_id"]) - set(headcount["finding_id"])
    assert set(left.loc[left["method_class"] == "literature survey", "finding_id"]) == dropped
    assert len(samples.findings(table, None)) > len(headcount)
    with pytest.raises(SampleError, match="no rows"):
        samples.findings(table, "happiness")


def test_columns_of_findings_follow_the_table(table, headcount):
    rows = headcount.merge(table, on="finding_id", suffixes=("", "_raw"))
    matched = rows["method_class"].str.startswith(("matching", "IV "))
    for column, flag in {
        "low_wage": rows["destination_class"].str.startswith("low-wage"), "sme": rows["firm_size"].str[:3] == "SME",
        "high_wage": rows["destination_class"] == "high-wage", "design": matched,
        "japan": rows["country_raw"] == "Japan", "germany": rows["country_raw"].isin(["Germany", "Germany; Sweden"]),
        "industry": rows["method_class"] == "industry / regional",
    }.items():
        assert rows[column].tolist() == flag.astype(int).tolist(), column
    assert headcount[["method", "destination", "country", "size"]].notna().all(axis=None)


def test_groups_of_the_whole_table_are_named(table):
    assert table["method_class"].isin(samples.METHODS).all()
    assert set(table["destination_class"]) - set(samples.DESTINATIONS) == {"mixed"}


@pytest.mark.parametrize("by", ["destination", "method", "country", "size", "outcome", "exposure"])
def test_votes_against_a_count_by_hand(table, by):
    frame = samples.findings(table, None)
    single, papers = {}, {}
    for row in frame.itertuples():
        group = getattr(row, by)
        single.setdefault(group, Counter())[str(row.sign)] += 1
        papers.setdefault(group, {}).setdefault(row.study_key, Counter())[str(row.sign)] += 1
    found = samples.votes(frame, by).set_index("group")
    assert set(found.index) == set(single)
    assert found["findings"].is_monotonic_decreasing
    for group, row in found.iterrows():
        by_study = Counter()
        for signs in papers[group].values():
            best = [sign for sign, count in signs.items() if count == max(signs.values())]
            by_study[best[0] if len(best) == 1 else "divided"] += 1
        assert {s: row[s] for s in samples.SIGNS} == {s: single[group][s] for s in samples.SIGNS}, group
        assert {s: row[f"studies_{s}"] for s in (*samples.SIGNS, "divided")} == {
            s: by_study[s] for s in (*samples.SIGNS, "divided")}, group  # fmt: skip
        assert (row["findings"], row["studies"]) == (single[group].total(), len(papers[group]))


def test_votes_of_made_up_studies():
    frame = pd.DataFrame({
        "study_key": ["a", "a", "a", "b", "b", "c"], "place": ["x"] * 5 + ["y"],
        "sign": pd.Categorical(["neither", "neither", "positive", "negative", "positive", "negative"], samples.SIGNS)})
    x, y = samples.votes(frame, "place").to_dict("records")
    assert (x["negative"], x["neither"], x["positive"], x["findings"]) == (1, 2, 2, 5)
    assert (x["studies_negative"], x["studies_neither"], x["studies_positive"], x["studies_divided"]) == (0, 1, 0, 1)
    assert (y["group"], y["studies"], y["studies_negative"]) == ("y", 1, 1)
    with pytest.raises(SampleError, match="no column 'planet'"):
        samples.votes(frame, "planet")
