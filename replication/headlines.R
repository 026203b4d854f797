# The book's headline numbers in R, from the CSV files up: a second program that shares nothing with the first.
#
#   Rscript replication/headlines.R                      # data in ../data beside this file; writes headlines.csv here
#   Rscript replication/headlines.R DATA OUT.csv         # or the folder of the CSV files, and the file to write
#   Rscript replication/headlines.R DATA OUT.csv SAMPLES # and the samples, a CSV each, as headlines.do wants them
#
# Needs R 4.1 or newer and the packages sandwich, lmtest, plm and quantreg (in Debian: r-cran-sandwich and so on).
# OUT.csv has a line per number: id, value, se, n, and `compared`, which says what agrees with results.json of the book's
# site: "all" to a millionth; "value" alone, where the error is drawn at random; "roughly", where several solutions fit
# equally well. At the end the script prints where R's own defaults make other errors, and by how much. The samples come
# first, one function each; then the estimators; then one line per number.

for (package in c("sandwich", "lmtest", "plm", "quantreg")) {
  if (!requireNamespace(package, quietly = TRUE)) {
    stop("the package ", package, " is missing: install.packages(\"", package, "\")", call. = FALSE)
  }
}
suppressPackageStartupMessages({
  library(sandwich)
  library(lmtest)
  library(plm)
})
options(warn = 2)  # a warning is an error: nothing is dropped or rounded in silence

arguments <- commandArgs(trailingOnly = TRUE)
script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
folder <- if (length(arguments) >= 1) arguments[1] else file.path(dirname(script), "..", "data")
target <- if (length(arguments) >= 2) arguments[2] else "headlines.csv"
samples <- if (length(arguments) >= 3) arguments[3] else NULL

# ------------------------------------------------------------------------------------------------------------ data
# An empty cell is a missing value; the letters NA are Namibia's code, and stay what they are.
read <- function(table, columns, key) {
  file <- file.path(folder, paste0(table, ".csv"))
  if (!file.exists(file)) {
    stop(file, " is not there: name the folder of the book's CSV files, Rscript headlines.R DATA", call. = FALSE)
  }
  rows <- read.csv(file, na.strings = "", stringsAsFactors = FALSE, fileEncoding = "UTF-8")
  missing <- setdiff(c(key, columns), names(rows))
  if (length(missing)) {
    stop(file, ": no column ", missing[1], "; take the table as the book has it", call. = FALSE)
  }
  for (column in columns) {
    wrong <- which(!is.na(rows[[column]]) & is.na(suppressWarnings(as.numeric(rows[[column]]))))
    if (length(wrong)) {
      stop(file, ", row ", wrong[1] + 1, ", column ", column, ": \"", rows[[column]][wrong[1]],
           "\" is no number; take the table as the book has it", call. = FALSE)
    }
    rows[[column]] <- as.numeric(rows[[column]])
  }
  twice <- which(duplicated(rows[key]))
  if (length(twice)) {
    stop(file, ", row ", twice[1] + 1, ": ", paste(key, collapse = ", "), " stand there twice; remove one row",
         call. = FALSE)
  }
  rows[do.call(order, rows[key]), ]
}

# ---------------------------------------------------------------------------------------------------------- samples
# A value per unit, spread over the unit's rows.
by_unit <- function(value, unit, f) ave(value, unit, FUN = f)

# Rows of units that are seen more than once: a unit seen once says nothing beside its own effect.
seen_again <- function(rows, unit = "edinet_code") rows[table(rows[[unit]])[rows[[unit]]] > 1, ]

# A value `shift` years later (earlier where negative) in the same unit, by calendar year and not by row.
at <- function(value, unit, year, shift) value[match(paste(unit, year + shift), paste(unit, year))]

# Sample J: listed in 2026, never under IFRS, with a headcount of the group in the year.
sample_j <- function(firms) {
  rows <- firms[firms$ifrs_ever == 0 & firms$listed == 1 & !is.na(firms$group_employees), ]
  rows$ln_parent <- log(rows$parent_employees)
  rows$ln_group <- log(rows$group_employees)
  rows
}

# Sample A: everyone who files under Japanese standards, 2016 to 2025, group headcount and FDI known.
all_filers <- function(groups) {
  known <- !is.na(groups$fdi) & !is.na(groups$group_employees) & groups$group_employees > 0
  rows <- groups[groups$ifrs_ever == 0 & known & groups$year >= 2016 & groups$year <= 2025, ]
  rows$y <- rows$ln_group <- log(rows$group_employees)
  rows$first_group <- by_unit(rows$group_employees, rows$edinet_code, function(x) x[1])
  rows
}

# What each firm's history of FDI makes it. A starter's first year with FDI comes after its first year here, and it has
# FDI in four fifths of its years from then on; a stopper is the reverse; others never, or always, have FDI.
histories <- function(rows) {
  firm <- rows$edinet_code
  abroad <- rows$fdi == 1
  first <- by_unit(rows$year, firm, min)
  last <- by_unit(rows$year, firm, max)
  rows$first_fdi <- by_unit(ifelse(abroad, rows$year, Inf), firm, min)
  rows$last_fdi <- by_unit(ifelse(abroad, rows$year, -Inf), firm, max)
  share <- function(inside) by_unit(inside * abroad, firm, sum) / by_unit(inside * 1, firm, sum)
  since <- share(rows$year >= rows$first_fdi)
  until <- share(rows$year <= rows$last_fdi)
  rows$never <- is.infinite(rows$first_fdi)
  rows$always <- by_unit(abroad * 1, firm, min) == 1
  rows$starter <- !rows$never & rows$first_fdi > first & since >= 0.8
  rows$stopper <- !rows$never & rows$first_fdi == first & rows$last_fdi < last & until >= 0.8
  rows
}

