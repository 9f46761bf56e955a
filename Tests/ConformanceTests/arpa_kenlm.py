# SPDX-License-Identifier: Apache-2.0
"""ARPA files between us and KenLM's Python module: ours read there, others' read here.

  arpa_kenlm.py record FOLDER   writes the fixtures of ARPAConformanceTests.swift
  arpa_kenlm.py                 compares live, with the programs on the PATH; `lmplz`, if it is there
                                too, writes one more file

Scores are log10 of a sentence's probability, its end included; they agree to 1e-5.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile

# The script kenlm.py of this folder is not the module.
sys.path = [path for path in sys.path if os.path.abspath(path) != os.path.dirname(
    os.path.abspath(__file__))]
try:
    import kenlm
except ImportError as error:
    print(f"arpa_kenlm.py: skipped: {error}")
    sys.exit(0)

PIGS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/pigs.txt")
SENTENCES = [
    "what do pigs eat ?", "pigs eat what do ?", "what do snails eat ?", "", "?", "eat eat eat",
    "dogs eat apples .", "do cows like grass and corn ?",
]
# What others write: no back-off where nothing follows, lines in any order, blank lines, -99, TABs.
OTHERS = """\
\\data\\
ngram 1=5
ngram 2=4
ngram 3=2

\\1-grams:
-0.9\tpig\t-0.2
-1.5\t<unk>
-99\t<s>\t-0.4
-0.7\t</s>
-0.8\tcow\t-0.3

\\2-grams:
-0.25\tpig </s>
-0.4\t<s> pig\t-0.1
-0.5\tcow pig\t-0.15
-0.6\t<s> cow

\\3-grams:
-0.1\tcow pig </s>
-0.2\t<s> pig </s>

\\end\\
"""
OTHERS_SENTENCES = ["pig", "cow", "cow pig", "pig cow", "", "ox", "pig ox pig", "cow cow pig pig"]


def run(*command, stdin=""):
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout


def estimated(order, smoothing, text, path):
    counts = run("count-ngrams", "-n", str(order), stdin=text)
    run("estimate-ngrams", "-q", "--smoothing", smoothing, "-o", path, stdin=counts)


def theirs(path, sentences):
    model = kenlm.Model(path)
    return [model.score(sentence, bos=True, eos=True) for sentence in sentences]


def ours(path, sentences):
    table = run("score", "-m", path, "--per-line", "--unit", "log10",
                stdin="".join(sentence + "\n" for sentence in sentences))
    return [-float(line.split("\t")[0]) for line in table.splitlines()]


def check(title, path, sentences):
    pairs = list(zip(ours(path, sentences), theirs(path, sentences)))
    assert len(pairs) == len(sentences)
    largest = max(abs(a - b) for a, b in pairs)
    print(f"{title}: {len(pairs)} sentences, largest difference {largest:.1e}")
    assert largest < 1e-5 * max(1, max(abs(b) for _, b in pairs) / 10), pairs


def record(folder):
    text = open(PIGS).read()
    with open(os.path.join(folder, "others.arpa"), "w") as file:
        file.write(OTHERS)
    with open(os.path.join(folder, "kenlm-scores.txt"), "w") as file:
        path = os.path.join(folder, "ours.arpa")
        for smoothing in ("modified-kneser-ney", "kneser-ney"):
            estimated(3, smoothing, text, path)
            for sentence, score in zip(SENTENCES, theirs(path, SENTENCES)):
                file.write(f"{smoothing}\t{sentence}\t{score:.6f}\n")
        os.remove(path)
        for sentence, score in zip(
                OTHERS_SENTENCES, theirs(os.path.join(folder, "others.arpa"), OTHERS_SENTENCES)):
            file.write(f"others\t{sentence}\t{score:.6f}\n")


def compare():
    draw = random.Random(5)
    words = [f"w{n}" for n in range(400)]
    weights = [1 / rank for rank in range(1, 401)]

    def text(lines):
        return [" ".join(draw.choices(words, weights, k=draw.randint(0, 15))) for _ in range(lines)]

    train, test = text(4000), text(500)
    corpus = "".join(line + "\n" for line in train)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.arpa")
        for order in (1, 2, 3, 5):
            for smoothing in ("modified-kneser-ney", "kneser-ney", "witten-bell", "katz",
                              "backoff=0.5"):
                if order == 1 and smoothing != "witten-bell":
                    continue
                estimated(order, smoothing, corpus, path)
                if order == 1:
                    continue  # KenLM reads no unigram models.
                # A closed vocabulary gives unknown words nothing; KenLM then has its own idea of them.
                known = set(corpus.split())
                sentences = test if "kneser" in smoothing else [
                    line for line in test if set(line.split()) <= known]
                check(f"{smoothing} of order {order}", path, sentences)
        path = os.path.join(folder, "others.arpa")
        with open(path, "w") as file:
            file.write(OTHERS)
        check("an ARPA file by hand", path, OTHERS_SENTENCES)
        if not shutil.which("lmplz"):
            print("arpa_kenlm.py: skipped in part: no lmplz on the PATH")
            return
        with open(path, "w") as file:
            file.write(run("lmplz", "-o", "4", "--discount_fallback", stdin=corpus))
        check("an ARPA file of lmplz, order 4", path, test)


if __name__ == "__main__":
    if sys.argv[1:2] == ["record"]:
        record(sys.argv[2])
    else:
        compare()
