"""Commands on a console whose code page lacks a character of what they say: it is written as an escape."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from conftest import ROOT

from goingglobal import _console

SAYS = "import sys; from goingglobal import _console; {forgive}print('saved: … − 田中')"


@pytest.mark.parametrize("encoding", ["cp1252", "cp932", "ascii"])
def test_a_console_that_lacks_a_character_is_no_error(encoding):
    def said(forgive: str) -> subprocess.CompletedProcess:
        environment = {**os.environ, "PYTHONIOENCODING": f"{encoding}:strict", "PYTHONUTF8": "0"}
        return subprocess.run([sys.executable, "-S", "-c", SAYS.format(forgive=forgive)], check=False,
                              capture_output=True, env={**environment, "PYTHONPATH": str(ROOT / "src")})  # fmt: skip

    good = said("_console.forgive(); ")
    assert (good.returncode, good.stderr) == (0, b"")
    assert good.stdout.decode(encoding).startswith("saved: ")
    if encoding != "cp932":
        assert r"\u7530\u4e2d" in good.stdout.decode(encoding)
        assert b"UnicodeEncodeError" in said("").stderr, "or the test says nothing"


@pytest.mark.parametrize("encoding", ["cp1252", "cp932"])
def test_a_command_says_its_error_on_such_a_console(tmp_path, encoding):
    """A Japanese value in a table, named in the message; the table's folder has a Japanese name."""
    folder = tmp_path / "田中"
    folder.mkdir()
    for name in ("datapackage.json", "claims.csv"):
        shutil.copy(ROOT / "data" / name, folder / name)
    text = (folder / "claims.csv").read_text(encoding="utf-8").split("\n")
    row = text[1].split(",")
    (folder / "claims.csv").write_text("\n".join([text[0], ",".join(["C…田", *row[1:]]), *text[2:]]), encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": f"{encoding}:strict", "GOINGGLOBAL_DATA": str(folder)}
    done = subprocess.run([sys.executable, "-m", "goingglobal.data", "check", "claims"], check=False,
                          capture_output=True, cwd=tmp_path, env=environment)  # fmt: skip
    assert done.returncode == 1
    words = done.stderr.decode(encoding)
    assert words.startswith("error: table 'claims', field 'claim_id', row 1")
    assert "Traceback" not in words


def test_a_stream_of_another_kind_is_left_alone(monkeypatch):
    said = []
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(write=said.append))
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(encoding="UTF-8", reconfigure=said.append))
    _console.forgive()
    assert said == []
