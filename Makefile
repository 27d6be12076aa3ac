# The verbs of this repository. Each prepares what it needs; what is up to date is skipped.
#
#   make up               start the campus on this machine until Ctrl-C (SITE=leonardo: on a twin of that site;
#                        SITE="leonardo lumi": on two of them)
#   make test             run all tests; those that this machine can't run are skipped, with the reason
#   make test-twins       every site's twin, with 1,000 generated requests against real Slurms; as root
#   make test-faults      every fault, the slow and large ones too; as root
#   make test-databases   nbgrader's programs and panels on PostgreSQL, too
#   make test-parity      every notebook of nbgrader's own, graded by nbgrader and by us: the scores must be equal
#   make test-schedules   every kernel of the exercises under 20 orders of its threads
#   make test-random     1,000 random kernels: simulator, CPU and GPU must agree, and every race must be found
#   make test-mutants     every solution of the exercises with one mistake at a time: the checks must find it
#   make test-gpu         kernels on an NVIDIA GPU beside a copy, libraries and compute-sanitizer; GPU_PYTHON=python3
#                         takes the Python there, which must have numba-cuda, pytest and hypothesis
#   make test-courses     every answer that our courses know, and every solution with one mistake at a time
#   make check            linters and types
#   make fix              format, and repair what the linter can
#   make lock             renew lock/ from the dependencies of pyproject.toml
#   make environment      only prepare

SITE = local
PORT = 8000
VENV = .venv
TESTS = tests
GPU_PYTHON = $(VENV)/bin/python

PROXY = hub_config/proxy
PACKAGES = spawner courses grading hub_config kernels
# What is copied into the environment, not linked: Jupyter's and nbgrader's settings, and extensions.
SETTINGS = $(shell find */etc */share -type f)
INSTALLED = $(VENV)/.installed
PROXY_INSTALLED = $(PROXY)/node_modules/.package-lock.json
AXE = tests/journeys/axe
AXE_INSTALLED = $(AXE)/node_modules/.package-lock.json

# The hub finds its programs on PATH: the environment's own come first, then the proxy's.
PROGRAMS = PATH="$$(realpath -m $(VENV)/bin):$$(realpath -m $(PROXY)/node_modules/.bin):$$PATH"
# Without bytecode every start of a notebook server takes seconds longer.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help up test test-twins test-faults test-databases test-parity test-schedules test-random test-mutants test-courses test-gpu check fix lock environment

help:
	@sed -n 's/^#   make/make/p' Makefile

# `exec`: Ctrl-C and signals reach campus itself, which ends everything in order.
up: environment
	@$(PROGRAMS) && exec campus up $(SITE:%=--site %) --port $(PORT)

test: environment
	@$(PROGRAMS) && exec pytest $(TESTS)

test-twins: environment
	@$(PROGRAMS) && CAMPUS_TWINS=all CAMPUS_EXAMPLES=1000 exec pytest tests/twins

test-faults: environment
	@$(PROGRAMS) && CAMPUS_FAULTS=all exec pytest tests/faults

test-databases: environment
	@$(PROGRAMS) && CAMPUS_DATABASES=all exec pytest tests/grading

test-parity: environment
	@$(PROGRAMS) && CAMPUS_PARITY=all exec pytest tests/grading/test_parity.py

test-schedules: environment
	@$(PROGRAMS) && CAMPUS_SCHEDULES=20 exec pytest tests/kernels/test_problems.py tests/kernels/test_simulator_right.py

test-random: environment
	@$(PROGRAMS) && CAMPUS_EXAMPLES=1000 exec pytest tests/kernels/test_simulator_portable.py tests/kernels/test_simulator_property.py

test-mutants: environment
	@$(PROGRAMS) && CAMPUS_MUTANTS=all exec pytest tests/kernels/test_mutation.py

test-courses: environment
	@$(PROGRAMS) && CAMPUS_LESSONS=all exec pytest tests/courses

# The Python of a GPU node may have another pytest than ours, without the plugins that our settings name.
GPU_PYTEST = -m pytest -c /dev/null --rootdir=. -p no:cacheprovider --import-mode=importlib -m gpu tests/kernels/test_gpu.py

test-gpu: $(if $(filter $(VENV)/%,$(GPU_PYTHON)),environment)
	PYTHONPATH=$(CURDIR)/kernels:$(CURDIR)/tests/support HPCAMPUS_CUDA=numba-cuda $(GPU_PYTHON) $(GPU_PYTEST)
	PYTHONPATH=$(CURDIR)/kernels HPCAMPUS_CUDA=numba-cuda $(GPU_PYTHON) benchmarks/kernels_gpu.py

check: environment
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

fix: environment
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

lock:
	tools/lock.sh

environment: $(INSTALLED) $(PROXY_INSTALLED) $(AXE_INSTALLED)

$(INSTALLED): lock/dev.txt lock/node.txt $(PACKAGES:=/pyproject.toml) $(SETTINGS) tools/make_environment.sh
	@tools/make_environment.sh $(VENV)
	@touch $@

NPM_CI = npm ci --loglevel=error --no-audit --no-fund --no-update-notifier --prefix

$(PROXY_INSTALLED): $(PROXY)/package-lock.json | $(INSTALLED)
	@echo "Installing the proxy …"
	@$(PROGRAMS) && $(NPM_CI) $(PROXY)
	@touch $@

$(AXE_INSTALLED): $(AXE)/package-lock.json | $(INSTALLED)
	@$(PROGRAMS) && $(NPM_CI) $(AXE)
	@touch $@
