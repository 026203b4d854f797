"""The ledger of the paper's claims: every verdict held against the evidence that carries it."""

from __future__ import annotations

import ast
import operator
import re

import numpy as np
import pandas as pd

from goingglobal.samples import SampleError

__all__ = ["audited_claims"]


def audited_claims(claims: pd.DataFrame, facts: pd.DataFrame, literature: pd.DataFrame) -> pd.DataFrame:
    """The claims with their verdicts, after every verdict has been held against its evidence.

    Adds `claimed` (the number in the paper's value; the middle of a range) and `compared` (the number of the fact, or
    of the sum of the paper's own figures, that `compare` names), missing where nothing is compared. Ids with a slash
    are results of the chapters; the page that quotes them checks that they exist.

    Raises `SampleError`, naming the claim, for a verdict without evidence, an unknown or superseded id, a comparison
    that its evidence does not list, a "confirmed" whose numbers differ by more than rounding, a "contradicted" or
    "corrected" whose numbers agree, and an open verdict that names nothing to consult.
    """
    known_facts = facts.set_index("fact_id")
    known = {*known_facts.index, *claims["claim_id"], *("lit:" + literature["finding_id"])}
    values = claims.set_index("claim_id")["value"]
    rows = []
    for row in claims.itertuples():
        evidence = row.evidence.split() if isinstance(row.evidence, str) else []
        open_verdict = row.verdict in ("not checkable", "damaged text")
        _audit(row.claim_id, open_verdict or bool(evidence), f"{row.verdict} without evidence")
        for id_ in evidence:
            _audit(row.claim_id, "/" in id_ or id_ in known, f"evidence {id_!r} does not exist")
            replaced = known_facts["superseded_by"].get(id_)
            _audit(row.claim_id, not isinstance(replaced, str), f"evidence {id_!r} is superseded by {replaced!r}")
        _audit(row.claim_id, not open_verdict or isinstance(row.consult, str), f"{row.verdict}, and nothing to consult")
        claimed = compared = np.nan
        if isinstance(row.compare, str):
            named = set(re.findall(r"[A-Z]\d{3,4}", row.compare))
            _audit(row.claim_id, named <= set(evidence), f"{row.compare!r} is compared but no evidence")
            claimed, compared = _number_of(row.value), _compared(row.compare, known_facts["number"], values)
            near = abs(claimed - compared) <= row.tolerance + 1e-9
            words = f"{claimed:g} against {compared:g} ({row.compare}), tolerance {row.tolerance:g}"
            _audit(row.claim_id, row.verdict != "confirmed" or near, f"confirmed, but {words}")
            _audit(row.claim_id, row.verdict not in ("contradicted", "corrected") or not near,
                   f"{row.verdict}, but {words}")
        rows.append((claimed, compared))
    out = claims.assign(claimed=[a for a, _ in rows], compared=[b for _, b in rows])
    out.attrs = {"sample": "the paper's claims with their verdicts"}
    return out


def _audit(claim: str, good: bool, fault: str) -> None:
    if not good:
        raise SampleError(f"table 'claims', row {claim}, field 'verdict': {fault}")


def _number_of(value: str) -> float:
    """The number in a claim's value; the middle of a range such as 50-100."""
    span = re.fullmatch(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)", value)
    if span:
        return (float(span[1]) + float(span[2])) / 2
    number = re.search(r"\d+(?:\.\d+)?", value)
    return float(number[0]) if number else np.nan


def _compared(text: str, numbers: pd.Series, values: pd.Series) -> float:
    """A fact's number, or the value of a sum of claims such as 100*C110/C112 (sums, products, brackets)."""
    if text in numbers.index:
        return float(numbers[text])

    def worth(node: ast.AST) -> float:
        operations = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return float(node.value)
        if isinstance(node, ast.Name) and node.id in values.index:
            return _number_of(values[node.id])
        if isinstance(node, ast.BinOp) and type(node.op) in operations:
            return operations[type(node.op)](worth(node.left), worth(node.right))
        raise SampleError(f"comparison {text!r}: only facts, or sums of claims, are understood")

    return worth(ast.parse(text, mode="eval").body)
