# Everything a person or CI does here.  Each target makes the virtual environment it needs.
# JOBS: how many tests run at once; most of them wait for something, so more than there are cores.
VENV ?= .venv
PYTHON ?= python3
JOBS ?= 4
RUN = $(VENV)/bin
PATHS = clusters fleet tui tests

.PHONY: demo test check lint types imports bench pictures fmt clean

demo: $(VENV)/.installed  ## a whole fleet on this machine (HEADLESS=1: without the interface)
	@$(RUN)/flotilla demo $(if $(HEADLESS),--headless)

# Many tests start a server, and none should compile all of its modules again.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.developing  ## the whole suite
	@$(RUN)/pytest -q -n $(JOBS) $(ARGS)

check: lint types imports  ## everything that is not a test

lint: $(VENV)/.developing
	@$(RUN)/ruff check $(PATHS)
	@$(RUN)/ruff format --check $(PATHS)

types: $(VENV)/.developing
	@$(RUN)/mypy

imports: $(VENV)/.developing
	@$(RUN)/lint-imports

bench: $(VENV)/.developing  ## measure; JSON lines in bench-results/
	@$(RUN)/python -m tests.benchmarks $(ARGS)

pictures: $(VENV)/.developing  ## make the README's pictures from the running app
	@$(RUN)/python -m tui.pictures --demo docs/pictures

fmt: $(VENV)/.developing
	@$(RUN)/ruff format $(PATHS)
	@$(RUN)/ruff check --fix $(PATHS)

clean:
	rm -rf $(VENV) bench-results .mypy_cache .ruff_cache .hypothesis build *.egg-info

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@$(PYTHON) -m venv $(VENV)
	@$(RUN)/pip install --quiet --upgrade pip
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml
	@echo "installing Flotilla into $(VENV) …" >&2
	@PYTHONWARNINGS=ignore $(RUN)/pip install --quiet --editable .
	@touch $@

$(VENV)/.developing: $(VENV)/.created pyproject.toml
	@echo "installing Flotilla and its tools into $(VENV) …" >&2
	@PYTHONWARNINGS=ignore $(RUN)/pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.installed
