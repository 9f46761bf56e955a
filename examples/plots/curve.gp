# SPDX-License-Identifier: Apache-2.0
# curve.gp PICTURE LOG: loss by step, from `train-rnn --log`.
load "../plots/style.gp"
set title "Learning curve"
set xlabel "step"
set ylabel "bits a token"
set key autotitle columnhead
plot ARG2 using 1:3 with lines ls 1 title "training", \
     ARG2 using 1:4 with linespoints ls 2 title "validation"
