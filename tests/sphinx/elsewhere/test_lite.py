"""The site for the browser: built from nothing, complete without a registry, opened in Chromium."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import time
import zipfile
from functools import partial
from http.server import ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from threading import Thread

import pytest
from conftest import ROOT, Quiet
from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from goingglobal import __version__, data
from goingglobal.sphinx.elsewhere import launch, lite

CORE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
MAX_BYTES = 32e6  # the whole folder; about 25 MB when this was written


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """What `make lite` puts into the site, built from a copy of what it is made of."""
    root = tmp_path_factory.mktemp("lite")
    for name in (".ci", "book", "src", "data", "pyproject.toml", "README.md", "LICENSE", "LICENSE-CONTENT",
                 "_config.yml", "CITATION.cff"):
        (root / name).symlink_to(ROOT / name)
    (root / "_build").mkdir()
    (root / "_build" / "html").symlink_to(ROOT / "_build" / "html")
    return lite.build(root)


@pytest.fixture(scope="module")
def wheels(folder: Path) -> dict[str, zipfile.ZipFile]:
    """The served wheels by normalised name."""
    found = {re.sub(r"[-_.]+", "-", p.name.split("-")[0]).lower(): p for p in (folder / "pypi").glob("*.whl")}
    return {name: zipfile.ZipFile(io.BytesIO(path.read_bytes())) for name, path in found.items()}


def metadata(wheel: zipfile.ZipFile) -> list[Requirement]:
    name = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
    lines = wheel.read(name).decode().split("\n\n")[0].splitlines()
    return [Requirement(line.partition(":")[2]) for line in lines if line.startswith("Requires-Dist:")]


# ------------------------------------------------------------------------------------------------------- contents
@pytest.mark.outputs
def test_every_notebook_is_there_as_one_reads_it_and_its_cut(folder):
    for path in launch.notebooks(ROOT):
        name = path.relative_to(ROOT)
        source = json.loads(path.read_text(encoding="utf-8"))
        served = json.loads((folder / "files" / name).read_text(encoding="utf-8"))
        text = "".join("".join(c["source"]) for c in served["cells"] if c["cell_type"] == "markdown")
        assert not re.search(r"\{(result|claim|fact|numref|define|cite:\w+)\}|:::|\]\(\.\./", text), name
        if "exercises" in name.parts:  # the students' sheet: without solutions
            assert [c for c in served["cells"] if "solution" in c["metadata"].get("tags", [])] == []
        else:
            code = [(c["id"], "".join(c["source"])) for c in source["cells"] if c["cell_type"] == "code"]
            assert [(c["id"], "".join(c["source"])) for c in served["cells"] if c["cell_type"] == "code"] == code
        short = folder / "files" / launch.cut_name(str(name))
        assert short.is_file() == (launch.cut(source) is not None)
        if short.is_file():
            cells = json.loads(short.read_text(encoding="utf-8"))["cells"]
            left_out = [c for c in cells if set(launch.CUT) & set(c["metadata"].get("tags", []))]
            assert left_out
            assert all(len(c["source"]) == 1 and c["outputs"] == [] for c in left_out)


def test_a_path_to_the_site_becomes_its_words():
    text = ('See [chapter [2]](../book/x.html#y "Claim: \\"so\\" (1)") and [a paper](https://doi.org/1), ![a](#b), '
            '<a href="../exhibits/fig-x.csv">Data (CSV)</a>.')  # fmt: skip
    assert lite.unlinked(text) == "See chapter [2] and [a paper](https://doi.org/1), ![a](#b), Data (CSV)."


@pytest.mark.outputs
def test_no_source_map_and_small(folder):
    assert list(folder.rglob("*.map")) == []
    size = lite.sizes(folder)
    assert size["all"] == sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    assert 0 < size["files"] < size["pypi"] < size["program"] < size["all"] < MAX_BYTES


@pytest.mark.outputs
def test_nothing_is_asked_of_a_registry(folder):
    config = json.loads((folder / "jupyter-lite.json").read_text(encoding="utf-8"))["jupyter-config-data"]
    kernel = config["litePluginSettings"]["@jupyterlite/pyodide-kernel-extension:kernel"]
    assert kernel["disablePyPIFallback"] is True
    assert kernel["pipliteUrls"]
    assert all(url.startswith("./") for url in kernel["pipliteUrls"])
    assert [e["name"] for e in config["federated_extensions"]] == ["@jupyterlite/pyodide-kernel-extension"]


@pytest.mark.outputs
def test_index_names_each_wheel_with_its_digest(folder, wheels):
    index = json.loads((folder / "pypi" / "all.json").read_text(encoding="utf-8"))
    assert set(index) == set(wheels)
    for package in index.values():
        for files in package["releases"].values():
            for file in files:
                content = (folder / "pypi" / file["filename"]).read_bytes()
                assert file["digests"]["sha256"] == hashlib.sha256(content).hexdigest()


# ---------------------------------------------------------------------------------------------------------- wheels
@pytest.mark.outputs
def test_wheels_are_pure_whole_and_carry_their_licences(wheels):
    assert set(wheels) == {"goingglobal", *lite.SERVED}
    for name, wheel in wheels.items():
        names = wheel.namelist()
        assert wheel.testzip() is None
        assert [n for n in names if re.search(r"\.(so|pyd|dll|dylib)(\.|$)|\.libs/", n)] == [], name
        assert [n for n in names if "licen" in n.lower()], name
        record = wheel.read(next(n for n in names if n.endswith("/RECORD"))).decode().splitlines()
        assert {line.rpartition(",")[0].rpartition(",")[0] for line in record} == set(names), name


@pytest.mark.outputs
def test_own_wheel_carries_the_data(wheels):
    inside = {n.removeprefix("goingglobal/_data/") for n in wheels["goingglobal"].namelist() if "/_data/" in n}
    assert inside == {"datapackage.json", *(data.describe(name)["path"] for name in data.table_names())}
    served = wheels["goingglobal"].read("goingglobal/_data/firm_panel.csv")
    assert served == (ROOT / "data" / "firm_panel.csv").read_bytes()


@pytest.mark.outputs
def test_everything_asked_for_is_served_or_in_pyodide(folder, wheels):
    """What Pyodide's installer would find: each requirement of the library and of what is served, extras included."""
    pins, missing = lite.pins(), []
    served = {"goingglobal": __version__} | {name: version(name) for name in lite.SERVED}
    kernel = [zipfile.ZipFile(path) for path in (folder / "extensions").rglob("*.whl")]
    served |= {"pyodide-kernel": version("jupyterlite-pyodide-kernel")}
    assert len(kernel) > 2
    assert {"comm", "jedi", "ipython"} <= {*served, *pins}, "the kernel asks for these when it starts"
    for name, wheel in [*wheels.items(), *(("kernel", part) for part in kernel)]:
        for wanted in metadata(wheel):
            extra = next(iter(re.findall(r"extra == ['\"](\w+)['\"]", str(wanted.marker or ""))), "")
            if extra not in ("", *launch.EXTRAS):
                continue
            place = {"sys_platform": "emscripten", "python_version": "3.14", "extra": extra}
            if wanted.marker and not wanted.marker.evaluate(place):
                continue
            named = canonicalize_name(wanted.name)
            there = served.get(named) or pins.get(named)
            if there is None or not wanted.specifier.contains(there, prereleases=True):
                missing.append(f"{name} wants {wanted}, there is {there}")
    assert missing == []


