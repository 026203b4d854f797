"""The calls that the page on data gives for other programs, run on the tables: none of their rows is lost."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT

from goingglobal import data
from goingglobal.sphinx.taking import package

PAGE = json.loads((ROOT / "book" / "appendix" / "data.ipynb").read_text(encoding="utf-8"))
TEXT = "\n".join("".join(cell["source"]) for cell in PAGE["cells"] if cell["cell_type"] == "markdown")
TABLE = "affiliates_germany"
# Tables whose codes are lost by a reader that guesses, with the field: the page names them.
GUESSED = {(TABLE, "partner"), ("affiliates_europe", "industry"), ("claims", "section")}


def calls(language: str) -> list[str]:
    """Lines of the page's code in a language that open a table."""
    blocks = re.findall(rf"(?ms)^```{language}\n(.*?)^```$", TEXT)
    return [line for block in blocks for line in block.splitlines() if TABLE in line]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """What a reader has downloaded."""
    folder = tmp_path_factory.mktemp("downloads")
    for name in {name for name, _ in GUESSED}:
        shutil.copy(ROOT / "data" / data.describe(name)["path"], folder)
    package.write_parquet(sorted({name for name, _ in GUESSED}), folder)
    return folder


def test_the_page_has_a_call_for_each_program():
    counts = {language: len(calls(language)) for language in ("python", "r", "stata", "julia")}
    assert counts == {"python": 3, "r": 2, "stata": 1, "julia": 1}
    for language in ("stata", "julia"):
        block = re.search(rf"(?ms)^```{language}\n(.*?)^```$", TEXT)[1]
        assert "not run by our tests" in block
    assert "**Excel** (not run by our tests)" in TEXT


@pytest.mark.parametrize("call", calls("python"))
def test_python_reads_every_row(folder, monkeypatch, call):
    import duckdb

    monkeypatch.chdir(folder)
    for name, field in sorted(GUESSED):
        names = {"pd": pd, "duckdb": duckdb}
        exec(call.replace(TABLE, name), names)
        found, whole = names["affiliates"], data.load(name)
        if field == "section" and "csv" in call:  # the page says so: numbers, where a program guesses
            assert found[field].tolist() == whole[field].astype(float).tolist()
        else:
            assert found[field].tolist() == whole[field].tolist(), (name, field)
        assert found.isna().sum().tolist() == whole.isna().sum().tolist(), name


def test_what_a_plain_call_loses_is_what_the_page_says(folder):
    """Else the page warns of nothing: every table, read as pandas guesses, against `load`."""
    lost = set()
    for name in data.table_names():
        table = data.describe(name)
        guessed = pd.read_csv(ROOT / "data" / table["path"], low_memory=False)
        lost |= {(name, field["name"]) for field in table["schema"]["fields"] if field["type"] == "string"
                 and guessed[field["name"]].astype(object).dropna().tolist() != data.load(name)[field["name"]]
                 .astype(object).dropna().tolist()}  # fmt: skip
    assert lost == {(TABLE, "partner"), ("claims", "section")}
    assert pd.read_csv(folder / f"{TABLE}.csv")["partner"].isna().sum() == 33
    europe = data.load("affiliates_europe")["industry"]
    assert europe.str.fullmatch(r"\d{1,2}-\d{1,2}").sum() > 1000, "what a spreadsheet takes for dates"
    for name, field in GUESSED:
        assert f"`{field}`" in TEXT
        assert name in TEXT


@pytest.mark.environments
@pytest.mark.parametrize("call", calls("r"))
def test_r_reads_every_row(folder, call):
    program = shutil.which("Rscript")
    if program is None:
        pytest.skip("R is not on the PATH; on Debian: apt-get install r-base-core r-cran-readr")
    if "readr" in call:
        asked = [program, "-e", "stopifnot(requireNamespace('readr'))"]
        if subprocess.run(asked, capture_output=True, check=False).returncode:
            pytest.skip("R has no readr; on Debian: apt-get install r-cran-readr")
    whole = data.load(TABLE)
    code = f"{call}\ncat(nrow(affiliates), sum(affiliates$partner %in% 'NA'), colSums(is.na(affiliates)))"
    done = subprocess.run([program, "-e", code], cwd=folder, capture_output=True, encoding="utf-8", check=True)
    assert [int(word) for word in done.stdout.split()] == [len(whole), 33, *whole.isna().sum()]
