"""What tests of several modules make up: rows of the country panel, an estimate, commits, a small book."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from conftest import ROOT

from goingglobal.models import Estimate


def country(iso3: str, years: list[int], conduit: int = 0, **series) -> pd.DataFrame:
    """Rows of `country_panel`; a series not given is 1 in every year."""
    names = ["fdi_out_pct_gdp", "fdi_in_pct_gdp", "gdp_growth_pct", "population_15_64", "employment_pwt_millions",
             "employment_ilo_thousands"]  # fmt: skip
    columns = {name: series.get(name, 1.0) for name in names}
    return pd.DataFrame({"iso3": iso3, "country": iso3.title(), "year": years, "conduit": conduit, **columns})


def estimate(value: float = 1.5, se: float = 0.5, **more) -> Estimate:
    base = dict(ci_low=value - 2 * se, ci_high=value + 2 * se, n=1234, unit="points", sample="made up", method="none",
                software="none 1.0")  # fmt: skip
    return Estimate(value=value, se=se, **(base | more))


def git(folder: Path, *arguments: str, date: str = "2020-02-03T23:30:00-05:00") -> str:
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false", *arguments]
    environment = {"PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date,
                   "HOME": str(folder)}  # fmt: skip
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@dataclass
class SmallBook:
    """A copy of the repository, what git tracks or would, with pages of one's own in place of its chapters."""

    root: Path

    def __post_init__(self) -> None:
        command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
        for name in filter(None, listed.split("\0")):
            chapter = name.startswith("book/") and name.endswith((".ipynb", ".md"))
            if (ROOT / name).is_file() and not chapter and not name.startswith("tests/"):
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.root / name)

    def pages(self, **texts: str) -> None:
        """Markdown pages by name; the first is the root, the others its chapters."""
        for name, text in texts.items():
            (self.root / "book" / f"{name}.md").write_text(text, encoding="utf-8")
        root, *chapters = texts
        contents = "".join(f"  - file: book/{chapter}\n" for chapter in chapters)
        (self.root / "_toc.yml").write_text(f"format: jb-book\nroot: book/{root}\nchapters:\n{contents}", "utf-8")

    def build(self) -> tuple[int, str]:
        """Build with the copy's library and data; exit code and all that was said."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"PYTHONPATH": str(self.root / "src"), "GOINGGLOBAL_DATA": str(self.root / "data"),
                        "NO_COLOR": "1"}  # fmt: skip
        done = subprocess.run([sys.executable, "-m", "goingglobal.sphinx.build"], cwd=self.root, env=environment,
                              check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.decode()
