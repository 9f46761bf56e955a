# SPDX-License-Identifier: Apache-2.0
# bars.gp PICTURE TABLE: the next word's distribution under each setting, a row of the table each.
load "../plots/style.gp"
set terminal pngcairo size 980,720
set output ARG1
set multiplot layout 3,3 title "The next word under temperature, top-k and top-p" font ",13"
set yrange [0:1]
set xrange [0.4:6.6]
set ytics 0.5
set rmargin 2
set xtics font ",9" ("eat" 1, "like" 2, "see" 3, "know" 4, "do" 5, "wear" 6)
set style fill solid 0.8 noborder
set boxwidth 0.7
unset key
settings = "temperature=1 temperature=0.5 temperature=2 temperature=10 top-k=2 top-k=3 top-p=0.5 top-p=0.9 top-p=0.95"
do for [setting in settings] {
  set title setting font ",11"
  set ylabel (setting eq "temperature=1" || setting eq "temperature=10" || setting eq "top-p=0.5") ? "probability" : ""
  plot for [i = 2:7] "< grep -E '^".setting."\t' ".ARG2 using (i - 1):i with boxes ls 1
}