def test_pins_are_of_the_release_that_jupyterlite_asks_for():
    content = json.loads(lite.PINS.read_text(encoding="utf-8"))
    assert content["release"] == PYODIDE_VERSION, "make pyodide.json again: see goingglobal/sphinx/elsewhere/lite.py"
    stated = re.search(r'requires-python = "([^"]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))[1]
    assert SpecifierSet(stated).contains(content["python"])
    assert "pyfixest" not in content["packages"], "Pyodide has pyfixest now: the stand-in can go"


def test_repacking_leaves_out_compiled_parts_and_needless_requirements(tmp_path):
    wheel = zipfile.ZipFile(lite.repack("diff-diff", tmp_path))
    assert "diff_diff/__init__.py" in wheel.namelist()
    assert [n for n in wheel.namelist() if "_rust_backend" in n] == []
    wheel = zipfile.ZipFile(lite.repack("pysensemakr", tmp_path))
    assert "jupyter" not in {wanted.name for wanted in metadata(wheel)}
    assert {"statsmodels", "scipy"} <= {wanted.name for wanted in metadata(wheel)}


def test_repacking_the_same_twice_gives_the_same_bytes(tmp_path):
    one, other = (lite.repack("seaborn", tmp_path / part) for part in ("a", "b") if (tmp_path / part).mkdir() is None)
    assert one.read_bytes() == other.read_bytes()


def test_repacking_says_what_is_not_installed(tmp_path):
    with pytest.raises(lite.LiteError, match="no-such-package is not installed"):
        lite.repack("no-such-package", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_copy_of_pyodide_is_served_from_a_folder_or_an_archive(tmp_path):
    release = tmp_path / "there" / "pyodide"
    release.mkdir(parents=True)
    for name in (*CORE, "one.whl", "pyodide.mjs.map"):
        (release / name).touch()
    (release / "pyodide-lock.json").write_text('{"packages": {"one": {"file_name": "one.whl"}}}')
    archive = shutil.make_archive(str(tmp_path / "release"), "bztar", tmp_path / "there")
    for number, source in enumerate((tmp_path / "there", archive)):
        lite._copy_of_pyodide(str(source), tmp_path / str(number))
        served = {path.name for path in (tmp_path / str(number) / "static" / "pyodide").iterdir()}
        assert served == {*CORE, "one.whl", "pyodide-lock.json"}
    with pytest.raises(lite.LiteError, match=r"PYODIDE=.*: no release of Pyodide there"):
        lite._copy_of_pyodide(str(ROOT / "tests"), tmp_path / "none")


@pytest.mark.parametrize(("lock", "kept", "words"), [
    ('{"packages": {"one": {"file_name": "one.whl"}, "two": {"file_name": "two.whl"}}}', "one.whl",
     r"PYODIDE=.*: two\.whl \(the package two\) is not there, one of 1 files missing of 5; take the full release"),
    ('{"packages": {"one": {"file_name": "one.whl"}, "two": {"file_name": "two.whl"}}}', None,
     r"one\.whl \(the package one\) is not there, one of 2 files missing of 5"),
    ('{"packages": {"one": {}}}', "one.whl", r"pyodide-lock\.json is no lock of Pyodide's"),
    ('{"packages": ', "one.whl", r"pyodide-lock\.json is no lock of Pyodide's"),
    ("[]", "one.whl", r"pyodide-lock\.json is no lock of Pyodide's"),
])  # fmt: skip
def test_copy_of_pyodide_that_lacks_files_is_refused(tmp_path, lock, kept, words):
    release = tmp_path / "release"
    release.mkdir()
    for name in (*CORE, kept or CORE[0]):
        (release / name).touch()
    (release / "pyodide-lock.json").write_text(lock)
    with pytest.raises(lite.LiteError, match=words):
        lite._copy_of_pyodide(str(release), tmp_path / "work")
    assert not (tmp_path / "work").exists()


def test_failed_build_keeps_the_last_one(tmp_path, monkeypatch):
    (tmp_path / "_build" / "lite").mkdir(parents=True)
    (tmp_path / "_build" / "lite" / "kept").touch()
    with pytest.raises(lite.LiteError, match=r"no reading copies in html/notebooks: build the site first"):
        lite.build(tmp_path)
    copies = tmp_path / "_build" / "html" / "notebooks"
    copies.mkdir(parents=True)
    (copies / "x.ipynb").write_text('{"cells": []}', encoding="utf-8")
    with pytest.raises(lite.LiteError, match="wheel was not built"):
        lite.build(tmp_path)
    assert (tmp_path / "_build" / "lite" / "kept").is_file()


# --------------------------------------------------------------------------------------------------------- browser
@pytest.mark.browser
@pytest.mark.parametrize("path", ["book/introduction.ipynb", "book/support-programs-cut.ipynb"])
@pytest.mark.parametrize("app", ["notebooks", "lab"])
@pytest.mark.outputs
def test_lab_opens_a_chapter_in_chromium(folder, browser, app, path):
    """The program loads from the site alone and shows the notebook; Pyodide itself needs its network."""
    cells = json.loads((folder / "files" / path).read_text(encoding="utf-8"))["cells"]
    title = "".join(cells[0]["source"]).splitlines()[0].removeprefix("# ")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        browser.get_log("performance")
        browser.get(f"http://127.0.0.1:{http.server_port}/{app}/index.html?path={path}")
        for _ in range(300):
            time.sleep(0.1)
            headings = [h.text for h in browser.find_elements("css selector", ".jp-RenderedMarkdown h1")]
            editors = browser.find_elements("css selector", ".jp-CodeCell")
            if headings and editors:
                break
        assert any(heading.startswith(title) for heading in headings)
        assert editors
        events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
        asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
        elsewhere = {url for url in asked if url.startswith("http") and f"127.0.0.1:{http.server_port}" not in url}
        assert {url for url in elsewhere if "/pyodide/" not in url} == set()
        answers = [e["params"]["response"] for e in events if e["method"] == "Network.responseReceived"]
        assert [(answer["status"], answer["url"]) for answer in answers if answer["status"] >= 400] == []
        assert any(answer["url"].endswith("/favicon.ico") for answer in answers)
        browser.get("about:blank")
        http.shutdown()


@pytest.mark.browser
@pytest.mark.outputs
def test_page_says_so_where_python_does_not_start(folder, browser):
    """With the minute cut to two seconds: here Pyodide's network is not to be had."""
    class Impatient(Quiet):
        def do_GET(self):  # noqa: N802 - the library's name
            if not self.path.startswith("/waiting.js"):
                return super().do_GET()
            text = (folder / "waiting.js").read_text(encoding="utf-8")
            assert "LIMIT = 60;" in text
            body = text.replace("LIMIT = 60;", "LIMIT = 2;").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Impatient, directory=folder)) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        browser.get(f"http://127.0.0.1:{http.server_port}/notebooks/index.html?path=book/introduction.ipynb")
        for _ in range(300):
            time.sleep(0.1)
            shown = browser.find_elements("css selector", "[role=alert]#gg-waiting")
            ready = browser.find_elements("css selector", ".jp-Notebook-ExecutionIndicator[data-status=unknown]")
            if shown and ready:
                break
        text = shown[0].text
        assert text.startswith("Python has not started within a minute.")
        assert "Pyodide's public network" in text
        assert "Rerun it anywhere" in text
        # An impatient minute can have begun before the notebook was there: so the sign of life is made by hand.
        sign = "document.querySelector('.jp-Notebook-ExecutionIndicator').dataset.status = "
        browser.execute_script(sign + "'idle'")
        time.sleep(2.5)
        assert browser.find_elements("id", "gg-waiting") == []
        browser.execute_script(sign + "'unknown'")
        for _ in range(100):
            time.sleep(0.1)
            buttons = browser.find_elements("css selector", "#gg-waiting button")
            if buttons:
                break
        buttons[0].click()
        time.sleep(2.5)
        assert browser.find_elements("id", "gg-waiting") == []
        browser.get("about:blank")
        http.shutdown()
