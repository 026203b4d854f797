"""The literature appendix: every finding addressed, every study citable, counts by hand, the ordered logit by hand."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import partial

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from pybtex.database import parse_file
from scipy import optimize, special

from goingglobal import charts, load, models, samples, theme
from goingglobal.models import ModelError
from goingglobal.samples import SampleError

PAGE = ROOT / "book" / "appendix" / "literature.ipynb"
TERMS = ["low_wage", "high_wage", "design", "japan", "germany", "sme", "industry"]
# Words by which a note in references.bib says that a detail is not known; "In Japanese" or a later version are none.
UNSURE = re.compile(r"not shown|from memory|first page only|read through|as summarised|probably", re.I)
close = partial(pytest.approx, rel=1e-5, abs=1e-7)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return load("literature")


@pytest.fixture(scope="module")
def headcount(table) -> pd.DataFrame:
    return samples.findings(table)


@pytest.fixture(scope="module")
def entries() -> dict:
    return parse_file(ROOT / "book" / "references.bib").entries


@pytest.fixture(scope="module")
def cells() -> dict[str, str]:
    return {c["id"]: "".join(c["source"]) for c in json.loads(PAGE.read_text(encoding="utf-8"))["cells"]}


# ------------------------------------------------------------------------------------------ studies and their keys
def test_every_study_is_in_the_references(table, entries):
    assert sorted(set(table["study_key"]) - set(entries)) == []


def test_references_name_the_years_of_the_table(table, entries):
    years = table.dropna(subset=["publication_year"]).drop_duplicates("study_key").set_index("study_key")
    wrong = {key: (int(year), entries[key].fields.get("year")) for key, year in years["publication_year"].items()
             if entries[key].fields.get("year") != str(int(year))}  # fmt: skip
    assert wrong == {}


def test_references_name_the_first_author_of_the_table(table, entries):
    for row in table.drop_duplicates("study_key").itertuples():
        first = row.authors.split(";")[0].split(",")[0].strip()
        names = " ".join(str(person) for person in entries[row.study_key].persons["author"])
        names = names.replace("{", "").replace("}", "")
        assert first.split("(")[0].strip() in names, row.study_key


def test_bibliography_cites_every_study_and_no_other_in_the_silent_list(table):
    text = (ROOT / "book" / "appendix" / "bibliography.md").read_text(encoding="utf-8")
    silent = re.search(r"\{cite:empty\}`([^`]+)`", text)[1].split(",")
    assert Counter(silent) == Counter(set(table["study_key"]))


def test_page_lists_exactly_the_references_that_are_unsure(table, entries, cells):
    unsure = {key for key in set(table["study_key"]) if UNSURE.search(entries[key].fields.get("note", ""))}
    listed = re.findall(r"\{cite:t\}`([^`]+)`", cells["literature-references"])
    assert Counter(listed) == Counter(unsure)


def test_page_offers_the_references(cells):
    targets = re.findall(r"\{download\}`[^<`]*<([^>]+)>`", "".join(cells.values()))
    assert targets
    assert all((PAGE.parent / target).resolve() == ROOT / "book" / "references.bib" for target in targets)


# --------------------------------------------------------------------------------------------------- every finding
def test_finding_ids_are_unique_and_fit_an_address(table):
    ids = table["finding_id"]
    assert ids.is_unique
    assert ids.str.lower().is_unique
    assert ids.str.fullmatch(r"[a-z][a-z0-9_]*__\d+").all()
    assert (ids.str.rsplit("__", n=1).str[0] == table["study_key"]).all()


def test_page_anchors_all_findings_and_offers_all_columns(cells):
    call = cells["literature-table"]
    assert 'anchor="Finding"' in call
    assert '"Finding": table["finding_id"]' in call
    assert "data=table" in call, "the CSV holds the whole table, with the address read"


def test_anchored_example_on_the_page_exists(table, cells):
    named = re.findall(r"literature\.html#(\w+)", "".join(cells.values()))
    assert named
    assert set(named) <= set(table["finding_id"])


@pytest.mark.parametrize(("authors", "year", "name"), [
    ("Agnese, Pablo", 2011, "Agnese 2011"), ("Ando, Mitsuyo; Kimura, Fukunari", 2007, "Ando and Kimura 2007"),
    ("Barba Navaretti, Giorgio; Castellani, Davide; Disdier, Anne-Célia", 2010, "Barba Navaretti et al. 2010"),
    ("Knödler, Hermann", float("nan"), "Knödler n.d."), ("(not shown)", 2018, "Author not shown 2018"),
])  # fmt: skip
def test_study_names(authors, year, name):
    frame = pd.DataFrame({"authors": [authors], "publication_year": [year]})
    assert samples.study_names(frame).tolist() == [name]


# ------------------------------------------------------------------------------------------------ findings and votes
def test_findings_keep_signs_and_drop_what_counts_twice(table, headcount):
    assert headcount["sign"].cat.categories.tolist() == ["negative", "null", "positive"]
    left = table[(table["outcome_class"] == "employment") & table["sign"].isin(["negative", "null", "positive"])]
    dropped = set(left["finding_id"]) - set(headcount["finding_id"])
    assert set(left.loc[left["method_class"] == "literature survey", "finding_id"]) == dropped
    assert len(samples.findings(table, None)) > len(headcount)
    with pytest.raises(SampleError, match="no rows"):
        samples.findings(table, "happiness")


def test_columns_of_findings_follow_the_table(table, headcount):
    rows = headcount.merge(table, on="finding_id", suffixes=("", "_raw"))
    matched = rows["method_class"].str.startswith(("matching", "IV "))
    for column, flag in {
        "low_wage": rows["destination_class"].str.startswith("low-wage"), "sme": rows["firm_size"].str[:3] == "SME",
        "high_wage": rows["destination_class"] == "high-wage", "design": matched,
        "japan": rows["country_raw"] == "Japan", "germany": rows["country_raw"].isin(["Germany", "Germany; Sweden"]),
        "industry": rows["method_class"] == "industry / regional",
    }.items():
        assert rows[column].tolist() == flag.astype(int).tolist(), column
    assert headcount[["method", "destination", "country", "size"]].notna().all(axis=None)


def test_groups_of_the_whole_table_are_named(table):
    assert table["method_class"].isin(samples.METHODS).all()
    assert set(table["destination_class"]) - set(samples.DESTINATIONS) == {"mixed"}


@pytest.mark.parametrize("by", ["destination", "method", "country", "size", "outcome", "exposure"])
def test_votes_against_a_count_by_hand(table, by):
    frame = samples.findings(table, None)
    single, papers = {}, {}
    for row in frame.itertuples():
        group = getattr(row, by)
        single.setdefault(group, Counter())[str(row.sign)] += 1
        papers.setdefault(group, {}).setdefault(row.study_key, Counter())[str(row.sign)] += 1
    found = samples.votes(frame, by).set_index("group")
    assert set(found.index) == set(single)
    assert found["findings"].is_monotonic_decreasing
    for group, row in found.iterrows():
        by_study = Counter()
        for signs in papers[group].values():
            best = [sign for sign, count in signs.items() if count == max(signs.values())]
            by_study[best[0] if len(best) == 1 else "divided"] += 1
        assert {s: row[s] for s in samples.SIGNS} == {s: single[group][s] for s in samples.SIGNS}, group
        assert {s: row[f"studies_{s}"] for s in (*samples.SIGNS, "divided")} == {
            s: by_study[s] for s in (*samples.SIGNS, "divided")}, group  # fmt: skip
        assert (row["findings"], row["studies"]) == (single[group].total(), len(papers[group]))


def test_votes_of_made_up_studies():
    frame = pd.DataFrame({
        "study_key": ["a", "a", "a", "b", "b", "c"], "place": ["x"] * 5 + ["y"],
        "sign": pd.Categorical(["null", "null", "positive", "negative", "positive", "negative"], samples.SIGNS)})
    x, y = samples.votes(frame, "place").to_dict("records")
    assert (x["negative"], x["null"], x["positive"], x["findings"]) == (1, 2, 2, 5)
    assert (x["studies_negative"], x["studies_null"], x["studies_positive"], x["studies_divided"]) == (0, 1, 0, 1)
    assert (y["group"], y["studies"], y["studies_negative"]) == ("y", 1, 1)
    with pytest.raises(SampleError, match="no column 'planet'"):
        samples.votes(frame, "planet")


def test_numbers_in_the_alt_text_are_the_counts(table, headcount, cells):
    """The alt text of the bars is typed: it must say what is drawn."""
    alt = "".join(re.findall(r'"([^"]*)"', re.search(r"alt=(.*?),\n    data=", cells["literature-fig-signs"], re.S)[1]))
    for words, by, group in (("Not split", "destination", "All, not split"), ("Low-wage", "destination", "Low-wage"),
                             ("High-wage", "destination", "High-wage"), ("Japan", "country", "Japan"),
                             ("Germany", "country", "Germany"), ("Small firms", "size", "Small firms")):  # fmt: skip
        row = samples.votes(headcount, by).set_index("group").loc[group]
        assert f"{words}: {row['negative']}, {row['null']} and {row['positive']}" in alt


def test_sign_bars_draw_every_count(headcount):
    theme.use()
    data = samples.votes(headcount, "destination").assign(panel="Destination")
    fig = charts.sign_bars(data, "Findings")
    ax = fig.axes[0]
    widths = sorted(round(abs(bar.get_width()), 9) for bar in ax.patches)
    assert widths == sorted(float(n) for n in data[list(samples.SIGNS)].to_numpy().ravel())
    ends = {round(bar.get_x() + min(0, bar.get_width()), 9) for bar in ax.patches if bar.get_hatch()}
    assert ends == {-row.null / 2 - row.negative for row in data.itertuples()}
    assert [tick.get_text() for tick in ax.get_yticklabels()] == data["group"].tolist()
    assert {"12", "40", "19"} <= {text.get_text() for text in ax.texts}


# ------------------------------------------------------------------------- the ordered logit, written out by hand
def by_hand(y: np.ndarray, x: np.ndarray, groups: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and errors: likelihood in slopes and thresholds, BFGS, then Newton steps; sandwich with CR1."""
    width, cuts = x.shape[1], int(y.max())

    def bounds(theta):
        edges = np.concatenate([[-np.inf], theta[width:], [np.inf]])
        upper, lower = special.expit(edges[y + 1] - x @ theta[:width]), special.expit(edges[y] - x @ theta[:width])
        return upper, lower, upper - lower

    def loss(theta):
        chance = bounds(theta)[2]
        return -np.log(chance).sum() if (chance > 0).all() else np.inf

    def scores(theta):
        upper, lower, chance = bounds(theta)
        up, down = upper * (1 - upper), lower * (1 - lower)
        out = np.empty((len(y), width + cuts))
        out[:, :width] = -((up - down) / chance)[:, None] * x
        for cut in range(cuts):
            out[:, width + cut] = ((y == cut) * up - (y == cut + 1) * down) / chance
        return out

    def hessian(theta):
        step = 1e-6
        moved = [(scores(theta + e).sum(0) - scores(theta - e).sum(0)) / (2 * step)
                 for e in step * np.eye(len(theta))]  # fmt: skip
        return (np.array(moved) + np.array(moved).T) / 2

    shares = np.cumsum(np.bincount(y) / len(y))[:-1]
    theta = np.concatenate([np.zeros(width), special.logit(shares)])
    theta = optimize.minimize(loss, theta, jac=lambda t: -scores(t).sum(0), method="BFGS").x
    for _ in range(4):
        theta = theta - np.linalg.solve(hessian(theta), scores(theta).sum(0))
    bread = np.linalg.inv(-hessian(theta))
    if groups is None:
        return theta[:width], np.sqrt(np.diag(bread))[:width]
    own, labels = scores(theta), np.unique(groups)
    sums = np.array([own[groups == label].sum(0) for label in labels])
    factor = len(labels) / (len(labels) - 1) * (len(y) - 1) / (len(y) - len(theta))
    return theta[:width], np.sqrt(factor * np.diag(bread @ (sums.T @ sums) @ bread))[:width]


