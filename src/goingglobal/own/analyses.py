"""The book's core analyses on a reader's panel, as `check` returns it.

`core` runs the analyses of chapters 2, 3 and 5 and says which it leaves out, and why.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pandas as pd

from goingglobal import designs, models, samples, specifications
from goingglobal.models import Estimate, EventStudy, ModelError
from goingglobal.own.check import WEIGHT, staff_of
from goingglobal.samples import SampleError

__all__ = [
    "Core", "callaway_santanna", "core", "covariates", "curve", "long_difference", "staff", "starters_effect",
    "weighting",
]

POINTS = "percentage points a year"
TRIM = 0.7  # the book's: starters whose log headcount jumps by as much in a year are left out


def _name(panel: pd.DataFrame) -> str:
    return panel.attrs.get("table", "your panel")


def staff(panel: pd.DataFrame) -> str:
    """The headcount that is analysed beside the group's: "home" (jobs in the country) where given, else "parent"."""
    return staff_of(panel, "{}_employees")


def _as_parent(panel: pd.DataFrame) -> pd.DataFrame:
    """The panel with the staff that is analysed in the column that the book's samples read, the parent's."""
    return panel.assign(parent_employees=panel[f"{staff(panel)}_employees"])


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


def _said(estimate: Estimate) -> Estimate:
    method = estimate.method.replace("edinet_code", "firm").replace(", weighted", ", sampling weights")
    return replace(estimate, method=method)


def least_squares(rows: pd.DataFrame, formula: str, term: str, unit: str, weights: str | None = None) -> Estimate:
    """OLS (with `weights`, a column: WLS) with HC1 errors; raises `ModelError` where no row is complete."""
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
    return Estimate.of(fit, term, unit=unit, notes=notes)


def _within(rows: pd.DataFrame, weights: str | None) -> Estimate:
    """Firm and year effects absorbed, CR1 errors by firm; firms seen once say nothing and are left out, with a note."""
    import goingglobal.absorbing  # noqa: F401, I001  (in the browser it stands in for pyfixest)
    import pyfixest

    kept = rows[rows.duplicated("edinet_code", keep=False)]
    if kept["edinet_code"].nunique() < 2:  # pyfixest aborts the process on singletons alone
        raise ModelError(f"'post' on {rows.attrs['sample']!r}: fewer than two firms seen twice or more")
    with models.noting() as notes:
        fit = pyfixest.feols("y ~ post | edinet_code + year", kept, vcov={"CRV1": "edinet_code"}, weights=weights)
    alone = [f"{len(rows) - len(kept)} firms seen once left out"] if len(kept) < len(rows) else []
    return Estimate.of(fit, "post", unit="log points", sample=rows, notes=[*alone, *notes])


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


def _years(panel: pd.DataFrame, first: int | None, last: int | None) -> tuple[int, int]:
    """The first and the last year, by default those of the panel."""
    seen = samples.sample_j(panel)["year"]
    return int(seen.min() if first is None else first), int(seen.max() if last is None else last)


def long_difference(
    panel: pd.DataFrame, outcome: str | None = None, limit: float | None = samples.JUMP_LIMIT, first: int | None = None,
    last: int | None = None, size: str | None = None,
) -> Estimate:
    """Yearly growth of firms with FDI in the first year against the others (chapter 2), in percentage points a year.

    Parameters: `panel` from `check`; `outcome`, "home" or "parent" (as `staff` says, the
    default) or "group"; `limit`, `first`, `last` as in
    `samples.long_differences` (default: the panel's first and last year); `size`, one size class. Controls: that
    log headcount in the first year and sectors; HC1 errors; sampling weights of the first year where given. Raises
    `SampleError` for an absent field and where no firm is left, `ModelError` as `Estimate.of` does.
    """
    outcome = _outcome(panel, outcome)
    first, last = _years(panel, first, last)
    rows = _drawn(panel, samples.long_differences, first, last, limit)
    if size is not None:
        if "size_class" not in rows:
            raise SampleError(f"{_name(panel)}: no field 'size'")
        name = f"{rows.attrs['sample']}, size {size}"
        rows = rows[rows["size_class"] == size]
        rows.attrs = {"sample": name}
    sectors = " + C(sector)" if rows["sector"].nunique() > 1 else ""
    return _said(least_squares(rows, f"{_column(outcome)} ~ fdi + ln_parent0{sectors}", "fdi", POINTS, _weights(panel)))


def starters_effect(panel: pd.DataFrame, outcome: str | None = None, trim: float | None = None) -> Estimate:
    """Starters against never-investors with firm and year effects (chapter 2), in log points.

    `trim` leaves out firms whose log headcount jumps by as much in a year. Sampling weights of each row where given.
    Raises `SampleError` without starters or never-investors, `ModelError` as `Estimate.of` does.
    """
    outcome = _outcome(panel, outcome)
    rows = _drawn(panel, samples.starters, trim, _column(outcome))
    return _said(_within(rows, _weights(panel)))


