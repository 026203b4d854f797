"""Where the notebooks run besides here: Binder, Colab, the reader's browser.

`launch`   links that open a notebook elsewhere; the notebooks' first cell (`make address`)
`lab`      `make lab`: the reading copies in a reader's own folder (no part of Sphinx)
`lite`     `make lite`: the site with Python in the reader's browser
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: Sphinx) -> None:
    from goingglobal.sphinx.elsewhere import launch

    for part in (launch,):
        part.setup(app)
