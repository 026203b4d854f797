"""Whether two builds gave the same numbers: `results.json` of this build against another one's.

    python -m goingglobal.sphinx.publishing.compare https://host/path/results.json    # or a file
"""

from __future__ import annotations

import json
import math
import sys
import urllib.error
import urllib.request
from pathlib import Path

from goingglobal import _console

NUMBERS = ("value", "se", "ci_low", "ci_high", "n", "groups")
TOLERANCE = 1e-6


def differences(ours: dict[str, dict], theirs: dict[str, dict], tolerance: float = TOLERANCE) -> list[str]:
    """One line for every number that is in one of the two alone, or is not the same."""
    alone = sorted(set(ours) ^ set(theirs))
    found = [f"{id_}: only in {'this build' if id_ in ours else 'the other'}" for id_ in alone]
    for id_ in sorted(set(ours) & set(theirs)):
        one, other = ours[id_], theirs[id_]
        for name in NUMBERS:
            a, b = one.get(name), other.get(name)
            same = a == b if a is None or b is None else math.isclose(a, b, rel_tol=tolerance, abs_tol=1e-12)
            if not same:
                found.append(f"{id_}, {name}: {a} here, {b} there")
        if one.get("text") != other.get("text"):
            found.append(f"{id_}: shown as {one.get('text')!r} here, as {other.get('text')!r} there")
    return found


def _read(place: str) -> dict[str, dict]:
    if place.startswith(("http://", "https://")):
        with urllib.request.urlopen(place, timeout=60) as answer:
            return json.load(answer)
    return json.loads(Path(place).read_text(encoding="utf-8"))


def main(root: Path, place: str) -> int:
    """0 where all numbers are the same, 1 where one is not, 2 where there is nothing to compare with."""
    try:
        ours, theirs = _read(str(root / "_build" / "html" / "results.json")), _read(place)
    except (OSError, urllib.error.URLError, ValueError) as error:
        print(f"error: nothing to compare with: {error}", file=sys.stderr)
        return 2
    found = differences(ours, theirs)
    print("\n".join(found) if found else f"{len(ours)} numbers are the same in both builds")
    return 1 if found else 0


if __name__ == "__main__":
    _console.forgive()
    sys.exit(main(Path.cwd(), sys.argv[1]))
