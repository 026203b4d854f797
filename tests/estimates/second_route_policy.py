"""A second route to the estimates of chapters 3 and 4 (and the management survey), with nothing from goingglobal.

    python tests/estimates/second_route_policy.py            # JSON on stdout: id → value, se, n and what else is known
    python tests/estimates/second_route_policy.py --golden   # the same with `origin`

Logit by Newton steps, weights by formula, regression discontinuity by weighted sums at the bandwidths that rdrobust
chose, synthetic difference-in-differences by Frank-Wolfe as in the R package synthdid, and again by an exact solution.
`golden_policy.json` is the second form; `test_golden_policy.py` holds the library against it.
The bootstrap and the random placebos depend on their stream (`numpy.random.default_rng`, in the order of the code).
"""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import second_route as first
from scipy import optimize, stats

SEED, REPLICATIONS, PLACEBOS = 20130101, 999, 200
CUTOFF = 300.5
YEARS, TREATED_FROM = range(1996, 2020), 2011
EARLIER = {"support/sdid_fdi": ("low", 2003), "support/sdid_employment": ("high", 2009)}  # outermost placebos in time
MANUFACTURING = {  # the sixteen manufacturing sectors among the 33 of the Tokyo Stock Exchange (codes 3050 to 3800)
    "Foods", "Textiles and apparels", "Pulp and paper", "Chemicals", "Pharmaceutical", "Oil and coal products",
    "Rubber products", "Glass and ceramics products", "Iron and steel", "Nonferrous metals", "Metal products",
    "Machinery", "Electric appliances", "Transportation equipment", "Precision instruments", "Other products",
}  # fmt: skip
COVARIATES = ["ln_parent", "ln_assets", "profitability", "ln_pay", "age", "manufacturing"]
# What rdrobust 2.1.1 for Python (numpy 2.4.6, pandas 3.1.1) gave with c = 300.5 and otherwise its defaults: p = 1,
# q = 2, triangular kernel, mserd, vce nn with 3 matches, regularised, masspoints adjust. Not computed here: h and b.
RDROBUST = {
    "support/rd_fdi_share": {
        "h": 155.89412947099925, "b": 203.89786389540953, "value": -0.01573249027514778, "se": 0.08852610519080804,
        "value_corrected": -0.018862004062669135, "se_robust": 0.11130355119223291,
        "ci_low": -0.23701295575085585, "ci_high": 0.19928894762551758, "n_left": 297, "n_right": 211,
    },
    "support/rd_parent_growth": {
        "h": 183.52904094065147, "b": 211.40896990687258, "value": -0.8034431622806419, "se": 0.6921337910722613,
        "value_corrected": -0.9459439837581471, "se_robust": 0.83422531918519,
        "ci_low": -2.5809955643525506, "ci_high": 0.6891075968362563, "n_left": 258, "n_right": 210,
    },
}  # fmt: skip
# rddensity 3.0 with c = 300.5 and its defaults (order 2, jackknife errors, bandwidths "each"); copied, not computed.
RDDENSITY = {
    "support/rd_fdi_share": {"t": -0.5393618870530257, "p": 0.5896371738915003, "bandwidth_below": 1033.1991548680694,
                             "below": 0.0011280760216397638, "above": 0.0010055946626046774},
    "support/rd_parent_growth": {"t": 0.5146245245519725, "p": 0.6068154241600965,
                                 "bandwidth_below": 395.92772516363453,
                                 "below": 0.001054352658457657, "above": 0.001200134610708126},
}  # fmt: skip
ORIGINS = {
    "wms": "numpy: OLS, HC1 by hand",
    "logit": "numpy: logit by Newton steps, delta method with the HC0 sandwich by hand",
    "barriers": "numpy: weights and arms by formula, logit by Newton steps, bootstrap over firms",
    "regression": "numpy: OLS, HC1 by hand",
    "rd": "numpy: weighted sums at the bandwidths of rdrobust 2.1.1, nearest-neighbour errors by hand",
    "sdid": "numpy: Frank-Wolfe as in R synthdid, by hand; error from every donor as a placebo, each fitted anew",
}


