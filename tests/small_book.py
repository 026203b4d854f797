"""A small book in a copy of the repository, for tests of the build."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import nbformat.v4
import warm
from bs4 import BeautifulSoup
from conftest import ROOT

INDEX = "# Tiny\n\nFrom data {result}`tiny/figure`, from code {result}`tiny/library`, typed {result}`tiny/typed`.\n"
ALPHA = """\
import os
from goingglobal import load, samples
from goingglobal.results import report

with open(os.environ["GOINGGLOBAL_TEST_RUNS"], "a") as log:
    log.write("alpha ")
japan = load("country_panel").set_index(["iso3", "year"]).loc[("JPN", 2013)]
report("tiny/figure", japan["exports_pct_gdp"], ".1f", unit="% of GDP")
report("tiny/library", samples.TINY, "d", unit="count")
report("tiny/typed", 5, "d", unit="count")"""
QUOTE = "# Beta\n\nThe paper's {claim}`17 % <C012>`, an official {fact}`110.4 <F0088>` and our {result}`tiny/typed`."
BETA = """\
import os
from goingglobal.results import report

with open(os.environ["GOINGGLOBAL_TEST_RUNS"], "a") as log:
    log.write("beta ")
report("tiny/beta", 2, "d", unit="count")"""

# What small books and pages read.
TABLES = ("country_panel", "industry_japan_continuing", "claims", "official_figures", "literature")


@dataclass
class Book:
    """A copy of the repository with a small book.

    It is built with a Python that has the libraries imported (`warm`), by name; None: with Python as a user starts it.
    """

    root: Path
    python: str | None = "one"

    @property
    def log(self) -> Path:
        """Beside the copy: in it, it would count as a changed file."""
        return self.root.with_name(f"{self.root.name}.runs")

    def page(self, name: str, text: str, *cells: str) -> None:
        """A notebook, or with no cells a markdown file."""
        if not cells:
            (self.root / "book" / f"{name}.md").write_text(text, encoding="utf-8")
            return
        code = [nbformat.v4.new_code_cell(cell, id=f"{name}-{number}") for number, cell in enumerate(cells)]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_markdown_cell(text, id=f"{name}-title"), *code], metadata=kernel)  # fmt: skip
        nbformat.write(notebook, self.root / "book" / f"{name}.ipynb")

    def pages(self, **texts: str) -> None:
        """Markdown pages by name; the first is the root, the others its chapters."""
        for name, text in texts.items():
            self.page(name, text)
        root, *chapters = texts
        self.contents(*chapters, root=root)

    def contents(self, *names: str, root: str = "index") -> None:
        chapters = "".join(f"  - file: book/{name}\n" for name in names)
        (self.root / "_toc.yml").write_text(f"format: jb-book\nroot: book/{root}\nchapters:\n{chapters}", "utf-8")

    def environment(self) -> dict[str, str]:
        """That of a process which uses the copy's library and data."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return environment | {
            "PYTHONPATH": str(self.root / "src"), "GOINGGLOBAL_DATA": str(self.root / "data"), "NO_COLOR": "1",
            "GOINGGLOBAL_TEST_RUNS": str(self.log),
        }  # fmt: skip

    def start(self, *arguments: str, python: str = sys.executable) -> subprocess.Popen:
        """Start `python -m …` in the copy, in a session of its own."""
        return subprocess.Popen([python, "-m", *arguments], cwd=self.root, env=self.environment(),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                start_new_session=True)  # fmt: skip

    def run(self, *arguments: str) -> tuple[int, str]:
        """`python -m …` in the copy; exit code and all that was said."""
        if self.python:
            return warm.run(self.python, "-m", *arguments, folder=str(self.root), environment=self.environment())
        running = self.start(*arguments)
        said = running.communicate()[0].decode()
        return running.returncode, said

    def build(self) -> Built:
        return self.built(*self.run("goingglobal.sphinx.build"))

    def built(self, code: int, said: str) -> Built:
        """What the last build left behind."""
        site, cache = self.root / "_build" / "html", self.root / "_build" / ".jupyter_cache"
        results = site / "results.json"
        return Built(code, said, hashes(site), hashes(cache), self.runs(), self.shown("index"), self.shown("beta"),
                     json.loads(results.read_text(encoding="utf-8")) if results.exists() else {})  # fmt: skip

    def runs(self) -> list[str]:
        """Which notebooks ran so far, sorted (they may run in any order)."""
        return sorted(self.log.read_text().split()) if self.log.exists() else []

    def shown(self, name: str) -> dict[str, str]:
        """Results as a page shows them, by id."""
        page = self.root / "_build" / "html" / "book" / f"{name}.html"
        if not page.exists():
            return {}
        links = BeautifulSoup(page.read_text(encoding="utf-8"), "lxml").select("a.gg-result")
        return {link["data-card"]: link.get_text() for link in links}

    def set_cell(self, table: str, wanted: dict[str, str], column: str, value: str) -> int:
        """Change one cell of a table; its row, counted from 1 below the header."""
        path = self.root / "data" / f"{table}.csv"
        with path.open(encoding="utf-8", newline="") as handle:
            header, *rows = csv.reader(handle)
        at = next(i for i, row in enumerate(rows) if wanted.items() <= dict(zip(header, row, strict=True)).items())
        rows[at][header.index(column)] = value
        with path.open("w", encoding="utf-8", newline="") as handle:
            csv.writer(handle, lineterminator="\n").writerows([header, *rows])
        return at + 1


@dataclass
class Built:
    """What a build left behind."""

    code: int
    said: str
    site: dict[str, str] = field(repr=False)
    cache: dict[str, str] = field(repr=False)
    runs: list[str]
    shown: dict[str, str]
    shown_by_beta: dict[str, str]
    results: dict[str, dict] = field(repr=False)


def hashes(folder: Path) -> dict[str, str]:
    """Digest of each file, byte for byte."""
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = hashlib.sha256(file.read()).hexdigest()
    return dict(sorted(found.items()))


def repository(root: Path) -> Book:
    """A copy of what git tracks or would, without the chapters, and of the tables only those that it reads."""
    package = json.loads((ROOT / "data" / "datapackage.json").read_text(encoding="utf-8"))
    package["resources"] = [table for table in package["resources"] if table["name"] in TABLES]
    assert len(package["resources"]) == len(TABLES)
    left_out = {f"data/{path.name}" for path in (ROOT / "data").glob("*.csv") if path.stem not in TABLES}
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        chapter = name.startswith("book/") and name.endswith((".ipynb", ".md"))
        if (ROOT / name).is_file() and not chapter and not name.startswith("tests/") and name not in left_out:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    text = json.dumps(package, indent=1, ensure_ascii=False) + "\n"
    (root / "data" / "datapackage.json").write_text(text, encoding="utf-8")
    return Book(root)


def copy_of_repository(root: Path) -> Book:
    """A copy with two notebooks; its library has a constant that a test can change."""
    book = repository(root)
    with (root / "src" / "goingglobal" / "samples" / "__init__.py").open("a", encoding="utf-8") as library:
        library.write("\nTINY = 41\n")
    book.page("index", INDEX)
    book.page("alpha", "# Alpha", ALPHA)
    book.page("beta", QUOTE, BETA)
    book.page("gone", "# Gone")
    book.contents("alpha", "beta", "gone")
    return book
