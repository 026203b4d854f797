"""The browser's Python itself: Pyodide's core from npm, started by the lite site in Chromium, runs a first cell.

The core and pure packages are real, from their registries. Pyodide's builds of compiled packages (numpy, pandas and
the like) are in none of these, so stand-ins take their place that have every name and do nothing: what is shown is
that the kernel starts, installs the library and imports it; numbers in a browser stay a check by hand.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from conftest import ROOT, Quiet
from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION

from goingglobal.sphinx.elsewhere import lite

pytestmark = [pytest.mark.environments, pytest.mark.browser]

NEEDED = ("micropip", "ipython", "jedi", "pandas", "statsmodels", "scipy", "matplotlib", "joblib", "tqdm", "altair")
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
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is needed here (CI=true)")
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
    files[f"{stem}.dist-info/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    lite._write_wheel(folder / f"{stem}-py3-none-any.whl", files, f"{stem}.dist-info")
    return f"{stem}-py3-none-any.whl"


def release(folder: Path) -> Path:
    """Pyodide's core from npm in `folder`, with the packages that the first cell needs and a lock that names them."""
    done = subprocess.run([tool("npm"), "pack", "--silent", f"pyodide@{PYODIDE_VERSION}"], cwd=folder, check=False,
                          capture_output=True, text=True)  # fmt: skip
    if done.returncode:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no pyodide {PYODIDE_VERSION} from npm: {done.stderr}")
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
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--platform", "any",
         "--python-version", lock["info"]["python"], "--dest", out, *(f"{p['name']}=={p['version']}" for p in pure)], check=True)
    files = {normal(path.name.split("-")[0]): path.name for path in out.glob("*.whl")}
    for name, package in wanted.items():
        package["file_name"] = files.get(name) or stand_in(out, package)
        package["sha256"] = hashlib.sha256((out / package["file_name"]).read_bytes()).hexdigest()
    lock["packages"] = {p["name"]: p for p in wanted.values()}
    (out / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    return out
