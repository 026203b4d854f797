"""Hidden tests of the introduction's exercises: the error is the one that the chapter's tables show."""

import pyfixest as pf

from goingglobal import samples, teaching


def exercise_same_year(now, countries, controls):
    rows = samples.country_changes(countries, "pwt", conduits=False)
    formula = " + ".join(["growth ~ fdi_now", *controls])
    fit = pf.feols(f"{formula} | iso3 + year", rows, vcov={"CRV1": "iso3"})
    teaching.close(now.se, fit.se()["fdi_now"], "The coefficient is right, its error is not: cluster it by country.")


def exercise_two_years(two_years, ahead, controls):
    formula = " + ".join(["growth ~ fdi_in_two", *controls])
    fit = pf.feols(f"{formula} | iso3 + year", ahead, vcov={"CRV1": "iso3"})
    words = "The coefficient is right, its error is not: cluster it by country."
    teaching.close(two_years.se, fit.se()["fdi_in_two"], words)