@pytest.mark.parametrize("cluster", ["study_key", None])
def test_ordered_logit_of_the_appendix_by_hand(headcount, cluster):
    found = models.ordered_logit(headcount, "sign", TERMS, "log odds", cluster)
    groups = headcount[cluster].to_numpy() if cluster else None
    slopes, errors = by_hand(headcount["sign"].cat.codes.to_numpy().astype(int), headcount[TERMS].to_numpy(float),
                             groups)  # fmt: skip
    assert [found[t].value for t in TERMS] == close(slopes.tolist())
    assert [found[t].se for t in TERMS] == close(errors.tolist())
    for effect in found.values():
        assert effect.n == len(headcount)
        assert effect.groups == (headcount["study_key"].nunique() if cluster else None)
        assert (effect.ci_low, effect.ci_high) == close((effect.value - 1.959963985 * effect.se,
                                                         effect.value + 1.959963985 * effect.se))  # fmt: skip


def made(n: int = 600, seed: int = 5) -> pd.DataFrame:
    """Four ordered grades, `x` raising the latent grade by 1 and `d` by −0.8, in sixty clusters."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": draw.normal(size=n), "d": draw.integers(0, 2, n), "town": np.arange(n) % 60})
    latent = frame["x"] - 0.8 * frame["d"] + draw.logistic(size=n)
    frame["grade"] = pd.cut(latent, [-np.inf, -1, 0, 1, np.inf], labels=["D", "C", "B", "A"])
    frame.attrs["sample"] = "made up"
    return frame


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ordered_logit_finds_what_was_put_in(seed):
    frame = made(seed=seed)
    found = models.ordered_logit(frame, "grade", ["x", "d"], "log odds", "town")
    slopes, errors = by_hand(frame["grade"].cat.codes.to_numpy().astype(int), frame[["x", "d"]].to_numpy(float),
                             frame["town"].to_numpy())  # fmt: skip
    assert [found[t].value for t in ("x", "d")] == close(slopes.tolist())
    assert [found[t].se for t in ("x", "d")] == close(errors.tolist())
    assert abs(found["x"].value - 1) < 4 * found["x"].se
    assert abs(found["d"].value + 0.8) < 4 * found["d"].se
    assert (found["x"].groups, found["x"].sample, found["x"].unit) == (60, "made up", "log odds")


def test_ordered_logit_with_two_categories_is_a_logit():
    import statsmodels.api as sm

    frame = made().assign(top=lambda f: (f["grade"] == "A").astype(int))
    found = models.ordered_logit(frame, "top", ["x", "d"], "log odds")
    plain = sm.Logit(frame["top"], sm.add_constant(frame[["x", "d"]])).fit(disp=0)
    assert [found[t].value for t in ("x", "d")] == close(plain.params[["x", "d"]].tolist())
    assert [found[t].se for t in ("x", "d")] == pytest.approx(plain.bse[["x", "d"]].tolist(), rel=1e-4)


def test_ordered_logit_drops_incomplete_rows_and_unused_categories():
    frame = made()
    frame.loc[:9, "x"] = np.nan
    few = frame[frame["grade"] != "C"]
    assert models.ordered_logit(frame, "grade", ["x"], "log odds")["x"].n == 590
    again = few.assign(grade=few["grade"].cat.remove_unused_categories())
    assert models.ordered_logit(few, "grade", ["x"], "u")["x"].value == close(
        models.ordered_logit(again, "grade", ["x"], "u")["x"].value)  # fmt: skip


@pytest.mark.parametrize(("change", "terms", "message"), [
    (lambda f: f.iloc[:0], ["x"], "empty"),
    (lambda f: f.assign(x=np.nan), ["x"], "no row is complete"),
    (lambda f: f, ["x", "z"], "no column 'z'"),
    (lambda f: f[f["grade"] == "A"], ["x"], "one category only"),
    (lambda f: f.assign(grade=f["grade"].astype(str)), ["x"], "has no order"),
    (lambda f: f.assign(x=f["x"].where(f.index > 0, np.inf)), ["x"], "infinite"),
    (lambda f: f.assign(z=f["x"] + f["d"]), ["x", "d", "z"], "collinear or constant"),
    (lambda f: f.assign(z=1.0), ["x", "z"], "collinear or constant"),
    (lambda f: f.assign(town=7), ["x"], "fewer than two clusters"),
    (lambda f: f.assign(z=(f["grade"] == "A").astype(int)), ["z"], "separation"),
    (lambda f: f.assign(z=((f["grade"] == "A") & (f["x"] > 1)).astype(int)), ["x", "z"], "separation"),
])  # fmt: skip
def test_ordered_logit_refuses(change, terms, message):
    frame = change(made())
    frame.attrs["sample"] = "made up"
    with pytest.raises(ModelError, match=f"ordered logit on 'made up': .*({message})"):
        models.ordered_logit(frame, "grade", terms, "log odds", "town")
