"""What tests of several modules make up: rows of the country panel, an estimate, commits."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pandas as pd

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
