"""Candidates: source files as `data/build` reads them, made of today's sealed table and of what was fetched.

`_build/refresh/sources` holds these files, `_build/refresh/data` a whole data package with its own copy of the build
code: `data/build/build.py --only TABLE` makes the candidate there by the code, schema and checks of today's tables.
A series that was fetched replaces the old one whole; what can't be fetched stays as sealed. Without anything fetched
the same bytes come out.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from goingglobal import data
from goingglobal.refresh import sources
from goingglobal.refresh.fetching import RefreshError, sha256, today, write_json

PUBLISHERS = {"eurostat": "Eurostat", "bea": "US Bureau of Economic Analysis"}  # as `specs` names them
SCALE = 5.0  # a median ratio beyond it, to today's values, is another unit and no revision
SHOWN = 12
COUNTRY_NAMES = {  # ours → those of country/panel_wide.csv
    "fdi_out_pct_gdp": "fdi_out_gdp", "fdi_in_pct_gdp": "fdi_in_gdp", "gdp_growth_pct": "gdp_growth",
    "exports_pct_gdp": "exports_gdp", "imports_pct_gdp": "imports_gdp", "unemployment_pct": "unemp_rate",
    "employment_rate_pct": "emp_pop", "industry_employment_pct": "ind_emp_share", "population_15_64": "pop1564",
    "employment_pwt_millions": "pwt_emp", "employment_ilo_thousands": "emp_ilo", "hours_per_worker": "pwt_avh",
    "human_capital_index": "pwt_hc", "real_gdp_musd2017": "pwt_rgdpna", "labour_share": "pwt_labsh",
}  # fmt: skip


def _sealed(name: str) -> pd.DataFrame:
    """A sealed table as text: a number stays as it is written."""
    data.load(name)
    path = data.data_folder() / data.describe(name)["path"]
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _cell(value: float | None) -> str:
    return "" if pd.isna(value) else repr(float(value)).removesuffix(".0")


def _save(frame: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False, lineterminator="\n")


# ------------------------------------------------------------------------------------------------------- source files
def country_panel(folder: Path, fetched: dict[str, sources.Fetched]) -> None:
    """Write `data/country/panel_wide.csv`: the sealed table, each fetched column whole in the place of the old one."""
    before = _sealed("country_panel")
    wide = before.set_index(["iso3", "year"])
    names = before.drop_duplicates("iso3").set_index("iso3")["country"]
    for part in fetched.values():
        for column, rows in part.rows.groupby("column"):
            rows = rows[rows["iso3"].isin(names.index)].dropna(subset=["value"])
            series = pd.Series(rows["value"].map(_cell).to_numpy(),
                               index=pd.MultiIndex.from_arrays([rows["iso3"], rows["year"].astype(str)]))  # fmt: skip
            wide = wide.reindex(wide.index.union(series.index)).fillna("")
            wide[column] = series.reindex(wide.index).fillna("")
    wide = wide.rename_axis(["iso3", "year"]).reset_index()
    last = wide.loc[(wide[list(COUNTRY_NAMES)] != "").any(axis=1), "year"].max()
    wide = wide[wide["year"] <= max(last, before["year"].max())]
    every = pd.MultiIndex.from_product([sorted(names.index), sorted(set(wide["year"]))], names=["iso3", "year"])
    wide = wide.set_index(["iso3", "year"]).reindex(every).fillna("").reset_index()
    wide["country"] = wide["iso3"].map(names)
    _save(wide.drop(columns="conduit").rename(columns=COUNTRY_NAMES).assign(oecd38="1"),
          folder / "data/country/panel_wide.csv")  # fmt: skip


def affiliates_germany(folder: Path, fetched: dict[str, sources.Fetched]) -> None:
    """Write both extracts of `data/german_affiliates`, as sealed or as fetched."""
    before = _sealed("affiliates_germany")
    for dataset, codes, file, column in (
            (sources.FATS_OLD, sources.GERMAN_OLD, "fats_de_extract.csv", "value_eur_mn"),
            (sources.FATS_NEW, sources.GERMAN_NEW, "fats_de_extract_2021.csv", "value")):  # fmt: skip
        back = {ours: theirs for theirs, ours in codes.items()}
        rows = before[before["dataset"] == dataset].assign(indic=lambda frame, back=back: frame["indicator"].map(back))
        for part in fetched.values():
            new = part.rows[part.rows["dataset"] == dataset].rename(columns={"indicator": "indic", "nace_r2": "nace"})
            new = new[new["indic"].isin(codes) & (new["value"].notna() | _known(new, rows))]
            rows = new.assign(value=new["value"].map(_cell))
        rows = rows[["year", "indic", "nace", "partner", "value"]].rename(columns={"value": column})
        _save(rows, folder / "data/german_affiliates" / file)


def _known(new: pd.DataFrame, before: pd.DataFrame) -> pd.Series:
    """Which rows of `new` stand in `before`: a cell that was confidential and is still so stays a row."""
    keys = ["year", "indic", "nace", "partner"]
    known = set(before[keys].astype(str).itertuples(index=False, name=None))
    return pd.Series([row in known for row in new[keys].astype(str).itertuples(index=False, name=None)], new.index)


def affiliates_europe(folder: Path, fetched: dict[str, sources.Fetched]) -> None:
    """Write FATS as a wide Parquet file, and the file that joins it with EU KLEMS: sums anew, home as sealed."""
    import duckdb

    its = specs()
    before = _sealed("affiliates_europe")
    groups = before[before["industry"] != "B-S_X_O"]
    cells: dict[tuple[str, str, str, str], float | None] = {}
    for row in groups.itertuples():  # only sums are sealed: the sum stands in the first part, nothing in the others
        for at, code in enumerate(its.FATS_GROUPS[row.industry]):
            value = float(row.employees_abroad) if row.employees_abroad else None
            cells[row.country, code, "WORLD", row.year] = value if at == 0 or value is None else 0.0
    for row in before[before["industry"] == "B-S_X_O"].itertuples():
        value = float(row.employees_abroad) if row.employees_abroad else None
        cells[row.country, "B-S_X_O", row.host, row.year] = value
    for part in fetched.values():
        for row in part.rows.itertuples():
            key = (row.geo, row.nace_r2, row.partner, str(row.year))
            if pd.notna(row.value) or key in cells:
                cells[key] = None if pd.isna(row.value) else row.value
    long = pd.Series(cells, dtype="float64").rename_axis(["geo", "nace_r2", "partner", "year"])
    wide = long.unstack("year").reset_index().assign(indic_bp="EMP")
    if fetched:
        held = wide[[column for column in wide.columns if column.isdigit()]]
        wide = wide.drop(columns=[c for c in held if held[c].isna().all()])
    place = folder / "data/fats_all"
    place.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.register("wide", wide)
        connection.execute(f"copy wide to '{place / 'cats_fats_df.parquet'}' (format parquet)")
    joined = groups.rename(columns={"country": "geo", "industry": "code", "employed_home_thousands": "emp_home_k",
                                    "value_added_volume": "va_qi"})  # fmt: skip
    sums = []
    for row in joined.itertuples():
        parts = [cells.get((row.geo, code, "WORLD", row.year)) for code in its.FATS_GROUPS[row.code]]
        sums.append("" if None in parts else _cell(sum(parts)))
    joined = joined.assign(emp_abroad=sums)[["geo", "year", "code", "emp_abroad", "emp_home_k", "va_qi"]]
    _save(joined, place / "joined_fats_euklems_2010_2015.csv")


def us_multinationals(folder: Path, fetched: dict[str, sources.Fetched]) -> None:
    """Write BEA's six tables and the joined one: years before 2009 as sealed, later ones as fetched.

    Raises `RefreshError` where an industry or host of today's table is gone.
    """
    its = specs()
    before = _sealed("us_multinationals")
    marks = {"employees_thousands": before["suppressed"], "compensation_musd": pd.Series("(D)", before.index)}
    theirs = {ours: name for name, ours in reversed(its.BEA_INDUSTRIES.items())}
    joined = []
    for measure, file in (("employees_thousands", "employment"), ("compensation_musd", "compensation employees")):
        rows = before.assign(cell=before[measure].where(before[measure] != "", marks[measure]))
        rows = rows.rename(columns={"host": "place"})[["side", "industry", "place", "year", "cell"]]
        for part in fetched.values():
            new = part.rows[part.rows["measure"] == measure]
            industry = new["industry"].str.lower().map(its.BEA_INDUSTRIES)
            new = new.assign(industry=industry, year=new["year"].astype(str))
            new = new[new["industry"].notna() & new["place"].isin(its.BEA_HOSTS) & (new["year"] >= "2009")]
            lines = ["side", "industry", "place"]
            asked = set(rows.loc[rows["year"] >= "2009", lines].itertuples(index=False, name=None))
            if lost := asked - set(new[lines].itertuples(index=False, name=None)):
                raise RefreshError("BEA", "us_multinationals", f"no {' '.join(sorted(lost)[0])} any more in {measure}, "
                                   f"which today's table has ({len(lost)} such); look whether BEA has renamed it")
            rows = pd.concat([rows[rows["year"] < "2009"], new[["side", "industry", "place", "year", "cell"]]])
        parents = rows[rows["side"] == "parents"]
        _bea_csv(folder / f"data/bea/all_parent/{file.replace(' ', '_')}.csv",
                 parents.assign(row=parents["industry"].map(theirs), head="Employees"))  # fmt: skip
        for first, in_file in ((1999, rows["year"] < "2009"), (2009, rows["year"] >= "2009")):
            part = rows[(rows["side"] == "affiliates") & in_file]
            _bea_csv(folder / f"data/bea/mofa/download {file} {first} (mofa).csv",
                     part.assign(row=part["place"], head=part["industry"].map(theirs)))  # fmt: skip
        if measure == "employees_thousands":
            world = rows[(rows["place"] == "All countries") & (rows["year"] >= "2009")]
            wide = world.set_index(["industry", "year", "side"])["cell"].unstack().reset_index()
            joined = wide.assign(k=wide["industry"].map(theirs))[["k", "year", "parents", "affiliates"]]
    joined = joined.rename(columns={"parents": "emp_us_parents_k", "affiliates": "emp_mofa_k"})
    numbers = pd.to_numeric(joined["emp_us_parents_k"], errors="coerce").notna() & pd.to_numeric(
        joined["emp_mofa_k"], errors="coerce").notna()  # fmt: skip
    _save(joined[numbers], folder / "data/bea/joined_parents_mofa_by_industry_2009_2019.csv")


def _bea_csv(path: Path, rows: pd.DataFrame) -> None:
    """In the form of BEA's own download: a line of heads, a line of years, then a line for each place or industry."""
    wide = rows.set_index(["row", "head", "year"])["cell"].unstack(["head", "year"]).fillna("")
    wide = wide.sort_index(axis=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["", *(head for head, _ in wide.columns)])
        writer.writerow(["", *(year for _, year in wide.columns)])
        writer.writerows([name, *cells] for name, cells in zip(wide.index, wide.to_numpy(), strict=True))