# Starters and never-investors of J, the parent's headcount the outcome.
starters <- function(firms) {
  rows <- histories(sample_j(firms))
  rows <- rows[rows$starter | rows$never, ]
  rows$post <- as.numeric(rows$starter & rows$year >= rows$first_fdi)
  rows$y <- rows$ln_parent
  rows
}

# Jobs in Japan of the starters and never-investors of J, bounded. Left out are firms whose filings show FDI before the
# start that J dates, or although J knows of none.
jobs_in_japan <- function(firms, groups, bound) {
  rows <- starters(firms)
  filed <- all_filers(groups)
  abroad <- tapply(filed$year[filed$fdi == 1], filed$edinet_code[filed$fdi == 1], min)
  earlier <- abroad[rows$edinet_code]
  rows <- rows[is.na(earlier) | (rows$starter & earlier >= rows$first_fdi), ]
  parent <- rows$parent_employees
  group <- rows$group_employees
  before <- rows$year < rows$first_fdi
  last_before <- by_unit(ifelse(before, rows$year, -Inf), rows$edinet_code, max)
  domestic <- (group - parent)[match(paste(rows$edinet_code, last_before), paste(rows$edinet_code, rows$year))]
  after <- switch(bound, upper = group, worst = parent, lower = parent + pmin(group - parent, domestic))
  rows$y <- log(ifelse(rows$post == 1, after, group))
  rows$first_group <- by_unit(group, rows$edinet_code, function(x) x[1])
  rows
}

# Starters and never-investors among all who file; stoppers and those always abroad.
group_starters <- function(groups) {
  rows <- histories(all_filers(groups))
  rows <- rows[rows$starter | rows$never, ]
  rows$post <- as.numeric(rows$starter & rows$year >= rows$first_fdi)
  rows
}
group_stoppers <- function(groups) {
  rows <- histories(all_filers(groups))
  rows <- rows[rows$stopper | rows$always, ]
  rows$post <- as.numeric(rows$stopper & rows$year > rows$last_fdi)
  rows
}

# Firm-years in which a filer can leave the filings, up to 2024; `leaves` is one in the year of the last report.
exits <- function(rows, groups) {
  last <- tapply(groups$year, groups$edinet_code, max)
  rows <- rows[rows$year < 2025, ]
  rows$leaves <- as.numeric(rows$year == last[rows$edinet_code])
  rows
}

# Employees up to which the SME Basic Act calls a firm of the sector an SME; missing where the law's line is unclear.
size_limit <- function(sector) {
  limit <- ifelse(sector %in% c("Wholesale trade", "Services"), 100, ifelse(sector == "Retail trade", 50, 300))
  ifelse(sector == "Information and communication", NA, limit)
}

# `post` split by whether the firm was within its sector's limit in its first year.
split_by_limit <- function(rows, within) {
  rows <- rows[!is.na(within), ]
  within <- within[!is.na(within)]
  rows$post_within <- rows$post * within
  rows$post_outside <- rows$post * (1 - within)
  rows
}
eligible <- function(rows, firms) {
  sector <- firms$sector[match(rows$edinet_code, firms$edinet_code)]
  split_by_limit(rows, as.numeric(rows$first_group <= size_limit(sector)))
}
jobs_by_limit <- function(rows) {
  first_parent <- by_unit(rows$parent_employees, rows$edinet_code, function(x) x[1])
  split_by_limit(rows, as.numeric(first_parent <= size_limit(rows$sector)))
}

# Growth of J's firms from 2017 to 2025, points a year; without leaps of the parent of 25 points a year or more.
manufacturing <- c("Chemicals", "Electric appliances", "Foods", "Glass and ceramics products", "Iron and steel",
                   "Machinery", "Metal products", "Nonferrous metals", "Oil and coal products", "Other products",
                   "Pharmaceutical", "Precision instruments", "Pulp and paper", "Rubber products",
                   "Textiles and apparels", "Transportation equipment")
long_differences <- function(firms) {
  rows <- sample_j(firms)
  start <- rows[rows$year == 2017, ]
  end <- rows[rows$year == 2025, ]
  start <- start[start$edinet_code %in% end$edinet_code, ]
  end <- end[match(start$edinet_code, end$edinet_code), ]
  start$parent <- 100 / 8 * (end$ln_parent - start$ln_parent)
  start$group <- 100 / 8 * (end$ln_group - start$ln_group)
  start[abs(start$parent) < 25, ]
}

# The same firms with complete accounts of 2017. Banks report no operating income and drop out.
investors <- function(firms) with_accounts(long_differences(firms))
with_accounts <- function(rows) {
  rows$ln_assets <- log(rows$total_assets_yen)
  rows$ln_pay <- log(rows$average_pay_yen)
  rows$profitability <- rows$operating_income_yen / rows$total_assets_yen
  rows$manufacturing <- as.numeric(rows$sector %in% manufacturing)
  rows[complete.cases(rows[c("ln_assets", "ln_pay", "profitability", "average_age")]), ]
}

