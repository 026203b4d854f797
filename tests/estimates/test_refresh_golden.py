"""`make golden`: writes where both routes agree and something moved, and at no other time."""

from __future__ import annotations

import json
import shutil
from copy import deepcopy
from pathlib import Path

import pytest
import refresh_golden
import second_route

from goingglobal import data

FOLDER = Path(second_route.__file__).parent
FROZEN = {name: json.loads((FOLDER / name).read_text(encoding="utf-8")) for name in refresh_golden.FROZEN}
ID, NESTED = "firm/longdiff/parent", "support/sdid_fdi"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the frozen files."""
    for name in FROZEN:
        shutil.copyfile(FOLDER / name, tmp_path / name)
    return tmp_path


class Routes:
    """Both routes as they were when the values were frozen; a test changes what one of them says."""

    def __init__(self) -> None:
        self.by_hand, self.by_library = deepcopy(FROZEN), deepcopy(FROZEN)
        for records in self.by_library.values():
            for record in records.values():
                del record["origin"]

    def __call__(self, name: str) -> tuple[dict, dict]:
        return self.by_hand[name], self.by_library[name]


@pytest.fixture
def routes() -> Routes:
    return Routes()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def tamper(folder: Path, name: str, id_: str, **parts) -> None:
    records = json.loads((folder / name).read_text(encoding="utf-8"))
    records[id_] |= parts
    (folder / name).write_text(json.dumps(records, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


# ------------------------------------------------------------------------------------------------- what is written
def test_unchanged_data_change_nothing(folder, routes, capsys):
    """Not the last digit either, where a route's own differs from machine to machine."""
    before = contents(folder)
    for records in (*routes.by_hand.values(), *routes.by_library.values()):
        for record in records.values():
            record["value"] *= 1 + 1e-12
    assert refresh_golden.main(routes, folder) == 0
    assert contents(folder) == before
    said = capsys.readouterr()
    assert "golden.json: 77 records, each as it was frozen" in said.out
    assert "→" not in said.out
    assert said.err == ""


@pytest.mark.parametrize(("name", "id_", "part", "wrong"), [
    ("golden.json", ID, "value", 0.5), ("golden.json", ID, "n", 7), ("golden.json", ID, "se", None),
    ("golden.json", ID, "origin", "somebody said so"), ("golden_policy.json", NESTED, "donors", 3),
    ("golden_policy.json", NESTED, "weights", {"AUS": 1.0}), ("golden_policy.json", NESTED, "added", 1.0),
])  # fmt: skip
def test_a_tampered_value_is_reported_and_restored(folder, routes, capsys, name, id_, part, wrong):
    before = contents(folder)
    tamper(folder, name, id_, **{part: wrong})
    assert contents(folder) != before
    assert refresh_golden.main(routes, folder) == 0
    assert contents(folder) == before
    said = capsys.readouterr().out
    assert f"  {id_}: {part}" in said
    assert "→" in said
    assert f"second value from {FROZEN[name][id_]['origin']}" in said
    assert f"wrote {name}; " in said


def test_what_both_routes_find_anew_is_frozen_and_shown(folder, routes, capsys):
    for route in (routes.by_hand, routes.by_library):
        route["golden.json"][ID]["value"] = 0.25
        route["golden.json"]["firm/new"] = {"value": 1.5, "se": None, "n": None}
        del route["golden_policy.json"][NESTED]
    routes.by_hand["golden.json"]["firm/new"]["origin"] = "numpy: by hand"
    assert refresh_golden.main(routes, folder) == 0
    written = {name: json.loads((folder / name).read_text(encoding="utf-8")) for name in FROZEN}
    assert written == routes.by_hand
    assert list(written["golden.json"]) == list(routes.by_hand["golden.json"])
    said = capsys.readouterr().out
    assert f"  {ID}: value {FROZEN['golden.json'][ID]['value']:.8g} → 0.25\n" in said
    assert "  firm/new: value nothing → 1.5\n" in said
    assert f"  {NESTED}: removed\n" in said
    assert "wrote golden.json and golden_policy.json" in said
    assert sorted(contents(folder)) == sorted(FROZEN), "nothing half-written is left"


