# SPDX-License-Identifier: Apache-2.0
# order.gp PICTURE TABLE: perplexity of held-out text by order, one line a smoothing.
load "../plots/style.gp"
set title "Perplexity of held-out verses"
set xlabel "order of the model"
set ylabel "perplexity"
set xtics 1
set yrange [0:]
methods = "witten-bell kneser-ney modified-kneser-ney"
plot for [i = 1:3] sprintf("< awk -F'\\t' '$2 == \"%s\"' %s", word(methods, i), ARG2) \
     using 1:COLUMN with linespoints ls i title word(methods, i)