# Firm-years at risk of starting FDI, with the accounts of the year seen before, each in standard deviations.
risk_set <- function(firms) {
  rows <- histories(sample_j(firms))
  rows$ln_assets <- log(rows$total_assets_yen)
  rows$ln_pay <- log(rows$average_pay_yen)
  rows$profitability <- pmin(pmax(rows$operating_income_yen / rows$total_assets_yen, -0.5), 0.5)
  rows$manufacturing <- as.numeric(rows$sector %in% manufacturing)
  accounts <- c("ln_parent", "ln_assets", "profitability", "ln_pay", "average_age")
  same_firm <- c(FALSE, rows$edinet_code[-1] == rows$edinet_code[-nrow(rows)])
  before <- rows[c(NA, seq_len(nrow(rows) - 1)), accounts]
  rows[accounts] <- before
  rows$starts <- as.numeric(rows$year == rows$first_fdi)
  at_risk <- rows$never | (rows$starter & rows$year <= rows$first_fdi)
  rows <- rows[same_firm & at_risk & complete.cases(before), ]
  rows[accounts] <- lapply(rows[accounts], function(x) x / sd(x))
  rows
}

# Jobs at home and staff abroad of the same country and industry of Europe, yearly log changes 2010 to 2015.
both_sides_europe <- function(table) {
  rows <- table[table$host == "WORLD" & !table$industry %in% c("C", "B-S_X_O") & table$year <= 2015, ]
  rows$country_industry <- paste(rows$country, rows$industry)
  breaks <- by_unit(rows$series_break, rows$country_industry, cumsum)
  before <- match(paste(rows$country_industry, rows$year - 1), paste(rows$country_industry, rows$year))
  change <- function(x) {
    x[!is.na(x) & x <= 0] <- NA
    log(x) - log(x)[before]
  }
  rows$home <- change(rows$employed_home_thousands)
  rows$abroad <- change(rows$employees_abroad)
  keep <- !is.na(rows$home) & !is.na(rows$abroad) & breaks == breaks[before] &
    rows$employees_abroad[before] >= 1000 & abs(rows$abroad) < 0.7 & abs(rows$home) < 0.3
  rows <- rows[which(keep), ]
  rows$country_year <- paste(rows$country, rows$year)
  rows$industry_year <- paste(rows$industry, rows$year)
  repeat {  # a row alone in an effect says nothing, and another may be alone without it
    whole <- nrow(rows)
    rows <- seen_again(seen_again(rows, "country_year"), "industry_year")
    if (nrow(rows) == whole) return(rows)
  }
}

# Staff of US parents and of their affiliates, yearly log changes by industry; affiliates also by the host's pay.
both_sides_us <- function(table) {
  rows <- table[table$year >= 2009, ]
  total <- rows[rows$year == 2009 & rows$industry == "All industries", ]
  pay <- total$compensation_musd / total$employees_thousands
  affiliates <- total$side == "affiliates" & total$host != "All countries" & !is.na(pay)
  low <- setNames(pay[affiliates] < 0.5 * pay[total$side == "parents"], total$host[affiliates])
  rows <- rows[!rows$industry %in% c("All industries", "Manufacturing"), ]
  cell <- function(rows, shift) paste(rows$side, rows$host, rows$industry, rows$year + shift)
  rows$before <- rows$employees_thousands[match(cell(rows, -1), cell(rows, 0))]
  change <- function(rows) {
    rows <- rows[!is.na(rows$employees_thousands) & !is.na(rows$before), ]
    sums <- aggregate(cbind(employees_thousands, before) ~ industry + year, rows, sum)
    data.frame(sums[c("industry", "year")], change = log(sums$employees_thousands / sums$before))
  }
  world <- rows$host == "All countries"
  parts <- list(home = rows[world & rows$side == "parents", ], abroad = rows[world & rows$side == "affiliates", ])
  hosts <- rows[rows$side == "affiliates" & rows$host %in% names(low), ]
  parts$low_wage <- hosts[low[hosts$host], ]
  parts$high_wage <- hosts[!low[hosts$host], ]
  changes <- lapply(names(parts), function(name) setNames(change(parts[[name]]), c("industry", "year", name)))
  Reduce(function(one, other) merge(one, other, by = c("industry", "year")), changes)
}

# Country-years with growth of employment, last year's and next year's FDI, and last year's controls.
country_changes <- function(panel, employment, conduits) {
  rows <- panel[conduits | panel$conduit == 0, ]
  lead <- function(value, shift) at(value, rows$iso3, rows$year, shift)
  jobs <- log(rows[[employment]])
  people <- log(rows$population_15_64)
  rows$growth <- 100 * (jobs - lead(jobs, -1))
  rows$fdi_lag <- lead(rows$fdi_out_pct_gdp, -1)
  rows$fdi_lead <- lead(rows$fdi_out_pct_gdp, 1)
  rows$population_growth <- 100 * (people - lead(people, -1))
  rows$fdi_in_lag <- lead(rows$fdi_in_pct_gdp, -1)
  rows$gdp_growth_lag <- lead(rows$gdp_growth_pct, -1)
  rows
}