# ---------------------------------------------------------------------------------------------- logit
def logit(d: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, probabilities and inverse Hessian; Newton with step-halving; refuses separation."""
    scale = np.abs(z).max(axis=0)
    x, b, last = z / scale, np.zeros(z.shape[1]), -np.inf
    step = np.zeros_like(b)
    for _ in range(60):
        for _ in range(40):
            index = x @ (b + step)
            likelihood = d @ index - np.logaddexp(0, index).sum()
            if likelihood >= last - 1e-10 * abs(last):
                break
            step = step / 2
        else:
            raise ArithmeticError("logit: no step raises the likelihood")
        b, last, p = b + step, likelihood, 1 / (1 + np.exp(-index))
        if np.abs(index).max() > 30:
            raise ArithmeticError("logit: separation")
        hessian = x.T @ (x * (p * (1 - p))[:, None])
        step = np.linalg.solve(hessian, x.T @ (d - p))
        if np.abs(x @ step).max() < 1e-10:
            return b / scale, p, np.linalg.inv(hessian) / np.outer(scale, scale)
    raise ArithmeticError("logit: no convergence")


def average_effect(d: np.ndarray, z: np.ndarray) -> dict:
    """Average marginal effect of the first regressor: mean of p(1 − p) times its coefficient, delta method.

    `se` is from the HC0 sandwich, inverse Hessian · Σ score·score' · inverse Hessian; `se_hc1` has the factor n/(n − k)
    within; `se_hessian` is from the inverse Hessian alone, which holds if the logit is true.
    """
    b, p, variance = logit(d, z)
    slope, scores = p * (1 - p), z * (d - p)[:, None]
    gradient = b[0] * (z * (slope * (1 - 2 * p))[:, None]).mean(axis=0)
    gradient[0] += slope.mean()
    reach = variance @ gradient
    (n, k), se = z.shape, np.linalg.norm(scores @ reach)
    return {"value": float(slope.mean() * b[0]), "se": float(se), "n": n, "se_hc1": float(np.sqrt(n / (n - k)) * se),
            "se_hessian": float(np.sqrt(gradient @ reach)), "coefficient": float(b[0])}  # fmt: skip


def survey() -> dict[str, dict]:
    """World Management Survey: firms of Germany and Japan that are not foreign-owned."""
    raw, out = pd.read_csv(first.DATA / "firm_management.csv"), {}
    for country in ("Germany", "Japan"):
        own = raw[(raw["country"] == country) & (raw["mne_f"] == 0)]
        rows = own[["ln_employees", "mne_d"]].dropna()
        z = np.column_stack([rows["mne_d"], np.ones(len(rows))])
        premium = first.robust(rows["ln_employees"].to_numpy(), z)
        rows = own[["management", "ln_employees", "mne_d"]].dropna()
        z = np.column_stack([rows[["management", "ln_employees"]], np.ones(len(rows))])
        d = rows["mne_d"].to_numpy(float)
        out[f"wms/size_premium/{country}"] = {**premium, "origin": ORIGINS["wms"]}
        out[f"wms/lpm_management/{country}"] = {**first.robust(d, z), "origin": ORIGINS["wms"]}
        out[f"wms/logit_ame/{country}"] = {**average_effect(d, z), "origin": ORIGINS["logit"]}
    return out


# ---------------------------------------------------------------------------------------------- chapter 3
def long_difference_sample(panel: pd.DataFrame) -> pd.DataFrame:
    """Firms of J seen in 2017 and 2025 with calm growth of the parent: y, fdi and the covariates of 2017."""
    start, end = (panel[panel["year"] == year].set_index("edinet_code") for year in (2017, 2025))
    start = start.loc[start.index.intersection(end.index)]
    assets, pay = (start[name].where(start[name] > 0) for name in ("total_assets_yen", "average_pay_yen"))
    rows = pd.DataFrame({
        "y": 100 / 8 * (end["parent"].reindex(start.index) - start["parent"]),
        "fdi": start["fdi"].astype(float), "parent_employees": start["parent_employees"].astype(float),
        "ln_parent": start["parent"], "ln_assets": np.log(assets),
        "profitability": start["operating_income_yen"] / assets,
        "ln_pay": np.log(pay), "age": start["average_age"],
        "manufacturing": start["sector"].isin(MANUFACTURING).astype(float),
    })  # fmt: skip
    return rows[rows["y"].abs() < 25]


def raw_difference(y: np.ndarray, d: np.ndarray) -> dict:
    """Difference of means with Welch's standard error."""
    one, zero = y[d == 1], y[d == 0]
    se = np.sqrt(one.var(ddof=1) / len(one) + zero.var(ddof=1) / len(zero))
    return {"value": float(one.mean() - zero.mean()), "se": float(se), "n": len(y)}


def weighted_effects(y: np.ndarray, d: np.ndarray, x: np.ndarray) -> dict[str, float]:
    """Effect on the investors by normalised odds (Hirano, Imbens & Ridder 2003); AIPW (Robins, Rotnitzky & Zhao 1994).

    Also AIPW with weights normalised within arms, Kish's effective number of weighted controls, and the standard error
    of AIPW from its influence function. The logit is standardised: probabilities are those of the logit on `x`.
    """
    z = np.column_stack([np.ones(len(y)), (x - x.mean(axis=0)) / x.std(axis=0)])
    p, one, zero = logit(d, z)[1], d == 1, d == 0
    odds = p[zero] / (1 - p[zero])
    fits = [z @ np.linalg.lstsq(z[arm], y[arm], rcond=None)[0] for arm in (one, zero)]
    parts, weights = [one * (y - fits[0]), zero * (y - fits[1])], [one / p, zero / (1 - p)]
    score = fits[0] - fits[1] + parts[0] / p - parts[1] / (1 - p)
    normalised = [weight @ part / weight.sum() for weight, part in zip(weights, parts, strict=True)]
    return {
        "att": y[one].mean() - odds @ y[zero] / odds.sum(),
        "ate": score.mean(),
        "ate_normalised": (fits[0] - fits[1]).mean() + normalised[0] - normalised[1],
        "ess": odds.sum() ** 2 / (odds @ odds),
        "se_influence": score.std(ddof=1) / np.sqrt(len(y)),
        "p_low": p.min(),
        "p_high": p.max(),
    }


def barriers(sample: pd.DataFrame) -> dict[str, dict]:
    rows = sample.dropna(subset=COVARIATES)
    y, d, x = rows["y"].to_numpy(), rows["fdi"].to_numpy(), rows[COVARIATES].to_numpy(float)
    found, draws, failed, rng = weighted_effects(y, d, x), [], 0, np.random.default_rng(SEED)
    for _ in range(REPLICATIONS):
        drawn = rng.integers(0, len(y), len(y))
        try:
            again = weighted_effects(y[drawn], d[drawn], x[drawn])
            draws.append((again["att"], again["ate"], again["ate_normalised"]))
        except (ArithmeticError, np.linalg.LinAlgError):
            failed += 1
    se_att, se_ate, se_normalised = np.std(draws, axis=0, ddof=1)
    (low_att, low_ate, _), (high_att, high_ate, _) = np.quantile(draws, [0.025, 0.975], axis=0)
    common = {"n": len(y), "controls": int((d == 0).sum()), "failed": failed, "origin": ORIGINS["barriers"]}
    regressors = np.column_stack([d, x, np.ones(len(y))])
    everyone = raw_difference(sample["y"].to_numpy(), sample["fdi"].to_numpy())
    found = {key: float(value) for key, value in found.items()}
    return {
        "barriers/raw_difference/parent": {**everyone, "origin": ORIGINS["barriers"]},
        "barriers/raw_difference_complete/parent": {**raw_difference(y, d), "origin": ORIGINS["barriers"]},
        "barriers/regression/parent": {**first.robust(y, regressors), "origin": ORIGINS["regression"]},
        "barriers/ipw_att/parent": {
            "value": found["att"], "se": float(se_att), **common, "ci_low": float(low_att), "ci_high": float(high_att),
            **{key: found[key] for key in ("ess", "p_low", "p_high")},
        },
        "barriers/aipw_ate/parent": {
            "value": found["ate"], "se": float(se_ate), **common, "ci_low": float(low_ate), "ci_high": float(high_ate),
            "value_normalised": found["ate_normalised"], "se_normalised": float(se_normalised),
            "se_influence": found["se_influence"],
        },
    }  # fmt: skip


# ---------------------------------------------------------------------------------------------- discontinuity
def neighbour_residuals(x: np.ndarray, y: np.ndarray, matches: int = 3) -> np.ndarray:
    """√(J/(J+1)) (y − mean of the J nearest), J at least `matches`, ties included (Abadie & Imbens 2006)."""
    away = np.abs(x[:, None] - x[None, :])
    np.fill_diagonal(away, np.inf)
    near = away <= np.sort(away, axis=1)[:, [matches - 1]]
    count = near.sum(axis=1)
    return np.sqrt(count / (count + 1)) * (y - near @ y / count)


def limit(x: np.ndarray, y: np.ndarray, h: float, b: float) -> np.ndarray:
    """One side at its limit, x = 0: value, its variance, bias-corrected value, its variance, firms within h.

    A local linear fit is a weighted sum of y, and so is its bias, the local quadratic curvature times what the linear
    fit makes of x² (Calonico, Cattaneo & Titiunik 2014); the variances are sums of squared weights times residuals.
    """
    inside = np.abs(x) < max(h, b)
    x, y = x[inside], y[inside]
    sums = []
    for width, row, powers in ((h, 0, 2), (b, 2, 3)):
        kernel, z = np.clip(1 - np.abs(x) / width, 0, None), np.vander(x, powers, increasing=True)
        sums.append(np.linalg.solve(z.T @ (z * kernel[:, None]), (z * kernel[:, None]).T)[row])
    linear, corrected = sums[0], sums[0] - (sums[0] @ x**2) * sums[1]
    squares = neighbour_residuals(x, y) ** 2
    return np.array([linear @ y, linear**2 @ squares, corrected @ y, corrected**2 @ squares, (np.abs(x) < h).sum()])


def discontinuity(id_: str, x: np.ndarray, y: np.ndarray) -> dict:
    """Right limit minus left limit at the cut-off, at rdrobust's bandwidths; refuses another answer than rdrobust's.

    `n` counts the firms within the bandwidth, `firms` all that the bandwidth was chosen from.
    """
    known, x = RDROBUST[id_], x - CUTOFF
    left, right = (limit(x[side], y[side], known["h"], known["b"]) for side in (x < 0, x >= 0))
    value, corrected, se, robust = right[0] - left[0], right[2] - left[2], *np.sqrt((left + right)[[1, 3]])
    reach = stats.norm.ppf(0.975) * robust
    found = {"value": value, "se": se, "n": int(left[4] + right[4]), "firms": len(x), "h": known["h"], "b": known["b"],
             "ci_low": corrected - reach, "ci_high": corrected + reach, "n_left": int(left[4]),
             "n_right": int(right[4]), "left": left[0], "right": right[0], "value_corrected": corrected,
             "se_robust": robust}  # fmt: skip
    wrong = [key for key in known if not np.isclose(found[key], known[key], rtol=1e-8, atol=0)]
    if wrong:
        raise ArithmeticError(f"{id_}: not what rdrobust gave: {wrong}; run it anew if the data have changed")
    found = {key: part if isinstance(part, int) else float(part) for key, part in found.items()}
    return {**found, "density": RDDENSITY[id_], "origin": ORIGINS["rd"]}


def discontinuities(panel: pd.DataFrame, sample: pd.DataFrame) -> dict[str, dict]:
    entry = panel.groupby("edinet_code").head(1)  # the panel is sorted by firm and year
    samples = {"support/rd_fdi_share": entry[["parent_employees", "fdi"]], "support/rd_parent_growth":
               sample[["parent_employees", "y"]]}  # fmt: skip
    return {id_: discontinuity(id_, *rows.to_numpy(float).T) for id_, rows in samples.items()}


# ---------------------------------------------------------------------------------------------- synthetic DiD
def frank_wolfe(a: np.ndarray, b: np.ndarray, zeta: float, x: np.ndarray, stop: float, steps: int) -> np.ndarray:
    """Minimise |ax − b|²/rows + ζ²|x|² on the simplex: R synthdid's sc.weight.fw, written with cross-products."""
    gram, cross, level = a.T @ a + len(a) * zeta**2 * np.eye(a.shape[1]), a.T @ b, float(b @ b)
    x, product, own, own_cross = x.copy(), gram @ x, np.diag(gram).tolist(), cross.tolist()
    last, curved, crossed = np.inf, float(x @ product), float(cross @ x)
    for count in range(steps):
        best = int((product - cross).argmin())
        towards = float(product[best])
        slope, curve = towards - own_cross[best] - curved + crossed, own[best] - 2 * towards + curved
        if curve > 0:
            move = min(1.0, max(0.0, -slope / curve))
            x *= 1 - move
            x[best] += move
            product *= 1 - move
            product += move * gram[best]
        curved, crossed = float(x @ product), float(cross @ x)
        value = (curved - 2 * crossed + level) / len(a)
        if count and last - value <= stop**2:
            break
        last = value
    return x


def sparsified(x: np.ndarray) -> np.ndarray:
    x = np.where(x <= x.max() / 4, 0, x)
    return x / x.sum()


def simplex(a: np.ndarray, b: np.ndarray, zeta: float) -> np.ndarray:
    """The same minimum exactly: |Mx|² is least on the simplex where |Mu|² + (Σu − 1)² is least, with x = u/Σu."""
    m = np.vstack([(a - b[:, None]) / np.sqrt(len(a)), zeta * np.eye(a.shape[1])])
    m = np.vstack([m / np.abs(m).max(), np.ones(a.shape[1])])
    u = optimize.nnls(m, np.append(np.zeros(len(m) - 1), 1.0))[0]
    return u / u.sum()


def synthetic(donors: np.ndarray, treated: np.ndarray, before: int, begin=(None, None), noise=None) -> dict:
    """Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021), one treated unit: effect, and weights of units and years.

    `begin` and `noise` let a placebo start from weights and keep the penalty of the estimate, as R synthdid does.
    """
    if noise is None:
        noise = np.diff(donors[:, :before], axis=1).std(ddof=1)
    pre, path, post, stop = donors[:, :before], treated[:before], donors[:, before:].mean(axis=1), 1e-5 * noise
    units = (pre.T - pre.mean(axis=1), path - path.mean(), (donors.shape[1] - before) ** 0.25 * noise)
    years = (pre - pre.mean(axis=0), post - post.mean(), 1e-6 * noise)
    weights, exact = [], []
    for (a, b, zeta), x in zip((units, years), begin, strict=True):
        x = np.full(a.shape[1], 1 / a.shape[1]) if x is None else x
        x = sparsified(frank_wolfe(a, b, zeta, x, stop, 100))
        weights.append(frank_wolfe(a, b, zeta, x, stop, 10_000))
        exact.append(simplex(a, b, zeta))

    def effect(units: np.ndarray, years: np.ndarray) -> float:
        gap = treated - units @ donors
        return float(gap[before:].mean() - years @ gap[:before])

    found = {"value": effect(*weights), "weights": weights, "value_exact": effect(*exact), "exact": exact}
    return {**found, "noise": noise}


def donor_placebos(wide: pd.DataFrame) -> dict:
    """Japan against the donors, then each donor against the others: Algorithm 4 with one treated unit.

    `se` is from all donors, each fitted anew; `se_as_r` from all, with the penalty and the starting weights kept from
    Japan's fit, as R synthdid does; `se_random` from 200 of these drawn with replacement.
    """
    before = sum(year < TREATED_FROM for year in wide.columns)
    names, values = [iso3 for iso3 in wide.index if iso3 != "JPN"], wide.drop(index="JPN").to_numpy()
    found = synthetic(values, wide.loc["JPN"].to_numpy(), before)
    units, years = found["weights"]
    anew, kept, exact = [], [], []
    for i in range(len(names)):
        others = np.delete(units, i)
        others = others / others.sum() if others.sum() else np.full(len(others), 1 / len(others))
        rest = np.delete(values, i, axis=0)
        kept.append(synthetic(rest, values[i], before, (others, years), found["noise"])["value"])
        again = synthetic(rest, values[i], before)
        anew.append(again["value"])
        exact.append(again["value_exact"])
    chosen = np.random.default_rng(SEED).integers(0, len(names), PLACEBOS)
    return {
        "value": found["value"], "se": float(np.std(anew)), "n": int(wide.size), "donors": len(names),
        "se_as_r": float(np.std(kept)), "se_random": float(np.std(np.array(kept)[chosen])),
        "value_exact": found["value_exact"], "se_exact": float(np.std(exact)),
        "weights": {name: float(w) for name, w in zip(names, units, strict=True) if w > 0},
        "weights_exact": {name: float(w) for name, w in zip(names, found["exact"][0], strict=True) if w > 1e-9},
        "years": {str(year): float(w) for year, w in zip(wide.columns[:before], years, strict=True) if w > 0},
        "placebos": dict(zip(names, anew, strict=True)), "origin": ORIGINS["sdid"],
    }  # fmt: skip


def dated_earlier(wide: pd.DataFrame, first_year: int) -> dict:
    """The same from the years before the treatment alone, dated to one of them; p is the share of as large effects."""
    wide = wide[[year for year in wide.columns if year < TREATED_FROM]]
    before, donors = sum(year < first_year for year in wide.columns), wide.drop(index="JPN").to_numpy()
    value = synthetic(donors, wide.loc["JPN"].to_numpy(), before)["value"]
    placebos = np.array([synthetic(np.delete(donors, i, axis=0), row, before)["value"] for i, row in enumerate(donors)])
    return {"value": value, "se": float(np.std(placebos)), "n": int(wide.size), "donors": len(donors),
            "p": float((1 + (np.abs(placebos) >= abs(value)).sum()) / (1 + len(donors))), "origin": ORIGINS["sdid"]}


def synthetic_controls() -> dict[str, dict]:
    panel = pd.read_csv(first.DATA / "country_panel.csv")
    panel = panel[panel["conduit"] == 0]
    every = range(first.FIRST_YEAR, first.LAST_YEAR + 1)

    def grid(column: str) -> pd.DataFrame:
        return panel.pivot(index="iso3", columns="year", values=column).reindex(columns=every)

    outcomes = {
        "support/sdid_fdi": grid("fdi_out_pct_gdp"),
        "support/sdid_employment": 100 * np.log(grid("employment_pwt_millions")).diff(axis=1),
    }
    complete = {id_: wide[list(YEARS)].dropna() for id_, wide in outcomes.items()}
    return {
        **{id_: donor_placebos(wide) for id_, wide in complete.items()},
        **{f"{id_}_in_time_{end}": dated_earlier(complete[id_], year) for id_, (end, year) in EARLIER.items()},
    }


def estimates() -> dict[str, dict]:
    """Every id with value, se, n, origin and what else is known of it."""
    panel = first.firms()
    sample = long_difference_sample(panel)
    return {**survey(), **barriers(sample), **discontinuities(panel, sample), **synthetic_controls()}


if __name__ == "__main__":
    shown = estimates()
    if "--golden" not in sys.argv:
        shown = {key: {part: v for part, v in record.items() if part != "origin"} for key, record in shown.items()}
    print(json.dumps(shown, indent=1, ensure_ascii=False))
