"""What a candidate does to the book: which numbers move, which sentences read otherwise, which values are frozen."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT

from goingglobal import data
from goingglobal.refresh import effects


def record(value, low=None, high=None, text=None, unit="log points", n=100):
    return {"value": value, "se": None, "ci_low": low, "ci_high": high, "n": n, "unit": unit, "page": "chapter",
            "text": text or f"{value:.2f}"}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "says"), [
    (record(0.121, 0.1, 0.2), record(0.122, 0.1, 0.2), []),
    (record(0.12, 0.1, 0.2), record(0.13, 0.1, 0.2), ["rounding"]),
    (record(0.12, -0.1, 0.2), record(-0.12, -0.2, 0.1), ["rounding", "sign"]),
    (record(0.12, 0.01, 0.2), record(0.12, -0.01, 0.2), ["significance"]),
    (record(0.049, unit="p-value", text="0.05"), record(0.052, unit="p-value", text="0.05"), ["significance"]),
    (record(0.04, unit="p-value, Holm"), record(0.04, unit="p-value, Holm"), []),
])  # fmt: skip
def test_in_what_a_number_would_read_otherwise(before, after, says):
    assert effects.changes(before, after) == says


def test_a_number_moves_with_its_value_its_interval_or_its_n():
    one = record(0.12, 0.1, 0.2)
    assert not effects.moved(one, record(0.12 * (1 + 1e-9), 0.1, 0.2))
    assert effects.moved(one, record(0.1201, 0.1, 0.2))
    assert effects.moved(one, record(0.12, 0.1, 0.21))
    assert effects.moved(one, record(0.12, 0.1, 0.2, n=101))
    assert effects.moved(one, record(0.12))


@pytest.fixture
def book(tmp_path):
    """A book of two pages that quote two results, and one frozen value."""
    (tmp_path / "book" / "appendix").mkdir(parents=True)
    (tmp_path / "tests" / "estimates").mkdir(parents=True)
    (tmp_path / "tests/estimates/golden.json").write_text('{"a/one": {}, "a/two": {}}', encoding="utf-8")
    (tmp_path / "book/appendix/notes.md").write_text(
        "# Notes\n\nA first sentence. Jobs grew by {result}`a/one` points, and {result}`a/two` did not. Last.\n\n"
        "```{headline} fig-a\n:caption: It is so.\n\na/one | One | group\nb/mid | Mid | group | b/low b/high\n```\n",
        encoding="utf-8")  # fmt: skip
    cells = [{"cell_type": "markdown", "source": ["Of all, {result}`four in ten <a/two>` stay."]},
             {"cell_type": "code", "source": ["x = 1"]}]  # fmt: skip
    (tmp_path / "book/chapter.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    return tmp_path


def test_sentences_and_headlines_are_found_with_their_ids(book):
    assert effects.sentences(book) == [
        ("appendix/notes", "Jobs grew by {result}`a/one` points, and {result}`a/two` did not.", ["a/one", "a/two"]),
        ("chapter", "Of all, {result}`four in ten <a/two>` stay.", ["a/two"]),
    ]
    assert effects.headlines(book) == ["a/one", "b/mid", "b/low", "b/high"]


def test_both_sides_are_compared_id_by_id(book):
    today = {"results": {"a/one": record(0.12, 0.1, 0.2), "a/two": record(4.0), "a/old": record(1.0)}, "stopped": {}}
    after = {"results": {"a/one": record(0.08, -0.1, 0.2), "a/two": record(4.0), "a/new": record(1.0)},
             "stopped": {"barriers": "cell x: ValueError"}}  # fmt: skip
    told = effects.compare(book, today, after)
    assert [line["id"] for line in told["moved"]] == ["a/one"]
    assert told["headlines"] == told["moved"]
    assert told["headlines"][0]["today"] == {"value": 0.12, "ci_low": 0.1, "ci_high": 0.2, "n": 100, "text": "0.12"}
    assert told["headlines"][0]["changes"] == ["rounding", "significance"]
    assert [(line["page"], line["ids"], line["texts"]) for line in told["sentences"]] == [
        ("appendix/notes", {"a/one": ["rounding", "significance"]}, {"a/one": ["0.12", "0.08"]})]  # fmt: skip
    assert (told["only_today"], told["only_candidate"], told["frozen"]) == (["a/old"], ["a/new"], ["a/one"])
    assert told["sentences"][0]["shown"] == "Jobs grew by 0.12 points, and 4.00 did not."
    assert told["stopped"] == {"barriers": "cell x: ValueError"}


def test_the_book_has_its_primary_estimates_and_a_headline_for_each_chapter():
    source = (ROOT / "tests/estimates/test_headlines.py").read_text(encoding="utf-8")
    assert set(effects.PRIMARY) == set(re.findall(r'"([^"]+)"', re.search(r"PRIMARY = \{(.*?)\}", source, re.S)[1]))
    heads = effects.headlines(ROOT)
    chapters = {"barriers/ipw_att/parent", "both/us_parents/year", "support/rd_parent_growth_corrected/chosen"}
    assert chapters <= set(heads)
    quoted = {id_ for _, _, ids in effects.sentences(ROOT) for id_ in ids}
    assert len(quoted) > 200


@pytest.mark.environments
def test_a_notebook_runs_alone_with_the_data_folder_that_is_named(tmp_path):
    code = ["from goingglobal import load, results\n", "n = len(load('affiliates_germany'))\n",
            "results.report('made/rows', n, ',d', unit='rows')"]  # fmt: skip
    notebook, out = tmp_path / "made.ipynb", tmp_path / "out.json"
    cells = [{"cell_type": "code", "id": "one", "source": code}]
    notebook.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    line = [sys.executable, "-m", "goingglobal.refresh.effects", str(notebook), str(out)]
    done = subprocess.run(line, capture_output=True, text=True, encoding="utf-8", check=False, cwd=tmp_path,
                          env=os.environ | {"GOINGGLOBAL_DATA": str(ROOT / "data")})  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(out.read_text(encoding="utf-8"))
    assert answer["tables"] == ["affiliates_germany"]
    assert answer["results"]["made/rows"]["value"] == data.describe("affiliates_germany")["rows"]


@pytest.mark.environments
def test_a_cell_that_stops_is_told_with_its_id(tmp_path, book):
    cells = [{"cell_type": "code", "id": "two", "source": ["raise ValueError('no such\\n country')"]}]
    (book / "book/chapter.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    (book / "requirements.lock").write_text("", encoding="utf-8")
    told = effects.run_all(book, ROOT / "data", tmp_path / "kept", lambda line: None)
    assert told == {"results": {}, "stopped": {"chapter": "chapter, cell two: ValueError: no such country"}}
