# `make help` lists the targets. Needs Rust, Python 3 with venv; everything else is fetched into .tools/.
SHELL := /bin/sh
TARGET := $(or $(CARGO_TARGET_DIR),target)
PECAN := $(TARGET)/debug/pecan
VENV := .tools/venv
PYTHON := $(VENV)/bin/python
JOB := jobs/daily.toml
export PYTHONDONTWRITEBYTECODE := 1

ROWS ?= 2000000
RUNS ?= 3

.PHONY: help build demo test readers worlds lint fmt docs bench sample expected-update tools

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

build: ## build the program (the one profile of demo and tests)
	cargo build

demo: build ## settle the sample data and say why one day was lost
	$(PECAN) run $(JOB)
	@echo
	@echo "Why is there no credit for the virtual machine vm-app on 16 September?"
	@echo
	$(PECAN) explain $(JOB) --date 2026-09-16 --resource /subscriptions/55555555-0000-4000-8000-000000000002/resourceGroups/rg-app/providers/Microsoft.Compute/virtualMachines/vm-app
	@echo
	@echo "The tables are Delta tables in jobs/out/ (what each charge proves: sample_data/README.md). Query them with DuckDB:"
	@echo "  duckdb -c \"SELECT outcome, billing_currency, count(*), sum(credit_billing) FROM delta_scan('jobs/out/fact_credit_line') GROUP BY ALL ORDER BY ALL\""

test: tools build ## all tests: rules, jobs, tables read by other programs
	cargo test --workspace
	@$(MAKE) --no-print-directory readers

readers: tools build ## read the tables with Python deltalake, DuckDB and pyarrow, and compare to the last digit
	@if [ -f .tools/ready ]; then $(PYTHON) tests/readers/check_schema.py $(PECAN) && $(PYTHON) tests/readers/check_tables.py $(PECAN) && \
	$(PYTHON) tests/readers/run_recipes.py $(PECAN); \
	else echo "SKIPPED: readers (the Python packages could not be installed)"; fi

worlds: ## the fast path against the naive one in 20,000 worlds
	PECAN_WORLDS=20000 cargo test --test it oracle -- --nocapture

lint: ## clippy without warnings, formatting
	cargo clippy --workspace --all-targets -- -D warnings
	cargo fmt --all --check

fmt: ## format the Rust code
	cargo fmt --all

docs: build ## write what is made of the program: docs/TABLES.md, docs/job.schema.json, tests/errors/
	UPDATE=1 cargo test --test it -- docs:: errors::

bench: tools ## time a large job: make bench ROWS=2000000 RUNS=3
	cargo build --release
	@if [ -f .tools/ready ]; then $(PYTHON) tests/readers/make_big.py .tools/bench $(ROWS) && \
	$(PYTHON) tests/readers/time_job.py $(TARGET)/release/pecan .tools/bench/job.toml $(RUNS); \
	else echo "SKIPPED: bench (pyarrow could not be installed)"; fi

sample: tools ## write the sample data again (always the same)
	$(PYTHON) sample_data/make.py

expected-update: tools ## compute the expected outcomes again, without the program
	$(PYTHON) sample_data/expect.py

# The Python packages that read our tables. The stamp names what is installed; without a network the tests go on.
tools:
	@if ! cmp -s tests/readers/requirements.txt .tools/ready; then \
	  rm -f .tools/ready; mkdir -p .tools; \
	  if python3 -m venv $(VENV) && $(VENV)/bin/pip install --quiet --disable-pip-version-check -r tests/readers/requirements.txt; \
	  then cp tests/readers/requirements.txt .tools/ready; \
	  else echo "SKIPPED: the Python packages of tests/readers/requirements.txt could not be installed"; fi; \
	fi
