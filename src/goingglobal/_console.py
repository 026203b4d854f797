"""What every command of the library does to its console first."""

from __future__ import annotations

import sys


def forgive() -> None:
    """Let a character that the console's code page lacks be written as an escape, instead of ending the command.

    A console of Windows may know no Japanese name of a folder, and no “…”.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and stream.encoding.lower() != "utf-8":  # a notebook's, a test's has none
            stream.reconfigure(errors="backslashreplace")