def callaway_santanna(panel: pd.DataFrame, outcome: str | None = None, trim: float | None = None) -> EventStudy:
    """The same comparison by Callaway–Sant'Anna (chapter 2): overall effect and path, in log points.

    A firm's first sampling weight counts in all its years; with weights diff-diff averages the cells by the weight of
    the whole cohort, not of the firms seen in the cell, so on a panel with gaps a weight of 1 for all is not the same
    as no weight. Raises as `starters_effect` does.
    """
    outcome = _outcome(panel, outcome)
    rows = _drawn(panel, samples.starters, trim, _column(outcome))
    if WEIGHT in rows:
        attrs, first = rows.attrs, rows.groupby("edinet_code")[WEIGHT].transform("first")
        rows = rows.assign(**{WEIGHT: first})
        rows.attrs = attrs
    study = models.event_study(rows, weights=_weights(panel))
    return replace(study, overall=_said(study.overall))


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
    rows = _drawn(panel, samples.investors, *_years(panel, first, last), absent)
    found = designs.weighted_effects(rows, _column(outcome), "fdi", used, POINTS, draws, weights=_weights(panel))
    return {key: _said(estimate) for key, estimate in found.items()}


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
    found = specifications.run(_as_parent(panel), None, asked, permutations, n_jobs=1, progress=False)
    words = {"sample": {"J": "all firms"}, "proxy": {"any adjustment": "FDI status"},
             "outcome": {name: own for own, name in ours.items()}}
    renamed = [part.replace(words) if len(part) else part for part in (found.rows, found.refused)]
    return replace(found, rows=renamed[0], refused=renamed[1])


@dataclass(frozen=True)
class Core:
    """What `core` found: `estimates` by name, the event studies, the curve, and what was `left_out` and why."""

    panel: str
    estimates: dict[str, Estimate]
    event_studies: dict[str, EventStudy]
    curve: specifications.Curve | None
    left_out: dict[str, str] = field(default_factory=dict)

    def table(self) -> pd.DataFrame:
        """Estimates as rows: analysis, value, se, ci_low, ci_high, n, groups, unit, method, sample."""
        return pd.DataFrame([{"analysis": name} | e.row() | {"unit": e.unit, "method": e.method, "sample": e.sample}
                             for name, e in self.estimates.items()])

    def __str__(self) -> str:
        lines = [f"{name}: {e.value:+.3g} ({e.se:.2g}) {e.unit}, n = {e.n:,}" for name, e in self.estimates.items()]
        if self.curve is not None:
            rows = self.curve.rows
            rows = rows[(rows["outcome"] == rows["outcome"].iloc[0]) & (rows["horizon"] == "average after")]
            lines += [f"Specification curve, {', '.join(estimand)}: {len(values):,} specifications, median "
                      f"{values.median():+.3g}" for estimand, values
                      in rows.groupby(list(specifications.ESTIMAND), sort=False)["value"]]
        lines += [f"left out: {name}: {why}" for name, why in self.left_out.items()]
        return "\n".join([f"Core analysis of {self.panel}", *lines])

    __repr__ = __str__


def core(panel: pd.DataFrame, draws: int = 999, trim: float = TRIM) -> Core:
    """The core analysis of chapters 2, 3 and 5 on a panel from `check`.

    Long difference (also by size class); starters with two-way effects and by Callaway–Sant'Anna, untrimmed and
    trimmed beside each other; weighting by the propensity to invest (`draws` of the bootstrap); a specification
    curve. For home (or the parent, see `staff`), and for the group where it is given. An analysis that the panel can't
    carry is in `left_out`.
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
        attempt(name, lambda o=outcome: long_difference(panel, o), put(name))
        for size in sorted(panel["size_class"].unique()) if "size_class" in panel else ():
            attempt(f"{name}, size {size}", lambda o=outcome, s=size: long_difference(panel, o, size=s),
                    put(f"{name}, size {size}"))
        for method, analysis, keep in (("Starters, firm and year effects", starters_effect, put),
                                       ("Callaway–Sant'Anna", callaway_santanna, put_study)):
            for words, limit in (("untrimmed", None), ("trimmed", trim)):
                name = f"{method}, {outcome}, {words}"
                attempt(name, lambda a=analysis, o=outcome, t=limit: a(panel, o, t), keep(name))
        attempt(f"Weighting, {outcome}", lambda o=outcome: weighting(panel, o, draws),
                lambda found, o=outcome: estimates.update(
                    {f"Weighting, {o}, {titles[key]}": e for key, e in found.items()}))
    curves: list[specifications.Curve] = []
    attempt("Specification curve", lambda: curve(panel), curves.append)
    return Core(_name(panel), estimates, studies, curves[0] if curves else None, left_out)