FILES = {"country_panel": country_panel, "affiliates_germany": affiliates_germany,
         "affiliates_europe": affiliates_europe, "us_multinationals": us_multinationals}  # fmt: skip


# ------------------------------------------------------------------------------------------------------- the vintage
def specs():
    """`data/build/specs.py` of this checkout."""
    path = data.data_folder() / "build" / "specs.py"
    spec = importlib.util.spec_from_file_location("goingglobal_build_specs", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _vintage(name: str, fetched: dict[str, sources.Fetched], last: int, before: dict) -> dict:
    """What `specs.renewed` needs: the sources that were fetched say so, the others stay as they are.

    `before` is the same of a vintage that was taken over earlier, or empty.
    """
    table = next(table for table in specs().TABLES if table.name == name)
    dates = [part.vintage for part in fetched.values()]
    described, missing = [asdict(source) for source in table.sources], dict(before.get("missing", {}))
    if name == "country_panel":
        described = _country_sources(described, fetched)
        for column in {c for part in fetched.values() for c in part.rows["column"].unique()}:
            missing[column] = "not reported by the publisher in this vintage"
    else:
        for source in described:
            if source["publisher"] in {PUBLISHERS[key] for key in fetched}:
                source["title"] = re.sub(r"-\d{4}\)$", f"-{last})", source["title"])
                source |= {"vintage": max(dates), "note": "Fetched from the publisher's own service."}
    return {"vintage": max(dates), "last_year": last, "sources": described, "missing": missing}


def _country_sources(described: list[dict], fetched: dict[str, sources.Fetched]) -> list[dict]:
    out = [source for source in described
           if not ("worldbank" in fetched and source["publisher"].startswith(("World Bank", "Gapminder")))
           and not ("ilo" in fetched and source["publisher"].startswith("International Labour"))]  # fmt: skip
    own = {"licence": "CC-BY-4.0", "reread": False, "note": "Fetched from the publisher's own service."}
    if "worldbank" in fetched:
        out = [{"title": f"World Development Indicators, {code}", "publisher": "World Bank",
                "path": f"https://data.worldbank.org/indicator/{code}", "vintage": fetched["worldbank"].vintage,
                "columns": (column,), **own} for column, code in sources.WDI.items()] + out  # fmt: skip
    if "ilo" in fetched:
        out.append({"title": "ILOSTAT EMP_2EMP_SEX_ECO_NB, modelled estimates",
                    "publisher": "International Labour Organization", "path": "https://ilostat.ilo.org/data/",
                    "vintage": fetched["ilo"].vintage, "columns": (sources.ILO_COLUMN,), **own})  # fmt: skip
    return out


# ----------------------------------------------------------------------------------------------------- the candidates
def prepare(folder: Path) -> Path:
    """`_build/refresh/data`: today's package with its build code, into which candidates are made."""
    place = folder / "data"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(data.data_folder(), place, ignore=shutil.ignore_patterns("__pycache__"))
    return place


def make(folder: Path, name: str, fetched: dict[str, sources.Fetched]) -> dict:
    """Make one candidate in `folder/data` (see `prepare`); return what `accepting` and `report` need of it.

    Raises `RefreshError` where the build code or a check refuses it; the package there then has today's table.
    """
    who, place, made = ", ".join(sources.SOURCES[key].title for key in fetched) or "refresh", folder / "data", None
    before = data.load(name)
    fetched = {key: part for key, part in fetched.items() if not _same(name, before, part)}
    shutil.rmtree(folder / "sources" / name, ignore_errors=True)
    FILES[name](folder / "sources" / name, fetched)
    vintages = place / "build" / "vintages.json"
    known = json.loads(vintages.read_text(encoding="utf-8"))
    if fetched:
        last = max(int(before["year"].max()), _last(name, fetched))
        write_json(vintages, known | {name: _vintage(name, fetched, last, known.get(name, {}))})
    done = subprocess.run(
        [sys.executable, str(place / "build" / "build.py"), "--sources", str(folder / "sources" / name), "--record",
         "--only", name], capture_output=True, text=True, encoding="utf-8", check=False,
        env=os.environ | {"GOINGGLOBAL_DATA": str(place)})  # fmt: skip
    if done.returncode == 0:
        made = (place / f"{name}.csv").read_bytes()
        faults = suspicions(name, before, _read(place, name))
    else:
        faults = [(done.stderr.strip().splitlines() or ["the build code stopped"])[-1].removeprefix("error: ")]
    if faults:
        write_json(vintages, known)
        restore(place, name)
        raise RefreshError(who, name, f"the candidate fails its checks: {faults[0]}; nothing was taken over")
    return {"table": name, "sealed": data.describe(name)["hash"], "candidate": f"sha256:{sha256(made)}",
            "vintage": json.loads(vintages.read_text(encoding="utf-8")).get(name), "made": today(),
            "remarks": [remark for part in fetched.values() for remark in part.remarks],
            "from": sorted(fetched)}  # fmt: skip


def _same(name: str, before: pd.DataFrame, part: sources.Fetched) -> bool:
    """Whether a source has every value of its columns as sealed, so that its vintage is no newer one."""
    if name != "country_panel":
        return False
    for column, rows in part.rows.dropna(subset=["value"]).groupby("column"):
        theirs = rows.set_index(["iso3", "year"])["value"].sort_index()
        ours = before.set_index(["iso3", "year"])[column].dropna().astype(float).sort_index()
        if not theirs.index.equals(ours.index) or not (theirs == ours).all():
            return False
    return True


def _last(name: str, fetched: dict[str, sources.Fetched]) -> int:
    years = []
    for part in fetched.values():
        rows = part.rows
        filled = rows["cell"].ne("") if "cell" in rows else rows["value"].notna()
        years.append(int(rows.loc[filled, "year"].max()))
    return max(years)


def restore(place: Path, name: str) -> None:
    """Today's table and descriptor in the candidates' package again."""
    path = data.describe(name)["path"]
    shutil.copyfile(data.data_folder() / path, place / path)
    package = json.loads((place / "datapackage.json").read_text(encoding="utf-8"))
    package["resources"] = [data.describe(name) if r["name"] == name else r for r in package["resources"]]
    write_json(place / "datapackage.json", package)


def _read(place: Path, name: str) -> pd.DataFrame:
    """A candidate with the types of its table."""
    resource = next(r for r in json.loads((place / "datapackage.json").read_text(encoding="utf-8"))["resources"]
                    if r["name"] == name)  # fmt: skip
    text = pd.read_csv(place / resource["path"], dtype=str, keep_default_na=False)
    for column in resource["schema"]["fields"]:
        if column["type"] in ("integer", "number"):
            text[column["name"]] = pd.to_numeric(text[column["name"]].replace("", None))
        else:
            text[column["name"]] = text[column["name"]].replace("", None)
    return text


def suspicions(name: str, before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """What passes every check of the schema and is still no newer vintage: another unit, rows by the hundred gone."""
    key, faults = data.describe(name)["schema"]["primaryKey"], []
    old, new = before.set_index(key), after.set_index(key)
    gone = len(old.index.difference(new.index))
    if gone > 0.05 * len(old):
        faults.append(f"{gone} of {len(old)} rows are gone")
    both = old.index.intersection(new.index)
    for column in _numbers(name):
        one, two = old.loc[both, column], new.loc[both, column]
        used = one.notna() & two.notna() & one.ne(0) & two.ne(0)
        if used.sum() >= 5:
            ratio = float((two[used].astype(float) / one[used].astype(float)).abs().median())
            if not 1 / SCALE < ratio < SCALE:
                faults.append(f"field {column}: values are {ratio:.4g} times today's (median): has the unit changed?")
        lost = int((one.notna() & two.isna()).sum())
        if lost > 0.25 * max(1, one.notna().sum()):
            faults.append(f"field {column}: {lost} of {int(one.notna().sum())} values are gone")
    return faults


def _numbers(name: str) -> list[str]:
    resource = data.describe(name)
    return [f["name"] for f in resource["schema"]["fields"]
            if f["type"] in ("integer", "number") and f["name"] not in resource["schema"]["primaryKey"]]  # fmt: skip


def compare(place: Path, name: str) -> dict:
    """Rows added, changed and gone, the largest revisions and possible breaks, as the report tells them."""
    before, after = data.load(name), _read(place, name)
    key = data.describe(name)["schema"]["primaryKey"]
    old, new = before.set_index(key), after.set_index(key)
    added, gone = new.index.difference(old.index), old.index.difference(new.index)
    both = old.index.intersection(new.index)
    fields, revisions = {}, []
    for column in _numbers(name):
        one, two = old.loc[both, column].astype(float), new.loc[both, column].astype(float)
        filled, lost = int((one.isna() & two.notna()).sum()), int((one.notna() & two.isna()).sum())
        moved = one.notna() & two.notna() & ((one - two).abs() > 1e-9 * one.abs().clip(lower=1e-9))
        if filled or lost or moved.any():
            fields[column] = {"changed": int(moved.sum()), "filled": filled, "gone": lost}
        spread = one.std() or 1.0
        for at in (one - two).abs()[moved].nlargest(SHOWN).index:
            revisions.append({"row": _row(key, at), "field": column, "today": one[at], "candidate": two[at],
                              "in_deviations": abs(one[at] - two[at]) / spread})  # fmt: skip
    revisions.sort(key=lambda revision: -revision["in_deviations"])
    return {"rows": {"today": len(old), "candidate": len(new), "added": len(added), "gone": len(gone)},
            "fields": fields, "revisions": revisions[:SHOWN], "breaks": breaks(name, old, new),
            "added": [_row(key, at) for at in added[:SHOWN]], "gone": [_row(key, at) for at in gone[:SHOWN]],
            "same": not (len(added) or len(gone) or fields)}  # fmt: skip


def _row(key: list[str], at: object) -> str:
    return " ".join(map(str, at if isinstance(at, tuple) else (at,)))


def breaks(name: str, old: pd.DataFrame, new: pd.DataFrame) -> list[str]:
    """New years whose step from the year before is more than three times the largest step of the series before."""
    key, found = list(new.index.names), []
    if "year" not in key:
        return found
    rest = [part for part in key if part != "year"]
    last = old.index.get_level_values("year").max()
    for column in _numbers(name):
        wide = new[column].astype(float).unstack("year").sort_index(axis=1)
        steps = wide.diff(axis=1)
        past = steps.loc[:, steps.columns <= last].abs().max(axis=1)
        for year in steps.columns[steps.columns > last]:
            odd = steps[year].abs() > 3 * past
            found += [f"{_row(rest, at)} {year}, {column}: {wide.at[at, year]:g} after "
                      f"{wide.at[at, year - 1]:g}" for at in steps.index[odd]]  # fmt: skip
    return found[:SHOWN]
