"""What is published: the whole site, the editions that are kept, and the files that must name one version.

`editions`   the page of editions; archives of editions, and notices on old ones
`public`     `make public`, `make edition`: all that is put on the web
`versions`   `make version`: one version in `CITATION.cff`, `.zenodo.json`, `codemeta.json` and the library
`compare`    whether two builds gave the same numbers
`outward`    `make links`: whether links that lead off the site still do
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: Sphinx) -> None:
    from goingglobal.sphinx.publishing import editions

    editions.setup(app)
