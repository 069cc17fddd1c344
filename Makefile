PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: .env help run test test-fast lint format clean bench-ads bench-breaker bench-faults bench-import bench-recommendations bench-search bench-serve bench-standby

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z.-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/runtime ## prepare a demo shop and start both services
	@$(BIN)/python scripts/run_local.py

# Two files at a time; a file stays in one process, because its tests share servers. Bytecode is kept whatever the
# environment says: without it, each process takes ten seconds to compile the tests.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses=2 --dist=loadfile
RECOMMENDER_TESTS := --ignore=tests/ad_provider_site --ignore=tests/campaigns --ignore=tests/e2e
AD_PROVIDER_TESTS := --ds=ad_provider_site.settings tests/ad_provider_site tests/campaigns

# What makes TypeScript of the schema. Without npm its test is skipped.
NODE := $(if $(shell command -v npm),tests/e2e/clients/node_modules)

test: .venv/dev $(NODE) ## run every test, on SQLite and on a real PostgreSQL
	$(PYTEST) $(RECOMMENDER_TESTS)
	$(PYTEST) $(AD_PROVIDER_TESTS)
	TEST_DATABASE=postgresql $(PYTEST) $(RECOMMENDER_TESTS)
	TEST_DATABASE=postgresql $(PYTEST) $(AD_PROVIDER_TESTS)
	$(PYTEST) tests/e2e

test-fast: .venv/dev ## run the quick unit tests, on SQLite
	$(PYTEST) -m "not slow" $(RECOMMENDER_TESTS)
	$(PYTEST) -m "not slow" $(AD_PROVIDER_TESTS)

lint: export SECRET_KEY := checks-only-00000000000000000000000000000000000000000000000000
lint: .venv/dev ## check style, types, imports, settings, migrations and the API's schema
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports --no-cache
	@for project in recommender ad_provider; do set -ex; \
	  HTTPS=on $(BIN)/python manage_$$project.py check --deploy --fail-level WARNING; \
	  $(BIN)/python manage_$$project.py makemigrations --check --dry-run; \
	  $(BIN)/python manage_$$project.py spectacular --validate --fail-on-warn --file /dev/null; \
	done

format: .venv/dev ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench-ads: .venv/dev ## milliseconds that a choice of ads takes, and clicks charged per second
	$(BIN)/python -m benchmarks.ads

bench-import: .venv/dev ## rows per second of seed_reviews beside the bare database
	$(BIN)/python -m benchmarks.import_reviews

bench-breaker: .venv/dev ## microseconds a protected call costs, beside pybreaker alone
	$(BIN)/python -m benchmarks.breaker

bench-faults: .venv/dev ## every request of a busy shop that loses its database or its ads, as a picture
	$(BIN)/python -m benchmarks.faults

bench-recommendations: .venv/dev ## time and memory of a build, beside implicit, and latency of the lists
	$(BIN)/python -m benchmarks.recommendations

bench-search: .venv/dev ## milliseconds of searches and facets among a million products
	$(BIN)/python -m benchmarks.search

bench-standby: .venv/dev ## time, memory and size of a standby's file of a million reviews, and its reads
	$(BIN)/python -m benchmarks.standby

bench-serve: .venv/dev ## requests per second and latency beside a bare Django view
	$(BIN)/python -m benchmarks.serve

.env: ## make the secrets that compose.yaml needs, where they are missing
	@$(PYTHON) docker/make_env.py
	@echo ".env has the secrets; keep it, docker compose reads it"

clean: ## remove what was installed; the data in var/ stays
	rm -rf .venv tests/e2e/clients/node_modules

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "Python 3.11, 3.12 or 3.13 is needed, such as: make $(or $(MAKECMDGOALS),run) PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

.venv/runtime: requirements.txt | .venv/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/dev: requirements-dev.txt requirements-parquet.txt requirements-spark.txt requirements-observability.txt .venv/runtime
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

tests/e2e/clients/node_modules: tests/e2e/clients/package-lock.json
	npm ci --prefix tests/e2e/clients --silent --no-audit --no-fund
	@touch $@
