# SPDX-License-Identifier: Apache-2.0
# histogram.gp PICTURE MODEL SAMPLES: a distribution and the frequencies of samples of it.
load "../plots/style.gp"
set output ARG1
set title "Histogram model: learnt by counting, and 20 000 samples of it"
set xlabel "value"
set ylabel "probability"
set key top left
plot ARG2 using 1:2 with boxes ls 1 fs solid 0.3 title "model", \
     ARG3 using 1:2 with points ls 2 title "samples"
