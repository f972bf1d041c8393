# GVSC: `make` lists what it can do. Everything is installed into ./.venv, and nothing outside it is changed
# but the cache of fetched models ($GVSC_CACHE, by default ~/.cache/gvsc).
#
# Setting: TORCH_INDEX_URL, the package index that torch alone is installed from, for instance the CPU index on
# PyTorch's installation page. Without it torch comes from wherever pip is configured to look.

TORCH_INDEX_URL ?=

GVSC := .venv/bin/gvsc
PYTHON := .venv/bin/python

# What the caller's shell says about other Pythons and other installs does not hold for this one.
unexport PYTHONPATH PYTHONHOME
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PIP_PYTHON PIP_REQUIREMENT PIP_CONSTRAINT PIP_NO_DEPS PIP_DRY_RUN
export PIP_USER := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

# The stamp tells for which place, pins and torch the environment was made, so that a second run is instant, and a
# checkout that was moved or updated is installed anew.
.PHONY: install
install: ## make .venv with pinned dependencies, and fetch the pretrained models
	@stamp="$$PWD $$(cat pyproject.toml constraints.txt | cksum) $$TORCH_INDEX_URL"; \
	if [ "$$(cat .venv/stamp 2>/dev/null)" = "$$stamp" ] && $(PYTHON) -c '' 2>/dev/null; then exit 0; fi; \
	$(MAKE) environment packages && printf '%s\n' "$$stamp" > .venv/stamp

.PHONY: environment
environment:
	@set -u; \
	sudo=; [ "$$(id -u)" = 0 ] || sudo='sudo '; \
	if $(PYTHON) -m pip --version >/dev/null 2>&1; then exit 0; fi; \
	found=; bare=; \
	for candidate in python3.13 python3.12 python3.11 python3; do \
		"$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
		if "$$candidate" -c 'import venv, ensurepip' >/dev/null 2>&1; then found=$$candidate; break; fi; \
		bare=$${bare:-$$candidate}; \
	done; \
	if [ -z "$$found" ] && [ -n "$$bare" ]; then \
		version=$$("$$bare" -c 'import sys; print("python%d.%d" % sys.version_info[:2])'); \
		echo "$$version cannot make virtual environments yet. Bring what it lacks, then run make again:"; \
		echo "    $${sudo}apt-get install -y $$version-venv"; \
		exit 1; \
	elif [ -z "$$found" ] && command -v python3 >/dev/null 2>&1; then \
		echo "Python 3.11 or newer is needed, and $$(python3 --version 2>&1) is here. Bring it, then run make again:"; \
		echo "    $${sudo}apt-get install -y python3.11 python3.11-venv"; \
		exit 1; \
	elif [ -z "$$found" ]; then \
		echo "Python 3.11 or newer is needed, and there is none. Bring it, then run make again:"; \
		echo "    $${sudo}apt-get install -y python3 python3-venv"; \
		exit 1; \
	fi; \
	echo "Making .venv with $$("$$found" --version)"; \
	rm -rf .venv; \
	"$$found" -m venv .venv || { rm -rf .venv; exit 1; }

# torch goes first and, where an index of its own is named, alone: the other packages come from pip's usual place.
.PHONY: packages
packages:
	@set -eu; \
	torch=$$(grep '^torch==' constraints.txt); \
	install="$(PYTHON) -m pip install --constraint constraints.txt"; \
	echo "Installing $$torch and the other packages; the first time takes some minutes"; \
	if [ -n "$$TORCH_INDEX_URL" ]; then \
		$$install --no-deps --no-warn-conflicts --index-url "$$TORCH_INDEX_URL" "$$torch"; \
	fi; \
	$$install --quiet setuptools; \
	$$install "$$torch"; \
	$$install --no-build-isolation --editable '.[dev]'; \
	$(GVSC) models get minilm; \
	$(GVSC) models get efficientnet-lite0

export TORCH_INDEX_URL

.PHONY: demo
demo: install ## send real clips through the three processes; pictures and numbers in out/demo
	@$(GVSC) demo --out out/demo

.PHONY: lint
lint: install ## ruff and mypy
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy

.PHONY: test
test: install lint ## lint, then all tests, the quick ones first
	@$(PYTHON) -m pytest

.PHONY: faults
faults: install ## kill, stop, starve, cut and confuse the three processes; what must hold is in tests/faults/README.md
	@$(PYTHON) -m pytest tests/faults -m faults

.PHONY: bench
bench: install ## throughput and latency of the channel, seconds per stage per clip, memory per process
	@$(GVSC) bench channel
	@$(GVSC) bench clip
