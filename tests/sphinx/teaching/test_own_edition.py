"""A course's edition, made as the page “Make it your own” says: another title, a chapter, an exercise, a deck.

Four files are written by hand in a copy of the repository; the edition is built and the tests that look at every
chapter pass in it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup
from conftest import ROOT

from goingglobal.sphinx.edition import edition, names
from goingglobal.sphinx.teaching import students

BOOK = "Japanese SMEs going global, re-examined"
TITLE = "Going abroad: a course"
EXERCISE = """\
:::{exercise} Another country
:label: exercise-another-country
:kind: change
:minutes: 5

The cell above takes Japan's exports as a share of its product. Take Germany's of the same year, and call it `share`.

```{hint}
The rows of `countries` are named by `iso3` and `year`; Germany is `DEU`.
```
:::

```{solution-start} exercise-another-country
```"""
SOLVED = """It is larger: {result}`trade/exports/germany` %. A country with neighbours by land trades more."""
CELLS = [
    ("title", None, "# Trade, in one number\n\n## How open is Japan?\n\nA share of exports says how much of what is "
     "made is sold abroad."),
    ("setup", ["setup"], "from goingglobal import load, teaching\nfrom goingglobal.results import report\n\n"
     'countries = load("country_panel").set_index(["iso3", "year"])'),
    ("share-words", None, "Take one year."),
    ("share", [], 'japan = countries.loc[("JPN", 2013), "exports_pct_gdp"]\njapan'),
    ("report", ["hide-input"], 'report("trade/exports/japan", japan, ".1f", unit="% of GDP")'),
    ("words", None, "Japan sold {result}`trade/exports/japan` % of its product abroad.\n\n## Exercises\n\n"
     "```{exercise-sheet}\n```"),
    ("exercise-another-country", None, EXERCISE),
    ("exercise-another-country-starter", ["starter", "remove-cell"],
     "share = ...  # until the line below has run\n# Your line goes here\nshare"),
    ("exercise-another-country-solution", ["solution"],
     'share = countries.loc[("DEU", 2013), "exports_pct_gdp"]\nshare'),
    ("exercise-another-country-report", ["solution", "hide-input"],
     'report("trade/exports/germany", share, ".1f", unit="% of GDP")'),
    ("exercise-another-country-text", None, SOLVED),
    ("exercise-another-country-check", ["check"],
     "# The check: run it after your answer\nteaching.given(float, share=share)\n"
     'rows = load("country_panel").query("iso3 == \'DEU\' and year == 2013")\n'
     'teaching.close(share, rows["exports_pct_gdp"].iloc[0], "That is not the share of Germany in that year.")\n'
     '"Right."'),
    ("exercise-another-country-end", None, "```{solution-end}\n```"),
]  # fmt: skip
NOTES = ":::{notes}\n:minutes: 3\n\nAsk the room first: is Japan more open than Germany, or less, and who would know? "
NOTES += "Then show the number and ask again.\n:::\n"
DECK = f"""\
# How open is Japan?

**Answer.** It sold {{result}}`trade/exports/japan` % of its product abroad.

{NOTES}
## What this can't tell

- Who sells, and to whom

{NOTES}"""


def chapter(name: str) -> dict:
    cells = [{"cell_type": "markdown" if tags is None else "code", "id": f"{name}-{identity}", "source": [text],
              "metadata": {"tags": tags} if tags else {},
              **({} if tags is None else {"outputs": [], "execution_count": None})}
             for identity, tags, text in CELLS]  # fmt: skip
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}


def make(root: Path) -> None:
    """The four files, in the page's order."""
    config = (root / "_config.yml").read_text(encoding="utf-8")
    (root / "_config.yml").write_text(config.replace(f"title: {BOOK}\n", f'title: "{TITLE}"\n'), encoding="utf-8")
    contents = (root / "_toc.yml").read_text(encoding="utf-8")
    last = "      - file: book/conclusion\n"
    (root / "_toc.yml").write_text(contents.replace(last, f"{last}      - file: book/trade\n"), encoding="utf-8")
    (root / "book" / "trade.ipynb").write_text(students.dumped(chapter("trade")), encoding="utf-8")
    (root / "book" / "slides" / "trade.md").write_text(DECK, encoding="utf-8")


