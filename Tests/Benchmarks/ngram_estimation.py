# SPDX-License-Identifier: Apache-2.0
"""Counting and estimation of n-grams beside KenLM's programs and the shell's.

    ngram_estimation.py [corpus]      a file of tokens, a sentence a line

Without a corpus: TEXT or the texts of this machine, tokenised, 50 MB of them. Peers are `count_ngrams`
and `lmplz` where they are on the PATH, and `mawk | sort | uniq -c`. All have 1 GiB of memory. The wanted
ratios are of wall time on two cores that nobody else uses. Of a corpus above 200 MB the cost as it grows is
shown too, and what memory counting and estimation take when they may use a tenth of its size.
"""

import os
import subprocess
import sys
import tempfile

from pairing import compare, once, program, text

SHELL = r"""mawk '{ a = "<s>"; b = "<s>"; for (i = 1; i <= NF; ++i) { print a, b, $i; a = b; b = $i }
  print a, b, "</s>" }' %s | LC_ALL=C sort -S1G --parallel=2 -T %s | uniq -c"""


def measure(corpus, folder, rounds):
    size = os.path.getsize(corpus)
    title = f"{size / 1e6:.0f} MB"
    ours = f"count-ngrams -n3 -S1G -T {folder}"
    if program("count_ngrams"):
        compare(f"trigram counts of {title}, binary", f"{ours} -b {corpus}",
                f"count_ngrams -o 3 -S 1G -T {folder} --write_vocab_list {folder}/words < {corpus} "
                "2> /dev/null",
                rounds=rounds, wanted=2.9, size=size, peer="count_ngrams")
    if program("mawk"):
        compare(f"trigram counts of {title}, text", f"{ours} {corpus}", SHELL % (corpus, folder),
                rounds=rounds, wanted=6.7, size=size, peer="mawk | sort | uniq")
    if program("lmplz"):
        for order in (3, 5):
            compare(f"ARPA of order {order} of {title}",
                    f"count-ngrams -n{order} -b -S512M -T {folder} {corpus} | "
                    f"estimate-ngrams -q -S512M -T {folder}",
                    # A short text that is repeated has no n-gram that occurs once.
                    f"lmplz -o {order} -S 1G -T {folder} --discount_fallback --text {corpus} "
                    "2> /dev/null",
                    rounds=rounds, wanted=2.5 if size < 2e7 else 2, size=size, peer="lmplz")


def grow(corpus, folder):
    """Counting the first 16th, 8th, ... of the corpus: the rate stays where cost grows in a line."""
    size = os.path.getsize(corpus)
    for share in (16, 8, 4, 2, 1):
        part = os.path.join(folder, "part")
        subprocess.run(f"head -c {size // share} {corpus} > {part}", shell=True, check=True)
        wall, cpu, _ = once(f"count-ngrams -n3 -b -S1G -T {folder} {part}")
        print(f"trigram counts of {size / share / 1e6:.0f} MB: {cpu:.2f} s CPU {wall:.2f} s wall, "
              f"{size / share / cpu / 1e6:.1f} MB/s", flush=True)


def hold(corpus, folder):
    """The peak of memory where a tenth of the corpus's size is allowed."""
    size = os.path.getsize(corpus) // 10
    limit, counts = f"-S{size // 1000}K -T {folder}", os.path.join(folder, "counts")
    for title, command in (
        ("counting", ["count-ngrams", "-n3", "-b", *limit.split(), "-o", counts, corpus]),
        ("estimation to ARPA", ["estimate-ngrams", "-q", *limit.split(), counts]),
        ("estimation to a binary model", ["estimate-ngrams", "-q", "-b", *limit.split(), counts]),
    ):
        _, cpu, peak = once(command)
        print(f"{title}, a tenth of the corpus as memory: {peak / size:.3f} of it, wanted 1.05; "
              f"{cpu:.1f} s CPU", flush=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) > 1:
            is_large = os.path.getsize(sys.argv[1]) > 2e8
            measure(sys.argv[1], folder, 1 if is_large else 3)
            if is_large:
                grow(sys.argv[1], folder)
                hold(sys.argv[1], folder)
            return
        for size in (10_000_000, 50_000_000):
            corpus = os.path.join(folder, "corpus")
            subprocess.run(["tokenize", "--words", text(size), "-o", corpus], check=True)
            measure(corpus, folder, 3)


main()
