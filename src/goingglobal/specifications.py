"""The specification curve: the core firm-level estimate under every combination of defensible choices.

One regression per specification would demean the same rows again and again. Here the rows of a choice of sample are
laid out as firms × years, and what the fixed effects do to them is worked out once: for all outcomes, all estimators
and all permutations of the permutation test. The estimators themselves are textbook least squares; the tests hold them
against pyfixest, statsmodels and diff-diff, specification by specification.

Work is split by sample over `joblib`, so another backend (Dask, Ray) needs no change here:

    with joblib.parallel_config(backend="dask"):
        curve = run(firms)
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse, stats

from goingglobal import samples
from goingglobal.models import ModelError

__all__ = ["BASELINE", "CHOICES", "Curve", "choice_effects", "ordered", "permutation_test", "run"]

# Every dimension and its options; the first of each is the baseline, the headline specification of chapter 2.
CHOICES: dict[str, tuple[str, ...]] = {
    "outcome": ("parent", "group", "parent share"),
    "proxy": ("any adjustment", "material adjustment"),
    "definition": ("in 80 % of years", "in all years"),
    "trimming": ("none", "0.7", "0.5", "0.3"),
    "sample": ("J", "with delisted", "without holdings", "manufacturing", "at most 300"),
    "period": ("2017–2025", "without 2019"),
    "weights": ("none", "headcount"),
    "estimator": ("within", "first differences", "imputation"),
    "effects": ("year", "sector-year"),
}
BASELINE = {dimension: options[0] for dimension, options in CHOICES.items()}
# Options that only a reader's own panel has; they are tried when asked for by name, never by default.
OWN_CHOICES: dict[str, tuple[str, ...]] = {"weights": ("sampling",)}
MIN_FIRMS = 10
SEED = 20130101
_PERSISTENCE = {"in 80 % of years": 0.8, "in all years": 1.0}
_NEVER = 99


@dataclass(frozen=True)
class Curve:
    """All specifications: `rows` (one each: choices, value, se, ci_low, ci_high, n, firms, starters), `draws`
    (specifications × permutations, estimates with the start dates dealt out at random) and `refused` (choices, why)."""

    rows: pd.DataFrame
    draws: np.ndarray
    refused: pd.DataFrame


# ------------------------------------------------------------------------------------------------ rows
@dataclass(frozen=True)
class _Grid:
    """Firms × years: NaN where a firm is not observed."""

    years: np.ndarray
    columns: dict[str, np.ndarray]
    sector: np.ndarray
    firm: dict[str, np.ndarray]


def _layout(panel: pd.DataFrame) -> _Grid:
    years = np.sort(panel["year"].unique())
    codes, firms = pd.factorize(panel["edinet_code"], sort=True)
    place = (codes, np.searchsorted(years, panel["year"]))
    if panel.duplicated(["edinet_code", "year"]).any():
        raise ModelError("specification curve: a firm has two rows in one year")

    def spread(name: str) -> np.ndarray:
        grid = np.full((len(firms), len(years)), np.nan)
        grid[place] = panel[name].to_numpy(float)
        return grid

    names = ("ln_parent", "ln_group", "fdi", "fdi_material", "parent_employees", "listed")
    first = panel.drop_duplicates("edinet_code").sort_values("edinet_code")
    return _Grid(years, {name: spread(name) for name in names}, pd.factorize(first["sector"], sort=True)[0],
                 {name: first[name].to_numpy(float) for name in ("manufacturing", "reorganised", "sampling_weight")
                  if name in first})


def _last_seen(values: np.ndarray) -> np.ndarray:
    """For every cell the value of the firm's previous observed year (NaN before the first)."""
    before, last = np.full_like(values, np.nan), np.full(len(values), np.nan)
    for t in range(values.shape[1]):
        before[:, t] = last
        last = np.where(np.isnan(values[:, t]), last, values[:, t])
    return before