# World Management Survey: firms that are not foreign-owned, of one country or of all, their owner stated or not.
management <- function(table, country = NULL, owner_stated = FALSE) {
  rows <- table[table$mne_f == 0 & (!owner_stated | !is.na(table$ownership)), ]
  if (is.null(country)) rows else rows[rows$country == country, ]
}

# ------------------------------------------------------------------------------------------------------- estimators
found <- list()
say <- function(id, value, se = NA, n = NA, compared = "all", convention = "the same", default = NA) {
  found[[length(found) + 1]] <<- data.frame(id, value = unname(value), se = unname(se), n, compared, convention,
                                            ratio = unname(default / se))
}

# Two-way fixed effects by plm. The book's CR1 counts as coefficients the slopes, the years and a constant, as the
# firms' effects are nested in the clusters; plm's own "sss" counts the slopes alone.
two_way <- function(formula, rows, ...) {
  terms <- c(...)
  fit <- plm(formula, rows, index = c("edinet_code", "year"), model = "within", effect = "twoways")
  n <- nobs(fit)
  firms <- length(unique(rows$edinet_code))
  k <- length(coef(fit)) + length(unique(rows$year))
  plain <- vcovHC(fit, method = "arellano", type = "HC0", cluster = "group")
  cr1 <- plain * firms / (firms - 1) * (n - 1) / (n - k)
  sss <- vcovHC(fit, method = "arellano", type = "sss", cluster = "group")
  for (term in names(terms)) {
    say(terms[[term]], coef(fit)[term], sqrt(cr1[term, term]), n, convention = "plm: years not counted",
        default = sqrt(sss[term, term]))
  }
  invisible(list(value = coef(fit), se = sqrt(diag(cr1)), p = 2 * pt(-abs(coef(fit) / sqrt(diag(cr1))), firms - 1)))
}

# Least squares with dummies and clustered errors. The book's K counts every dummy, also those that others imply; but
# of `nested` effects, those of the clusters themselves, none. vcovCL counts what lm could estimate.
clustered <- function(id, formula, rows, term, cluster, nested = NULL) {
  fit <- lm(formula, rows)
  used <- rows[names(residuals(fit)), ]
  n <- nobs(fit)
  k <- length(coef(fit)) - if (is.null(nested)) 0 else length(unique(used[[nested]])) - 1
  default <- vcovCL(fit, cluster = used[[cluster]], type = "HC1")[term, term]
  variance <- default * (n - fit$rank) / (n - k)
  convention <- if (!is.null(nested)) "vcovCL: nested effects count" else
    if (k == fit$rank) "the same" else "vcovCL: dummies that others imply don't count"
  say(id, coef(fit)[term], sqrt(variance), n, convention = convention, default = sqrt(default))
  groups <- length(unique(used[[cluster]]))
  invisible(list(fit = fit, p = 2 * pt(-abs(coef(fit)[term] / sqrt(variance)), groups - 1)))
}

# Errors for one country over time: neighbouring years alike, up to three years apart.
newey_west <- function(id, formula, rows, term) {
  fit <- lm(formula, rows)
  table <- coeftest(fit, vcov = NeweyWest(fit, lag = 3, prewhite = FALSE, adjust = TRUE))
  say(id, table[term, "Estimate"], table[term, "Std. Error"], nobs(fit))
}

# The same coefficient with countries of one year alike, too: clusters of both, and Driscoll and Kraay. In the book the
# effects of the first are nested in its clusters and don't count; of the second, all do.
other_errors <- function(ids, formula, rows, term) {
  dummies <- update(formula, . ~ . + factor(iso3) + factor(year))
  fit <- lm(dummies, rows)
  n <- nobs(fit)
  k <- length(all.vars(formula))  # the regressors and a constant
  groups <- min(length(unique(rows$iso3)), length(unique(rows$year)))
  plain <- vcovCL(fit, cluster = rows[c("iso3", "year")], type = "HC0", cadjust = FALSE)[term, term]
  default <- vcovCL(fit, cluster = rows[c("iso3", "year")])[term, term]
  say(ids[1], coef(fit)[term], sqrt(plain * groups / (groups - 1) * (n - 1) / (n - k)), n,
      convention = "vcovCL, two ways: nested effects count", default = sqrt(default))
  within <- plm(formula, rows, index = c("iso3", "year"), model = "within", effect = "twoways")
  plain <- vcovSCC(within, type = "HC0", maxlag = 3)[term, term]
  years <- length(unique(rows$year))
  say(ids[2], coef(within)[term], sqrt(plain * years / (years - 1) * (n - 1) / (n - fit$rank)), n,
      convention = "vcovSCC: no small-sample factor", default = sqrt(plain))
}

# Headcounts themselves, not their logs: Poisson pseudo-maximum likelihood with the same effects.
poisson_levels <- function(id, rows) {
  rows$jobs <- round(exp(rows$y))
  fit <- glm(jobs ~ post + factor(edinet_code) + factor(year), poisson, rows, control = glm.control(1e-12, 100))
  n <- nobs(fit)
  k <- 1 + length(unique(rows$year))
  default <- vcovCL(fit, cluster = rows$edinet_code, type = "HC1")["post", "post"]
  say(id, coef(fit)["post"], sqrt(default * (n - length(coef(fit))) / (n - k)), n,
      convention = "vcovCL: nested effects count", default = sqrt(default))
}

