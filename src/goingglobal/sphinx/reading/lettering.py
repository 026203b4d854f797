"""Appendices go by letters: A, A.1, Table A.1. sphinx-external-toc's `style: alphaupper` in `_toc.yml` writes them.

Two things that it leaves: pages are written again only where their letters have changed, and `{numref}` to a part of
an appendix says “Appendix A.1”, not “Section A.1”.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_external_toc.collectors import TocTreeCollectorWithStyles


def lettered(env: BuildEnvironment, docname: str) -> bool:
    """Whether a page is an appendix: its number begins with a letter."""
    number = env.toc_secnumbers.get(docname, {}).get("")
    return bool(number) and isinstance(number[0], str)


def _told_apart(assign: Callable) -> Callable:
    """The style's numbering, which tells of every lettered page that it changed, telling only of those that did."""

    def assign_section_numbers(self, env: BuildEnvironment) -> list[str]:
        before = deepcopy(env.toc_secnumbers)
        assign(self, env)
        return [doc for doc, numbers in env.toc_secnumbers.items() if numbers != before.get(doc)]

    return assign_section_numbers


# In place, as sphinx-multitoc-numbering does: a collector of our own would come after those who read its numbers.
TocTreeCollectorWithStyles.assign_section_numbers = _told_apart(TocTreeCollectorWithStyles.assign_section_numbers)


class Appendices(SphinxPostTransform):
    """Names references by number to parts of appendices, before Sphinx resolves them."""

    default_priority = 5

    def run(self, **_) -> None:
        labels = self.env.get_domain("std").anonlabels
        for node in self.document.findall(addnodes.pending_xref):
            doc, name = labels.get(node.get("reftarget"), ("", ""))
            if node.get("reftype") != "numref" or node["refexplicit"] or not lettered(self.env, doc):
                continue
            if not any(name in kind for kind in self.env.toc_fignumbers.get(doc, {}).values()):
                node["refexplicit"] = True
                node.replace(node[0], nodes.inline("", "Appendix {number}"))


def setup(app: Sphinx) -> None:
    app.add_post_transform(Appendices)
