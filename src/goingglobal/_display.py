"""The one place that talks to IPython."""

from __future__ import annotations


def in_notebook() -> bool:
    """True inside a Jupyter kernel."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and shell.__class__.__name__ == "ZMQInteractiveShell"


def publish(bundle: dict) -> None:
    """Send one output with several representations to the notebook."""
    from IPython.display import display

    display(bundle, raw=True)
