"""The specification curve: what follows a start of FDI, by estimand, under every combination of defensible choices.

An estimand is a question: whose headcount (`outcome`), how long after the start (`horizon`), a mean over firms or over
jobs (`weights`). Nothing is pooled over estimands. All else in `CHOICES` is a choice of how to answer.

One regression per specification would demean the same rows again and again. Here the rows of a choice of sample are
laid out as firms × years, and what the fixed effects do to them is worked out once: for all outcomes, all estimators
and all permutations of the permutation test. The estimators themselves are textbook least squares; the tests hold them
against pyfixest, statsmodels and diff-diff, specification by specification.

Work is split by sample over `joblib`, so another backend (Dask, Ray) needs no change here:

    with joblib.parallel_config(backend="dask"):
        curve = run(firms, groups)
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from goingglobal import samples
from goingglobal.models import ModelError

__all__ = [
    "BASELINE", "CHOICES", "ESTIMAND", "Curve", "choice_effects", "defined", "ordered", "permutation_test", "run",
]  # fmt: skip

ESTIMAND = ("outcome", "horizon", "weights")  # the dimensions that ask a question
J_SAMPLES = ("J", "without holdings", "manufacturing", "at most 300")
GROUP_SAMPLES = ("all filers", "at most 300", "at most 100", "in firm panel")
# Every dimension and its options, estimands first; the first defined for an outcome is its baseline.
CHOICES: dict[str, tuple[str, ...]] = {
    "outcome": ("lower", "upper", "parent", "group"),
    "horizon": ("average after", "impact year"),
    "weights": ("per firm", "per job"),
    "sample": (*J_SAMPLES, *(name for name in GROUP_SAMPLES if name not in J_SAMPLES)),
    "proxy": ("any adjustment", "material adjustment"),
    "definition": ("in 80 % of years", "in all years"),
    "restriction": ("none", "parent share at least 10 %", "parent share at least 20 %", "jumps below 0.7"),
    "period": ("all years", "without 2019"),
    "estimator": ("within", "first differences", "imputation"),
    "effects": ("year", "sector-year"),
}
BASELINE = {dimension: options[0] for dimension, options in CHOICES.items()}
# Options that only a table of its own has, a reader's panel; they are tried when asked for by name, never by default.
OWN_CHOICES: dict[str, tuple[str, ...]] = {"outcome": ("parent share",), "weights": ("sampling",)}
BOUNDED = ("lower", "upper")
MIN_FIRMS = samples.MIN_TREATED
SEED = 20130101
NUMBERS = ["value", "se", "ci_low", "ci_high", "n", "firms", "starters", "p_permutation"]
_PERSISTENCE = {"in 80 % of years": 0.8, "in all years": 1.0}
_SHARE = {"parent share at least 10 %": 0.1, "parent share at least 20 %": 0.2}
_JUMP = {"jumps below 0.7": 0.7}
_LARGEST = {"at most 300": 300, "at most 100": 100}
_NEVER = 99


@dataclass(frozen=True)
class Curve:
    """All specifications: `rows` (one each: choices, value, se, ci_low, ci_high, n, firms, starters, p_permutation),
    `draws` (specifications × permutations, estimates with the start dates dealt out at random) and `refused` (choices,
    why)."""

    rows: pd.DataFrame
    draws: np.ndarray
    refused: pd.DataFrame


def defined(choice: dict[str, str], groups: bool = True) -> bool:
    """Whether a combination of choices has a meaning. `groups`: the group's outcome is that of all filers (sample A).

    Bounds need a year in which FDI is known to be absent, so they know no "material" FDI. First differences see the
    start year alone. Imputation has year effects only. Of all filers sectors and parents are known in the firm panel.
    """
    wide = groups and choice["outcome"] == "group"
    return not (
        (choice["outcome"] in BOUNDED and (not groups or choice["proxy"] != "any adjustment"))
        or choice["sample"] not in (GROUP_SAMPLES if wide else J_SAMPLES)
        or (wide and choice["restriction"] in _SHARE)
        or (choice["estimator"] == "first differences" and choice["horizon"] != "impact year")
        or (choice["effects"] == "sector-year"
            and (choice["estimator"] == "imputation" or (wide and choice["sample"] != "in firm panel")))
    )


# ------------------------------------------------------------------------------------------------ rows
@dataclass(frozen=True)
class _Grid:
    """Firms × years: NaN where a firm is not observed. `abroad`: by proxy the first year with FDI in another table."""

    wide: bool
    years: np.ndarray
    codes: np.ndarray
    columns: dict[str, np.ndarray]
    sector: np.ndarray
    firm: dict[str, np.ndarray]
    deals: np.ndarray  # by permutation the firms in the order in which they are dealt a start


_PROXY = {"any adjustment": "fdi", "material adjustment": "fdi_material"}


def _layout(panel: pd.DataFrame, names: tuple[str, ...], of_firm: tuple[str, ...], wide: bool,
            permutations: int, seed) -> _Grid:
    years = np.sort(panel["year"].unique())
    codes, firms = pd.factorize(panel["edinet_code"], sort=True)
    place = (codes, np.searchsorted(years, panel["year"]))
    if panel.duplicated(["edinet_code", "year"]).any():
        raise ModelError("specification curve: a firm has two rows in one year")

    def spread(name: str) -> np.ndarray:
        grid = np.full((len(firms), len(years)), np.nan)
        grid[place] = panel[name].to_numpy(float)
        return grid

    first = panel.drop_duplicates("edinet_code").sort_values("edinet_code")
    keys = np.random.default_rng(seed).random((permutations, len(firms)))
    columns = {name: spread(name) for name in names}
    # Firms abroad in all their years, or no longer listed, are in no sample; workers need not be sent them.
    home = np.any([(columns[name] == 0).any(axis=1) for name in _PROXY.values()], axis=0)
    return _Grid(wide, years, np.asarray(firms, dtype=str)[home], {name: c[home] for name, c in columns.items()},
                 pd.factorize(first["sector"], sort=True)[0][home],
                 {name: first[name].to_numpy(float)[home] for name in of_firm if name in first},
                 np.argsort(keys[:, home], axis=1).astype(np.int32))


def _of_firms(firms: pd.DataFrame, permutations: int, seed: int) -> _Grid:
    panel = samples.specification_panel(firms)
    listed = panel["listed"] == 1
    if not listed.any():
        raise ModelError("specification curve: no firm of the table is listed")
    panel = panel.assign(**{name: panel[name].where(listed) for name in _PROXY.values()})
    return _layout(panel, ("ln_parent", "ln_group", "fdi", "fdi_material"),
                   ("manufacturing", "reorganised", "sampling_weight"), False, permutations, seed)


def _of_groups(groups: pd.DataFrame, firms: pd.DataFrame, permutations: int, seed: int) -> _Grid:
    rows = samples.with_firms(samples.all_filers(groups), firms)
    size = rows["translation_adjustment_yen"].abs() / rows["total_assets_yen"]
    rows["fdi_material"] = np.where(rows["fdi"] == 0, 0.0, np.where(size.isna(), np.nan, (size >= 0.001).astype(float)))
    return _layout(rows, ("ln_group", "fdi", "fdi_material"), ("in_firm_panel",), True,
                   permutations, [seed, 1])


def _first(flags: np.ndarray) -> np.ndarray:
    """By firm the column of its first flag, _NEVER where it has none."""
    return np.where(flags.any(axis=1), flags.argmax(axis=1), _NEVER)


def _false_starts(firms: _Grid, groups: _Grid) -> dict[str, np.ndarray]:
    """By proxy: firms whose filings show FDI before the start that the firm panel dates, or although it knows none."""
    found = {}
    place = {code: row for row, code in enumerate(groups.codes)}
    rows = np.array([place.get(code, -1) for code in firms.codes])
    for proxy, column in _PROXY.items():
        dated, filed = (np.append(grid.years, _NEVER * 100)[np.minimum(_first(grid.columns[column] == 1),
                                                                       len(grid.years))] for grid in (firms, groups))
        found[proxy] = np.where(rows >= 0, filed[rows], _NEVER * 100) < dated
    return found


def _last_seen(values: np.ndarray) -> np.ndarray:
    """For every cell the value of the firm's previous observed year (NaN before the first)."""
    before, last = np.full_like(values, np.nan), np.full(len(values), np.nan)
    for t in range(values.shape[1]):
        before[:, t] = last
        last = np.where(np.isnan(values[:, t]), last, values[:, t])
    return before