# Least squares with errors that allow each firm its own scatter.
robust <- function(id, formula, rows, term, type = "HC1") {
  fit <- lm(formula, rows)
  table <- coeftest(fit, vcov = vcovHC(fit, type = type))
  say(id, table[term, "Estimate"], table[term, "Std. Error"], nobs(fit))
}

# Logit; average marginal effects with the delta method, of steps from zero to one for dummies.
marginal <- function(formula, rows, ..., cluster = NULL, times = 1) {
  terms <- c(...)
  fit <- glm(formula, binomial, rows, control = glm.control(epsilon = 1e-12, maxit = 100))
  variance <- if (is.null(cluster)) sandwich(fit) else vcovCL(fit, cluster = rows[[cluster]], type = "HC1")
  x <- model.matrix(fit)
  for (term in names(terms)) {
    if (all(x[, term] %in% 0:1)) {
      one <- zero <- x
      one[, term] <- 1
      zero[, term] <- 0
      up <- plogis(drop(one %*% coef(fit)))
      down <- plogis(drop(zero %*% coef(fit)))
      value <- mean(up - down)
      gradient <- colMeans(up * (1 - up) * one - down * (1 - down) * zero)
    } else {
      p <- fitted(fit)
      value <- mean(p * (1 - p)) * coef(fit)[term]
      gradient <- colMeans(p * (1 - p) * (1 - 2 * p) * x) * coef(fit)[term]
      gradient[term] <- gradient[term] + mean(p * (1 - p))
    }
    say(terms[[term]], times * value, times * sqrt(drop(gradient %*% variance %*% gradient)), nobs(fit))
  }
}

# The effect on investors with others weighted by their odds. The book's error is a bootstrap; R would draw others.
weighted_att <- function(id, outcome, rows, covariates) {
  fit <- glm(reformulate(covariates, "fdi"), binomial, rows, control = glm.control(epsilon = 1e-12, maxit = 100))
  odds <- fitted(fit) / (1 - fitted(fit))
  stay <- rows$fdi == 0
  value <- mean(rows[[outcome]][!stay]) - weighted.mean(rows[[outcome]][stay], odds[stay])
  say(id, value, NA, nrow(rows), "value", "bootstrap: other draws")
}

# The p-value of the wild cluster bootstrap where all patterns of signs can be run: half of them, the rest mirrors them.
wild_p <- function(formula, null, rows, term, cluster) {
  x <- model.matrix(formula, rows)
  restricted <- lm(null, rows)
  group <- match(rows[[cluster]], unique(rows[[cluster]]))
  groups <- max(group)
  inverse <- solve(crossprod(x))
  column <- which(colnames(x) == term)
  pull <- drop(x %*% inverse[, column])  # the coefficient is the sum of pull times outcome
  signs <- as.matrix(expand.grid(c(list(1), rep(list(c(-1, 1)), groups - 1))))
  outcomes <- rbind(model.response(model.frame(formula, rows)),
                    sweep(signs[, group] %*% diag(residuals(restricted)), 2, fitted(restricted), "+"))
  value <- drop(outcomes %*% pull)
  left <- outcomes - outcomes %*% x %*% inverse %*% t(x)
  scores <- t(rowsum(t(sweep(left, 2, pull, "*")), group))
  size <- abs(value) / sqrt(rowSums(scores^2))  # t but for a factor that all patterns share
  mean(size[-1] >= size[1] * (1 - 1e-10))
}

# The interval of Imbens and Manski for an effect that lies between two estimates.
bounds_interval <- function(lower, upper, se_lower, se_upper) {
  apart <- (upper - lower) / max(se_lower, se_upper)
  c <- uniroot(function(c) pnorm(c + apart) - pnorm(-c) - 0.95, c(0, 3), tol = 1e-12)$root
  c(low = lower - c * se_lower, high = upper + c * se_upper)
}

# Callaway and Sant'Anna: never-investors as controls, the year before the start as the base, firms seen in both years
# of a cell; cells weighted by their starters. The error sums squared influences, that of the cohorts' shares included.
callaway_santanna <- function(id, rows) {
  firms <- unique(rows$edinet_code)
  years <- sort(unique(rows$year))
  y <- matrix(NA, length(firms), length(years), dimnames = list(firms, years))
  y[cbind(match(rows$edinet_code, firms), match(rows$year, years))] <- rows$y
  start <- ifelse(rows$never, Inf, rows$first_fdi)[match(firms, rows$edinet_code)]
  cells <- expand.grid(year = years, cohort = sort(unique(start[is.finite(start)])))
  cells <- cells[cells$year >= cells$cohort & (cells$cohort - 1) %in% years, ]
  parts <- Map(function(year, cohort) {
    change <- y[, as.character(year)] - y[, as.character(cohort - 1)]
    one <- !is.na(change) & start == cohort
    other <- !is.na(change) & is.infinite(start)
    influence <- ifelse(one, (change - mean(change[one])) / sum(one),
                        ifelse(other, -(change - mean(change[other])) / sum(other), 0))
    list(effect = mean(change[one]) - mean(change[other]), starters = sum(one), influence = influence)
  }, cells$year, cells$cohort)
  there <- vapply(parts, function(part) part$starters > 0, TRUE)
  parts <- parts[there]
  effect <- vapply(parts, `[[`, 0, "effect")
  weight <- vapply(parts, function(part) part$starters * 1, 0)
  weight <- weight / sum(weight)
  member <- outer(start, cells$cohort[there], "==")
  share <- colMeans(member)
  away <- sweep(member, 2, share)
  shares <- (drop(away %*% effect) - rowSums(away) * sum(share * effect) / sum(share)) / sum(share)
  influence <- drop(vapply(parts, `[[`, start, "influence") %*% weight) + shares / length(firms)
  say(id, sum(weight * effect), sqrt(sum(influence^2)), nrow(rows))
}

