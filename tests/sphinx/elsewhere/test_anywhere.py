"""`make anywhere`: the notebooks in new environments. Minutes, and a package registry; so not a part of `make test`.

The library is installed as its wheel, away from the checkout: the data come from inside the package. Each run's
numbers are compared with the site's, which the pinned environment made.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, SITE
from packaging.requirements import Requirement

from goingglobal.sphinx.elsewhere import launch, lite

pytestmark = [pytest.mark.environments, pytest.mark.site]

STATED = range(11, 15)  # Python 3.11 to 3.14, as pyproject.toml says
NOTEBOOKS = [str(path.relative_to(ROOT)) for path in launch.notebooks(ROOT) if "exercises" not in path.parts]
CHAPTERS = [name for name in NOTEBOOKS if "appendix" not in name] + ["book/appendix/your-data.ipynb"]
CUTS = {name for name in NOTEBOOKS if launch.cut(json.loads((ROOT / name).read_text(encoding="utf-8")))}
TOLERANCE = 1e-3  # of what iterates; closed forms agree far closer, and the shown text must be the same
DENSITY = 1e-2  # of a quantile regression's error: from the density at its residuals, where the iteration stopped


def pythons() -> dict[int, str]:
    """Minor version → interpreter, of the stated Pythons that this machine has."""
    homes = [Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"]
    found = {}
    for minor in STATED:
        places = [Path(p) for p in (shutil.which(f"python3.{minor}"),) if p]
        places += [python for home in homes for python in sorted(home.glob(f"3.{minor}.*/bin/python"))]
        for place in places:
            asked = subprocess.run([place, "-c", "import sys, venv, ssl; print(sys.version_info[1])"], check=False,
                                   capture_output=True, text=True)  # fmt: skip
            if asked.stdout.strip() == str(minor):
                found[minor] = str(place)
                break
    found.setdefault(sys.version_info[1], sys.executable)
    return found


def uv(*arguments: str, **options) -> str:
    done = subprocess.run([str(Path(sys.executable).with_name("uv")), *arguments], check=False, capture_output=True,
                          text=True, **options)  # fmt: skip
    assert done.returncode == 0, f"uv {' '.join(arguments)}\n{done.stderr}"
    return done.stdout + done.stderr


def environment(folder: Path, python: str, packages: list[str], constraints: list[str], *options: str) -> Path:
    """A new environment with the packages at the versions that the constraints name; returns its Python."""
    uv("venv", "--quiet", "--python", python, str(folder / "venv"))
    (folder / "constraints.txt").write_text("\n".join(constraints), encoding="utf-8")
    uv("pip", "install", "--quiet", "--python", str(folder / "venv"), "--constraints", str(folder / "constraints.txt"),
       *options, *packages)  # fmt: skip
    return folder / "venv" / "bin" / "python"


def run(python: Path, folder: Path, names: list[str], *options: str, **variables: str) -> tuple[dict, dict]:
    """What the notebooks report in that environment, run in an empty folder by two processes, each half of them; with
    `--open` also what their open cells leave behind.
    """
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    without = ("PYTHONPATH", "GOINGGLOBAL_DATA", "PYTHONDONTWRITEBYTECODE")  # what is imported is compiled once
    clean = {k: v for k, v in os.environ.items() if k not in without}
    clean |= {"OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "module://matplotlib_inline.backend_inline", **variables}

    def half(chosen: list[str]) -> dict:
        command = [str(python), str(ROOT / "tests" / "run_notebooks.py"), *options, str(folder), *chosen]
        done = subprocess.run(command, cwd=empty, env=clean, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout)

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(half, (names[::2], names[1::2])))
    assert os.listdir(empty) == []
    return tuple({name: answer | found for answer in answers for name, found in answer[part].items()}
                 for part in ("notebooks", "open"))  # fmt: skip


def compare(answers: dict, missing: dict[str, set[str]] | None = None) -> None:
    """Each notebook's numbers are the site's, all of them but those that `missing` allows."""
    site = json.loads((SITE / "results.json").read_text(encoding="utf-8"))
    for name, answer in answers.items():
        chapter = name.removeprefix("book/").removesuffix(".ipynb").removesuffix("-cut")
        expected = {key for key, record in site.items() if record["chapter"] == chapter}
        assert expected - set(answer["results"]) == (missing or {}).get(name, set()), name
        for key, record in answer["results"].items():
            assert record["text"] == site[key]["text"], (name, key)
            assert record["n"] == site[key]["n"], (name, key)
            error = DENSITY if "quantile" in (site[key]["method"] or "") else TOLERANCE
            for part, near in {"value": TOLERANCE, "se": error, "ci_low": error, "ci_high": error}.items():
                wanted = site[key][part]
                assert record[part] == (None if wanted is None else pytest.approx(wanted, rel=near)), (name, key, part)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    lite.wheels(ROOT, folder)
    return folder


def own(wheels: Path) -> str:
    return str(next(wheels.glob("goingglobal-*.whl")))


def lock() -> list[str]:
    """The pins with their markers, without their hashes."""
    return re.findall(r"(?m)^([\w.-]+==[^\\\n]+?) *\\?$", (ROOT / "requirements.lock").read_text(encoding="utf-8"))


def copy_notebooks(folder: Path, names: list[str]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)


# ---------------------------------------------------------------------------------------------------------- Python
@pytest.mark.parametrize("which", ["lowest", "newest"])
def test_wheel_alone_runs_the_notebooks_on_the_lowest_and_newest_python_at_hand(which, wheels, tmp_path):
    """`pip install` of the repository alone: every table, every estimator, every chapter."""
    at_hand = pythons()
    minor = min(at_hand) if which == "lowest" else max(at_hand)
    if which == "lowest" and minor == sys.version_info[1]:
        pytest.skip("the environment of make test has it already: tests/book/test_notebooks.py")
    python = environment(tmp_path, at_hand[minor], [f"{own(wheels)}[{','.join(launch.EXTRAS)}]"], lock())
    copy_notebooks(tmp_path, CHAPTERS)
    answers, by_open_cells = run(python, tmp_path, CHAPTERS, *(["--open"] if which == "newest" else []))
    assert {answer["python"].split(".")[1] for answer in answers.values()} == {str(minor)}
    compare(answers)
    if which == "newest":
        open_cells_give_the_headline_numbers({name: by_open_cells[name] for name in CHAPTERS[:-1]})


def headline(name: str) -> list[str]:
    """Ids of the chart in the box that opens a chapter."""
    box = next("".join(cell["source"]) for cell in json.loads((ROOT / name).read_text(encoding="utf-8"))["cells"]
               if "{headline}" in "".join(cell["source"]))
    chart = box.partition("```{headline}")[2].partition("```")[0]
    return [id_ for line in chart.splitlines() if "|" in line for id_ in re.findall(r"[a-z_0-9]+(?:/[\w.-]+)+", line)]


def open_cells_give_the_headline_numbers(answers: dict) -> None:
    """A reader who copies a chapter's open cells alone has its headline numbers (perhaps as shares, not percent)."""
    site, lost = json.loads((SITE / "results.json").read_text(encoding="utf-8")), {}
    for name, answer in answers.items():
        assert answer["results"] == {}, name
        ids = [id_ for id_ in headline(name) if id_ in site]
        assert len(ids) >= 2, name
        found = np.asarray(answer["numbers"])
        for id_ in ids:
            wanted = site[id_]["value"]
            near = min(np.abs(found * factor - wanted).min() for factor in (1, 100))
            if near > 1e-6 * max(1, abs(wanted)):
                lost.setdefault(name, []).append(id_)
    assert lost == {}, lost


