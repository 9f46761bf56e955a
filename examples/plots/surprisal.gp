# SPDX-License-Identifier: Apache-2.0
# surprisal.gp PICTURE TABLE1 TABLE2 TABLE3: bits of each word of a sentence, by order of the model.
load "../plots/style.gp"
set output ARG1
set title "How surprising is each word? (Witten-Bell, n-grams of the toy corpus)"
set xlabel "word of the sentence"
set ylabel "surprisal, bits"
set yrange [0:]
set key top right
set xtics noenhanced
plot ARG2 using 0:2:xtic(1) with linespoints ls 1 title "unigrams", \
     ARG3 using 0:2 with linespoints ls 2 title "bigrams", \
     ARG4 using 0:2 with linespoints ls 3 title "trigrams"
