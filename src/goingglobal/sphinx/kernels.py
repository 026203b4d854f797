"""Kernels that start at once: each is forked from one process that has imported the libraries that notebooks import.

    with kernels.warm(folder) as name:      # name of the kernel, for nbclient; None where there is no fork
        ...

A notebook runs alone as ever, in a process, a folder and an environment of its own; only the seconds in which each of
them would read the same libraries from disk are shared. Of the book's own library nothing is imported beforehand.
`serve SOCKET` is the process that is forked; `start SOCKET ARGUMENTS` is what Jupyter starts: it asks for a kernel and
lives as long as that does. Each ends when the process that started it does.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

NAME = "goingglobal-warm"
GIVEN = "GOINGGLOBAL_KERNEL"  # what the name is handed on in, where one process begins and another runs notebooks
LIBRARIES = (
    "IPython.display", "altair", "diff_diff", "ipykernel.kernelapp", "matplotlib.figure", "numpy", "pandas",
    "pyfixest.estimation", "scipy.optimize", "scipy.stats", "seaborn", "statsmodels.api", "statsmodels.formula.api",
)  # fmt: skip


# ------------------------------------------------------------------------------------- the process that runs notebooks
@contextlib.contextmanager
def warm(folder: Path, settings: Mapping[str, str] | None = None, log: IO[bytes] | None = None,
         ) -> Iterator[str | None]:  # fmt: skip
    """Offer kernels under a name as long as the block lasts; `folder` is an empty one. Linux only: elsewhere None.

    The name may be used at once; a kernel that is asked for early waits for the imports. `settings`: the environment
    of the process that imports (default: this one's); `log`: where it, and what is forked, say what goes wrong.
    """
    if not sys.platform.startswith("linux"):
        yield None
        return
    address, spec = folder / "socket", folder / "share" / "kernels" / NAME
    spec.mkdir(parents=True)
    command = [sys.executable, "-S", "-E", __file__, "start", str(address), "-f", "{connection_file}"]
    described = {"argv": command, "display_name": NAME, "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(described), encoding="utf-8", newline="\n")
    # As ipykernel sets it.
    environment = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", **(settings or os.environ)}
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(address))
        door.listen()
        command = [sys.executable, __file__, "serve", str(door.fileno())]
        server = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                  pass_fds=(door.fileno(),))  # fmt: skip
    before = os.environ.get("JUPYTER_PATH")
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(folder / "share"), before]))
    try:
        yield NAME
    finally:
        os.environ.pop("JUPYTER_PATH")
        if before is not None:
            os.environ["JUPYTER_PATH"] = before
        server.kill()
        server.wait()


# ---------------------------------------------------------------------------------------------- what Jupyter starts
def start(address: str, *arguments: str) -> None:
    """Ask for a kernel with this process's folder and environment, and wait for its end."""
    parent = os.getppid()
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(address)
        wanted = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}
        asked.sendall(json.dumps(wanted).encode() + b"\n")
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while os.getppid() == parent:
            if select.select([asked], [], [], 1)[0] and not asked.recv(1):
                break


# ------------------------------------------------------------------------------------------ the process that is forked
def serve(number: str) -> None:
    """Import the libraries, then fork a kernel for each that asks at the open socket of this number."""
    import importlib

    parent = os.getppid()
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):  # one that is not there says so where a notebook imports it
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # kernels that have ended leave nothing behind
    with socket.socket(fileno=int(number)) as door:
        while os.getppid() == parent:
            if select.select([door], [], [], 1)[0]:
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
    os.environ.pop("JPY_PARENT_PID", None)  # its parent is the server; the socket tells when to end

    def watch() -> None:
        asked.recv(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    IPKernelApp.launch_instance(argv=arguments)
    os._exit(0)


if __name__ == "__main__":
    {"serve": serve, "start": start}[sys.argv[1]](*sys.argv[2:])
