"""Jupyter kernels that start at once: each is forked from one process that has already imported what notebooks import.

    with warm.kernels(folder):  # while it lasts, kernels named python3 are started so
        ...

A notebook still runs alone, in a kernel, a folder and an environment of its own; only the seconds in which each of
them would read the same libraries from disk are shared. `python warm.py serve SOCKET` is the process that is forked,
`python warm.py start SOCKET ARGUMENTS` what Jupyter starts: it asks for a kernel and lives as long as that does.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Libraries only, nothing of the book: whatever that prints or forgets must come to light in each notebook.
LIBRARIES = (
    "altair", "IPython.display", "diff_diff", "ipykernel.kernelapp", "matplotlib.figure", "numpy", "pandas",
    "pyfixest.estimation", "scipy.optimize", "scipy.stats", "seaborn", "sensemakr", "statsmodels.api",
    "statsmodels.formula.api",
)  # fmt: skip


# ------------------------------------------------------------------------------------------- the process of the tests
@contextmanager
def kernels(folder: Path) -> Iterator[None]:
    """Warm kernels for this process, from a server that ends with the block; `folder` is for its socket alone."""
    address = folder / "socket"
    spec = folder / "share" / "kernels" / "python3"
    spec.mkdir(parents=True)
    command = [sys.executable, "-S", "-E", __file__, "start", str(address), "-f", "{connection_file}"]
    described = {"argv": command, "display_name": "warm", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(described), encoding="utf-8")
    environment = {**os.environ, "MPLBACKEND": "module://matplotlib_inline.backend_inline"}  # as ipykernel sets it
    with subprocess.Popen([sys.executable, __file__, "serve", str(address)], env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:  # fmt: skip
        try:
            line = server.stdout.readline()
            if line != "ready\n":
                raise RuntimeError(f"importing {', '.join(LIBRARIES)}: {line}{server.stderr.read()}")
            threading.Thread(target=server.stderr.read, daemon=True).start()
            before = os.environ.get("JUPYTER_PATH")
            os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(folder / "share"), before]))
            try:
                yield
            finally:
                os.environ.pop("JUPYTER_PATH")
                if before is not None:
                    os.environ["JUPYTER_PATH"] = before
        finally:
            server.terminate()


# ---------------------------------------------------------------------------------------------- what Jupyter starts
def start(address: str, *arguments: str) -> None:
    """Ask for a kernel with this process's folder and environment, and wait for its end."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(address)
        wanted = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}
        asked.sendall(json.dumps(wanted).encode() + b"\n")
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while asked.recv(1):
            pass


# ------------------------------------------------------------------------------------------ the process that is forked
def serve(address: str) -> None:
    import importlib
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        for name in LIBRARIES:
            importlib.import_module(name)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # kernels that have ended leave nothing behind
        print("ready", flush=True)
        while True:
            asked, _ = door.accept()
            wanted = json.loads(asked.makefile().readline())
            if os.fork() == 0:
                door.close()
                kernel(asked, **wanted)
            asked.close()


def kernel(asked: socket.socket, arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """Be a kernel until Jupyter ends it, or ends the process that asked for it."""
    from ipykernel.kernelapp import IPKernelApp

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    os.environ.pop("JPY_PARENT_PID", None)  # its parent is the server
    threading.Thread(target=lambda: (asked.recv(1), os._exit(1)), daemon=True).start()
    IPKernelApp.launch_instance(argv=arguments)
    os._exit(0)


if __name__ == "__main__":
    {"serve": serve, "start": start}[sys.argv[1]](*sys.argv[2:])
