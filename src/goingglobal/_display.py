"""The one place that talks to IPython, and the names of the book's own kinds of output.

Nothing else is imported here: the site's extensions read these names without any estimator.
"""

from __future__ import annotations

EXHIBIT = "application/vnd.goingglobal.exhibit+json"
EXPLORER = "application/vnd.goingglobal.explorer+json"
RESULT = "application/vnd.goingglobal.result+json"


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
