# Two commands for a newcomer: `make demo` and `make test`. Both make .venv first; nothing else need be typed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   := $(VENV)/.demo
DEV    := $(VENV)/.dev
DOCS   := $(VENV)/.docs
# Most tests wait more than they compute: two workers a core keep the cores full.
JOBS   ?= $(shell expr 2 \* $$(nproc))
PYTEST := $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadgroup --no-loadscope-reorder
QUICK  := tests/unit tests/service

# Tests start hundreds of processes; each would compile all anew where the environment forbids to keep bytecode.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test quick long lint coverage env system wasm docs screenshots clean

help:
	@echo "make demo   a remote, three relays and six virtual sensors on this machine, until Ctrl-C"
	@echo "make test   every check and every test but the long ones, on CPython and on the MicroPython VM"
	@echo "make quick  the tests that need no other process: units and services"
	@echo "make long   everything at full length: 200 kills, every cut of the power, a day's backlog, planted faults (an hour)"
	@echo "make coverage  which lines of the firmware the tests run under CPython; below 95 % it fails"
	@echo "make lint   ruff and mypy --strict"
	@echo "make docs   the manual as a site, in out/manual; it is read without a server and without a network"
	@echo "make screenshots  the manual's pictures anew, of the demo, by Chromium"
	@echo "make clean  removes what the other targets made"

# For the demo: the services, virtual boards and flashing. The tests' own tools come on top, and only for the tests.
$(DEMO): pyproject.toml tools/setup/check.sh tools/setup/install.sh
	@sh tools/setup/check.sh $(PYTHON)
	@sh tools/setup/install.sh $(PYTHON) $(VENV) '.[demo]'
	@touch $@

$(DEV): $(DEMO)
	@sh tools/setup/install.sh $(PYTHON) $(VENV) '.[dev]'
	@touch $@

# The manual needs nothing else, so a machine that only builds it installs no more.
$(DOCS): pyproject.toml tools/setup/check.sh tools/setup/install.sh
	@sh tools/setup/check.sh $(PYTHON)
	@sh tools/setup/install.sh $(PYTHON) $(VENV) '.[docs]'
	@touch $@

env: $(DEV)

system:
	@sh tools/setup/system.sh

# After `system`, which brings npm, and `env`, which makes the folder.
npm: env system
	@sh tools/setup/npm.sh $(VENV)

demo: $(DEMO)
	@$(BIN)/gridecho demo

docs: $(DOCS)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "the manual is made: out/manual/index.html"

screenshots: env
	$(BIN)/python -m tests.rigs.screenshots

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: npm lint
	$(PYTEST)

quick: env
	$(PYTEST) $(QUICK)

# One after another, and with what they measured: the long ones want the machine for themselves.
long: npm
	$(BIN)/python -m pytest -p no:randomly -s tests/long

# The VM cannot trace lines, so what only MicroPython runs counts as missed here.
coverage: env
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest tests/unit tests/system/orders
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

clean:
	rm -rf $(VENV) dist out .mypy_cache .pytest_cache .ruff_cache .hypothesis
