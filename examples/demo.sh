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

texts=()
for text in /usr/share/common-licenses/*; do [ -L "$text" ] || texts+=("$text"); done
if command -v bible > /dev/null; then
  bible -f 'Ge1:1-Re22:21' > kjv.txt 2> /dev/null || rm -f kjv.txt
  [ ! -s kjv.txt ] || texts=("$folder/kjv.txt")
fi
cat "${texts[@]}" > text.txt
say "Real text: $(wc -c < text.txt) bytes of ${texts[0]##*/} and $((${#texts[@]} - 1)) more files"
say "A word trigram, modified Kneser-Ney"
show "tokenize --words -b text.txt | count-ngrams -n 3 -b | estimate-ngrams -b > words.lm"
show "tokenize --words pigs.txt | score -m words.lm"
show "sample -m words.lm -n 5 --seed 4 --max-tokens 40"
say "Byte-level byte pairs, and a model of order 5 over them"
show "bpe-learn --vocabulary 2000 text.txt > text.bpe"
show "echo 'In the beginning' | tokenize -m text.bpe"
show "tokenize -m text.bpe -b text.txt | count-ngrams -n 5 -b | estimate-ngrams -b > pairs.lm"
show "sample -m pairs.lm -n 5 --seed 4 --temperature 0.8 --max-tokens 60"
say "Done. Where to read on: README.md, man ./man/chainrule.7"
