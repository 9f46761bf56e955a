# SPDX-License-Identifier: Apache-2.0
# perplexity.gp PICTURE TABLE: perplexity of held-out text by order, a column a smoothing.
load "../plots/style.gp"
set output ARG1
set title "Perplexity of the last tenth of a text"
set xlabel "order n of the model"
set ylabel "perplexity (logarithmic)"
set logscale y
set xrange [0.8:5.2]
set xtics 1
set key top left autotitle columnhead
plot for [i = 2:5] ARG2 using 1:i with linespoints ls i - 1