def in_copy(root: Path, *command: str) -> str:
    """Run `python …` in the copy, with the copy's library and data; what it said. Fails the test where it fails."""
    environment = os.environ | {"PYTHONPATH": str(root / "src"), "GOINGGLOBAL_DATA": str(root / "data"), "CI": ""}
    done = subprocess.run([sys.executable, *command], cwd=root, env=environment, stdin=subprocess.DEVNULL, check=False,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout + done.stderr


def copied(root: Path) -> None:
    """What git tracks or would, and what the last build executed, so that the book's own chapters need not run."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True,
                            capture_output=True).stdout.decode()  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    cache = ROOT / "_build" / ".jupyter_cache"
    if cache.is_dir():
        shutil.copytree(cache, root / "_build" / ".jupyter_cache")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)


@pytest.mark.environments
@pytest.mark.far
def test_a_course_makes_its_edition_in_four_files(tmp_path):
    copied(tmp_path)
    make(tmp_path)
    said = in_copy(tmp_path, "-m", "goingglobal.sphinx.teaching.students")
    assert "warning" not in said
    assert "6 notebooks" in said
    in_copy(tmp_path, "-m", "goingglobal.sphinx.build")
    site = tmp_path / "_build" / "html"
    front, page, deck = (BeautifulSoup((site / name).read_text(encoding="utf-8"), "lxml")
                         for name in ("book/index.html", "book/trade.html", "slides/trade.html"))  # fmt: skip
    assert front.h1.get_text().startswith(TITLE)
    assert front.title.get_text().endswith(TITLE)
    assert page.select_one("#exercise-another-country")
    assert page.select_one('a[href="../exercises/trade-exercises.ipynb"]')
    assert TITLE in deck.get_text()
    assert BOOK not in page.get_text() + deck.get_text()
    assert BOOK not in (tmp_path / "book/exercises/trade-exercises.ipynb").read_text(encoding="utf-8")
    shared = json.loads((site / "results.json").read_text(encoding="utf-8"))
    assert shared["trade/exports/germany"]["value"] > shared["trade/exports/japan"]["value"]
    in_copy(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m",
            "not (environments or outputs or proof or browser or slow)", "tests/book", "tests/sphinx/teaching",
            "tests/sphinx/reading", "tests/sphinx/taking/test_citing.py")  # fmt: skip


# ------------------------------------------------------------------------------------------------------- the title
def test_the_book_is_named_once_and_elsewhere_the_same():
    """Files that no build makes, of the book that is shipped: a course's edition leaves them as they are."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    title = citation["title"].partition(": ")[0]
    assert citation["preferred-citation"]["title"] == citation["title"]
    assert (ROOT / "README.md").read_text(encoding="utf-8").startswith(f"# {title}\n")
    package = json.loads((ROOT / "data" / "datapackage.json").read_text(encoding="utf-8"))
    assert package["title"] == f"Data of the book '{title}'"
    assert f"the book '{title}'" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(("title", "expected"), [(BOOK, (BOOK, "An executable book")), (TITLE, (TITLE, ""))])
def test_title_is_that_of_the_configuration(tmp_path, title, expected):
    for name in ("CITATION.cff", "_config.yml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(re.sub(r"(?m)^title: .*", f'title: "{title}"', text) if "yml" in name else text,
                                     encoding="utf-8")  # fmt: skip
    title, subtitle, _ = names(edition(tmp_path))
    assert (title, subtitle[: len(expected[1]) or None]) == expected


# ----------------------------------------------------------------------------------------------------------- setup
def test_a_chapter_without_setup_is_warned_of():
    whole = chapter("trade")
    assert students.unmet(students.notebook(whole, "trade", 6, TITLE)) == []
    lacking = {**whole, "cells": [c for c in whole["cells"] if c["id"] != "trade-setup"]}
    assert students.unmet(students.notebook(lacking, "trade", 6, TITLE)) == ["load", "teaching"]
