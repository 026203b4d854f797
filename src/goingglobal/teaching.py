"""What the checks of exercises are made of: assertions that tell a student in words what to look at.

A check holds an answer against something computed another way, never against a typed result. A starter's dots (`...`)
fail every check by name.
"""

from __future__ import annotations

import math
from numbers import Integral, Real

import pandas as pd

from goingglobal.models import Estimate

__all__ = ["close", "given"]

_KINDS = {
    float: (Real, "a number"), int: (Integral, "a whole number"), str: (str, "text in quotes"),
    Estimate: (Estimate, "an `Estimate`, which `Estimate.of(fit, term)` reads from a fit"),
    pd.DataFrame: (pd.DataFrame, "a table (DataFrame)"),
}


def given(kind: type, /, **answers: object) -> None:
    """Every answer has been put in, and is of its kind.

    Parameters: `kind`, float (any real number), int, str, `models.Estimate`, DataFrame or another class; `answers`, the
    student's variables by name. Raises `AssertionError` for the dots of the starter, for a value of another kind and
    for a number that is not finite.
    """
    wanted, words = _KINDS.get(kind, (kind, f"a {kind.__name__}"))
    for name, value in answers.items():
        if value is ...:
            raise AssertionError(
                f"`{name}` is still `...`: put your answer in its place, and mend the answer's cell if it shows an "
                "error; then run both again.")
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise AssertionError(f"`{name}` is a {type(value).__name__}; {words} is wanted.")
        if isinstance(value, Real) and not math.isfinite(value):
            raise AssertionError(f"`{name}` is {value}, which is not a finite number.")


def close(value: float, expected: float, words: str, tolerance: float = 1e-4) -> None:
    """A number agrees with one found another way.

    `tolerance` is relative (absolute where the expected number is zero); `words` say what to look at if it doesn't.
    Raises `AssertionError`, which names the student's number and keeps the expected one to itself.
    """
    if not math.isclose(value, expected, rel_tol=tolerance, abs_tol=0.0 if expected else tolerance):
        raise AssertionError(f"{words} Yours is {value:.4g}.")
