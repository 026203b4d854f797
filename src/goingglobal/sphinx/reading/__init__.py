"""What a reader of a page sees: its frame, its numbers, its exhibits.

`mime`           turns what `report`, `figure`, `table` and explorers publish into document nodes (a plug-in of myst-nb)
`roles`          `{result}`, `{claim}`, `{fact}`, `{verdict}` and the directive `{exhibit}`
`cards`          what opens on a quoted number, claim or fact
`summary`        `{headline}`: the chart of a chapter's summary box
`exhibits`       the cell behind each exhibit, and `{exhibits-list}`
`lettering`      appendices by letters: A, A.1, Table A.1
`mathematics`    formulas as MathML, made at build time: no script, no third party
`bibliography`   labels of the list that match the author–year citations
`margin`         definitions in the margin, the line above a title, words marked with their language
`explorers`      charts to choose from, under their figures, loaded when opened
`search`         the search index, whole after every build
`wording`        phrases that the book has given up; terms that a chapter must explain
`page`           what a built page carries: its own sheet and script, and no third party
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: Sphinx) -> None:
    from goingglobal.sphinx.reading import (
        bibliography,
        cards,
        exhibits,
        explorers,
        lettering,
        margin,
        mathematics,
        page,
        roles,
        search,
        summary,
        wording,
    )

    for part in (lettering, roles, cards, summary, exhibits, mathematics, bibliography, margin, explorers, search,
                 wording, page):  # fmt: skip
        part.setup(app)
