"""The report's words: the finding first, every number with its interval, faults and sentences by name."""

from __future__ import annotations

import json

from goingglobal.refresh import report

LINE = {"id": "a/one", "page": "chapter", "unit": "points", "moved": True, "changes": ["rounding", "significance"],
        "today": {"value": 0.12, "ci_low": 0.1, "ci_high": 0.2, "n": 1100, "text": "0.12"},
        "candidate": {"value": -0.01, "ci_low": -0.1, "ci_high": 0.2, "n": 1200, "text": "−0.01"}}  # fmt: skip
TOLD = {
    "title": "A made next vintage", "made": "2026-11-26", "stopped": "", "left_out": ["BEA: no key"],
    "faults": ["BEA, table x: no key"],
    "candidates": {"country_panel": {
        "vintage": "2026-11-20", "from": ["worldbank"], "fields": {"gdp": {"changed": 3, "filled": 1, "gone": 2}},
        "rows": {"today": 2090, "candidate": 2128, "added": 38, "gone": 0}, "added": ["JPN 2025"], "gone": [],
        "revisions": [{"row": "JPN 2020", "field": "gdp", "today": 1.0, "candidate": 2.0}], "breaks": ["JPN 2025, gdp"],
        "remarks": []}},
    "book": {"results": 1017, "primary": [], "headlines": [LINE], "moved": [LINE], "stopped": {}, "frozen": ["a/one"],
             "sentences": [{"page": "chapter", "shown": "Jobs *grew* by 0.12 | much {cite:p}`one_1999`.",
                            "ids": {"a/one": ["significance"]}, "texts": {"a/one": ["0.12", "−0.01"]}}]},
}  # fmt: skip


def test_the_finding_stands_first_and_counts_what_matters():
    assert report.summary(TOLD) == (
        "There are newer data for `country_panel`. With them 1 of the book's 1017 numbers move, 1 of the primary "
        "estimates and headlines among them, and 1 sentence would read otherwise. Sign or significance would "
        "change in 1 of the primary estimates and headlines.")  # fmt: skip
    assert report.summary({"candidates": {}, "faults": []}) == "No publisher has anything newer than the book's tables."
    assert "faults stand below" in report.summary({"candidates": {}, "faults": ["x"]})
    assert "was not computed" in report.summary(TOLD | {"book": None})


def test_three_forms_say_the_same(tmp_path):
    report.save(tmp_path, TOLD)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# A made next vintage\n\nThere are newer data for `country_panel`.")
    assert "| `a/one` | chapter | 0.12 [0.1, 0.2], n 1,100 | −0.01 [−0.1, 0.2], n 1,200 | rounding, signif" in text
    assert "- **chapter**: Jobs grew by 0.12  much one_1999. – `a/one` 0.12 → −0.01 (significance)" in text
    assert "2,128 rows instead of 2,090; 38 added, 0 gone" in text
    assert (tmp_path / "report.txt").read_text(encoding="utf-8") == "country_panel"
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<table>") == 4
    assert "<title>A made next vintage</title>" in page
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == TOLD
