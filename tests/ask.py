"""What stands for a process that a Python of `warm` is asked for: `ask.py SOCKET -m MODULE …` or `-c CODE …`.

It lives as long as that process does and ends with its exit code; `warm` says the rest. Some hundred are started in a
run of the tests: it imports what is built into Python and nothing else.
"""

import _signal
import _socket
import marshal
import os
import sys


def ask(address: str, words: list[str], folder: str, environment: dict[str, str], files: dict[int, int]):
    """Ask for a process: its arguments, folder, environment and files (its numbers of them → ours).

    Gives a socket on which its exit code is told; what is sent there interrupts it, and closing it ends it. Raises
    `OSError` where nobody serves the address.
    """
    message = marshal.dumps((words, folder, environment, list(files)))
    asked = _socket.socket(_socket.AF_UNIX)
    asked.connect(address)
    rights = b"".join(file.to_bytes(4, sys.byteorder) for file in files.values())
    asked.sendmsg([len(message).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])
    asked.sendall(message)
    return asked


def _inherited(number: int) -> bool:
    try:
        return os.get_inheritable(number)
    except OSError:
        return False


def main(address: str, *arguments: str) -> int:
    """Ask with this process's own files, folder and environment, and wait. An interrupt is for that process."""
    words = [word for word in arguments if not word.startswith(("-X", "-u"))]
    if words[:1] not in (["-m"], ["-c"]):
        os.execv(sys.executable, [sys.executable, *arguments])
    files = {number: number for number in map(int, os.listdir("/proc/self/fd")) if _inherited(number)}
    asked = ask(address, words, os.getcwd(), dict(os.environ), files)
    _signal.signal(_signal.SIGINT, lambda *_: asked.send(b"!"))
    told = asked.recv(1)
    return told[0] if told else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
