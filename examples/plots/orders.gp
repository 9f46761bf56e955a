# SPDX-License-Identifier: Apache-2.0
# orders.gp PICTURE TABLE: bits a byte by the longest context of an adaptive code.
load "../plots/style.gp"
set output ARG1
set title "An adaptive arithmetic code: how long should contexts be?"
set xlabel "length of the longest context, bytes"
set ylabel "bits a byte, headers included"
set yrange [2:]
plot ARG2 using 1:2 with linespoints ls 1 title "weights by Witten and Bell's rule", \
     ARG2 using 1:3 with linespoints ls 2 title "weights learnt"