# ------------------------------------------------------------------------------------------------- what is refused
def spoilt(routes: Routes) -> dict:
    """How the routes may disagree or say what can't be frozen, and what is said of it."""
    golden, policy = routes.by_library["golden.json"], routes.by_library["golden_policy.json"]
    hand = routes.by_hand["golden.json"]
    return {
        "value": (lambda: golden[ID].update(value=9.0), f"{ID}: value is 9.0 by the library, "),
        "a little": (lambda: golden[ID].update(value=golden[ID]["value"] * 1.00001), f"{ID}: value is "),
        "n": (lambda: golden[ID].update(n=golden[ID]["n"] + 1), f"{ID}: n is "),
        "no error": (lambda: golden[ID].update(se=None), f"{ID}: se is None by the library"),
        "no n": (lambda: golden[ID].pop("n"), f"{ID}: only the second route has n"),
        "not a number": (lambda: golden[ID].update(value=float("nan")), f"{ID}: value is nan by the library"),
        "weight": (lambda: policy[NESTED]["weights"].update(AUT=0.5), f"{NESTED}: weights/AUT is 0.5 by the library"),
        "donor": (lambda: policy[NESTED]["placebos"].pop("AUT"), f"{NESTED}: only the second route has placebos/AUT"),
        "stranger": (lambda: policy[NESTED]["placebos"].update(XXX=0.1), f"{NESTED}: only the library has placebos/X"),
        "id": (lambda: golden.pop(ID), f"{ID}: only the second route has it"),
        "other id": (lambda: golden.update(new={"value": 1.0}), "new: only the library has it"),
        "no origin": (lambda: hand[ID].update(origin=""), f"{ID}: no origin"),
        "by hand alone": (lambda: hand[ID].update(extra=float("inf")), f"{ID}: extra is inf"),
    }


@pytest.mark.parametrize("case", spoilt(Routes()))
def test_where_the_routes_disagree_nothing_is_written(folder, routes, capsys, case):
    """Not the other file either, although there both routes agree about something new."""
    change, words = spoilt(routes)[case]
    change()
    for route in (routes.by_hand, routes.by_library):
        for records, id_ in ((route["golden.json"], "country/oecd38/pwt"), (route["golden_policy.json"], NESTED)):
            records[id_]["value"] = 0.125
    before = contents(folder)
    assert refresh_golden.main(routes, folder) == 1
    assert contents(folder) == before
    said = capsys.readouterr().err
    assert said.startswith("error: the two routes disagree:\n")
    assert words in said
    assert said.endswith("nothing was written\n")


def test_tables_that_are_not_sealed_are_refused(folder, routes, capsys, monkeypatch, tmp_path_factory):
    copy = tmp_path_factory.mktemp("tables")
    shutil.copytree(second_route.DATA, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("build"))
    monkeypatch.setenv("GOINGGLOBAL_DATA", str(copy))
    monkeypatch.setattr(second_route, "DATA", copy)
    tamper(folder, "golden.json", ID, value=0.5)
    before, table = contents(folder), copy / "claims.csv"
    rows = table.read_text(encoding="utf-8")
    table.write_text(rows.replace("firms", "farms", 1), encoding="utf-8")
    assert refresh_golden.main(routes, folder) == 1
    assert contents(folder) == before
    said = capsys.readouterr().err
    assert said.startswith("error: the data package is not sealed:\n")
    assert "table 'claims'" in said
    table.write_text(rows, encoding="utf-8")
    assert data.validate() == []
    assert refresh_golden.main(routes, folder) == 0
    assert contents(folder) != before
    (copy / "datapackage.json").unlink()
    assert refresh_golden.main(routes, folder) == 1
    assert "expected a data package" in capsys.readouterr().err


def test_other_tables_than_the_second_routes_are_refused(folder, routes, capsys, monkeypatch, tmp_path_factory):
    copy = tmp_path_factory.mktemp("tables")
    shutil.copytree(second_route.DATA, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("build"))
    monkeypatch.setenv("GOINGGLOBAL_DATA", str(copy))
    assert refresh_golden.main(routes, folder) == 1
    assert "unset GOINGGLOBAL_DATA" in capsys.readouterr().err


@pytest.mark.parametrize("text", [None, "<<<<<<< HEAD\n{}\n"])
def test_a_file_that_cannot_be_read_is_named(folder, routes, capsys, text):
    (folder / "golden.json").unlink()
    if text is not None:
        (folder / "golden.json").write_text(text, encoding="utf-8")
    assert refresh_golden.main(routes, folder) == 1
    assert "error: golden.json can't be read" in capsys.readouterr().err


def test_a_route_that_stops_over_the_data_is_named(folder, capsys, monkeypatch):
    def stops() -> dict:
        raise ArithmeticError("not what rdrobust gave")

    monkeypatch.setattr(second_route, "estimates", stops)
    before = contents(folder)
    assert refresh_golden.main(folder=folder) == 1
    assert contents(folder) == before
    assert "golden.json: second_route.estimates stops: not what rdrobust gave" in capsys.readouterr().err
