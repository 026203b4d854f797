"""`report()`: every number that the book states, once.

In a notebook, `report` publishes a record that the site's extension collects: the prose shows
the number through the role `{result}`, and the build writes `results.json`. Outside a
notebook it only keeps the record in this process.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pandas as pd

from goingglobal._display import RESULT
from goingglobal.models import LIBRARIES, Estimate, is_fit, name_of

__all__ = ["ResultError", "read", "recorded", "report"]

_ID = re.compile(r"[A-Za-z0-9_]+(?:/[A-Za-z0-9_.-]+)+")
_records: dict[str, dict] = {}


class ResultError(ValueError):
    """An id is unknown or badly formed, or a value can't be reported."""


def report(
    id: str, value: Estimate | float | int | object, term: str | None = None, fmt: str | None = None, *,
    unit: str | None = None, n: int | None = None, sample: str | pd.DataFrame | None = None,
    exhibit: str | None = None, scale: float = 1.0,
) -> None:
    """State one number under an id.

    Parameters: `id`, like "firm/longdiff/parent"; `value`, a fit of statsmodels, pyfixest, linearmodels or
    diff-diff, an `Estimate`, or a plain number; `term`, the coefficient of a fit (see `Estimate.of`); `fmt`, format
    of the text shown in prose (".2f"; an `Estimate` or a number has no term, so its format may stand in the term's
    place); `unit`, which a fit and a plain number need; `sample`, a name, or the frame that bears it; `exhibit`,
    label of the figure or table that shows it; `scale`, a factor for the value, error and interval of a fit (100:
    from shares to percentage points).

        report("country/oecd38/pwt", fit, "fdi_lag", ".3f", unit="points per % of GDP")
        report("firm/sample_j/rows", len(panel), ",d", unit="firm-years")

    Raises `ResultError` for a bad id, an id reported before with another value, a value that is not
    finite, a missing unit, and a format that does not fit; `ModelError` as `Estimate.of` does.
    """
    if not _ID.fullmatch(id):
        raise ResultError(f"result id {id!r}: expected letters, digits and _ in parts divided by /")
    number = None
    if isinstance(value, Estimate):
        term, fmt = (None, term) if fmt is None else (term, fmt)
    elif is_fit(value):
        if unit is None:
            raise ResultError(f"result {id!r}: a fit needs the unit of {term!r}")
        value = Estimate.of(value, term, unit=unit, sample=sample)
        value = value if scale == 1.0 else value.scaled(scale, unit)
    else:
        term, fmt = (None, term) if fmt is None else (term, fmt)
        if unit is None:
            raise ResultError(f"result {id!r}: a plain number needs a unit")
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ResultError(f"result {id!r}: {value!r} is not a number, an `Estimate`, or a fit of "
                              f"{', '.join(LIBRARIES)}") from None
    fmt = fmt or ".2f"
    if isinstance(sample, pd.DataFrame):
        sample = name_of(sample)
    if number is None:
        record = {
            "value": value.value, "se": value.se, "ci_low": value.ci_low, "ci_high": value.ci_high, "n": value.n,
            "groups": value.groups, "unit": unit or value.unit, "sample": sample or value.sample,
            "method": value.method, "software": value.software, "notes": list(value.notes),
        }
    else:
        record = {"value": number, "se": None, "ci_low": None, "ci_high": None, "n": n, "groups": None,
                  "unit": unit, "sample": sample, "method": "computed", "software": None, "notes": []}
    if not math.isfinite(record["value"]):
        raise ResultError(f"result {id!r}: {record['value']} is not a finite number")
    record = {k: (None if isinstance(v, float) and not math.isfinite(v) else v) for k, v in record.items()}
    try:
        whole = fmt.endswith("d")
        if whole and (number is None or record["value"] != int(record["value"])):
            raise ValueError(f"{record['value']} is not a whole number")
        shown = format(int(record["value"]) if whole else record["value"], fmt)
    except (ValueError, TypeError) as error:
        raise ResultError(f"result {id!r}: format {fmt!r} does not fit; {error}") from None
    if re.fullmatch(r"[-+]0[.,0]*(%|[eE][-+]?\d+)?", shown):  # no minus zero
        shown = shown[1:]
    record.update(id=id, text=shown.replace("-", "−"), exhibit=exhibit)
    if id in _records and _records[id]["value"] != record["value"]:
        raise ResultError(f"result {id!r} was reported before as {_records[id]['text']}; an id stands for one number")
    _records[id] = record
    _publish(record)


def _publish(record: dict) -> None:
    from goingglobal._display import in_notebook, publish

    if in_notebook():
        publish({RESULT: record, "text/plain": f"{record['id']} = {record['text']} {record['unit']}"})


def recorded() -> dict[str, dict]:
    """Records of this process, by id."""
    return dict(_records)


def read(path: str | Path, id: str | None = None) -> dict:
    """Read a built site's `results.json`; with `id`, one record. Raises `ResultError` for an unknown id."""
    results = json.loads(Path(path).read_text(encoding="utf-8"))
    if id is None:
        return results
    if id not in results:
        stem = id.split("/")[0]
        near = [known for known in results if known.startswith(stem)] or list(results)
        raise ResultError(f"unknown result id {id!r}; known are {', '.join(near[:12])}")
    return results[id]
