"""What others have published, by size and by question: bounds are read, sources say what is said of them."""

from __future__ import annotations

import math
import re
from functools import partial

import numpy as np
import pandas as pd
import pytest

from goingglobal import load, samples
from goingglobal.samples import SampleError

close = partial(pytest.approx, rel=1e-9, abs=1e-12)


def facts(texts: dict[str, str] | None = None) -> pd.DataFrame:
    """`official_figures` with all ids that the bands need; one text for each unless given."""
    ids = [i for group in (samples.TURNOVER_FACTS, samples.EMPLOYEE_FACTS) for ids in group.values() for i in ids]
    words = {id_: "turnover 1-5 bn yen (n=10)" for id_ in ids} | (texts or {})
    return pd.DataFrame(
        {"fact_id": ids, "breakdown": [words[i] for i in ids], "number": 25.0, "source_rank": "publisher"}
    )


@pytest.mark.parametrize(("text", "bounds", "asked"), [
    ("turnover below 1 bn yen (n=17,106)", (0.1, 1), 17_106),
    ("micro (turnover <2 m euro)", (0.2, 2), None),
    ("turnover 10+ bn yen (n=556)", (10, 100), 556),
    ("turnover 1-5 bn yen (n=5,934)", (1, 5), 5_934),
    ("medium-sized (10-50 m euro)", (10, 50), None),
    ("turnover 0.5-1.5 bn yen", (1, 1.5), None),  # no band starts below one
])  # fmt: skip
def test_turnover_bands_read_their_bounds(text, bounds, asked):
    row = samples.turnover_bands(facts({"F0012": text})).set_index("fact_id").loc["F0012"]
    assert (row["lower"], row["upper"]) == close(bounds)
    assert row["size"] == close(math.sqrt(bounds[0] * bounds[1]))
    assert row["share"] == 0.25
    assert pd.isna(row["n"]) if asked is None else row["n"] == asked


def test_open_bands_close_where_they_are_told_to():
    table = facts({"F0012": "turnover below 1 bn yen", "F0010": "turnover 10+ bn yen"})
    rows = samples.turnover_bands(table, open_factor=3).set_index("fact_id")
    assert rows.loc["F0012", ["lower", "upper"]].tolist() == close([1 / 3, 1])
    assert rows.loc["F0010", ["lower", "upper"]].tolist() == close([10, 30])
    with pytest.raises(SampleError, match="'all firms'"):
        samples.turnover_bands(facts({"F0012": "all firms"}))


def test_employee_bands_read_their_bounds():
    table = facts({
        "F0320": "0-3 employees; 311 of 179,501 establishments", "F0316": "4-10 employees", "F0337": "micro",
        "F0338": "small", "F0336": "medium-sized",
    })  # fmt: skip
    claims = pd.DataFrame({"claim_id": ["C062", "C063", "C064"], "value": ["25 (one in four)", "12.5", "5"]})
    rows = samples.employee_bands(table, claims).set_index("fact_id")
    bounds = {id_: (row["lower"], row["upper"]) for id_, row in rows.iterrows()}
    assert bounds["F0320"] == (1, 3)  # no firm has no employee
    assert bounds["F0316"] == (4, 10)
    assert (bounds["F0337"], bounds["F0338"], bounds["F0336"]) == ((1, 9), (10, 49), (50, 249))
    assert rows.loc[["C062", "C063", "C064"], "share"].tolist() == close([0.25, 0.125, 0.05])
    assert bounds["C062"] == (401, 500)
    assert rows["size"].tolist() == close(np.sqrt(rows["lower"] * rows["upper"]).tolist())


def test_published_bands_are_in_order():
    """In the tables themselves: bands rise and don't overlap, shares are shares, sizes lie inside."""
    figures = load("official_figures")
    for bands in (samples.turnover_bands(figures), samples.employee_bands(figures, load("claims"))):
        assert (bands["lower"] < bands["size"]).all()
        assert (bands["size"] < bands["upper"]).all()
        assert bands["share"].between(0, 1, inclusive="neither").all()
        for _, rows in bands.groupby("series"):
            assert (rows["lower"].to_numpy()[1:] >= rows["upper"].to_numpy()[:-1]).all()


def test_programmes_are_dated_by_their_sources():
    """Every year is in the row it is said to come from, and it is the first one there."""
    facts_, claims = load("official_figures"), load("claims")
    out = samples.programmes(facts_, claims)
    dated = facts_.set_index("fact_id")["period"].to_dict() | claims.set_index("claim_id")["value"].to_dict()
    assert len(out) == len(samples.PROGRAMMES) >= 15
    assert out["year"].is_monotonic_increasing
    for row in out.itertuples():
        years = re.findall(r"(?:19|20)\d\d", str(dated[row.evidence]))
        assert str(row.year) == years[0], row.evidence
        assert (row.rank == "paper") == row.evidence.startswith("C")
        assert row.detail.strip()
    assert set(out["country"]) == {"Germany", "Japan"}
    with pytest.raises(samples.SampleError, match="F0375"):  # an id without a row stops the build
        samples.programmes(facts_[facts_["fact_id"] != "F0375"], claims)
    undated = facts_.assign(period=facts_["period"].where(facts_["fact_id"] != "F0375", "some day"))
    with pytest.raises(SampleError, match="'Foreign trade fair programme': no year in 'some day' of F0375"):
        samples.programmes(undated, claims)


def test_barrier_surveys_say_what_their_sources_say():
    facts_, claims = load("official_figures"), load("claims")
    out = samples.barrier_surveys(facts_, claims)
    printed = facts_.set_index("fact_id")["value"].to_dict() | claims.set_index("claim_id")["value"].to_dict()
    assert len(out) == len(samples.BARRIERS)
    assert out["said"].tolist() == [str(printed[id_]) for id_ in out["evidence"]]
    assert out["value"].between(0, 100, inclusive="neither").all()
    plain = out[~out["said"].str.contains("third")]
    assert all(re.search(rf"(?<![\d.]){value:g}", said) for value, said in
               zip(plain["value"], plain["said"], strict=True))  # fmt: skip
    assert (out["rank"] == "paper").tolist() == out["evidence"].str.startswith("C").tolist()
    silent = facts_.assign(value=facts_["value"].where(facts_["fact_id"] != "F0004", "many"))
    with pytest.raises(SampleError, match="'No suitable people': no number in 'many' of F0004"):
        samples.barrier_surveys(silent, claims)