# Imputation: effects of firms and years from untreated rows alone, then the mean excess of treated rows. The error is
# the conservative one of Borusyak, Jaravel and Spiess: effects averaged by cohort, a firm left out of its own mean.
imputation <- function(id, rows) {
  treated <- rows$post == 1
  fit <- lm(y ~ factor(edinet_code) + factor(year), rows[!treated, ])
  excess <- rows$y - predict(fit, rows)
  z <- model.matrix(delete.response(terms(fit)), rows, xlev = fit$xlevels)
  weight <- treated / sum(treated)
  pull <- z[!treated, ] %*% solve(crossprod(z[!treated, ]), crossprod(z[treated, ], weight[treated]))
  left <- tapply(pull * excess[!treated], rows$edinet_code[!treated], sum)  # of untreated rows, by firm
  held <- tapply(weight, rows$edinet_code, sum)
  effect <- tapply(weight * excess, rows$edinet_code, sum)
  cohort <- rows$first_fdi[match(names(held), rows$edinet_code)]
  whole <- ave(held^2, cohort, FUN = sum)
  mean <- ave(held * effect, cohort, FUN = sum) / whole
  others <- whole - held^2  # of the cohort without the firm: none where it is the only one
  own <- ifelse(held > 0 & others > 1e-12 * whole, (effect - mean * held) * whole / others, 0)
  say(id, sum(effect), sqrt(sum((own - left[names(held)])^2)), nrow(rows))
}

# One side of the cut-off: a line's limit, the same less its bias by a parabola, and both variances from the three
# nearest neighbours. The bandwidths h and b are given: rdrobust chose them, and R's core has no package that would.
limit <- function(x, y, h, b) {
  inside <- abs(x) < max(h, b)
  x <- x[inside]
  y <- y[inside]
  sums <- function(width, powers, row) {
    z <- outer(x, 0:powers, "^")
    kernel <- pmax(1 - abs(x) / width, 0)
    solve(crossprod(z, z * kernel), t(z * kernel))[row, ]
  }
  line <- sums(h, 1, 1)
  corrected <- line - sum(line * x^2) * sums(b, 2, 3)
  away <- abs(outer(x, x, "-"))
  diag(away) <- Inf
  near <- away <= apply(away, 1, function(distance) sort(distance)[3])
  squares <- rowSums(near) / (rowSums(near) + 1) * (y - drop(near %*% y) / rowSums(near))^2
  c(sum(line * y), sum(line^2 * squares), sum(corrected * y), sum(corrected^2 * squares), sum(abs(x) < h))
}
discontinuity <- function(ids, y, x, h, b, cutoff = 300.5, times = 1) {
  sides <- lapply(list(x > cutoff, x < cutoff), function(side) limit((x - cutoff)[side], y[side], h, b))
  jump <- times * (sides[[1]] - sides[[2]])[c(1, 3)]
  se <- times * sqrt((sides[[1]] + sides[[2]])[c(2, 4)])
  n <- sides[[1]][5] + sides[[2]][5]
  for (which in seq_along(ids)) say(ids[which], jump[which], se[which], n, convention = "bandwidth given")
}

# ---------------------------------------------------------------------------------------------------------- numbers
firms <- read("firm_panel", c("parent_employees", "group_employees", "average_pay_yen", "average_age",
                              "operating_income_yen", "total_assets_yen", "fdi", "ifrs_ever", "listed"),
              c("edinet_code", "year"))
groups <- read("group_panel", c("group_employees", "fdi", "ifrs_ever"), c("edinet_code", "year"))
countries <- read("country_panel", c("conduit", "fdi_out_pct_gdp", "fdi_in_pct_gdp", "gdp_growth_pct",
                                     "population_15_64", "employment_pwt_millions", "employment_ilo_thousands"),
                  c("iso3", "year"))
europe <- read("affiliates_europe", c("employees_abroad", "employed_home_thousands", "series_break"),
               c("country", "industry", "host", "year"))
us <- read("us_multinationals", c("employees_thousands", "compensation_musd"),
           c("side", "industry", "host", "year"))
survey <- read("firm_management", c("management", "ln_employees", "mne_f", "mne_d"), "row")

