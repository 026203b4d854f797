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
    ("C082", {"consult": pd.NA}, "not checkable, and nothing to consult"),
])  # fmt: skip
def test_a_broken_verdict_is_refused_by_name(claim, fields, words):
    with pytest.raises(samples.SampleError, match=rf"table 'claims', row {claim}, field 'verdict': .*{words}"):
        audit(changed(claim, **fields))


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