def _jump(values: np.ndarray, observed: np.ndarray, years: np.ndarray) -> np.ndarray:
    """Each firm's largest change of `values` in a year; across years in which it isn't seen, the yearly average."""
    held = np.where(observed, values, np.nan)
    when = np.where(observed, years[None, :].astype(float), np.nan)
    change = np.abs(held - _last_seen(held)) / (when - _last_seen(when))
    return np.where(np.isnan(change), 0.0, change).max(axis=1)


@dataclass(frozen=True)
class _Sample:
    """Observed cells, first column with FDI (_NEVER for never), flags and first headcounts under the outer choices."""

    observed: np.ndarray
    first: np.ndarray
    starter: np.ndarray
    never: np.ndarray
    size: dict[str, np.ndarray]  # of the parent and of the group, in the firm's first year
    share: np.ndarray  # of the parent in the group in that year


def _sample(grid: _Grid, choice: dict[str, str], false: np.ndarray | None) -> _Sample:
    fdi, ln_group = grid.columns[_PROXY[choice["proxy"]]], grid.columns["ln_group"]
    ln_parent = grid.columns.get("ln_parent", ln_group)
    no_group = np.isnan(ln_group)
    observed = ~np.isnan(fdi) & ~np.isnan(ln_parent) & (~no_group | no_group.all())
    if choice["period"] == "without 2019":
        observed = observed & (grid.years != 2019)[None, :]
    flag = {"without holdings": ("reorganised", 0), "manufacturing": ("manufacturing", 1),
            "in firm panel": ("in_firm_panel", 1)}.get(choice["sample"])
    if flag:
        observed = observed & (grid.firm[flag[0]] == flag[1])[:, None]
    seen = observed.argmax(axis=1)
    at = np.arange(len(seen)), seen
    size = {"group": np.exp(ln_group[at]), "parent": np.exp(ln_parent[at])}
    if choice["sample"] in _LARGEST:
        # A table of its own is asked by the staff that it analyses, the book's two by the group's.
        heads = size["group" if grid.wide or false is not None else "parent"]
        observed = observed & (heads < _LARGEST[choice["sample"]] + 1e-6)[:, None]  # exp(log) of a whole number
    abroad = observed & (fdi == 1)
    first = _first(abroad)
    since = observed & (np.arange(len(grid.years))[None, :] >= first[:, None])
    share = np.divide((abroad & since).sum(1), since.sum(1), out=np.zeros(len(first)), where=since.any(axis=1))
    sound = observed.any(axis=1) if false is None else observed.any(axis=1) & ~false
    starter = sound & (first != _NEVER) & (first > seen) & (share >= _PERSISTENCE[choice["definition"]])
    return _Sample(observed, first, starter, sound & (first == _NEVER), size, np.exp(ln_parent[at] - ln_group[at]))


