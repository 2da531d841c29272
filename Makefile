# Two commands for a newcomer: `make demo` and `make test`. Both make .venv first; nothing else need be typed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: help demo test quick durability groups lint coverage env system clean

help:
	@echo "make demo   a remote, three relays and six virtual sensors on this machine, until Ctrl-C"
	@echo "make test   every check and every test, on CPython and on the MicroPython VM"
	@echo "make quick  the tests without browser, wheel and long runs"
	@echo "make durability  a relay's promises at full length: 200 kills, every cut of the power, a day's backlog, a sensor's long life (20 minutes)"
	@echo "make groups  groups of relays at full length: two minutes of turns, 50 kills and 50 stops of the proxy (seven minutes)"
	@echo "make coverage  which lines of the firmware the tests run under CPython; below 95 % it fails"
	@echo "make lint   ruff and mypy --strict"
	@echo "make clean  removes what the other targets made"

$(STAMP): pyproject.toml tools/setup/check.sh
	@sh tools/setup/check.sh $(PYTHON)
	@echo "gridecho: making $(VENV) and installing the packages (once, about a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

env: $(STAMP)

system: 
	@sh tools/setup/system.sh

demo: env
	@$(BIN)/gridecho demo

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: env system lint
	$(BIN)/python -m pytest

quick: env
	$(BIN)/python -m pytest -m 'not slow'

durability: env system
	GRIDECHO_WHOLE=1 $(BIN)/python -m pytest -s tests/durability tests/memory

groups: env system
	GRIDECHO_WHOLE=1 $(BIN)/python -m pytest -s tests/groups

# The VM cannot trace lines, so what only MicroPython runs counts as missed here.
coverage: env
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -m 'not slow' -k 'not micropython' $(wildcard tests/core tests/node tests/meters tests/orders) \
	  --ignore tests/node/test_on_vm.py --ignore tests/meters/test_on_vm.py --ignore tests/orders/test_on_vm.py
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

clean:
	rm -rf $(VENV) dist out .mypy_cache .pytest_cache .ruff_cache .hypothesis
