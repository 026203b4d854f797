"""The book's Sphinx extensions: data-aware cache, numbers, claims, exhibits, mathematics, labels.

Loaded by `_config.yml` as `goingglobal.sphinx`. Each part lives in a module of its own:

`cache`         what the execution cache must see besides cells: data, library, lock, Python
`registry`      what the pages reported and showed, and the check that every id used exists
`mime`          turns what `report`, `figure` and `table` publish into document nodes
`summary`       `{headline}`: the chart of a chapter's summary box
`roles`         `{result}`, `{claim}`, `{fact}` and the directive `{exhibit}`
`exhibits`      the cell behind each exhibit, and `{exhibits-list}`
`edition`       version, date, commit and data vintage of the site
`citing`        how to cite the book, a page, an exhibit: boxes, files, `{cite-book}`
`address`       the public address, the page for a wrong address, redirects, the map of the site
`files`         `results.json`, `exhibits.json` and the CSV files of the site
`mathematics`   formulas as MathML, made at build time: no script, no third party
`exercises`     exercises with folded hints and solutions, and the student's notebooks (`students` makes them)
`page`          what a built page carries: its own sheet and script, and no third party
`slides`        a deck of slides for each chapter, `{slides-list}`
`explorers`     charts to choose from, under their figures, loaded when opened
`launch`        links that open a notebook in the browser, on Binder, on Colab; the notebooks' first cell
`reading`       definitions in the margin, reading time, words marked with their language
`bibliography`  labels of the list that match the author–year citations
`epub`          the book as an EPUB (`paper` makes the files of `make pdf` and `make epub`)
"""

from __future__ import annotations

from sphinx.application import Sphinx

from goingglobal import __version__


def setup(app: Sphinx) -> dict:
    from goingglobal.sphinx import (
        address,
        bibliography,
        cache,
        citing,
        edition,
        epub,
        exercises,
        exhibits,
        explorers,
        files,
        launch,
        mathematics,
        page,
        reading,
        registry,
        roles,
        slides,
        summary,
    )

    for part in (
        cache, edition, registry, roles, summary, exhibits, files, citing, mathematics, bibliography, reading,
        launch, explorers, exercises, slides, page, address, epub,
    ):  # fmt: skip
        part.setup(app)
    return {"version": __version__, "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
