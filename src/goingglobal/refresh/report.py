"""The report on candidates in `_build/refresh`: Markdown, page, JSON, and the names of the candidates as text."""

from __future__ import annotations

import re
from pathlib import Path

from goingglobal.refresh import sources
from goingglobal.refresh.fetching import write, write_json

STYLE = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
overflow-wrap:anywhere}
table{border-collapse:collapse;display:block;overflow-x:auto}th,td{padding:.25rem .6rem;border-bottom:1px solid #8886;
text-align:left;vertical-align:top}code{font-size:.9em}th,td{overflow-wrap:normal}
"""
SHOWN = 40


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return (f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}").replace("-", "−")


def _estimate(part: dict | None) -> str:
    if part is None:
        return "gone"
    interval = "" if part["ci_low"] is None else f" [{_number(part['ci_low'])}, {_number(part['ci_high'])}]"
    return f"{_number(part['value'])}{interval}" + (f", n {part['n']:,}" if part["n"] else "")


def _table(heads: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; a bar in a cell does not end it."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _estimates(lines: list[dict]) -> str:
    return _table(["Result", "Page", "Today", "Candidate", "Changes"], [
        [f"`{line['id']}`", line["page"], _estimate(line["today"]), _estimate(line["candidate"]),
         ", ".join(line["changes"]) or ("beyond what is shown" if line["moved"] else "none")] for line in lines
    ])  # fmt: skip


def summary(told: dict) -> str:
    """The finding, in one or two sentences."""
    if not told["candidates"]:
        return "No publisher has anything newer than the book's tables." if not told["faults"] else (
            "No table could be made anew from what the publishers answered; the faults stand below.")  # fmt: skip
    names = ", ".join(f"`{name}`" for name in told["candidates"])
    book = told.get("book")
    if book is None:
        return f"There are newer data for {names}. What they do to the book was not computed."
    heads = [line for line in [*book["primary"], *book["headlines"]] if line["moved"] or line["candidate"] is None]
    strong = [line for line in heads if {"sign", "significance", "gone"} & set(line["changes"])]
    told = len(book["sentences"])
    return (f"There are newer data for {names}. With them {len(book['moved'])} of the book's {book['results']} numbers "
            f"move, {len(heads)} of the primary estimates and headlines among them, and {told} "
            f"sentence{'' if told == 1 else 's'} would read otherwise. Sign or significance would change in "
            f"{len(strong) or 'none'} of the primary estimates and headlines.")  # fmt: skip


def markdown(told: dict) -> str:
    """The report as Markdown."""
    out = [f"# {told['title']}", summary(told), f"Made on {told['made']}. Sealed tables are as they were: a candidate "
           "becomes the book's table by `make refresh ACCEPT=table` alone."]  # fmt: skip
    if told["faults"]:
        out += ["## What went wrong", "\n".join(f"- {fault}" for fault in told["faults"])]
    if told["left_out"]:
        out += ["## Not asked", "\n".join(f"- {line}" for line in told["left_out"])]
    if told["stopped"]:
        out += ["## Not finished", told["stopped"]]
    for name, part in told["candidates"].items():
        rows = part["rows"]
        out += [f"## `{name}`", f"Vintage {part['vintage']}, from {', '.join(part['from'])}: {rows['candidate']:,} "
                f"rows instead of {rows['today']:,}; {rows['added']:,} added, {rows['gone']:,} gone."]  # fmt: skip
        if part["fields"]:
            out.append(_table(["Field", "Values changed", "Newly filled", "Gone"], [
                [f"`{field}`", f"{n['changed']:,}", f"{n['filled']:,}", f"{n['gone']:,}"]
                for field, n in part["fields"].items()]))  # fmt: skip
        for words, key in (("Rows added, the first of them", "added"), ("Rows gone, the first of them", "gone")):
            if part[key]:
                out.append(f"{words}: {'; '.join(part[key])}.")
        if part["revisions"]:
            out += ["The largest revisions, by the field's standard deviation:", _table(
                ["Row", "Field", "Today", "Candidate"], [[r["row"], f"`{r['field']}`", _number(r["today"]),
                 _number(r["candidate"])] for r in part["revisions"]])]  # fmt: skip
        if part["breaks"] or part["remarks"]:
            out += ["Possible breaks:", "\n".join(f"- {line}" for line in [*part["breaks"], *part["remarks"]])]
    if book := told.get("book"):
        out += ["## What it does to the book", "### Primary estimates", _estimates(book["primary"]),
                "### Headlines of the chapters' first boxes", _estimates(book["headlines"])]  # fmt: skip
        others = [line for line in book["moved"] if line not in book["primary"] and line not in book["headlines"]]
        if others:
            more = f" (the first {SHOWN} of {len(others)}; all are in report.json)" if len(others) > SHOWN else ""
            out += [f"### Other numbers that move{more}", _estimates(others[:SHOWN])]
        if book["sentences"]:
            out.append("### Sentences that would read otherwise")
            out.append("\n".join(
                f"- **{line['page']}**: {_plain(line['shown'])} – " + "; ".join(
                    f"`{id_}` {line['texts'][id_][0]} → {line['texts'][id_][1]} ({', '.join(what)})"
                    for id_, what in line["ids"].items()) for line in book["sentences"]))  # fmt: skip
        if book["stopped"]:
            out += ["### Pages whose notebook stops", "\n".join(f"- {page}: {why}" for page, why in
                                                                book["stopped"].items())]  # fmt: skip
        if book["frozen"]:
            out += ["### Frozen values to look at again",
                    f"{len(book['frozen'])} of the values that the tests hold move: "
                    + ", ".join(f"`{id_}`" for id_ in book["frozen"][:SHOWN])
                    + (" … (all are in report.json)" if len(book["frozen"]) > SHOWN else "") + "."]  # fmt: skip
    out += ["## Tables that this command does not refresh",
            "\n".join(f"- `{name}`: {why}" for name, why in sources.NOT_REFRESHED.items())]  # fmt: skip
    return "\n\n".join(out) + "\n"


def _plain(sentence: str) -> str:
    """A sentence of a page without its markup, shortened."""
    text = re.sub(r"\{[\w:]+\}`(?:([^`<]+?)\s*<[^`]*>|([^`]*))`", r"\1\2", sentence)
    text = re.sub(r"^#+ |[*`|]", "", text)
    return text if len(text) <= 320 else text[:319] + "…"


def save(folder: Path, told: dict) -> None:
    """Write the three forms, and for scripts the candidates' names; the page needs markdown-it-py."""
    from markdown_it import MarkdownIt

    text = markdown(told)
    body = MarkdownIt("commonmark").enable("table").render(text)
    page = ('<!doctype html><html lang="en"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{told['title']}</title><style>{STYLE}</style><main>{body}</main></html>\n")  # fmt: skip
    write_json(folder / "report.json", told)
    write(folder / "report.html", page.encode())
    write(folder / "report.md", text.encode())
    write(folder / "report.txt", " ".join(told["candidates"]).encode())
