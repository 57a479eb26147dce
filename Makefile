# `make` alone lists the targets. Nothing is needed beforehand but Python 3.11 or newer and make;
# Node with npm and Chromium for the tests that drive clients and browsers.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Tried in this order, each by running it: a name on the path may be a shim of a Python that is not
# there. `make PYTHON=…` takes that one.
PYTHON ?=
PYTHONS := $(or $(PYTHON),python3.14 python3.13 python3.12 python3.11 python3 python)
USABLE := import ensurepip, sqlite3, ssl, sys, venv; sys.exit(sys.version_info < (3, 11))

VENV := .venv
BIN := $(VENV)/bin
TYPED := realtime schema.py functions
PACKAGES := tests/clients examples/react-chat

# Options for the server, pytest and the benchmarks: `make test ARGS="-k recovery -x"`.
ARGS ?=

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z.][a-z._-]*:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: .venv ## Serve the chat app with demo data on http://127.0.0.1:3210
	$(BIN)/realtime dev --run seed:demo $(ARGS)

.PHONY: .venv
.venv: $(VENV)/installed ## Set up the virtual environment, nothing else

$(VENV)/installed: requirements.lock pyproject.toml
	@python=$$(for candidate in $(PYTHONS); do \
	    if "$$candidate" -c '$(USABLE)' >/dev/null 2>&1; then echo "$$candidate"; break; fi; \
	  done); \
	if [ -z "$$python" ]; then \
	  echo "No usable Python 3.11 or newer found (tried: $(PYTHONS));" \
	    "it needs the modules venv, ensurepip, sqlite3 and ssl" >&2; \
	  exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv --clear $(VENV)
	$(BIN)/python -m pip install -qq --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install -qq --disable-pip-version-check \
	  --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: node_modules
node_modules: ## Install the npm packages of client tests and examples, if npm is there
	@if ! command -v npm >/dev/null; then \
	  echo "npm is not installed: tests that need Node will be skipped"; exit; \
	fi; \
	for folder in $(PACKAGES); do \
	  if [ ! $$folder/node_modules/.package-lock.json -nt $$folder/package-lock.json ]; then \
	    npm ci --prefix $$folder --ignore-scripts --no-audit --no-fund --loglevel=error; \
	    touch $$folder/node_modules/.package-lock.json; \
	  fi; \
	done

.PHONY: test
test: .venv node_modules ## Run the whole test suite
	$(BIN)/python -m pytest $(ARGS)

.PHONY: seeds
seeds: .venv ## Run the property tests for a long time, with new seeds
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -m hypothesis $(ARGS)

.PHONY: breakages
breakages: .venv node_modules ## Break each promise by one line and see that a test notices
	$(BIN)/python -m tests.breakages $(ARGS)

.PHONY: coverage
coverage: .venv ## Check that every branch of database/ and sync/ is covered
	$(BIN)/coverage run -m pytest -q tests/unit/database tests/unit/sync
	$(BIN)/coverage report

.PHONY: screenshot
screenshot: .venv node_modules ## Renew the picture of the README
	$(BIN)/python -m pytest tests/clients/test_browser.py --screenshot docs/images/chat.png

.PHONY: reference
reference: .venv ## Renew docs/reference.md from signatures and docstrings
	$(BIN)/python tools/reference.py

.PHONY: lint
lint: .venv ## Check format and style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

.PHONY: format
format: .venv ## Format the code and repair what can be repaired
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: types
types: .venv ## Check types with pyright and mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/mypy $(TYPED)

.PHONY: bench
bench: .venv node-line ## Measure everything and print the tables
	$(BIN)/python bench/run.py $(ARGS)

.PHONY: bench-quick
bench-quick: .venv ## Run every load of the benchmarks once, small
	$(BIN)/python bench/run.py --quick $(ARGS)

.PHONY: endurance
endurance: .venv ## Twenty minutes of writes with live lists and a suspended scan
	$(BIN)/python bench/endurance.py --minutes 20 $(ARGS)

# The line that a hand-written Node server draws. It builds a C++ add-on; without Node or a compiler
# the benchmark says that this line is not available.
.PHONY: node-line
node-line:
	@if [ bench/lines/node_line/node_modules/.package-lock.json \
	    -nt bench/lines/node_line/package-lock.json ]; then :; \
	elif command -v npm >/dev/null; then \
	  npm ci --prefix bench/lines/node_line --no-audit --no-fund --loglevel=error \
	    && touch bench/lines/node_line/node_modules/.package-lock.json \
	    || echo "The Node line could not be built; the benchmark goes on without it"; \
	fi

.PHONY: lock
lock: .venv ## Pin the newest versions that pyproject.toml allows
	$(BIN)/python -m pip install -qq --disable-pip-version-check \
	  --dry-run --ignore-installed --report $(VENV)/report.json '.[dev]'
	$(BIN)/python -c 'import json; \
	  found = [i["metadata"] for i in json.load(open("$(VENV)/report.json"))["install"]]; \
	  names = {m["name"].lower().replace("_", "-"): m["version"] for m in found}; \
	  del names["realtime-backend"]; \
	  other = {"uvloop": " ; sys_platform != \"win32\""}; \
	  print(*(f"{n}=={v}{other.get(n, str())}" for n, v in sorted(names.items())), sep="\n")' \
	  > requirements.lock.new
	mv requirements.lock.new requirements.lock

.PHONY: clean
clean: ## Remove what was set up and what the tools left behind
	rm -rf $(VENV) $(addsuffix /node_modules,$(PACKAGES)) .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
