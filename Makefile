# Needs python3 (3.11 or newer) and make; everything else is installed into .venv from the lock files.
#
#   make run     the sample strategy on the built-in exchange   ARGS="--headless --for 30s" adds flags
#   make test    all tests                                      ARGS="-k lifecycle" narrows them
#   make check   what CI runs before the tests, quick parts first
#   make terminal   the app in tmux and in a browser: orders, losses, every way out
#   make bench   speed of the engine, in floors of this machine
#   make simulate   1000 lives of the engine against a hostile venue, network and disk    SEEDS=n
#   make killtest   200 times SIGKILL, start again, compare with the venue    ROUNDS=n
#   make faults   every API call with every outcome, and every network fault, over real sockets
#   make soak   many orders under random faults; books, memory and doubts    MINUTES=n RATE=orders/s
#   make mutations   break the order path in every listed way; the simulator must notice    CAP=n seeds each

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
BIN := .venv/bin
# Byte-compiling all of ccxt would take most of the installation; Python compiles what it imports.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
ARGS ?=
SEEDS ?= 1000
ROUNDS ?= 200
CAP ?= 500
MINUTES ?= 10
RATE ?= 200

.PHONY: help run test terminal check bench simulate killtest faults soak mutations coverage lock clean

help:
	@sed -n 's/^#   //p' Makefile

run: .venv/.installed
	@$(BIN)/alphaforge run strategies/sma_cross.py $(ARGS)

test: .venv/.installed-dev
	@$(BIN)/python -m pytest -n 2 -m "not terminal" $(ARGS)

terminal: .venv/.installed-dev
	@$(BIN)/python -m pytest tests/e2e/terminal $(ARGS)

check: .venv/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@if grep -nE 'https?://|^-' requirements.lock requirements-dev.lock; then echo 'a lock file names a host'; exit 1; fi
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/python scripts/measure.py
	$(BIN)/pyright
	$(BIN)/python -m pytest -q tests/test_import_hygiene.py

bench: .venv/.installed
	@$(BIN)/python -m benchmarks $(ARGS)

simulate: .venv/.installed-dev
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) $(ARGS)

killtest: .venv/.installed-dev
	@$(BIN)/python -m tests.killtest --rounds $(ROUNDS) $(ARGS)

faults: .venv/.installed-dev
	@$(BIN)/python -m tests.faults $(ARGS)

soak: .venv/.installed-dev
	@$(BIN)/python -m tests.faults.soak --minutes $(MINUTES) --rate $(RATE) $(ARGS)

mutations: .venv/.installed-dev
	@$(BIN)/python -m tests.mutations --cap $(CAP) $(ARGS)

coverage: .venv/.installed-dev
	@$(BIN)/python -m pytest -n 2 --cov --cov-report=term $(ARGS)

# Moves the exact versions: the newest that the ranges in pyproject.toml allow.
lock: .venv/.installed-dev
	$(BIN)/uv lock --upgrade
	$(BIN)/uv export --quiet --format requirements-txt --no-header --no-annotate --no-emit-project --no-default-groups -o requirements.lock
	$(BIN)/uv export --quiet --format requirements-txt --no-header --no-annotate --no-emit-project --all-groups --all-extras -o requirements-dev.lock

clean:
	rm -rf .venv

.venv/bin/python:
	@if [ -z "$(PYTHON)" ]; then echo 'AlphaForge needs Python 3.11 or newer; set PYTHON=/path/to/python3' >&2; exit 1; fi
	@echo 'creating .venv'
	@$(PYTHON) -m venv .venv

# The stamps are older than a lock file that was changed, so a second run installs nothing.
.venv/.installed: requirements.lock pyproject.toml | .venv/bin/python
	@echo 'installing what requirements.lock pins (once)'
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --editable .
	@touch $@

.venv/.installed-dev: requirements-dev.lock requirements.lock pyproject.toml | .venv/bin/python
	@echo 'installing what requirements-dev.lock pins (once)'
	@$(PIP) --require-hashes -r requirements-dev.lock
	@$(PIP) --no-deps --editable .
	@touch $@ .venv/.installed
