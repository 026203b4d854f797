"""The data package is made from sources whose checksums are recorded, and again gives the same bytes.

The sources are not part of the repository; without them beside it these tests are skipped.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from conftest import ROOT

SOURCES = ROOT.parent / "shared"
RECORDED: dict[str, str] = json.loads((ROOT / "data" / "build" / "sources.json").read_text(encoding="utf-8"))
SMALL = "evidence/claims.csv"
MODULES = ("build", "specs", "tables")

pytestmark = pytest.mark.skipif(
    not SOURCES.is_dir(), reason=f"the sources are not in this repository: no folder {SOURCES.name}/ beside it"
)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def copy_data(folder: Path) -> Path:
    """A copy of `data/` with the code that builds it, which writes where it stands."""
    return Path(shutil.copytree(ROOT / "data", folder / "data", ignore=shutil.ignore_patterns("__pycache__")))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    """`data/build/build.py` of a temporary copy of `data/`, imported; its folder is `module.DATA`."""
    data = copy_data(tmp_path_factory.mktemp("build"))
    shadowed = {name: sys.modules.pop(name) for name in MODULES if name in sys.modules}
    sys.path.insert(0, str(data / "build"))
    try:
        imported = importlib.import_module("build")
        assert data == imported.DATA
        yield imported
    finally:
        sys.path.remove(str(data / "build"))
        for name in MODULES:
            sys.modules.pop(name, None)
        sys.modules.update(shadowed)
        shutil.rmtree(data)


@pytest.fixture(scope="module")
def rebuilt(module):
    """All tables built from the sources: the files, and the sources each table opened."""
    for path in [*module.DATA.glob("*.csv"), module.DATA / "datapackage.json"]:
        path.unlink()
    opened: dict[str, list[str]] = {}
    with pytest.MonkeyPatch.context() as patch:
        for table in module.specs.TABLES:
            make, names = getattr(module.tables, table.name), opened.setdefault(table.name, [])

            def recording(open_source, make=make, names=names):
                return make(lambda name: names.append(name) or open_source(name))

            patch.setattr(module.tables, table.name, recording)
        target = module.build(SOURCES)
    assert target == module.DATA / "datapackage.json"
    return contents(module.DATA), opened


@pytest.fixture
def workplace(module, tmp_path, monkeypatch):
    """The build pointed at its own copy of `data/`, and a copy of the sources that may be damaged.

    Only two small tables are made; `claims` is the second, so one good table precedes a bad source.
    """
    data = copy_data(tmp_path)
    monkeypatch.setattr(module, "DATA", data)
    monkeypatch.setattr(module, "CHECKSUMS", data / "build" / "sources.json")
    monkeypatch.setattr(module.specs, "TABLES", (module.specs.INDUSTRY_CONTINUING, module.specs.CLAIMS))
    sources = tmp_path / "sources"
    for name in ("data/meti/000040464645.xls", SMALL):
        (sources / name).parent.mkdir(parents=True)
        (sources / name).write_bytes((SOURCES / name).read_bytes())
    yield data, sources
    shutil.rmtree(tmp_path)


def run_main(module: ModuleType, monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["build.py", *map(str, arguments)])
    return module.main()


def change_byte(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert content.count(old) >= 1
    assert len(old) == len(new)
    path.write_bytes(content.replace(old, new, 1))


# --- the same bytes again ----------------------------------------------------------------------------------------


def test_the_sources_are_those_recorded():
    found = {name: sha256((SOURCES / name).read_bytes()) for name in RECORDED if (SOURCES / name).is_file()}
    assert found == RECORDED


@pytest.mark.proof
def test_rebuilding_gives_the_committed_bytes(rebuilt):
    made, committed = rebuilt[0], contents(ROOT / "data")
    assert sorted(made) == sorted(committed)
    assert [name for name in committed if made[name] != committed[name]] == []


@pytest.mark.proof
def test_rebuilding_gives_the_committed_hashes(rebuilt):
    made = json.loads(rebuilt[0]["datapackage.json"])["resources"]
    committed = json.loads((ROOT / "data" / "datapackage.json").read_text(encoding="utf-8"))["resources"]
    assert len(made) == 14
    assert [(r["name"], r["rows"], r["bytes"], r["hash"]) for r in made] == [
        (r["name"], r["rows"], r["bytes"], r["hash"]) for r in committed
    ]
    for resource in made:
        assert resource["hash"] == "sha256:" + sha256((ROOT / "data" / resource["path"]).read_bytes())


@pytest.mark.proof
def test_sources_json_lists_every_file_used(rebuilt):
    used = {name for names in rebuilt[1].values() for name in names}
    assert used == set(RECORDED)
    assert list(RECORDED) == sorted(RECORDED)


@pytest.mark.proof
def test_every_table_opens_the_files_its_spec_names(module, rebuilt):
    assert rebuilt[1] == {table.name: list(table.files) for table in module.specs.TABLES}


def test_no_table_is_a_copy_of_a_source():
    """Sources are arranged, not passed on: no table has the bytes of any source file, packed or unpacked."""
    sources = {}
    for path in SOURCES.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            sources[sha256(content)] = path.name
            if path.suffix == ".gz":
                sources[sha256(gzip.decompress(content))] = path.name
    assert len(sources) >= len(RECORDED)
    committed = [path for path in (ROOT / "data").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    copies = {path.name: sources.get(sha256(path.read_bytes())) for path in committed}
    assert len(copies) >= 16
    assert {name: source for name, source in copies.items() if source} == {}


# --- sources that are not as recorded ----------------------------------------------------------------------------


def test_a_good_build_of_the_workplace_writes_its_tables(module, workplace, monkeypatch, capsys):
    """The refusals below are due to the damage: without it the same build succeeds."""
    data, sources = workplace
    committed = (data / "claims.csv").read_bytes()
    (data / "claims.csv").unlink()
    assert run_main(module, monkeypatch, "--sources", sources) == 0
    assert (data / "claims.csv").read_bytes() == committed
    assert capsys.readouterr().out.endswith("wrote data/datapackage.json\n")


def test_a_changed_byte_is_refused_and_nothing_written(module, workplace, monkeypatch, capsys):
    data, sources = workplace
    before = contents(data)
    change_byte(sources / SMALL, b"2012", b"2013")
    assert run_main(module, monkeypatch, "--sources", sources) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: source {SMALL}: sha256 ")
    assert RECORDED[SMALL][:12] in error
    assert sha256((sources / SMALL).read_bytes())[:12] in error
    assert "--record" in error
    assert error.count("\n") == 1
    assert contents(data) == before
    assert [path.name for path in data.iterdir() if path.is_dir() and path.name != "build"] == []


def test_a_missing_source_is_named_and_nothing_written(module, workplace, monkeypatch, capsys):
    data, sources = workplace
    before = contents(data)
    (sources / SMALL).unlink()
    assert run_main(module, monkeypatch, "--sources", sources) == 1
    assert capsys.readouterr().err.startswith(f"error: source {SMALL}: no such file")
    assert contents(data) == before


@pytest.mark.parametrize("name", RECORDED)
def test_every_source_is_checked_by_name(module, tmp_path, name):
    path = tmp_path / name
    open_source = module.opener(tmp_path, record=False)
    with pytest.raises(module.tables.SourceError, match=f"source {re.escape(name)}: no such file"):
        open_source(name)
    path.parent.mkdir(parents=True)
    path.write_bytes((SOURCES / name).read_bytes()[:-1])
    with pytest.raises(module.tables.SourceError, match=f"source {re.escape(name)}: sha256"):
        open_source(name)
    path.write_bytes((SOURCES / name).read_bytes())
    assert open_source(name) == path


def test_a_source_that_is_not_recorded_is_refused(module):
    with pytest.raises(module.tables.SourceError, match="differs from the recorded"):
        module.opener(SOURCES, record=False)("evidence/references.csv")


def test_the_command_refuses_a_folder_without_sources(tmp_path):
    """As a maintainer runs it, from any folder."""
    data = copy_data(tmp_path)
    before = contents(data)
    run = subprocess.run(
        [sys.executable, "-B", str(data / "build" / "build.py"), "--sources", str(tmp_path)],
        cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    assert run.stderr.startswith("error: source data/country/panel_wide.csv: no such file")
    assert "Traceback" not in run.stderr
    assert contents(data) == before
    shutil.rmtree(data)


def test_record_takes_a_new_vintage(module, workplace, monkeypatch, capsys):
    data, sources = workplace
    change_byte(sources / SMALL, b"2012", b"2013")
    assert run_main(module, monkeypatch, "--sources", sources, "--record") == 0
    recorded = json.loads((data / "build" / "sources.json").read_text(encoding="utf-8"))
    assert recorded == {**RECORDED, SMALL: sha256((sources / SMALL).read_bytes())}
    assert run_main(module, monkeypatch, "--sources", sources) == 0
    capsys.readouterr()
    assert (data / "claims.csv").read_bytes() != (ROOT / "data" / "claims.csv").read_bytes()


def test_a_new_vintage_with_a_repeated_key_is_refused(module, workplace, monkeypatch, capsys):
    data, sources = workplace
    tables = {name: content for name, content in contents(data).items() if name.endswith((".csv", "datapackage.json"))}
    change_byte(sources / SMALL, b"\nC002,", b"\nC001,")
    assert run_main(module, monkeypatch, "--sources", sources, "--record") == 1
    assert capsys.readouterr().err == "error: claims: key ('claim_id',) is not unique\n"
    assert {name: (data / name).read_bytes() for name in tables} == tables


def test_a_refused_vintage_is_not_recorded(module, workplace, monkeypatch):
    data, sources = workplace
    change_byte(sources / SMALL, b"\nC002,", b"\nC001,")
    assert run_main(module, monkeypatch, "--sources", sources, "--record") == 1
    assert json.loads((data / "build" / "sources.json").read_text(encoding="utf-8")) == RECORDED


def test_a_new_vintage_that_breaks_its_own_limits_is_refused(module, workplace, monkeypatch):
    data, sources = workplace
    change_byte(sources / SMALL, b",intact", b",intakt")
    assert run_main(module, monkeypatch, "--sources", sources, "--record") == 1
    assert (data / "claims.csv").read_bytes() == (ROOT / "data" / "claims.csv").read_bytes()


# --- rules of the tables -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def filings():
    """The first rows of the group panel's source, with both values of `fdi`."""
    frame = pd.read_csv(SOURCES / "data" / "firm_japan" / "edinet_annual.csv.gz", nrows=60)
    assert set(frame["fdi"].dropna()) == {0, 1}
    return frame


