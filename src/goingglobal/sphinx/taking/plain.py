"""The book's Markdown as any notebook program shows it: no roles, no directives, no page around it.

    plain.rendered(text, role=lambda name, words: …, directive=lambda block: …)

Roles (`` {name}`words` ``) become what `role` says, directives what `directive` says; code and formulas stay as they
are. Boxes become quotations with a bold title, folds `<details>`, list tables tables of bars: what JupyterLab, Colab,
nbviewer and the previews of code hosts show alike. Nothing here knows Sphinx.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Block", "boxed", "folded", "link", "quoted", "rendered", "table"]

_OPENED = re.compile(r"^(?P<fence>:{3,}|`{3,}|~{3,})(?:\{(?P<name>[\w:-]+)\})?(?P<rest>.*)$")
_OPTION = re.compile(r"^:(?P<name>[\w-]+):(?: +(?P<value>.*))?$")
# A role, or code, in which nothing is a role: whichever comes first.
_INLINE = re.compile(r"(?:\{(?P<name>[\w:-]+)\})?(?<!`)(?P<ticks>`+)(?!`)(?P<words>.+?)(?<!`)(?P=ticks)(?!`)", re.S)
ADMONITIONS = {"admonition", "attention", "caution", "danger", "error", "hint", "important", "note", "seealso", "tip",
               "warning"}  # fmt: skip

Role = Callable[[str, str], str]


@dataclass(frozen=True)
class Block:
    """A directive as written: its name, what stands beside it, its options, and the text inside."""

    name: str
    argument: str = ""
    options: dict[str, str] = field(default_factory=dict)
    body: str = ""


def _read(name: str, argument: str, lines: list[str]) -> Block:
    options, at = {}, 0
    while at < len(lines) and (found := _OPTION.match(lines[at].strip())):
        options[found["name"]] = found["value"] or ""
        at += 1
    return Block(name, argument.strip(), options, "\n".join(lines[at:]).strip("\n"))


def rendered(text: str, role: Role, directive: Callable[[Block], str | None]) -> str:
    """Markdown without roles and directives.

    `role(name, words)` gives the Markdown of a role; `directive(block)` that of a directive, or None for one that it
    doesn't know: then its text is shown in a box under its argument or name. Both may call this function again.
    """
    out, prose, lines, at = [], [], text.splitlines(), 0

    def flush() -> None:
        if prose:
            out.append(_roles("\n".join(prose), role))
            prose.clear()

    while at < len(lines):
        opened = _OPENED.match(lines[at])
        if not opened or (opened["fence"][0] == ":" and not opened["name"]):
            prose.append(lines[at])
            at += 1
            continue
        flush()
        fence = opened["fence"]
        closing = re.compile(rf"^{re.escape(fence[0])}{{{len(fence)},}}\s*$")
        end = next((place for place in range(at + 1, len(lines)) if closing.match(lines[place])), len(lines))
        inside = lines[at + 1:end]
        if opened["name"]:
            block = _read(opened["name"], opened["rest"], inside)
            shown = directive(block)
            out.append(_any(block, role, directive) if shown is None else shown)
        else:
            out.append("\n".join([lines[at], *inside, fence]))
        at = end + 1
    flush()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip("\n")


def _roles(text: str, role: Role) -> str:
    return _INLINE.sub(lambda found: role(found["name"], found["words"]) if found["name"] else found[0], text)


def _any(block: Block, role: Role, directive: Callable[[Block], str | None]) -> str:
    """A directive that every book may have."""
    def inner() -> str:
        return rendered(block.body, role, directive)

    title = _roles(block.argument, role)
    if block.name in ADMONITIONS:
        return boxed(title or block.name.capitalize(), inner())
    if block.name == "dropdown":
        return folded(title or "More", inner())
    if block.name == "list-table":
        return table(list_rows(block.body, role), int(block.options.get("header-rows", 0)), title)
    if block.name == "math":
        return f"$$\n{block.body}\n$$"
    if block.name in ("code", "code-block", "code-cell", "literalinclude", "parsed-literal"):
        return f"```{block.argument}\n{block.body}\n```"
    if block.name in ("figure", "image"):
        return "\n\n".join(filter(None, (f"![{block.options.get('alt', '')}]({block.argument})", inner())))
    if block.name in ("tab-set", "grid", "container", "div"):
        return inner()
    return boxed(title or block.name.replace("-", " ").capitalize(), inner())


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def boxed(title: str, text: str) -> str:
    """A box: a quotation with a bold title."""
    return quoted(f"**{title}**\n\n{text}")


def folded(words: str, text: str) -> str:
    """A fold, closed until a reader opens it; its words say so, as some programs leave out the sign beside them."""
    return f"<details><summary>{words} (open)</summary>\n\n{text}\n\n</details>"


def link(words: str, address: str, title: str = "") -> str:
    """A link whose title (what a pointer on it shows) may hold any text."""
    told = re.sub(r"\s+", " ", title).replace("\\", "").replace('"', "&quot;").replace("<", "&lt;")
    shown = re.sub(r"(?<!\\)([\[\]])", r"\\\1", words)
    return f'[{shown}]({address} "{told}")' if told else f"[{shown}]({address})"


def list_rows(body: str, role: Role) -> list[list[str]]:
    """The cells of a list table: `* - first`, then `  - next`, further lines indented below."""
    rows: list[list[list[str]]] = []
    for line in body.splitlines():
        if line.startswith(("* - ", "- - ")) or line.rstrip() in ("* -", "- -"):
            rows.append([[line[4:]]])
        elif rows and (line.startswith("  - ") or line.rstrip() == "  -"):
            rows[-1].append([line[4:]])
        elif rows and line.strip():
            rows[-1][-1].append(line.strip())
    return [[_roles(" ".join(cell), role).strip() for cell in row] for row in rows]


def table(rows: list[list[str]], heads: int = 1, caption: str = "") -> str:
    """A table of bars, which always has one line of heads; bars inside cells are escaped."""
    width = max(map(len, rows), default=0)
    lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in [*row, *[""] * (width - len(row))]) + " |"
             for row in ([] if heads else [[""] * width]) + rows]  # fmt: skip
    lines.insert(1, "|" + " --- |" * width)
    return "\n".join([*([f"**{caption}**", ""] if caption else []), *lines])
