"""The rooms of the library: imports run one way, nobody takes another's private names, every module has its tests.

Each rule is a function of sources, by the module's dotted name, so that small made-up modules show that it can fail.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from conftest import ROOT

PACKAGE = ROOT / "src" / "goingglobal"
TESTS = ROOT / "tests"
# What a module (or a folder) may stand on. A later line is never in an earlier one.
STANDS_ON: dict[str, set[str]] = {"_console": set(), "_display": set(), "data": {"_console"}, "theme": set()}
STANDS_ON["samples"] = {"data"}
STANDS_ON["ledger"] = {"data", "samples"}
STANDS_ON["models"] = {"_display", "data", "samples"}
STANDS_ON["teaching"] = STANDS_ON["absorbing"] = {"models"}
STANDS_ON["designs"] = STANDS_ON["specifications"] = STANDS_ON["models"] | {"models"}
STANDS_ON["results"] = STANDS_ON["designs"] | {"designs", "specifications"}
STANDS_ON["charts"] = STANDS_ON["results"] | {"theme"}
STANDS_ON["narrow"] = {"theme"}
STANDS_ON["projected"] = {"theme", "narrow"}
STANDS_ON["exhibits"] = STANDS_ON["charts"] | {"results", "charts", "narrow", "projected"}
STANDS_ON["explorers"] = STANDS_ON["own"] = STANDS_ON["exhibits"] | {"exhibits", "absorbing"}
STANDS_ON["sphinx"] = set(STANDS_ON)
STANDS_ON["refresh"] = {"_console", "data", "results", "samples"}  # and nothing on it: the book is built without
# The same inside folders. An `__init__` is its folder's index: it may name all that lies in it.
INSIDE: dict[str, dict[str, set[str]]] = {
    "samples": {"common": set()} | {
        name: {"common"} for name in ("countries", "firms", "industries", "published", "studies")} | {
        "jobs": {"common", "firms"}, "support": {"common", "firms", "jobs"}},
    "own": {"words": set(), "files": set(), "rules": {"words"}, "check": {"rules", "words"},
            "tables": {"rules", "check", "files", "words"}, "analyses": {"check", "words"},
            "engines": {"rules", "check", "files", "words"}, "generated": {"engines"},
            "large": {"rules", "check", "analyses", "engines", "generated"},
            "surveys": {"check", "analyses", "files", "tables", "words"}},
    "sphinx": {"settings": set(), "state": {"settings"}, "kernels": set(), "build": {"state", "kernels"},
               "serve": {"build"}, "watch": {"state", "build", "serve"}, "edition": {"state", "build"},
               "cache": {"state", "build", "edition", "kernels"},
               "registry": {"state", "build", "edition", "cache"}},
}  # fmt: skip
INSIDE["refresh"] = {
    "extract": set(), "earlier": {"effects", "extract", "fetching"}, "edinet": {"earlier", "extract", "fetching"},
    "fetching": set(), "sources": {"fetching"}, "candidates": {"fetching", "sources"}, "effects": {"fetching"},
    "report": {"fetching", "sources"}, "accepting": {"fetching"},
    "__main__": {"fetching", "sources", "candidates", "effects", "report", "accepting"},
}  # fmt: skip
PARTS = {"settings", "state", "build", "edition", "cache", "registry"}
INSIDE["sphinx"] |= {
    "taking": PARTS, "elsewhere": PARTS, "reading": PARTS | {"taking", "elsewhere"},
    "teaching": PARTS | {"taking", "elsewhere", "reading"}, "publishing": PARTS | {"taking", "elsewhere"},
}  # fmt: skip
ESTIMATORS = ("statsmodels", "pyfixest", "linearmodels", "diff_diff", "altair", "goingglobal.models",
              "goingglobal.designs", "goingglobal.specifications")  # fmt: skip
# Where the tests of a module lie: in the folder of the same name, or in one that several modules share.
ROOMS = {"data": "data", "_console": "data", "ledger": "data", "_display": "showing"} | dict.fromkeys(
    ("models", "designs", "specifications", "teaching", "absorbing"), "estimates") | dict.fromkeys(
    ("results", "exhibits", "charts", "theme", "explorers", "narrow", "projected"), "showing")  # fmt: skip
# Extensions that no test calls: what they do to pages is looked at on the built site, by a test of the same room.
ON_THE_SITE = {
    "sphinx.cache": "test_build", "sphinx.reading.mime": "test_site", "sphinx.reading.roles": "test_site",
    "sphinx.reading.explorers": "test_explorers_on_the_site", "sphinx.reading.mathematics": "test_site",
    "sphinx.reading.bibliography": "test_site", "sphinx.taking.files": "test_citing",
    "sphinx.taking.address": "test_citing", "sphinx.taking.epub": "test_epub",
}  # fmt: skip


# ------------------------------------------------------------------------------------------------------ the sources
@cache
def library() -> dict[str, str]:
    """Source of each module by its name below `goingglobal`; a folder's index is `samples.__init__`."""
    files = sorted(PACKAGE.rglob("*.py"))
    return {".".join(f.relative_to(PACKAGE).with_suffix("").parts): f.read_text(encoding="utf-8") for f in files}


