VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help install demo test test-all lint proto clean

help: ## What can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --editable . --group dev
	@touch $@

install: $(READY) ## Make .venv and install Miyun and its tools into it

demo: $(READY) ## Play the main job on generated data into demo-out/ (ROWS=… scales it)
	$(BIN)/python -m demo $(if $(ROWS),--rows $(ROWS))

test: $(READY) lint ## Lint, and every test that takes seconds
	$(BIN)/pytest -n 2 -m "not slow"

test-all: $(READY) lint ## Lint, and every test
	$(BIN)/pytest -n 2

lint: $(READY) ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

proto: $(READY) ## Generate the gRPC stubs anew
	$(BIN)/python proto/generate.py

clean:
	rm -rf $(VENV) demo-out build dist
