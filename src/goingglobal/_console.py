"""What every command of the library does to its console first."""

from __future__ import annotations

import sys


def forgive() -> None:
    """Let a character that the console's code page lacks be written as an escape, instead of ending the command.

    A console of Windows may know no Japanese name of a folder, and no “…”.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not where a test or a notebook has put its own in the place
            stream.reconfigure(errors="backslashreplace")
