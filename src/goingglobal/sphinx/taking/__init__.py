"""What a reader takes away: files, citations, the book on paper and in an e-reader, an address.

`files`     `results.json`, `exhibits.json` and the CSV files of the site
`package`   the data package at addresses that stay: `data/`, `{data-files}`
`citing`    how to cite the book, a page, an exhibit: boxes, files, `{cite-book}`
`address`   the public address, the page for a wrong address, redirects, the map of the site
`preview`   what a page says of itself in search engines and previews of links
`epub`      the book as an EPUB
`plain`     the book's Markdown as other programs show it
`pictures`  figures as files, for notebooks and to take along
`paper`     `make pdf` and `make epub`: the whole book as one file
`browser`   the Chromium on this machine
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: Sphinx) -> None:
    from goingglobal.sphinx.taking import address, citing, epub, files, package, pictures, preview

    for part in (files, package, citing, preview, address, epub, pictures):
        part.setup(app)
