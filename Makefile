# Two commands do everything on a machine with Python (3.11 to 3.14) and make:
#   make book   builds the site and says where it is      make test   passes its tests
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PORT   ?= 8000
# Small matrices: one thread is faster than two that wait for each other, and sums in one order.
export OPENBLAS_NUM_THREADS ?= 1
export OMP_NUM_THREADS ?= 1
# Also where it is set: tests are compiled, with what their assertions say, once and not by every worker in every run.
unexport PYTHONDONTWRITEBYTECODE

# An environment that is only half there, or that came with a clone of another name, is made anew.
SOUND := $(shell test "$$(cat $(VENV)/home 2>/dev/null)" = "$(CURDIR)" && \
  $(BIN)/python -c "import pip, goingglobal.sphinx" >/dev/null 2>&1 && echo yes || rm -f $(STAMP))

.PHONY: refresh book test proofs quick slides pdf epub lite serve watch lab exercises assignment grade outputs anywhere address bench \
  twice pictures check data lock golden public edition version links same clean help

book: $(STAMP)  ## build the site
	@$(BIN)/python -m goingglobal.sphinx.build

test: $(STAMP)  ## build the site if need be, then run the tests of all that `make book` makes
	@$(BIN)/python -m goingglobal.sphinx.build
	@$(BIN)/python -m pytest -q -m "not (environments or outputs or proof)" -n 2 --dist loadfile --no-loadscope-reorder
	@echo "left out: what is slow to prove, such as the build itself (make proofs); the PDF, the EPUB and the site for the browser" \
	  "(make outputs); new environments (make anywhere)"

proofs: $(STAMP)  ## slow proofs: what an edit changes, what a disturbed build leaves, 500 odd panels, other engines (2 minutes)
	@$(BIN)/python -m pytest -q -m proof -n 2 --dist loadfile --no-loadscope-reorder

outputs: $(STAMP)  ## make the PDF, the EPUB and the site for the browser, and test them (minutes)
	@$(BIN)/python -m goingglobal.sphinx.build
	@$(BIN)/python -m pytest -q -m outputs -n 3 --dist loadfile --no-loadscope-reorder

# Without site, browser and slow tests: what can be wrong in a text, a cell, a table, a sample, a number's path.
QUICK := tests/test_rooms.py tests/data/test_claims.py tests/samples tests/showing tests/estimates/test_models.py \
  tests/estimates/test_answers.py tests/own/test_check.py tests/book tests/sphinx/reading/test_wording.py

quick: check  ## half a minute, no build: style, spelling, notebooks, data as sealed, prose, rooms, ledger, samples, models
	@$(BIN)/python -m pytest -q -m "not (site or browser or slow or outputs or environments or proof)" -n 2 $(QUICK)

