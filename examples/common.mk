# SPDX-License-Identifier: Apache-2.0
# Included by every example: the built programs on PATH, results in lecture/NN-topic.
#   make          run the pipelines
#   make check    and compare with expected/
SHELL := /bin/bash
.SHELLFLAGS := -e -u -o pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all
BIN ?= $(CURDIR)/../../.build/release
export PATH := $(BIN):$(PATH)
export LC_ALL := C
PIGS := ../pigs.txt
OUT ?= ../../lecture
O := $(OUT)/$(notdir $(CURDIR))
$(shell mkdir -p $O)
# $(call plot,script.gp,data ...): a picture, where gnuplot is there.
plot = if command -v gnuplot > /dev/null; then gnuplot -c ../plots/$(1) $@ $(2); fi
# Seven digits of every number: the rest differs between C libraries.
ROUND := awk -F'\t' -v OFS='\t' '{ for (i = 1; i <= NF; i++) \
  if ($$i ~ /^-?[0-9]+\.[0-9][0-9][0-9][0-9][0-9]/) $$i = sprintf("%.7g", $$i) } 1'

check: all
	@for f in expected/*; do diff -u "$$f" "$O/$${f##*/}"; done
clean:
	rm -rf $O
.PHONY: all check clean
