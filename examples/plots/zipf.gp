# SPDX-License-Identifier: Apache-2.0
# zipf.gp PICTURE TABLE: count by rank, and the line of slope -1.
load "../plots/style.gp"
set title "Zipf's law: how often the word of each rank occurs"
set logscale xy
set xlabel "rank"
set ylabel "count"
stats ARG2 using 2 nooutput
plot ARG2 using 1:2 with lines ls 1 title "words", \
     STATS_max / x ls 2 dt 2 title "slope -1"
