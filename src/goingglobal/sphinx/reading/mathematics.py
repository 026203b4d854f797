"""Formulas as MathML, converted when the page is built (latex2mathml).

No script and no font is loaded for them, they are readable without JavaScript, and screen
readers read MathML natively.
"""

from __future__ import annotations

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.math import get_node_equation_number


def _mathml(self, node: nodes.Element, display: str) -> str:
    source = node.astext()
    try:
        return convert(source, display=display)
    except Exception as error:
        raise ExtensionError(f"{self.builder.current_docname}: formula {source!r} can't be read: {error}") from error


def _inline(self, node: nodes.math) -> None:
    self.body.append(f'<span class="gg-math">{_mathml(self, node, "inline")}</span>')
    raise nodes.SkipNode


def _block(self, node: nodes.math_block) -> None:
    identity = f' id="{node["ids"][0]}"' if node.get("ids") else ""
    self.body.append(f'<div class="gg-math-block"{identity} tabindex="0">{_mathml(self, node, "block")}')
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})</span>')
    self.body.append("</div>")
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
