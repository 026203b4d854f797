"""The book's core analyses on a reader's panel, as `check` returns it.

`core` runs the analyses of chapters 2, 3 and 5 and says which it leaves out, and why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from goingglobal import designs, models, samples, specifications
from goingglobal.models import Estimate, EventStudy, ModelError
from goingglobal.own.check import WEIGHT, counted, staff_of
from goingglobal.own.words import printable
from goingglobal.samples import SampleError

__all__ = [
    "Core", "callaway_santanna", "core", "covariates", "curve", "long_difference", "staff", "starters_effect",
    "weighting",
]

POINTS = "percentage points a year"
TRIM = 0.7  # the book's: starters whose log headcount jumps by as much in a year are left out
FEWEST = 3  # firms on either side below which an error clustered by firm or resampled says nothing
ONE = 2  # firms on either side below which no robust error of a regression on firms can be had
NO_NOISE = 1e-5  # log points or percentage points a year: errors below are what fits leave of panels without noise
LEFT_OUT, BEWARE = "left out: ", "beware: "  # how notes begin that say who isn't in an estimate, and on whom it rests


def _name(panel: pd.DataFrame) -> str:
    return panel.attrs.get("table", "your panel")


def staff(panel: pd.DataFrame) -> str:
    """The headcount that is analysed beside the group's: "home" (jobs in the country) where given, else "parent"."""
    return staff_of(panel, "{}_employees")


def _as_parent(panel: pd.DataFrame) -> pd.DataFrame:
    """The panel with the staff that is analysed in the column that the book's samples read, the parent's."""
    rows = panel.assign(parent_employees=panel[f"{staff(panel)}_employees"])
    rows.attrs = {}  # pandas would copy the cautions at every step
    return rows


def _column(outcome: str) -> str:
    """An outcome's name in the book's samples."""
    return "group" if outcome == "group" else "parent"


def _drawn(panel: pd.DataFrame, make: Callable[..., pd.DataFrame], *choices) -> pd.DataFrame:
    """A sample of the panel, under the reader's names: the book's is J, and of parents. So are its refusals."""
    def named(words: str) -> str:
        words = re.sub(r"\bparent\b", staff(panel), words)
        return re.sub(r"\bJ\b", lambda _: _name(panel), words)

    try:
        sample = make(_as_parent(panel), *choices)
    except SampleError as error:
        raise SampleError(named(str(error))) from None
    sample.attrs = {"sample": named(sample.attrs["sample"])}
    return sample


@contextmanager
def _in_words(what: str) -> Iterator[None]:
    """Arithmetic that a library gives up is an estimate that can't be had, and says so."""
    try:
        yield
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        raise ModelError(f"{what}: the sums can't be done on so few or such firms ({error})") from None


def enough(one: int, other: int, sample: str, sides: tuple[str, str], fewest: int = FEWEST) -> list[str]:
    """Refuse an error that rests on fewer than `fewest` firms of a side; a note where it rests on one or two."""
    if min(one, other) < fewest:
        raise ModelError(f"{sample!r}: {one} {sides[0]} and {other} {sides[1]}; with fewer than {fewest} of either an "
                         "error says nothing")
    return [f"{BEWARE}it rests on {one} {sides[0]} and {other} {sides[1]}; an error from so few says little"] if (
        min(one, other) < FEWEST) else []


def stated(estimate: Estimate, left_out: dict[str, int] | None = None) -> Estimate:
    """The estimate under the reader's names, with a note on who isn't in it. Refuses an error that says nothing."""
    if not (np.isfinite([estimate.se, estimate.ci_low, estimate.ci_high]).all() and estimate.se > NO_NOISE):
        raise ModelError(f"{estimate.method} on {estimate.sample!r}: its standard error is {estimate.se:.2g}, which "
                         "says nothing; the firms leave no noise to judge it by")
    method = estimate.method.replace("edinet_code", "firm").replace(", weighted", ", sampling weights")
    gone = {reason: firms for reason, firms in (left_out or {}).items() if firms}
    who = [LEFT_OUT + "; ".join(f"{counted(firms, 'firm')} {reason}" for reason, firms in gone.items())] if gone else []
    return replace(estimate, method=method, notes=(*who, *estimate.notes))


def who_is_out(estimate: Estimate) -> str:
    """Who isn't in an estimate, how many firms and why; "nobody"."""
    told = [note.removeprefix(LEFT_OUT) for note in estimate.notes if note.startswith(LEFT_OUT)]
    return "; ".join(told) or "nobody"


