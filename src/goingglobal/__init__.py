"""Data, samples, estimators and exhibits of the book *Japanese SMEs going global, re-examined*.

Imports run one way: `data` → `samples` → `models` (→ `designs`, `specifications`) → `results` → `exhibits` (with
`theme`, `charts`) → `own` → `sphinx`.
"""

from importlib import import_module

__all__ = ["DataError", "load"]
__version__ = "0.1.0"
_MOVED = {"large": "goingglobal.own.large", "surveys": "goingglobal.own.surveys"}  # where 0.1.0 had them


def __getattr__(name: str):
    """`goingglobal.load` and `DataError`, imported when asked for: `python -m goingglobal.data` then runs unwarned."""
    if name in __all__:
        return getattr(import_module("goingglobal.data"), name)
    if name in _MOVED:
        return import_module(_MOVED[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
