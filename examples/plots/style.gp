# SPDX-License-Identifier: Apache-2.0
# One look for all pictures.
set terminal pngcairo size 840,520 font "Sans,11" noenhanced
set datafile separator "\t"
set border 3
set tics nomirror out
set rmargin 4
set grid ytics lc rgb "#dddddd"
set key top right
set style line 1 lc rgb "#1f5fa8" lw 2 pt 7 ps 0.7
set style line 2 lc rgb "#c8472b" lw 2 pt 5 ps 0.7
set style line 3 lc rgb "#3a8f3a" lw 2 pt 9 ps 0.8
set style line 4 lc rgb "#8a5fb0" lw 2 pt 11 ps 0.8
set style fill solid 0.75 noborder