def build_group_panel(module: ModuleType, frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    path = folder / "edinet_annual.csv"
    frame.to_csv(path, index=False)
    return module.tables.group_panel(lambda name: path)


def test_a_source_flag_against_its_own_rule_is_refused(module, filings, tmp_path):
    good = build_group_panel(module, filings, tmp_path)
    assert good["fdi"].eq(1).sum() == filings["fdi"].eq(1).sum() > 0
    wrong = filings.copy()
    row = wrong.index[wrong["fdi"].eq(1)][0]
    wrong.loc[row, "fdi"] = 0
    with pytest.raises(module.tables.SourceError, match="fdi: the source's flag differs from its own rule") as caught:
        build_group_panel(module, wrong, tmp_path)
    assert wrong.at[row, "edinet_code"] in str(caught.value)
    assert str(wrong.at[row, "year"]) in str(caught.value)


def test_a_reading_without_its_row_is_refused(module, tmp_path, monkeypatch):
    readings = pd.read_csv(module.tables.READINGS, dtype=str)
    readings.loc[3, "source_row"] = "60"
    readings.to_csv(tmp_path / "readings.csv", index=False)
    monkeypatch.setattr(module.tables, "READINGS", tmp_path / "readings.csv")
    with pytest.raises(module.tables.SourceError, match=r"readings\.csv, row H0004, field source_row: no such row"):
        module.tables.official_figures(lambda name: SOURCES / name)


def test_a_fraction_of_a_person_is_refused_not_rounded(module, filings, tmp_path):
    wrong = filings.astype({"emp_group": float})
    wrong.loc[3, "emp_group"] += 0.5
    with pytest.raises(module.tables.SourceError, match="group_employees: a whole number was expected"):
        build_group_panel(module, wrong, tmp_path)


def test_a_sector_without_translation_is_refused(module, tmp_path):
    raw = pd.read_csv(SOURCES / "data" / "firm_japan" / "jp_fdi_panel.csv.gz", nrows=60)
    raw.loc[5, "tse33"] = "宇宙業"
    raw.to_csv(tmp_path / "panel.csv", index=False)
    with pytest.raises(module.tables.SourceError, match=r"sectors without a translation: \['宇宙業'\]"):
        module.tables.firm_panel(lambda name: tmp_path / "panel.csv")


def test_a_country_that_is_not_a_member_is_refused(module, tmp_path):
    raw = pd.read_csv(SOURCES / "data" / "country" / "panel_wide.csv", usecols=["iso3", "year", "oecd38"])
    raw[raw["iso3"] != "JPN"].to_csv(tmp_path / "wide.csv", index=False)
    with pytest.raises(module.tables.SourceError, match="does not mark the 38 members"):
        module.tables.country_panel(lambda name: tmp_path / "wide.csv")


# --- tables of both sides --------------------------------------------------------------------------------------


FATS = "data/fats_all/joined_fats_euklems_2010_2015.csv"


def built_from(module: ModuleType, table: str, folder: Path, change: dict[str, tuple[str, str]]) -> pd.DataFrame:
    """The table made from its sources, in some of which a text stands for another once."""

    def open_source(name: str) -> Path:
        if name not in change:
            return SOURCES / name
        text, (old, new) = (SOURCES / name).read_text(encoding="utf-8"), change[name]
        assert old in text
        target = folder / Path(name).name
        target.write_text(text.replace(old, new, 1), encoding="utf-8")
        return target

    return getattr(module.tables, table)(open_source)


@pytest.mark.parametrize(("table", "source", "old", "new", "said"), [
    ("affiliates_europe", FATS, "AT,2010,10-12,7173.0", "AT,2010,10-12,7174.0",
     "AT 10-12 2010 is not the sum"),
    ("affiliates_europe", FATS, "AT,2010,10-12,", "AT,2010,10-99,",
     "without codes of FATS: .'10-99'"),
    ("us_multinationals", "data/bea/joined_parents_mofa_by_industry_2009_2019.csv", "2009,22932.7", "2009,22932.8",
     "parents of all industries total in 2009 differ"),
    ("us_multinationals", "data/bea/all_parent/employment.csv", "22932.7 ", "(X) ",
     "neither a number nor a known mark"),
    ("country_by_country_2016", "data/oecd_cbcr/oecd_cbcr_fy2016_extract.csv", "1173057", "1173058",
     "hosts of Japan sum to 8273762, stated are 8273761"),
], ids=["sum", "group", "join", "mark", "hosts"])  # fmt: skip
def test_tables_of_both_sides_refuse_sources_that_do_not_fit(module, tmp_path, table, source, old, new, said):
    with pytest.raises(module.tables.SourceError, match=said):
        built_from(module, table, tmp_path, {source: (old, new)})
