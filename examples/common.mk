# SPDX-License-Identifier: Apache-2.0
# Included by every example: the built programs on PATH, results in lecture/NN-topic.
SHELL := /bin/bash
.SHELLFLAGS := -e -u -o pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all
export PATH := $(CURDIR)/../../.build/release:$(PATH)
PIGS := ../pigs.txt
OUT ?= ../../lecture/$(notdir $(CURDIR))
O := $(OUT)
$(shell mkdir -p $O)
# $(call plot,script.gp,data ...): a picture, where gnuplot is there.
plot = if command -v gnuplot > /dev/null; then gnuplot -c ../plots/$(1) $@ $(2); fi
