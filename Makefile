# make demo · make test · make check · make bench · make torture · make rehearse
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
ENVIRONMENT_FOR_TOOLS := DATABASE_URL=postgresql://nobody@nowhere/nothing SECRET_KEY=tools \
	DJANGO_SETTINGS_MODULE=inscrit.settings

.PHONY: demo test check sbom bench bench-live bench-pages torture rehearse format requirements translations clean

demo: $(VENV)/.demo
	$(BIN)/inscrit demo $(ARGS)

# Hundreds of processes are started: none has to compile anything.
test: $(VENV)/.dev
	$(BIN)/python -m compileall -q inscrit
	$(BIN)/python -m pytest -n logical --dist loadfile --max-worker-restart 0 $(ARGS)

# AUDIT=--must-reach fails where the database of vulnerabilities can't be reached, too.
check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(ENVIRONMENT_FOR_TOOLS) $(BIN)/python -m tools.check_translations
	$(ENVIRONMENT_FOR_TOOLS) $(BIN)/python -m tools.check_migrations
	$(BIN)/python -m tools.check_licences
	$(BIN)/python -m tools.check_vulnerabilities $(AUDIT)

# What the product is made of, for whoever has to know (CycloneDX).
sbom: $(VENV)/.dev
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements requirements/runtime.txt --pyproject pyproject.toml \
		--output-reproducible --output-format JSON --output-file build/sbom.cdx.json

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.webhook_lane $(ARGS)

bench-live: $(VENV)/.dev
	$(BIN)/python -m benchmarks.live_watchers $(ARGS)

# Beside a running `make demo`.
bench-pages: $(VENV)/.dev
	$(BIN)/python -m benchmarks.page_paint $(ARGS)

# Some four minutes. WEB=2 WORKERS=2 runs two of each; ARGS="--seed 7" repeats what a seed chose.
torture: $(VENV)/.dev
	$(BIN)/python -m tests.torture.run --web $(WEB) --workers $(WORKERS) $(ARGS)
WEB ?= 1
WORKERS ?= 1

# A real Docker Swarm on this machine: docs/decisions/0065-….md
rehearse:
	deploy/rehearse $(ARGS)

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The pinned requirements, from pyproject.toml. UPGRADE=--upgrade takes newer versions.
requirements: $(VENV)/bin/python
	$(PIP) uv
	echo setuptools | $(BIN)/uv pip compile $(COMPILE) - -o requirements/build.txt
	$(BIN)/uv pip compile $(COMPILE) pyproject.toml -o requirements/runtime.txt
	$(BIN)/uv pip compile $(COMPILE) pyproject.toml --extra demo -o requirements/demo.txt
	$(BIN)/uv pip compile $(COMPILE) pyproject.toml --extra demo --extra dev -o requirements/dev.txt
COMPILE = --quiet --generate-hashes --no-emit-index-url --no-header --universal \
	--python-version 3.11 $(UPGRADE)

# Needs GNU gettext (apt: gettext).
translations: $(VENV)/.dev
	cd inscrit && $(ENVIRONMENT_FOR_TOOLS) ../$(BIN)/python -m django makemessages \
		--locale fr --no-location --no-obsolete --ignore 'sandbox/*' --add-location never
	cd inscrit && $(ENVIRONMENT_FOR_TOOLS) ../$(BIN)/python -m django compilemessages --locale fr

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Inscrit needs Python 3.11 or later: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python requirements/build.txt requirements/demo.txt pyproject.toml
	$(PIP) --require-hashes -r requirements/build.txt -r requirements/demo.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python requirements/build.txt requirements/dev.txt pyproject.toml
	$(PIP) --require-hashes -r requirements/build.txt -r requirements/dev.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