@cache
def nodes(source: str) -> list[ast.AST]:
    """Every node of a module, parsed once for all rules."""
    return list(ast.walk(ast.parse(source)))


def imported(name: str, source: str, known: set[str]) -> list[tuple[str, str]]:
    """Modules of the library that a module imports, anywhere in it, each with the name that it binds."""
    found = []
    for node in nodes(source):
        if isinstance(node, ast.Import):
            for alias in node.names:
                head, _, rest = alias.name.partition(".")
                if head == "goingglobal" and rest:
                    found.append((rest, alias.asname or alias.name))
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}: a relative import"
            head, _, rest = node.module.partition(".")
            if head == "goingglobal":
                for alias in node.names:
                    whole = f"{rest}.{alias.name}".strip(".")
                    module = whole in known or f"{whole}.__init__" in known
                    if not (rest or module):  # the package's own: its version, and `load`, which is that of `data`
                        whole, module = ("data", False) if alias.name in ("load", "DataError") else ("", False)
                    if whole:
                        found.append((whole if module or not rest else rest, alias.asname or alias.name))
    return found


# -------------------------------------------------------------------------------------------------------- the rules
def backwards(sources: dict[str, str]) -> list[str]:
    """Imports that run the wrong way."""
    known, faults = set(sources), []
    for name, source in sources.items():
        room, _, part = name.partition(".")
        for target, _ in imported(name, source, known):
            other, _, other_part = target.partition(".")
            if room == other:
                one, two = part.partition(".")[0], other_part.partition(".")[0]
                fine = one in ("__init__", two) or two in INSIDE.get(room, {}).get(one, ())
            else:
                fine = other in STANDS_ON.get(room, ())
            if not fine:
                faults.append(f"{name} imports {target}")
    return faults


def trespasses(sources: dict[str, str]) -> list[str]:
    """Private names of another module, imported or looked up; `goingglobal._display` is a module, not a name."""
    known, faults = set(sources), []
    for name, source in sources.items():
        modules: dict[str, str] = {}
        for node in nodes(source):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "goingglobal":
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}".removeprefix("goingglobal.")
                    module = whole in known or f"{whole}.__init__" in known
                    if module:
                        modules[alias.asname or alias.name] = whole
                    elif alias.name.startswith("_") and not alias.name.startswith("__"):
                        faults.append(f"{name} imports {whole}")
            elif isinstance(node, ast.Import):
                modules |= {a.asname or a.name: a.name for a in node.names if a.name.split(".")[0] == "goingglobal"}
        for node in nodes(source):
            if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
                base = ast.unparse(node.value)
                if base in modules and f"{modules[base]}.{node.attr}".removeprefix("goingglobal.") not in known:
                    faults.append(f"{name} looks up {base}.{node.attr}")
    return faults


def untested(sources: dict[str, str], tests: dict[str, str]) -> list[str]:
    """Modules without a test in their room: none there has their name, imports them, or looks at them on the site.

    `tests` holds the sources of test modules by path, as `samples/test_firms`.
    """
    known, faults = set(sources), []
    for name in sources:
        if name == "__init__":
            continue
        *folders, stem = name.split(".")
        room = "/".join(folders) or ROOMS.get(stem)
        here = {path: text for path, text in tests.items() if path.rpartition("/")[0] == room}
        named = f"{room}/test_{stem}" in here or f"{room}/{ON_THE_SITE.get(name)}" in here
        used = any(target == name for path, text in here.items() for target, _ in imported(path, text, known))
        if not (here and (stem in ("__init__", "common") or named or used)):
            faults.append(f"{name}: no test in tests/{room}")
    return faults


@cache
def test_modules() -> dict[str, str]:
    found = sorted(TESTS.rglob("test_*.py"))
    return {str(path.relative_to(TESTS).with_suffix("")): path.read_text(encoding="utf-8") for path in found}


test_modules.__test__ = False


# ----------------------------------------------------------------------------------------------------- as they are
def test_the_rules_know_every_module():
    rooms = {name.partition(".")[0] for name in library()} - {"__init__"}
    assert rooms == set(STANDS_ON)
    for room, parts in INSIDE.items():
        inside = {name.split(".")[1] for name in library() if name.startswith(f"{room}.")} - {"__init__"}
        assert inside == set(parts)
    assert {name for name in ON_THE_SITE if name not in library()} == set()


def test_no_rule_runs_in_a_circle():
    for table in (STANDS_ON, *INSIDE.values()):
        left = {name: set(below) for name, below in table.items()}
        while free := {name for name, below in left.items() if not below & set(left)}:
            left = {name: below for name, below in left.items() if name not in free}
        assert left == {}


def test_imports_run_one_way():
    assert backwards(library()) == []


