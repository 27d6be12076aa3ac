# The verbs of this repository. Each prepares what it needs; what is up to date is skipped.
#
#   make up               start the campus on this machine until Ctrl-C (SITE=leonardo: on a twin of that site;
#                        SITE="leonardo lumi": on two of them)
#   make test             run all tests; those that this machine can't run are skipped, with the reason
#   make test-twins       every site's twin, with 1,000 generated requests against real Slurms; as root
#   make test-schedules   every kernel of the exercises under 20 orders of its threads
#   make test-mutants     every solution of the exercises with one mistake at a time: the checks must find it
#   make check            linters and types
#   make fix              format, and repair what the linter can
#   make lock             renew lock/ from the dependencies of pyproject.toml
#   make environment      only prepare

SITE = local
PORT = 8000
VENV = .venv
TESTS = tests

PROXY = hub_config/proxy
PACKAGES = spawner courses grading hub_config kernels
# What is copied into the environment, not linked: Jupyter's and nbgrader's settings, and extensions.
SETTINGS = $(shell find */etc */share -type f)
INSTALLED = $(VENV)/.installed
PROXY_INSTALLED = $(PROXY)/node_modules/.package-lock.json

# The hub finds its programs on PATH: the environment's own come first, then the proxy's.
PROGRAMS = PATH="$$(realpath -m $(VENV)/bin):$$(realpath -m $(PROXY)/node_modules/.bin):$$PATH"
# Without bytecode every start of a notebook server takes seconds longer.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help up test test-twins test-schedules test-mutants check fix lock environment

help:
	@sed -n 's/^#   make/make/p' Makefile

# `exec`: Ctrl-C and signals reach campus itself, which ends everything in order.
up: environment
	@$(PROGRAMS) && exec campus up $(SITE:%=--site %) --port $(PORT)

test: environment
	@$(PROGRAMS) && exec pytest $(TESTS)

test-twins: environment
	@$(PROGRAMS) && CAMPUS_TWINS=all CAMPUS_EXAMPLES=1000 exec pytest tests/twins

test-schedules: environment
	@$(PROGRAMS) && CAMPUS_SCHEDULES=20 exec pytest tests/kernels/test_problems.py

test-mutants: environment
	@$(PROGRAMS) && CAMPUS_MUTANTS=all exec pytest tests/kernels/test_mutation.py

check: environment
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

fix: environment
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

lock:
	tools/lock.sh

environment: $(INSTALLED) $(PROXY_INSTALLED)

$(INSTALLED): lock/dev.txt lock/node.txt $(PACKAGES:=/pyproject.toml) $(SETTINGS) tools/make_environment.sh
	@tools/make_environment.sh $(VENV)
	@touch $@

$(PROXY_INSTALLED): $(PROXY)/package-lock.json | $(INSTALLED)
	@echo "Installing the proxy …"
	@$(PROGRAMS) && npm ci --prefix $(PROXY) --loglevel=error --no-audit --no-fund --no-update-notifier
	@touch $@
