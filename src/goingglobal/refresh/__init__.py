"""Newer vintages of the book's tables, from their publishers, as candidates that a person may take over.

    python -m goingglobal.refresh                        # ask every source, report what is newer
    python -m goingglobal.refresh worldbank ilo          # only these
    python -m goingglobal.refresh --accept country_panel # take a candidate over: a person's word

`fetching`     one client for all services: keeps what it has, resumes, waits as it is asked to
`sources`      World Bank, ILOSTAT, Eurostat, BEA: what is asked, how an answer is read and what is refused
`candidates`   source files as the build reads them, and from these the tables, by the same code and checks
`effects`      what a candidate does to the book: results with intervals, sentences, frozen values
`report`       all of it as Markdown, page and JSON
`accepting`    a candidate becomes the sealed table

Works in a checkout of the repository; the book and `import goingglobal` need nothing of it.
"""
