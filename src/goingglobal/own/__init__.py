"""A reader's own firm panel: what it must hold, a check that says all that is wrong at once, the core analysis.

    from goingglobal import own
    panel = own.check(pandas.read_csv("mine.csv"), {"firm": "id", "home": "employees", "fdi": "abroad"})
    own.core(panel)

`rules` (fields, schema), `check`, `tables` (files) and `analyses` hand their names on. Panels larger than memory, or in
another engine: `goingglobal.own.large`; what a machine carries: `measured`; ready mappings for files of others:
`goingglobal.own.surveys`.
"""

from goingglobal.own.analyses import (
    POINTS,
    TRIM,
    Core,
    callaway_santanna,
    core,
    covariates,
    curve,
    long_difference,
    staff,
    starters_effect,
    weighting,
)
from goingglobal.own.check import Fault, PanelError, book_panel, check, faults
from goingglobal.own.generated import measured
from goingglobal.own.rules import FIELDS, Field, fields, schema
from goingglobal.own.tables import descriptor, read

__all__ = [
    "FIELDS", "POINTS", "TRIM", "Core", "Fault", "Field", "PanelError", "book_panel", "callaway_santanna", "check",
    "core", "covariates", "curve", "descriptor", "faults", "fields", "long_difference", "measured", "read", "schema",
    "staff", "starters_effect", "weighting",
]
