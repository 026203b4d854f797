"""`make bench`: what installing, executing, building and the specification curve cost, and what pages weigh, as JSON.

Everything happens in a temporary folder; nothing in the repository changes. `make bench KEEP=1` keeps what it found:
all of it in `tests/bench.json`, and what the curve takes, which a page shows, in the library's `own/measured.json`.
`python tests/bench.py curve` measures the latter alone.
"""

from __future__ import annotations

import gzip
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def timed(command: list[str], **options) -> float:
    """Seconds that a command takes; its output is shown only if it fails."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return round(time.perf_counter() - start, 2)


def copy_of_repository(scratch: Path) -> Path:
    """The tracked and new files of the repository, without environment and build."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True,
                           check=True).stdout.split("\n")
    target = scratch / "copy"
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return target


def edited(path: Path, kind: str, old: str, new: str) -> None:
    """Replace the first occurrence of `old` in a notebook's cells of a kind."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cell = next(c for c in notebook["cells"] if c["cell_type"] == kind and old in "".join(c["source"]))
    cell["source"] = "".join(cell["source"]).replace(old, new, 1).splitlines(keepends=True)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def build_loop(copy: Path, environment: dict[str, str]) -> dict[str, float]:
    """Seconds of an author's builds: from nothing, unchanged, after a sentence, a cell, the style sheet, the data's
    descriptor (all notebooks again), and of a build that is told to make all pages again.
    """
    build = [sys.executable, "-m", "goingglobal.sphinx.build"]
    chapter = copy / "book" / "sme-role.ipynb"

    def after(step: object = None) -> float:
        return timed(build, cwd=copy, env=environment)

    descriptor = copy / "data" / "datapackage.json"
    seconds = {"cold": after(), "unchanged": after()}
    seconds["one_sentence"] = after(edited(chapter, "markdown", ". ", ", and so on. "))
    seconds["one_cell"] = after(edited(chapter, "code", "\n", "  # a remark\n"))
    with (copy / "book" / "_static" / "book.css").open("a", encoding="utf-8") as sheet:
        sheet.write("\n")
    seconds["style_sheet"] = after()
    shutil.rmtree(copy / "_build" / "work")
    (copy / "_build" / "stamp.json").unlink()
    seconds["all_pages_no_notebook"] = after()
    seconds["all_notebooks"] = after(descriptor.write_text(descriptor.read_text(encoding="utf-8") + "\n", "utf-8"))
    return seconds


def notebooks(copy: Path, environment: dict[str, str], scratch: Path) -> dict[str, float]:
    """Seconds to execute each notebook alone, kernel start and imports included, the runner's own start not.

    First an empty one and one that only imports, to tell what the chapters' own work costs.
    """
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    imports = "from goingglobal import charts, exhibits, load, models, samples, theme\ntheme.use()\n" \
        "import pyfixest, statsmodels.formula.api\npyfixest.feols"
    for name, code in {"(kernel only)": "1", "(kernel and imports)": imports}.items():
        nbformat.write(new_notebook(cells=[new_code_cell(code)], metadata=kernel), scratch / f"{name}.ipynb")
    written = sorted(p for p in copy.glob("book/**/*.ipynb") if p.parent.name != "exercises")  # those are the students'
    paths = [*scratch.glob("(*.ipynb"), *written]
    run = ("import sys, time, nbformat, nbclient\n"
           "client = nbclient.NotebookClient(nbformat.read(sys.argv[1], 4), timeout=300)\n"
           "start = time.perf_counter(); client.execute(); print(round(time.perf_counter() - start, 2))")
    out = {}
    for path in paths:
        done = subprocess.run([sys.executable, "-c", run, str(path)], cwd=scratch, env=environment, text=True,
                              stdout=subprocess.PIPE, check=True)
        out[path.stem] = float(done.stdout.split()[-1])
    return out


def weights(site: Path) -> dict[str, dict]:
    """What a browser fetches for each page: kilobytes (gzip; fonts as they are), requests, the budget.

    Beside it what an explorer or a filtered table adds. Counted from the markup; `test_site.py` asks Chromium.
    """
    def size(file: Path) -> int:
        content = file.read_bytes()
        return len(content) if file.suffix in (".woff2", ".png") else len(gzip.compress(content, 6))

    fonts = sorted((site / "_static" / "fonts").glob("*.woff2"))
    runtime = sorted((site / "_static" / "vendor").glob("vega-*.js"))
    out = {}
    for page in sorted([*site.glob("book/**/*.html"), site / "search.html", site / "genindex.html"]):
        text = page.read_text(encoding="utf-8")
        names = set(re.findall(r'<script[^>]+src="([^"]+)"', text))
        names |= set(re.findall(r'<link[^>]+href="([^"]+\.(?:css|svg)[^"]*)"', text))
        files = {(page.parent / name.split("?")[0]).resolve() for name in names if "://" not in name}
        extra = {f for f in files if re.search(r"vendor|filter\.js|explorer", str(f.relative_to(site.resolve())))}
        if (site / "_static" / "explorer.js").resolve() in files:
            labels = re.findall(r'data-explorer="([^"]+)"', text)
            extra |= {*runtime, *(site / "explorers" / f"{label}.js" for label in labels)}
        loaded = [page, *(files - extra), *fonts]
        budget = 300 if "<math" in text else 150
        weight = sum(map(size, loaded)) / 1000
        out[str(page.relative_to(site))] = {
            "kilobytes": round(weight, 1), "budget": budget, "within": weight <= budget, "requests": len(loaded),
            "explorers_kilobytes": round(sum(map(size, extra)) / 1000, 1),
        }
    return out


def specification_curve(permutations: int = 499, fits: int = 6) -> dict[str, float]:
    """The curve of the conclusion on two workers, and one statsmodels fit per specification extrapolated from `fits`.

    A fit is the baseline regression with a dummy for every firm and year and errors clustered by firm, on samples made
    beforehand. The first run of the curve starts the workers.
    """
    import statsmodels.formula.api as smf

    from goingglobal import load, samples, specifications

    firms, groups, seconds = load("firm_panel"), load("group_panel"), {}
    for name, draws in {"curve": 0, "curve_with_permutations": permutations}.items():
        start = time.perf_counter()
        curve = specifications.run(firms, groups, permutations=draws, n_jobs=2, progress=False)
        seconds[name] = time.perf_counter() - start
    tables = [samples.starters(firms, trim, outcome) for trim in (None, 0.7, 0.5) for outcome in ("parent", "group")]
    start = time.perf_counter()
    for table in tables[:fits]:
        groups = table["edinet_code"].astype("category").cat.codes
        fit = smf.ols("y ~ post + C(edinet_code) + C(year)", table).fit(
            cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
        fit.params["post"], fit.bse["post"]
    one = (time.perf_counter() - start) / len(tables[:fits])
    count = len(curve.rows)
    return {
        "specifications": count, "permutations": permutations,
        **{f"{name}_seconds": round(value, 2) for name, value in seconds.items()},
        "statsmodels_seconds_per_fit": round(one, 3), "statsmodels_fits_timed": len(tables[:fits]),
        "statsmodels_seconds_for_all": round(one * count),
        "times_faster": round(one * count / seconds["curve"]),
        "times_faster_with_permutations": round(one * count * (1 + permutations) / seconds["curve_with_permutations"]),
    }


# Firms, years, redeals of start dates, choices: those of a reader's panel (`own.curve`) or all that its fields allow.
CURVES = ((1_000, 10, 0, "few"), (10_000, 10, 0, "few"), (10_000, 10, 0, "all"), (10_000, 10, 499, "few"),
          (100_000, 10, 0, "few"), (100_000, 20, 0, "few"), (100_000, 10, 99, "few"), (300_000, 10, 0, "few"))


def made_panel(firms: int, years: int):
    """A made panel, from `own.check`: firms with home and group headcount in 20 sectors, a tenth of them starters."""
    import numpy as np
    import pandas as pd

    from goingglobal import own

    rng = np.random.default_rng(1)
    firm, year = np.repeat(np.arange(firms), years), np.tile(np.arange(2000, 2000 + years), firms)
    start = np.where(np.arange(firms) % 10 == 0, rng.integers(2002, 2000 + years - 1, firms), 9999)[firm]
    size = np.exp(rng.uniform(3, 7, firms)[firm] + rng.normal(0, 0.1, len(firm)))
    return own.check(pd.DataFrame({
        "firm": pd.Series(firm).astype(str).str.zfill(9), "year": year, "fdi": (year >= start).astype(int),
        "home": np.ceil(size), "group": np.ceil(size * 1.3) + 1, "sector": [f"s{f % 20}" for f in firm]}))


def one_curve(firms: int, years: int, redeals: int, choices: str) -> dict[str, float]:
    """What a curve takes: seconds of one core and the peak memory (MB) of this process, its libraries included."""
    from goingglobal import own, specifications
    from goingglobal.own import large

    panel = made_panel(firms, years)
    before, start = large.peak_mb(), time.process_time()
    more = {"restriction": specifications.CHOICES["restriction"]} if choices == "all" else {}
    curve = own.curve(panel, redeals, **more)
    return {"firms": firms, "starters": firms // 10, "years": years, "specifications": len(curve.rows),
            "redeals": redeals, "core_seconds": round(time.process_time() - start, 1),
            "peak_mb": round(large.peak_mb()), "peak_mb_before": round(before)}


def curve_sizes() -> dict[str, object]:
    """What curves of several sizes take, each in a process of its own."""
    from importlib.metadata import version

    rows = []
    for case in CURVES:
        done = subprocess.run([sys.executable, __file__, "curve", *map(str, case)], capture_output=True, text=True,
                              check=True)
        rows.append(json.loads(done.stdout))
    return {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "curves": rows,
            "versions": {name: version(name) for name in ("goingglobal", "numpy", "pandas", "scipy")}}


def machine() -> dict[str, object]:
    """The class of machine that measures."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9 if hasattr(os, "sysconf") else None
    return {"python": platform.python_version(), "cores": os.cpu_count(), "system": platform.machine(),
            "memory_gb": memory and round(memory)}


