"""`make lite`: JupyterLab in the reader's browser, on Pyodide, with the book's notebooks, library and data.

The result is a folder of static files, `_build/lite`, which the site carries as `lite/`. It serves the library, its
data and every package that Pyodide's own distribution lacks as pure wheels, so nothing is asked of a package registry;
Pyodide itself comes from its public network, or from a copy named by `PYODIDE`. Compiled packages are those of
Pyodide's release, listed in `pyodide.json`.

    python -m goingglobal.sphinx.elsewhere.lite                           # what `make lite` runs
    python -m goingglobal.sphinx.elsewhere.lite wheels FOLDER             # only the wheels
    python -m goingglobal.sphinx.elsewhere.lite pins pyodide-lock.json    # maintainers: for another release
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from goingglobal import __version__, _console
from goingglobal.sphinx import registry
from goingglobal.sphinx.build import UTF8
from goingglobal.sphinx.build import main as build_site
from goingglobal.sphinx.edition import book
from goingglobal.sphinx.elsewhere import launch
from goingglobal.sphinx.state import commit_time

PINS = Path(__file__).with_name("pyodide.json")
# Pure Python beside a compiled part that can be left out (diff-diff), or needless requirements (pysensemakr asks for
# all of Jupyter); the kernel itself asks for comm. Each is served as it is installed here, less what WITHOUT names;
# licences stay in.
SERVED = ("seaborn", "diff-diff", "pysensemakr", "comm", "pandera", "typeguard", "typing-inspect", "mypy-extensions")
WITHOUT = {"pysensemakr": {"jupyter"}}
APPS = ("lab", "notebooks", "tree", "edit")
WAITING = Path(__file__).with_name("waiting.js")
_STAMP = (1980, 1, 1, 0, 0, 0)  # of every file in a wheel, so that two builds are alike
_TO_SITE = re.compile(r"""\[(?P<words>(?:[^\[\]]|\[[^\]]*\])*)\]\(\.\./[^)\s]*(?:\s+"(?:[^"\\]|\\.)*")?\)"""
                      r"""|<a href="\.\./[^"]*"[^>]*>(?P<shown>.*?)</a>""", re.DOTALL)  # fmt: skip
_COMPILED = re.compile(r"\.(so|pyd|dll|dylib)(\.\d+)*$|^[\w.-]+\.(libs|dylibs)/")


class LiteError(RuntimeError):
    """The site for the browser can't be made; the message says what is missing."""


def pins() -> dict[str, str]:
    """Name → version of the packages in Pyodide's release."""
    return json.loads(PINS.read_text(encoding="utf-8"))["packages"]


# ---------------------------------------------------------------------------------------------------------- wheels
def _metadata(found: Distribution, without: set[str]) -> str:
    """A distribution's METADATA less the requirements in `without`, and less those of extras."""
    lines, kept = found.read_text("METADATA").split("\n"), []
    for line in lines:
        if line.startswith("Requires-Dist:"):
            wanted = Requirement(line.removeprefix("Requires-Dist:"))
            if wanted.name in without or "extra" in str(wanted.marker or ""):
                continue
        kept.append(line)
    return "\n".join(kept)


def _write_wheel(path: Path, files: dict[str, bytes], info: str) -> None:
    """A wheel of `files`, its RECORD last."""
    record = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            digest = base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).decode().rstrip("=")
            record.append(f"{name},sha256={digest},{len(files[name])}")
            archive.writestr(zipfile.ZipInfo(name, _STAMP), files[name], zipfile.ZIP_DEFLATED)
        lines = "\n".join([*record, f"{info}/RECORD,,"]) + "\n"
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD", _STAMP), lines, zipfile.ZIP_DEFLATED)


def repack(name: str, folder: Path) -> Path:
    """The installed distribution `name` as a pure wheel in `folder`, without compiled parts.

    Raises `LiteError` where it is not installed, or where its compiled part is all there is.
    """
    try:
        found = distribution(name)
    except ImportError:
        raise LiteError(f"{name} is not installed; run this in the environment of `make book`") from None
    parts = [f for f in found.files or () if ".." not in f.parts and "__pycache__" not in f.parts]
    info = next(f.parts[0] for f in parts if f.parts[0].endswith(".dist-info"))
    files = {f.as_posix(): f.locate().read_bytes() for f in parts
             if not _COMPILED.search(f.as_posix()) and (f.parts[0] != info or "licen" in f.as_posix().lower())}
    if not any(file.endswith(".py") for file in files):
        raise LiteError(f"{name} has no Python to serve")
    made = "goingglobal, without compiled parts" if len(files) < len(parts) else "goingglobal"
    files[f"{info}/METADATA"] = _metadata(found, WITHOUT.get(name, set())).encode()
    about = f"Wheel-Version: 1.0\nGenerator: {made}\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/WHEEL"] = about.encode()
    wheel = folder / f"{info.removesuffix('.dist-info')}-py3-none-any.whl"
    _write_wheel(wheel, files, info)
    return wheel


