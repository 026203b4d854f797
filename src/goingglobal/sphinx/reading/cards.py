"""Cards: what opens on a number, a claim or a fact that a page quotes (`book/_static/cards.js`).

They stand in a script beside the page (`cards/book/x.js`), one for each id that it quotes, which is asked for when a
reader first points at a quotation: a page weighs no more with them, and they open from a folder as well as from a
server. Without scripts, and in other books, a quotation is a link with a title.
"""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from goingglobal.sphinx import registry
from goingglobal.sphinx.reading import margin, mime, roles
from goingglobal.sphinx.taking import citing

# What a sample's short name means; the names are those of `samples`, and methods define them in full.
SAMPLE_WORDS = {
    r"\bsample J\b": "J",
    r"\bJ in 2017 and 2025\b": "firms of J with figures for 2017 and 2025",
    r"\bof J\b": "of sample J (listed in 2026, Japanese standards, group headcount known)",
    r"\bof A\b": "of sample A (all who file, in Japan)",
    r"\|parent growth\| < (\d+)": r"whose parent grew or shrank by less than \1 % a year",
    r"\blargest yearly log change below ([\d.]+)": r"whose headcount never changed by \1 log points in a year",
    r"\buntrimmed\b": "no firm left out for its jumps",
    r"\bOECD-38, all\b": "38 countries of the OECD",
    r"\bOECD-38, without conduits\b": "countries of the OECD without conduits of FDI",
    r"\b(PWT|ILO) employment\b": lambda found: f"employment of {_SOURCES[found[1]]}",
    r"\bJPN\b": "Japan",
    r"\bwithin (\d+) of (\d+)\.5\b": r"within \1 employees of the limit of \2",
}
_SOURCES = {"PWT": "the Penn World Table", "ILO": "the International Labour Organization"}


# The same for methods, as `Estimate.of` names them.
METHOD_WORDS = {r"\bedinet_code\b": "firm", r"\biso3\b": "country", r"\bCR1 errors by\b": "errors clustered by",
                r"\bHC\d errors\b": "robust errors"}  # fmt: skip

# Names of a card's rows and links on pages in other languages than the book's; what stands in the rows is English.
NAMES = {
    "de": {"About {}": "Zu {}", "95 % interval": "95-%-Konfidenzintervall", "Standard error": "Standardfehler",
           "Sample": "Stichprobe", "Method": "Verfahren", "Show the code": "Zum Code", "The paper": "Die Arbeit",
           "Its source": "Ihre Quelle", "Verdict": "Urteil", "Checked by": "Geprüft an",
           "Its row in the ledger": "Zeile im Verzeichnis", "What": "Was", "Where, when": "Wo und wann",
           "Source": "Quelle", "Read": "Gelesen", "Open the source": "Zur Quelle", "Cite": "Zitieren"},
    "ja": {"About {}": "{}について", "95 % interval": "95 %信頼区間", "Standard error": "標準誤差", "Sample": "標本",
           "Method": "方法", "Show the code": "コードを見る", "The paper": "論文", "Its source": "論文の出典",
           "Verdict": "判定", "Checked by": "照合した資料", "Its row in the ledger": "一覧の該当行", "What": "内容",
           "Where, when": "国と時期", "Source": "出典", "Read": "確認の方法", "Open the source": "出典を開く",
           "Cite": "引用"},
}  # fmt: skip


def _in_words(text: str, words: dict) -> str:
    for short, long in words.items():
        text = re.sub(short, long, text)
    return text[:1].upper() + text[1:]


def sample_in_words(sample: str) -> str:
    """A sample's name in words: “J in 2017 and 2025” → “firms of sample J (listed in 2026, …), …”."""
    return _in_words(sample, SAMPLE_WORDS)


def _set(words: str) -> str:
    """Words of a table as HTML: typographic apostrophes, other languages marked."""
    return margin.marked(words.replace("'", "’"))


def _card(key: str, head: str, rows: list[tuple[str, str]], action: str, cite: str, lang: str) -> str:
    """One card; the script gives `data-to` the address of the quotation that it opens on, and the card its name."""
    names, english = NAMES.get(lang, {}), ' lang="en"' if lang in NAMES else ""
    shown = "".join(f"<dt>{escape(names.get(name, name))}</dt><dd{english}>{_set(words)}</dd>"
                    for name, words in rows if words)  # fmt: skip
    return (f'<section lang="{lang}" data-of="{escape(key)}" data-name="{names.get("About {}", "About {}")}">'
            f'<p class="gg-card-head"{english}>{head}</p>{f"<dl>{shown}</dl>" if shown else ""}'
            f'<p class="gg-card-to"><a data-to>{names.get(action, action)}</a></p>'
            f"<details><summary>{names.get('Cite', 'Cite')}</summary><p{english}>{cite}</p></details>"
            f'<p class="gg-card-id">{escape(key)}</p></section>')  # fmt: skip