def _firms(rows: pd.DataFrame) -> set:
    return set(rows["edinet_code"])


def _of_starters(panel: pd.DataFrame, everyone: pd.DataFrame, kept: pd.DataFrame, trim: float | None
                 ) -> dict[str, int]:
    """Firms that are not in a comparison of starters with never-investors, by reason."""
    known = samples.sample_j(panel)
    first = known.sort_values("year").drop_duplicates("edinet_code").set_index("edinet_code")["fdi"]
    others = first.drop(index=list(_firms(everyone)))
    return {"without a group headcount": len(_firms(panel)) - len(first),
            "with FDI from their first year on": int((others == 1).sum()),
            f"with a later start, but FDI in fewer than {100 * samples.MIN_FDI_SHARE:.0f} % of the years since":
                int((others == 0).sum()),
            f"whose log headcount jumps by {trim or 0:g} or more a year": len(_firms(everyone)) - len(_firms(kept))}


def _starters(panel: pd.DataFrame, outcome: str, trim: float | None) -> tuple[pd.DataFrame, dict[str, int]]:
    """Starters and never-investors, and who is not among them."""
    everyone = _drawn(panel, samples.starters, None, _column(outcome))
    rows = everyone if trim is None else samples.trim_jumps(everyone, trim)
    return rows, _of_starters(panel, everyone, rows, trim)


def _of_differences(panel: pd.DataFrame, rows: pd.DataFrame, first: int, last: int, limit: float | None
                    ) -> dict[str, int]:
    """Firms that are not in a long difference (`rows`), by reason."""
    known = samples.sample_j(panel)
    at = {year: _firms(known[known["year"] == year]) for year in (first, last)}
    both = at[first] & at[last]
    return {"without a group headcount": len(_firms(panel)) - known["edinet_code"].nunique(),
            f"not seen in {first}": known["edinet_code"].nunique() - len(at[first]),
            f"seen in {first} but not in {last}": len(at[first]) - len(both),
            f"whose {staff(panel)} headcount grows or falls by {limit or 0:g} or more a year": len(both) - len(rows)}


def _need_both(rows: pd.DataFrame, first: int, table: str) -> None:
    """Firms with and without FDI in the first year."""
    if rows["fdi"].nunique() < 2:
        which = "no firm has" if rows["fdi"].eq(0).all() else "all firms have"
        raise SampleError(f"{table}: {which} FDI in {first} among the {len(rows):,} compared ({rows.attrs['sample']}); "
                          "where it differs in a later year, say first=")


def least_squares(
    rows: pd.DataFrame, formula: str, term: str, unit: str, weights: str | None = None,
    sides: tuple[str, str] = ("firms with FDI", "firms without it in their sectors"),
) -> Estimate:
    """OLS (with `weights`, a column: WLS) with HC1 errors of a 0/1 term.

    Raises `ModelError` where no row is complete, no degree of freedom is left, or fewer than two firms of a side
    (`sides` names them) share a sector with the other; with two a note says so.
    """
    import statsmodels.formula.api as smf
    from statsmodels.tools.sm_exceptions import MissingDataError

    name = rows.attrs.get("sample", "unnamed sample")
    if weights and not (rows[weights] > 0).all():
        raise ModelError(f"{term!r} on {name!r}: weights in {weights!r} are not all above zero")
    try:
        with models.noting() as notes:
            model = smf.wls(formula, rows, weights=rows[weights]) if weights else smf.ols(formula, rows)
            fit = model.fit(cov_type="HC1", use_t=True)
    except (ValueError, MissingDataError) as error:
        raise ModelError(f"{term!r} on {name!r}: no row is complete and finite in {formula!r}; {error}") from None
    used = rows.loc[fit.model.data.row_labels]
    if fit.df_resid < 1:
        raise ModelError(f"{term!r} on {name!r}: no degree of freedom left: {len(used)} rows for "
                         f"{fit.model.exog.shape[1]} coefficients")
    if "C(sector)" in formula:  # a sector with one kind of firm says nothing of the difference
        used = used[used.groupby("sector")[term].transform("nunique") > 1]
    few = enough(int((used[term] == 1).sum()), int((used[term] == 0).sum()), name, sides, ONE)
    return Estimate.of(fit, term, unit=unit, notes=[*few, *notes])


