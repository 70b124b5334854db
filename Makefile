# headscope: what a user types. Shell work lives in cmake/setup/, the build itself in CMakeLists.txt.
SHELL := /bin/bash
BUILD ?= build
PRESET ?= release
PREFIX ?= /usr/local
SETUP := cmake/setup
JOBS ?= $(shell $(SETUP)/jobs)
NINJA = ninja -C $(BUILD) -j$(JOBS)
.DEFAULT_GOAL := build

.PHONY: build all demo test test-cluster asan tsan fuzz bench format format-check lint install package clean help setup configure model test-packages

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile
	@echo "  variables: BUILD=$(BUILD) PRESET=$(PRESET) JOBS=$(JOBS) PREFIX=$(PREFIX) CMAKE_ARGS=-D…"

build: configure ## the program, build/headscope (system packages and LibTorch first, where missing)
	@$(NINJA) headscope

all: configure ## everything, tests too
	@$(NINJA)

demo: build model ## real attention heads of a real model: writes out/demo/index.html
	@$(BUILD)/headscope demo -o out/demo

test: test-packages all model ## builds everything and runs every test; says what this machine cannot test
	@rm -f $(BUILD)/Testing/skipped/*
	@ctest --test-dir $(BUILD) --output-on-failure -j$(JOBS); result=$$?; tests/support/skipped $(BUILD); exit $$result

asan: test-packages ## the tests of files, text, traces, results and of running a model, under AddressSanitizer (and UBSan)
	@$(MAKE) --no-print-directory configure BUILD=build-asan PRESET=asan
	@ninja -C build-asan -j$(JOBS) headscope_tests headscope_model_tests
	@ctest --test-dir build-asan --output-on-failure -j$(JOBS)

tsan: ## a model that threads share, under ThreadSanitizer
	@$(MAKE) --no-print-directory configure BUILD=build-tsan PRESET=tsan
	@ninja -C build-tsan -j$(JOBS) headscope_thread_tests
	@ctest --test-dir build-tsan --output-on-failure

test-cluster: build ## sweeps by torchrun, mpirun, Slurm and across network namespaces, one cut off; says what is not installed
	@$(SETUP)/packages cluster || echo "setup: going on without: what needs them is skipped"
	@tests/cluster/shared_verbs $(BUILD)/headscope
	@tests/cluster/with_launchers $(BUILD)/headscope $(LAUNCHERS)

fuzz: ## fuzzes every reader of files with libFuzzer for SECONDS_EACH (60), or READER=name alone; finds are kept in out/fuzz
	@$(SETUP)/packages build fuzz
	@$(SETUP)/libtorch
	@$(MAKE) --no-print-directory configure BUILD=build-fuzz PRESET=fuzz
	@ninja -C build-fuzz -j$(JOBS) headscope_fuzz
	@tests/fuzz/run build-fuzz out/fuzz $(or $(SECONDS_EACH),60) $(READER)

bench: all model ## the benchmarks of BENCHMARKS.md, on this machine
	@$(BUILD)/headscope bench forward smollm2
	@$(BUILD)/headscope bench record smollm2

format: ## formats every C++ file
	@$(SETUP)/packages format
	@cmake/lint/format

format-check: ## says which files are not formatted
	@$(SETUP)/packages format
	@cmake/lint/format --check

lint: configure ## clang-tidy on the files changed since main (FILES="a.cpp b.cpp" names others)
	@cmake/lint/tidy $(BUILD) $(FILES)

install: build ## program, libraries, headers and CMake package into PREFIX
	@$(NINJA) headscope_installed
	@cmake --install $(BUILD) --prefix $(PREFIX)

package: configure ## a .deb of the program with LibTorch, for machines that need not compile: build/headscope_VERSION_amd64.deb
	@$(NINJA) headscope_installed
	@cd $(BUILD) && cpack -G DEB

clean: ## removes the build folder and out/ (the downloads stay in the cache)
	@rm -rf $(BUILD) build-asan build-tsan build-fuzz out

setup:
	@$(SETUP)/packages build
	@$(SETUP)/libtorch

test-packages:
	@$(SETUP)/packages test || echo "setup: going on without: the tests that need them are skipped"

configure: setup
	@$(SETUP)/configure $(BUILD) $(PRESET) $(CMAKE_ARGS)

model:
	@$(SETUP)/model