def result_card(record: dict, cite: str, lang: str = "en") -> str:
    """The card of a reported number: value with unit, interval, error, n, sample, method; names by the page's language.
    """
    interval, error = roles.interval(record)
    count = f"{record['n']:,}" if record["n"] else ""
    count += f" in {record['groups']:,} clusters" if count and record["groups"] else ""
    method = "" if record["method"] == "computed" else _in_words(record["method"] or "", METHOD_WORDS)
    head = f"<b>{escape(record['text'])}</b> {escape(record['unit'])}"
    return _card(record["id"], head, [
        ("95 % interval", interval), ("Standard error", error), ("n", count),
        ("Sample", sample_in_words(record["sample"] or "")), ("Method", method)],
        "Show the code", cite, lang)  # fmt: skip


def claim_card(record: dict, cite: str, lang: str = "en") -> str:
    """The card of a claim of the paper: wording, section, whose figure it is, verdict, rank of the sources."""
    words = record["wording"] + ("" if record["text_state"] == "intact" else f" (text {record['text_state']})")
    cited = "" if record["cited_source"] == "none" else record["cited_source"]
    rank = "" if record["reliability"] == "none" else _RANKS.get(record["reliability"], record["reliability"])
    return _card(record["claim_id"], f"“{margin.marked(words)}”", [
        ("The paper", f"section {record['section']}"), ("Its source", cited),
        ("Verdict", f"{record['verdict'].capitalize()}. {record['why']}"), ("Checked by", rank)],
        "Its row in the ledger", cite, lang)  # fmt: skip


_RANKS = {"publisher": "figures read at their publisher", "secondary": "figures read in copies (secondary sources)",
          "arithmetic": "arithmetic", "own estimate": "an estimate of this book"}  # fmt: skip


def fact_card(record: dict, book: str, lang: str = "en") -> str:
    """The card of an official figure: value with unit, what it counts, source, how directly it was read."""
    read = {"publisher": "at the publisher", "secondary": "in a copy (a secondary source)"}[record["source_rank"]]
    exact = "" if record["exactness"] == "as stated" else f", {record['exactness']}"
    unit = record["unit"] if isinstance(record["unit"], str) else ""
    source = f"{record['source_title']}. {record['publisher']}"
    url = escape(record["url"], quote=True)
    cite = (f'{margin.marked(source)}. <a href="{url}">{margin.marked(record["url"])}</a>. '
            f"Quoted as fact {escape(record['fact_id'])} in {book}")  # fmt: skip
    return _card(record["fact_id"], f"<b>{margin.marked(record['value'])}</b> {margin.marked(unit)}", [
        ("What", ", ".join(part for part in (record["indicator"], record["breakdown"]) if isinstance(part, str))),
        ("Where, when", " ".join(part for part in (record["country"], record["period"]) if isinstance(part, str))),
        ("Source", source), ("Read", read + exact)], "Open the source", cite, lang)  # fmt: skip


def made(env: BuildEnvironment, quotes: set[tuple[str, str]], lang: str = "en") -> str:
    """The cards of quotations, each a kind and an id, in the order of their ids; "" for none."""
    results, cards, root = registry.results(env), {}, env.config.root_doc

    def cited(page: str, what: str, label: str, anchor: str) -> str:
        return citing.reference(citing.work(env, page if page in env.titles else root), what, label, anchor)

    for kind, key in quotes:
        if kind == "result":
            record = results[key]
            cards[key] = result_card(record, cited(record["page"], "Number", key, mime.anchor(key)), lang)
        elif kind == "fact":
            cards[key] = fact_card(roles.record(kind, key), citing.reference(citing.work(env, root)), lang)
        else:
            cite = cited(roles.CLAIMS_PAGE, "Claim", key, key.lower())
            cards[key] = claim_card(roles.record("claim", key), cite, lang)
    return "\n".join(cards[key] for key in sorted(cards))


def name(docname: str) -> str:
    """Where the site keeps the cards of a page."""
    return f"cards/{docname}.js"


def _page(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    if doctree is None or app.builder.name != "html":
        return
    file = Path(app.outdir) / name(pagename)
    file.unlink(missing_ok=True)
    lang = app.env.metadata[pagename].get("lang", app.config.language)
    if cards := made(app.env, {(node["kind"], node["key"]) for node in doctree.findall(roles.quote_link)}, lang):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"ggCards({json.dumps(cards, ensure_ascii=False)});\n", encoding="utf-8", newline="\n")
        context["gg_cards"] = context["pathto"](name(pagename), 1)
        app.add_js_file("cards.js", loading_method="defer")


def _remove_stale(app: Sphinx, exception: Exception | None) -> None:
    """Cards of pages that are no more."""
    if exception is None and app.builder.name == "html":
        wanted = {Path(app.outdir) / name(docname) for docname in app.env.found_docs}
        for file in [file for file in (Path(app.outdir) / "cards").rglob("*.js") if file not in wanted]:
            file.unlink()


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", _page)
    app.connect("build-finished", _remove_stale)
