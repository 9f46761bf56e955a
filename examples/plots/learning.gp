# SPDX-License-Identifier: Apache-2.0
# learning.gp PICTURE LOG: the loss that train-rnn logs, by step, and on validation data if there are any.
load "../plots/style.gp"
set output ARG1
set title "Learning: the loss falls as the network sees more"
set xlabel "step of training"
set ylabel "loss, bits a symbol"
set yrange [0:]
validated = system("awk -F '\t' 'NR > 1 && $5 != \"\"' '".ARG2."' | wc -l") > 0
if (validated) {
  plot ARG2 using 1:4 skip 1 with lines ls 1 title "training", \
       "" using 1:(strlen(strcol(5)) ? $5 : NaN) skip 1 with points ls 2 title "validation"
} else {
  plot ARG2 using 1:4 skip 1 with lines ls 1 title "training"
}
