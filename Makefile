# Every task of the project. `make help` lists them; the starred ones are all that a newcomer needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARTIFACTS := host-python/src/ron_app_sdk_py/artifacts/artifacts.json
THIRD_PARTY := host-python/third-party
CARGO_BUILD := cargo run --quiet --release --locked -p ron-build --
CARGO_SCHEMAS := cargo run --quiet --locked -p ron-schemas --
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help toolchain components schemas build demo test test-rust test-python test-newest-wasmtime lint \
	bench chaos fuzz wheel check-reproducible check-cargo-component clean

help: ## List the tasks
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

toolchain: ## Install compilers and tools that are missing (Debian, as root)
	@PYTHON=$(PYTHON) component/build/toolchain.sh

components: toolchain ## Build the WebAssembly artifacts and print their digests
	@$(CARGO_BUILD)

schemas: toolchain ## Write the JSON Schemas of schemas/ from the Rust types
	@$(CARGO_SCHEMAS)

$(ARTIFACTS): components ;

$(THIRD_PARTY)/ron-app-sdk-py.cdx.json: $(ARTIFACTS) Cargo.lock $(wildcard host-python/sbom/*.py) $(VENV)/installed
	PYTHONPATH=host-python $(BIN)/python -m sbom

build: components $(VENV)/installed $(THIRD_PARTY)/ron-app-sdk-py.cdx.json ## * Build everything: artifacts, .venv, the package in it

$(VENV)/installed: host-python/pyproject.toml host-python/hatch_build.py host-python/requirements-dev.txt | $(ARTIFACTS)
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: set PYTHON" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --timeout 60 --retries 3 -r host-python/requirements-dev.txt -e 'host-python[cli,codegen,devnode,dotenv,httpx2]'
	@touch $@

demo: build ## * Show the client at work against the development node
	$(BIN)/python examples/demo.py

test: build test-rust test-python lint ## * Run all tests and linters

test-rust: components ## Run the Rust tests
	cargo test --quiet --locked --workspace --lib --bins --exclude ron-client --exclude ron-bridge --exclude ron-probe

# With WHEEL=path the tests run against that wheel in a fresh environment, without Rust or sources:
# what a CI on another platform runs.
WHEEL ?=
ifdef WHEEL
test-python: ## Run the Python tests (WHEEL=path: against an installed wheel)
	rm -rf build/wheel-venv
	$(PYTHON) -m venv build/wheel-venv
	build/wheel-venv/bin/pip install --quiet --timeout 60 --retries 3 -r host-python/requirements-dev.txt '$(WHEEL)[cli,codegen,devnode,dotenv,httpx2]'
	build/wheel-venv/bin/python -m pytest -m 'not checkout and not linux and not servers'
else
test-python: build
	@component/build/toolchain.sh nginx haproxy tinyproxy
	$(BIN)/python -m pytest
endif

# Quick where there is none newer than the one that `make test` runs with; ALWAYS=1 runs it even so.
ALWAYS ?=
test-newest-wasmtime: build ## Run the tests of the engine with the newest wasmtime in range
	$(BIN)/python tests/newest_wasmtime.py build/newest-wasmtime-venv $(if $(ALWAYS),--always)

lint: build ## Run ruff, mypy, clippy and rustfmt; check that schemas/ is as the types say
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cargo fmt --all --check
	cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
	$(CARGO_SCHEMAS) --check

bench: build ## Measure against the rivals in one run (ONLY=small-get,post ROUNDS= CALLS= SECONDS=)
	@component/build/toolchain.sh nginx
	PYTHONPATH=tests $(BIN)/python -m bench

SCHEDULES ?= 20000
CANCELLED ?= 10000
EVENTS ?= 1000000
TORMENTS ?= 100
CUTS ?= 5000
chaos: build ## Faults, schedules, cancelled calls, streams (SEED= ROUNDS= CASE= BUDGET=seconds SCHEDULES= CANCELLED= EVENTS= TORMENTS= CUTS=)
	@PYTHONPATH=tests $(BIN)/python -m chaos
ifndef CASE
	RON_SIM_SCHEDULES=$(SCHEDULES) $(BIN)/python -m pytest -q tests/property/test_schedules_property.py
	RON_CANCELLED_CALLS=$(CANCELLED) $(BIN)/python -m pytest -q -s tests/integration/test_cancellation.py -k grows
	RON_STREAM_EVENTS=$(EVENTS) $(BIN)/python -m pytest -q tests/integration/test_stream_faults.py -k many
	RON_STREAM_TORMENTS=$(TORMENTS) $(BIN)/python -m pytest -q tests/integration/test_stream_proxy.py -k come_and_go
	EXAMPLES=$(CUTS) $(BIN)/python -m pytest -q tests/property/test_streams_property.py
endif

EXAMPLES ?= 5000
fuzz: build ## The property tests with many examples (EXAMPLES=)
	PROPTEST_CASES=$(EXAMPLES) cargo test --quiet --locked -p ron-core -p ron-wire -p ron-tools --lib
	EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -q tests/property tests/unit

wheel: build ## Build the wheel and the sdist into dist/
	rm -rf dist
	$(BIN)/python -m build --outdir dist host-python

check-reproducible: build ## Build the last commit again in another folder and compare all bytes
	nice component/build/check-reproducible.sh $(BIN)/python

check-cargo-component: components ## Compare the client's WIT with that of cargo-component's build
	component/build/check-cargo-component.sh

clean: ## Remove what was built
	rm -rf target build dist .venv wit/deps $(THIRD_PARTY) host-python/src/ron_app_sdk_py/artifacts
