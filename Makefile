# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
#   make demo    shows the collection at work on a simulated cluster
#   make test    runs every gate; `make help` lists them

# Python >= 3.10: plain python3 if it is one, else the newest python3.N that runs.
ifndef PYTHON
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$python && break; done)
endif

VENV := $(CURDIR)/.venv
COLLECTIONS := $(VENV)/collections
COLLECTION := ansible_collections/upid/proxmox
INSTALLED := $(VENV)/.installed
RUN := $(VENV)/bin/python
GATE := $(RUN) $(CURDIR)/tests/tools/gate.py

# The gates that run side by side, the longest first. The unit tests come last and alone.
GATES := sanity exactly-once integration plays molecule clients browser rulebook ansible-lint importer types lint style layers docs changelog
JOBS ?= 2

export PATH := $(VENV)/bin:$(PATH)
export LC_ALL := C.UTF-8
export ANSIBLE_HOME := $(VENV)/ansible
export ANSIBLE_COLLECTIONS_PATH := $(COLLECTIONS)
unexport PYTHONPATH ANSIBLE_CONFIG MAKEFLAGS

.DEFAULT_GOAL := help
.PHONY: help venv demo test bench $(GATES) unit format artifact clean

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(INSTALLED) ## makes .venv, in which upid.proxmox can be imported

$(INSTALLED): requirements.txt tests/requirements.txt
	@test -n "$(PYTHON)" || { echo "No Python >= 3.10 found: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@$(RUN) tests/tools/install.py tests/requirements.txt
	mkdir -p $(COLLECTIONS)/$(dir $(COLLECTION))
	ln -sfn ../../../.. $(COLLECTIONS)/$(COLLECTION)
	echo $(COLLECTIONS) > "$$($(RUN) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/upid_proxmox.pth"
	touch $@

demo: $(INSTALLED) ## provisions guests on a simulated cluster and shows their tasks
	@$(RUN) tests/demo.py

test: export NO_COLOR := 1
test: export ANSIBLE_NOCOLOR := 1
test: $(INSTALLED) ## runs every gate
	@failed=0; $(GATE) --begin; \
	$(MAKE) --keep-going --jobs=$(JOBS) --output-sync=target --no-print-directory $(GATES) || failed=1; \
	$(GATE) --table; \
	$(MAKE) --no-print-directory unit || failed=1; \
	exit $$failed

bench: $(INSTALLED) ## measures the collection beside other clients; PART=wait runs one part
	@$(RUN) -m ansible_collections.upid.proxmox.tests.benchmarks $(PART)

style: $(INSTALLED) ## ruff format, check only (`make format` mends)
	@$(GATE) $@ ruff format --check .

lint: $(INSTALLED) ## ruff check
	@$(GATE) $@ ruff check --output-format concise .

types: $(INSTALLED) ## mypy
	@cd $(COLLECTIONS) && MYPYPATH=.:$(COLLECTION)/tests/simulator $(GATE) $@ \
		mypy --config-file $(CURDIR)/pyproject.toml --cache-dir $(VENV)/mypy \
		$(addprefix $(COLLECTION)/,$(wildcard plugins tests extensions/eda))

layers: $(INSTALLED) ## import-linter: which layer may import which
	@PYTHONPATH=tests/simulator $(GATE) $@ lint-imports --cache-dir $(VENV)/import-linter

sanity: $(INSTALLED) ## ansible-test sanity, no ignore file; TEST=validate-modules runs one test
	@$(GATE) $@ $(RUN) tests/tools/sanity.py $(TEST)

unit: $(INSTALLED) ## pytest; TEST=tests/unit/x/test_y.py::test_z runs one test
	@$(GATE) $@ pytest $(or $(TEST),--numprocesses $(JOBS))

exactly-once: $(INSTALLED) ## nothing made twice, nothing lost, whatever breaks; ALL=1 runs every seed
	@$(GATE) $@ pytest --timeout 180 --numprocesses 8 tests/exactly_once $(if $(ALL),--all)

integration: $(INSTALLED) ## ansible-test integration on simulated clusters; TARGET=wait_task runs one
	@$(GATE) $@ $(RUN) tests/tools/integration.py $(TARGET)

plays: $(INSTALLED) ## roles and examples on simulated clusters; TEST=... runs one test
	@$(GATE) $@ pytest --timeout 280 $(or $(TEST),tests/plays --numprocesses $(JOBS))

molecule: $(INSTALLED) ## molecule on simulated clusters; SCENARIO=provision_vms runs one
	@$(GATE) $@ $(RUN) tests/tools/scenarios.py $(SCENARIO)

clients: $(INSTALLED) ## proxmoxer and community.proxmox on simulated clusters; TEST=... runs one test
	@$(GATE) $@ pytest $(or $(TEST),tests/clients --numprocesses $(JOBS))

rulebook: $(INSTALLED) ## ansible-rulebook on simulated clusters; TEST=... runs one test
	@$(GATE) $@ pytest $(or $(TEST),tests/rulebook)

browser: $(INSTALLED) ## the HTML report in Chromium, which it installs; TEST=... runs one test
	@$(GATE) $@ $(RUN) tests/tools/browser.py $(TEST)

ansible-lint: $(INSTALLED) ## ansible-lint, profile production
	@$(GATE) $@ $(RUN) tests/tools/lint.py

docs: $(INSTALLED) ## antsibull-docs on the collection's documentation
	@$(GATE) $@ antsibull-docs lint-collection-docs --plugin-docs \
		--validate-collection-refs dependent --check-extra-docs-refs .

changelog: $(INSTALLED) ## antsibull-changelog on the fragments
	@$(GATE) $@ antsibull-changelog lint

importer: $(INSTALLED) ## builds the artifact and imports it as Galaxy does
	@$(GATE) $@ $(RUN) tests/tools/importer.py

artifact: $(INSTALLED) ## builds the artifact into build/
	ansible-galaxy collection build --force --output-path build

format: $(INSTALLED) ## mends format and what else ruff can
	ruff format .
	ruff check --fix .

clean: ## removes what make built
	rm -rf $(VENV) build
