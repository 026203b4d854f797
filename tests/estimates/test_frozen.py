"""Every reported number is what it was when last frozen: a change of code moves none, a change of data says so.

`frozen.json` holds value, standard error and n of every id, as a built site stated them; unlike `golden.json` no second
route stands behind it. After a deliberate change, explained in the changelog, `make golden` freezes them anew.

    python tests/estimates/test_frozen.py     # freezes the numbers of the built site
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]  # not from conftest: this file also runs as a program
SITE = ROOT / "_build" / "html"
FROZEN = HERE / "frozen.json"


def moved(before: dict[str, list], after: dict[str, list], near: float = 1e-6) -> list[str]:
    """One line per id that is new, gone, or has another value, error (by more than `near`) or n."""
    lines = [f"{id_}: {'gone' if id_ in before else 'new'}" for id_ in sorted(before.keys() ^ after.keys())]
    for id_ in sorted(before.keys() & after.keys()):
        for part, old, new in zip(("value", "se", "n"), before[id_], after[id_], strict=True):
            if old != new and (part == "n" or None in (old, new) or new != pytest.approx(old, rel=near, abs=near)):
                lines.append(f"{id_}: {part} was {old}, is {new}")
    return lines


def stated() -> dict[str, list]:
    results = json.loads((SITE / "results.json").read_text(encoding="utf-8"))
    return {id_: [record["value"], record["se"], record["n"]] for id_, record in sorted(results.items())}


@pytest.mark.site
def test_no_reported_number_moved():
    assert moved(json.loads(FROZEN.read_text(encoding="utf-8")), stated()) == []


@pytest.mark.site
def test_percents_are_the_log_points_they_come_from():
    value = {id_: parts[0] for id_, parts in stated().items()}
    since = json.loads((SITE / "results.json").read_text(encoding="utf-8"))["jobs/starters_cs/lower"]
    points = {"lower": value["jobs/starters/lower"], "upper": value["jobs/starters/upper"],
              "between_low": value["jobs/starters/interval_low"], "between_high": value["jobs/starters/interval_high"],
              "lower_since": since["value"], "lower_since_low": since["ci_low"], "lower_since_high": since["ci_high"]}
    assert {id_.rsplit("/", 1)[1] for id_ in value if id_.startswith("jobs/percent/")} == set(points)
    for name, log_points in points.items():
        assert math.log(1 + value[f"jobs/percent/{name}"] / 100) == pytest.approx(log_points, abs=1e-12)


@pytest.mark.parametrize(("after", "said"), [
    ({"a/b": [1.0, 0.5, 10]}, []), ({"a/b": [1.0 + 1e-9, 0.5, 10]}, []),
    ({"a/b": [1.00001, 0.5, 10]}, ["a/b: value was 1.0, is 1.00001"]),
    ({"a/b": [1.0, None, 10]}, ["a/b: se was 0.5, is None"]), ({"a/b": [1.0, 0.5, 11]}, ["a/b: n was 10, is 11"]),
    ({"a/c": [1.0, 0.5, 10]}, ["a/b: gone", "a/c: new"]),
])  # fmt: skip
def test_a_moved_number_is_found(after, said):
    assert moved({"a/b": [1.0, 0.5, 10]}, after) == said


def main() -> None:
    lines = ",\n".join(f"{json.dumps(id_)}: {json.dumps(parts)}" for id_, parts in stated().items())
    FROZEN.write_text("{\n" + lines + "\n}\n", encoding="utf-8", newline="\n")
    print(f"{FROZEN.relative_to(ROOT)}: the numbers of the built site")


if __name__ == "__main__":
    main()