slides: book  ## a deck of slides for each chapter, each one file: _build/html/slides
	@ls _build/html/slides/*.html

pdf: book  ## the whole book as one PDF (needs Chromium): _build/paper
	@$(BIN)/python -m goingglobal.sphinx.taking.paper pdf

epub: $(STAMP)  ## the whole book as an EPUB: _build/paper
	@$(BIN)/python -m goingglobal.sphinx.taking.paper epub

lite: $(STAMP)  ## the site with Python in the reader's browser (JupyterLite); its program is about 20 MB
	@$(BIN)/python -m goingglobal.sphinx.elsewhere.lite

serve: $(STAMP)  ## build the site and serve it on this machine; another port: PORT=8001
	@$(BIN)/python -m goingglobal.sphinx.serve $(PORT)

watch: $(STAMP)  ## build on every save and reload the page in the browser
	@$(BIN)/python -m goingglobal.sphinx.watch $(PORT)

lab: $(STAMP)  ## the notebooks to read, run and change, in JupyterLab: my-notebooks (your changes stay)
	@$(BIN)/python -m goingglobal.sphinx.elsewhere.lab

exercises: $(STAMP)  ## make the students' notebooks in book/exercises from the chapters
	@$(BIN)/python -m goingglobal.sphinx.teaching.students

assignment: $(STAMP)  ## exercises as nbgrader's assignments, with hidden tests and solutions: classes; CHAPTER=barriers
	@$(BIN)/python -m goingglobal.sphinx.teaching.assignments $(CHAPTER) --hidden "$(HIDDEN)"

grade: $(STAMP)  ## marks and feedback for SUBMISSIONS=folder, each run in a sandbox: classes/marks.csv, classes/feedback
	@test -n "$(SUBMISSIONS)" || { echo "error: say which: make grade SUBMISSIONS=folder" >&2; exit 1; }
	@$(BIN)/python -m goingglobal.sphinx.teaching.marking "$(SUBMISSIONS)" $(if $(CHAPTER),--assignment "$(CHAPTER)") \
	  --limit $(LIMIT) --memory $(MEMORY) --sandbox $(SANDBOX)

bench: $(STAMP)  ## timings, memory and page weights as JSON; KEEP=1 keeps them in the repository
	@$(BIN)/python tests/bench.py

twice: clean book  ## build twice from nothing and compare the two sites byte by byte
	@$(BIN)/python tests/twice.py

pictures: book  ## screenshots of every page, light, dark, narrow and printed, to look at: _build/pictures
	@$(BIN)/python tests/pictures.py

check: $(STAMP)  ## style, spelling, notebooks without outputs, data as sealed
	@$(BIN)/python tests/tidy.py

anywhere: $(STAMP)  ## notebooks in new environments, numbers in R, the browser's own Python (minutes; what lacks is named)
	@$(BIN)/python -m pytest -q -m environments

address: $(STAMP)  ## maintainers: notebooks' first cells, after a change of `repository: url` in _config.yml
	@$(BIN)/python -m goingglobal.sphinx.elsewhere.launch

data: $(STAMP)  ## maintainers: make the tables again from their sources, which must be as recorded
	@$(BIN)/python data/build/build.py --sources $(SOURCES)

refresh: $(STAMP)  ## newer data from the publishers, as candidates with a report; ACCEPT=table takes one over
	@$(BIN)/python -m goingglobal.refresh $(SOURCE) $(if $(ACCEPT),--accept "$(ACCEPT)")

lock: $(STAMP)  ## maintainers: pins for what pyproject.toml says, others stay; UPGRADE="pandas seaborn" or UPGRADE=all
	@$(BIN)/python tests/lock.py $(UPGRADE)

golden: book  ## maintainers: freeze numbers anew after a change of data; estimates where both routes agree
	@$(BIN)/python tests/estimates/refresh_golden.py
	@$(BIN)/python tests/estimates/test_frozen.py

public: $(STAMP)  ## maintainers: all that is put on the web, with the editions of _build/editions: _build/public
	@$(BIN)/python -m goingglobal.sphinx.publishing.public

edition: $(STAMP)  ## maintainers: this tagged version, archived in _build/editions to be kept at a path of its own
	@$(BIN)/python -m goingglobal.sphinx.publishing.public edition

version: $(STAMP)  ## maintainers: one version in all files that name it; VERSION=0.2.0, DATE=2026-11-22 (else today)
	@$(BIN)/python -m goingglobal.sphinx.publishing.versions set $(VERSION) $(DATE)

links: $(STAMP)  ## maintainers: whether links that lead off the site still lead somewhere (needs the network)
	@$(BIN)/python -m goingglobal.sphinx.publishing.outward

same: $(STAMP)  ## maintainers: this build's numbers against those of the published site
	@test -n "$$GOINGGLOBAL_SITE" || { echo "error: set GOINGGLOBAL_SITE=https://host/path/, the published site" >&2; exit 1; }
	@$(BIN)/python -m goingglobal.sphinx.publishing.compare "$${GOINGGLOBAL_SITE%/}/results.json"

clean:  ## remove what was built; the environment stays
	rm -rf _build

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/'

SOURCES ?= ../shared
HIDDEN  ?= book/hidden
# What a submission may take: seconds for a cell, GiB of memory; SANDBOX=none where it is trusted.
LIMIT   ?= 120
MEMORY  ?= 4
SANDBOX ?= bwrap

# The lock's own uv installs the rest (seconds instead of minutes); pip does where uv can't. Modules are compiled
# here once: where PYTHONDONTWRITEBYTECODE is set, every import would compile them again.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c "import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 14) else \
	  f'error: Python 3.11 to 3.14 is needed, this is {v[0]}.{v[1]}; choose one with: make PYTHON=python3.12 book')"
	@echo "setting up $(VENV) from requirements.lock (once) ..."
	@test "$$(cat $(VENV)/home 2>/dev/null)" = "$(CURDIR)" && $(BIN)/python -c "import pip" >/dev/null 2>&1 \
	  || $(PYTHON) -m venv --clear $(VENV)
	@echo "$(CURDIR)" > $(VENV)/home
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
