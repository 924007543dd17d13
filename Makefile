# make setup | run | test | bench | lint | docs | lock; each does what it needs first, and nothing twice.
#
# PYTHON=python3.13   another interpreter for the virtual environment (3.11 or newer)
# VERBENA_COMPILE=0   run the pure layers as plain Python

SHELL := /bin/bash
PYTHON ?= $(shell command -v python3 || command -v python3.13 || command -v python3.12 || command -v python3.11)
VENV := .venv
BIN := $(VENV)/bin
RUN_DIR := var
LAYER_TESTS := $(wildcard tests/model tests/wire tests/mime tests/sieve)
SOURCES := $(shell find src/verbena/model src/verbena/wire src/verbena/mime src/verbena/sieve -name '*.py')

.PHONY: setup run test bench lint docs lock layers clean

setup: $(VENV)/.installed layers

$(VENV)/bin/python:
	@tools/make_venv.sh "$(PYTHON)" $(VENV)

$(VENV)/.locked: requirements.lock | $(VENV)/bin/python
	@echo "installing the locked dependencies into $(VENV) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.locked
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

layers: build/.layers

build/.layers: $(SOURCES) tools/compile_layers.py $(VENV)/.installed
	@$(BIN)/python tools/compile_layers.py
	@mkdir -p build && touch $@

run: setup
	@$(BIN)/python tools/run_demo.py $(RUN_DIR)

test: setup lint
	$(BIN)/pytest -n 2 --dist worksteal
	VERBENA_COMPILE=0 $(BIN)/pytest -n 2 $(LAYER_TESTS)

bench: setup
	@$(BIN)/python -m bench

lint: $(VENV)/.installed
	$(BIN)/ruff format --check src tests bench tools
	$(BIN)/ruff check src tests bench tools
	$(BIN)/mypy src tests bench tools
	$(BIN)/python tools/conformance.py --check

# The pages that are generated: from app/config.py, and from docs/rfcs.tsv with the tests' marks.
docs: $(VENV)/.installed
	$(BIN)/verbena config manual > docs/configuration.md
	$(BIN)/python tools/conformance.py

# Dependencies are chosen in pyproject.toml; this pins them with their hashes.
lock: build/lock/bin/pip-compile
	CUSTOM_COMPILE_COMMAND="make lock" build/lock/bin/pip-compile --quiet --generate-hashes --allow-unsafe \
		--strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-options --no-emit-find-links \
		--extra test --all-build-deps --output-file requirements.lock pyproject.toml

build/lock/bin/pip-compile: | $(VENV)/bin/python
	@$(BIN)/python -m venv build/lock
	@build/lock/bin/python -m pip install -qq --disable-pip-version-check pip-tools

clean:
	rm -rf build $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
