VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# A word on what came of building native/: installed, broken or no-toolchain.
NATIVE := $(VENV)/.native
NATIVE_SOURCES := $(addprefix native/,Cargo.toml Cargo.lock pyproject.toml install.py miyun_native.pyi) \
	$(shell find native/src -name '*.rs')
# $(call cargo,command,options): in native/, where cargo, its crates and the command are there.
cargo = @if ! grep -q no-toolchain $(NATIVE) && cargo $(1) --help >/dev/null 2>&1; \
	then cd native && echo "cargo $(1) $(2)" && PYO3_PYTHON=$(abspath $(BIN)/python) cargo $(1) $(2); \
	else echo "cargo $(1): not there, native/ goes without"; fi

.PHONY: help install demo bench test test-all checks test-native lint lint-python lint-native proto clean

help: ## What can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --editable . --group dev
	@touch $@

$(NATIVE): $(READY) $(NATIVE_SOURCES)
	@$(BIN)/python native/install.py

install: ## Make .venv and install Miyun, its tools and, where cargo is, its native kernels into it
	@rm -f $(NATIVE)
	@$(MAKE) --no-print-directory $(NATIVE)

demo: $(NATIVE) ## Play the main job on generated data into demo-out/ (ROWS=… scales it)
	$(BIN)/python -m demo $(if $(ROWS),--rows $(ROWS))

bench: $(NATIVE) ## Measure beside others, small (FULL=1, CASES=…, SIZES=…, RUNS=…, CONTESTANTS=…; PAGE=1 writes the page)
	$(BIN)/python -m bench $(if $(CASES),--cases "$(CASES)") $(if $(SIZES),--sizes "$(SIZES)") \
		$(if $(CONTESTANTS),--contestants "$(CONTESTANTS)") $(if $(RUNS),--runs $(RUNS)) $(if $(OUT),--out "$(OUT)") \
		$(if $(LIMIT),--limit $(LIMIT)) $(if $(FULL),--full) $(if $(UNLIMITED),--unlimited) $(if $(PAGE),--page)

test: checks ## Lint, and every test that takes seconds
	@$(BIN)/miyun --version
	$(BIN)/pytest -n 3 -m "not slow"

test-all: checks ## Lint, and every test
	@$(BIN)/miyun --version
	$(BIN)/pytest -n 2

checks: $(NATIVE)
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint test-native

test-native: $(NATIVE)
	$(call cargo,test,--quiet --locked --lib --tests)

lint: lint-python lint-native ## ruff, mypy, import-linter; clippy, rustfmt and cargo-deny where they are

lint-python: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lint-native: $(NATIVE)
	$(call cargo,fmt,--check)
	$(call cargo,clippy,--quiet --locked --all-targets --all-features -- -D warnings)
	$(call cargo,deny,--locked check bans licenses sources)

proto: $(READY) ## Generate the gRPC stubs anew
	$(BIN)/python proto/generate.py

clean:
	rm -rf $(VENV) demo-out bench-out .bench build dist native/target native/build.log
