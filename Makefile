# make demo shows the product at work, make test tries all of it. Both set up what they need: Debian or Ubuntu, as root,
# with Python 3.11 or newer (PYTHON=/path/to/python3 chooses one).
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
SOURCES := setup.cfg pyproject.toml README.md LICENSE $(shell find kubectl_netpol -type f -not -name '*.pyc')
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CLANG ?= clang
BPF_OBJECT ?= $(CURDIR)/kubectl_netpol/bpf/neighbors.bpf.o

.PHONY: demo test lint bench bpf bpf-check clean cluster cluster-down test-cluster

demo: $(VENV)/product
	@.ci/need demo
	@$(BIN)/kubectl-netpol demo

test: $(VENV)/tools $(VENV)/product
	@.ci/need test
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n 2 -m "not cluster" $(TESTS)

lint: $(VENV)/tools
	@.ci/need lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	clang-format --dry-run --Werror kubectl_netpol/bpf/neighbors.bpf.c kubectl_netpol/bpf/neighbors.h
	$(MAKE) --no-print-directory bpf-check

bench: $(VENV)/tools $(VENV)/product
	@.ci/need bench
	$(BIN)/python bench/run.py $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick)

# The names inside are relative, so the object is the same wherever the checkout lies.
bpf:
	@.ci/need bpf
	cd kubectl_netpol/bpf && $(CLANG) -O2 -g -Wall -Wextra -Werror -target bpf -mcpu=v1 -fdebug-compilation-dir=. \
		-isystem /usr/include/$(shell uname -m)-linux-gnu -c neighbors.bpf.c -o $(BPF_OBJECT)
	llvm-strip -g $(BPF_OBJECT)

bpf-check:
	@.ci/need bpf
	@CLANG="$(CLANG)" .ci/bpf-check

$(VENV)/pyvenv.cfg:
	@.ci/venv $(VENV) $(PYTHON)

$(VENV)/tools: setup.cfg | $(VENV)/pyvenv.cfg
	@rm -rf build
	$(PIP) install '.[test,lint]'
	@touch $@

$(VENV)/product: $(SOURCES) | $(VENV)/pyvenv.cfg
	@rm -rf build
	$(PIP) install .
	@rm -rf build
	@touch $@

clean:
	rm -rf $(VENV) build dist bench.json *.egg-info .hypothesis .*_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A Kubernetes with two nodes on this machine (root). The first build takes its time, a start from what is built seconds.
# PROXY_MODE=nftables says how kube-proxy works. What was built stays in ~/.cache/kubectl-netpol-cluster.
PROXY_MODE ?= iptables

cluster: | $(VENV)/pyvenv.cfg
	@.ci/need cluster
	@$(BIN)/python -m tests.cluster start --proxy-mode $(PROXY_MODE)

cluster-down: | $(VENV)/pyvenv.cfg
	@$(BIN)/python -m tests.cluster stop

test-cluster: $(VENV)/tools $(VENV)/product
	@.ci/need cluster
	PROXY_MODE=$(PROXY_MODE) PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -m cluster $(or $(TESTS),tests/cluster)
