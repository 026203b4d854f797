"""Data, samples, estimators and exhibits of the book *Japanese SMEs going global, re-examined*.

Imports run one way: `data` → `samples` → `models` → `results` → `exhibits` (with `theme`).
"""

__all__ = ["DataError", "load"]
__version__ = "0.1.0"


def __getattr__(name: str):
    """`goingglobal.load` and `DataError`, imported when asked for: `python -m goingglobal.data` then runs unwarned."""
    if name in __all__:
        from goingglobal import data

        return getattr(data, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
