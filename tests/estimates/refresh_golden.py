"""`make golden`: the frozen values anew, after a deliberate change of data or of a definition.

    python tests/estimates/refresh_golden.py      (`make golden`)

Each value is computed by the library, as the chapters call it, and by the second route, by hand. Only where both agree
are the second route's values written, each with its `origin`; what changes is printed. A record stays to the last digit
where the tests would not tell it from the new one. Nothing is written at all where the tables are not as sealed, a
route stops, or the routes disagree about any id of any file.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from importlib import import_module
from numbers import Integral
from pathlib import Path

from goingglobal import data

HERE = Path(__file__).resolve().parent
FROZEN = {  # file → the module of the second route, and the tests that know how the chapters call the library
    "golden.json": ("second_route", "test_golden"),
    "golden_policy.json": ("second_route_policy", "test_golden_policy"),
    "golden_jobs.json": ("second_route_jobs", "test_golden_jobs"),
    "golden_abroad.json": ("second_route_abroad", "test_golden_abroad"),
    "golden_both.json": ("second_route_both", "test_golden_both"),
    "golden_support.json": ("second_route_support", "test_golden_support"),
}
ALIKE = {"rel_tol": 1e-6, "abs_tol": 1e-12}  # as in the tests
ALIKE_WEIGHTS = {"rel_tol": 0, "abs_tol": 1e-8}  # of the two routes; a weight may be as good as zero
SHOWN = 5  # changed parts of a record that are printed


class RefusedError(Exception):
    """Nothing may be frozen; the message says why."""


def flat(record: dict, stem: str = "") -> dict:
    """A record with what is nested in it on one level."""
    out = {}
    for key, part in record.items():
        out |= flat(part, f"{stem}{key}/") if isinstance(part, dict) else {stem + key: part}
    return out


def alike(one, other, nearly: dict[str, float] = ALIKE) -> bool:
    """Whether the tests would take one value for the other: counts and words exactly, other numbers nearly."""
    if any(value is None or isinstance(value, str | Integral) for value in (one, other)):
        return one == other
    return math.isclose(one, other, **nearly)


def records(found: dict) -> dict[str, dict]:
    """Value, error and n of each id, of an estimate or of a mere number."""
    parts = ("value", "se", "n")
    return {id_: {part: getattr(made, part) for part in parts} if hasattr(made, "se")
            else dict(zip(parts, (float(made), None, None), strict=True)) for id_, made in found.items()}  # fmt: skip


def disagreements(by_hand: dict[str, dict], by_library: dict[str, dict]) -> list[str]:
    """One line per value that the two routes do not agree about, and per id or member that only one of them has."""
    out = [f"{id_}: only {'the second route' if id_ in by_hand else 'the library'} has it"
           for id_ in sorted(by_hand.keys() ^ by_library.keys())]  # fmt: skip
    for id_ in (id_ for id_ in by_hand if id_ in by_library):
        mine, other = flat(by_hand[id_]), flat(by_library[id_])
        nested = {part for part, value in by_library[id_].items() if isinstance(value, dict)}
        for part in dict.fromkeys((*mine, *other)):
            if part in mine and part in other:
                nearly = ALIKE_WEIGHTS if part.startswith(("weights/", "years/")) else ALIKE
                if not alike(mine[part], other[part], nearly):
                    out.append(f"{id_}: {part} is {other[part]} by the library, {mine[part]} by the second route")
            elif part in ("value", "se", "n") or part.partition("/")[0] in nested:
                out.append(f"{id_}: only {'the second route' if part in mine else 'the library'} has {part}")
    return out


def unfit(by_hand: dict[str, dict]) -> list[str]:
    """What can't be frozen: a number that is not finite, a record that does not say where it is from."""
    out = [f"{id_}: no origin" for id_, record in by_hand.items() if not record.get("origin")]
    for id_, record in by_hand.items():
        numbers = {part: value for part, value in flat(record).items() if isinstance(value, float)}
        out += [f"{id_}: {part} is {value}" for part, value in numbers.items() if not math.isfinite(value)]
    return out


