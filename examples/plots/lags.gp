# SPDX-License-Identifier: Apache-2.0
# lags.gp PICTURE TABLE: gradient norm by time lag, one line a scale.
load "../plots/style.gp"
set title "What reaches back: norm of the gradient by time lag"
set logscale y
set format y "10^{%T}"
set xlabel "lag"
set ylabel "norm of dh(t) / dh(t - lag)"
set key top left
plot for [i = 1:3] sprintf("< awk -F'\\t' '$1 == %s' %s", word("0.9 1.0 1.1", i), ARG2) \
     using 2:3 with linespoints ls i title "singular values " . word("0.9 1.0 1.1", i)
