# SPDX-License-Identifier: Apache-2.0
"""Our byte-pair learning beside that of the `tokenizers` library, of subword-nmt, of tiktoken's
educational trainer, and of fastBPE (a program `fast` on the PATH), where they are there.

  bpe_learning.py record FOLDER           writes the fixtures of BPELearnTests.swift
  bpe_learning.py record-fastbpe FOLDER   writes that of fastBPE
  bpe_learning.py                         compares live, with the programs on the PATH
"""

import base64
import contextlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

# A neighbour has the library's name: its folder must not be searched for it.
sys.path.pop(0)
try:
    import tokenizers
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
except ImportError as error:
    print(f"bpe_learning.py: skipped: {error}")
    sys.exit(0)


GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def text(seed, lines):
    """Lines of words made of few syllables, so that many counts tie, with what pre-tokenisers cut at."""
    draw = random.Random(seed)
    syllables = "pa ti ko re mu la sen dor vi é ß 日 the ing 's".split()
    words = ["".join(draw.choices(syllables, k=draw.randint(1, 4))) for _ in range(300)]
    weights = [1 / rank for rank in range(1, 301)]
    between = [" "] * 12 + [", ", ". ", "  ", " 42 ", "!? ", " 1999", "\t", "\u3000", " 😀 "]
    return [
        "".join(word + draw.choice(between)
                for word in draw.choices(words, weights, k=draw.randint(0, 20)))
        for _ in range(lines)
    ]


def learnt(lines, size, byte_level=True, minimum=0):
    tokenizer = Tokenizer(models.BPE())
    options = {"vocab_size": size, "show_progress": False, "min_frequency": minimum}
    if byte_level:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        options["initial_alphabet"] = pre_tokenizers.ByteLevel.alphabet()
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.train_from_iterator(lines, trainers.BpeTrainer(**options))
    return tokenizer


def ids(tokenizer, lines):
    return [tokenizer.encode(line).ids for line in lines]


def record(folder):
    lines = text(7, 120)
    tokenizer = learnt(lines, 600)
    with open(os.path.join(folder, "bpe-text.txt"), "w") as file:
        file.write("".join(line + "\n" for line in lines))
    with open(os.path.join(folder, "bpe-merges.txt"), "w") as file:
        for merge in json.loads(tokenizer.to_str())["model"]["merges"]:
            file.write((merge if isinstance(merge, str) else " ".join(merge)) + "\n")
    with open(os.path.join(folder, "bpe-ids.txt"), "w") as file:
        file.write("".join(" ".join(map(str, row)) + "\n" for row in ids(tokenizer, lines)))
    tokenizer.save(os.path.join(folder, "bpe-tokenizer.json"), pretty=False)


def run(*command, stdin=""):
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout


def compare():
    held_out = text(99, 400)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "ours.json")
        theirs_path = os.path.join(folder, "theirs.json")
        for seed, size, byte_level, minimum in [
            (1, 300, True, 0), (2, 1000, True, 0), (3, 4000, True, 2), (4, 500, False, 0),
            (5, 2000, False, 3)]:
            lines = text(seed, 2000)
            theirs = learnt(lines, size, byte_level, minimum)
            options = ["--bytes"] if byte_level else ["--characters", "--pattern", "whitespace"]
            run("bpe-learn", *options, "--vocabulary", str(size), "--min-count",
                str(max(minimum, 1)), "--format", "json", "-o", path,
                stdin="".join(line + "\n" for line in lines))
            ours = Tokenizer.from_file(path)
            # Ours has a piece for characters that were not in the text.
            pieces = {piece: id for piece, id in ours.get_vocab().items() if piece != "<unk>"}
            assert pieces == theirs.get_vocab(), (seed, "vocabularies differ")
            # Both directions: their library with our file, our program with theirs.
            expected = ids(theirs, held_out)
            assert ids(ours, held_out) == expected, (seed, "ids of our file differ")
            theirs.save(theirs_path)
            for model in (path, theirs_path):
                if not byte_level:
                    continue
                found = run("tokenize", "-m", model, "--ids",
                            stdin="".join(line + "\n" for line in held_out))
                assert [list(map(int, line.split())) for line in found.splitlines()] == expected
            kind = "bytes" if byte_level else "characters"
            print(f"{kind}, {size} pieces: vocabulary and ids as tokenizers {tokenizers.__version__}")


