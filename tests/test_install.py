"""What `pip install .` brings, which is nothing of Jupyter, and how the pins are resolved again."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from importlib.metadata import PackageNotFoundError, distribution

import lock
import pytest
import yaml
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
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


@pytest.mark.proof
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
    compile_ = " ".join(lock.command(re.search(r"/python tests/lock\.py(.*)", done.stdout)[1].split()))
    assert "-m uv pip compile " in compile_
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


@pytest.mark.parametrize(("after", "said"), [
    ("a==1\nb==2 ; python_version < '3.12'\n", "requirements.lock: every pin stays\n"),
    ("a==1\nb==3\n", "< b==2\n> b==3\n"), ("a==1\nb==2\nc==1\n", "> c==1\n"), ("b==2\n", "< a==1\n"),
])  # fmt: skip
def test_lock_says_which_pins_moved(tmp_path, monkeypatch, capsys, after, said):
    file = tmp_path / "requirements.lock"
    file.write_text("a==1 \\\n    --hash=sha256:0\nb==2\n", encoding="utf-8")
    monkeypatch.setattr(lock, "LOCK", file)
    monkeypatch.setattr(lock, "command", lambda names: [
        sys.executable, "-c", f"open({str(file)!r}, 'w', encoding='utf-8').write({after!r})"])
    assert lock.main(["A"]) == 0
    assert capsys.readouterr().out == said


def test_lock_holds_what_pyproject_says_and_no_address():
    """Every requirement has a pin within its bounds, and every pin hashes alone."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = dict(re.findall(r"(?m)^([\w.-]+)==([^ ;\\\n]+)", text))
    asked = [*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)]
    for wanted in map(Requirement, asked):
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)], prereleases=True), wanted
    assert re.search(r"://|--(index|extra-index|find-links)", text) is None


# ------------------------------------------------------------------------------------------- what the package says
@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """The library's wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True,
                   capture_output=True)  # fmt: skip
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_says_who_made_it_and_what_is_allowed(wheel):
    info = next(name for name in wheel.namelist() if name.endswith("/METADATA")).removesuffix("METADATA")
    told = message_from_bytes(wheel.read(f"{info}METADATA"))
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert told["Author"] == ", ".join(author["name"] for author in cited["authors"])
    assert told["Version"] == cited["version"]
    assert told["License-Expression"].split(" AND ") == cited["license"]
    assert set(told["Keywords"].split(",")) == set(cited["keywords"])
    for name in ("LICENSE", "LICENSE-CONTENT"):
        assert name in told.get_all("License-File")
        assert wheel.read(f"{info}licenses/{name}") == (ROOT / name).read_bytes()
    stated = {line.rpartition(" :: ")[2] for line in told.get_all("Classifier") if "Python :: 3." in line}
    allowed = SpecifierSet(told["Requires-Python"])
    assert stated == {f"3.{minor}" for minor in range(9, 20) if allowed.contains(f"3.{minor}.1")}
    assert not [line for line in told.get_all("Classifier") if line.startswith("License")], "the expression says it"


def test_the_wheel_states_the_addresses_of_the_configuration(wheel):
    info = next(name for name in wheel.namelist() if name.endswith("/METADATA"))
    told = message_from_bytes(wheel.read(info)).get_all("Project-URL") or []
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    stated = {"Repository": config["repository"]["url"], "Homepage": config["html"]["baseurl"]}
    assert dict(line.split(", ") for line in told) == {name: url for name, url in stated.items() if url}


@pytest.mark.parametrize(("repository", "site"), [
    ("", ""), ("https://example.org/a/b", ""), ("", "https://a.example.org/b/"), ("https://x.org/y/z", "https://x.org/")])
def test_addresses_are_read_as_they_are_set(repository, site):
    spec = importlib.util.spec_from_file_location("metadata_hook", ROOT / ".ci" / "metadata.py")
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    text = (ROOT / "_config.yml").read_text(encoding="utf-8")
    text = re.sub(r'(?m)^  url: "[^"]*"', f'  url: "{repository}"', text)
    text = re.sub(r'(?m)^  baseurl: "[^"]*"', f'  baseurl: "{site}"', text)
    assert yaml.safe_load(text)["repository"]["url"] == repository
    assert hook.addresses(text) == {
        name: url for name, url in (("Repository", repository), ("Homepage", site)) if url}  # fmt: skip
