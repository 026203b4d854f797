"""The book's Markdown as other programs show it: what becomes of roles, boxes, folds and tables."""

from __future__ import annotations

import pytest

from goingglobal.sphinx.taking import plain


def role(name: str, words: str) -> str:
    return f"<{name}: {words}>"


def read(text: str, known: dict[str, str] | None = None) -> str:
    return plain.rendered(text, role, lambda block: (known or {}).get(block.name))


@pytest.mark.parametrize(("written", "shown"), [
    ("It is {result}`a/b` points.", "It is <result: a/b> points."),
    ("{cite:t}`x_2001`, {fact}`2 % <F1>`", "<cite:t: x_2001>, <fact: 2 % <F1>>"),
    ("Code like `{result}` or ``{fact}`F1` `` stays.", "Code like `{result}` or ``{fact}`F1` `` stays."),
    ("So does $\\frac{a}{b}$ and `f\"{x}`.", "So does $\\frac{a}{b}$ and `f\"{x}`."),
    ("A role {define}`over two\nlines` of text.", "A role <define: over two\nlines> of text."),
    ("```python\n{result}`a`\n```", "```python\n{result}`a`\n```"),
    ("~~~\n:::{note}\n~~~", "~~~\n:::{note}\n~~~"),
])  # fmt: skip
def test_roles_become_words_and_code_stays(written, shown):
    assert read(written) == shown


def test_a_box_is_a_quotation_with_a_bold_title_and_what_it_holds():
    text = (":::{admonition} In *one* minute\n:class: gg-summary\n\nA {result}`a`.\n\n"
            "```{chart} fig\n:x: 1\n```\n\nB.\n:::")  # fmt: skip
    assert read(text, {"chart": "CHART"}) == (
        "> **In *one* minute**\n>\n> A <result: a>.\n>\n> CHART\n>\n> B.")  # fmt: skip


def test_a_box_in_a_longer_fence_holds_one_in_a_shorter():
    text = "::::{note}\nOuter.\n:::{tip} Inside\nInner.\n:::\n::::\nAfter."
    assert read(text) == "> **Note**\n>\n> Outer.\n> > **Inside**\n> >\n> > Inner.\nAfter."


def test_what_is_not_known_is_shown_in_a_box_and_never_lost():
    assert read("```{prf:theorem} Pythagoras\n:label: p\n\n$a^2$ {fact}`F1`\n```") == (
        "> **Pythagoras**\n>\n> $a^2$ <fact: F1>")  # fmt: skip
    assert read("```{some-thing}\nText.\n```") == "> **Some thing**\n>\n> Text."


def test_a_directive_has_its_argument_options_and_text():
    seen = []
    plain.rendered("```{headline} fig-a\n:caption: So it is.\n:bars:\n\nline: one\n```", role,
                   lambda block: seen.append(block) or "")  # fmt: skip
    assert seen == [plain.Block("headline", "fig-a", {"caption": "So it is.", "bars": ""}, "line: one")]


def test_a_list_table_becomes_a_table_of_bars():
    text = (":::{list-table}\n:header-rows: 1\n:widths: 1 2\n\n* - Who\n  - What\n* - {fact}`F1`\n  - a|b\n    and on\n"
            "* - last\n:::")  # fmt: skip
    assert read(text).splitlines() == [
        "| Who | What |", "| --- | --- |", r"| <fact: F1> | a\|b and on |", "| last |  |"]  # fmt: skip


def test_a_list_table_without_heads_gets_an_empty_line_of_them():
    assert read("```{list-table} Told\n* - a\n  - b\n```").splitlines() == [
        "**Told**", "", "|  |  |", "| --- | --- |", "| a | b |"]  # fmt: skip


def test_a_fence_that_is_not_closed_reaches_to_the_end():
    assert read("Before.\n\n:::{note}\nInside.\n\nStill.") == "Before.\n\n> **Note**\n>\n> Inside.\n>\n> Still."


@pytest.mark.parametrize(("name", "shown"), [
    ("math", "$$\nx\n$$"), ("code-block", "```r\nx\n```"),
    ("dropdown", "<details><summary>r (open)</summary>\n\nx\n\n</details>"),
    ("tab-set", "x"), ("image", "![](r)\n\nx"),
])  # fmt: skip
def test_common_directives_of_other_books(name, shown):
    assert read(f"```{{{name}}} r\nx\n```") == shown


def test_a_link_may_have_any_text_as_its_title():
    assert plain.link("17 % [sic]", "p.html#a", 'He said "no"\n<and left>') == (
        r'[17 % \[sic\]](p.html#a "He said &quot;no&quot; &lt;and left>")')
    assert plain.link("a", "b") == "[a](b)"