PLAIN = """
import sys
from importlib.metadata import distributions
from goingglobal import designs, load, models, samples
firms = samples.starters(load("firm_panel"), trim=0.7)
import pyfixest as pf
fit = pf.feols("y ~ post | edinet_code + year", firms, vcov={"CRV1": "edinet_code"})
print(models.Estimate.of(fit, "post", unit="log points").value)
try:
    designs.sensitivity(firms, "y ~ post", "post", [])
except models.ModelError as error:
    print(error)
print(*sorted(found.name.lower() for found in distributions()))
"""


def test_wheel_without_extras_brings_no_jupyter_and_gives_the_readmes_number(wheels, tmp_path):
    python = environment(tmp_path, sys.executable, [own(wheels)], lock())
    done = subprocess.run([str(python), "-c", PLAIN], cwd=tmp_path, check=True, capture_output=True, text=True)
    number, message, names = done.stdout.splitlines()
    site = json.loads((SITE / "results.json").read_text(encoding="utf-8"))
    assert float(number) == pytest.approx(site["firm/starters_trim70/parent"]["value"], rel=TOLERANCE)
    assert message == "sensitivity needs PySensemakr: pip install '.[sensitivity]' in a clone"
    installed = names.split()
    assert "pyfixest" in installed
    assert [name for name in installed if name.startswith(("jupyter", "notebook", "ipykernel", "pysensemakr"))] == []


