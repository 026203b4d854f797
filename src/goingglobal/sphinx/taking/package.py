"""The data package for readers: `data/` of the site, at addresses that stay.

It holds the descriptor and every table byte for byte as they lie in the repository, so that the package is as valid
there as here; beside each table the same as Parquet, for programs that would guess types; and the package as one zip.

`{data-files}`   lists these files
"""

from __future__ import annotations

import hashlib
import posixpath
import shutil
import zlib
from html import escape
from importlib.metadata import version
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.addnodes import download_reference
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.osutil import relative_uri

from goingglobal import data
from goingglobal.sphinx import state

FOLDER, DESCRIPTOR = "data", "datapackage.json"
ZIP = "japanese-smes-going-global.zip"
TYPES = {"integer": "BIGINT", "number": "DOUBLE", "date": "DATE", "string": "VARCHAR"}  # the descriptor's → DuckDB's
MADE = "data.json"  # beside the doctrees: what the folder was last made from


class data_files(nodes.General, nodes.Element):
    """Where the list of the package's files stands."""


# ------------------------------------------------------------------------------------------------------- the files
def _quoted(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def write_parquet(names: list[str], folder: Path) -> None:
    """Write tables as Parquet: types as the descriptor says, an empty cell as null, rows in the CSV file's order.

    The same table gives the same bytes. A file's own metadata hold title, vintage, licence and the CSV's sha256.
    Raises duckdb's own error for a table that does not fit its descriptor.
    """
    import duckdb

    settings = {"threads": 1, "autoinstall_known_extensions": False, "autoload_known_extensions": False}
    with duckdb.connect(config=settings) as base:
        for name in names:
            table = data.describe(name)
            source = data.data_folder() / table["path"]
            base.execute(_copy(table, source, folder / source.with_suffix(".parquet").name))


def _copy(table: dict, source: Path, target: Path) -> str:
    """The statement that writes a table as Parquet."""
    columns = ", ".join(f"{_quoted(f['name'])}: {_quoted(TYPES[f['type']])}" for f in table["schema"]["fields"])
    told = {"title": table["title"], "vintage": table["vintage"], "csv": table["hash"],
            "licence": ", ".join(dict.fromkeys(s["licence"] for s in table["sources"]))}
    metadata = ", ".join(f"{name}: {_quoted(words)}" for name, words in told.items())
    return (f"COPY (SELECT * FROM read_csv({_quoted(source.as_posix())}, auto_detect = false, header = true, "
            f"delim = ',', quote = '\"', escape = '\"', nullstr = '', columns = {{{columns}}})) "
            f"TO {_quoted(target.as_posix())} (FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{metadata}}})")


def write_zip(files: list[Path], target: Path) -> None:
    """Write files into one flat archive that is the same each time."""
    with ZipFile(target, "w") as archive:
        for path in sorted(files):
            entry = ZipInfo(path.name)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # as on Linux, wherever it is made
            archive.writestr(entry, path.read_bytes(), ZIP_DEFLATED)


def sources() -> list[Path]:
    """The descriptor and every table as it was sealed. Raises `DataError` where one is not."""
    folder = data.data_folder()
    files = [folder / DESCRIPTOR]
    for name in data.table_names():
        table = data.describe(name)
        path = folder / table["path"]
        found = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no such file"
        if found != table["hash"]:
            raise data.DataError(name, f"expected {path.name} as sealed ({table['hash'][:19]}…), found {found[:19]}; "
                                 f"python -m goingglobal.data check {name} says what differs")
        files.append(path)
    return files


def names() -> list[str]:
    """Names of all files of the folder."""
    tables = [data.describe(name)["path"] for name in data.table_names()]
    return [DESCRIPTOR, ZIP, *tables, *(Path(name).with_suffix(".parquet").name for name in tables)]


def write(folder: Path) -> None:
    """Write the package into a folder, which holds these files and nothing else of their kinds afterwards.

    Raises `DataError` where a table is not as it was sealed; nothing is written then.
    """
    files = sources()
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.suffix != ".html":  # the address without a name leads to the page on data
            path.unlink()
    for path in files:
        shutil.copyfile(path, folder / path.name)
    write_zip(files, folder / ZIP)
    write_parquet(data.table_names(), folder)


def _made_from() -> str:
    return state.digest([Path(__file__), *sources()], version("duckdb"), zlib.ZLIB_RUNTIME_VERSION)


def _write(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.name != "html":
        return
    folder, stamp = Path(app.outdir, FOLDER), Path(app.doctreedir, MADE)
    try:
        made = {"from": _made_from(), "files": names()}
        if state.read(stamp) == made and all((folder / name).is_file() for name in names()):
            return
        stamp.unlink(missing_ok=True)
        write(folder)
    except data.DataError as error:
        raise ExtensionError(str(error)) from None
    state.write(stamp, made)


# ------------------------------------------------------------------------------------------------------- on pages
def _keep_addresses(app: Sphinx, document: nodes.document) -> None:
    """A link to a file of the package leads to the folder, not to a copy under a name that changes."""
    place, here = data.data_folder().resolve(), app.env.docname
    for node in document.findall(download_reference):
        known, path = app.env.relfn2path(node["reftarget"], here)
        if "filename" in node and Path(path).resolve().parent == place:
            app.env.dlfiles.pop(known, None)
            node["refuri"] = posixpath.relpath(f"{FOLDER}/{Path(path).name}", posixpath.dirname(here) or ".")


class DataFiles(Directive):
    """`{data-files}`: every file of the package, with links."""

    def run(self):
        return [data_files()]


def _visit_data_files(self, node: nodes.Element) -> None:
    here = self.builder.get_target_uri(self.builder.current_docname)

    def link(name: str, words: str) -> str:
        return f'<a href="{relative_uri(here, f"{FOLDER}/{name}")}" download>{escape(words)}</a>'

    rows = []
    for name in data.table_names():
        table = data.describe(name)
        parquet = Path(table["path"]).with_suffix(".parquet").name
        rows.append(f'<tr><td><a href="#tab-fields-{name.replace("_", "-")}">{escape(table["title"])}</a></td>'
                    f'<td>{link(table["path"], table["path"])} ({table["bytes"] / 1e3:,.0f} kB), '
                    f"{link(parquet, 'Parquet')}</td></tr>")
    self.body.append(
        f"<ul><li>{link(DESCRIPTOR, DESCRIPTOR)}: the descriptor.</li><li>{link(ZIP, ZIP)}: descriptor and CSV files "
        'in one archive.</li></ul>\n<div class="table-wrapper docutils container"><table class="docutils"><thead><tr>'
        f'<th>Table</th><th>Files</th></tr></thead><tbody>{"".join(rows)}</tbody></table>'
        "</div>\n")
    raise nodes.SkipNode


def _skip(self, node: nodes.Element) -> None:
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    app.add_directive("data-files", DataFiles)
    app.add_node(data_files, html=(_visit_data_files, None), epub=(_visit_data_files, None), latex=(_skip, None),
                 text=(_skip, None))
    app.connect("doctree-read", _keep_addresses, priority=900)
    app.connect("build-finished", _write)
