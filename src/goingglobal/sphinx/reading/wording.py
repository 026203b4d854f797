"""The book's words: phrases that it has given up, and terms of its glossary that a chapter explains where it begins.

Both are looked for in what the pages say: prose, and the captions and alternative texts of cells. A term counts as
explained where its paragraph has `{define}` for it, where it is set in italics, or where an apposition or a bracket
stands beside it. `PLAIN` are entries of the glossary that are also everyday words, or known from a first course.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError

from goingglobal.sphinx import state
from goingglobal.sphinx.build import place

GLOSSARY = "book/appendix/glossary.md"
# What is no longer said, as a pattern, and what is said in its place. The one list of the book.
RETIRED = {
    r"\bgo(?:es)? with\b": "is associated with",
    r"\bholds? zero\b": "includes zero",
    r"\btold from (?:zero|none)\b": "is statistically indistinguishable from zero",
    r"\bmove[sd]? by\b": "changes by, is higher by",
    r"\bin the middle\b(?! of)": "the median",
    r"\b(?:sources?|rows?|evidence|estimates?|figures?|data|texts?) (?:is |are )?at hand\b": "that we could read",
    r"\b(?:read )?(?:at )?second(?:-| )hand\b": "a secondary source",
    r"\bcarr(?:y|ies) (?:[\w-]+ ){0,2}(?:answer|argument|claim|conclusion|contrast|evidence|finding|weight)s?\b":
        "supports, shows",
    r"\ban error of\b": "a standard error of",
    r"\bleap(?:s|ed|t|ing)?\b": "jumps",
    r"\b[Ww]ant of\b": "lack of",
    r"\bof late\b": "recently",
    r"\bthin year|\b(?:is|being) thin\b": "few filings of the year are known",
    r"\bstands? in (?:a|the|one) column\b": "appears in",
    r"\bfrom (?!(?:19|20)\d\d\b)[\d.,]+(?: ?%)? on\b": "from … upwards",
    r"\ba good \d": "more than",
    r"\bthe doing of\b": "is caused by",
    r"No seminar does that": "a sentence that says what does",
    r"which chance (?:gives|does not)": "a full sentence",
    r"the rest no source we could read": "for the rest we could read no source",
    r"the ledger all\b": "the ledger lists all",
    r"is the opposite either": "nor do we find the opposite",
    r"company, not cause": "moving together is not cause",
    r"a lead at home out": "a full sentence",
    r"[Ii]nvestors crowd": "a full sentence",
    r"its own placebos don't": "a full sentence",
    r"compares like with like and finds an effect": "a full sentence",
    r"fights end there": "a full sentence",
}
_RETIRED = re.compile("|".join(f"({pattern})" for pattern in RETIRED).replace(" ", "[ \n]"))
# A sentence that opens with a figure, typed or by its id.
_OPENS = re.compile(
    r"(?:^|(?<=[.!?] ))(?P<opens>(?!\d+\. )\d[\d.,]*(?= )|\{result\}`[^`]*`(?= \w)|\{(?:claim|fact)\}`\d[^`]*`(?= \w))")
PLAIN = {
    "bounds", "coefficient", "confidence interval", "donor", "dose", "feedback test", "group", "jobs in Japan",
    "overlap", "parent company", "percentage point", "power", "selection", "specification", "standard error",
}
_FENCED = re.compile(r"(?ms)^[ \t]*(`{3,})(?!\{(?:hint|solution|exercise|note|admonition|epigraph)).*?^[ \t]*\1[ \t]*$")
_TABLE = re.compile(r"(?ms)^[ \t]*(:{3,}|`{3,})\{list-table\}.*?^[ \t]*\1[ \t]*$")
_NOT_SAID = re.compile(
    r"\$\$.+?\$\$|(?<![\\$])\$(?![\s$])[^$\n]*?(?<!\s)\$|(?m:^[ \t]*:[\w-]+:[^\n]*$|^\([\w-]+\)=$|^%[^\n]*$)|<!--.*?-->"
    r"|(?P<role>\{[\w:-]+\}`[^`]*`)|</?[a-zA-Z][^<>]*>|(?<=\])\([^()\s]*\)"
    r"|(?<!`)(?P<tick>`+)(?!`).+?(?<!`)(?P=tick)(?!`)", re.S)
_QUOTING = re.compile(r"\{(?:claim|fact)\}`[^`]*`|\{(?!define)[\w:-]+\}`[^`]*`")
_DEFINE = re.compile(r"\{define\}`(?:[^`<]*<(?P<key>[^`>]+)>|(?P<plain>[^`]*))`")


@dataclass(frozen=True)
class Said:
    """One piece of a page: where it stands (a page, a cell, a line) and its text."""

    page: str
    line: int
    text: str
    prose: bool = True

    def at(self, offset: int = 0) -> str:
        return f"{self.page}, {place(self.line + self.text.count(chr(10), 0, offset))}"


def _strings(source: str) -> Iterator[tuple[int, str]]:
    """Texts of several words in a cell of code: captions, notes, alternative texts."""
    try:
        tree = ast.parse("\n".join("" if line.lstrip().startswith("%") else line for line in source.split("\n")))
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.count(" ") >= 3:
            yield node.lineno, node.value


def _files(root: Path) -> list[Path]:
    """Files of the pages of the book below `root`; students' notebooks repeat the chapters and are left."""
    return [path for path in sorted((root / "book").rglob("*")) if path.suffix in (".md", ".ipynb") and not (
        {".ipynb_checkpoints", "exercises", "_static", "_templates"} & set(path.relative_to(root).parts))]