def _within(rows: pd.DataFrame, weights: str | None, left_out: dict[str, int]) -> Estimate:
    """Firm and year effects absorbed, CR1 errors by firm; firms seen once say nothing and are left out, with a note."""
    import goingglobal.absorbing  # noqa: F401, I001  (in the browser it stands in for pyfixest)
    import pyfixest

    kept = rows[rows.duplicated("edinet_code", keep=False)]
    while True:  # a year that holds one row alone takes it with its effect; pyfixest aborts on such rows alone
        shared = kept[kept.duplicated("edinet_code", keep=False) & kept.duplicated("year", keep=False)]
        if len(shared) == len(kept):
            break
        kept = shared
    firms = kept.drop_duplicates("edinet_code")["starter"]
    enough(int(firms.sum()), int((1 - firms).sum()), rows.attrs["sample"],
           ("starters", "never-investors seen twice or more"))
    with models.noting() as notes:
        try:
            fit = pyfixest.feols("y ~ post | edinet_code + year", kept, vcov={"CRV1": "edinet_code"}, weights=weights)
        except (ValueError, TypeError) as error:
            raise ModelError(f"'post' on {rows.attrs['sample']!r}: {error}") from None
    found = Estimate.of(fit, "post", unit="log points", sample=rows, notes=notes)
    left_out = {**left_out, "seen in one year only": len(_firms(rows)) - len(_firms(kept))}
    return stated(found, left_out)


def need_outcome(outcome: str | None, own: str, group: bool, table: str) -> str:
    """The outcome, by default the panel's `own` headcount; where it is the group's, that is known."""
    outcome = outcome or own
    if outcome not in (own, "group"):
        raise SampleError(f"outcome {outcome!r}: expected {own!r} or 'group'")
    if outcome == "group" and not group:
        raise SampleError(f"{table}: no field 'group', so nothing can be said of the group's headcount")
    return outcome


def _outcome(panel: pd.DataFrame, outcome: str | None) -> str:
    return need_outcome(outcome, staff(panel), bool(panel["group_employees"].notna().any()), _name(panel))


def _weights(panel: pd.DataFrame) -> str | None:
    return WEIGHT if WEIGHT in panel else None


def ends(firms: pd.Series) -> tuple[int, int, list[str]]:
    """The years that a long difference compares, from the number of firms by year, with a note on years passed over.

    They are the first and the last of which at least half as many firms are known as of the fullest year: a few firms
    with a longer history, or with newer accounts, would else leave all others without a year to be compared with. The
    panel's own ends where that is one year only.
    """
    full = firms.index[firms >= firms.max() / 2]
    if len(full) < 2:
        return int(firms.index.min()), int(firms.index.max()), []
    first, last = int(full.min()), int(full.max())
    thin = sorted(int(year) for year in firms.index if not first <= year <= last)
    words = (f"{BEWARE}it compares {first} and {last}: of {', '.join(map(str, thin))} fewer than half as many firms "
             "are known as of the fullest year; first= and last= choose other years")
    return first, last, [words] if thin else []


def _years(panel: pd.DataFrame, first: int | None, last: int | None) -> tuple[int, int, list[str]]:
    """The first and the last year, by default those of `ends`, with its note."""
    seen = samples.sample_j(panel)["year"]
    *default, note = ends(seen.value_counts()) if len(seen) else (0, 0, [])
    first, last, note = (int(default[0] if first is None else first), int(default[1] if last is None else last),
                         note if first is None and last is None else [])
    if first >= last:
        only = f"; all rows with the headcounts that are given are of {seen.min()}" if seen.nunique() == 1 else ""
        raise SampleError(f"{_name(panel)}: expected a first year before the last, found {first} and {last}{only}")
    return first, last, note


