"""Roles that quote what is recorded, and the directive that shows another page's exhibit.

`{result}`firm/longdiff/parent``    the number as reported; its card: interval, n, sample; its link: the cell
`{claim}`C012``                   the paper's figure; its card: wording and verdict; its link: the row
`{claim}`17 % <C012>``            the same in other words: each number must stand in the claim
`{fact}`F0542``                   an official figure; its card: what, who, when, how directly it was read
`{verdict}`C012``                 the ledger's verdict on a claim; its card is the claim's
`{causal}`not identified``        the verdict on a claim read as one of cause and effect, or `not asked`

Cards: `reading.cards`. A title says the same in one line to readers without scripts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole
from sphinx.util.osutil import relative_uri

from goingglobal import data
from goingglobal.sphinx import registry
from goingglobal.sphinx.reading import mime
from goingglobal.sphinx.taking import citing, pictures

CLAIMS_PAGE = "book/appendix/claims"
TITLED = re.compile(r"^(?P<text>.+?)\s*<(?P<id>[^<>]+)>$", re.S)
_ROLES = ("result", "claim", "fact", "verdict")
CAUSAL = ("not identified", "not asked")


# On pages in other languages than the book's; what else stands at an exhibit there is English, and marked so.
IN_ITS_CHAPTER = {"de": "Im Kapitel ansehen.", "en": "See it in its chapter.", "ja": "章の中で見る。"}


class shown_exhibit(nodes.General, nodes.Element):
    """Another page's exhibit, with a `caption` of its own or none, filled in when the page is written."""


class quote_link(nodes.reference):
    """A quotation with its words and address filled in; `kind` and `key` name its card."""


class Quote(SphinxRole):
    """One class for the four roles; they differ in where the id is looked up."""

    def run(self):
        titled = TITLED.match(self.text)
        key = titled["id"] if titled else self.text.strip()
        text = titled["text"] if titled else ""
        page = registry.page(self.env)
        page.uses.append(("claim" if self.name == "verdict" else self.name, key, self.lineno))
        if text and self.name in ("claim", "fact"):
            page.faults += numbers_not_in_record(self.name, key, text)
        return [mime.quoted("", "", kind=self.name, key=key, words=text)], []


class Causal(SphinxRole):
    """A verdict on a claim as one of cause and effect; other words than those of `CAUSAL` are a fault of the page."""

    def run(self):
        if self.text not in CAUSAL:
            registry.page(self.env).faults.append(f"{self.text!r} is no verdict on cause and effect; known are "
                                                  f"{', '.join(CAUSAL)}")
        return [nodes.inline("", self.text, classes=["gg-causal", _mark(self.text)])], []


def _mark(verdict: str) -> str:
    """The class by which the sheets set a verdict's mark: a shape, so that it doesn't rest on colour."""
    return "gg-is-" + verdict.replace(" ", "-")


@lru_cache
def _records(kind: str) -> dict[str, dict]:
    table, column = {"claim": ("claims", "claim_id"), "fact": ("official_figures", "fact_id")}[kind]
    frame = data.load(table)
    rows = zip(*(frame[name].tolist() for name in frame), strict=True)  # in a third of the time of to_dict
    return {row[frame.columns.get_loc(column)]: dict(zip(frame, row, strict=True)) for row in rows}


def record(kind: str, key: str) -> dict | None:
    """The record of a claim or a fact, by its id."""
    return _records(kind).get(key)


def numbers_not_in_record(kind: str, key: str, text: str) -> list[str]:
    """Typed numbers that the record does not hold."""
    known = record(kind, key)
    if known is None:
        return []  # reported as an unknown id
    held = set()
    for part in ("value", "wording", "period", "breakdown", "population"):
        if isinstance(known.get(part), str):
            held |= {float(n) for n in data.numbers_in(known[part])}
    return [f"{kind} {key!r} is quoted as {text!r}, but {number} does not stand in its record"
            for number in data.numbers_in(text) if float(number) not in held]


def _words(value: str, unit: str | float) -> str:
    unit = unit if isinstance(unit, str) else ""
    unit = re.sub(r"\s*\(.*\)$", "", unit)
    return f"{value} {unit}".strip() if unit in ("%",) or not unit else f"{value} {unit}"


