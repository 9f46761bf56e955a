# SPDX-License-Identifier: Apache-2.0
"""Counting and estimation of n-grams beside KenLM's programs and the shell's.

    ngram_estimation.py [corpus]      a file of tokens, a sentence a line

Without a corpus: TEXT or the texts of this machine, tokenised, 50 MB of them. Peers are `count_ngrams`
and `lmplz` where they are on the PATH, and `mawk | sort | uniq -c`. All have 1 GiB of memory. The wanted
ratios are of wall time on two cores that nobody else uses.
"""

import os
import subprocess
import sys
import tempfile

from pairing import compare, program, text

SHELL = r"""mawk '{ a = "<s>"; b = "<s>"; for (i = 1; i <= NF; ++i) { print a, b, $i; a = b; b = $i }
  print a, b, "</s>" }' %s | LC_ALL=C sort -S1G --parallel=2 -T %s | uniq -c"""


def measure(corpus, folder, rounds):
    size = os.path.getsize(corpus)
    title = f"{size / 1e6:.0f} MB"
    ours = f"count-ngrams -n3 -S1G -T {folder}"
    if program("count_ngrams"):
        compare(f"trigram counts of {title}, binary", f"{ours} -b {corpus}",
                f"count_ngrams -o 3 -S 1G -T {folder} --write_vocab_list {folder}/words < {corpus}",
                rounds=rounds, wanted=2.9, size=size, peer="count_ngrams")
    if program("mawk"):
        compare(f"trigram counts of {title}, text", f"{ours} {corpus}", SHELL % (corpus, folder),
                rounds=rounds, wanted=6.7, size=size, peer="mawk | sort | uniq")
    if program("lmplz"):
        for order in (3, 5):
            compare(f"ARPA of order {order} of {title}",
                    f"count-ngrams -n{order} -b -S512M -T {folder} {corpus} | "
                    f"estimate-ngrams -q -S512M -T {folder}",
                    f"lmplz -o {order} -S 1G -T {folder} --text {corpus} 2> /dev/null",
                    rounds=rounds, wanted=2.5 if size < 2e7 else 2, size=size, peer="lmplz")


def main():
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) > 1:
            return measure(sys.argv[1], folder, 1 if os.path.getsize(sys.argv[1]) > 2e8 else 3)
        for size in (10_000_000, 50_000_000):
            corpus = os.path.join(folder, "corpus")
            subprocess.run(["tokenize", "--words", text(size), "-o", corpus], check=True)
            measure(corpus, folder, 3)


main()
