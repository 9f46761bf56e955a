# SPDX-License-Identifier: Apache-2.0
"""Asking n-gram models of order 5, beside KenLM's query and build_binary: `make benchmark`.

TEXT names a tokenised corpus of about 10 MB, one sentence a line; every tenth line of it is held out and
repeated to 2.4 million tokens. Both sides read the same ARPA file.
"""

import os
import re
import subprocess
import tempfile

from pairing import compare, once, program, text

folder = tempfile.TemporaryDirectory(prefix="ngram-queries-")
os.chdir(folder.name)


def shell(command):
    return subprocess.run(["bash", "-c", command], check=True, capture_output=True, text=True).stdout


with open(text(10_800_000), "rb") as corpus:
    lines = [b" ".join(re.findall(rb"\w+|[^\w\s\\]", line)) + b"\n" for line in corpus]
held = b"".join(lines[9::10])
with open("train", "wb") as train:
    train.write(b"".join(line for index, line in enumerate(lines) if index % 10 != 9))
symbols = len(held.split()) + held.count(b"\n")
repeats = 2_400_000 // symbols + 1
with open("held", "wb") as file:
    file.write(held * repeats)
symbols *= repeats
shell("count-ngrams -n 5 -b train | estimate-ngrams -q -o m.arpa; estimate-ngrams -m m.arpa -b -o m.bin")
convert = ["estimate-ngrams", "-m", "m.arpa", "-b", "-o", "m.bin"]
size = os.path.getsize

build, query = program("build_binary"), program("query")
if build and query:
    for kind in ("probing", "trie"):
        compare(
            f"ARPA of {size('m.arpa') // 1_000_000} MB to binary, beside {kind}", convert,
            f"{build} {kind} m.arpa m.{kind} 2>/dev/null", wanted=2, rounds=3, peer="build_binary")
        print(f"file: ours {size('m.bin') / 1e6:.1f} MB; {kind} {size('m.' + kind) / 1e6:.1f} MB")
    asked = f"{query} -v summary m.%s < held"
    for title, ours, theirs, wanted in (
        ("score, one thread, beside probing", "score -j1", asked % "probing", 1.3),
        ("score, one thread, beside trie", "score -j1", asked % "trie", 2),
        ("score, two threads (see wall), beside probing", "score -j2", asked % "probing", 2.2),
        ("score --per-token, one thread, beside query -v word", "score -j1 --per-token",
         f"{query} -v word m.probing < held", 2),
        ("score --per-token, two threads (see wall)", "score -j2 --per-token",
         f"{query} -v word m.probing < held", 2),
    ):
        compare(title, f"{ours} -m m.bin held", f"{theirs} 2>/dev/null", wanted=wanted, size=symbols,
                peer="query")
else:
    wall, cpu, _ = once(["score", "-j1", "-m", "m.bin", "held"])
    print(f"score, one thread: {symbols / cpu / 1e6:.1f} M tokens/s")

words = int(shell("head -2 m.arpa | tail -1").split("=")[1])
wall, cpu, _ = once("echo | score -m m.bin")
print(f"ready, {size('m.bin') / 1e6:.0f} MB: {1000 * wall:.1f} ms wall, wanted 20")
for title, options, wanted in (
    ("sample", "-n 20000", 5),
    ("sample of the 40 likeliest in the whole distribution", "-n 500 --top-k 40", 80),
    ("sample at a temperature", "-n 200 --temperature 0.9", None),
):
    draw = f"sample -m m.bin {options} --max-tokens 40 -j1"
    drawn = len(shell(draw).split())
    wall, cpu, _ = once(draw)
    goal = f", wanted {wanted}" if wanted else ""
    print(f"{title}, {words} words: {1e6 * cpu / drawn:.1f} microseconds of CPU{goal}")
