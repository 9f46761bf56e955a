#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From raw text to generated text, each command before its output.
set -euo pipefail
examples=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cp "$examples/pigs.txt" .

say() { printf '\n# %s\n' "$*"; }
show() {
  printf '$ %s\n' "$1"
  bash -o pipefail -c "$1"
}

say "A toy corpus: tokens, counts, a model, probabilities"
show "head -3 pigs.txt"
show "tokenize --words < pigs.txt | count-ngrams -n 2 | head -4"
show "tokenize --words < pigs.txt | count-ngrams -n 2 | estimate-ngrams --smoothing mle > b.lm"
show "echo 'what do pigs eat ?' | tokenize --words | score -m b.lm --per-token --prob"
show "sample -m b.lm --show --prompt 'what do'"
show "sample -m b.lm -n 4 --seed 1"
say "Greedy search is wrong, and so is a narrow beam"
show "beam -m b.lm --width 1 --prob; beam -m b.lm --width 4 --prob"

for text in /usr/share/common-licenses/*; do [ -L "$text" ] || cat "$text"; done > licences.txt
if command -v bible > /dev/null && bible -f 'Ge1:1-Re22:21' > kjv.txt 2> /dev/null; then
  book=kjv.txt
else
  book=licences.txt
fi
say "A word trigram, modified Kneser-Ney, of real text: $(wc -c < $book) bytes of $book"
show "tokenize --words -b $book | count-ngrams -n 3 -b | estimate-ngrams -b > words.lm"
show "tokenize --words pigs.txt | score -m words.lm"
show "sample -m words.lm -n 5 --seed 4 --max-tokens 40"
say "Byte-level byte pairs, and a model of order 5 over them: $(wc -c < licences.txt) bytes of licences"
show "awk -v RS= '{ \$1 = \$1 } 1' licences.txt > paragraphs.txt"
show "bpe-learn --vocabulary 2000 paragraphs.txt > text.bpe"
show "echo 'You may redistribute it' | tokenize -m text.bpe"
show "tokenize -m text.bpe -b paragraphs.txt | count-ngrams -n 5 -b | estimate-ngrams -b > pairs.lm"
show "sample -m pairs.lm -n 5 --seed 4 --temperature 0.7 --max-tokens 60"
say "Done. Where to read on: README.md, man ./man/chainrule.7"
