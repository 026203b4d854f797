# Two commands do everything on a machine with Python (3.11 to 3.14) and make:
#   make book   builds the site and says where it is      make test   passes the tests
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

.PHONY: book test quick slides pdf epub lite serve watch lab exercises assignment grade anywhere address bench twice \
  pictures check data lock golden clean help

book: $(STAMP)  ## build the site
	@$(BIN)/python -m goingglobal.sphinx.build

test: $(STAMP)  ## build the site if need be, then run the tests
	@$(BIN)/python -m goingglobal.sphinx.build
	@$(BIN)/python -m pytest -q -m "not environments" -n 4 --dist loadfile --no-loadscope-reorder

# Without site, browser and slow tests: what can be wrong in a text, a cell, a table, a sample, a number's path.
QUICK := tests/test_rooms.py tests/data/test_claims.py tests/samples tests/showing tests/estimates/test_models.py \
  tests/estimates/test_answers.py tests/own/test_check.py tests/book

quick: check  ## half a minute, no build: style, spelling, notebooks, data as sealed, prose, rooms, ledger, samples, models
	@$(BIN)/python -m pytest -q -m "not (site or browser or slow or environments)" -n 2 $(QUICK)

slides: book  ## a deck of slides for each chapter, each one file: _build/html/slides
	@ls _build/html/slides/*.html

pdf: book  ## the whole book as one PDF (needs Chromium): _build/paper
	@$(BIN)/python -m goingglobal.sphinx.taking.paper pdf

epub: $(STAMP)  ## the whole book as an EPUB: _build/paper
	@$(BIN)/python -m goingglobal.sphinx.taking.paper epub

lite: $(STAMP)  ## the site with Python in the reader's browser (JupyterLite); its program is about 20 MB
	@$(BIN)/python -m goingglobal.sphinx.elsewhere.lite

serve: book  ## build the site and serve it on this machine
	@echo "http://localhost:$(PORT)/  (Ctrl-C ends it)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

watch: $(STAMP)  ## build on every save and reload the page in the browser
	@$(BIN)/python -m goingglobal.sphinx.watch $(PORT)

lab: $(STAMP)  ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab $$(test "$$(id -u)" != 0 || echo --allow-root) book

exercises: $(STAMP)  ## make the students' notebooks in book/exercises from the chapters
	@$(BIN)/python -m goingglobal.sphinx.teaching.students

assignment: $(STAMP)  ## exercises as nbgrader's assignments, with hidden tests and solutions: classes; CHAPTER=barriers
	@$(BIN)/python -m goingglobal.sphinx.teaching.assignments $(CHAPTER) --hidden "$(HIDDEN)"

grade: $(STAMP)  ## marks and feedback for SUBMISSIONS=folder, each run in a sandbox: classes/marks.csv, classes/feedback
	@test -n "$(SUBMISSIONS)" || { echo "error: say which: make grade SUBMISSIONS=folder" >&2; exit 1; }
	@$(BIN)/python -m goingglobal.sphinx.teaching.marking "$(SUBMISSIONS)" $(if $(CHAPTER),--assignment "$(CHAPTER)") \
	  --limit $(LIMIT) --memory $(MEMORY) --sandbox $(SANDBOX)

bench: $(STAMP)  ## timings and page weights as JSON; writes nothing in the repository
	@$(BIN)/python tests/bench.py

twice: clean book  ## build twice from nothing and compare the two sites byte by byte
	@$(BIN)/python tests/twice.py

pictures: book  ## screenshots of every page, light, dark, narrow and printed, to look at: _build/pictures
	@$(BIN)/python tests/pictures.py

check: $(STAMP)  ## style, spelling, notebooks without outputs, data as sealed
	@$(BIN)/ruff check . && $(BIN)/codespell
	@$(BIN)/nbstripout --verify --keep-id book/*.ipynb book/*/*.ipynb
	@$(BIN)/python -m goingglobal.data check

anywhere: $(STAMP)  ## run the notebooks in new environments: lowest and newest Python, and Pyodide's versions (minutes)
	@$(BIN)/python -m pytest -q -m environments

address: $(STAMP)  ## maintainers: notebooks' first cells, after a change of `repository: url` in _config.yml
	@$(BIN)/python -m goingglobal.sphinx.elsewhere.launch

data: $(STAMP)  ## maintainers: make the tables again from their sources, which must be as recorded
	@$(BIN)/python data/build/build.py --sources $(SOURCES)

lock: $(STAMP)  ## maintainers: pins for what pyproject.toml says, others stay; UPGRADE="pandas seaborn" or UPGRADE=all
	@grep -o '^[^ ]*==[^ ;]*' requirements.lock > $(VENV)/pins
	@for name in $$UPGRADE; do test "$$name" = all \
	  || cut -d= -f1 $(VENV)/pins | grep -qixF -- "$$(echo "$$name" | sed 's/[_.]/-/g')" \
	  || { echo "error: UPGRADE=$$name: requirements.lock has no pin of that name; expected are names of packages in" \
	  "it, with blanks between them, or all (a new package needs its line in pyproject.toml alone)" >&2; exit 1; }; done
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --all-extras $(UPGRADES) pyproject.toml -o requirements.lock
	@grep -o '^[^ ]*==[^ ;]*' requirements.lock | diff $(VENV)/pins - | grep '^[<>]' \
	  || echo "requirements.lock: every pin stays"

golden: book  ## maintainers: freeze numbers anew after a change of data; estimates where both routes agree
	@$(BIN)/python tests/estimates/refresh_golden.py
	@PYTHONPATH=tests $(BIN)/python tests/estimates/test_frozen.py

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
# Without UPGRADE, uv keeps every pin of the lock that still fits.
export UPGRADE
UPGRADES = $(if $(filter all,$(UPGRADE)),--upgrade,$(foreach name,$(UPGRADE),--upgrade-package '$(name)'))

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
