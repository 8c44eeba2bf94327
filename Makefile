# Everything is made inside this folder: .venv, build/ and .tox. PYTHON=/path/to/python chooses the interpreter of a
# new .venv (make clean removes the old one).

AS_OF := 2026-11-20
LOCK := locks/airflow-3.3.txt
BIN := .venv/bin
DISTRIBUTED_LOCK := locks/distributed.txt
DISTRIBUTED := build/distributed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv demo up test test-distributed lint types docs pictures format lock clean

help:  ## Show this list
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '%-23s %s\n' "$$name" "$$text"; done

venv: .venv/.installed  ## Create .venv with Airflow 3.3 and every tool, all pinned

demo: .venv/.installed  ## Provision customers, invoice orders, resynchronise matches: in the sandbox, through a real Airflow
	$(BIN)/python scripts/demo.py

up: .venv/.installed  ## The same with Airflow's web UI to click through
	$(BIN)/python scripts/demo.py --up

test: .venv/.installed  ## Run the tests
	$(BIN)/python -m pytest --numprocesses=logical

test-distributed: $(DISTRIBUTED)/.installed  ## Run an Airflow with Celery workers, and take its parts away while it works
	$(DISTRIBUTED)/bin/python -m pytest --capture=no tests/distributed
	$(DISTRIBUTED)/bin/python -m pytest tests/test_recipes.py

lint: .venv/.installed  ## Check style and formatting
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

types: .venv/.installed  ## Check the types
	$(BIN)/python -m mypy --strict

docs: .venv/.installed  ## Build the documentation into build/docs
	$(BIN)/python -m sphinx -q -W --keep-going -b html -d build/doctrees docs build/docs
	@echo "build/docs/index.html"

pictures:  ## Draw docs/pictures/*.svg; needs graphviz
	for source in docs/pictures/*.dot; do dot -Tsvg "$$source" -o "$${source%.dot}.svg" || exit 1; done

format: .venv/.installed  ## Format the code and repair what can be repaired
	$(BIN)/python -m ruff format .
	$(BIN)/python -m ruff check --fix .

lock: build/uv/.installed  ## Resolve locks/*.txt anew, as of AS_OF=YYYY-MM-DD
	$(call resolve,airflow-3.2,)
	$(call resolve,airflow-3.3,)
	$(call resolve,distributed,)
	$(call resolve,lowest,--resolution lowest-direct)
	rm -rf *.egg-info

clean:  ## Remove everything that was made here
	rm -rf .venv .tox build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

define resolve
build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --exclude-newer $(AS_OF) \
	--generate-hashes --upgrade --no-emit-index-url --custom-compile-command 'make lock AS_OF=$(AS_OF)' $(2) \
	setup.py --extra parquet --extra phone --extra postgres --extra sandbox locks/$(1).in --output-file locks/$(1).txt
endef

# The first that works of PYTHON, or else of what is on the path; a shim without its interpreter does not work.
define find_python
find_python() { \
	for newest in 13 99; do \
		for candidate in $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11 python); do \
			if "$$candidate" -c "import ensurepip, sqlite3, ssl, sys, venv; \
				sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, $$newest))" 2>/dev/null; then \
				echo "$$candidate"; return; \
			fi; \
		done; \
	done; \
	echo "No working Python 3.11, 3.12 or 3.13 (with the modules venv, ensurepip, ssl and sqlite3) was found." >&2; \
	echo "Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; \
	return 1; \
}; python=$$(find_python)
endef

# $(1) is the folder of a virtual environment, $(2) what it is made from.
define make_venv
@$(find_python) || exit 1; \
echo "Creating $(1) with $$("$$python" --version) from $(2), which takes about a minute"; \
rm -rf $(1) && "$$python" -m venv $(1)
$(1)/bin/python -m pip install --quiet --no-deps --require-hashes -r $(2)
@touch $(1)/.locked
endef

define install_package
$(1)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
$(1)/bin/python -m pip check
@touch $(1)/.installed
endef

.venv/.locked: $(LOCK)
	$(call make_venv,.venv,$(LOCK))

.venv/.installed: .venv/.locked setup.py pyproject.toml
	$(call install_package,.venv)

$(DISTRIBUTED)/.locked: $(DISTRIBUTED_LOCK)
	$(call make_venv,$(DISTRIBUTED),$(DISTRIBUTED_LOCK))

$(DISTRIBUTED)/.installed: $(DISTRIBUTED)/.locked setup.py pyproject.toml
	$(call install_package,$(DISTRIBUTED))

build/uv/.installed:
	@$(find_python) || exit 1; rm -rf build/uv && "$$python" -m venv build/uv
	build/uv/bin/python -m pip install --quiet uv
	@touch $@
