# The commands of this project. `make run` and `make test` need nothing but Python 3.10+ and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install run demo test deep lint types check bench bench-quality figures chaos soak fuzz audit docs clean

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# pip first: that of Python 3.11 takes twice as long as a new one.
$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV): some minutes the first time …"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $(STAMP)

install: $(STAMP) ## Make the virtual environment and install everything

run: $(STAMP) ## Start a real LiteLLM proxy with the plugin on http://127.0.0.1:4000
	$(BIN)/python scripts/run.py $(RUN_ARGS)

demo: $(STAMP) ## A tour of the running proxy (start `make run` first, or let it start one)
	$(BIN)/python scripts/demo.py

test: $(STAMP) ## Run every test, against a real proxy and a real Redis
	sh scripts/redis.sh $(BIN)/python
	sh scripts/test.sh $(BIN)/python $(PYTEST_ARGS)

deep: $(STAMP) ## Tests without a proxy, ten times the generated examples: for a night, or before a release
	sh scripts/redis.sh $(BIN)/python
	TIERING_DEEP=1 sh scripts/test.sh $(BIN)/python -n auto --dist loadfile --timeout 3600 \
	  tests/property tests/contract tests/unit

lint: $(STAMP) ## Style and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: $(STAMP) ## mypy --strict
	$(BIN)/mypy

check: lint types ## What CI runs: lint, types, imports, tests with coverage
	sh scripts/redis.sh $(BIN)/python
	sh scripts/test.sh $(BIN)/python --cov $(PYTEST_ARGS)
	$(BIN)/python scripts/coverage_floors.py

# Those with a dash end with an error where a goal is missed, or there is no data: the others still run.
# What each finds is also left in bench/out, for `make figures`.
bench: $(STAMP) ## Measure times and sizes, beside LiteLLM in the same run; takes twenty minutes
	sh scripts/redis.sh $(BIN)/python
	-$(BIN)/python bench/decision.py
	-$(BIN)/python bench/model_times.py
	-$(BIN)/python bench/embedding.py --sets ""
	-$(BIN)/python bench/gates.py
	$(BIN)/python bench/ledger.py
	$(BIN)/python bench/records.py
	-$(BIN)/python bench/page.py
	$(BIN)/python bench/proxy.py
	-$(BIN)/python bench/overshoot.py
	$(BIN)/python bench/memory.py
	$(BIN)/python bench/scale.py

bench-quality: $(STAMP) ## Measure routing, gates and budgets on recorded outcomes, with intervals; takes 40 minutes
	-$(BIN)/python bench/default_cases.py
	-$(BIN)/python bench/apgr.py
	-$(BIN)/python bench/quality_routing.py
	-$(BIN)/python bench/quality_gating.py
	-$(BIN)/python bench/constraints.py
	-$(BIN)/python bench/refusals.py
	-$(BIN)/python bench/agreement.py
	-$(BIN)/python bench/quality.py
	-$(BIN)/python bench/cascade.py --questions 300 --streamed 75
	-$(BIN)/python bench/expected.py
	-$(BIN)/python bench/pacing.py --set zeroeval_gsm@gpt35
	-$(BIN)/python bench/savings.py
	-$(BIN)/python bench/sequential.py
	-$(BIN)/python bench/tune_promise.py

figures: $(STAMP) ## Write what `make bench` and `make bench-quality` found into docs/explanation/figures.md
	$(BIN)/python scripts/figures.py

chaos: $(STAMP) ## Two minutes of load while Redis and a worker come and go: is every cost counted once?
	sh scripts/redis.sh $(BIN)/python
	$(BIN)/python bench/chaos.py

soak: $(STAMP) ## Half an hour of everything at once: is memory flat, is nothing left open, are the books equal?
	sh scripts/redis.sh $(BIN)/python
	$(BIN)/python bench/soak.py $(SOAK_ARGS)

fuzz: $(STAMP) ## 10,000 hostile requests on all APIs, held against LiteLLM alone; takes half an hour
	$(BIN)/python scripts/fuzz.py

audit: $(STAMP) ## Known vulnerabilities of the dependencies, and a bill of materials (SBOM)
	$(BIN)/python scripts/audit.py

docs: $(STAMP) ## Write what is generated: docs/reference, completion scripts, and pictures where that can be
	$(BIN)/python scripts/gen_reference.py
	$(BIN)/python scripts/gen_completion.py
	$(BIN)/python scripts/plots.py
	$(BIN)/python scripts/pictures.py

clean: ## Remove what the commands above made
	rm -rf $(VENV) .run .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache bench/out .coverage*