@pytest.mark.parametrize("minor", STATED)
def test_pins_resolve_for_every_stated_python(minor, tmp_path):
    """Where no such Python is at hand, what would be installed is: each pin has a wheel, with its hash."""
    said = uv("pip", "install", "--dry-run", "--python-version", f"3.{minor}", "--python-platform",
              "x86_64-manylinux_2_28", "--only-binary", ":all:", "--require-hashes",
              "--target", str(tmp_path / "nowhere"), "-r", str(ROOT / "requirements.lock"))  # fmt: skip
    assert re.search(r"Would install \d+ packages", said)


# --------------------------------------------------------------------------------------------------------- browser
def test_with_pyodides_versions_and_without_what_it_lacks(wheels, tmp_path):
    """The wheels that the site serves, beside Pyodide's own versions, in a shell like the browser's: same numbers."""
    at_hand, pins = pythons(), lite.pins()
    asked = ["pandas", "statsmodels", "matplotlib", "cloudpickle", "joblib", "tqdm", "ipython", "altair", "duckdb",
             "scipy", "numpy", "pydantic"]  # of pandera, which Pyodide has
    python = environment(tmp_path, at_hand[max(at_hand)], [f"{name}=={pins[name]}" for name in asked],
                         [f"{name}=={number}" for name, number in pins.items() if Requirement(name)])  # fmt: skip
    uv("pip", "install", "--quiet", "--python", str(tmp_path / "venv"), "--no-deps", *map(str, wheels.glob("*.whl")))
    names = []
    for name in NOTEBOOKS:
        copy_notebooks(tmp_path, [name])
        if name in CUTS:
            short = launch.cut(json.loads((ROOT / name).read_text(encoding="utf-8")))
            (tmp_path / launch.cut_name(name)).write_text(json.dumps(short), encoding="utf-8")
        names.append(launch.cut_name(name) if name in CUTS else name)
    answers, _ = run(python, tmp_path, names, JOBLIB_MULTIPROCESSING="0", DIFF_DIFF_BACKEND="python")
    left_out = {
        "book/support-programs.ipynb": {
            "support/sdid_fdi_conduits_se",
            *(f"support/sdid_{outcome}_{end}" for outcome in ("employment", "fdi")
              for end in ("2012", "2012_rank_p", "in_time_low", "in_time_high", "in_time_p"))},
        "book/appendix/your-data.ipynb": {f"own/generated/{part}" for part in (
            "ceiling", "effect", "firms", "limit", "rows", "truth")},
    }  # fmt: skip
    compare(answers, {launch.cut_name(name): ids for name, ids in left_out.items()})
    modules = {module for answer in answers.values() for module in answer["modules"]}
    assert {"statsmodels", "diff_diff", "sensemakr", "seaborn"} <= modules
    assert not {"pyfixest", "vl_convert"} & modules
    shown = {kind for answer in answers.values() for kind in answer["kinds"]}
    assert "application/vnd.vegalite.v5+json" in shown