def _sample(grid: _Grid, choice: dict[str, str]):
    """Observed cells, first column with FDI (_NEVER for never), starter and never flags, under the choices."""
    fdi = grid.columns["fdi" if choice["proxy"] == "any adjustment" else "fdi_material"]
    no_group = np.isnan(grid.columns["ln_group"])
    observed = ~np.isnan(fdi) & ~np.isnan(grid.columns["ln_parent"]) & (~no_group | no_group.all())
    if choice["sample"] != "with delisted":
        observed &= grid.columns["listed"] == 1
    if choice["period"] == "without 2019":
        observed &= (grid.years != 2019)[None, :]
    if choice["sample"] == "without holdings":
        observed &= (grid.firm["reorganised"] == 0)[:, None]
    if choice["sample"] == "manufacturing":
        observed &= (grid.firm["manufacturing"] == 1)[:, None]
    seen = observed.argmax(axis=1)
    size = grid.columns["parent_employees"][np.arange(len(seen)), seen]
    if choice["sample"] == "at most 300":
        observed &= ((size <= 300) & observed.any(axis=1))[:, None]
    abroad = observed & (fdi == 1)
    first = np.where(abroad.any(axis=1), abroad.argmax(axis=1), _NEVER)
    since = observed & (np.arange(len(grid.years))[None, :] >= first[:, None])
    share = np.divide((abroad & since).sum(1), since.sum(1), out=np.zeros(len(first)), where=since.any(axis=1))
    starter = (first != _NEVER) & (first > seen) & (share >= _PERSISTENCE[choice["definition"]])
    never = (first == _NEVER) & observed.any(axis=1)
    return observed, first, starter, never, size


def _jump(values: np.ndarray, observed: np.ndarray) -> np.ndarray:
    held = np.where(observed, values, np.nan)
    change = np.abs(held - _last_seen(held))
    return np.where(np.isnan(change), 0.0, change).max(axis=1)


# ------------------------------------------------------------------------------------------------ estimators
def _norm(a: np.ndarray) -> np.ndarray:
    """Generalised inverse of a stack of symmetric matrices."""
    return np.linalg.pinv(a, rcond=1e-10, hermitian=True)  # the null space (all years up) is noise, not rank


