"""Make the data package from its source files. No network; not part of `make book`.

    python data/build/build.py --sources ../shared            # refuses sources whose checksum differs
    python data/build/build.py --sources ../shared --record   # a maintainer records the checksums of new sources
    python data/build/build.py --sources ../shared --only country_panel   # one table, the others stay as they are

Sources are read, never copied. Every table is written to a temporary file and
moved into place only when all of them are good.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from pathlib import Path

import pandas as pd
import specs
import tables

from goingglobal import _console
from goingglobal import data as package_data

HERE = Path(__file__).resolve().parent
DATA = HERE.parent
CHECKSUMS = HERE / "sources.json"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def opener(root: Path, record: bool, known: dict[str, str] | None = None):
    """A function that returns the path of a source, after its checksum has been compared (or put into `known`)."""
    if known is None:
        known = json.loads(CHECKSUMS.read_text(encoding="utf-8"))

    def open_source(name: str) -> Path:
        path = root / name
        if not path.is_file():
            raise tables.SourceError(f"source {name}: no such file under the folder given with --sources")
        digest = sha256(path)
        if record:
            known[name] = digest
        elif known.get(name) != digest:
            raise tables.SourceError(
                f"source {name}: sha256 {digest[:12]}… differs from the recorded {str(known.get(name))[:12]}…; "
                "if this is a new vintage, record it with --record and add a changelog line"
            )
        return path

    return open_source


def resource(table: specs.Table, frame: pd.DataFrame, path: Path) -> dict:
    """The Frictionless descriptor of one table, with what a reader must know of its sources."""
    title, url = specs.LICENCES[table.licence]
    fields = [f.descriptor(round(float(frame[f.name].isna().mean()), 4)) for f in table.fields]
    return {
        "name": table.name, "type": "table", "path": path.name, "scheme": "file", "format": "csv",
        "mediatype": "text/csv", "encoding": "utf-8",
        "title": table.title, "description": table.description,
        "vintage": table.vintage, "rows": len(frame), "bytes": path.stat().st_size,
        "hash": f"sha256:{sha256(path)}",
        "processing": table.processing, "cautions": list(table.cautions),
        "licenses": [{"name": table.licence, "title": title, "path": url}],
        "sources": [
            {"title": s.title, "publisher": s.publisher, "path": s.path, "licence": s.licence,
             "licence_reread": s.reread, "vintage": s.vintage, **({"columns": list(s.columns)} if s.columns else {}),
             **({"note": s.note} if s.note else {})} for s in table.sources
        ],
        "schema": {"fields": fields, "primaryKey": list(table.key), "missingValues": [""]},
    }


def check_limits(table: specs.Table, path: Path) -> None:
    """Refuse rows outside the limits that the descriptor states."""
    text = pd.read_csv(path, dtype=str, keep_default_na=False)
    for f in table.fields:
        cells = text[f.name]
        filled = cells[cells.ne("")]
        bad = cells.eq("") & f.required
        if f.type in ("integer", "number"):
            values = pd.to_numeric(filled)
            low = -float("inf") if f.minimum is None else f.minimum
            high = float("inf") if f.maximum is None else f.maximum
            bad |= ~values.between(low, high).reindex(cells.index, fill_value=True)
        else:
            values = filled
        if f.enum:
            bad |= ~values.isin(f.enum).reindex(cells.index, fill_value=True)
        if f.pattern:
            bad |= ~filled.str.fullmatch(f.pattern).reindex(cells.index, fill_value=True)
        if bad.any():
            row = int(bad.to_numpy().argmax())
            raise tables.SourceError(f"{table.name}, field {f.name}, row {row + 1}: {cells[row]!r} is not allowed")


def make(table: specs.Table, open_source: tables.Open, folder: Path) -> dict:
    """Write one table as CSV into a folder, checked by its schema; return its descriptor."""
    frame = getattr(tables, table.name)(open_source)[[f.name for f in table.fields]]
    if frame.duplicated(list(table.key)).any():
        raise tables.SourceError(f"{table.name}: key {table.key} is not unique")
    path = folder / f"{table.name}.csv"
    frame.to_csv(path, index=False, lineterminator="\n")
    made = resource(table, frame, path)
    check_limits(table, path)
    return made | {"checked": package_data.check_file(path, made)}


def build(root: Path, record: bool = False, only: list[str] | None = None) -> Path:
    """Write every table, or only some, and `datapackage.json`; return the descriptor's path."""
    known = json.loads(CHECKSUMS.read_text(encoding="utf-8")) if CHECKSUMS.exists() else {}
    open_source, target = opener(root, record, known), DATA / "datapackage.json"
    if unknown := set(only or ()) - {table.name for table in specs.TABLES}:
        raise tables.SourceError(f"no such table: {', '.join(sorted(unknown))}")
    wanted = [table for table in specs.TABLES if not only or table.name in only]
    with tempfile.TemporaryDirectory(dir=DATA) as scratch:
        resources = []
        for table in wanted:
            resources.append(make(table, open_source, Path(scratch)))
            print(f"{table.name:28} {resources[-1]['rows']:>7} rows {resources[-1]['bytes'] / 1e6:6.2f} MB")
        if only:
            made = {r["name"]: r for r in resources}
            before = json.loads(target.read_text(encoding="utf-8"))["resources"]
            resources = [made.get(r["name"], r) for r in before]
        package = {
            "name": "japanese-smes-going-global", "title": "Data of the book 'Japanese SMEs going global, re-examined'",
            "version": "1.0.0", "profile": "data-package",
            "licenses": [{"name": specs.CC_BY, "title": "Creative Commons Attribution 4.0 (our arrangement; each "
                          "resource states its own)", "path": specs.LICENCES[specs.CC_BY][1]}],
            "resources": resources,
        }
        for table in wanted:
            (Path(scratch) / f"{table.name}.csv").replace(DATA / f"{table.name}.csv")
    if record:
        text = json.dumps(dict(sorted(known.items())), indent=1) + "\n"
        CHECKSUMS.write_text(text, encoding="utf-8", newline="\n")
    target.write_text(json.dumps(package, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    return target


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", type=Path, required=True, help="folder that holds data/ and evidence/")
    parser.add_argument("--record", action="store_true", help="record the sources' checksums instead of checking")
    parser.add_argument("--only", nargs="+", metavar="TABLE", help="make these tables, leave the others as they are")
    args = parser.parse_args()
    try:
        print(f"wrote {build(args.sources, args.record, args.only).relative_to(DATA.parent)}")
    except (tables.SourceError, package_data.DataError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    _console.forgive()
    sys.exit(main())