def _said(name: str, text: str) -> list[Said]:
    """What a page says, in order, from its file's name and text."""
    if name.endswith(".md"):
        return [Said(name, 1, text)]
    found = []
    for number, cell in enumerate(json.loads(text)["cells"], start=1):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            found.append(Said(name, 10_000 * number + 1, source))
        else:
            found += [Said(name, 10_000 * number + line, words, False) for line, words in _strings(source)]
    return found


def pages(root: Path) -> Iterator[list[Said]]:
    """What each page of the book below `root` says, in order."""
    for path in _files(root):
        yield _said(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))


def _blank(match: re.Match) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def spoken(text: str) -> str:
    """A text of which only what a reader is told in words is left, each at its place; roles stay as they are."""
    return _NOT_SAID.sub(lambda match: match[0] if match["role"] else _blank(match), _FENCED.sub(_blank, text))


def retired(said: Said) -> list[str]:
    """Each retired phrase, with its place and what to write; the paper's and the sources' own words are left alone."""
    text = spoken(said.text) if said.prose else said.text
    plain = _QUOTING.sub(_blank, text)
    faults = []
    for found in _RETIRED.finditer(plain):
        instead = list(RETIRED.values())[found.lastindex - 1]
        faults.append(f"{said.at(found.start())}: “{' '.join(found[0].split())}” is retired; write: {instead}")
    return faults


def numeral_first(said: Said) -> list[str]:
    """Sentences of the prose that open with a figure; a slide has no sentences."""
    if not said.prose or "/slides/" in said.page:
        return []
    faults = []
    for number, block in _blocks(spoken(_TABLE.sub(_blank, said.text))):
        for found in _OPENS.finditer(block):
            faults.append(f"{said.at(number + found.start())}: a sentence opens with the figure {found['opens']}")
    return faults


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Paragraphs and items, each with its place; no titles, tables or fences."""
    at = 0
    for part in re.split(r"(\n\s*\n|\n(?=\s*(?:- |\d+\. |\* )))", text):
        if part.strip() and not re.match(r"\s*(?:#|\||`{3}|:{3}|\* - )", part):
            lead = len(part) - len(part.lstrip())
            yield at + lead, part[lead:]
        at += len(part)


def entries(glossary: str) -> dict[str, list[str]]:
    """The glossary's entries: first name → all its names."""
    found, names = {}, []
    body = glossary.partition(":sorted:")[2].partition("\n```")[0]
    for line in body.split("\n"):
        if line and not line[0].isspace():
            names.append(line.strip())
        elif names and line.strip():
            found[names[0]] = names
            names = []
    return found


def _named(names: list[str]) -> re.Pattern:
    def one(name: str) -> str:
        words = re.escape(name).replace("\\ ", "[ \n-]").replace("'", "['’]").replace("–", "[–-]")
        return words if re.search(r"[A-Z]{2}|[A-Z]\w*–|R²", name) else f"(?i:{words})"

    return re.compile(r"(?<![\w/-])(?:" + "|".join(one(name) for name in sorted(names, key=len, reverse=True))
                      + r")(?:s|es)?(?![\w/])")  # fmt: skip


