* The book's headline regressions in Stata.
*
* NOT RUN BY OUR TESTS: no Stata was at hand where this book was made. The lines are written from Stata's and the
* packages' manuals. The samples that they read are made and tested in R; from the repository's folder,
*
*     Rscript replication/headlines.R data headlines.csv samples
*     do replication/headlines.do
*
* Compare with headlines.csv, or with results.json of the book's site: the comment above a line names its number.
* From SSC or the authors' pages: reghdfe, ftools, ppmlhdfe, boottest, xtscc, csdid, drdid, did_imputation, rdrobust,
* rddensity.
* Conventions that may differ: reghdfe drops firms seen once and counts the effects nested in clusters as the book
* does; vce(robust) after logit divides by nothing more, vce(cluster) multiplies by G/(G-1), where the book also takes
* (N-1)/(N-K); qreg estimates another density; teffects reports another error than the book's bootstrap.

version 17
set more off
local samples "samples"
global controls "population_growth fdi_in_lag gdp_growth_lag"

* ------------------------------------------------------------------------------------------ chapter 1: introduction
import delimited "`samples'/countries.csv", clear case(preserve)
encode iso3, generate(country)
xtset country year
* country/oecd38/pwt
reghdfe growth fdi_lag, absorb(country year) vce(cluster country)
* country/no_conduits/pwt
reghdfe growth fdi_lag if conduit == 0, absorb(country year) vce(cluster country)
* country/no_conduits_controls/pwt
reghdfe growth fdi_lag $controls if conduit == 0, absorb(country year) vce(cluster country)
* country/placebo_lead/pwt
reghdfe growth fdi_lead $controls if conduit == 0, absorb(country year) vce(cluster country)
* country/errors/two_way/pwt
reghdfe growth fdi_lag $controls if conduit == 0, absorb(country year) vce(cluster country year)
* country/errors/driscoll_kraay/pwt
xtscc growth fdi_lag $controls i.year if conduit == 0, fe lag(3)
* country/japan/growth_on_fdi
newey growth fdi_lag if iso3 == "JPN", lag(3)

import delimited "`samples'/europe.csv", clear case(preserve) stringcols(1 2)
egen country_year = group(country year)
egen industry_year = group(industry year)
egen country_industry = group(country industry)
* both/eu_industry/main
reghdfe home abroad, absorb(country_year industry_year) vce(cluster country_industry)

import delimited "`samples'/us.csv", clear case(preserve)
encode industry, generate(branch)
* both/us_parents/year, and primary/us_parents/p by all patterns of signs
regress home abroad i.year, vce(cluster branch)
boottest abroad, cluster(branch) reps(16384) weighttype(rademacher) nograph
* both/us_parents_hosts
regress home low_wage high_wage i.year, vce(cluster branch)

* ------------------------------------------------------------------------------------ chapter 2: the role of SMEs
import delimited "`samples'/jobs.csv", clear case(preserve)
encode edinet_code, generate(firm)
xtset firm year
* jobs/starters/lower, upper, worst
reghdfe lower post, absorb(firm year) vce(cluster firm)
reghdfe upper post, absorb(firm year) vce(cluster firm)
reghdfe worst post, absorb(firm year) vce(cluster firm)
* jobs/starters_levels/lower
generate jobs = round(exp(lower))
ppmlhdfe jobs post, absorb(firm year) vce(cluster firm)
* jobs/starters_cs/lower
generate cohort = cond(missing(first_fdi), 0, first_fdi)
csdid lower, ivar(firm) time(year) gvar(cohort) long2 agg(simple)
* imputation of the lower bound
did_imputation lower firm year first_fdi, cluster(firm) leaveoneout

import delimited "`samples'/starters.csv", clear case(preserve)
encode edinet_code, generate(firm)
* group/starters/all, le300
reghdfe ln_group post, absorb(firm year) vce(cluster firm)
reghdfe ln_group post if first_group <= 300, absorb(firm year) vce(cluster firm)

import delimited "`samples'/stoppers.csv", clear case(preserve)
encode edinet_code, generate(firm)
* group/stoppers/all
reghdfe ln_group post, absorb(firm year) vce(cluster firm)

import delimited "`samples'/exits.csv", clear case(preserve)
encode edinet_code, generate(firm)
* group/exit/all, in percentage points there
logit leaves i.post ln_group i.year, vce(cluster firm)
margins, dydx(post)

import delimited "`samples'/parents.csv", clear case(preserve)
encode edinet_code, generate(firm)
* firm/starters_share10/parent
reghdfe y post, absorb(firm year) vce(cluster firm)

import delimited "`samples'/long.csv", clear case(preserve)
encode sector, generate(branch)
* firm/longdiff/parent, group
regress parent fdi ln_parent0 i.branch, vce(robust)
regress group fdi ln_parent0 i.branch, vce(robust)
* firm/longdiff_median/parent
qreg parent fdi ln_parent0 i.branch, quantile(.5) vce(robust)

* ------------------------------------------------------------------------------------------ chapter 3: barriers
* barriers/raw_difference/parent
regress parent fdi, vce(hc2)
import delimited "`samples'/accounts.csv", clear case(preserve)
global accounts "ln_parent0 ln_assets profitability ln_pay average_age manufacturing"
* barriers/raw_difference_complete/parent
regress parent fdi, vce(hc2)
* barriers/regression/parent
regress parent fdi $accounts, vce(robust)
* barriers/ipw_att/parent, barriers/aipw_ate/parent
teffects ipw (parent) (fdi $accounts, logit), atet
teffects aipw (parent $accounts) (fdi $accounts, logit)

import delimited "`samples'/survey.csv", clear case(preserve)
encode country, generate(nation)
* wms/size_premium/Japan
regress ln_employees mne_d if country == "Japan", vce(robust)
* wms/lpm_management/Japan
regress mne_d management ln_employees if country == "Japan", vce(robust)
* wms/logit_management/Japan
logit mne_d management ln_employees if country == "Japan", vce(robust)
margins, dydx(management)
* wms/management_all_clustered
regress mne_d management ln_employees i.nation if !missing(ownership), vce(cluster nation)

import delimited "`samples'/risk_set.csv", clear case(preserve)
encode edinet_code, generate(firm)
* barriers/hazard, in percentage points there
logit starts ln_parent ln_assets profitability ln_pay average_age i.manufacturing i.year, vce(cluster firm)
margins, dydx(ln_parent ln_assets profitability ln_pay average_age manufacturing)

* ---------------------------------------------------------------------------------- chapter 4: support programmes
import delimited "`samples'/long.csv", clear case(preserve)
* support/rd_parent_growth, support/rd_parent_growth_corrected/chosen
rdrobust parent parent_employees, c(300.5)
rddensity parent_employees, c(300.5)

import delimited "`samples'/jobs_by_limit.csv", clear case(preserve)
encode edinet_code, generate(firm)
* support/eligible_lower/within, outside; their difference
reghdfe y post_within post_outside, absorb(firm year) vce(cluster firm)
lincom post_within - post_outside
