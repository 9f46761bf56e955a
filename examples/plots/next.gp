# SPDX-License-Identifier: Apache-2.0
# next.gp PICTURE TABLE: next-token distributions, one cluster a setting.
load "../plots/style.gp"
set title "The next-token distribution under temperature, top-k and top-p"
set ylabel "probability"
set style data histogram
set style histogram clustered gap 1
set yrange [0:1]
column(setting) = sprintf("< awk -F'\\t' '$1 == \"%s\" { print $2 \"\\t\" $3 }' %s", setting, ARG2)
plot column("--temperature 1") using 2:xtic(1) ls 1 title "T = 1", \
     column("--temperature 0.5") using 2 ls 2 title "T = 0.5", \
     column("--temperature 2") using 2 ls 3 title "T = 2", \
     column("--top-k 3") using 2 ls 4 title "top-k 3"