def generated_panel() -> dict[str, float]:
    """The generated panel of ten million rows through DuckDB: its process's peak memory (MB), its ceiling, seconds.

    Seconds pass on the clock; core seconds are those that processors worked.
    """
    import resource

    from goingglobal.own import large

    start, spent = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    run = large.demonstrate(10_000_000, memory_limit="256MB", ceiling_mb=700)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    core = after.ru_utime + after.ru_stime - spent.ru_utime - spent.ru_stime
    return {"rows": run.rows, "memory_limit": run.memory_limit, "ceiling_mb": run.ceiling_mb,
            "peak_mb": round(run.peak_mb), "seconds": round(time.perf_counter() - start, 2),
            "core_seconds": round(core, 2)}


def lite(copy: Path) -> dict[str, float]:
    """JupyterLite alone: seconds to build it, megabytes of the whole folder and of its parts."""
    from goingglobal.sphinx.elsewhere import lite as maker

    start = time.perf_counter()
    sizes = maker.sizes(maker.build(copy))
    seconds = round(time.perf_counter() - start, 2)
    return {"seconds": seconds, **{f"{part}_megabytes": round(size / 1e6, 1) for part, size in sizes.items()}}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        copy = copy_of_repository(scratch)
        environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "GOINGGLOBAL_DATA": str(copy / "data")}
        venv = scratch / "venv"
        install = timed([sys.executable, "-m", "venv", "--without-pip", str(venv)]) + timed(
            [str(Path(sys.executable).with_name("uv")), "pip", "install", "--python", str(venv / "bin" / "python"),
             "--require-hashes", "-r", str(copy / "requirements.lock")], env=environment)
        loop = build_loop(copy, environment)
        sizes = curve_sizes()
        found = {
            "date": sizes["date"], "machine": machine(), "versions": sizes["versions"], "seconds": {
                "install_with_packages_cached": round(install, 2), "book": loop,
                "notebooks_alone": notebooks(copy, environment, scratch),
            },
            "specification_curve": specification_curve(), "curves": sizes["curves"],
            "generated_panel": generated_panel(), "jupyterlite": lite(copy),
            "pages": weights(copy / "_build" / "html"),
        }
    print(json.dumps(found, indent=1))
    if os.environ.get("KEEP"):
        (ROOT / "tests" / "bench.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        keep(sizes)


def keep(sizes: dict[str, object]) -> None:
    """Write what curves take where the library reads it."""
    lines = json.dumps(sizes, indent=1)
    (ROOT / "src" / "goingglobal" / "own" / "measured.json").write_text(lines + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["curve"] and len(sys.argv) == 6:
        print(json.dumps(one_curve(*map(int, sys.argv[2:5]), sys.argv[5])))
    elif sys.argv[1:] == ["curve"]:
        keep(measured := curve_sizes())
        print(json.dumps(measured, indent=1))
    else:
        main()