def _claim(claim: dict, text: str) -> tuple[str, str]:
    state = "" if claim["text_state"] == "intact" else f" (text {claim['text_state']})"
    words = text or ("“" + claim["wording"] + "”" if claim["value"].startswith("qualitative")
                     else _words(claim["value"], claim["unit"]))
    return words, (f"“{claim['wording']}”{state}, the paper, section {claim['section']}; "
                   f"{claim['verdict']}: {claim['why']} Claim {claim['claim_id']}")


def _fact(fact: dict, text: str) -> tuple[str, str]:
    exact = "" if fact["exactness"] == "as stated" else f"; {fact['exactness']}"
    words = text or _words(fact["value"], fact["unit"])
    return words, (f"{fact['indicator']}, {fact['breakdown']}, {fact['country']} {fact['period']}: {fact['value']} "
                   f"{fact['unit']}; {fact['publisher']} ({fact['source_rank']} source){exact}; fact {fact['fact_id']}")


def interval(result: dict) -> tuple[str, str]:
    """The 95 % interval and the standard error of a reported number, as exact as its text; "" where it has none."""
    if result["se"] is None:
        return "", ""
    digits = len(result["text"].partition(".")[2])
    exact = f",.{digits}f" if re.fullmatch(r"[+−]?[\d,]+(\.\d+)?", result["text"]) else ".2g"
    sign = "+" if result["text"].startswith(("+", "−")) and "+" in result["text"] else ""
    low, high = (re.sub(r"^[-+](?=[0.]+$)", "", format(result[end], sign + exact)) for end in ("ci_low", "ci_high"))
    error = format(result["se"], exact)
    error = error if error.strip("0.,") else f"{result['se']:.2g}"
    return f"{low} to {high}".replace("-", "−"), error


def _result(result: dict, text: str) -> tuple[str, str]:
    parts, (between, error) = [f"{result['text']} {result['unit']}"], interval(result)
    if between:
        parts += [f"95 % interval {between}", f"standard error {error}"]
    if result["n"]:
        parts.append(f"n = {result['n']:,}")
    if result["sample"]:
        parts.append(result["sample"])
    return text or result["text"], "; ".join([*parts, result["id"]])


@dataclass(frozen=True)
class Quotation:
    """What a quotation shows, its title (what a pointer on it shows), and where it leads: a page's anchor or a URL."""

    words: str
    title: str
    page: str = ""
    anchor: str = ""
    url: str = ""


def quotation(results: dict[str, dict], kind: str, key: str, words: str) -> Quotation:
    """The quotation of a known id; `results` are all reported numbers."""
    if kind == "result":
        shown, title = _result(results[key], words)
        found = Quotation(shown, title, results[key]["page"], mime.anchor(key))
    elif kind == "fact":
        fact = record(kind, key)
        found = Quotation(*_fact(fact, words), url=fact["url"])
    else:
        claim = record("claim", key)
        shown, title = (words or claim["verdict"], claim["why"]) if kind == "verdict" else _claim(claim, words)
        found = Quotation(shown, title, CLAIMS_PAGE, key.lower())
    if words == key:  # an id in a column of quotes: the row says the rest
        found = replace(found, title=found.title.split("; ")[0])
    return found