def wheels(root: Path, folder: Path) -> list[Path]:
    """The book's own wheel, with its data, and those that Pyodide lacks, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=root, env={**os.environ, "SOURCE_DATE_EPOCH": _epoch(root)}, check=False,
                          capture_output=True, encoding="utf-8", errors="replace")  # fmt: skip
    own = folder / f"goingglobal-{__version__}-py3-none-any.whl"
    if done.returncode or not own.is_file():
        raise LiteError(f"the library's wheel was not built:\n{done.stdout}{done.stderr}")
    made = [own, *(repack(name, folder) for name in SERVED)]
    for wheel in made:
        os.utime(wheel, (int(_epoch(root)),) * 2)  # JupyterLite's index says when each was made
    return made


def _epoch(root: Path) -> str:
    return commit_time(root) or "315532800"


# ------------------------------------------------------------------------------------------------------------ site
def _settings(folder: Path, title: str) -> None:
    """What the kernel may do: take packages from this site and from Pyodide, and from nowhere else."""
    kernel = {"@jupyterlite/pyodide-kernel-extension:kernel": {"disablePyPIFallback": True}}
    config = {"jupyter-lite-schema-version": 0, "jupyter-config-data": {
        "appName": title, "litePluginSettings": kernel}}  # fmt: skip
    (folder / "jupyter-lite.json").write_text(json.dumps(config, indent=1), encoding="utf-8", newline="\n")


def unlinked(text: str) -> str:
    """A reading copy as it stands in the program, where a path to a page of the site leads nowhere: words stay."""
    return _TO_SITE.sub(lambda found: found["words"] or found["shown"], text)


def _contents(site: Path, folder: Path) -> None:
    """The notebooks that a reader opens: reading copies and students' sheets of the site, and cuts of them."""
    copies = {path.relative_to(site / "notebooks"): path for path in (site / "notebooks").rglob("*.ipynb")}
    copies |= {Path(registry.SHEETS, path.name): path for path in (site / registry.SHEETS).glob("*.ipynb")}
    if not copies:
        raise LiteError(f"no reading copies in {site.name}/notebooks: build the site first (make book)")
    for name, path in sorted(copies.items()):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            for part in (cell, *(output.get("data", {}) for output in cell.get("outputs", []))):
                for key in {"source", "text/html"} & part.keys():
                    whole = unlinked("".join(part[key]))
                    part[key] = whole.splitlines(keepends=True) if isinstance(part[key], list) else whole
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        for target, content in ((place, notebook), (place.with_name(launch.cut_name(name.name)), launch.cut(notebook))):
            if content is not None:
                text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
                target.write_text(text, encoding="utf-8", newline="\n")


def _copy_of_pyodide(named: str, work: Path) -> None:
    """Pyodide's release, a folder or an archive, where JupyterLite looks for a copy to serve."""
    source = Path(named).resolve()
    if source.is_file():
        shutil.unpack_archive(source, work / "unpacked", filter="data")
        source = work / "unpacked"
    found = [path.parent for path in source.rglob("pyodide.mjs") if path.with_name("pyodide-lock.json").is_file()]
    if not found:
        raise LiteError(f"PYODIDE={named}: no release of Pyodide there, with pyodide.mjs and pyodide-lock.json")
    _complete(found[0], named)
    shutil.copytree(found[0], work / "static" / "pyodide", ignore=shutil.ignore_patterns("*.map"))


