# SPDX-License-Identifier: Apache-2.0
# merges.gp PICTURE TABLE: bytes a token by number of merges.
load "../plots/style.gp"
set output ARG1
set title "Byte-pair encoding: what merges buy"
set xlabel "merges"
set ylabel "bytes a token"
set yrange [0:]
plot ARG2 using 1:2 with linespoints ls 1 notitle