def long_difference(
    panel: pd.DataFrame, outcome: str | None = None, limit: float | None = samples.JUMP_LIMIT, first: int | None = None,
    last: int | None = None, size: str | None = None,
) -> Estimate:
    """Yearly growth of firms with FDI in the first year against the others (chapter 2), in percentage points a year.

    Parameters: `panel` from `check`; `outcome`, "home" or "parent" (as `staff` says, the
    default) or "group"; `limit`, `first`, `last` as in
    `samples.long_differences` (default: `ends`); `size`, one size class. Controls: that
    log headcount in the first year and sectors; HC1 errors; sampling weights of the first year where given. Raises
    `SampleError` for an absent field, where no firm is left, and where all or none has FDI in the first year;
    `ModelError` as `Estimate.of` does and where fewer than two firms stand on a side. A note says which firms are
    left out.
    """
    outcome = _outcome(panel, outcome)
    first, last, note = _years(panel, first, last)
    rows = _drawn(panel, samples.long_differences, first, last, limit)
    left_out = _of_differences(panel, rows, first, last, limit)
    if size is not None:
        if "size_class" not in rows:
            raise SampleError(f"{_name(panel)}: no field 'size'")
        name, every = f"{rows.attrs['sample']}, size {size}", rows
        rows = rows[rows["size_class"] == size]
        rows.attrs = {"sample": name}
        if rows.empty:
            raise SampleError(f"sample {name!r} has no rows; sizes are {sorted(every['size_class'].dropna().unique())}")
        unknown = int(every["size_class"].isna().sum())
        left_out |= {"without a size": unknown, "of other sizes": len(every) - len(rows) - unknown}
    _need_both(rows, first, _name(panel))
    sectors = " + C(sector)" if rows["sector"].nunique() > 1 else ""
    found = least_squares(rows, f"{_column(outcome)} ~ fdi + ln_parent0{sectors}", "fdi", POINTS, _weights(panel))
    left_out |= {"with an empty or endless cell in the regression": len(rows) - found.n}
    return stated(replace(found, notes=(*note, *found.notes)), left_out)


def starters_effect(panel: pd.DataFrame, outcome: str | None = None, trim: float | None = None) -> Estimate:
    """Starters against never-investors with firm and year effects (chapter 2), in log points.

    `trim` leaves out firms whose log headcount jumps by as much in a year; over years in which a firm isn't seen, by as
    much a year. Sampling weights of each row where given. A note says which firms are left out.
    Raises `SampleError` without starters or never-investors, `ModelError` as `Estimate.of` does and with fewer than
    three of either.
    """
    outcome = _outcome(panel, outcome)
    rows, left_out = _starters(panel, outcome, trim)
    with _in_words(f"firm and year effects on {rows.attrs['sample']!r}"):
        return _within(rows, _weights(panel), left_out)


def callaway_santanna(panel: pd.DataFrame, outcome: str | None = None, trim: float | None = None) -> EventStudy:
    """The same comparison by Callaway–Sant'Anna (chapter 2): overall effect and path, in log points.

    A firm's first sampling weight counts in all its years; with weights diff-diff averages the cells by the weight of
    the whole cohort, not of the firms seen in the cell, so on a panel with gaps a weight of 1 for all is not the same
    as no weight. Points of the path on one or two starters have no error: it would say nothing. Raises as
    `starters_effect` does.
    """
    outcome = _outcome(panel, outcome)
    rows, left_out = _starters(panel, outcome, trim)
    if WEIGHT in rows:
        attrs, first = rows.attrs, rows.groupby("edinet_code")[WEIGHT].transform("first")
        rows = rows.assign(**{WEIGHT: first})
        rows.attrs = attrs
    firms = rows.drop_duplicates("edinet_code")["starter"]
    sides = ("starters seen in the year before their start and later", "never-investors")
    enough(int(firms.sum()), int((1 - firms).sum()), rows.attrs["sample"], ("starters", sides[1]))
    with _in_words(f"Callaway–Sant'Anna on {rows.attrs['sample']!r}"):
        study = models.event_study(rows, weights=_weights(panel))
    path = study.path.copy()
    behind = int(path.loc[path["event_time"] >= 0, "starters"].max())
    enough(behind, int((1 - firms).sum()), rows.attrs["sample"], sides)
    weak = ~path["reference"] & ((path["starters"] < FEWEST) | ~(path["se"] > NO_NOISE) | ~np.isfinite(path["se"]))
    path.loc[weak, ["se", "ci_low", "ci_high"]] = np.nan
    based = rows[(rows["starter"] == 1) & (rows["year"] == rows["first_fdi"] - 1)]["edinet_code"].nunique()
    left_out["that start and are not seen in the year before"] = int(firms.sum()) - based
    return replace(study, overall=stated(study.overall, left_out), path=path)


def covariates(panel: pd.DataFrame) -> list[str]:
    """The covariates of chapter 3 that the panel's fields give, of `samples.COVARIATES`."""
    there = {
        "ln_parent0": True, "ln_assets": panel["total_assets_yen"].notna().any(),
        "profitability": panel["operating_income_yen"].notna().any() and panel["total_assets_yen"].notna().any(),
        "ln_pay": panel["average_pay_yen"].notna().any(), "average_age": panel["average_age"].notna().any(),
        "manufacturing": samples.is_manufacturing(panel).nunique() > 1,
    }
    return [name for name in samples.COVARIATES if there[name]]


