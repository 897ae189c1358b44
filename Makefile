# The only commands a newcomer needs. `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
DATA ?= sample
LOCK := uv pip compile --quiet --generate-hashes --python-version 3.11 --no-header
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo test test-all lint format serve bench mlproject components lock clean

help: ## print each target with a line
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | \
		while IFS='|' read -r target text; do printf '  make %-10s %s\n' "$$target" "$$text"; done

$(VENV)/pipeline: requirements/pipeline.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: install it, or name it: make PYTHON=/path/to/python3.11 …"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "$(PYTHON) is not Python 3.11: make PYTHON=/path/to/python3.11 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python lacks venv: apt-get install python3.11-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	pip install --quiet --disable-pip-version-check --require-hashes -r requirements/pipeline.txt
	@touch $@

$(VENV)/dev: requirements/dev.txt $(VENV)/pipeline
	pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(VENV)/pipeline ## the whole job on rendered pictures, or on yours: make demo DATA=path/to/photographs
	@python -m steps.demo --source "$(DATA)"

serve: $(VENV)/pipeline ## serve the champion on 127.0.0.1 until Ctrl-C
	@python -m steps.serve

test: $(VENV)/dev ## the tests that run before every commit, and the coverage they must reach
	python -m pytest --cov -m "not slow and not containers"

test-all: $(VENV)/dev ## every test, the slow ones too
	python -m pytest

lint: $(VENV)/dev ## ruff, mypy, and that generated files are up to date
	ruff check .
	ruff format --check .
	mypy
	python -m steps.shared.options | diff MLproject -
	python -m azure_ml.components --check

format: $(VENV)/dev ## let ruff put the code in shape
	ruff check --fix .
	ruff format .

bench: $(VENV)/dev ## measure, side by side with the plain way; results under benchmarks/results
	python -m benchmarks.dataprep

mlproject: $(VENV)/pipeline ## write MLproject from steps/shared/options.py
	python -m steps.shared.options > MLproject

components: $(VENV)/pipeline ## write azure_ml/components from steps/shared/options.py
	python -m azure_ml.components

lock: $(VENV)/dev ## lock the newest allowed versions, with hashes
	$(LOCK) --upgrade requirements/pipeline.in -o requirements/pipeline.txt
	$(LOCK) --upgrade requirements/tracing.in -o requirements/tracing.txt
	for name in history serving gpu dev; do \
		$(LOCK) -c requirements/pipeline.txt requirements/$$name.in -o requirements/$$name.txt || exit 1; \
	done

clean: ## remove what runs left behind: work folders, tracking database, models
	rm -rf work mlruns mlflow.db
