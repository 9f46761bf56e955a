# SPDX-License-Identifier: Apache-2.0
"""Words, from text to counts, beside what a shell has for it."""

from pairing import compare, once, text

SIZE = 40_000_000


def main():
    path = text(SIZE)
    # The same tokens: a mark of punctuation by itself, blanks between.
    split = r"sed -E 's/[[:punct:]]/ & /g; s/[[:blank:]]+/ /g; s/^ //; s/ $//'"
    compare("words of 40 MB, one core", f"tokenize --words -j1 {path}",
            f"LC_ALL=C {split} {path}", rounds=3, size=SIZE, peer="sed", wanted="200 M/s")
    compare("white space only", f"tokenize --whitespace -j1 {path}",
            f"LC_ALL=C tr -s ' \\t' ' ' < {path}", rounds=3, size=SIZE, peer="tr")
    compare("characters", f"tokenize --characters -j1 {path}",
            f"LC_ALL=C.UTF-8 sed 's/./& /g' {path}", rounds=3, size=SIZE, peer="sed")
    small = text(20_000_000)
    compare("counted words of 20 MB", f"tokenize --whitespace -b {small} | count-ngrams -n 1 --no-eos",
            f"LC_ALL=C tr -s ' \\t' '\\n' < {small} | LC_ALL=C sort | uniq -c", rounds=3,
            peer="tr | sort | uniq -c")
    # Twice the work of awk's pairs: with the ends of lines.
    once(f"tokenize --words {small} > {small}.tokens")
    compare("pairs of words of 20 MB", f"count-ngrams -n 2 {small}.tokens",
            f"awk '{{ for (i = 1; i < NF; i++) print $i, $(i + 1) }}' {small}.tokens | LC_ALL=C sort"
            " | uniq -c", rounds=3, peer="awk | sort | uniq -c")


if __name__ == "__main__":
    main()
