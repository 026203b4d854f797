"""What `pip install .` brings, which is nothing of Jupyter, and how the pins are resolved again."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from goingglobal import designs
from goingglobal.models import ModelError

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
HEAVY = ("jupyter", "notebook", "ipykernel", "nbconvert", "ipywidgets")  # a name that begins like this is Jupyter's
MOST = 70  # distributions; 60 when this was written, half of them asked for by pyfixest's tables and by IPython


def wanted_by(requirements: list[str]) -> dict[str, str]:
    """Every distribution that the requirements bring here, extras and markers respected → what asked for it first."""
    found: dict[str, str] = {}
    seen, todo = set(), [(Requirement(text), "pyproject.toml", {""}) for text in requirements]
    while todo:
        wanted, asked_by, extras = todo.pop(0)
        if wanted.marker and not any(wanted.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        name = canonicalize_name(wanted.name)
        found.setdefault(name, asked_by)
        if (name, frozenset(wanted.extras)) in seen:
            continue
        seen.add((name, frozenset(wanted.extras)))
        try:
            asks = distribution(name).requires or []
        except PackageNotFoundError:
            pytest.fail(f"{name}, asked for by {asked_by}, is not installed: make book sets the environment up")
        todo += [(Requirement(text), name, {"", *wanted.extras}) for text in asks]
    return found


def of_jupyter(found: dict[str, str]) -> dict[str, str]:
    return {name: asked_by for name, asked_by in found.items() if name.startswith(HEAVY)}


def test_the_plain_library_brings_no_jupyter():
    found = wanted_by(PROJECT["dependencies"])
    assert of_jupyter(found) == {}
    assert {"pandas", "statsmodels", "pyfixest", "diff-diff", "seaborn", "numpy"} <= set(found)
    assert len(found) <= MOST


def test_jupyter_would_be_seen():
    """The walk follows what is asked for by others, and extras: else the test above would say nothing."""
    assert of_jupyter(wanted_by(EXTRAS["sensitivity"]))["jupyter"] == "pysensemakr"
    assert of_jupyter(wanted_by(["goingglobal[sensitivity]"]))["jupyter"] == "pysensemakr"
    assert of_jupyter(wanted_by(["goingglobal"])) == {}, "the environment is older than pyproject.toml: make book"


def test_the_book_brings_what_its_chapters_ask_of_extras():
    assert {Requirement(text).name for extra in ("explorers", "sensitivity") for text in EXTRAS[extra]} <= {
        Requirement(text).name for text in EXTRAS["book"]}  # fmt: skip


WITHOUT_JUPYTER = """
import sys
for name in ("jupyter_core", "jupyter_client", "ipykernel", "notebook", "nbformat", "sensemakr"):
    sys.modules[name] = None  # an import of it raises ImportError
from goingglobal import charts, designs, exhibits, ledger, load, models, own, results, samples, specifications, theme
firms = samples.starters(load("firm_panel"), trim=0.7)
import pyfixest
fit = pyfixest.feols("y ~ post | edinet_code + year", firms, vcov={"CRV1": "edinet_code"})
found = models.Estimate.of(fit, "post", unit="log points")
results.report("some/number", found, ".3f")
exhibits.table("tab-some", firms.head(3)[["edinet_code", "year"]], caption="Three rows.", tables=["firm_panel"])
print(results.recorded()["some/number"]["n"], found.n)
"""


def test_the_library_works_where_jupyter_is_not():
    done = subprocess.run([sys.executable, "-c", WITHOUT_JUPYTER], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    reported, n = done.stdout.split()
    assert reported == n


def test_without_sensemakr_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sensemakr", None)
    with pytest.raises(ModelError) as caught:
        designs.sensitivity(None, "y ~ d", "d", [])
    assert str(caught.value) == "sensitivity needs PySensemakr: pip install '.[sensitivity]' in a clone"
    assert caught.value.__suppress_context__


# ---------------------------------------------------------------------------------------------------- make lock
def make(*words: str) -> subprocess.CompletedProcess[str]:
    """`make` in this environment, as typed: without what a `make test` around it has set."""
    clean = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "UPGRADE")}
    command = ["make", f"VENV={sys.prefix}", "-o", f"{sys.prefix}/.installed", *words]
    return subprocess.run(command, cwd=ROOT, env=clean, check=False, capture_output=True, text=True)


@pytest.mark.parametrize(("asked", "arguments"), [
    ([], []),
    (["UPGRADE="], []),
    (["UPGRADE=pandas"], ["--upgrade-package pandas"]),
    (["UPGRADE=pandas seaborn"], ["--upgrade-package pandas", "--upgrade-package seaborn"]),
    (["UPGRADE=all"], ["--upgrade"]),
    (["UPGRADE=pandas all"], ["--upgrade"]),
])  # fmt: skip
def test_lock_upgrades_what_is_asked_for_and_nothing_else(asked, arguments):
    done = make("-n", "lock", *asked)
    assert done.returncode == 0, done.stderr
    compile_ = re.search(r"uv pip compile (?:.*\\\n)*.*", done.stdout)[0].replace("'", "")
    assert re.findall(r"--upgrade(?:-package [\w.-]+)?", compile_) == arguments
    for kept in ("--universal", "--python-version 3.11", "--generate-hashes", "--all-extras", "-o requirements.lock"):
        assert f" {kept}" in compile_
    assert "index" not in compile_


@pytest.mark.parametrize("asked", ["nosuchpackage", "pandas nosuchpackage", "all nosuchpackage", "pandas,", "pand"])
def test_lock_refuses_a_name_that_it_does_not_have(asked):
    before = (ROOT / "requirements.lock").read_bytes()
    done = make("lock", f"UPGRADE={asked}")
    wrong = asked.split()[-1]
    assert done.returncode != 0
    assert f"error: UPGRADE={wrong}: requirements.lock has no pin of that name" in done.stderr
    assert (ROOT / "requirements.lock").read_bytes() == before


def test_lock_holds_what_pyproject_says_and_no_address():
    """Every requirement has a pin within its bounds, and every pin hashes alone."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = dict(re.findall(r"(?m)^([\w.-]+)==([^ ;\\\n]+)", text))
    asked = [*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)]
    for wanted in map(Requirement, asked):
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)], prereleases=True), wanted
    assert re.search(r"://|--(index|extra-index|find-links)", text) is None