def _added(parent: np.ndarray, group: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Lower bound less ln group, (firms, starts, years), for every start a firm may be dealt; 0 before it.

    From the start on jobs in Japan are the parent's and those of subsidiaries, of which no more are counted than in the
    last year seen before the start. A firm not seen before its start has no such year: there the group's count.
    """
    width = observed.shape[1]
    beside = np.where(observed, group - parent, np.nan)
    jobs = parent[:, None, :] + np.fmin(beside[:, None, :], _last_seen(beside)[:, :, None])
    after = observed[:, None, :] & (np.arange(width)[None, :] >= np.arange(width)[:, None])[None]
    return np.log(np.where(after, jobs, 1.0)) - np.log(np.where(after, group[:, None, :], 1.0))


# ------------------------------------------------------------------------------------------------ estimators
def _norm(a: np.ndarray) -> np.ndarray:
    """Generalised inverse of a stack of symmetric matrices."""
    return np.linalg.pinv(a, rcond=1e-10, hermitian=True)  # the null space (all years up) is noise, not rank


class _Cells:
    """Sums over firms by group: (groups, ...) from (firms, ...)."""

    def __init__(self, groups: np.ndarray):
        self.g, self.many = groups, int(groups.max()) + 1
        self.sums = sparse.csr_matrix((np.ones(len(groups)), (groups, np.arange(len(groups)))),
                                      shape=(self.many, len(groups)))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return (self.sums @ values.reshape(len(self.g), -1)).reshape(self.many, *values.shape[1:])


class _Kinds:
    """Firms seen in the same years are alike in all but outcome and weight: their patterns, (kinds, years)."""

    def __init__(self, observed: np.ndarray):
        self.width = observed.shape[1]
        found, self.of = np.unique(observed @ (1 << np.arange(self.width)), return_inverse=True)
        self.m = (found[:, None] >> np.arange(self.width) & 1).astype(float)
        self.t = self.m.sum(1)


class _Within:
    """Firm and year (or sector-year) effects taken out of any column, worked out once for these rows."""

    absorbed = True

    def __init__(self, kinds: _Kinds, weight: np.ndarray, cells: _Cells):
        self.m, self.w, self.cells, self.t = kinds.m[kinds.of], weight, cells, kinds.t[kinds.of]
        own = kinds.m[:, :, None] * np.eye(kinds.width) - kinds.m[:, :, None] * kinds.m[:, None, :] / kinds.t[
            :, None, None]
        number = np.bincount(cells.g * len(kinds.t) + kinds.of, weight, cells.many * len(kinds.t))
        self.a = np.einsum("gk,kij->gij", number.reshape(cells.many, -1), own)
        self.inverse = _norm(self.a)
        self.rank = int(np.round((self.a * self.inverse).sum()))

    def centre(self, x: np.ndarray) -> np.ndarray:
        """Around the firm's mean: (firms, columns, years)."""
        return self.m[:, None, :] * (x - ((self.m[:, None, :] * x).sum(-1) / self.t[:, None])[:, :, None])

    def __call__(self, x: np.ndarray) -> np.ndarray:
        x = self.centre(np.where(self.m[:, None, :] > 0, x, 0.0))
        years = np.einsum("gij,gkj->gki", self.inverse, self.cells(self.w[:, None, None] * x))
        return x - self.centre(years[self.cells.g])

    def years(self, pulled: np.ndarray) -> np.ndarray:
        """The years' effects on a column, (permutations, groups, years), given its sums by group."""
        return np.moveaxis(np.moveaxis(pulled, 1, 0) @ self.inverse, 0, 1)


class _Differences:
    """Changes between neighbouring years of the panel, with year (or sector-year) means taken out."""

    absorbed = False

    def __init__(self, kinds: _Kinds, weight: np.ndarray, cells: _Cells):
        self.m = (kinds.m[:, 1:] * kinds.m[:, :-1])[kinds.of]
        self.w, self.cells = weight, cells
        self.a = self.cells(weight[:, None] * self.m)
        self.inverse = np.divide(1.0, self.a, out=np.zeros_like(self.a), where=self.a > 0)
        self.rank = int((self.a > 0).sum())

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Of (firms, columns, years)."""
        change = np.where(self.m[:, None, :] > 0, x[..., 1:] - x[..., :-1], 0.0)
        mean = self.cells(self.w[:, None, None] * change) * self.inverse[:, None, :]
        return self.m[:, None, :] * (change - mean[self.cells.g])

    def years(self, pulled: np.ndarray) -> np.ndarray:
        """As `_Within.years`."""
        return pulled * self.inverse


def _regress(y: np.ndarray, ds: list[np.ndarray], space) -> tuple[float, float, int, int]:
    """Weighted regression of residualised y on residualised ds: the first's coefficient, CR1 error, rows, firms."""
    used = space.m.sum(1) > (1 if space.absorbed else 0)  # a firm seen once says nothing beside its own effect
    w, floor = space.w[:, None], 1e-9 * max(1.0, float(space.w.sum()))
    if (w * ds[0] * ds[0]).sum() < floor:
        raise ModelError("the treatment does not vary within the effects")
    ds = [d for d in ds if (w * d * d).sum() >= floor]
    cross = np.array([[(w * one * two).sum() for two in ds] for one in ds])
    bread = np.linalg.inv(cross)
    values = bread @ np.array([(w * d * y).sum() for d in ds])
    left = w * (y - sum(value * d for value, d in zip(values, ds, strict=True)))
    scores = np.array([(left * d).sum(1) for d in ds])
    n, g = int(space.m[used].sum()), int(used.sum())
    k = len(ds) + space.rank + (1 if space.absorbed else 0)
    meat = float(((bread[0] @ scores) ** 2).sum())
    return float(values[0]), float(np.sqrt(g / (g - 1) * (n - 1) / (n - k) * meat)), n, g


def _left_out(held: np.ndarray, cohort: np.ndarray) -> np.ndarray:
    """How much each firm's residual grows when it is left out of its cohort's mean; 1 where no other firm is left."""
    squares = held**2
    total = np.bincount(cohort, squares)[cohort]
    others = total - squares
    for firm in np.flatnonzero(others <= 1e-6 * total):  # a difference of two like numbers: summed anew
        others[firm] = squares[(cohort == cohort[firm]) & (np.arange(len(held)) != firm)].sum()
    return np.divide(total, others, out=np.ones_like(total), where=others > 0)


class _Imputation:
    """Imputation (Borusyak, Jaravel and Spiess 2024) with firm and year effects, worked out once for these rows."""

    def __init__(self, observed: np.ndarray, weight: np.ndarray, first: np.ndarray):
        time = np.arange(observed.shape[1])[None, :]
        post = observed & (time >= first[:, None])
        m = (observed & ~post).astype(float)
        usable = (m.sum(1) > 0) & observed.any(axis=1)
        self.m, self.observed, self.usable, self.first, self.weight = m, observed, usable, first, weight
        self.post = post & usable[:, None]
        self.start = self.post & (time == first[:, None])
        self.t, self.w = np.where(m.sum(1) > 0, m.sum(1), 1.0), weight[:, None]
        a = np.einsum("i,ij->j", weight, m) * np.eye(m.shape[1]) - np.einsum("i,ij,ik->jk", weight / self.t, m, m)
        self.inverse = _norm(a)

    def gap(self, y: np.ndarray) -> np.ndarray:
        """What the effects of untreated rows leave unexplained."""
        y = np.where(self.observed, y, 0.0)
        mean = (self.m * y).sum(1) / self.t
        years = self.inverse @ (self.w * self.m * (y - mean[:, None])).sum(0)
        return y - (mean - (self.m * years).sum(1) / self.t)[:, None] - years

    def __call__(self, gap: np.ndarray, impact: bool) -> tuple[float, float, int, int]:
        """Mean effect over treated cells (`impact`: those of the start years): value, error, rows, firms.

        The error is the authors' conservative one by firm, effects averaged by cohort, a firm left out of its own
        cohort's mean (their appendix A.9): a mean that holds the firm's own error would explain some of it. A cohort
        of one firm has no other; there the firm explains itself and adds nothing.
        """
        cells = self.start if impact else self.post
        share = cells * self.w / (cells * self.w).sum()
        # The estimate is Σ v·y: treated cells carry their share, untreated ones what the fitted effects take from them.
        m, firm, effect = self.m, share.sum(1), (share * gap).sum(1)
        pull = self.inverse @ (share.sum(0) - (m * (firm / self.t)[:, None]).sum(0))
        own = firm / (self.weight * self.t) - (m * pull).sum(1) / self.t
        score = (-self.w * m * (own[:, None] + pull) * gap).sum(1)
        starter = np.flatnonzero(firm > 0)
        cohort, held = self.first[starter], firm[starter]
        # The mean of a cohort, each firm counted by the square of its share.
        mean = (np.bincount(cohort, held * effect[starter]) / np.maximum(np.bincount(cohort, held**2), 1e-300))[cohort]
        score[starter] += (effect[starter] - mean * held) * _left_out(held, cohort)
        value = float(effect.sum())
        rows = int((self.m[self.usable] > 0).sum() + cells.sum())
        return value, float(np.sqrt((score**2).sum())), rows, int(self.usable.sum())


# ------------------------------------------------------------------------------------------------ permutations
class _Deal:
    """Start dates dealt out at random: in each permutation as many firms start, at the same dates, but others.

    What a dealt date adds to a sum is a table, (firms or kinds of firms, starts, columns), the same for all weights.
    """

    def __init__(self, grid: _Grid, firms: np.ndarray, kinds: _Kinds, first: np.ndarray):
        self.kinds, self.n, self.width, self.permutations = kinds, len(firms), kinds.width, len(grid.deals)
        if not self.permutations:
            return
        starts = np.sort(first[first != _NEVER])
        place = np.full(len(grid.codes), -1, np.int32)
        place[firms] = np.arange(len(firms))
        # The first in a deal's order are enough; where a deal has too few of these firms in front, all are looked at.
        front = 2 * len(starts) * len(grid.codes) // self.n + 64
        for order in (grid.deals[:, :front], grid.deals):
            dealt = place[order]
            number = (dealt >= 0).cumsum(axis=1)
            if number[:, -1].min() >= len(starts):
                break
        self.chosen = dealt[(dealt >= 0) & (number <= len(starts))].reshape(self.permutations, len(starts))
        self.cell = (self.chosen * self.width + starts).ravel()
        self.kind = (kinds.of[self.chosen] * self.width + starts).ravel()
        self.ends = np.arange(self.permutations + 1) * len(starts)
        self._order: dict[int, tuple] = {}
        self._tables()

    def _tables(self) -> None:
        """What kinds of firms add, whatever their outcome: by name, columns of one table."""
        width, m, t = self.width, self.kinds.m, self.kinds.t[:, None]
        after = (np.arange(width)[None, :] >= np.arange(width)[:, None]).astype(float)
        at = np.eye(width)
        later = m.sum(1)[:, None] - m.cumsum(1)
        step = np.zeros((len(m), width, width - 1))
        step[:, np.arange(1, width), np.arange(width - 1)] = m[:, 1:] * m[:, :-1]
        before = m[:, None, :] * (1 - after[None])
        t_before = np.maximum(before.sum(-1), 1.0)
        usable = m[:, None, :] * (before.sum(-1) > 0)[:, :, None]
        self.cells = {"average after": usable * after, "impact year": usable * at}
        self.before, self.t_before = before, t_before

        def equations(cells: np.ndarray, t: np.ndarray) -> np.ndarray:
            """What untreated cells (…, years) add to the years' equations."""
            return cells[..., :, None] * np.eye(width) - cells[..., :, None] * cells[..., None, :] / t[..., None, None]

        self.whole = equations(m, self.kinds.t)
        lost = self.whole[:, None] - equations(before, t_before)
        self.upper = np.triu_indices(width)
        numbers = {key: cells.sum(-1) for key, cells in self.cells.items()}
        self.centred = np.concatenate([m[:, None, :] * (at - (m / t)[:, :, None]),
                                       m[:, None, :] * (after - at - (later / t)[:, :, None])], axis=-1)
        self.step = step
        tables = {
            "own": np.stack([m * (1 - m / t), -m * later / t, later - later**2 / t], axis=-1),
            "centred": self.centred, "step": step, "steps": step.sum(-1, keepdims=True),
            "lost": lost[..., self.upper[0], self.upper[1]],
            # what a year effect of 1 takes from the treated cells, less what it does to the firm's level
            **{f"take {key}": cells - before * (numbers[key] / t_before)[:, :, None]
               for key, cells in self.cells.items()},
            **{f"count {key}": number[:, :, None] for key, number in numbers.items()},
        }
        self.names = list(tables)
        self.bounds = np.cumsum([0, *(table.shape[-1] for table in tables.values())])
        self.flat = np.concatenate(list(tables.values()), axis=-1).reshape(len(m) * width, -1)


class _Lots:
    """The deals with a weight for every firm: sums over what they choose, (permutations, ...)."""

    def __init__(self, deal: _Deal, weight: np.ndarray):
        self.deal, self.weight = deal, weight[deal.chosen].ravel()
        self.pick = self._picked(deal.cell, deal.n * deal.width)
        all_kinds = self._picked(deal.kind, len(deal.kinds.t) * deal.width) @ deal.flat
        self.of_kind = {name: all_kinds[:, low:high] for name, low, high
                        in zip(deal.names, deal.bounds[:-1], deal.bounds[1:], strict=True)}

    def _picked(self, cell: np.ndarray, width: int) -> sparse.csr_matrix:
        return sparse.csr_matrix((self.weight, cell, self.deal.ends), shape=(self.deal.permutations, width))

    def total(self, table: np.ndarray) -> np.ndarray:
        """(permutations, columns) from (firms, starts, columns)."""
        return self.pick @ table.reshape(self.deal.n * self.deal.width, -1)

    def by_group(self, table: np.ndarray, cells: _Cells) -> np.ndarray:
        """As `total`, apart by group: (permutations, groups, columns). Every sum adds the same cells in one order."""
        deal = self.deal
        if cells.many == 1:
            return self.total(table)[:, None]
        if id(cells) not in deal._order:
            rows = (np.arange(deal.permutations)[:, None] * cells.many + cells.g[deal.chosen]).ravel()
            ends = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=deal.permutations * cells.many))])
            deal._order[id(cells)] = cells, np.argsort(rows, kind="stable"), ends
        _, order, ends = deal._order[id(cells)]
        apart = sparse.csr_matrix((self.weight[order], deal.cell[order], ends),
                                  shape=(deal.permutations * cells.many, deal.n * deal.width))
        return (apart @ table.reshape(deal.n * deal.width, -1)).reshape(deal.permutations, cells.many, -1)

    def by_group_of_kind(self, name: str, table: np.ndarray, cells: _Cells) -> np.ndarray:
        return self.of_kind[name][:, None] if cells.many == 1 else self.by_group(table[self.deal.kinds.of], cells)


