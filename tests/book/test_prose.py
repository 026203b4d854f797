"""The prose holds no typed result: every digit is quoted by id, or is a year, a name or a number of order.

A number in the text comes from a role (`{result}`, `{claim}`, `{fact}`), so it can't disagree with the code, the
ledger of claims or the official figures. What else may hold a digit stands in ALLOWED, one reason each.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import pytest
from conftest import ROOT, SITE

from goingglobal import data
from goingglobal.sphinx.reading import roles

ALLOWED = {
    # A year from 1900 to 2099, a fiscal year, a decade, a span of years; not a part of a longer number, not a share.
    "year": r"(?:FY|(?<![\d.,]))(?:19|20)\d\d(?:s\b|[-–/](?:FY)?(?:(?:19|20)?\d\d)\b)?(?!\d|[.,]\d|\s?%)",
    # The confidence level; an interval itself is quoted by id.
    "95 %": r"\b95\s%",
    # Letters, then digits: HC1, CR1, F0315, h0, M2 are names.
    "name": r"(?<![A-Za-z\d])[A-Za-z]+\d+(?!\d|[.,]\d)",
    # The country groups and sources that carry a number in their name.
    "group": r"\b(?:OECD-38|EU-27|PWT 10\.01|TSE 33|東証33|Destatis 48121)(?!\d|[.,]\d)",
    # The age of working: the definition, not a finding.
    "ages": r"\b15(?:–| to )64\b",
    # Licences and versions: of the book, of Python, and of a library whose fault the methods describe.
    "version": r"\b(?:CC BY 4\.0|Python 3\.\d+(?: to 3\.\d+)?|Version \d+\.\d+\.\d+|pyfixest 0\.\d+)(?!\d)",
    # Section, chapter, figure and table numbers of the paper and of this book.
    "order": r"\b(?:[Ss]ections?|[Cc]hapters?|[Ff]igures?|[Tt]ables?) \d+(?:\.\d+)*(?:(?:–| and )\d+(?:\.\d+)*)?\b",
    # How long a lesson takes, and the marks of the marking scheme: a teacher's plan, not a finding.
    "plan": r"\b\d{1,3}(?:–\d{1,3})? (?:min|hours|marks)\b",
    # List markers and numbered headings.
    "marker": r"(?m)^[ \t>]*(?:\d+[.)](?=\s)|#+ \d+(?:\.\d+)*)",
}
# Not prose: each is blanked before digits are looked for, in this order.
QUOTED = {
    "mathematics": r"\$\$.+?\$\$|(?<![\\$])\$(?![\s$])[^$\n]*?(?<!\s)\$",
    "role": r"\{(?:result|claim|fact|verdict|cite(?::\w+)?|numref|doc|ref|eq|term|define|download|exhibit|slide)\}"
            r"`[^`]*`",
    "code": r"(?<![`}])(`+)(?!`).+?(?<!`)\1(?!`)",
    "comment": r"(?m)<!--.*?-->|^%.*$",
    "tag": r"</?[a-zA-Z][^<>]*>",
    "link target": r"(?<=\])\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\)|<?https?://[^\s<>]*>?",
    "label": r"(?m)^\([\w-]+\)=$",
    "result id in a summary's chart": r"(?m)^\w+(?:/[\w.-]+)+(?= \| )|(?<= \| )\w+(?:/[\w.-]+)+ \w+(?:/[\w.-]+)+$",
}
CODE_FENCES = {"math", "code", "code-block", "code-cell", "sourcecode", "raw", "mermaid"}
LABEL_FENCES = {"exhibit", "headline", "bibliography", "figure", "image", "contents", "tableofcontents"}
ROLE = re.compile(r"\{(result|claim|fact|verdict)\}`([^`]*)`", re.S)


@dataclass(frozen=True)
class Text:
    """One markdown cell, or one markdown file."""

    file: str
    cell: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}#{self.cell}" if self.cell else self.file


def texts() -> list[Text]:
    found = []
    for path in sorted((ROOT / "book").rglob("*")):
        name = str(path.relative_to(ROOT))
        if {".ipynb_checkpoints", "exercises"} & set(path.parts):  # students' notebooks repeat what the chapters say
            continue
        if path.suffix == ".md":
            found.append(Text(name, "", path.read_text(encoding="utf-8")))
        elif path.suffix == ".ipynb":
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            found += [Text(name, c["id"], "".join(c["source"])) for c in cells if c["cell_type"] == "markdown"]
    return found


def _blank(match: re.Match) -> str:
    return re.sub(r"\S", " ", match[0])


def _without_fences(text: str) -> str:
    """Code, options and labels of directives blanked; what a directive says to the reader stays."""
    lines, code, options = [], "", False
    for line in text.split("\n"):
        fence = re.match(r"\s*(`{3,}|~{3,}|:{3,})\s*(?:\{([\w:-]+)\})?(.*)$", line)
        if code:
            code = "" if line.strip() == code else code
            lines.append(_blank(re.match(r".*", line)))
        elif fence:
            ticks, directive, rest = fence.groups()
            if (directive in CODE_FENCES) or (not directive and ticks[0] != ":"):
                code = ticks
            options = bool(directive)
            hidden = code or directive in LABEL_FENCES
            lines.append(_blank(re.match(r".*", line)) if hidden else " " * (len(line) - len(rest)) + rest)
        elif options and re.match(r"\s*:[\w-]+:|\s*$", line):
            lines.append(_blank(re.match(r".*", line)))
        else:
            options = False
            lines.append(line)
    return "\n".join(lines)


def typed_digits(text: str) -> list[str]:
    """Digits that are neither quoted nor allowed, each with what stands around it."""
    left = _without_fences(text)
    for pattern in QUOTED.values():
        left = re.sub(pattern, _blank, left, flags=re.S)
    for pattern in ALLOWED.values():
        left = re.sub(pattern, _blank, left)
    faults = []
    for found in re.finditer(r"\d(?:[\d.,]*\d)?", left):
        around = text[max(0, found.start() - 40):found.end() + 40]
        faults.append(f"{found[0]} in “{' '.join(around.split())}”")
    return faults


def quotes() -> list[tuple[Text, str, str, str]]:
    """Every quotation by id: where, role, id, typed words ('' where there are none)."""
    found = []
    for text in texts():
        for kind, content in ROLE.findall(_without_fences(text.text)):
            titled = roles.TITLED.match(content)
            found.append((text, kind, titled["id"] if titled else content.strip(), titled["text"] if titled else ""))
    return found


# ------------------------------------------------------------------------------------------------------ the lint
@pytest.mark.parametrize("text", texts(), ids=str)
def test_no_typed_number(text):
    assert typed_digits(text.text) == [], f"{text}: quote these by {{result}}, {{claim}} or {{fact}}"


@pytest.mark.parametrize("text", [
    "Employment rose by 3.2 % a year.", "We drop 12 firms.", "It covers 2,013 firms.", "a share of 1999.5", "up 2020 %",
    "About 38 countries.", "95 firms", "a 90 % interval", "OECD-37 countries", "on page 5", "1.5 times", "x = 4",
    ":::{admonition} 7 firms\n:class: note\n\nText.\n:::", ":::{note}\nSome 7 firms.\n:::", "| firms | 7 |",
    "Costs $5 and $6 more.", "{index}`7 firms`", "The ratio is 3:1.", "{result}`a/b` or 0.5", "ages 15–74", "１２社",
])  # fmt: skip
def test_lint_finds(text):
    assert len(typed_digits(text)) >= 1


@pytest.mark.parametrize("text", [
    "In 2013, from 2010–2023, in FY2020, FY2020–FY2024, the 1990s, 2003–06 and 2012/13.", "A 95 % interval.",
    "OECD-38, EU-27, PWT 10.01, TSE 33-sector, 東証33業種, aged 15–64 or 15 to 64.", "CR1, HC1, CR1標準誤差 and h0.",
    "(sec-1)=", "See section 3.2.", "Python 3.11 to 3.14 and make.", "Version 0.1.0, 2026.", "Text CC BY 4.0.",
    "1. Read.\n2. Rerun.", "{result}`firm/longdiff_q10/parent` and {claim}`17 % <C012>`, {fact}`F0542`.",
    "Take $x_{t-1}$ and $M = 0.5$.", "$$ \\frac{100}{8} $$", "`use(1.0)`", "```python\nx = 1\n```",
    "[a page](https://example.org/2/3)", "<https://example.org/v1.2>", ":::{list-table}\n:widths: 30 70\n\n* - a\n:::",
    "```{exhibit} fig-2\n```", "{cite:p}`todo_2012`", "## 2.1 Heading",
])  # fmt: skip
def test_lint_allows(text):
    assert typed_digits(text) == []


def test_every_allowance_is_needed():
    used = {name for name, pattern in ALLOWED.items() for text in texts() if re.search(pattern, text.text)}
    assert set(ALLOWED) - used <= {"order", "marker"}, "nothing needs these any more (but section numbers and lists)"


# ------------------------------------------------------------------------------------- the parent's staff, not "home"
# A group's domestic subsidiaries are jobs in Japan too: what reports say of the filing company alone isn't "home".
NOT_THE_PARENTS = re.compile(
    r"\b(?:home (?:headcount|jobs|share|growth)|(?:headcount|jobs) at home|at home)\b", re.I)
OF_A_PARENT = re.compile(r"(?<![\w/])\w+(?:/[\w.{}*-]+)*/(?:\w+_)?parent(?:_\w+)?(?![\w])")
ITEM = re.compile(r"\n(?=\s*(?:\* - |- |\d+\. ))|\n\s*\n")


def called_home(text: str, code: bool = False) -> list[str]:
    """What calls a parent's number "home": in a paragraph, an item or a box of numbers that quotes one by its id.

    In a cell (`code`) the captions, alt texts, labels and comments, if it reports an id of a parent or draws on the
    column, the outcome or the table: `firm_panel` knows no jobs at home.
    """
    if code:
        strings = re.sub(r'"\s*\n\s*f?"', "", text)  # a text over several lines
        parts = [strings] if re.search(r"(?<![A-Za-z])parent(?![A-Za-z])|firm_panel", text) else []
    else:
        boxes = re.findall(r"(?ms)^(`{3,}|:{3,})\{headline\}(.*?)^\1$", text)
        plain = re.sub(r"(?ms)^(`{3,}|:{3,})\{headline\}.*?^\1$", "", text)
        parts = [part for part in (*(box for _, box in boxes), *ITEM.split(plain)) if OF_A_PARENT.search(part)]
    said = [re.sub(r"\{(?:claim|fact)\}`[^`]*`", "", part) for part in parts]  # the paper's and the sources' words
    return [f"{found[0]!r} in “{' '.join(part[max(0, found.start() - 40):found.end() + 40].split())}”"
            for part in said for found in NOT_THE_PARENTS.finditer(part)]


def cells_and_texts() -> list[tuple[Text, bool]]:
    """Every text of the book and every cell of code."""
    found = [(text, False) for text in texts()]
    for path in sorted((ROOT / "book").rglob("*.ipynb")):
        if not {".ipynb_checkpoints", "exercises"} & set(path.parts):
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            found += [(Text(str(path.relative_to(ROOT)), c["id"], "".join(c["source"])), True)
                      for c in cells if c["cell_type"] == "code"]
    return found


def test_a_parents_staff_is_not_called_home():
    every = cells_and_texts()
    assert sum(bool(OF_A_PARENT.search(text.text)) for text, _ in every) > 30
    assert [f"{text}: {fault}" for text, code in every for fault in called_home(text.text, code)] == []


@pytest.mark.parametrize(("text", "code"), [
    ("Firms grew {result}`firm/longdiff/parent` points a year faster at home.", False),
    ("Home headcount moves by {result}`barriers/ipw_att/parent_small`.", False),
    ("The home share falls ({result}`firm/parent_share/longdiff`).", False),
    ("- Home growth jumps by\n  {result}`support/rd_parent_growth/twice`", False),
    ("```{headline} fig-a\n:xlabel: Effect on home headcount\n\nfirm/longdiff/parent | All | parent\n```", False),
    ('report("firm/longdiff/parent", fit)\nfigure(caption="Fewer jobs at home.")', True),
    ('figure(caption="A rise at "\n    "home", tables=["firm_panel"])', True),
    ('plot.label(y="Home share")  # of parent_share0', True),
])
def test_a_number_called_home_is_found(text, code):
    assert len(called_home(text, code)) == 1


@pytest.mark.parametrize(("text", "code"), [
    ("What happens to jobs at home?\n\nThe parent's staff grew by {result}`firm/longdiff/parent`.", False),
    ("{claim}`Job creation at home <C050>`: parents grew {result}`firm/longdiff/parent`.", False),
    ("{result}`germany/abroad_per_100_home/manufacturing/2010` for every hundred at home.", False),
    ("- {result}`firm/longdiff/parent`\n- Germany's firms at home", False),
    ('report(f"germany/{year}", value, unit="employees per 100 at home")', True),
])
def test_home_stays_where_it_is_the_country(text, code):
    assert called_home(text, code) == []


# --------------------------------------------------------------------------------------------- quotations by id
def test_prose_quotes_all_four_kinds():
    assert {kind for _, kind, _, _ in quotes()} == {"result", "claim", "fact", "verdict"}


@pytest.mark.parametrize(("kinds", "table", "field"), [
    ({"claim", "verdict"}, "claims", "claim_id"), ({"fact"}, "official_figures", "fact_id"),
])  # fmt: skip
def test_every_claim_and_fact_exists(kinds, table, field):
    known = set(data.load(table)[field])
    assert [f"{where}: {key}" for where, role, key, _ in quotes() if role in kinds and key not in known] == []


@pytest.mark.site
def test_every_result_exists():
    known = json.loads((SITE / "results.json").read_text(encoding="utf-8"))
    assert [f"{where}: {key}" for where, kind, key, _ in quotes() if kind == "result" and key not in known] == []


def test_no_result_is_put_in_other_words():
    """`{result}` shows its record; typed words over it could say anything."""
    assert [f"{where}: {words!r} for {key}" for where, kind, key, words in quotes() if kind == "result" and words] == []


def test_every_typed_number_stands_in_its_record():
    typed = [(where, kind, key, words) for where, kind, key, words in quotes() if kind != "result" and words]
    assert any(data.numbers_in(words) for *_, words in typed)
    faults = [f"{where}: {fault}" for where, kind, key, words in typed
              for fault in roles.numbers_not_in_record(kind, key, words)]  # fmt: skip
    assert faults == []


def test_extension_refuses_a_wrong_number_in_every_quotation():
    """Each quotation of the book with its numbers changed: the check must name id and number every time."""
    changed = 0
    for _, kind, key, words in quotes():
        for number in data.numbers_in(words) if kind != "result" else ():
            wrong = re.sub(rf"(?<![\d.,]){re.escape(number)}(?![\d.,]*\d)", "987654", words.replace(",", ""))
            assert wrong != words.replace(",", "")
            faults = roles.numbers_not_in_record(kind, key, wrong)
            assert any(repr(key) in fault and "987654" in fault for fault in faults), (key, words)
            changed += 1
    assert changed >= 10


@pytest.mark.parametrize(("kind", "key", "words", "faults"), [
    ("claim", "C012", "17 %", 0), ("claim", "C012", "18 %", 1), ("claim", "C012", "17 or 18 or 19 %", 2),
    ("claim", "C028", "from 3,568 to 5,937", 0), ("claim", "C028", "from 3,568 to 5,938", 1),
    ("claim", "C012", "0.17 %", 1), ("claim", "C012", "1.7 %", 1), ("claim", "C012", "many", 0),
    ("fact", "F0088", "110.4", 0), ("fact", "F0088", "110", 1),
])  # fmt: skip
def test_extension_compares_numbers_with_the_record(kind, key, words, faults):
    assert len(roles.numbers_not_in_record(kind, key, words)) == faults
