# SPDX-License-Identifier: Apache-2.0
# lags.gp PICTURE 0.9 1.0 1.1 TANH: norm of the gradient by lag, a table for each matrix.
load "../plots/style.gp"
set output ARG1
set title "What is left of a gradient after many steps back"
set xlabel "lag, steps back in time"
set ylabel "norm of the gradient (logarithmic)"
set logscale y
set format y "10^{%L}"
set termoption enhanced
set yrange [1e-22:1e6]
set key bottom left
plot ARG4 using 1:2 with lines ls 2 title "linear, singular values 1.1: explodes", \
     ARG3 using 1:2 with lines ls 3 title "linear, singular values 1.0: stays", \
     ARG2 using 1:2 with lines ls 1 title "linear, singular values 0.9: vanishes", \
     ARG5 using 1:2 with lines ls 4 title "tanh with inputs, singular values 1.1: vanishes all the same"
