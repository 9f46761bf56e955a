#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bits a test picture under each model of the folder $1: the raw size is 64.
set -euo pipefail
O=$1
row() { printf '%-34s %s\n' "$1" "$2"; }
bits() { score -m "$O/$1" --bits-per-line "${2:-$O/test.tok}" | awk '{ printf "%.3f", $1 }'; }
# Of records with n tokens between, only the last of each n + 1 count.
last() {
  score -m "$O/$1" --per-token - | awk -v n="$2" -v skip="$3" '
    skip ? (NR - 1) % n >= skip : NR % n == 0 { s += $2 } END { printf "%.3f", s / 397 }'
}
pictures=$(mktemp); trap 'rm -f "$pictures"' EXIT
tokenize --lines "$O/test.tok" > "$pictures"
row 'joint table, pictures of P = 0' "$(score -m "$O/joint.lm" --prob "$pictures" | grep -cx 0)"
row 'joint table, add-1' "$(score -m "$O/joint.lm" --prob "$pictures" |
  awk '{ s -= log(($1 * 1400 + 1) / (1400 + 2^64)) / log(2) } END { printf "%.3f", s / NR }')"
row 'tied, previous pixel' "$(sed 's/^/0 /' "$O/test.tok" | last tied1.lm 65 1)"
row 'one Bernoulli a pixel' "$(bits positional1.lm)"
row 'tied, 8 previous pixels' "$(sed 's/^/0 0 0 0 0 0 0 0 /' "$O/test.tok" | last tied8.lm 72 8)"
row 'a conditional a pixel, previous' "$(bits positional2.lm)"
row 'a conditional a pixel, 4 previous' "$(bits positional5.lm)"
row 'left, above' "$(awk -v n=2 -f neighbours.awk "$O/test.tok" | last near2.lm 3 0)"
row 'left, above, both diagonals' "$(awk -v n=4 -f neighbours.awk "$O/test.tok" | last near4.lm 5 0)"