# Chapter 1: countries, Europe's industries, American parents
for (source in c("pwt", "ilo")) {
  employment <- c(pwt = "employment_pwt_millions", ilo = "employment_ilo_thousands")[[source]]
  country <- function(name, formula, term, conduits) {
    rows <- country_changes(countries, employment, conduits)
    rows <- rows[complete.cases(rows[all.vars(formula)]), ]
    clustered(paste0("country/", name, "/", source), formula, rows, term, "iso3", nested = "iso3")
  }
  country("oecd38", growth ~ fdi_lag + factor(iso3) + factor(year), "fdi_lag", TRUE)
  country("no_conduits", growth ~ fdi_lag + factor(iso3) + factor(year), "fdi_lag", FALSE)
  country("no_conduits_controls", growth ~ fdi_lag + population_growth + fdi_in_lag + gdp_growth_lag +
    factor(iso3) + factor(year), "fdi_lag", FALSE)
  country("placebo_lead", growth ~ fdi_lead + population_growth + fdi_in_lag + gdp_growth_lag +
    factor(iso3) + factor(year), "fdi_lead", FALSE)
}
controls <- growth ~ fdi_lag + population_growth + fdi_in_lag + gdp_growth_lag
rows <- country_changes(countries, "employment_pwt_millions", FALSE)
rows <- rows[complete.cases(rows[all.vars(controls)]), ]
other_errors(c("country/errors/two_way/pwt", "country/errors/driscoll_kraay/pwt"), controls, rows, "fdi_lag")
rows <- country_changes(countries, "employment_pwt_millions", FALSE)
newey_west("country/japan/growth_on_fdi", growth ~ fdi_lag, rows[rows$iso3 == "JPN", ], "fdi_lag")
newey_west("country/germany/growth_on_fdi", growth ~ fdi_lag, rows[rows$iso3 == "DEU", ], "fdi_lag")
industries <- both_sides_europe(europe)
eu <- clustered("both/eu_industry/main", home ~ abroad + factor(country_year) + factor(industry_year), industries,
                "abroad", "country_industry")
parents <- both_sides_us(us)
clustered("both/us_parents/year", home ~ abroad + factor(year), parents, "abroad", "industry")
for (host in c("low_wage", "high_wage")) {
  clustered(paste0("both/us_parents_hosts/", host), home ~ low_wage + high_wage + factor(year), parents, host,
            "industry")
}

# Chapter 2: starters, stoppers, long differences
lower <- seen_again(jobs_in_japan(firms, groups, "lower"))
upper <- seen_again(jobs_in_japan(firms, groups, "upper"))
worst <- seen_again(jobs_in_japan(firms, groups, "worst"))
at_least <- two_way(y ~ post, lower, post = "jobs/starters/lower")
at_most <- two_way(y ~ post, upper, post = "jobs/starters/upper")
two_way(y ~ post, worst, post = "jobs/starters/worst")
interval <- bounds_interval(at_least$value, at_most$value, at_least$se, at_most$se)
say("jobs/starters/interval_low", interval[1])
say("jobs/starters/interval_high", interval[2])
poisson_levels("jobs/starters_levels/lower", lower)
poisson_levels("jobs/starters_levels/upper", upper)
callaway_santanna("jobs/starters_cs/lower", jobs_in_japan(firms, groups, "lower"))
callaway_santanna("jobs/starters_cs/upper", jobs_in_japan(firms, groups, "upper"))
begun <- group_starters(groups)
small <- two_way(y ~ post, seen_again(begun[begun$first_group <= 300, ]), post = "group/starters/le300")
two_way(y ~ post, seen_again(begun), post = "group/starters/all")
ended <- two_way(y ~ post, seen_again(group_stoppers(groups)), post = "group/stoppers/all")
marginal(leaves ~ post + ln_group + factor(year), exits(begun, groups), post = "group/exit/all",
         cluster = "edinet_code", times = 100)
parent <- starters(firms)
share <- parent$parent_employees / parent$group_employees
parent <- parent[by_unit(share, parent$edinet_code, function(x) x[1]) >= 0.1, ]
two_way(y ~ post, seen_again(parent), post = "firm/starters_share10/parent")
imputation("imputation/jobs/lower", lower)
long <- long_differences(firms)
for (who in c("parent", "group")) {
  formula <- reformulate(c("fdi", "log(parent_employees)", "sector"), who)
  robust(paste0("firm/longdiff/", who), formula, long, "fdi")
  median <- quantreg::rq(formula, 0.5, long, method = "fn")
  say(paste0("firm/longdiff_median/", who), coef(median)["fdi"], NA, nrow(long), "roughly",
      "rq: several slopes fit equally well")
}

# Chapter 3: those who were abroad already, the survey of management, who starts
account <- investors(firms)
account$ln_parent0 <- account$ln_parent
covariates <- c("ln_parent0", "ln_assets", "profitability", "ln_pay", "average_age", "manufacturing")
robust("barriers/raw_difference/parent", parent ~ fdi, long, "fdi", "HC2")
robust("barriers/raw_difference_complete/parent", parent ~ fdi, account, "fdi", "HC2")
robust("barriers/sectors/parent", parent ~ fdi + log(parent_employees) + sector, long, "fdi")
robust("barriers/regression/parent", reformulate(c("fdi", covariates), "parent"), account, "fdi")
for (who in c("parent", "group")) weighted_att(paste0("barriers/ipw_att/", who), who, account, covariates)
account$ln_group0 <- account$ln_group
weighted_att("barriers/spec/group_size/ipw_att/parent", "parent", account, c(covariates, "ln_group0"))
for (country in c("Germany", "Japan")) {
  rows <- management(survey, country)
  robust(paste0("wms/size_premium/", country), ln_employees ~ mne_d, rows, "mne_d")
  robust(paste0("wms/lpm_management/", country), mne_d ~ management + ln_employees, rows, "management")
  marginal(mne_d ~ management + ln_employees, rows, management = paste0("wms/logit_management/", country))
}
every <- management(survey, owner_stated = TRUE)
robust("wms/management_all", mne_d ~ management + ln_employees + country, every, "management")
clustered("wms/management_all_clustered", mne_d ~ management + ln_employees + country, every, "management", "country")
accounts <- c("ln_parent", "ln_assets", "profitability", "ln_pay", "average_age", "manufacturing")
do.call(marginal, c(list(reformulate(c(accounts, "factor(year)"), "starts"), risk_set(firms), cluster = "edinet_code",
                         times = 100), setNames(paste0("barriers/hazard/", accounts), accounts)))

