# SPDX-License-Identifier: Apache-2.0
# surprisal.gp PICTURE TABLE: bits of each token, from `score --per-token`.
load "../plots/style.gp"
set title "Surprisal over a sentence"
set ylabel "bits"
set yrange [0:]
set boxwidth 0.6
plot ARG2 using 0:4:xtic(3) with boxes ls 1 notitle
