"""Hidden tests of the second chapter's exercises: errors by firm, from the firms that the answers name."""

import pyfixest as pf

from goingglobal import samples, teaching


def exercise_strict(strict, effect):
    twice = strict[strict.duplicated("edinet_code", keep=False)]
    fit = pf.feols("y ~ post | edinet_code + year", twice, vcov={"CRV1": "edinet_code"})
    teaching.close(effect.se, fit.se()["post"], "The effect is right, its error is not: cluster it by firm.")


def exercise_one_firm(firm, without, firms):
    every = samples.starters(firms)
    rest = every[every["edinet_code"] != firm]
    twice = rest[rest.duplicated("edinet_code", keep=False)]
    fit = pf.feols("y ~ post | edinet_code + year", twice, vcov={"CRV1": "edinet_code"})
    teaching.close(without.se, fit.se()["post"], "The effect is right, its error is not: cluster it by firm.")
