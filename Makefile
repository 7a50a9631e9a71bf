# Fleet: what can be done with a checkout. `make run` and `make test` install what is missing by themselves.
SHELL := /bin/bash
RELEASE := --configuration release --static-swift-stdlib
BIN = $(shell swift build $(RELEASE) --show-bin-path)
PREFIX ?= /usr/local
PYTHON := .venv/bin/python

.PHONY: all deps deps-test build run test test-unit soak bench format install clean

all: build

deps:
	@scripts/deps build

deps-test:
	@scripts/deps test

# Product by product: a build of everything links products of dependencies, too, which nobody needs.
build: deps
	for product in fleet fleet-kernel fleet-shim; do swift build $(RELEASE) --product $$product || exit; done

run: build
	@examples/tour "$(BIN)"

test: deps-test
	scripts/test

test-unit: deps
	scripts/test unit

# Not part of the tests: an hour of faults.
soak: deps-test
	scripts/soak

bench: build deps-test
	@scripts/deps bench
	swift build --package-path Benchmarks --configuration release
	Benchmarks/run "$(BIN)"

format:
	swift format --in-place --recursive Package.swift Sources Tests Benchmarks

# Installs what was built, so that it needs no compiler in root's path: make build && sudo make install
install:
	@test -x .build/release/fleet || { echo "nothing is built yet; run make build first" >&2; exit 1; }
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/fleet
	install -s -m 755 $(addprefix .build/release/,fleet fleet-kernel fleet-shim) $(DESTDIR)$(PREFIX)/bin
	ln -sf fleet $(DESTDIR)$(PREFIX)/bin/llmspell-fleet
	cp -r configs policies $(DESTDIR)$(PREFIX)/share/fleet

clean:
	rm -rf .build .build-asan .build-simulated Benchmarks/.build Benchmarks/.venv .venv .venv-api