def _cells(groups: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sums over firms by group: (groups, ...) from (firms, ...)."""
    out = np.zeros((groups.max() + 1, *values.shape[1:]))
    np.add.at(out, groups, values)
    return out


class _Within:
    """Firm and year (or sector-year) effects taken out of any column, worked out once for these rows."""

    def __init__(self, observed: np.ndarray, weight: np.ndarray, groups: np.ndarray):
        self.m, self.w, self.g = observed.astype(float), weight, groups
        self.t = self.m.sum(1)
        own = self.m[:, :, None] * np.eye(self.m.shape[1]) - self.m[:, :, None] * self.m[:, None, :] / self.t[
            :, None, None]
        self.a = _cells(groups, weight[:, None, None] * own)
        self.inverse = _norm(self.a)
        self.rank = int(np.round(np.einsum("gij,gji->", self.a, self.inverse)))

    def centre(self, x: np.ndarray) -> np.ndarray:
        return self.m * (x - (self.m * x).sum(-1, keepdims=True) / self.t[:, None])

    def __call__(self, x: np.ndarray) -> np.ndarray:
        x = self.centre(np.where(self.m > 0, x, 0.0))
        years = np.einsum("gij,gj->gi", self.inverse, _cells(self.g, self.w[:, None] * x))
        return x - self.centre(years[self.g])


class _Differences:
    """Changes between neighbouring years of the panel, with year (or sector-year) means taken out."""

    def __init__(self, observed: np.ndarray, weight: np.ndarray, groups: np.ndarray):
        self.m = (observed[:, 1:] & observed[:, :-1]).astype(float)
        self.w, self.g = weight, groups
        self.a = _cells(groups, weight[:, None] * self.m)
        self.rank = int((self.a > 0).sum())

    def __call__(self, x: np.ndarray) -> np.ndarray:
        change = np.where(self.m > 0, x[:, 1:] - x[:, :-1], 0.0)
        mean = np.divide(_cells(self.g, self.w[:, None] * change), self.a, out=np.zeros_like(self.a),
                         where=self.a > 0)
        return self.m * (change - mean[self.g])


def _regress(y: np.ndarray, d: np.ndarray, space, absorbed: bool) -> tuple[float, float, int, int]:
    """Weighted regression of residualised y on residualised d: value, CR1 error by firm, rows, firms."""
    used = space.m.sum(1) > (1 if absorbed else 0)  # a firm seen once says nothing beside its own effect
    w = space.w[:, None]
    cross = float((w * d * d).sum())
    if cross < 1e-9 * max(1.0, float(space.w.sum())):
        raise ModelError("the treatment does not vary within the effects")
    value = float((w * d * y).sum() / cross)
    scores = (w * d * (y - value * d)).sum(1)
    n, g = int(space.m[used].sum()), int(used.sum())
    k = 1 + space.rank + (1 if absorbed else 0)
    return value, float(np.sqrt(g / (g - 1) * (n - 1) / (n - k) * (scores**2).sum()) / cross), n, g


def _imputation(y: np.ndarray, observed: np.ndarray, weight: np.ndarray, first: np.ndarray):
    """Imputation (Borusyak, Jaravel and Spiess 2024) with firm and year effects: value, error, rows, firms.

    The error is their conservative one, effects averaged by cohort, clustered by firm.
    """
    post = observed & (np.arange(observed.shape[1])[None, :] >= first[:, None])
    m = (observed & ~post).astype(float)
    usable = (m.sum(1) > 0) & observed.any(axis=1)
    post = post & usable[:, None]
    t = np.where(m.sum(1) > 0, m.sum(1), 1.0)
    w = weight[:, None]
    a = np.einsum("i,ij->j", weight, m) * np.eye(m.shape[1]) - np.einsum("i,ij,ik->jk", weight / t, m, m)
    inverse = _norm(a)
    y = np.where(observed, y, 0.0)
    mean = (m * y).sum(1) / t
    years = inverse @ (w * m * (y - mean[:, None])).sum(0)
    level = mean - (m * years).sum(1) / t
    gap = y - level[:, None] - years
    share = post * w / (post * w).sum()
    value = float((share * gap).sum())
    # The estimate is Σ v·y: treated cells carry their share, untreated ones what the fitted effects take from them.
    firm = share.sum(1)
    pull = inverse @ (share.sum(0) - (m * (firm / t)[:, None]).sum(0))
    own = firm / (weight * t) - (m * pull).sum(1) / t
    v = share - w * m * (own[:, None] + pull)
    cohort = np.zeros_like(gap)
    for start in np.unique(first[first != _NEVER]):
        mine = share * (first == start)[:, None]
        held = mine.sum(1)
        if held.any():  # their weights: a firm counts by the square of its share
            cohort[first == start] = held @ (mine * gap).sum(1) / (held @ held)
    residual = np.where(post, gap - cohort, m * gap)
    error = float(np.sqrt(((v * residual).sum(1) ** 2).sum()))
    return value, error, int(observed[usable].sum()), int(usable.sum())


# ------------------------------------------------------------------------------------------------ permutations
class _Deal:
    """Start dates dealt out at random: in each permutation as many firms start, at the same dates, but others."""

    def __init__(self, keys: np.ndarray, firms: np.ndarray, first: np.ndarray, width: int):
        starts = np.sort(first[first != _NEVER])
        self.n, self.width, self.permutations = len(firms), width, len(keys)
        if not len(keys):
            return
        chosen = np.argsort(keys[:, firms], axis=1)[:, :len(starts)]
        cell = chosen * width + starts[None, :]
        rows = np.repeat(np.arange(len(keys)), len(starts))
        self.pick = sparse.csr_matrix((np.ones(cell.size), (rows, cell.ravel())),
                                      shape=(len(keys), self.n * width))

    def total(self, table: np.ndarray) -> np.ndarray:
        """Sum over the chosen (firm, start) cells: (permutations, ...) from (firms, starts, ...)."""
        flat = table.reshape(self.n * self.width, -1)
        return np.asarray(self.pick @ flat).reshape(self.permutations, *table.shape[2:])

    def by_group(self, table: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """The same, apart by group: (permutations, groups, ...). Every sum adds the same cells in the same order."""
        many = groups.max() + 1
        rows = np.repeat(np.arange(self.permutations), np.diff(self.pick.indptr)) * many
        rows += groups[self.pick.indices // self.width]
        order = np.argsort(rows, kind="stable")
        ends = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=self.permutations * many))])
        apart = sparse.csr_matrix((self.pick.data[order], self.pick.indices[order], ends),
                                  shape=(self.permutations * many, self.n * self.width))
        return (apart @ table.reshape(self.n * self.width, -1)).reshape(self.permutations, many, -1)


def _after(width: int) -> np.ndarray:
    """(starts, years): 1 from the start on."""
    return (np.arange(width)[None, :] >= np.arange(width)[:, None]).astype(float)


def _permute_within(space: _Within, deal: _Deal, ys: list[np.ndarray]) -> list[np.ndarray]:
    width = space.m.shape[1]
    d = space.m[:, None, :] * _after(width)[None]
    centred = d - space.m[:, None, :] * (d.sum(-1) / space.t[:, None])[:, :, None]
    w = space.w[:, None]
    own = deal.total((w * (d * centred).sum(-1))[:, :, None])[:, 0]
    pulled = deal.by_group(w[:, :, None] * centred, space.g)
    cross = own - np.einsum("pgi,gij,pgj->p", pulled, space.inverse, pulled)
    top = [deal.total((w * np.einsum("nst,nt->ns", d, y))[:, :, None])[:, 0] for y in ys]
    return [np.divide(t, cross, out=np.full_like(t, np.nan), where=cross > 1e-9) for t in top]


def _permute_differences(space: _Differences, deal: _Deal, ys: list[np.ndarray]) -> list[np.ndarray]:
    width = space.m.shape[1] + 1
    step = np.zeros((len(space.m), width, width - 1))
    step[:, np.arange(1, width), np.arange(width - 1)] = space.m
    w = space.w[:, None]
    own = deal.total((w * step.sum(-1))[:, :, None])[:, 0]
    pulled = deal.by_group(w[:, :, None] * step, space.g)
    lost = np.divide(pulled**2, space.a[None], out=np.zeros_like(pulled), where=space.a[None] > 0).sum((1, 2))
    cross = own - lost
    top = [deal.total((w * np.einsum("nst,nt->ns", step, y))[:, :, None])[:, 0] for y in ys]
    return [np.divide(t, cross, out=np.full_like(t, np.nan), where=cross > 1e-9) for t in top]


def _permute_imputation(observed: np.ndarray, weight: np.ndarray, deal: _Deal, ys: list[np.ndarray]
                        ) -> list[np.ndarray]:
    m, width = observed.astype(float), observed.shape[1]
    after = _after(width)

    def parts(cells: np.ndarray):
        """For untreated cells (…, years): their contribution to the years' equations and their number."""
        t = cells.sum(-1)
        safe = np.where(t > 0, t, 1.0)
        crossed = cells[..., :, None] * cells[..., None, :] / safe[..., None, None]
        return cells[..., :, None] * np.eye(width) - crossed, safe

    whole, t_whole = parts(m)
    before = m[:, None, :] * (1 - after[None])
    part, t_part = parts(before)
    w3, w2 = weight[:, None, None, None], weight[:, None, None]
    a = (weight[:, None, None] * whole).sum(0) - deal.total(w3 * (whole[:, None] - part))
    a = a + np.ones((width, width)) * np.trace(a, axis1=1, axis2=2)[:, None, None] / width**2
    post = m[:, None, :] * after[None] * (before.sum(-1) > 0)[:, :, None]
    count = deal.total(w2 * post.sum(-1, keepdims=True))[:, 0]
    # what a year effect of 1 takes from the treated cells of (firm, start), less what it does to the firm's level
    take = deal.total(w2 * (post - before * (post.sum(-1) / t_part)[:, :, None]))
    found = []
    for y in ys:
        y = np.where(observed, y, 0.0)
        mean = (m * y).sum(1) / t_whole
        mean_before = (before * y[:, None, :]).sum(-1) / t_part
        full = m * (y - mean[:, None])
        early = before * (y[:, None, :] - mean_before[:, :, None])
        b = (weight[:, None] * full).sum(0) - deal.total(w2 * (full[:, None] - early))
        years = np.linalg.solve(a, b[:, :, None])[:, :, 0]
        raw = deal.total(w2 * (post * (y[:, None, :] - mean_before[:, :, None])).sum(-1, keepdims=True))[:, 0]
        top = raw - (take * years).sum(1)
        found.append(np.divide(top, count, out=np.full_like(top, np.nan), where=count > 0))
    return found


# ------------------------------------------------------------------------------------------------ the curve
def _one_sample(grid: _Grid, choice: dict[str, str], choices: dict[str, tuple[str, ...]], keys: np.ndarray):
    """All specifications of one choice of proxy, definition, sample and period."""
    rows, draws, refused = [], [], []
    everyone, first, starter, never, size = _sample(grid, choice)
    outcomes = {"parent": grid.columns["ln_parent"], "group": grid.columns["ln_group"],
                "parent share": grid.columns["ln_parent"] - grid.columns["ln_group"]}
    width = len(grid.years)
    for trimming, ruler in itertools.product(choices["trimming"], ("parent", "group")):
        names = [n for n in choices["outcome"] if (n == "group") == (ruler == "group")]
        limit = np.inf if trimming == "none" else float(trimming)
        kept = (starter | never) & (_jump(outcomes[ruler], everyone) < limit)
        firms = np.flatnonzero(kept)
        observed = everyone[firms]
        starts = np.where(starter[firms], first[firms], _NEVER)
        here = {**choice, "trimming": trimming}
        if min((starts != _NEVER).sum(), (starts == _NEVER).sum()) < MIN_FIRMS:
            refused += [{**here, "outcome": name, "why": f"{(starts != _NEVER).sum()} starters and "
                         f"{(starts == _NEVER).sum()} never-investors; {MIN_FIRMS} of each are needed"}
                        for name in names]
            continue
        # A column of the grid without a row (a year left out) would be a hole between neighbours.
        used = observed.any(axis=0)
        observed = observed[:, used]
        shift = np.cumsum(used) - 1
        starts = np.where(starts == _NEVER, _NEVER, shift[np.minimum(starts, width - 1)])
        post = (observed & (np.arange(observed.shape[1])[None, :] >= starts[:, None])).astype(float)
        ys = [outcomes[name][firms][:, used] for name in names]
        deal = _Deal(keys, firms, starts, observed.shape[1])
        for weights in choices["weights"]:
            size_or_sample = grid.firm["sampling_weight"] if weights == "sampling" else size
            weight = np.ones(len(firms)) if weights == "none" else size_or_sample[firms] / size_or_sample[firms].mean()
            for estimator, effects in itertools.product(choices["estimator"], choices["effects"]):
                if estimator == "imputation" and effects != "year":
                    continue
                groups = np.zeros(len(firms), dtype=int)
                if effects == "sector-year":
                    groups = np.unique(grid.sector[firms], return_inverse=True)[1]
                if estimator == "imputation":
                    found = [_imputation(y, observed, weight, starts) for y in ys]
                    dealt = _permute_imputation(observed, weight, deal, ys) if len(keys) else None
                else:
                    space = (_Within if estimator == "within" else _Differences)(observed, weight, groups)
                    left, d = [space(y) for y in ys], space(post)
                    found = [_regress(y, d, space, estimator == "within") for y in left]
                    permute = _permute_within if estimator == "within" else _permute_differences
                    dealt = permute(space, deal, left) if len(keys) else None
                for place, (name, (value, se, n, g)) in enumerate(zip(names, found, strict=True)):
                    half = stats.t.ppf(0.975, g - 1) * se
                    rows.append({"outcome": name, **here, "weights": weights, "estimator": estimator,
                                 "effects": effects, "value": value, "se": se, "ci_low": value - half,
                                 "ci_high": value + half, "n": n, "firms": g,
                                 "starters": int((starts != _NEVER).sum())})
                    draws.append(dealt[place] if dealt is not None else np.empty(0))
    return rows, draws, refused


def run(
    firms: pd.DataFrame, choices: dict[str, Sequence[str]] | None = None, permutations: int = 0, seed: int = SEED,
    n_jobs: int = 2, progress: bool | None = None,
) -> Curve:
    """Estimate every combination of `choices`.

    Parameters: `firms`, the table `firm_panel`; `choices`, options by dimension (default: all of `CHOICES`; a dimension
    left out keeps all its options; weights "sampling" is tried only if named); `permutations`, how often start dates
    are dealt out anew; `n_jobs`, workers of joblib, no more than there are cores or `LOKY_MAX_CPU_COUNT` says (another
    backend of joblib is used where one is set: see the module's docstring); `progress`, a bar (default: on a terminal).

    Combinations that are not defined (imputation with sector-year effects) are not counted; those with fewer than
    10 starters or 10 never-investors are in `refused`. Value, se and interval are in log points.
    Raises `ModelError` for an unknown dimension or option, an empty table, and where every combination is refused.
    Source: Simonsohn, Simmons and Nelson (2020).
    """
    import joblib

    chosen = {**CHOICES, **{k: tuple(v) for k, v in (choices or {}).items()}}
    for dimension, options in chosen.items():
        if dimension not in CHOICES:
            raise ModelError(f"specification curve: unknown dimension {dimension!r}; known are {list(CHOICES)}")
        unknown = [o for o in options if o not in (*CHOICES[dimension], *OWN_CHOICES.get(dimension, ()))]
        if unknown or not options:
            raise ModelError(f"specification curve: {dimension} {unknown[:1] or options}; known are "
                             f"{list(CHOICES[dimension])}")
    panel = samples.specification_panel(firms)
    if "sampling" in chosen["weights"] and "sampling_weight" not in panel:
        raise ModelError("specification curve: weights 'sampling' need a column 'sampling_weight'")
    grid = _layout(panel)
    keys = np.random.default_rng(seed).random((permutations, len(grid.sector)))
    outer = ("proxy", "definition", "sample", "period")
    tasks = [dict(zip(outer, options, strict=True)) for options in itertools.product(*(chosen[d] for d in outer))]
    backend = joblib.parallel.get_active_backend()[0]
    lazy = backend.supports_return_generator  # Ray's backend doesn't: no bar there
    here = joblib.cpu_count() if isinstance(backend, joblib.parallel.LokyBackend) else len(tasks)
    workers = n_jobs if n_jobs < 0 else min(n_jobs, len(tasks), here)
    parallel = joblib.Parallel(n_jobs=workers, return_as="generator" if lazy else "list")
    results = parallel(joblib.delayed(_one_sample)(grid, task, chosen, keys) for task in tasks)
    rows, draws, refused = [], [], []
    for part in _watched(results, len(tasks), progress):
        rows += part[0]
        draws += part[1]
        refused += part[2]
    if not rows:
        raise ModelError(f"specification curve: every combination is refused; the first: {refused[0]['why']}")
    table = pd.DataFrame(rows)[[*CHOICES, "value", "se", "ci_low", "ci_high", "n", "firms", "starters"]]
    sound = np.isfinite(table[["value", "se"]]).all(axis=1) & (table["se"] > 1e-12)
    if not sound.all():
        bad = table[~sound].iloc[0]
        raise ModelError(f"specification curve: no finite estimate with an error for {bad[list(CHOICES)].to_dict()}")
    return Curve(table, np.array(draws), pd.DataFrame(refused))


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


def permutation_test(curve: Curve) -> pd.DataFrame:
    """The whole curve against chance, by outcome and over all: are its median and its share of positives unusual?

    Columns: outcome, specifications, median, share_positive, share_significant (the whole interval above zero),
    share_negative (below), p_median and p_positive (two-sided: the share of permutations at least as far from the
    permutations' middle, counting the curve itself), low and high (the middle 95 % of the permuted medians),
    permutations. "all" pools outcomes that are linked (the share is parent less group). Raises `ModelError` for a curve
    without permutations.
    """
    if not curve.draws.size:
        raise ModelError("permutation test: the curve was run without permutations")
    found = []
    for name in [*dict.fromkeys(curve.rows["outcome"]), "all"]:
        mine = np.ones(len(curve.rows), bool) if name == "all" else (curve.rows["outcome"] == name).to_numpy()
        rows, draws = curve.rows[mine], curve.draws[mine]
        row = {"outcome": name, "specifications": len(rows), "median": rows["value"].median(),
               "share_positive": (rows["value"] > 0).mean(), "share_significant": (rows["ci_low"] > 0).mean(),
               "share_negative": (rows["ci_high"] < 0).mean()}
        medians = np.nanmedian(draws, axis=0)
        for key, mine_value, null in (("p_median", row["median"], medians),
                                      ("p_positive", row["share_positive"], np.nanmean(draws > 0, axis=0))):
            middle = np.median(null)
            far = np.abs(null - middle) >= abs(mine_value - middle) - 1e-12
            row[key] = (1 + far.sum()) / (1 + len(null))
        row["low"], row["high"] = np.quantile(medians, [0.025, 0.975])
        found.append({**row, "permutations": len(medians)})
    return pd.DataFrame(found)


def ordered(curve: Curve, points: int = 201) -> pd.DataFrame:
    """The curve ready to draw: by outcome, `points` places from the lowest estimate to the highest.

    Columns: panel (the outcome), rank (0 to 100), value, ci_low, ci_high, and null_low and null_high: the middle 95 %
    of the permuted curves at that rank, each curve in its own order (missing without permutations).
    """
    found = []
    for name in dict.fromkeys(curve.rows["outcome"]):
        mine = (curve.rows["outcome"] == name).to_numpy()
        rows = curve.rows[mine].sort_values("value").reset_index(drop=True)
        places = np.unique(np.linspace(0, len(rows) - 1, min(points, len(rows))).round().astype(int))
        part = rows.loc[places, ["value", "ci_low", "ci_high"]].reset_index(drop=True)
        part.insert(0, "rank", 100 * places / max(1, len(rows) - 1))
        part.insert(0, "panel", name)
        null = np.sort(curve.draws[mine], axis=0)[places] if curve.draws.size else np.full((len(places), 1), np.nan)
        part["null_low"], part["null_high"] = np.quantile(null, [0.025, 0.975], axis=1)
        found.append(part)
    return pd.concat(found, ignore_index=True)


def choice_effects(rows: pd.DataFrame) -> pd.DataFrame:
    """What each choice does: the estimate less that of the specification alike but for the baseline option.

    Columns: dimension, option, pairs, median, low and high (the middle half), share_sign (share of pairs whose sign
    differs). The outcome is not compared: it is another question.
    """
    found = []
    for dimension, options in CHOICES.items():
        if dimension == "outcome" or options[0] not in set(rows[dimension]):
            continue
        others = [d for d in CHOICES if d != dimension]
        base = rows[rows[dimension] == options[0]].set_index(others)["value"]
        for option in options[1:]:
            mine = rows[rows[dimension] == option].set_index(others)["value"]
            pair = pd.concat([mine, base], axis=1, join="inner", keys=["mine", "base"])
            if pair.empty:
                continue
            gap = pair["mine"] - pair["base"]
            found.append({"dimension": dimension, "option": option, "pairs": len(pair), "median": gap.median(),
                          "low": gap.quantile(0.25), "high": gap.quantile(0.75),
                          "share_sign": (np.sign(pair["mine"]) != np.sign(pair["base"])).mean()})
    return pd.DataFrame(found)
