"""Editions: what a site says of itself, archives of editions that are kept, and notices on those that are old.

A site says its version, date, commit, data vintage and DOI (`doi` in `CITATION.cff`, if it has one) in `edition.json`.
The page `editions.html` lists the editions that stand beside the site, each at a path of its own (`editions/0.1.0/`).
They come from archives, one for each edition (`pack`), which nobody changes; what is said of them when the whole is put
together (`beside`) is written into the copies alone, without a script: the list, and on each page of an edition that is
not the newest a notice with a link to the same page of the newest.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from html import escape
from pathlib import Path, PurePosixPath

from packaging.version import InvalidVersion, Version
from sphinx.application import Sphinx

from goingglobal.sphinx import state
from goingglobal.sphinx.taking import address

RECORD, LIST, FOLDER = "edition.json", "editions.json", "editions"
PAGE = f"{address.EDITIONS}.html"
NONE = "No edition is kept beside this site yet."
_FIELDS = ("title", "version", "date", "commit", "data_vintage", "doi")
_PLACE = re.compile(r'(?s)(<div id="kept-editions">).*?(</div>)')
_KEPT = '<h2 id="kept">'
_HEADER = '<header class="gg-top">'
_STAMP = (1980, 1, 1, 0, 0, 0)  # of every file in an archive, so that two are alike
_ENDING = "-site.zip"


class EditionError(RuntimeError):
    """An edition can't be kept or shown; the message says which, and what to do."""


# ----------------------------------------------------------------------------------------------------------- archives
def name(version: str) -> str:
    """The archive of an edition."""
    return f"japanese-smes-going-global-{version}{_ENDING}"


def pack(site: Path, folder: Path) -> Path:
    """Archive a whole site in `folder`, under its version.

    Raises `EditionError` where that edition is there already: an edition is made once.
    """
    version = read(site)["version"]
    made = folder / name(version)
    if made.exists():
        raise EditionError(f"edition {version} exists: {made.name}; an edition is never made anew. Give this one "
                           "another version: make version VERSION=...")
    folder.mkdir(parents=True, exist_ok=True)
    fresh = made.with_name(f"{made.name}.new")
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in site.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(site).as_posix(), _STAMP)
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    fresh.replace(made)
    return made


def read(site: Path) -> dict:
    """What a site says of itself. Raises `EditionError` where it says nothing."""
    try:
        record = json.loads((site / RECORD).read_text(encoding="utf-8"))
        Version(record["version"])
    except (OSError, ValueError, KeyError, TypeError, InvalidVersion) as error:
        raise EditionError(f"{site.name}/{RECORD} does not say which edition this is: {error}") from None
    return record


def _unpack(archive: Path, folder: Path) -> dict:
    """Unpack an archive as `folder`/VERSION/; returns what it says of itself."""
    version = archive.name.removeprefix(name("")[: -len(_ENDING)]).removesuffix(_ENDING)
    out = folder / version
    try:
        with zipfile.ZipFile(archive) as packed:
            for entry in packed.namelist():
                parts = PurePosixPath(entry)
                if parts.is_absolute() or ".." in parts.parts or "\\" in entry:
                    raise EditionError(f"{archive.name} has a file outside of its folder: {entry}")
            packed.extractall(out)
    except (OSError, zipfile.BadZipFile) as error:
        raise EditionError(f"{archive.name} can't be unpacked: {error}; fetch or make it again") from None
    record = read(out)
    if record["version"] != version:
        raise EditionError(f"{archive.name} holds edition {record['version']}; its name must say so")
    return record


# ---------------------------------------------------------------------------------------------------- put together
def beside(site: Path, kept: Path) -> list[dict]:
    """Put the editions archived in `kept` beside a site, newest first; returns what each says of itself.

    Writes into `site`: `editions/VERSION/` each, `editions.json`, the list on every page of editions, and the notices.
    Raises `EditionError` for an archive that is no edition.
    """
    shutil.rmtree(site / FOLDER, ignore_errors=True)
    records = [_unpack(archive, site / FOLDER) for archive in sorted(kept.glob(f"*{_ENDING}"))]
    records.sort(key=lambda record: Version(record["version"]), reverse=True)
    known = [{field: record.get(field, "") for field in _FIELDS} | {"path": f"{FOLDER}/{record['version']}/"}
             for record in records]  # fmt: skip
    listed = json.dumps(known, indent=1, ensure_ascii=False) + "\n"
    (site / LIST).write_text(listed, encoding="utf-8", newline="\n")
    _fill(site / PAGE, known, "")
    for record in known:
        _fill(site / record["path"] / PAGE, known, "../../")
    for old in known[1:]:
        for page in (site / old["path"]).rglob("*.html"):
            _notice(page, site, old, known[0])
    return known


