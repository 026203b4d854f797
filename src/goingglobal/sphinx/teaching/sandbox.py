"""A submission's kernel in a sandbox: bubblewrap for what it sees, prlimit for what it takes. Linux only.

    name = kernel(folder, root, seconds=120, memory=4)     # a kernel's name, for nbclient, found in folder

It sees Python, the library and its data, all read-only, and a folder of its own; neither the book with its solutions,
nor the class, nor a home, nor a network. It talks to the marker through sockets in its folder. It ends with the
marker, at the limit of memory (of each process) and of processor time.

What this does not hold against: a hole in the kernel of the machine or in bubblewrap; many processes that each stay
below the limits; and code that changes, inside its own notebook's process, what a later test calls. The last is looked
for (`marking`), not made impossible: a mark is no proof against someone who attacks the marker.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

NAME = "goingglobal-sandbox"
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime",
          "/etc/fonts", "/etc/passwd")  # fmt: skip
NONE = "none"  # SANDBOX=none: limits of time and memory alone


class SandboxError(RuntimeError):
    """There is no sandbox on this machine; the message says how to get one."""


def command(root: Path, folder: Path, *, seconds: int, memory: float, sealed: bool = True) -> list[str]:
    """What to put before a command: `seconds` of processor time, `memory` in GiB, `folder` to work in."""
    limits = ["prlimit", f"--cpu={seconds}", f"--as={int(memory * 2**30)}", "--core=0", f"--fsize={2**28}", "--"]
    own = {"HOME": str(folder), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "LANG": "C.UTF-8",
           "TMPDIR": str(folder), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # fmt: skip
    if not sealed:
        return [*limits, "env", "-i", f"--chdir={folder}", *(f"{name}={value}" for name, value in own.items())]
    seen = dict.fromkeys([sys.prefix, sys.base_prefix, str(root / "src"), str(root / "data")])
    return [
        *limits, "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv",
        "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
        *(word for path in (*SYSTEM, *seen) for word in ("--ro-bind-try", path, path)),
        "--bind", str(folder), str(folder), "--chdir", str(folder), "--remount-ro", "/",
        *(word for pair in own.items() for word in ("--setenv", *pair)),
    ]  # fmt: skip


def available(root: Path, folder: Path, *, sealed: bool = True) -> None:
    """Try the sandbox once, or (`sealed` false) the limits. Raises `SandboxError`, in words, where it does not work."""
    if shutil.which("prlimit") is None:
        raise SandboxError("submissions are marked on Linux only, where prlimit (util-linux) limits time and memory")
    if not sealed:
        return
    missing = ["bwrap"] if shutil.which("bwrap") is None else []
    why = f"there is no {missing[0]} on this machine" if missing else ""
    if not why:
        trial = [*command(root, folder, seconds=10, memory=1), "/bin/true"]
        done = subprocess.run(trial, capture_output=True, check=False, encoding="utf-8", errors="replace")
        why = done.returncode and f"bubblewrap may not make one: {done.stderr.strip()[:200]}"
    if why:
        raise SandboxError(
            f"no sandbox for submissions: {why}. Install bubblewrap (Debian: apt-get install bubblewrap) on Linux, or, "
            "for submissions that you have read and trust, say SANDBOX=none: only time and memory are limited then")


def kernel(root: Path, folder: Path, *, seconds: int, memory: float, sealed: bool = True) -> str:
    """Describe the kernel in `folder` (a short path: sockets lie in it); returns its name for JUPYTER_PATH=`folder`."""
    described = {
        "argv": [*command(root, folder, seconds=seconds, memory=memory, sealed=sealed), sys.executable, "-m",
                 "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": NAME, "language": "python", "interrupt_mode": "message",
    }  # fmt: skip
    spec = folder / "kernels" / NAME
    spec.mkdir(parents=True, exist_ok=True)
    (spec / "kernel.json").write_text(json.dumps(described), encoding="utf-8", newline="\n")
    os.environ["JUPYTER_PATH"] = str(folder)
    return NAME
