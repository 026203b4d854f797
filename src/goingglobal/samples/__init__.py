"""The named samples and treatment definitions: who is a conduit, who is a starter.

Each function takes a table from `load` and returns a new DataFrame whose
`attrs["sample"]` says in words what it holds. Definitions are those of the book's
appendix on methods; none is changed by an option without the name showing it.

`countries`   yearly changes of the OECD's countries, and the donors of a synthetic Japan
`firms`       Japanese listed firms and their groups; firms of the World Management Survey
`jobs`        jobs in Japan, bounded; starters and stoppers among all who file
`industries`  Japan's industries; Germany by size class, at home and abroad; both sides counted, Europe and the US
`published`   figures that others have published, by size, by year and by question
`studies`     findings of the literature
`support`     sectors where both kinds of firms are, starters with accounts, growth of jobs by firm
"""

from goingglobal.samples.common import SampleError
from goingglobal.samples.countries import country_changes, donor_panel
from goingglobal.samples.firms import (
    COVARIATES,
    JUMP_LIMIT,
    MANUFACTURING,
    MIN_FDI_SHARE,
    OWN_COLUMNS,
    SIZE_LIMITS,
    UNCLEAR_LIMIT,
    event_window,
    first_years,
    group_long_differences,
    investors,
    is_manufacturing,
    long_differences,
    management,
    risk_set,
    sample_j,
    size_limit,
    specification_panel,
    starter_covariates,
    starters,
    trim_jumps,
)
from goingglobal.samples.industries import (
    both_sides_europe,
    both_sides_us,
    home_and_abroad,
    industry_panel,
    low_pay_hosts,
    staff_by_host,
)
from goingglobal.samples.jobs import (
    BOUNDS,
    MIN_TREATED,
    PARENT,
    PATH,
    YEN,
    YEN_FALL,
    all_filers,
    at_most,
    eligible,
    exits,
    false_starts,
    group_starters,
    group_stoppers,
    growth_before,
    jobs_in_japan,
    parents_staff,
    with_firms,
    yen_exposure,
)
from goingglobal.samples.published import (
    BARRIERS,
    EMPLOYEE_FACTS,
    PROGRAMMES,
    TURNOVER_FACTS,
    barrier_surveys,
    employee_bands,
    official_series,
    programmes,
    turnover_bands,
)
from goingglobal.samples.studies import DESTINATIONS, METHODS, SIGNS, findings, study_names, votes
from goingglobal.samples.support import (
    group_with_accounts,
    jobs_by_limit,
    jobs_growth,
    jobs_with_accounts,
    shared_sectors,
)

__all__ = [
    "BARRIERS", "BOUNDS", "COVARIATES", "DESTINATIONS", "EMPLOYEE_FACTS", "JUMP_LIMIT", "MANUFACTURING", "METHODS",
    "MIN_FDI_SHARE", "MIN_TREATED", "OWN_COLUMNS", "PARENT", "PATH", "PROGRAMMES", "SIGNS", "SIZE_LIMITS",
    "TURNOVER_FACTS", "UNCLEAR_LIMIT", "YEN", "YEN_FALL", "SampleError", "all_filers", "at_most", "barrier_surveys",
    "both_sides_europe", "both_sides_us", "country_changes", "donor_panel", "eligible", "employee_bands",
    "event_window", "exits", "false_starts", "findings", "first_years", "group_long_differences", "group_starters",
    "group_stoppers", "group_with_accounts", "growth_before", "home_and_abroad", "industry_panel", "investors",
    "is_manufacturing", "jobs_by_limit", "jobs_growth", "jobs_in_japan", "jobs_with_accounts", "long_differences",
    "low_pay_hosts", "management", "official_series", "parents_staff", "programmes", "risk_set", "sample_j",
    "shared_sectors", "size_limit", "specification_panel", "staff_by_host", "starter_covariates", "starters",
    "study_names", "trim_jumps", "turnover_bands", "votes", "with_firms", "yen_exposure",
]
