# Needs python >= 3.11, git and make. Everything else is installed into .venv on first use.
PYTHON ?= python3
DEMO   ?= demo
BIN    := .venv/bin

.PHONY: help demo test lint workflows bench places interop browser offline mutants lock clean

help:
	@echo "make demo       the whole story in $(DEMO)/, offline, with a throwaway Sigstore"
	@echo "make test       the test suite"
	@echo "make lint       ruff and mypy"
	@echo "make workflows  zizmor, JSON Schemas and shellcheck over actions, workflows and schemas; a real install"
	@echo "make bench      times that matter, printed as a table"
	@echo "make places     publish killed at every system call, writers racing in a real S3 service (needs strace and go)"
	@echo "make interop    independent clients verify what the demo signed (needs npm and go)"
	@echo "make browser    the demo's pages in Chromium: looks, and what they verify by themselves"
	@echo "make mutants    takes each check out of the verifier and shows the test that notices (long)"
	@echo "make offline    the demo and its verification with the network cut (Linux)"

demo: .venv/.demo
	$(BIN)/muniment demo $(DEMO) --force
	@echo
	@echo "Open  $(DEMO)/site/index.html  and  $(DEMO)/audit/  in a browser."
	@echo "Check it: $(BIN)/muniment verify $(DEMO)/registry --trust $(DEMO)/trust.json"

test: .venv/.test
	$(BIN)/python -m pytest

lint: .venv/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

workflows: .venv/tools/.ready
	.venv/tools/bin/zizmor --offline --strict-collection --no-progress --persona pedantic .github
	.venv/tools/bin/check-jsonschema --builtin-schema vendor.github-actions .github/actions/*/action.yml
	.venv/tools/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	.venv/tools/bin/check-jsonschema --check-metaschema schemas/*.json
	.venv/tools/bin/shellcheck .ci/run .github/actions/*.sh .github/actions/*/*.sh tests/*/*.sh
	tests/actions/install.sh

bench: .venv/.test
	$(BIN)/python tests/bench/run.py $(wildcard $(DEMO))
	$(BIN)/python tests/bench/bulk.py
	$(BIN)/python tests/bench/growth.py

places: .venv/.test .venv/go/versitygw
	MUNIMENT_S3=$(CURDIR)/.venv/go/versitygw $(BIN)/python -m pytest -s tests/places/kills.py tests/places/service.py

interop: $(DEMO)/trust.json
	$(BIN)/python tests/interop/run.py $(DEMO)

browser: .venv/.browser $(DEMO)/trust.json
	MUNIMENT_DEMO=$(DEMO) $(BIN)/python -m pytest tests/browser/pages.py tests/browser/checks.py

mutants: .venv/.mutants
	$(BIN)/python tests/mutation/run.py

offline: .venv/.demo
	unshare -rn tests/offline/run.sh $(BIN)

.venv/go/versitygw: | $(BIN)/python
	GOBIN=$(CURDIR)/.venv/go CGO_ENABLED=0 go install github.com/versity/versitygw/cmd/versitygw@v1.8.0

$(DEMO)/trust.json:
	$(MAKE) demo

# The actions' dependencies, pinned by hash, made anew from pyproject.toml.
lock: .venv/tools/.ready
	.venv/tools/bin/python tests/actions/lock.py .venv/tools/bin/uv .github/actions/lock.txt

clean:
	rm -rf demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed. Name one: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv .venv

.venv/.demo: pyproject.toml Makefile | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[demo]'
	@touch $@

.venv/.test: pyproject.toml Makefile | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[demo,test]'
	@touch $@ .venv/.demo

.venv/.lint: pyproject.toml Makefile | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[demo,test,lint]'
	@touch $@

.venv/.mutants: pyproject.toml Makefile | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[demo,test,mutants]'
	@touch $@

.venv/.browser: pyproject.toml Makefile | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[demo,test,browser]'
	@touch $@

# Tools with many dependencies of their own stay out of the environment that is tested.
.venv/tools/.ready: tests/tools.txt | $(BIN)/python
	$(BIN)/python -m venv .venv/tools
	.venv/tools/bin/python -m pip install --quiet --requirement tests/tools.txt
	@touch $@