def compare_subword_nmt():
    try:
        from subword_nmt.learn_bpe import learn_bpe
    except ImportError as error:
        return print(f"skip subword-nmt: {error}")
    for seed, size in [(11, 200), (12, 1500)]:
        # It parts words at blanks only.
        lines = [line.replace("\t", " ").replace("\u3000", " ") for line in text(seed, 1500)]
        codes = io.StringIO()
        with contextlib.redirect_stderr(io.StringIO()):
            learn_bpe(io.StringIO("".join(line + "\n" for line in lines)), codes, size, 2)
        found = run("bpe-learn", "--characters", "--pattern", "whitespace", "--word-end", "</w>", "--ties", "subword-nmt",
                    "--min-count", "2", "-n", str(size), stdin="".join(line + "\n" for line in lines))
        assert found.splitlines()[1:] == codes.getvalue().splitlines()[1:], (seed, "codes differ")
        print(f"{size} codes: as subword-nmt")


def compare_first_seen():
    try:
        from tiktoken._educational import bpe_train
    except ImportError as error:
        return print(f"skip tiktoken: {error}")
    for seed in (21, 22):
        line = " ".join(text(seed, 60))
        ranks = bpe_train(line, 500, GPT2, visualise=None)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "ours")
            run("bpe-learn", "--ties", "first-seen", "--vocabulary", "500", "--format", "json", "-o", path, stdin=line + "\n")
            saved = run("tokenize", "-m", path, "--save", "tiktoken")
        ours = {base64.b64decode(a): int(b) for a, b in (row.split() for row in saved.splitlines())}
        assert ours == ranks, (seed, "ranks differ")
    print("first-seen, 500 ranks: as tiktoken's educational trainer")


FASTBPE = ["--characters", "--pattern", "whitespace", "--word-end", "</w>", "--ties", "fastbpe"]


def plain(lines):
    """Lines whose words are parted by what fastBPE parts them by."""
    return "".join(line.replace("\t", " ").replace("\u3000", " ") + "\n" for line in lines)


def record_fastbpe(folder):
    """The codes that fastBPE learns from the text that `record` wrote."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(plain(open(os.path.join(folder, "bpe-text.txt"), encoding="utf-8").read().split("\n")[:-1]))
        file.flush()
        with open(os.path.join(folder, "fastbpe-codes.txt"), "w") as codes:
            codes.write(run("fast", "learnbpe", "400", file.name))


def compare_fastbpe():
    if not shutil.which("fast"):
        return print("skip fastBPE: no program fast")
    for seed, size in [(31, 50), (32, 300), (33, 1500)]:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(plain(text(seed, 1500)))
            file.flush()
            theirs = run("fast", "learnbpe", str(size), file.name)
            ours = subprocess.run(
                ["bpe-learn", *FASTBPE, "--trace", "-n", str(size), "-o", "/dev/null", file.name],
                stderr=subprocess.PIPE, text=True, check=True).stderr
        # It goes on where no pair is left.
        theirs = [line for line in theirs.splitlines() if not line.endswith(" 0")]
        assert ours.splitlines() == theirs, (seed, "codes differ")
        print(f"{size} codes: as fastBPE")


if __name__ == "__main__":
    if sys.argv[1:2] == ["record"]:
        record(sys.argv[2])
    elif sys.argv[1:2] == ["record-fastbpe"]:
        record_fastbpe(sys.argv[2])
    else:
        compare()
        compare_subword_nmt()
        compare_first_seen()
        compare_fastbpe()
