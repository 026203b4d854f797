"""Files that the site offers besides pages: `results.json`, `exhibits.json`, a CSV per exhibit, an SVG and a PNG of
each figure.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from sphinx.application import Sphinx

from goingglobal.sphinx import registry
from goingglobal.sphinx.taking import address, citing, pictures

_FIELDS = ("value", "se", "ci_low", "ci_high", "n", "groups", "unit", "text", "chapter", "exhibit", "sample", "method",
           "software", "notes")


def _dump(path: Path, content: dict) -> None:
    fresh = path.with_suffix(path.suffix + ".new")
    text = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    fresh.write_text(text, encoding="utf-8", newline="\n")
    fresh.replace(path)


def _remove_stale(app: Sphinx) -> None:
    """Pages of an earlier build, their sources and files, that the contents no longer name."""
    out, names = Path(app.outdir), {*app.env.found_docs, "index", "genindex", "search", *address.names(app)}
    others = {"_static", *registry.FOLDERS}
    written = [(path, out) for path in out.rglob("*.html") if path.relative_to(out).parts[0] not in others]
    written += [(path, out / "_sources") for path in (out / "_sources").rglob("*") if path.is_file()]
    for path, base in written:
        if path.relative_to(base).with_suffix("").as_posix() not in names:
            path.unlink()
    made = {Path("_images", name) for _, name in app.env.images.values()}
    made |= {Path("_downloads", name) for _, name in app.env.dlfiles.values()}
    for path in [path for folder in ("_images", "_downloads") for path in (out / folder).rglob("*") if path.is_file()]:
        if path.relative_to(out) not in made and "social_previews" not in path.parts:  # those: `address`
            path.unlink()


def _empty_static(app: Sphinx) -> None:
    """Sheets and scripts are copied at every build, none of an earlier one stays."""
    if app.builder.name == "html":
        shutil.rmtree(Path(app.outdir) / "_static", ignore_errors=True)


def write(app: Sphinx, exception: Exception | None) -> None:
    """After a good HTML build: one object of numbers, one of exhibits, and the exhibits' data."""
    if exception is not None or app.builder.name != "html":
        return
    out = Path(app.outdir)
    results = {
        key: {f: {**record, "chapter": record["page"].removeprefix("book/")}.get(f) for f in _FIELDS}
        for key, record in registry.results(app.env).items()
    }
    folder, kept = out / "exhibits", Path(app.doctreedir, "pictures")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    exhibits = {}
    for label, record in registry.exhibits(app.env).items():
        (folder / f"{label}.csv").write_text(record["csv"], encoding="utf-8", newline="\n")
        if record["kind"] == "figure":
            (folder / f"{label}.svg").write_text(pictures.drawing(record["svg"]), encoding="utf-8", newline="\n")
            (folder / f"{label}.png").write_bytes(pictures.picture(record["svg"], kept, pictures.DENSE))
        fields = ("kind", "caption", "alt", "source", "tables", "page", "code", "calls")
        exhibits[label] = {k: record.get(k) for k in fields}
        exhibits[label] |= {"csv": f"exhibits/{label}.csv", "number": citing.number(app.env, label)}
    _remove_stale(app)
    _dump(out / "results.json", results)
    _dump(out / "exhibits.json", exhibits)


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", _empty_static, priority=1)
    app.connect("build-finished", write)
