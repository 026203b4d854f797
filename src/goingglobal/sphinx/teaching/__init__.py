"""What a course takes: exercises, students' notebooks, slides.

`exercises`   exercises with folded hints and solutions, and the link to the student's notebook
`students`    `make exercises`: the students' notebooks, from the chapters
`copies`      reading copies: the notebooks as they read outside the site
`markdown`    each page as plain Markdown beside it, and `llms.txt`
`assignments` `make assignment`: the exercises as assignments of nbgrader, with hidden tests
`marking`     `make grade`: marks and feedback for a class
`sandbox`     what a submission sees and may take while it is marked
`slides`      a deck of slides for each chapter, `{slides-list}`, `{slide}`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: Sphinx) -> None:
    from goingglobal.sphinx.teaching import copies, exercises, markdown, slides

    for part in (exercises, copies, markdown, slides):
        part.setup(app)
