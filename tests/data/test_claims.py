"""The ledger of claims: no verdict without evidence, no evidence that does not exist, no confirmation that is none."""

from __future__ import annotations

import json
import re
from functools import cache

import nbformat
import pandas as pd
import pytest
from conftest import ROOT, SITE

from goingglobal import ledger, load, samples

CLAIMS, FACTS, LITERATURE = load("claims"), load("official_figures"), load("literature")
CHAPTERS = ["introduction", "sme-role", "barriers", "support-programs", "conclusion"]


def audit(claims: pd.DataFrame = CLAIMS, facts: pd.DataFrame = FACTS) -> pd.DataFrame:
    return ledger.audited_claims(claims, facts, LITERATURE)


def changed(claim: str, **fields) -> pd.DataFrame:
    """The claims with one row changed."""
    claims = CLAIMS.copy()
    for name, value in fields.items():
        claims.loc[claims["claim_id"] == claim, name] = value
    return claims


def test_the_ledger_stands():
    out = audit()
    assert len(out) == 129
    compared = out.dropna(subset=["compared"])
    assert len(compared) == CLAIMS["compare"].notna().sum() >= 20
    assert compared["claimed"].notna().all()


def test_every_headline_claim_has_a_verdict_and_a_reason():
    heads = CLAIMS[CLAIMS["headline"] == 1]
    assert 20 <= len(heads) <= 30
    assert heads["verdict"].notna().all()
    assert heads["why"].str.split().str.len().ge(8).all()


@pytest.mark.parametrize(("claim", "fields", "words"), [
    ("C012", {"evidence": pd.NA}, "contradicted without evidence"),
    ("C012", {"evidence": "F9999 F0428"}, "evidence 'F9999' does not exist"),
    ("C012", {"evidence": "lit:nobody__1 F0428"}, "evidence 'lit:nobody__1' does not exist"),
    ("C012", {"evidence": "F0427"}, "'F0428' is compared but no evidence"),
    ("C012", {"tolerance": 20.0}, r"contradicted, but 17 against .* tolerance 20"),
    ("C012", {"verdict": "confirmed"}, "confirmed, but 17 against"),
    ("C044", {"tolerance": 0.1}, r"confirmed, but 71 against 71\.4 \(F0065\), tolerance 0\.1"),
    ("C111", {"compare": "100*C110/C019", "evidence": "C110 C019", "verdict": "confirmed"}, "confirmed, but 70"),
    ("C102", {"consult": pd.NA}, "not checkable, and nothing to consult"),
])  # fmt: skip
def test_a_broken_verdict_is_refused_by_name(claim, fields, words):
    with pytest.raises(samples.SampleError, match=rf"table 'claims', row {claim}, field 'verdict': .*{words}"):
        audit(changed(claim, **fields))


def test_three_in_five_claims_have_a_verdict_and_no_reason_is_long():
    assert CLAIMS["verdict"].ne("not checkable").sum() >= 75
    assert CLAIMS["why"].str.split().str.len().max() <= 26
    assert CLAIMS["why"].str.len().max() <= 150
    assert CLAIMS["why"].str.fullmatch(r"[A-Z0-9“].*[^.]\.").all()


def test_an_open_claim_says_where_to_look():
    """A page, a figure or a table; or the words that it is not known."""
    consult = CLAIMS.loc[CLAIMS["verdict"].isin(["not checkable", "damaged text"])].set_index("claim_id")["consult"]
    wish = consult.str.startswith(("A recommendation; ", "An opinion; "))
    place = consult.str.contains(r"\bpp?\. \d|\bFig\. \d|(?:page|table) not known")
    assert consult[~(place | wish)].to_dict() == {}
    assert consult[~wish & ~consult.str.contains(r"(?:19|20)\d\d|census")].to_dict() == {}


def test_a_settled_claim_says_the_rank_of_what_carries_it():
    ranks = FACTS.set_index("fact_id")["source_rank"].to_dict()
    for row in CLAIMS.itertuples():
        ids = row.evidence.split() if isinstance(row.evidence, str) else []
        best = {ranks[id_] for id_ in ids if id_ in ranks} | {"publisher" for id_ in ids if id_.startswith("lit:")}
        settled = row.verdict not in ("not checkable", "damaged text")
        assert not settled or row.reliability != "none", row.claim_id
        assert row.reliability not in ("publisher", "secondary") or row.reliability in best, row.claim_id


def test_every_reading_of_the_later_evidence_bears_on_a_claim():
    named = {id_ for cell in CLAIMS["evidence"].dropna() for id_ in cell.split()}
    readings = FACTS[FACTS["fact_id"].str.startswith("H")]
    assert readings["fact_id"].tolist() == [f"H{number:04}" for number in range(1, len(readings) + 1)]
    assert set(readings["fact_id"]) <= named
    same = ["claim_id", "period", "value", "url"]
    assert FACTS[FACTS.duplicated(same, keep=False)]["fact_id"].str.startswith("H").sum() == 0


