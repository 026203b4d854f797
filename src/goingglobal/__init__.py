"""Data, samples, estimators and exhibits of the book *Japanese SMEs going global, re-examined*.

Imports run one way: `data` → `samples` → `models` → `results` → `exhibits` (with `theme`).
"""

from goingglobal.data import DataError, load

__all__ = ["DataError", "load"]
__version__ = "0.1.0"
