"""What all samples share: the name each carries, and the error where none can be made."""

from __future__ import annotations

import pandas as pd


class SampleError(ValueError):
    """A sample can't be made: no rows are left, or the groups to compare are not both there."""


def called(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The sample with its name. Raises `SampleError` where it has no rows."""
    if frame.empty:
        raise SampleError(f"sample {name!r} has no rows")
    frame = frame.reset_index(drop=True)
    frame.attrs = {"sample": name}
    return frame
