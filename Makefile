# Every target sets up what it needs; the first run takes a few minutes, later ones start at once.
VENV ?= .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.ready
DEMO := examples/products
PYTEST_ARGS ?=
# Tests start hundreds of processes, which need not compile everything each time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test compiled interop check bench format clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

demo: $(SETUP) ## Set everything up and start the demo: open the printed URL, stop with Ctrl-C
	@scripts/system-packages node npm
	@$(BIN)/python $(DEMO)/setup.py
	@exec $(BIN)/entryway up $(DEMO)

test: $(SETUP) ## Run all tests (installs Chromium if it is missing)
	@scripts/system-packages node npm chromium certutil redis-server postgres
	@$(BIN)/python $(DEMO)/setup.py
	@# Most tests wait for time-outs and processes, so two run side by side; a file stays together.
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(PYTEST_ARGS)

TOKEN_TESTS := test_any_request.py test_attacks.py test_changes_at_two_instances.py test_ended_tokens.py test_exchanges.py \
  test_limits.py test_nothing_secret_is_logged.py test_public_documents.py test_token_endpoint.py test_two_instances.py

compiled: $(SETUP) ## Run the tests of the HTTP engine, the router and tokens on a wheel with compiled modules
	@PYTHONPATH=$$($(BIN)/python scripts/compiled_site.py) && export PYTHONPATH && $(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(PYTEST_ARGS) \
	  tests/project/test_project_compiled.py tests/unit/http tests/services/http tests/unit/router tests/services/router \
	  tests/unit/oauth tests/unit/storage tests/unit/telemetry tests/unit/web tests/unit/authserver tests/unit/landscape/test_landscape_dispatch.py \
	  $(addprefix tests/services/authserver/,$(TOKEN_TESTS))

interop: $(SETUP) ## Run the tests behind real proxies, and with third-party clients and relying parties
	@scripts/system-packages nginx caddy haproxy node npm chromium certutil apache2 mod_auth_openidc mod_auth_mellon mod_shib simplesamlphp xmlsec1
	@$(BIN)/python -m pytest -m "proxies or peers or interop" tests/interop tests/journeys $(PYTEST_ARGS)

check: $(SETUP) ## Lint, formatting, types and the layers' contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=$(DEMO)/backend:$(DEMO)/onpremise $(BIN)/mypy -p products_backend -p products_onpremise
	$(BIN)/lint-imports

bench: $(SETUP) ## Measure CPU time per request beside nginx and Envoy, pure and compiled, in one run
	@scripts/system-packages nginx wrk
	@$(BIN)/python benchmarks/http_engine.py
	@$(BIN)/python benchmarks/router.py

format: $(SETUP) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove the environment and what the demo built
	rm -rf $(VENV) $(DEMO)/.entryway $(DEMO)/router/resources $(DEMO)/node_modules

$(SETUP): pyproject.toml scripts/bootstrap
	@scripts/bootstrap $(VENV)
	@touch $(SETUP)
