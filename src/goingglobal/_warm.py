"""Kernels that start warm: one process imports the libraries once, each notebook gets a fork of it.

Importing pandas, SciPy, statsmodels and the rest costs longer than most chapters compute. The Sphinx
extension starts `serve`; the kernel it names runs `start`, which asks the server for a fork and then
stands for it. A fork has nothing but the imports: no data, no result. If the server is not there,
`start` is an ordinary kernel. This module imports nothing heavy itself.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress

MODULES = ("ipykernel.kernelapp", "matplotlib.pyplot", "seaborn", "scipy.stats", "statsmodels.formula.api",
           "statsmodels.api", "diff_diff", "goingglobal.charts", "goingglobal.exhibits")


def _kernel(argv: list[str]) -> None:
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance(argv=argv)


def _child(client: socket.socket, server: socket.socket) -> None:
    """In the fork: become the kernel that was asked for."""
    request = json.loads(client.makefile("r", encoding="utf-8").readline())
    server.close()
    os.setpgrp()
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    client.sendall(f"{os.getpid()}\n".encode())
    _kernel(request["argv"])


def serve(path: str) -> None:
    """Listen on a Unix socket, import, then fork a kernel for each request, until standard input closes."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    for name in MODULES:
        __import__(name)
    import pyfixest

    _ = pyfixest.feols  # imported when first asked for
    children: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([server, sys.stdin], [], [], 0.1)
        if sys.stdin in ready and not os.read(sys.stdin.fileno(), 1):
            break
        if server in ready:
            client, _ = server.accept()
            pid = os.fork()
            if pid == 0:
                _child(client, server)
                os._exit(0)
            children[pid] = client
        with suppress(ChildProcessError):
            while children and (ended := os.waitpid(-1, os.WNOHANG))[0]:
                children.pop(ended[0]).close()
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def start(path: str, argv: list[str]) -> None:
    """Ask the server for a kernel and live as long as it does; without a server, be the kernel."""
    client = socket.socket(socket.AF_UNIX)
    try:
        client.connect(path)
    except OSError:
        _kernel(argv)
        return
    request = {"argv": argv, "cwd": os.getcwd(), "env": dict(os.environ)}
    client.sendall((json.dumps(request) + "\n").encode())
    stream = client.makefile("r", encoding="utf-8")
    pid = int(stream.readline())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: os.kill(pid, received))
    stream.readline()  # returns when the kernel has ended


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        start(sys.argv[2], sys.argv[3:])
