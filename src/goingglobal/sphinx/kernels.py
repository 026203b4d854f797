"""Starts the warm-kernel server (`goingglobal._warm`) when notebooks are about to be read.

The notebooks' kernel `python3` is aliased to a kernel specification written below `_build`, which
asks that server for a fork. On systems without a safe `fork` the ordinary kernel is used.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

NAME = "goingglobal-warm"
# Matrices here are small: one thread is faster than two that wait for each other, and sums in one order.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def _alias(app: Sphinx, config: Config) -> None:
    if not sys.platform.startswith("linux"):
        return
    app.goingglobal_socket = str(Path(tempfile.mkdtemp(prefix="going-")) / "kernels")
    root = Path(app.srcdir) / "_build" / ".kernels"
    folder = root / "kernels" / NAME
    folder.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "goingglobal._warm", "start", app.goingglobal_socket, "-f", "{connection_file}"]
    specification = {"argv": argv, "display_name": "Python 3 (warm)", "language": "python", "env": ONE_THREAD}
    (folder / "kernel.json").write_text(json.dumps(specification), encoding="utf-8")
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(root), os.environ.get("JUPYTER_PATH")]))
    config.nb_kernel_rgx_aliases = {"python3": NAME}
    if app.goingglobal_fresh:  # set by `cache`: do not wait until the first notebook is read
        _serve(app)


def _start(app: Sphinx, env, docnames: list[str]) -> None:
    if any(env.doc2path(name).endswith(".ipynb") for name in docnames):
        _serve(app)


def _serve(app: Sphinx) -> None:
    if hasattr(app, "goingglobal_socket") and not hasattr(app, "goingglobal_server"):
        command = [sys.executable, "-m", "goingglobal._warm", "serve", app.goingglobal_socket]
        app.goingglobal_server = subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, **ONE_THREAD})


def _stop(app: Sphinx, exception: Exception | None) -> None:
    server = getattr(app, "goingglobal_server", None)
    if server is not None:
        server.stdin.close()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:  # still importing: nothing was asked of it
            server.kill()
    if hasattr(app, "goingglobal_socket"):
        socket = Path(app.goingglobal_socket)
        socket.unlink(missing_ok=True)
        socket.parent.rmdir()


def setup(app: Sphinx) -> None:
    app.connect("config-inited", _alias)
    app.connect("env-before-read-docs", _start)
    app.connect("build-finished", _stop)
