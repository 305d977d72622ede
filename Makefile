# One command each for everything. A fresh machine needs make and git only: cluster/bootstrap.sh brings the Python
# environment, `python -m cluster` the programs, the Docker engine and the images, each of them once.
RUN := ./cluster/bootstrap.sh
CLUSTER := $(RUN) python -m cluster
SUBJECT ?= tikv
# Where real clocks and real processes are at work, a busy machine can spoil a run: a test that fails is tried a second
# time, and the summary shows both.
TWICE := --reruns 1 -r fEsxXR
COMPILE := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header

.DEFAULT_GOAL := help
# The targets stand on each other; what can run at once does so inside them (SIDE_BY_SIDE: `check` runs two of its parts so).
ifndef SIDE_BY_SIDE
.NOTPARALLEL:
endif
.PHONY: help check types unit test simulation browser attacks emulator apiserver e2e demo cluster cluster-delete image deploy undeploy deploy-tikv deploy-etcd deploy-agent \
        bench crash-test soak tools lock

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-16s %s\n", $$1, $$2 }'

check: ## Lint, format check, types, layers, dependencies, unit tests (seconds)
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	@$(MAKE) --no-print-directory -j2 --output-sync=target SIDE_BY_SIDE=1 unit types

types: # and layers and dependencies
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) deptry controller subjects
	$(RUN) deptry cluster standin bench examples tests --ignore DEP002,DEP004 --exclude '^$$'

unit:
	$(RUN) pytest -q -n auto tests/unit

# A tier that cannot run is a failure here; run by itself, it is skipped with its reason.
test: export EVALCAMPAIGN_REQUIRE = 1
test: check simulation browser attacks emulator apiserver e2e ## All tiers of tests, the last one on a real cluster (minutes)

simulation: ## Pure code at length: recordings replayed, random faults and specs, the statistics' promises
	$(RUN) pytest -q -n auto tests/simulation

browser: ## Tests of the report in a headless Chromium; skipped, and said so, where none can be had
	$(CLUSTER) browser
	$(RUN) pytest $(TWICE) tests/report

attacks: ## What hostile agents, other people's clusters and full disks may not achieve
	$(RUN) pytest $(TWICE) tests/attacks

emulator: ## Tests of the controller against an emulated Kubernetes API
	$(RUN) pytest $(TWICE) tests/emulator

apiserver: ## Tests against a real kube-apiserver and real etcd members, without a cluster
	$(CLUSTER) tools --group tests
	$(RUN) pytest $(TWICE) tests/apiserver tests/members

e2e: cluster image deploy ## Tests on a real cluster
	$(RUN) pytest $(TWICE) tests/e2e

# Who goes on to deploy gets the controller's image built beside the programs, if those have to be built.
e2e deploy soak: UP = up --image
cluster: ## Make the kind cluster, or find it healthy
	$(CLUSTER) $(or $(UP),up)

cluster-delete: ## Remove the cluster, and the Docker engine if we started it
	$(CLUSTER) down

image: ## Build the controller image and load it into the cluster
	$(CLUSTER) image

deploy: cluster image ## Put CRD, controller, TiKV and etcd into the cluster
	$(CLUSTER) deploy

undeploy: ## Take them out again
	$(CLUSTER) undeploy

deploy-tikv: cluster ## Only a TiKV to be broken: three PDs, three stores
	$(CLUSTER) deploy-subject tikv

deploy-etcd: cluster ## Only an etcd to be broken: three members
	$(CLUSTER) deploy-subject etcd

deploy-agent: deploy ## A scripted agent for campaigns of mode agent (POLICY=fixer)
	$(CLUSTER) deploy-agent $(or $(POLICY),fixer)

demo: ## From nothing to finished campaigns (of TiKV; or SUBJECT=etcd)
	$(CLUSTER) demo $(SUBJECT)

crash-test: ## Kill the controller at every point of an attempt, many times, and count (minutes)
	$(CLUSTER) tools --group tests
	$(RUN) python -m tests.crash

soak: deploy ## Kill the controller in the cluster at random times through a long campaign, and count (KILLS=20)
	$(RUN) python -m tests.soak --kills $(or $(KILLS),20)

bench: ## Measure the controller
	$(RUN) python -m bench

tools: ## Build the pinned programs (kubectl, kind, kube-apiserver, etcd) into the cache
	$(CLUSTER) tools --group tests

lock: ## Pin all dependencies anew, with hashes
	$(RUN) $(COMPILE) -o requirements.lock pyproject.toml
	$(RUN) $(COMPILE) -o requirements-dev.lock --extra evidence --group dev -c requirements.lock pyproject.toml
