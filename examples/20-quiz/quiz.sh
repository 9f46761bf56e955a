#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Questions, the pipelines that answer them, and the answers; $1 is the folder of the models.
set -euo pipefail
ask() {
  printf '%s\n  $ %s\n' "$1" "$2"
  folder=$PWD/..
  (cd "$O" && pigs=$folder/pigs.txt bash -o pipefail -c "$2") | sed 's/^/  /'
}
O=$1
ask '1. How likely is "what do pigs eat ?" under bigrams? (2/45)' \
  "echo 'what do pigs eat ?' | score -m 2.lm --prob | cut -c1-8"
ask '2. Which sentence is the likeliest?' 'beam -m 2.lm --exact'
ask '3. How many different bigrams are there?' 'tokenize "$pigs" | count-ngrams -n 2 | wc -l'
ask '4. What may follow "what do pigs"?' "sample -m 3.lm --show 'what do pigs' | awk '\$2 > 0'"
ask '5. What is the password?' \
  "sample -m c.lm --argmax --max-tokens 2 'w h a t ▁ d o ▁ p' | tail -c 4"