def test_readings_say_what_their_rows_say():
    """Every number of a reading stands in the row it is read from, unless it is derived."""
    folder = ROOT.parent / "shared" / "evidence"
    if not folder.is_dir():
        pytest.skip("the sources are not in this repository: no folder shared/ beside it")
    rows = pd.read_csv(folder / "claims_evidence.csv", dtype=str, keep_default_na=False).agg(" ".join, axis=1)
    readings = pd.read_csv(ROOT / "data" / "build" / "readings.csv", dtype=str, keep_default_na=False)
    words = {"one": "1", "two": "2", "both": "2", "five": "5", "nine": "9", "first": "1"}
    for row in readings[~readings["unit"].str.contains("derived")].itertuples():
        text = rows[int(row.source_row) - 1].replace(",", "").lower()
        text += " ".join(digit for word, digit in words.items() if word in text)
        for number in re.findall(r"\d+(?:\.\d+)?", row.value):
            assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d]|\.\d)", text), (row.fact_id, number)


def test_derived_readings_follow_from_what_they_name():
    fact = FACTS.set_index("fact_id")["number"]
    before, after = fact["F0070"] - 5.7, fact["F0067"]
    assert fact["H0029"] == pytest.approx(before)
    assert fact["H0030"] == pytest.approx(100 * (after / before - 1), abs=0.05)
    assert fact["H0031"] == pytest.approx(after - before)
    assert fact["H0026"] == pytest.approx(5000 / fact["H0023"], abs=0.05)
    ends = FACTS.set_index("fact_id").at["H0027", "value"]
    assert ends == f"{71_000 / fact['H0023']:.0f} to {71_900 / fact['H0023']:.0f}"


def test_a_changed_figure_is_noticed():
    facts = FACTS.copy()
    facts.loc[facts["fact_id"] == "F0065", "number"] = 74.4
    with pytest.raises(samples.SampleError, match=r"row C044.*71 against 74\.4"):
        audit(facts=facts)


def test_superseded_evidence_is_refused():
    facts = FACTS.copy()
    facts.loc[facts["fact_id"] == "F0065", "superseded_by"] = "F0066"
    with pytest.raises(samples.SampleError, match=r"row C044.*'F0065' is superseded by 'F0066'"):
        audit(facts=facts)


@pytest.mark.parametrize("text", ["__import__('os')", "C110**9", "C110 if C112 else 1", "F0065+1", "C999"])
def test_a_comparison_is_arithmetic_and_nothing_else(text):
    with pytest.raises(samples.SampleError, match="only facts, or sums of claims, are understood"):
        ledger._compared(text, FACTS.set_index("fact_id")["number"], CLAIMS.set_index("claim_id")["value"])


@pytest.mark.parametrize(("text", "by_hand"), [
    ("100*(C029/C028-1)", 100 * (5937 / 3568 - 1)), ("100*C110/(1e6*C020)", 100 * 5630 / 4.2e6),
    ("100*C110/C112", 100 * 5630 / 7977), ("F0065", 71.4),
])  # fmt: skip
def test_comparisons_are_computed(text, by_hand):
    values = CLAIMS.set_index("claim_id")["value"]
    assert ledger._compared(text, FACTS.set_index("fact_id")["number"], values) == pytest.approx(by_hand)


def test_the_numbers_behind_the_comparisons_are_those_of_the_paper():
    values = CLAIMS.set_index("claim_id")["value"]
    assert [ledger._number_of(values[c]) for c in ("C028", "C029", "C110", "C112", "C020")] == [
        3568, 5937, 5630, 7977, 4.2]  # fmt: skip
    assert ledger._number_of("50-100") == 75


def test_chapters_that_quote_a_claim_are_listed():
    for row in CLAIMS.itertuples():
        listed = row.chapters.split() if isinstance(row.chapters, str) else []
        quoting = [c for c in CHAPTERS if re.search(rf"<{row.claim_id}>|\}}`{row.claim_id}`", _prose(c))]
        assert listed == quoting, row.claim_id


@cache
def _prose(chapter: str) -> str:
    cells = nbformat.read(ROOT / "book" / f"{chapter}.ipynb", 4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@pytest.mark.site
def test_every_result_that_carries_a_verdict_exists():
    results = json.loads((SITE / "results.json").read_text(encoding="utf-8"))
    ids = {id_ for cell in CLAIMS["evidence"].dropna() for id_ in cell.split() if "/" in id_}
    assert len(ids) >= 10
    assert ids <= set(results)


@pytest.mark.site
def test_no_figure_of_the_paper_stands_without_its_id():
    """The scoreboard and the index show the ledger's verdicts by role, never typed."""
    prose = _prose("conclusion")
    board = prose[prose.index(":::{list-table}"):prose.index(":::\n", prose.index(":::{list-table}"))]
    lines = re.split(r"(?m)^\* - ", board)[2:]
    assert len(lines) >= 12
    for line in lines:
        claim = re.search(r"\{claim\}`[^`]*<(C\d{3})>`", line)
        assert claim, line
        assert f"{{verdict}}`{claim[1]}`" in line, line
        assert re.search(r"(?m)^  - \{causal\}`not (?:identified|asked)`", line), line
