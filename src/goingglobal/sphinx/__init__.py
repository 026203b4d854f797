"""The book's Sphinx extensions, by what a reader does. Loaded by `_config.yml` as `goingglobal.sphinx`.

`cache`      what the execution cache must see besides cells: data, library, lock, Python
`edition`    version, date, commit and data vintage of the site
`registry`   what the pages reported and showed, and the check that every id used exists
`build`      `make book`: the strict build, its progress and its messages
`settings`   where the book is published, as the environment says (no part of Sphinx)
`state`      what a build depends on and left behind, as digests (no part of Sphinx)
`kernels`    kernels forked from one process, so that notebooks start at once (no part of Sphinx)
`serve`      `make serve` (no part of Sphinx)
`watch`      `make watch`: build on every save (no part of Sphinx)

Rooms, each with an index of its own; a later one may use an earlier one, never the other way round:

`taking`     files, citations, paper, e-reader, address
`reading`    pages, numbers, exhibits
`elsewhere`  links to other places, the notebooks' first cell, Python in the browser
`teaching`   exercises, students' notebooks, slides
`publishing` what is published: the whole site, editions that are kept, versions in step
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from goingglobal import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict:
    from goingglobal.sphinx import build, cache, edition, elsewhere, publishing, reading, registry, taking, teaching

    for part in (cache, edition, registry, build, taking, reading, elsewhere, teaching, publishing):
        part.setup(app)
    return {"version": __version__, "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