def weighting(
    panel: pd.DataFrame, outcome: str | None = None, draws: int = 999, first: int | None = None, last: int | None = None
) -> dict[str, Estimate]:
    """The long difference after weighting by the propensity to invest (chapter 3), in percentage points a year.

    Returns "ipw_att", "ipw_ate" and "aipw_ate" as `designs.weighted_effects` does, on firms complete in `covariates`.
    Raises `SampleError` where none of the accounts (assets, income, pay, age) is given: size alone is chapter 2.
    """
    outcome = _outcome(panel, outcome)
    used = covariates(panel)
    if not set(used) - {"ln_parent0", "manufacturing"}:
        raise SampleError(f"{_name(panel)}: none of the fields 'total_assets', 'operating_income', 'pay', 'age' is "
                          "given, so there is nothing to weight by but size")
    absent = tuple(name for name in samples.COVARIATES if name not in used)
    first, last, note = _years(panel, first, last)
    whole = _drawn(panel, samples.long_differences, first, last)
    rows = _drawn(panel, samples.investors, first, last, absent)
    _need_both(rows, first, _name(panel))
    enough(int(rows["fdi"].sum()), int((1 - rows["fdi"]).sum()), rows.attrs["sample"],
           ("firms with FDI", "firms without it"))
    with _in_words(f"weighting on {rows.attrs['sample']!r}"):
        found = designs.weighted_effects(rows, _column(outcome), "fdi", used, POINTS, draws, weights=_weights(panel))
    left_out = _of_differences(panel, whole, first, last, samples.JUMP_LIMIT)
    left_out[f"without complete accounts in {first}"] = len(whole) - len(rows)
    return {key: stated(replace(estimate, notes=(*note, *estimate.notes)), left_out) for key, estimate in found.items()}


def curve(panel: pd.DataFrame, permutations: int = 0, **choices: tuple[str, ...]) -> specifications.Curve:
    """A small specification curve of the starters' effect (chapter 5), in log points.

    Tried: every outcome, horizon, sample, weighting and set of effects that the panel's fields allow; all firms and
    those without jumps of 0.7 or more; the three estimators. `choices` replace the options of a dimension
    (`specifications.CHOICES`). Rows call the whole panel "all firms". "At most 300" and "per job" ask for the staff
    that is analysed (see `staff`), per job for the outcome "group" the group's. Raises `ModelError` as
    `specifications.run` does.
    """
    own, group = staff(panel), panel["group_employees"].notna().any()
    flag = samples.is_manufacturing(panel).nunique() > 1
    tried = {
        "outcome": (own, "group", f"{own} share") if group else (own,), "proxy": ("any adjustment",),
        "definition": ("in 80 % of years",), "restriction": ("none", "jumps below 0.7"),
        "sample": ("J", *(("without holdings",) if panel["reorganised"].any() else ()),
                   *(("manufacturing",) if flag else ()), "at most 300"),
        "period": ("all years",), "weights": ("per firm", "per job", *(("sampling",) if WEIGHT in panel else ())),
        "effects": ("year", "sector-year") if panel["sector"].nunique() > 1 else ("year",),
    }
    tried |= choices
    ours = {own: "parent", f"{own} share": "parent share"}
    asked = tried | {"outcome": tuple(ours.get(name, name) for name in tried["outcome"])}
    with _in_words(f"specification curve of {_name(panel)}"):
        found = specifications.run(_as_parent(panel), None, asked, permutations, n_jobs=1, progress=False)
    words = {"sample": {"J": "all firms"}, "proxy": {"any adjustment": "FDI status"},
             "outcome": {name: own for own, name in ours.items()}}
    renamed = [part.replace(words) if len(part) else part for part in (found.rows, found.refused)]
    return replace(found, rows=renamed[0], refused=renamed[1])