def _product(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    return np.einsum("pgi,pgi->p", one, two)


def _over(top: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(top, below, out=np.full_like(top, np.nan), where=below > 1e-9)


class _Added:
    """The lower bound less ln group under every start a firm may be dealt, (firms, starts, years), and what the
    estimators make of it."""

    def __init__(self, added: np.ndarray, kinds: _Kinds):
        m, width = kinds.m[kinds.of][:, None, :], kinds.width
        at, time = np.arange(width), np.arange(width)
        later = (time[None, :] > at[:, None])[None]
        self.level = added
        self.centred = m * (added - ((m * added).sum(-1) / kinds.t[kinds.of][:, None])[:, :, None])
        self.of_dates = np.stack([self.centred[:, at, at], (self.centred * later).sum(-1)], axis=-1)
        self.change = m[..., 1:] * m[..., :-1] * (added[..., 1:] - added[..., :-1])
        self.of_steps = np.zeros((len(m), width, 1))
        self.of_steps[:, 1:, 0] = self.change[:, at[1:], at[:-1]]


def _permute_within(space: _Within, lots: _Lots, ys: dict[str, np.ndarray], added: _Added | None
                    ) -> dict[tuple[str, str], np.ndarray]:
    """Draws by outcome and horizon. `ys` holds what the effects leave, for the lower bound that of ln group."""
    width, own = lots.deal.width, lots.of_kind["own"]
    both = lots.by_group_of_kind("centred", lots.deal.centred, space.cells)
    pulled = both[..., :width], both[..., width:]
    years = [space.years(column) for column in pulled]
    c00, c01, c11 = (own[:, k] - _product(years[i], pulled[j]) for k, (i, j) in enumerate([(0, 0), (0, 1), (1, 1)]))
    ratio = np.divide(c01, c11, out=np.zeros_like(c01), where=c11 > 1e-9)
    tables = [column for y in ys.values() for column in (y, y.sum(1)[:, None] - y.cumsum(1))]
    totals = lots.total(np.stack(tables, axis=-1))
    found = {}
    for place, name in enumerate(ys):
        start, later = totals[:, 2 * place], totals[:, 2 * place + 1]
        if name == "lower" and added is not None:  # made anew under the dealt dates
            extra, change = lots.total(added.of_dates), lots.by_group(added.centred, space.cells)
            start = start + extra[:, 0] - _product(years[0], change)
            later = later + extra[:, 1] - _product(years[1], change)
        found[name, "average after"] = _over(start + later, c00 + 2 * c01 + c11)
        found[name, "impact year"] = _over(start - ratio * later, c00 - ratio * c01)
    return found


def _permute_differences(space: _Differences, lots: _Lots, ys: dict[str, np.ndarray], added: _Added | None
                         ) -> dict[tuple[str, str], np.ndarray]:
    """As `_permute_within`, for the impact year alone."""
    pulled = lots.by_group_of_kind("step", lots.deal.step, space.cells)
    years = space.years(pulled)
    cross = lots.of_kind["steps"][:, 0] - _product(years, pulled)
    tables = np.zeros((lots.deal.n, lots.deal.width, len(ys)))
    tables[:, 1:] = np.stack(list(ys.values()), axis=-1)
    totals = lots.total(tables)
    found = {}
    for place, name in enumerate(ys):
        top = totals[:, place]
        if name == "lower" and added is not None:
            change = lots.by_group(added.change, space.cells)
            top = top + lots.total(added.of_steps)[:, 0] - _product(years, change)
        found[name, "impact year"] = _over(top, cross)
    return found


def _early(deal: _Deal, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For imputation: by firm what its outcome, around its mean, adds to the years' equations; and the table of what a
    dealt start takes from that, and of what then lies above the firm's mean before, by horizon."""
    m, of = deal.kinds.m[deal.kinds.of], deal.kinds.of
    before, t_before = deal.before[of], deal.t_before[of]
    held = np.where(m > 0, y, 0.0)
    mean = (before * held[:, None, :]).sum(-1) / t_before
    full = m * (held - (held.sum(1) / deal.kinds.t[of])[:, None])
    lost = full[:, None] - before * (held[:, None, :] - mean[:, :, None])
    above = [(cells[of] * (held[:, None, :] - mean[:, :, None])).sum(-1) for cells in deal.cells.values()]
    return full, np.concatenate([lost, np.stack(above, axis=-1)], axis=-1)


def _permute_imputation(lots: _Lots, weight: np.ndarray, early: dict[str, tuple], added: _Added | None
                        ) -> dict[tuple[str, str], np.ndarray]:
    """Draws by outcome and horizon. `early` is what `_early` gives of each outcome, for the lower bound of ln group."""
    deal, width = lots.deal, lots.deal.width
    a = np.empty((deal.permutations, width, width))
    a[:, deal.upper[0], deal.upper[1]] = a[:, deal.upper[1], deal.upper[0]] = -lots.of_kind["lost"]
    a += np.einsum("k,kij->ij", np.bincount(deal.kinds.of, weight), deal.whole)
    a += (np.trace(a, axis1=1, axis2=2) / width**2)[:, None, None]
    solved: dict[int, tuple] = {}
    found = {}
    for name, (full, table) in early.items():
        if id(table) not in solved:
            sums = lots.total(table)
            solved[id(table)] = np.linalg.solve(a, (weight @ full - sums[:, :width])[:, :, None])[:, :, 0], sums
        years, sums = solved[id(table)]
        for k, (key, cells) in enumerate(deal.cells.items()):
            top = sums[:, width + k] - (lots.of_kind[f"take {key}"] * years).sum(1)
            if name == "lower" and added is not None:  # only treated cells know the start
                top = top + lots.total((cells[deal.kinds.of] * added.level).sum(-1, keepdims=True))[:, 0]
            found[name, key] = _over(top, lots.of_kind[f"count {key}"][:, 0])
    return found


# ------------------------------------------------------------------------------------------------ the curve
def _one_sample(grid: _Grid, false: dict[str, np.ndarray] | None, choice: dict[str, str],
                choices: dict[str, tuple[str, ...]]):
    """All specifications of one choice of sample, proxy, definition and period."""
    rows, draws, refused = [], [], []
    drawn = _sample(grid, choice, None if false is None else false[choice["proxy"]])
    both = grid.wide or false is not None
    outcomes = [name for name in choices["outcome"] if (name == "group") == grid.wide or not both]
    outcomes = [n for n in outcomes if n not in BOUNDED or (both and choice["proxy"] == "any adjustment")]
    ruler = {name: "parent" if name in ("parent", "parent share") else "group" for name in outcomes}
    for restriction in choices["restriction"]:
        if grid.wide and restriction in _SHARE:
            continue
        everyone = drawn.starter | drawn.never
        if restriction in _SHARE:
            everyone = everyone & (drawn.share > _SHARE[restriction] - 1e-9)
        sets: dict[str, list[str]] = {}
        for name in outcomes:
            sets.setdefault(ruler[name] if restriction in _JUMP else "all", []).append(name)
        for which, names in sets.items():
            kept = everyone
            if restriction in _JUMP:
                kept = everyone & (_jump(grid.columns[f"ln_{which}"], drawn.observed, grid.years) < _JUMP[restriction])
            here = {**choice, "restriction": restriction}
            starters, never = int((kept & drawn.starter).sum()), int((kept & drawn.never).sum())
            if min(starters, never) < MIN_FIRMS:
                refused += [{**here, "outcome": name, "why": f"{starters} starters and {never} never-investors; "
                             f"{MIN_FIRMS} of each are needed"} for name in names]
                continue
            effects = [e for e in choices["effects"]
                       if e == "year" or not grid.wide or choice["sample"] == "in firm panel"]
            for row, draw in _one_set(grid, drawn, kept, names, {**choices, "effects": effects}, ruler):
                rows.append({**here, **row, "starters": starters})
                draws.append(draw)
    return rows, draws, refused


def _one_set(grid: _Grid, drawn: _Sample, kept: np.ndarray, names: list[str], choices: dict[str, tuple[str, ...]],
             ruler: dict[str, str]):
    """Estimates and draws of the outcomes that share their rows: the firms `kept`."""
    firms = np.flatnonzero(kept)
    observed = drawn.observed[firms]
    used = observed.any(axis=0)  # a column without a row (a year left out) would be a hole between neighbours
    observed = observed[:, used]
    shift = np.cumsum(used) - 1
    first = np.where(drawn.starter[firms], shift[np.minimum(drawn.first[firms], len(used) - 1)], _NEVER)
    time = np.arange(observed.shape[1])[None, :]
    dates = np.stack([observed & (time == first[:, None]), observed & (time > first[:, None])], axis=1).astype(float)
    kinds = _Kinds(observed)
    deal = _Deal(grid, firms, kinds, first)
    ln_group = grid.columns["ln_group"][firms][:, used]
    base = dict.fromkeys(("group", "upper", "lower"), ln_group)
    if not grid.wide:
        ln_parent = grid.columns["ln_parent"][firms][:, used]
        base |= {"parent": ln_parent, "parent share": ln_parent - ln_group}
    ys, added = {name: base[name] for name in names}, None
    if "lower" in names:
        level = _added(np.exp(ln_parent), np.exp(ln_group), observed)
        added = _Added(level, kinds) if deal.permutations else None
        own = level[np.arange(len(firms)), np.where(first == _NEVER, 0, first)] * (first != _NEVER)[:, None]
        ys["lower"] = ln_group + own
    of_base = {id(y): _early(deal, y) for y in map(base.get, names)} if deal.permutations else {}
    groups = {"year": _Cells(np.zeros(len(firms), dtype=int)),
              "sector-year": _Cells(np.unique(grid.sector[firms], return_inverse=True)[1])}
    for weights in choices["weights"]:
        by_weight: dict[str, list[str]] = {}
        for name in names:
            by_weight.setdefault(ruler[name] if weights == "per job" else "all", []).append(name)
        for which, mine in by_weight.items():
            weight = np.ones(len(firms))
            if weights != "per firm":
                weight = drawn.size[which][firms] if weights == "per job" else grid.firm["sampling_weight"][firms]
                weight = weight / weight.mean()
            lots = _Lots(deal, weight) if deal.permutations else None
            # the bound's draws start from ln group, so its residuals are needed beside the bound's own
            columns = {name: ys[name] for name in mine}
            if "lower" in mine and lots:
                columns["upper"] = ln_group
            stack = np.concatenate([dates, np.stack(list(columns.values()), axis=1)], axis=1)
            for estimator, effects in itertools.product(choices["estimator"], choices["effects"]):
                horizons = [h for h in choices["horizon"] if estimator != "first differences" or h == "impact year"]
                if not horizons or (effects == "sector-year" and estimator == "imputation"):
                    continue
                if estimator == "imputation":
                    fit = _Imputation(observed, weight, first)
                    gaps = {name: fit.gap(ys[name]) for name in mine}
                    found = {(n, h): fit(gap, h == "impact year") for n, gap in gaps.items() for h in horizons}
                    dealt = (_permute_imputation(lots, weight, {n: of_base[id(base[n])] for n in mine}, added)
                             if lots else {})
                else:
                    within = estimator == "within"
                    space = (_Within if within else _Differences)(kinds, weight, groups[effects])
                    left = space(stack)
                    start, later = left[:, 0], left[:, 1]
                    ds = {"average after": [start + later],
                          "impact year": [start, later] if within else [start + later]}
                    left = dict(zip(columns, np.moveaxis(left[:, 2:], 1, 0), strict=True))
                    found = {(n, h): _regress(left[n], ds[h], space) for n in mine for h in horizons}
                    bases = {n: left["upper" if n == "lower" else n] for n in mine} if lots else {}
                    permute = _permute_within if within else _permute_differences
                    dealt = permute(space, lots, bases, added) if lots else {}
                for (name, horizon), (value, se, n, g) in found.items():
                    yield ({"outcome": name, "horizon": horizon, "weights": weights, "estimator": estimator,
                            "effects": effects, "value": value, "se": se, "n": n, "firms": g},
                           dealt.get((name, horizon), np.empty(0)))


def _checked(choices: dict[str, Sequence[str]] | None, groups: bool) -> dict[str, tuple[str, ...]]:
    """The options by dimension: those asked for, else all that the tables allow."""
    chosen = {**CHOICES, **({} if groups else {"outcome": ("parent", "group"), "sample": J_SAMPLES}),
              **{dimension: tuple(options) for dimension, options in (choices or {}).items()}}
    for dimension, options in chosen.items():
        if dimension not in CHOICES:
            raise ModelError(f"specification curve: unknown dimension {dimension!r}; known are {list(CHOICES)}")
        unknown = [o for o in options if o not in (*CHOICES[dimension], *OWN_CHOICES.get(dimension, ()))]
        if unknown or not options:
            raise ModelError(f"specification curve: {dimension} {unknown[:1] or options}; known are "
                             f"{list(CHOICES[dimension])}")
    bounds = [name for name in chosen["outcome"] if name in BOUNDED]
    if bounds and not groups:
        raise ModelError(f"specification curve: outcome {bounds[0]!r} needs both tables: run(firms, groups)")
    if groups and "parent share" in chosen["outcome"]:
        raise ModelError("specification curve: outcome 'parent share' is for one table: run(firms)")
    return chosen


def run(
    firms: pd.DataFrame, groups: pd.DataFrame | None = None, choices: dict[str, Sequence[str]] | None = None,
    permutations: int = 0, seed: int = SEED, n_jobs: int = 2, progress: bool | None = None,
) -> Curve:
    """Estimate every defined combination of `choices`.

    Parameters: `firms`, the table `firm_panel`; `groups`, the table `group_panel`; `choices`, options by dimension
    (default: all of `CHOICES`; a dimension left out keeps all its options; those of `OWN_CHOICES` are tried only if
    named); `permutations`, how often start dates are dealt out anew; `n_jobs`, workers of joblib, no more than there
    are cores or `LOKY_MAX_CPU_COUNT` says (another backend of joblib is used where one is set: see the module's
    docstring); `progress`, a bar (default: on a terminal).

    With both tables the outcomes lower, upper (`samples.jobs_in_japan`) and parent are those of J, without
    `samples.false_starts`, and the outcome group is that of all who file (`samples.group_starters`). "At most 300" asks
    for the group's headcount in the firm's first year. "Per job" weights a firm by its headcount in that year, the
    parent's for the parent, the group's else. A jump is one of the group's headcount, the parent's for the parent.
    Without `groups`, the outcomes are parent, group and parent share in the one table: "at most 300" then asks for the
    parent's headcount, jobs are the parent's but for the outcome group, and no false start is known.

    Combinations that are not `defined` are not counted; those with fewer than `MIN_FIRMS` starters or never-investors
    are in `refused`. Value, se and interval are in log points; n counts the rows that are used, for imputation in the
    impact year the untreated ones and those of the start years. `p_permutation` is two-sided: one and the deals whose
    estimate is at least as far from the middle of the deals, over one and all deals; missing without permutations. It
    says whether starters are unusual, not whether starting made them so.
    Raises `ModelError` for an unknown dimension or option, an outcome that the tables don't have, and where every
    combination is refused; `SampleError` for an empty table and where the tables disagree about a firm's FDI.
    Source: Simonsohn, Simmons and Nelson (2020).
    """
    import joblib

    chosen = _checked(choices, groups is not None)
    grids, false = {}, None
    if groups is None or set(chosen["outcome"]) - {"group"}:
        grids["firms"] = _of_firms(firms, permutations, seed)
    if groups is not None:
        grids["groups"] = _of_groups(groups, firms, permutations, seed)
        if "firms" in grids:
            samples.false_starts(firms, groups)  # refuses tables that disagree
            false = _false_starts(grids["firms"], grids["groups"])
        if "group" not in chosen["outcome"]:
            del grids["groups"]
    if "sampling" in chosen["weights"] and any("sampling_weight" not in grid.firm for grid in grids.values()):
        raise ModelError("specification curve: weights 'sampling' need a column 'sampling_weight'")
    outer = ("proxy", "definition", "sample", "period")
    tasks = [(name, dict(zip(outer, options, strict=True))) for name in grids
             for options in itertools.product(*(chosen[d] for d in outer))]
    tasks = [(name, choice) for name, choice in tasks
             if choice["sample"] in (GROUP_SAMPLES if name == "groups" else J_SAMPLES)]
    backend = joblib.parallel.get_active_backend()[0]
    lazy = backend.supports_return_generator  # Ray's backend doesn't: no bar there
    here = joblib.cpu_count() if isinstance(backend, joblib.parallel.LokyBackend) else len(tasks)
    workers = n_jobs if n_jobs < 0 else max(1, min(n_jobs, len(tasks), here))
    parallel = joblib.Parallel(n_jobs=workers, return_as="generator" if lazy else "list")
    results = parallel(joblib.delayed(_one_sample)(grids[name], false if name == "firms" else None, choice, chosen)
                       for name, choice in tasks)
    rows, draws, refused = [], [], []
    for part in _watched(results, len(tasks), progress):
        rows += part[0]
        draws += part[1]
        refused += part[2]
    if not rows:
        why = f"refused; the first: {refused[0]['why']}" if refused else "undefined (see `defined`)"
        raise ModelError(f"specification curve: every combination is {why}")
    return _curve(rows, draws, refused)


def _curve(rows: list[dict], draws: list[np.ndarray], refused: list[dict]) -> Curve:
    """The curve in the order of its choices, with intervals and permutation p."""
    from scipy.stats import t

    table, lots = pd.DataFrame(rows), np.array(draws)
    place = {option: i for dimension in CHOICES
             for i, option in enumerate((*CHOICES[dimension], *OWN_CHOICES.get(dimension, ())))}
    order = np.lexsort([table[dimension].map(place) for dimension in reversed(CHOICES)])
    table, lots = table.iloc[order].reset_index(drop=True), lots[order]
    half = t.ppf(0.975, table["firms"] - 1) * table["se"]
    table = table.assign(ci_low=table["value"] - half, ci_high=table["value"] + half, p_permutation=np.nan)
    sound = np.isfinite(table[["value", "se"]]).all(axis=1) & (table["se"] > 1e-12)
    if not sound.all():
        bad = table[~sound].iloc[0]
        raise ModelError(f"specification curve: no finite estimate with an error for {bad[list(CHOICES)].to_dict()}")
    if lots.size:
        table["p_permutation"] = _p(table["value"].to_numpy(), lots)
    return Curve(table[[*CHOICES, *NUMBERS]], lots, pd.DataFrame(refused))


def _p(values: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Two-sided p of each value against its row of draws; a deal without an estimate counts as near."""
    middle = np.nanmedian(draws, axis=1)
    far = np.abs(draws - middle[:, None]) >= np.abs(values - middle)[:, None] - 1e-12
    return (1 + far.sum(axis=1)) / (1 + draws.shape[1])


def _watched(results, total: int, progress: bool | None):
    """The results with a progress bar: on a terminal, or in a notebook that is cleaned up afterwards."""
    import sys

    from tqdm import tqdm

    from goingglobal._display import in_notebook

    notebook = in_notebook()
    show = progress if progress is not None else sys.stderr.isatty()
    yield from tqdm(results, total=total, desc="samples", disable=not show, leave=False,
                    file=sys.stdout if notebook else sys.stderr)
    if show and notebook:
        from IPython.display import clear_output

        clear_output()


def _estimands(rows: pd.DataFrame):
    """The estimands in the table's order, each with which rows are its own."""
    for key in rows[list(ESTIMAND)].drop_duplicates().itertuples(index=False, name=None):
        yield key, (rows[list(ESTIMAND)] == list(key)).all(axis=1).to_numpy()


def permutation_test(curve: Curve) -> pd.DataFrame:
    """The curve of each estimand against chance: are its median and its share of positives unusual?

    One row per outcome, horizon and weights. Columns: these, specifications, median, p05 and p95 (the middle nine
    tenths of the estimates), share_positive, share_significant (the whole interval above zero), share_negative
    (below), share_p05 (permutation p below 0.05), p_median and p_positive (two-sided: the share of permutations at
    least as far from the permutations' middle, counting the curve itself), low and high (the middle 95 % of the
    permuted medians), permutations. A small p says that starters are unusual, not that starting made them so.
    Raises `ModelError` for a curve without permutations.
    """
    if not curve.draws.size:
        raise ModelError("permutation test: the curve was run without permutations")
    found = []
    for key, mine in _estimands(curve.rows):
        rows, draws = curve.rows[mine], curve.draws[mine]
        row = dict(zip(ESTIMAND, key, strict=True)) | {
            "specifications": len(rows), "median": rows["value"].median(), "p05": rows["value"].quantile(0.05),
            "p95": rows["value"].quantile(0.95), "share_positive": (rows["value"] > 0).mean(),
            "share_significant": (rows["ci_low"] > 0).mean(), "share_negative": (rows["ci_high"] < 0).mean(),
            "share_p05": (rows["p_permutation"] < 0.05).mean()}
        medians = np.nanmedian(draws, axis=0)
        for name, value, null in (("p_median", row["median"], medians),
                                  ("p_positive", row["share_positive"], (draws > 0).mean(axis=0))):
            row[name] = _p(np.array([value]), null[None])[0]
        row["low"], row["high"] = np.quantile(medians, [0.025, 0.975])
        found.append({**row, "permutations": len(medians)})
    return pd.DataFrame(found)


def ordered(curve: Curve, points: int = 201) -> pd.DataFrame:
    """The curve ready to draw: by estimand, `points` places from the lowest estimate to the highest.

    Columns: outcome, horizon, weights, place (the row of `curve.rows`), rank (0 to 100), value, ci_low, ci_high,
    p_permutation, and null_low and null_high: the middle 95 % of the permuted curves at that rank, each curve in its
    own order (missing without permutations).
    """
    found = []
    for key, mine in _estimands(curve.rows):
        rows = curve.rows[mine].sort_values("value", kind="stable")
        places = np.unique(np.linspace(0, len(rows) - 1, min(points, len(rows))).round().astype(int))
        part = rows.iloc[places][["value", "ci_low", "ci_high", "p_permutation"]].reset_index(names="place")
        part.insert(1, "rank", 100 * places / max(1, len(rows) - 1))
        null = np.sort(curve.draws[mine], axis=0)[places] if curve.draws.size else np.full((len(places), 1), np.nan)
        part["null_low"], part["null_high"] = np.quantile(null, [0.025, 0.975], axis=1)
        found.append(part.assign(**dict(zip(ESTIMAND, key, strict=True))))
    table = pd.concat(found, ignore_index=True)
    return table[[*ESTIMAND, *(name for name in table if name not in ESTIMAND)]]


def choice_effects(rows: pd.DataFrame) -> pd.DataFrame:
    """What each choice does, by estimand: the estimate less that of the specification alike but for the first option.

    Columns: outcome, horizon, weights, dimension, option, pairs, median, low and high (the middle half), share_sign
    (share of pairs whose sign differs). The first option is the first of `CHOICES` that the outcome has.
    """
    found, codes = [], pd.DataFrame({name: pd.factorize(rows[name])[0] for name in CHOICES})
    size = codes.max() + 1
    places = {name: int(size[:at].prod()) for at, name in enumerate(CHOICES)}  # one number for all choices
    alike = sum(codes[name] * place for name, place in places.items()).to_numpy()
    for key, mine in _estimands(rows):
        part = rows[mine]
        for dimension in CHOICES:
            options = [option for option in CHOICES[dimension] if option in set(part[dimension])]
            if dimension in ESTIMAND or len(options) < 2:
                continue
            if dimension == "sample":  # of all filers "at most 300" comes before them in `CHOICES`
                options = [o for o in (GROUP_SAMPLES if "all filers" in options else J_SAMPLES) if o in options]
            others = (alike - codes[dimension].to_numpy() * places[dimension])[mine]
            values = pd.Series(part["value"].to_numpy(), index=others)
            chosen = part[dimension].to_numpy()
            for option in options[1:]:
                pair = pd.concat([values[chosen == option], values[chosen == options[0]]], axis=1, join="inner",
                                 keys=["mine", "base"])
                if pair.empty:
                    continue
                gap = pair["mine"] - pair["base"]
                found.append(dict(zip(ESTIMAND, key, strict=True)) | {
                    "dimension": dimension, "option": option, "pairs": len(pair), "median": gap.median(),
                    "low": gap.quantile(0.25), "high": gap.quantile(0.75),
                    "share_sign": (np.sign(pair["mine"]) != np.sign(pair["base"])).mean()})
    return pd.DataFrame(found)