def changes(old: dict[str, dict], new: dict[str, dict]) -> tuple[dict[str, dict], list[str]]:
    """What to freeze, with old records kept where nothing moved, and a line of the table per changed value."""
    kept, lines = {}, [f"{id_}: removed" for id_ in old if id_ not in new]
    for id_, record in new.items():
        before, after = flat(old.get(id_, {})), flat(record)
        moved = [part for part in dict.fromkeys((*before, *after))
                 if part not in before or part not in after or not alike(before[part], after[part])]  # fmt: skip
        kept[id_] = record if moved else old[id_]
        for part in moved[:SHOWN]:
            lines.append(f"{id_}: {part} {_shown(before, part)} → {_shown(after, part)}")
        if len(moved) > SHOWN:
            lines.append(f"{id_}: and {len(moved) - SHOWN} more parts")
        if moved:
            lines.append(f"{id_}: second value from {record['origin']}")
    return kept, lines


def _shown(record: dict, part: str) -> str:
    value = record.get(part, "nothing")
    return f"{value:.8g}" if isinstance(value, float) else str(value)


def check_data(beside: Path) -> None:
    """Refuses tables that are not as sealed, and a library that reads others than the second route does."""
    try:
        faults, folder = data.validate(), data.data_folder()
    except data.DataError as error:
        raise RefusedError(str(error)) from None
    if faults:
        raise RefusedError("the data package is not sealed:\n  " + "\n  ".join(map(str, faults)))
    if folder.resolve() != beside.resolve():
        raise RefusedError("the library reads another folder than the second route: unset GOINGGLOBAL_DATA")


def read(path: Path) -> dict[str, dict]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RefusedError(f"{path.name} can't be read, git checkout brings it back: {error}") from None


def compute(name: str, module: str, route: str) -> dict[str, dict]:
    """One route's estimates. Raises `RefusedError` where it stops over the data."""
    try:
        return getattr(import_module(module), route)()
    except (ArithmeticError, ValueError) as error:
        raise RefusedError(f"{name}: {module}.{route} stops: {error}") from error


def both_routes(name: str) -> tuple[dict[str, dict], dict[str, dict]]:
    """A file's estimates by hand and by the library."""
    second, tests = FROZEN[name]
    return compute(name, second, "estimates"), compute(name, tests, "library_route")


def refresh(folder: Path, routes: Callable[[str], tuple[dict, dict]] = both_routes) -> dict[Path, str]:
    """Compare, print what changes, and return what is to be written. Raises `RefusedError`."""
    texts, wrong = {}, []
    for name in FROZEN:
        old = read(folder / name)
        by_hand, by_library = routes(name)
        faults = [f"{name}: {line}" for line in (*disagreements(by_hand, by_library), *unfit(by_hand))]
        wrong += faults
        if faults:
            continue
        kept, lines = changes(old, by_hand)
        print(f"{name}: {len(kept)} records, " + ("these change:" if lines else "each as it was frozen"))
        print(*(f"  {line}" for line in lines), sep="\n", end="\n" if lines else "")
        if lines or list(kept) != list(old):
            texts[folder / name] = json.dumps(kept, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if wrong:
        raise RefusedError("the two routes disagree:\n  " + "\n  ".join(wrong))
    return texts


def write(texts: dict[Path, str]) -> None:
    """All files, each in one step: whoever reads meanwhile sees the old or the new."""
    for path, text in texts.items():
        path.with_name(f"{path.name}.new").write_text(text, encoding="utf-8", newline="\n")
    for path in texts:
        path.with_name(f"{path.name}.new").replace(path)


def main(routes: Callable[[str], tuple[dict, dict]] = both_routes, folder: Path | None = None) -> int:
    """Exit code 1, and nothing written, where a value may not be frozen."""
    sys.path += [str(place) for place in (HERE, HERE.parent) if str(place) not in sys.path]  # as pytest has them
    try:
        check_data(import_module("second_route").DATA)
        texts = refresh(folder or HERE, routes)
    except RefusedError as error:
        print(f"error: {error}\nnothing was written", file=sys.stderr)
        return 1
    write(texts)
    if texts:
        print(f"wrote {' and '.join(path.name for path in texts)}; say why in CHANGELOG.md, then: make test")
    return 0


if __name__ == "__main__":
    sys.exit(main())