@dataclass(frozen=True)
class Core:
    """What `core` found: `estimates` by name, the event studies, the curve, and what was `left_out` and why.

    `rows` counts what `check` left out before. Printed, each estimate is followed by the firms that are not in it.
    """

    panel: str
    estimates: dict[str, Estimate]
    event_studies: dict[str, EventStudy]
    curve: specifications.Curve | None
    left_out: dict[str, str] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    def table(self) -> pd.DataFrame:
        """Estimates as rows: analysis, value, se, ci_low, ci_high, n, groups, unit, method, sample, left_out.

        Its words have signs that the console can print.
        """
        rows = [{"analysis": printable(name)} | e.row() | {
            key: printable(words) for key, words in (("unit", e.unit), ("method", e.method), ("sample", e.sample),
                                                     ("left_out", who_is_out(e)))}
            for name, e in self.estimates.items()]
        return pd.DataFrame(rows, columns=["analysis", "value", "se", "ci_low", "ci_high", "n", "groups", "unit",
                                           "method", "sample", "left_out"])

    def __str__(self) -> str:
        lines = [f"{self.rows[reason]:,} {reason} left out before" for reason in self.rows if self.rows[reason]]
        for name, e in self.estimates.items():
            firms = f", {counted(e.groups, 'firm')}" if e.groups else ""
            lines += [f"{name}: {e.value:+.3g} ({e.se:.2g}) {e.unit}, n = {e.n:,}{firms}",
                      f"    not in it: {who_is_out(e)}"]
            lines += [f"    {note}" for note in e.notes if note.startswith(BEWARE)]
        if self.curve is not None:
            rows = self.curve.rows
            rows = rows[(rows["outcome"] == rows["outcome"].iloc[0]) & (rows["horizon"] == "average after")]
            lines += [f"Specification curve, {', '.join(estimand)}: {len(values):,} specifications, median "
                      f"{values.median():+.3g}" for estimand, values
                      in rows.groupby(list(specifications.ESTIMAND), sort=False)["value"]]
            if len(self.curve.refused):
                lines += [f"    not in it: {counted(len(self.curve.refused), 'combination')} of sample and outcome, "
                          f"the first for {self.curve.refused['why'].iloc[0]}"]
        lines += [f"left out: {name}: {why}" for name, why in self.left_out.items()]
        return printable("\n".join([f"Core analysis of {self.panel}", *lines]))

    __repr__ = __str__


def core(
    panel: pd.DataFrame, draws: int = 999, trim: float = TRIM, first: int | None = None, last: int | None = None
) -> Core:
    """The core analysis of chapters 2, 3 and 5 on a panel from `check`.

    Long difference (also by size class); starters with two-way effects and by Callaway–Sant'Anna, untrimmed and
    trimmed beside each other; weighting by the propensity to invest (`draws` of the bootstrap); a specification
    curve. The long difference and the weighting compare `first` and `last` (default: the first and last year of which
    half as many firms are known as of the fullest; firms not seen in both are left out and counted). For home (or the
    parent, see `staff`), and for the group where it is given. An analysis that the panel can't carry is in `left_out`;
    who is not in an estimate, in its notes.
    """
    estimates, studies, left_out = {}, {}, {}

    def attempt(name: str, analysis: Callable, keep: Callable):
        try:
            keep(analysis())
        except (SampleError, ModelError) as error:
            left_out[name] = str(error)

    def put(name: str) -> Callable:
        return lambda found: estimates.__setitem__(name, found)

    def put_study(name: str) -> Callable:
        return lambda study: (studies.__setitem__(name, study), estimates.__setitem__(name, study.overall))

    titles = {"ipw_att": "on investors", "ipw_ate": "all", "aipw_ate": "doubly robust, all"}
    for outcome in (staff(panel), "group"):
        if outcome == "group" and panel["group_employees"].isna().all():
            left_out["Group headcount"] = "no field 'group'"
            continue
        name = f"Long difference, {outcome}"
        attempt(name, lambda o=outcome: long_difference(panel, o, first=first, last=last), put(name))
        for size in sorted(panel["size_class"].dropna().unique()) if "size_class" in panel else ():
            attempt(f"{name}, size {size}",
                    lambda o=outcome, s=size: long_difference(panel, o, first=first, last=last, size=s),
                    put(f"{name}, size {size}"))
        for method, analysis, keep in (("Starters, firm and year effects", starters_effect, put),
                                       ("Callaway–Sant'Anna", callaway_santanna, put_study)):
            for words, limit in (("untrimmed", None), ("trimmed", trim)):
                name = f"{method}, {outcome}, {words}"
                attempt(name, lambda a=analysis, o=outcome, t=limit: a(panel, o, t), keep(name))
        attempt(f"Weighting, {outcome}", lambda o=outcome: weighting(panel, o, draws, first, last),
                lambda found, o=outcome: estimates.update(
                    {f"Weighting, {o}, {titles[key]}": e for key, e in found.items()}))
    curves: list[specifications.Curve] = []
    attempt("Specification curve", lambda: curve(panel), curves.append)
    return Core(_name(panel), estimates, studies, curves[0] if curves else None, left_out,
                panel.attrs.get("left_out", {}))