def _resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    env = app.env
    results, exhibits = registry.results(env), registry.exhibits(env)
    here, own = app.builder.get_target_uri(docname), app.config.language
    lang = env.metadata[docname].get("lang", own)

    def link(page: str, name: str) -> str:
        return relative_uri(here, app.builder.get_target_uri(page)) + "#" + name

    for node in list(doctree.findall(mime.quoted)):
        found = quotation(results, node["kind"], node["key"], node["words"])
        address = found.url or link(found.page, found.anchor)
        classes = [f"gg-{node['kind']}", *([_mark(found.words)] if node["kind"] == "verdict" else [])]
        new = quote_link("", found.words, internal=node["kind"] != "fact", refuri=address, reftitle=found.title,
                         classes=classes, kind=node["kind"], key=node["key"])  # fmt: skip
        node.replace_self(new)
    for node in list(doctree.findall(shown_exhibit)):
        exhibit = exhibits[node["label"]]
        built = mime.build({**exhibit, "caption": node["caption"] or exhibit["caption"]}, None)
        built[0]["ids"].append(f"shown-{node['label']}")
        for part in built[0].findall(lambda part: isinstance(part, mime.drawing | mime.source_links)):
            part["lang"] = own if lang != own else ""
        caption = next(built[0].findall(nodes.caption), None) or next(built[0].findall(nodes.title))
        address = link(exhibit["page"], node["label"])
        words = IN_ITS_CHAPTER.get(lang, IN_ITS_CHAPTER["en"])
        caption += [nodes.Text(" "), nodes.reference("", words, internal=True, refuri=address)]
        node.replace_self(built)
    for node in list(doctree.findall(mime.drawing)):
        record = exhibits[node["label"]]
        forms = record["svg"]
        if app.builder.name == "html":  # elsewhere nobody turns the page narrow
            address = relative_uri(here, f"exhibits/{node['label']}-narrow")
            narrow = record["narrow"]
            forms += pictures.lazy(narrow, address) if pictures.apart(narrow) else narrow
        node.replace_self(nodes.raw("", f'<div class="gg-drawn"{_spoken(node)}>{forms}</div>', format="html"))


def _spoken(node: nodes.Element) -> str:
    return f' lang="{node["lang"]}"' if node.get("lang") else ""


class Exhibit(Directive):
    """`{exhibit} fig-name`: show an exhibit that a chapter made; its content: a caption in the page's own language."""

    required_arguments = 1
    has_content = True

    def run(self):
        env = self.state.document.settings.env
        registry.page(env).uses.append(("exhibit", self.arguments[0], self.lineno))
        return [shown_exhibit("", label=self.arguments[0], caption=" ".join(self.content).strip())]


def _visit_quote(self, node: nodes.Element) -> None:
    self.visit_reference(node)
    self.body[-1] = self.body[-1].replace("<a ", f'<a data-card="{node["key"]}" ', 1)


def _plain_quote(self, node: nodes.Element) -> None:
    """In a book without a page's script."""
    self.visit_reference(node)


def _depart_quote(self, node: nodes.Element) -> None:
    self.depart_reference(node)


def _visit_links(self, node: nodes.Element) -> None:
    here = self.builder.get_target_uri(self.builder.current_docname)
    label = node["label"]
    record = registry.exhibits(self.builder.env)[label]
    links = [f'<a href="{relative_uri(here, f"exhibits/{label}.csv")}" download>Data (CSV)</a>']
    if record["kind"] == "figure":
        links += [f'<a href="{relative_uri(here, f"exhibits/{label}.{form}")}" download>{form.upper()}</a>'
                  for form in ("svg", "png")]
    if record.get("code"):
        page = relative_uri(here, self.builder.get_target_uri(record["page"]))
        links.append(f'<a href="{page}#{record["code"]}">Code</a>')
    links.append(citing.exhibit_box(self.builder.env, label))
    self.body.append(f'<p class="gg-source"{_spoken(node)}>{self.encode(node["source"])}</p>\n'
                     f'<div class="gg-links"{_spoken(node)}>{" · ".join(links)}</div>\n')
    raise nodes.SkipNode


def _visit_source(self, node: nodes.Element) -> None:
    """In a book without a site around it: the source alone."""
    self.body.append(f'<p class="gg-source">{self.encode(node["source"])}</p>')
    raise nodes.SkipNode


def _skip(self, node: nodes.Element) -> None:
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    for name in _ROLES:
        app.add_role(name, Quote())
    app.add_role("causal", Causal())
    app.add_directive("exhibit", Exhibit)
    for node in (mime.quoted, mime.drawing, shown_exhibit):
        app.add_node(node)
    app.add_node(mime.source_links, html=(_visit_links, None), epub=(_visit_source, None), latex=(_skip, None),
                 text=(_skip, None))
    app.add_node(quote_link, html=(_visit_quote, _depart_quote), epub=(_plain_quote, _depart_quote),
                 latex=(_plain_quote, _depart_quote), text=(_plain_quote, _depart_quote))
    app.connect("doctree-resolved", _resolve)
