# SPDX-License-Identifier: Apache-2.0
# zipf.gp PICTURE TABLE: frequency of words by rank.
load "../plots/style.gp"
set output ARG1
set title "Zipf's law: a few words are everywhere, most are nowhere"
set xlabel "rank of the word (logarithmic)"
set ylabel "occurrences (logarithmic)"
set logscale xy
stats ARG2 using 2 nooutput
plot ARG2 using 1:2 with points ls 1 title "words of the text", \
     STATS_max / x with lines ls 2 title "largest / rank"
