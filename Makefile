# smartportal: `make run` to try it, `make test` to check it. Needs git, make and Python 3.11 with venv; nothing else.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
DATA := $(CURDIR)/.data
CHROMIUM := $(shell command -v chromium chromium-browser 2>/dev/null | head -n 1)

# The values of a development machine; every other way of running reads the environment and refuses unsafe values.
DEVELOPMENT = DEBUG=on SMARTPORTAL_SANDBOX=on PORT=$(PORT) SMARTPORTAL_BASE_URL=http://127.0.0.1:$(PORT) \
	ALLOWED_HOSTS=127.0.0.1,localhost SMARTPORTAL_ALLOWED_NETWORKS=127.0.0.0/8 CACHE_URL=locmemcache:// \
	DATABASE_URL=sqlite:///$(DATA)/smartportal.sqlite3 SMARTPORTAL_PLUGINS=$(PLUGINS) \
	SECRET_KEY_FILE=$(DATA)/secret_key SMARTPORTAL_FIELD_KEYS_FILE=$(DATA)/field_keys

.PHONY: run manage test refresh-race bench-chart bench-admin lint messages lock clean

run: $(VENV)/installed
	@$(DEVELOPMENT) $(BIN)/python -m smartportal.development $(DATA) $(if $(RELOAD),--reload)

manage: $(VENV)/installed
	@$(DEVELOPMENT) $(BIN)/python -m smartportal.development $(DATA) --keys-only
	@$(DEVELOPMENT) $(BIN)/python manage.py $(c)

test: $(VENV)/installed-dev $(if $(CHROMIUM),$(VENV)/installed-browser)
	$(BIN)/python manage.py test $(t)

# A thousand times: eight threads of four processes see one expired token, and one of them refreshes it. On PostgreSQL.
refresh-race: $(VENV)/installed-dev
	REFRESH_RACE_ROUNDS=$(or $(ROUNDS),1000) REQUIRE_ALL=1 $(BIN)/python -m pytest tests/security/test_h_refresh.py -k four_processes

# How long a provider waits for banner and chart when every EHR request takes 100 ms; exit 1 where a bound is missed.
bench-chart: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.chart $(if $(ROUNDS),--rounds $(ROUNDS))

# How long the staff wait for the admin with 500 EHRs and a million launches in PostgreSQL; exit 1 where a bound is missed.
bench-admin: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.admin $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(LAUNCHES),--launches $(LAUNCHES))

lint: $(VENV)/installed-dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy

# Collects the words that providers see and compiles the translations below locale/ (docs/translation.md). Needs gettext.
messages: $(VENV)/installed
	$(BIN)/python -m smartportal.messages

# Locks what the *.in files ask for, with hashes, for all platforms.
lock: $(VENV)/installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	for part in requirements requirements-dev requirements-browser; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-header $$part.in --output-file $$part.txt; done

clean:
	rm -rf $(VENV) $(DATA) staticfiles test-results

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "smartportal needs Python 3.11 or newer.")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

$(VENV)/installed-browser: requirements-browser.txt $(VENV)/installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-browser.txt
	@touch $@