# A few words beside a term: a bracket, an apposition, “is a …”; before a proper name “the state bank …”.
_AFTER = re.compile(
    r"(?:['’]s?)?[*_]{0,2}(?:\s*\(|:\s|,\s+\*|\s+(?:is|are)\s+(?:the|a|an)\b"
    r"|,\s+(?:the|a|an|which|that|whose|those|these|or|in|one|where|by|its|[A-Z][a-z]+['’]s)\b)")
_BEFORE = re.compile(
    r"(?:\(|[;:]\s)[*_]{0,2}$|\b(?:[Tt]he|[Aa]n?|[Ii]ts|[A-Z]\w+['’]s?)\s+(?:[\w'’-]+\s+){1,6}[*_]{0,2}$")


def _explained(block: str, start: int, end: int, names: list[str]) -> bool:
    for found in _DEFINE.finditer(block):  # the term's own, or one that it is a part of
        key = (found["key"] or found["plain"]).strip().lower()
        if key in {name.lower() for name in names} or found.start() <= start < found.end():
            return True
    emphasis = any(found.start() <= start and end <= found.end()
                   for found in re.finditer(r"(?<![*\w])(\*{1,2})(?=\S)[^*]+?(?<=\S)\1(?![*\w])", block))
    proper = bool(re.search(r"[A-Z]", block[start + 1:end])) or block[start:end].istitle()
    return emphasis or bool(_AFTER.match(block[end:])) or (
        bool(re.search(r"\([*_]{0,2}$", block[:start])) or (proper and bool(_BEFORE.search(block[:start]))))


def unexplained(page: list[Said], glossary: dict[str, list[str]]) -> list[str]:
    """Terms of the glossary that a page uses for the first time without a word of what they are."""
    faults, left = [], {name: _named(names) for name, names in glossary.items() if name not in PLAIN}
    for said in (said for said in page if said.prose):
        text = re.sub(r"\{(?!define)[\w:-]+\}`(?:[^`<]*<[^`>]*>|[^`]*)`", _blank, spoken(_TABLE.sub(_blank, said.text)))
        for at, block in _blocks(text):
            for name, pattern in list(left.items()):
                found = pattern.search(block)
                if found:
                    del left[name]
                    if not _explained(block, found.start(), found.end(), glossary[name]):
                        faults.append(f"{said.at(at + found.start())}: “{found[0]}” is not explained at its first use; "
                                      f"add {{define}}`{found[0]} <{name}>` or a few words")
    return faults


def chapter(page: list[Said]) -> bool:
    """Whether a page is a chapter: a notebook of the book's own folder."""
    return bool(page) and page[0].page.count("/") == 1 and page[0].page.endswith(".ipynb")


def faults(root: Path, known: dict[str, list[str]] | None = None) -> list[str]:
    """All that the book's words do wrong, page by page.

    `known` holds what was found before, by a digest of page, glossary and rules; it is brought up to date.
    """
    glossary = root / GLOSSARY
    defined = glossary.read_text(encoding="utf-8") if glossary.is_file() else ""
    terms, found, rules = entries(defined), {}, Path(__file__).read_text(encoding="utf-8")
    known = {} if known is None else known
    for path in _files(root):
        name, text = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
        key = state.digest((), name, text, defined, rules)
        if key not in known:
            page = _said(name, text)
            known[key] = [fault for said in page for fault in (*retired(said), *numeral_first(said))]
            known[key] += unexplained(page, terms) if chapter(page) else []
        found[key] = known[key]
    known.clear()
    known.update(found)
    return [fault for page in found.values() for fault in page]


def _check(app: Sphinx, env: BuildEnvironment) -> None:
    kept = Path(app.doctreedir, "wording.json")
    known = state.read(kept)
    found = faults(Path(app.srcdir), known)
    state.write(kept, known)
    if found:
        raise ExtensionError("words of the pages (CONTRIBUTING.md, rule 14):\n  " + "\n  ".join(found))


def setup(app: Sphinx) -> None:
    app.connect("env-check-consistency", _check)