def _complete(release: Path, named: str) -> None:
    """Refuses a release whose lock names files that aren't there: the reader's Python would wait for them for ever.

    Lengths and hashes are Pyodide's own to check, in the browser.
    """
    lock = release / "pyodide-lock.json"
    try:
        packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
        files = {name: package["file_name"] for name, package in packages.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LiteError(f"PYODIDE={named}: pyodide-lock.json is no lock of Pyodide's: expected is an object `packages` "
                        "whose entries have a `file_name`; take the full release anew") from None
    needed = {"pyodide.asm.mjs": "its core", "pyodide.asm.wasm": "its core", "python_stdlib.zip": "its core"}
    needed |= {file: f"the package {name}" for name, file in files.items() if "://" not in file}
    missing = [file for file in needed if not (release / file).is_file()]
    if missing:
        first = f"{missing[0]} ({needed[missing[0]]})"
        raise LiteError(f"PYODIDE={named}: {first} is not there, one of {len(missing)} files missing of {len(needed)}; "
                        "take the full release of Pyodide, not its core alone")


def _finish(out: Path) -> None:
    """Gives every page of the program its icon, and the script that says when Python does not start."""
    shutil.copyfile(out / APPS[0] / "favicon.ico", out / "favicon.ico")
    script = WAITING.read_text(encoding="utf-8")
    place = "this site" if (out / "static" / "pyodide").is_dir() else "Pyodide's public network"
    (out / "waiting.js").write_text(script.replace("PLACE", place), encoding="utf-8", newline="\n")
    for page in (out / "index.html", *(out / app / "index.html" for app in APPS)):
        top = "." if page.parent == out else ".."
        text = page.read_text(encoding="utf-8")
        added = f'<link rel="icon" href="{top}/favicon.ico">'
        if page.parent != out:
            added += f'\n    <script src="{top}/waiting.js" defer></script>'
        head = text.replace("<head>", f"<head>\n    {added}", 1)
        if head == text:
            raise LiteError(f"{page.relative_to(out)} of JupyterLite has no <head>: does its release fit?")
        page.write_text(head, encoding="utf-8", newline="\n")


def build(root: Path) -> Path:
    """Build `_build/lite`; returns it. A failed build leaves the last one as it was. Raises `LiteError`."""
    extension = Path(sys.prefix) / "share/jupyter/labextensions/@jupyterlite/pyodide-kernel-extension"
    if importlib.util.find_spec("jupyterlite_core") is None or not extension.is_dir():
        raise LiteError("JupyterLite is not installed here: run make lite")
    work, out = root / "_build" / "work" / "lite", root / "_build" / "lite"
    shutil.rmtree(work, ignore_errors=True)
    _contents(root / "_build" / "html", work / "contents" / "book")
    if os.environ.get("PYODIDE"):
        _copy_of_pyodide(os.environ["PYODIDE"], work)
    wheels(root, work / "pypi")
    _settings(work, book(root))
    command = [
        sys.executable, "-m", "jupyterlite_core", "build", "--lite-dir", str(work), "--contents",
        str(work / "contents"), "--output-dir", str(work / "out"), "--no-sourcemaps", "--no-unused-shared-packages",
        "--ignore-sys-prefix", "--no-libarchive", "--source-date-epoch", _epoch(root),
        f"--LiteBuildConfig.federated_extensions={extension}",
        *(word for app in APPS for word in ("--apps", app)),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=work, env={**os.environ, **UTF8}, check=False, stdin=subprocess.DEVNULL,
                          capture_output=True, encoding="utf-8", errors="replace")
    if done.returncode or not (work / "out" / "lab" / "index.html").is_file():
        raise LiteError(f"JupyterLite was not built:\n{done.stdout}{done.stderr}")
    for stray in (work / "out").rglob("*.map"):
        stray.unlink()
    _finish(work / "out")
    shutil.rmtree(out, ignore_errors=True)
    (work / "out").rename(out)
    return out


def sizes(out: Path) -> dict[str, int]:
    """Bytes of the whole folder, and of its notebooks (`files`), wheels (`pypi`) and program (`program`)."""
    whole = {path.relative_to(out): path.stat().st_size for path in out.rglob("*") if path.is_file()}
    part = {name: sum(size for path, size in whole.items() if path.parts[0] == name) for name in ("files", "pypi")}
    total = sum(whole.values())
    return {"all": total, **part, "program": total - sum(part.values())}


def write_pins(lock: Path) -> None:
    """`pyodide.json` from a release's `pyodide-lock.json`: what a smoke test must install to be like Pyodide.

    The lock is in the npm package `pyodide` of the release that the installed JupyterLite kernel asks for.
    """
    from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION

    found = json.loads(lock.read_text(encoding="utf-8"))
    packages = {n: p for n, p in found["packages"].items() if p["package_type"] == "package" and n[-6:] != "-tests"}
    content = {
        "release": PYODIDE_VERSION, "python": found["info"]["python"],
        "sha256_of_lock": hashlib.sha256(lock.read_bytes()).hexdigest(),
        "packages": {re.sub(r"[-_.]+", "-", n).lower(): packages[n]["version"] for n in sorted(packages)},
    }  # fmt: skip
    PINS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8", newline="\n")


def main(arguments: list[str]) -> int:
    root = Path.cwd()
    try:
        if arguments[:1] == ["pins"]:
            write_pins(Path(arguments[1]))
        elif arguments[:1] == ["wheels"]:
            print(*wheels(root, Path(arguments[1])), sep="\n")
        else:
            done = build_site(root)  # the program holds its reading copies
            out = None if done else build(root)
            done = done or build_site(root, lite=out)
            if done:
                return done
            size = {name: f"{number / 1e6:.1f} MB" for name, number in sizes(out).items()}
            source = "the copy in it" if os.environ.get("PYODIDE") else "its public network when a reader starts it"
            print(f"with Python in the browser in lite/: {size['all']} (program {size['program']}, library and data "
                  f"{size['pypi']}, notebooks {size['files']}); Pyodide and its packages come from {source}")
    except LiteError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    _console.forgive()
    sys.exit(main(sys.argv[1:]))
