# `make` prints the targets. Needed: Python 3.11 or newer with venv, and make. uv is used where it is there.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo up test fuzz check fmt bench bench-quick lock clean anew

PYTHONS := python3.11 python3.12 python3.13 python3.14 python3
SUITS := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
# Which packages are installed: those that run the system, or these and the tools.
RUNTIME := .venv/.runtime
DEVELOPMENT := .venv/.development
# Written last, with this folder's path: a .venv without it was never finished, one with another path was copied here.
FINISHED := .venv/.finished

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(RUNTIME) ## Start the whole system, send the sample orders, show what became of them (KEEP=1: leave it running)
	@.venv/bin/hardware-orders demo $(if $(KEEP),--keep)

up: $(RUNTIME) ## Run the whole system in the foreground; its data stays in ./data
	@.venv/bin/hardware-orders up

test: $(DEVELOPMENT) ## Run the tests (ARGS="-k stream": what to hand on to pytest)
	@.venv/bin/pytest $(ARGS)

fuzz: $(DEVELOPMENT) ## Look for requests that are not answered as the document says, at length (EXAMPLES=1000)
	@HARDWARE_ORDERS_TEST_FUZZ_EXAMPLES=$(or $(EXAMPLES),200) .venv/bin/pytest tests/fuzz $(ARGS)

check: $(DEVELOPMENT) ## Check format, lint, types, import contracts, dependencies, locks
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/deptry src workers
	.venv/bin/pytest -q tests/test_locks.py tests/test_architecture.py

fmt: $(DEVELOPMENT) ## Format the code and repair what can be repaired
	.venv/bin/ruff check --fix-only
	.venv/bin/ruff format

bench: $(DEVELOPMENT) ## Measure this system beside a baseline
	@.venv/bin/python -m bench $(ARGS)

bench-quick: $(DEVELOPMENT) ## The same in about a minute
	@.venv/bin/python -m bench --quick $(ARGS)

COMPILE = uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links --extra embedded --group build $(ARGS) pyproject.toml

lock: ## Write both lock files anew, with uv (ARGS=--upgrade: to the newest versions)
	@command -v uv >/dev/null || { echo "make lock needs uv on PATH." >&2; exit 1; }
	$(COMPILE) -o requirements.lock
	$(COMPILE) --extra otel --group dev -c requirements.lock -o requirements-dev.lock

clean: ## Remove .venv and all caches; the data in ./data stays
	rm -rf .venv build .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache src/*.egg-info
	find src workers bench tests -name __pycache__ -prune -exec rm -rf {} +

$(RUNTIME): requirements.lock pyproject.toml .venv/bin/python
	$(call install,requirements.lock)
	@touch $(RUNTIME)

$(DEVELOPMENT): requirements-dev.lock pyproject.toml .venv/bin/python
	$(call install,requirements-dev.lock)
	@touch $(RUNTIME) $(DEVELOPMENT)

# Made by `install`. When it is gone, with the system's Python that it points to, everything is installed again.
.venv/bin/python: ;

ifneq ($(shell cat $(FINISHED) 2>/dev/null),$(CURDIR))
$(RUNTIME) $(DEVELOPMENT): anew
endif

# $(1): the lock file. pip's and uv's errors are shown, their chatter is not. uv does not read pip's configuration, so
# where it cannot reach its index pip may. The project itself comes last and brings nothing: all it needs is locked.
define install
@if [ "$$(cat $(FINISHED) 2>/dev/null)" != '$(CURDIR)' ] || ! .venv/bin/python -c '$(SUITS)' 2>/dev/null; then \
	for python in $(PYTHONS); do $$python -c '$(SUITS)' 2>/dev/null && break; python=; done; \
	[ "$$python" ] || { \
		echo "Python 3.11 or newer with its venv module is needed (Debian: apt-get install python3-venv);" \
			"python3 here is: $$(python3 --version 2>&1)." >&2; exit 1; }; \
	echo "Making .venv with $$python …"; \
	rm -rf .venv && $$python -m venv .venv || exit 1; \
fi; \
rm -f $(FINISHED); \
echo "Installing $(1) into .venv: about half a minute …"; \
pip=".venv/bin/python -m pip --disable-pip-version-check --no-input install -qq"; \
if command -v uv >/dev/null; then \
	uv pip install -q --python .venv/bin/python --require-hashes -r $(1) || { \
		echo "uv could not install them; pip tries now."; $$pip --require-hashes -r $(1); }; \
else \
	$$pip --require-hashes -r $(1); \
fi || exit 1; \
$$pip --no-build-isolation --no-deps -e . || exit 1; \
echo '$(CURDIR)' > $(FINISHED)
endef