def test_nobody_takes_private_names():
    assert trespasses(library()) == []


def test_every_module_has_a_test_in_its_room():
    assert untested(library(), test_modules()) == []


@pytest.mark.proof
def test_the_site_is_built_without_estimators():
    """What Sphinx loads for a page: no estimator, nothing that draws explorers."""
    code = f"""
import importlib, pkgutil, sys
import goingglobal.sphinx
for part in pkgutil.walk_packages(goingglobal.sphinx.__path__, "goingglobal.sphinx."):
    importlib.import_module(part.name)
assert "goingglobal.sphinx.teaching.slides" in sys.modules
print("loaded:", *(name for name in {ESTIMATORS!r} if name in sys.modules))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_that_estimators_would_be_seen():
    code = f"import sys, goingglobal.explorers; print(*(name for name in {ESTIMATORS!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"goingglobal.models", "goingglobal.specifications"} <= set(done.stdout.split())


def test_tests_share_through_helpers_alone():
    """No test module imports another, and no two have one name: then any of them can be moved, or run alone."""
    names = Counter(path.rpartition("/")[2] for path in test_modules())
    assert [name for name, count in names.items() if count > 1] == []
    for path, text in test_modules().items():
        for node in nodes(text):
            heads = [a.name for a in node.names] if isinstance(node, ast.Import) else (
                [node.module or ""] if isinstance(node, ast.ImportFrom) else [])  # fmt: skip
            assert not {head.split(".")[0] for head in heads} & set(names), path


def test_folders_of_tests_are_the_rooms():
    folders = {str(Path(path).parent) for path in test_modules()} - {"."}
    mirrored = {"/".join(name.split(".")[:-1]) for name in library()} - {""}
    assert folders == mirrored | set(ROOMS.values()) | {"book"}


# ------------------------------------------------------------------------------------------------ that they can fail
@pytest.mark.parametrize(("name", "source", "fault"), [
    ("data", "from goingglobal import samples", "data imports samples"),
    ("samples.firms", "from goingglobal.models import Estimate", "samples.firms imports models"),
    ("samples.firms", "from goingglobal.samples.countries import x", "samples.firms imports samples.countries"),
    ("samples.common", "from goingglobal import samples", "samples.common imports samples"),
    ("models", "def later():\n    import goingglobal.results", "models imports results"),
    ("models", "from goingglobal import explorers as e", "models imports explorers"),
    ("ledger", "from goingglobal import models", "ledger imports models"),
    ("teaching", "from goingglobal import load", "teaching imports data"),
    ("theme", "from goingglobal._display import RESULT", "theme imports _display"),
    ("designs", "from goingglobal import specifications", "designs imports specifications"),
    ("exhibits", "from goingglobal.own import check", "exhibits imports own.check"),
    ("own.check", "from goingglobal.own import analyses", "own.check imports own.analyses"),
    ("own.large", "from goingglobal import sphinx", "own.large imports sphinx"),
    ("sphinx.cache", "from goingglobal.sphinx.taking import citing", "sphinx.cache imports sphinx.taking.citing"),
    ("sphinx.taking.citing", "import goingglobal.sphinx.reading.roles", "sphinx.taking.citing imports"),
    ("sphinx.reading.roles", "from goingglobal.sphinx.teaching import slides", "sphinx.reading.roles imports"),
    ("sphinx.elsewhere.launch", "from goingglobal.sphinx import taking", "sphinx.elsewhere.launch imports"),
])
def test_an_import_against_the_order_is_found(name, source, fault):
    assert backwards(dict.fromkeys(library(), "") | {name: source})[0].startswith(fault)


@pytest.mark.parametrize("source", [
    "from goingglobal.data import _read", "from goingglobal import data\ndata._read()",
    "import goingglobal.data\ngoingglobal.data._read()", "from goingglobal import data as d\nprint(d._CACHE)",
])
def test_a_private_name_of_another_module_is_found(source):
    assert len(trespasses(dict.fromkeys(library(), "") | {"samples.firms": source})) == 1


@pytest.mark.parametrize("source", [
    "from goingglobal import _display\n_display.publish({})", "from goingglobal._display import RESULT",
    "from goingglobal import __version__", "class A:\n    _x = 1\n    def f(self): return self._x",
])
def test_what_is_not_private_is_left_alone(source):
    assert trespasses(dict.fromkeys(library(), "") | {"results": source}) == []


def test_a_module_without_a_test_is_found():
    made = library() | {"sphinx.reading.new": "", "samples.regions": "", "weather": ""}
    assert untested(made, test_modules()) == [
        "sphinx.reading.new: no test in tests/sphinx/reading", "samples.regions: no test in tests/samples",
        "weather: no test in tests/None"]  # fmt: skip
    elsewhere = {path: text for path, text in test_modules().items() if not path.startswith("showing/")}
    assert {"charts: no test in tests/showing", "results: no test in tests/showing"} <= set(
        untested(library(), elsewhere))  # fmt: skip
