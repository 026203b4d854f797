"""The browser's Python itself: Pyodide's core from npm, started by the lite site in Chromium, runs a first cell.

The core and pure packages are real, from their registries. Pyodide's builds of compiled packages (numpy, pandas and
the like) are in none of these, so stand-ins take their place that have every name and do nothing: what is shown is
that the kernel starts, installs the library and imports it; numbers in a browser stay a check by hand.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import time
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from conftest import ROOT, Quiet
from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION

from goingglobal.sphinx.elsewhere import lite

pytestmark = [pytest.mark.environments, pytest.mark.far, pytest.mark.browser]

NEEDED = ("micropip", "ipython", "jedi", "pandas", "statsmodels", "scipy", "matplotlib", "cloudpickle", "joblib",
          "tqdm", "altair", "pydantic")  # fmt: skip
STAND_IN = '''
import importlib.abc, importlib.machinery, sys

class Anything:
    """Has every name, can be called, iterated over, and be a base of classes."""
    def __init__(self, *_, **__): pass
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()
    def __call__(self, *_, **__): return Anything()
    def __iter__(self): return iter(())
    def __getitem__(self, _): return Anything()
    def __or__(self, _): return Anything()
    __ror__ = __or__
    def __mro_entries__(self, _): return (Anything,)

class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.startswith(__name__ + "."):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
    def exec_module(self, module):
        module.__getattr__ = __getattr__

def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return Anything()

sys.meta_path.append(Finder())
'''


def tool(name: str) -> str:
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not on the PATH")
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def stand_in(folder: Path, package: dict) -> str:
    """A pure wheel of the package's name and version, whose modules have every name."""
    stem = f"{package['name'].replace('-', '_')}-{package['version']}"
    about = f"Metadata-Version: 2.1\nName: {package['name']}\nVersion: {package['version']}\n"
    files = {f"{name}/__init__.py": f"__version__ = {package['version']!r}\n{STAND_IN}".encode()
             for name in package["imports"] if "." not in name}  # fmt: skip
    files[f"{stem}.dist-info/METADATA"] = about.encode()
    files[f"{stem}.dist-info/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    lite._write_wheel(folder / f"{stem}-py3-none-any.whl", files, f"{stem}.dist-info")
    return f"{stem}-py3-none-any.whl"


def release(folder: Path) -> Path:
    """Pyodide's core from npm in `folder`, with the packages that the first cell needs and a lock that names them."""
    done = subprocess.run([tool("npm"), "pack", "--silent", f"pyodide@{PYODIDE_VERSION}"], cwd=folder, check=False,
                          capture_output=True, text=True)  # fmt: skip
    if done.returncode:
        pytest.skip(f"no pyodide {PYODIDE_VERSION} from npm: {done.stderr.strip()[-200:]}")
    with tarfile.open(folder / done.stdout.split()[-1]) as archive:
        archive.extractall(folder, filter="data")
    out = folder / "package"
    lock = json.loads((out / "pyodide-lock.json").read_text(encoding="utf-8"))
    packages, wanted, open_ = {normal(name): p for name, p in lock["packages"].items()}, {}, list(NEEDED)
    while open_:
        name = normal(open_.pop())
        if name not in wanted:
            wanted[name] = packages[name]
            open_ += packages[name]["depends"]
    pure = [p for p in wanted.values() if p["file_name"].endswith("none-any.whl")]
    exactly = [f"{p['name']}=={p['version']}" for p in pure]
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--platform", "any",
         "--python-version", lock["info"]["python"], "--dest", out, *exactly], check=True)  # fmt: skip
    files = {normal(path.name.split("-")[0]): path.name for path in out.glob("*.whl")}
    for name, package in wanted.items():
        package["file_name"] = files.get(name) or stand_in(out, package)
        package["sha256"] = hashlib.sha256((out / package["file_name"]).read_bytes()).hexdigest()
    lock["packages"] = wanted
    (out / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    return out


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Path:
    """The lite site, with Pyodide's core and the packages that the first cell needs in it."""
    root, work = tmp_path_factory.mktemp("kernel"), tmp_path_factory.mktemp("release")
    for name in (".ci", "book", "src", "data", "pyproject.toml", "README.md", "LICENSE", "LICENSE-CONTENT",
                 "_config.yml", "CITATION.cff"):  # fmt: skip
        (root / name).symlink_to(ROOT / name)
    (root / "_build").mkdir()
    (root / "_build" / "html").symlink_to(ROOT / "_build" / "html")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYODIDE", str(release(work)))
        return lite.build(root)


def test_kernel_starts_and_runs_the_first_cell(served, browser):
    from selenium.webdriver import ActionChains, Keys

    status = "return document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status"
    cell = "const c = document.querySelector('.jp-CodeCell'); return c && "
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=served)) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        browser.get_log("performance")
        browser.get(f"http://127.0.0.1:{http.server_port}/notebooks/index.html?path=book/introduction.ipynb")

        def until(what: str, holds) -> None:
            for _ in range(1200):
                if holds():
                    return
                time.sleep(0.2)
            pytest.fail(f"{what}: the kernel is {browser.execute_script(status)}, the cell shows "
                        f"{browser.execute_script(cell + 'c.innerText')!r}")

        until("no kernel was asked for", lambda: browser.execute_script(status) == "unknown")
        until("Python did not start", lambda: browser.execute_script(status) == "idle")
        editor = browser.find_element("css selector", ".jp-CodeCell .cm-content")
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", editor)
        editor.click()
        ActionChains(browser).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()
        prompt = cell + "c.querySelector('.jp-InputPrompt').textContent"
        until("the first cell did not end", lambda: re.fullmatch(r"\[\d+\]:", browser.execute_script(prompt) or ""))
        assert browser.execute_script(prompt) == "[1]:"
        shown = browser.execute_script(
            cell + "[...c.querySelectorAll('.jp-OutputArea-output')].map(o => o.textContent)")
        assert shown == ["Installing the library ...\n"]  # and no word of an error
        events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
        asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
        assert [url for url in asked if url.startswith("http") and f"127.0.0.1:{http.server_port}" not in url] == []
        browser.get("about:blank")
        http.shutdown()