def table(known: list[dict], up: str) -> str:
    """The editions as an HTML table, seen from a page from which the site's root is `up`."""
    if not known:
        return f"<p>{NONE}</p>"
    rows = []
    for at, record in enumerate(known):
        doi = record["doi"]
        cited = f'<a href="https://doi.org/{escape(doi)}">{escape(doi)}</a>' if doi else "none"
        newest = " (the newest)" if at == 0 else ""
        link = f'<a href="{up}{record["path"]}index.html">{escape(record["version"])}</a>'
        cells = (record["date"], record["data_vintage"], record["commit"][:7])
        rows.append(f'<tr style="white-space:nowrap"><th scope="row">{link}{newest}</th>'
                    f"{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}<td>{cited}</td></tr>")
    head = "".join(f'<th scope="col">{words}</th>' for words in ("Edition", "Date", "Data as of", "Commit", "DOI"))
    today = f'<p><a href="{up}index.html">The book as it stands today</a></p>' if up else ""
    return ('<div class="gg-scroll" tabindex="0" role="region" aria-label="Editions"><table class="table"><thead><tr>'
            f"{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>{today}")


def offer(site: Path, files: list[str]) -> None:
    """Name the files of the whole book (paths in the site) on its page of editions."""
    page = site / PAGE
    links = ", ".join(f'<a href="{escape(file)}">{escape(file.rpartition(".")[2].upper())}</a>' for file in files)
    text = page.read_text(encoding="utf-8")
    offered = text.replace(_KEPT, f"<p>The whole book as one file: {links}.</p>\n{_KEPT}", 1)
    page.write_text(offered, encoding="utf-8", newline="\n")


def _fill(page: Path, known: list[dict], up: str) -> None:
    """Write the list into a page of editions; an edition from before there was one has none."""
    if page.is_file():
        text = page.read_text(encoding="utf-8")
        filled = _PLACE.sub(lambda place: f"{place[1]}{table(known, up)}</div>", text, count=1)
        page.write_text(filled, encoding="utf-8", newline="\n")


def _notice(page: Path, site: Path, old: dict, newest: dict) -> None:
    """Say on a page of an old edition that there is a newer one, with a link to the same page there."""
    text = page.read_text(encoding="utf-8")
    if _HEADER not in text:  # a redirect, a deck, JupyterLab
        return
    inside = page.relative_to(site / old["path"]).as_posix()
    same = inside if (site / newest["path"] / inside).is_file() else "index.html"
    up = "../" * (inside.count("/") + 1)
    words = "read this page there" if same == inside else "read it from its first page"
    said = (f'<aside aria-label="Edition" style="padding:.6rem 1rem;border-bottom:3px solid;font-size:1rem">This is '
            f'edition {escape(old["version"])} of {escape(old["date"])}. There is a newer one, '
            f'{escape(newest["version"])} of {escape(newest["date"])}: '
            f'<a style="color:inherit" href="{up}{newest["version"]}/{same}">{words}</a>.</aside>\n')
    page.write_text(text.replace(_HEADER, said + _HEADER, 1), encoding="utf-8", newline="\n")


# --------------------------------------------------------------------------------------------------- inside of Sphinx
def _pages(app: Sphinx) -> Iterator[tuple[str, dict, str]]:
    if app.builder.name == "html":
        yield address.EDITIONS, {"gg_no_editions": NONE}, PAGE


def _record(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        facts = app.config.html_context["gg_edition"]
        state.write(Path(app.outdir) / RECORD, {field: facts.get(field, "") for field in _FIELDS})


def setup(app: Sphinx) -> None:
    app.connect("html-collect-pages", _pages)
    app.connect("build-finished", _record)
