"""Hidden tests of the third chapter's exercises."""

import statsmodels.formula.api as smf

from goingglobal import samples, teaching


def exercise_group_ladder(sectors, firms):
    rows = samples.long_differences(firms)
    fit = smf.ols("group ~ fdi + ln_parent0 + C(sector)", rows).fit(cov_type="HC1", use_t=True)
    teaching.close(sectors.se, fit.bse["fdi"], "`sectors` is right, its error is not robust: `cov_type=\"HC1\"`.")