# Chapter 4: the limit of three hundred, and those within it
first <- sample_j(firms)
first <- first[!duplicated(first$edinet_code), ]
discontinuity("support/rd_fdi_share", first$fdi, first$parent_employees, 155.89412947099925, 203.89786389540953,
              times = 100)
discontinuity(c("support/rd_parent_growth", "support/rd_parent_growth_corrected/chosen"), long$parent,
              long$parent_employees, 183.52904094065147, 211.40896990687258)
split <- seen_again(eligible(begun, firms))
two_way(y ~ post_within + post_outside, split, post_within = "support/eligible/within",
        post_outside = "support/eligible/outside")
two_way(y ~ post_within + post, split, post_within = "support/eligible/difference")
split <- seen_again(jobs_by_limit(jobs_in_japan(firms, groups, "lower")))
two_way(y ~ post_within + post_outside, split, post_within = "support/eligible_lower/within",
        post_outside = "support/eligible_lower/outside")

# Conclusion: six estimates named beforehand, and Holm's method for there being six
p_parents <- wild_p(home ~ abroad + factor(year), home ~ factor(year), parents, "abroad", "industry")
p <- c(jobs_lower = at_least$p, jobs_upper = at_most$p, small_groups = small$p, groups_that_stop = ended$p,
       us_parents = p_parents, eu_industries = eu$p)
names(p) <- sub("[.].*", "", names(p))
holm <- p.adjust(p, method = "holm")
for (name in names(p)) {
  say(paste0("primary/", name, "/p"), p[name])
  say(paste0("primary/", name, "/holm"), holm[name])
}

# ----------------------------------------------------------------------------------------------------------- output
found <- do.call(rbind, found)
part <- paste0(target, ".part")
write.csv(format(found[c("id", "value", "se", "n", "compared")], digits = 15, trim = TRUE), part, row.names = FALSE,
          quote = FALSE)
if (!file.rename(part, target)) stop(target, " can't be written", call. = FALSE)

if (!is.null(samples)) {
  dir.create(samples, showWarnings = FALSE)
  keep <- function(name, rows, columns) {
    write.csv(rows[columns], file.path(samples, paste0(name, ".csv")), row.names = FALSE, na = "")
  }
  jobs <- data.frame(lower[c("edinet_code", "year", "post", "first_fdi", "ln_parent")], lower = lower$y,
                     upper = upper$y, worst = worst$y)
  jobs$first_fdi[is.infinite(jobs$first_fdi)] <- NA
  keep("jobs", jobs, names(jobs))
  keep("jobs_by_limit", split, c("edinet_code", "year", "y", "post", "post_within", "post_outside"))
  filers <- seen_again(begun)
  keep("starters", filers, c("edinet_code", "year", "ln_group", "post", "first_group"))
  keep("stoppers", seen_again(group_stoppers(groups)), c("edinet_code", "year", "ln_group", "post", "first_group"))
  keep("exits", exits(begun, groups), c("edinet_code", "year", "leaves", "post", "ln_group"))
  keep("parents", seen_again(parent), c("edinet_code", "year", "y", "post"))
  long$ln_parent0 <- long$ln_parent
  keep("long", long, c("edinet_code", "sector", "fdi", "parent", "group", "ln_parent0", "parent_employees"))
  keep("accounts", account, c("edinet_code", "fdi", "parent", "group", covariates, "ln_group0"))
  keep("risk_set", risk_set(firms), c("edinet_code", "year", "starts", accounts))
  country <- country_changes(countries, "employment_pwt_millions", TRUE)
  keep("countries", country, c("iso3", "year", "conduit", "growth", "fdi_lead", all.vars(controls)[-1]))
  keep("europe", industries, c("country", "industry", "year", "home", "abroad"))
  keep("us", parents, c("industry", "year", "home", "abroad", "low_wage", "high_wage"))
  keep("survey", management(survey), c("country", "mne_d", "management", "ln_employees", "ownership"))
}

cat(nrow(found), " numbers in ", target, "\n\n", sep = "")
cat("Errors by R's own default, over those of the book and of this file:\n")
for (convention in unique(found$convention)) {
  ratio <- found$ratio[found$convention == convention]
  range <- if (all(is.na(ratio))) "no default to compare" else
    paste(format(range(ratio, na.rm = TRUE), digits = 4), collapse = " to ")
  cat(sprintf("  %-46s %3d lines   %s\n", convention, length(ratio), range))
}
