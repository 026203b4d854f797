"""`make serve`: a port that is no port, taken or not allowed; the site as it is built."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys
import urllib.request

import pytest
from conftest import ROOT, SITE

from goingglobal.sphinx import serve


@pytest.mark.parametrize("word", ["", "eight", "0", "65536", "-1", "80.5"])
def test_what_is_no_port(word):
    with pytest.raises(serve.PortError, match=rf"^PORT={word} is no port; .*make serve PORT=8001$"):
        serve.free(word, "serve")


def test_a_taken_port_is_said_before_anything_is_built(tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind((serve.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert serve.main(tmp_path, str(port)) == 1
    said = capsys.readouterr()
    assert said.err == f"error: port {port} is in use; choose another: make serve PORT={port + 1}\n"
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_port_of_the_system(monkeypatch):
    def refuse(*_) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(serve.PortError, match="port 80 is not allowed to you; choose another: make watch PORT=8001"):
        serve.free("80", "watch")


def test_a_build_that_fails_is_not_served(tmp_path, capsys):
    with socket.socket() as free:
        free.bind((serve.HOST, 0))
        port = free.getsockname()[1]
    assert serve.main(tmp_path, str(port)) == 2  # no _config.yml there
    assert "http://" not in capsys.readouterr().out


SERVED = """
import sys
from pathlib import Path
from goingglobal.sphinx import build, serve
build.main = lambda root: 0
sys.exit(serve.main(Path.cwd(), sys.argv[1]))
"""


@pytest.mark.site
def test_the_site_is_served():
    with socket.socket() as free:
        free.bind((serve.HOST, 0))
        port = free.getsockname()[1]
    running = subprocess.Popen([sys.executable, "-c", SERVED, str(port)], cwd=ROOT, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)  # fmt: skip
    try:
        assert running.stdout.readline() == f"http://localhost:{port}/  (Ctrl-C ends it)\n"
        with urllib.request.urlopen(f"http://{serve.HOST}:{port}/results.json") as answer:
            assert answer.read() == (SITE / "results.json").read_bytes()
    finally:
        running.terminate()
        running.communicate()
