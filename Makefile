# make demo shows the product at work, make test tries all of it. Both set up what they need: Debian or Ubuntu, as root,
# with Python 3.11 or newer (PYTHON=/path/to/python3 chooses one).
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
SOURCES := setup.cfg pyproject.toml README.md LICENSE $(shell find kubectl_netpol -type f -not -name '*.pyc')
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CLANG ?= clang
BPF_OBJECT ?= $(CURDIR)/kubectl_netpol/bpf/neighbors.bpf.o

.PHONY: demo test lint bench bpf bpf-check image dist dist-manifest clean cluster cluster-down test-cluster test-cilium
.PHONY: proof proof-cilium reference test-krew wheel

demo: $(VENV)/product
	@.ci/need demo
	@$(BIN)/kubectl-netpol demo

test: $(VENV)/tools $(VENV)/product
	@.ci/need test
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n 2 -m "not cluster and not dist" $(TESTS)
	$(if $(TESTS),,@$(MAKE) --no-print-directory test-cluster)

lint: $(VENV)/tools
	@.ci/need lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	clang-format --dry-run --Werror kubectl_netpol/bpf/neighbors.bpf.c kubectl_netpol/bpf/neighbors.h
	$(MAKE) --no-print-directory bpf-check

# ONLY=name runs one, QUICK=1 less of each. Those that need a cluster start one if none runs; without ONLY they are left
# out until it is built (make cluster).
bench: $(VENV)/tools $(VENV)/product
	@.ci/need bench
	$(BIN)/python bench/run.py $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick)

# The names inside are relative, so the object is the same wherever the checkout lies.
bpf:
	@.ci/need bpf
	cd kubectl_netpol/bpf && $(CLANG) -O2 -g -Wall -Wextra -Werror -target bpf -mcpu=v1 -fdebug-compilation-dir=. \
		-isystem /usr/include/$(shell uname -m)-linux-gnu -c neighbors.bpf.c -o $(BPF_OBJECT)
	llvm-strip -g $(BPF_OBJECT)

# The command reference, from the commands; a test says when it is stale.
reference: $(VENV)/product
	@$(BIN)/python -m kubectl_netpol.cli.reference > docs/reference.md.new && mv docs/reference.md.new docs/reference.md

bpf-check:
	@.ci/need bpf
	@CLANG="$(CLANG)" .ci/bpf-check

# For amd64 and arm64, into dist/. The Debian packages in it are kept in ~/.cache/kubectl-netpol-image; FRESH=1 gets those
# of today.
image: | $(VENV)/pyvenv.cfg
	@.ci/need image
	@$(BIN)/python -m image.build $(if $(FRESH),--fresh)

# For this platform, into dist/: the archive for krew, the manifest for it, and the wheel. docs/install.md tells more.
dist: $(VENV)/freezer/ready wheel
	@.ci/need dist
	@$(VENV)/freezer/bin/python -m release.build

wheel: | $(VENV)/pyvenv.cfg
	@rm -rf build
	$(PIP) wheel --no-deps --wheel-dir dist .
	@rm -rf build

# A release's last step, when the archives of all platforms lie in dist/.
dist-manifest: $(VENV)/freezer/ready
	@$(VENV)/freezer/bin/python -m release.build --manifest

# The program as krew and pipx install it, and completion in bash, zsh and fish.
test-krew: $(VENV)/tools dist
	@.ci/need krew
	$(BIN)/python -m pytest -m dist $(or $(TESTS),tests/dist)

# Nothing but the program and what freezes it, so that nothing else can get into the archive.
$(VENV)/freezer/ready: $(SOURCES) | $(VENV)/pyvenv.cfg
	@[ -e $(VENV)/freezer/pyvenv.cfg ] || .ci/venv $(VENV)/freezer $(PYTHON)
	@rm -rf build
	$(VENV)/freezer/bin/python -m pip --disable-pip-version-check --quiet install '.[dist]'
	@rm -rf build
	@touch $@

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
# NETWORK=cilium: Cilium without kube-proxy instead of Calico. PROXY_MODE=nftables says how kube-proxy works (iptables).
# What was built stays in ~/.cache/kubectl-netpol-cluster.
NETWORK ?= calico
CLUSTER_NEEDS = $(if $(filter cilium,$(NETWORK)),cilium,cluster)

cluster: | $(VENV)/pyvenv.cfg
	@.ci/need $(CLUSTER_NEEDS)
	@$(BIN)/python -m tests.cluster start --network $(NETWORK) $(if $(PROXY_MODE),--proxy-mode $(PROXY_MODE))

cluster-down: | $(VENV)/pyvenv.cfg
	@$(BIN)/python -m tests.cluster stop

test-cluster: $(VENV)/tools $(VENV)/product
	@.ci/need $(CLUSTER_NEEDS)
	NETWORK=$(NETWORK) PROXY_MODE=$(PROXY_MODE) PATH="$(CURDIR)/$(BIN):$$PATH" \
		$(BIN)/python -m pytest -m cluster $(or $(TESTS),tests/cluster)

test-cilium:
	@$(MAKE) --no-print-directory test-cluster NETWORK=cilium

# What was recorded goes on and what was not is denied, on a real cluster, as a table.
proof:
	@$(MAKE) --no-print-directory test-cluster TESTS=tests/cluster/test_proof.py

proof-cilium:
	@$(MAKE) --no-print-directory proof NETWORK=cilium
