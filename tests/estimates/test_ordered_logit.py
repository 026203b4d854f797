"""The ordered logit, written out by hand: likelihood, errors by cluster, and what it refuses."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special

from goingglobal import load, models, samples
from goingglobal.models import ModelError

TERMS = ["low_wage", "high_wage", "design", "japan", "germany", "sme", "industry"]
close = partial(pytest.approx, rel=1e-5, abs=1e-7)


@pytest.fixture(scope="module")
def headcount() -> pd.DataFrame:
    return samples.findings(load("literature"))


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
