"""The one place that talks to IPython and to consoles, and the names of the book's own kinds of output.

Nothing else is imported here: the site's extensions read these names without any estimator.
"""

from __future__ import annotations

import sys

EXHIBIT = "application/vnd.goingglobal.exhibit+json"
EXPLORER = "application/vnd.goingglobal.explorer+json"
RESULT = "application/vnd.goingglobal.result+json"
PLAIN = str.maketrans({"–": "-", "—": "-", "−": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "…": "...", "Δ": "d",
                       "±": "+/-", "→": "->", "≤": "<=", "≥": ">=", "×": "x", "\u202f": " ", "\xa0": " "})


def in_notebook() -> bool:
    """True where outputs are shown as a page: a Jupyter kernel, Colab's or Pyodide's; not a terminal's IPython."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and "TerminalInteractiveShell" not in {kind.__name__ for kind in type(shell).__mro__}


def publish(bundle: dict) -> None:
    """Send one output with several representations to the notebook."""
    from IPython.display import display

    display(bundle, raw=True)


def printable(text: str) -> str:
    """The text as the console can print it: where its encoding lacks a sign, a plain one stands in."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(PLAIN).encode(encoding, "replace").decode(encoding)
    except LookupError:
        return text.translate(PLAIN).encode("ascii", "replace").decode("ascii")
    return text
