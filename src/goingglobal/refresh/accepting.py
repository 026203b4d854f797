"""A candidate becomes the sealed table, by a person's word: all files of it, or none.

What is to be written is staged first, then named in a journal, then copied; where that was cut short, the next start of
the command copies the rest.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from goingglobal import data
from goingglobal.refresh.fetching import RefreshError, sha256, write, write_json

JOURNAL = "accepting.json"


def resume(root: Path, folder: Path) -> None:
    """Finish what a kill cut short."""
    journal = folder / JOURNAL
    if journal.is_file():
        _copy(root, folder, json.loads(journal.read_text(encoding="utf-8")))


def _copy(root: Path, folder: Path, names: list[str]) -> None:
    for name in names:
        write(root / name, (folder / "staged" / name).read_bytes())
    (folder / JOURNAL).unlink()
    shutil.rmtree(folder / "staged")


def accept(root: Path, folder: Path, table: str) -> list[str]:
    """Take a candidate over; return what a person now has to look at.

    Raises `RefreshError`, with nothing changed, where there is no candidate, it failed its checks, it is not as it was
    checked, or the sealed table changed since.
    """
    def refuse(what: str) -> None:
        raise RefreshError("refresh", table, f"{what}; nothing was changed")

    try:
        told = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        refuse("there is no report of a finished run: run `make refresh` first")
    if table not in told["candidates"]:
        fault = next((fault for fault in told["faults"] if f"table {table}:" in fault), None)
        refuse(f"its candidate failed: {fault}" if fault else "there is no candidate: run `make refresh` first")
    part, place = told["candidates"][table], folder / "data"
    if data.describe(table)["hash"] != part["sealed"]:
        refuse("the sealed table has changed since the candidate was made: run `make refresh` again")
    if fault := next(iter(data.validate([table])), None):
        refuse(str(fault))
    content = (place / f"{table}.csv").read_bytes()
    if f"sha256:{sha256(content)}" != part["candidate"]:
        refuse("the candidate is not as it was checked: run `make refresh` again")
    resource = next(r for r in _json(place / "datapackage.json")["resources"] if r["name"] == table)
    checked = data.check_file(place / f"{table}.csv", resource)
    if resource["hash"] != part["candidate"] or resource["checked"] != checked:
        refuse("the candidate's descriptor does not fit it: run `make refresh` again")
    package = _json(root / "data/datapackage.json")
    package["resources"] = [resource if r["name"] == table else r for r in package["resources"]]
    build = root / "data/build"
    vintages = _json(build / "vintages.json") | {table: part["entry"]}
    checksums = _json(build / "sources.json")
    made = folder / "sources" / table
    for path in sorted(p for p in made.rglob("*") if p.is_file()):
        checksums[path.relative_to(made).as_posix()] = sha256(path.read_bytes())
    staged = {
        f"data/{table}.csv": content, "CHANGELOG.md": _changelog(root, table, part).encode(),
        "data/build/vintages.json": _bytes(vintages),
        "data/build/sources.json": _bytes(dict(sorted(checksums.items()))),
        "data/datapackage.json": _bytes(package),
    }  # fmt: skip
    shutil.rmtree(folder / "staged", ignore_errors=True)
    for name, whole in staged.items():
        write(folder / "staged" / name, whole)
    write_json(folder / JOURNAL, list(staged))
    _copy(root, folder, list(staged))
    return _to_do(table, told)


def _json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def _bytes(content: dict) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def _changelog(root: Path, table: str, part: dict) -> str:
    text, rows = (root / "CHANGELOG.md").read_text(encoding="utf-8"), part["rows"]
    changed = sum(field["changed"] for field in part["fields"].values())
    line = (f"- `{table}`: vintage {part['vintage']}, from {', '.join(part['from'])}; {rows['added']:,} rows added, "
            f"{changed:,} values revised, {rows['gone']:,} rows gone.\n")  # fmt: skip
    head = re.search(r"^## Unreleased\n\n?", text, re.M)
    if head is None:
        first = re.search(r"^## ", text, re.M)
        at = first.start() if first else len(text)
        return f"{text[:at]}## Unreleased\n\n{line}\n{text[at:]}"
    return f"{text[:head.end()]}{line}{text[head.end():]}"


def _to_do(table: str, told: dict) -> list[str]:
    book, vintage = told.get("book"), told["candidates"][table]["vintage"]
    out = [f"{table} is sealed with the vintage {vintage}; CHANGELOG.md has its line: read it",
           "its description and cautions in data/build/specs.py may name years: read them",
           f"`make data` needs the sources of this vintage: keep _build/refresh/sources/{table}/data with your others"]
    if book is None:
        return [*out, "what it does to the book was not computed: `make book`, then `make golden`"]
    if len(told["candidates"]) > 1:
        out.append("the report counts all candidates together; this one alone may move less")
    if book["sentences"]:
        out.append(f"{len(book['sentences'])} sentences to read again: see report.html")
    if book["stopped"]:
        out.append(f"notebooks that stop: {', '.join(book['stopped'])}")
    if book["frozen"]:
        out += [f"{len(book['frozen'])} frozen values to look at again, then `make golden`:", *book["frozen"]]
    return out
