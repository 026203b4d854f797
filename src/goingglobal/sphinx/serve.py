"""`make serve`: build the site and serve it on this machine."""

from __future__ import annotations

import errno
import os
import socket
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from goingglobal import _console
from goingglobal.sphinx import build

HOST = "127.0.0.1"


class PortError(RuntimeError):
    """The port can't be used; the message says which one to try."""


def free(word: str, target: str) -> int:
    """A port of this machine that nobody listens on; `target` of the Makefile is named in the error.

    Raises `PortError` for a word that is no port, and for a port that is taken or not allowed.
    """
    if not word.isdecimal() or not 0 < int(word) < 65536:
        raise PortError(f"PORT={word} is no port; expected a number from 1 to 65535, as in: make {target} PORT=8001")
    port = int(word)
    other = port + 1 if 1024 <= port < 65535 else 8001
    with socket.socket() as tried:
        if os.name != "nt":  # where it would let two programs have one port
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            why = "in use" if error.errno == errno.EADDRINUSE else "not allowed to you"
            raise PortError(f"port {port} is {why}; choose another: make {target} PORT={other}") from None
    return port


def main(root: Path, word: str) -> int:
    """Build, then serve until stopped; the port is looked at first, so that nobody waits for a build in vain."""
    try:
        port = free(word, "serve")
    except PortError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    done = build.main(root)
    if done:
        return done
    handler = partial(SimpleHTTPRequestHandler, directory=root / "_build" / "html")
    with ThreadingHTTPServer((HOST, port), handler) as http:
        print(f"http://localhost:{port}/  (Ctrl-C ends it)", flush=True)
        try:
            http.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


if __name__ == "__main__":
    _console.forgive()
    sys.exit(main(Path.cwd(), sys.argv[1] if len(sys.argv) > 1 else "8000"))
