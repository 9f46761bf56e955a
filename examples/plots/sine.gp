# SPDX-License-Identifier: Apache-2.0
# sine.gp PICTURE VALUES: a quantised signal, one value a line.
load "../plots/style.gp"
set output ARG1
set title "A sine of period 8, quantised: 2.25 bits a sample alone, 0 after two others"
set xlabel "sample"
set ylabel "quantised value"
set yrange [0:16]
plot ARG2 using 0:1 with steps lc rgb "#bbbbbb" lw 1 notitle, \
     ARG2 using 0:1 with points ls 1 notitle
