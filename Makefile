# Fleet: what can be done with a checkout. `make run` and `make test` install what is missing by themselves.
SHELL := /bin/bash
RELEASE := --configuration release --static-swift-stdlib
BIN = $(shell swift build $(RELEASE) --show-bin-path)
PREFIX ?= /usr/local
PYTHON := .venv/bin/python

.PHONY: all deps deps-test build run test test-unit bench format install clean

all: build

deps:
	@scripts/deps build

deps-test:
	@scripts/deps test

build: deps
	swift build $(RELEASE)

run: build
	@examples/tour "$(BIN)"

test: deps-test
	scripts/test

test-unit: deps
	scripts/test unit

bench: build deps-test
	swift build --package-path Benchmarks --configuration release
	Benchmarks/run "$(BIN)"

format:
	swift format --in-place --recursive Package.swift Sources Tests Benchmarks

install: build
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/fleet
	install -s -m 755 $(BIN)/fleet $(BIN)/fleet-kernel $(BIN)/fleet-shim $(DESTDIR)$(PREFIX)/bin
	ln -sf fleet $(DESTDIR)$(PREFIX)/bin/llmspell-fleet
	cp -r configs policies $(DESTDIR)$(PREFIX)/share/fleet

clean:
	swift package clean
	rm -rf .venv
