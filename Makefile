# The ways in. Every target works in a fresh clone on Debian 12; `make help` lists them.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

JOBS ?= $(shell nproc)
BUILD := build/release
CREDENCE := $(BUILD)/bin/credence
PREFIX ?= /usr/local
# Time limits, in seconds.
TEST_TIMEOUT ?= 1500
ASAN_TIMEOUT ?= 3600
TSAN_TIMEOUT ?= 3600
BENCH_TIMEOUT ?= 3600
CRASH_SECONDS ?= 300
SOAK_SECONDS ?= 1800
FUZZ_SECONDS ?= 60
# Names of targets; all of them where empty.
FUZZ_TARGETS ?=

CTEST := ctest --output-on-failure --parallel $(JOBS)

.PHONY: help deps deps-bench deps-check configure build test demo check bench asan tsan fuzz crash soak \
  install package clean

help:  ## lists the targets
	@sed -n 's/^\([a-z-]*\):.*  ## /\1  /p' $(MAKEFILE_LIST) | \
	  while read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

deps:  ## installs the Debian packages of deploy/packages.txt (as root, else through sudo)
	@deploy/install-packages.sh deploy/packages.txt

deps-bench: deps
	@deploy/install-packages.sh deploy/packages-bench.txt

deps-check: deps
	@deploy/install-packages.sh deploy/packages-check.txt

# One build type everywhere, so that one compilation serves build, test, demo and bench.
configure: deps
	@cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=Release

build: configure  ## builds the program: build/release/bin/credence
	@ninja -C $(BUILD) -j $(JOBS) bin/credence

test: configure  ## builds everything and runs every test
	@ninja -C $(BUILD) -j $(JOBS)
	@timeout --foreground $(TEST_TIMEOUT) $(CTEST) --test-dir $(BUILD)

demo: build  ## runs the case of examples/afghanistan-2021 against a real server
	@examples/afghanistan-2021/demo.sh $(CREDENCE)

check: deps-check configure  ## format, static analysis, warnings of both compilers, protos, arrows, documents
	@JOBS=$(JOBS) tests/tidy/check.sh $(BUILD)

bench: deps-bench configure  ## measures; prints a table and writes build/bench/*.json
	@ninja -C $(BUILD) -j $(JOBS)
	@mkdir -p build/bench
	@timeout --foreground $(BENCH_TIMEOUT) tests/bench/run.sh $(BUILD) build/bench

# sanitizer(NAME, DIRECTORY, SECONDS): the whole test suite under one sanitizer.
define sanitizer
	@cmake -S . -B $(2) -G Ninja -DCMAKE_BUILD_TYPE=Release -DCREDENCE_SANITIZER=$(1) \
	  -DCREDENCE_BUILD_BENCHMARKS=OFF
	@ninja -C $(2) -j $(JOBS)
	@timeout --foreground $(3) $(CTEST) --test-dir $(2)
endef

asan: deps  ## the tests under the address and undefined-behaviour sanitizers (ASAN_TIMEOUT seconds)
	$(call sanitizer,address,build/asan,$(ASAN_TIMEOUT))

tsan: deps  ## the tests under the thread sanitizer (TSAN_TIMEOUT seconds)
	$(call sanitizer,thread,build/tsan,$(TSAN_TIMEOUT))

# Clang counts where an input led; every target gets its share of the time, one after another.
fuzz: deps-check  ## the decoders, and decide, under libFuzzer (FUZZ_SECONDS seconds for each)
	@cmake -S . -B build/fuzz -G Ninja -DCMAKE_BUILD_TYPE=Release -DCREDENCE_SANITIZER=fuzzer \
	  -DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14 -DCREDENCE_BUILD_BENCHMARKS=OFF
	@ninja -C build/fuzz -j $(JOBS) bin/credence_fuzz
	@tests/fuzz/run.sh build/fuzz/bin/credence_fuzz build/fuzz/corpus $(FUZZ_SECONDS) $(FUZZ_TARGETS)

# A third of the time each: every disk operation failing in turn, flipped bits, killed programs.
crash: configure  ## fails the disk, flips bits, kills the program, for CRASH_SECONDS seconds
	@ninja -C $(BUILD) -j $(JOBS) bin/credence_ledger_tests bin/credence_crash_tests
	@CREDENCE_CRASH_SECONDS=$$(($(CRASH_SECONDS) / 3)) CREDENCE_FAULT_RUNS=0 CREDENCE_FLIPS=10000 \
	  $(BUILD)/bin/credence_ledger_tests --gtest_brief=1 --gtest_filter='FaultSweepTest.*:FlipTest.*'
	@CREDENCE_CRASH_SECONDS=$$(($(CRASH_SECONDS) / 6)) CREDENCE_KILL_ROUNDS=1000000 \
	  $(BUILD)/bin/credence_ledger_tests --gtest_brief=1 --gtest_filter='KillTest.*'
	@CREDENCE_CRASH_SECONDS=$$(($(CRASH_SECONDS) / 6)) CREDENCE_KILL_ROUNDS=1000000 \
	  $(BUILD)/bin/credence_crash_tests --gtest_brief=1

# As root the ledger is on a file system of its own, so that its disk can be full.
soak: configure  ## a server under load, killed, its disk full, its certificate replaced (SOAK_SECONDS)
	@ninja -C $(BUILD) -j $(JOBS) bin/credence credence_python
	@PYTHONPATH=$(BUILD)/python /usr/bin/python3 tests/soak/soak.py $(CREDENCE) $(SOAK_SECONDS)

install: build  ## installs program, client libraries and manual below DESTDIR and PREFIX
	@ninja -C $(BUILD) -j $(JOBS) credence_installed
	@cmake --install $(BUILD) --prefix $(PREFIX)

package: build  ## the Debian package: build/release/credence_VERSION_ARCH.deb
	@ninja -C $(BUILD) -j $(JOBS) credence_package_files
	@cd $(BUILD) && cpack -G DEB

clean:  ## removes everything that was built
	@rm -rf build
