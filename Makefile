# SPDX-License-Identifier: Apache-2.0
#
#   make              build the programs in .build/release
#   make demo         raw text -> generated text on real texts, each command shown
#   make test         build and run every test
#   make lecture      every example: pictures, tables and an index page in lecture/
#   make quiz         five questions that pipelines answer
#   make install      PREFIX=/usr/local DESTDIR= PROGRAM_PREFIX=
#   make benchmark    speed beside the peers that PYTHON and PATH have; AREA=name for one script
#   make conformance  our results beside theirs; AREA=name for one script
#   make fuzz         TIME=60 seconds of random bytes for each parser
#   make faults       every program against full disks, signals, altered files; a table
#   make sanitize     the tests under AddressSanitizer and ThreadSanitizer
#   make deps         install what the build needs and is missing

PREFIX ?= /usr/local
DESTDIR ?=
PROGRAM_PREFIX ?=
TIME ?= 60
SWIFT ?= swift
PYTHON ?= python3
BIN = .build/release

# Programs have lower-case folders, modules have capitals.
PROGRAMS := $(shell LC_ALL=C ls Sources | LC_ALL=C grep '^[a-z]')
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: all deps demo test lecture quiz lint install benchmark conformance fuzz faults sanitize \
  clean

all: deps
	$(SWIFT) build -c release

deps:
	@command -v $(SWIFT) > /dev/null || \
	  { echo "make: no Swift toolchain; see https://www.swift.org/install" >&2; exit 1; }
	@pkg-config --exists libzstd libutf8proc 2> /dev/null || if command -v apt-get > /dev/null; then \
	  $(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -qy --no-install-recommends libzstd-dev libutf8proc-dev pkg-config; \
	else brew install zstd utf8proc pkg-config; fi

demo: all
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash examples/demo.sh

lecture: all
	@bash examples/lecture.sh lecture

quiz: all
	@$(MAKE) -s -C examples/20-quiz quiz

test: deps lint
	$(SWIFT) build -c release --build-tests
	SWIFT_BACKTRACE=enable=no $(SWIFT) test -c release --skip-build
	@if command -v $(PYTHON) > /dev/null; then $(FAULTS) --quick; else echo "faults: skipped: no $(PYTHON)"; fi

lint:
	@$(SWIFT) format lint --strict --recursive Package.swift Sources Tests
	@if command -v mandoc > /dev/null; then mandoc -T lint -W warning man/*.[1-8]; fi

install: all
	install -d "$(DESTDIR)$(PREFIX)/bin"
	for section in 1 5 7; do install -d "$(DESTDIR)$(PREFIX)/share/man/man$$section"; done
	for folder in bash-completion/completions zsh/site-functions fish/vendor_completions.d; do \
	  install -d "$(DESTDIR)$(PREFIX)/share/$$folder"; done
	set -e; share="$(DESTDIR)$(PREFIX)/share"; for program in $(PROGRAMS); do \
	  name="$(PROGRAM_PREFIX)$$program"; installed="$(DESTDIR)$(PREFIX)/bin/$$name"; \
	  install -m 755 "$(BIN)/$$program" "$$installed"; strip "$$installed"; \
	  install -m 644 "man/$$program.1" "$$share/man/man1/$$name.1"; \
	  "$$installed" --generate-completion-script bash > "$$share/bash-completion/completions/$$name"; \
	  "$$installed" --generate-completion-script zsh > "$$share/zsh/site-functions/_$$name"; \
	  "$$installed" --generate-completion-script fish > "$$share/fish/vendor_completions.d/$$name.fish"; \
	done
	install -m 644 man/*.5 "$(DESTDIR)$(PREFIX)/share/man/man5"
	install -m 644 man/*.7 "$(DESTDIR)$(PREFIX)/share/man/man7"

# Every script of a folder, or the one that AREA names; the status tells whether all of them succeeded.
# A script whose peer is absent says so and succeeds.
SCRIPTS = $(if $(AREA),$(1)/$(AREA).py,$(filter-out %/pairing.py,$(sort $(wildcard $(1)/*.py))))
RUN_SCRIPTS = @status=0; for script in $(call SCRIPTS,$(1)); do echo "== $$script"; \
	  PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONDONTWRITEBYTECODE=1 $(PYTHON) $$script || status=1; \
	done; exit $$status

benchmark: all
	$(call RUN_SCRIPTS,Tests/Benchmarks)

conformance: all
	$(call RUN_SCRIPTS,Tests/ConformanceTests)

fuzz: deps
	@bash Tests/Fuzz/run.sh "$(TIME)"

FAULTS = PATH="$(CURDIR)/$(BIN):$$PATH" $(PYTHON) Tests/Faults/faults.py

faults: all
	@$(FAULTS)

# Programs link the Swift runtime dynamically there: a sanitizer brings its own of some libraries.
SANITIZERS ?= address thread
sanitize: deps
	@set -e; export CHAINRULE_SANITIZE=1 SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0; \
	for kind in $(SANITIZERS); do \
	  $(SWIFT) build -c release --scratch-path .build-$$kind --sanitize $$kind --build-tests; \
	  $(SWIFT) test -c release --scratch-path .build-$$kind --sanitize $$kind --skip-build; \
	done

clean:
	$(SWIFT) package clean
