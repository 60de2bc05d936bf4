# What a newcomer types:   make demo   (the main job)   and   make test   (everything that is checked).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

# Compiled dependencies live outside the clone, so that another clone need not build them again.
CACHE ?= $(or $(BRUME_CACHE),$(HOME)/.cache/brume)
SCRATCH := $(CACHE)/build
SWIFT_FLAGS := -c release --scratch-path $(SCRATCH)
SOURCES := Sources Tests
# The program and its resources, copied out of the shared build folder: another clone's build does not change them.
BIN := .build/bin

.PHONY: build test unit integration conformance bench demo format lint docs setup setup-test clean help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

build: setup ## the program, in .build/bin/brume
	swift build $(SWIFT_FLAGS) --product brume
	scripts/collect-program $(SCRATCH)/release $(BIN)

demo: build setup-demo ## the journey from an empty bucket to a trained model, with the real clients
	scripts/demo $(BIN)/brume

# `swift test` would build everything once more with other flags: tests are built before, and run with --skip-build.
# What the tests need besides is installed while the compiler works, which leaves a processor idle a quarter of its time.
test: setup lint ## everything: unit, service, integration (Docker) and conformance (real clients) tests
	scripts/setup clients test & \
	status=0; swift build $(SWIFT_FLAGS) --build-tests || status=$$?; \
	wait $$! && exit $$status
	scripts/collect-program $(SCRATCH)/release $(BIN)
	scripts/with-docker swift test $(SWIFT_FLAGS) --skip-build
	scripts/conformance $(BIN)/brume

unit: setup ## unit and service tests: no network, no Docker
	swift build $(SWIFT_FLAGS) --build-tests
	swift test $(SWIFT_FLAGS) --skip-build --skip Integration

integration: setup-test ## the engine suite against a real Docker Engine
	swift build $(SWIFT_FLAGS) --build-tests
	scripts/with-docker swift test $(SWIFT_FLAGS) --skip-build --filter Integration

conformance: build setup-test ## unmodified gcloud, gsutil, dvc and docker against a started cloud; ARGS are pytest's
	scripts/conformance $(BIN)/brume $(ARGS)

bench: build ## start, large objects, machines and jobs, beside their bars
	swift build $(SWIFT_FLAGS) --product hello
	BENCH_HELLO=$(SCRATCH)/release/hello Benchmarks/run $(BIN)/brume $(ARGS)

format: ## rewrites the sources in the project's format
	swift format --in-place --recursive $(SOURCES)

lint: ## fails on anything that `make format` would change, and on style errors
	swift format lint --strict --recursive $(SOURCES)

docs: build ## docs/coverage.md and the README's table, from the method tables
	$(BIN)/brume coverage > docs/coverage.md
	scripts/readme-coverage

setup: ## the system packages that building and running need
	scripts/setup run

setup-demo:
	scripts/setup run clients

setup-test:
	scripts/setup run clients test

clean: ## this clone's program; `rm -r $(CACHE)` also drops the compiled dependencies and image caches
	rm -rf $(BIN)
