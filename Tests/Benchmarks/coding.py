# SPDX-License-Identifier: Apache-2.0
"""Arithmetic coding: tokens a second and bits a byte by kind of model, beside gzip, zstd and xz.

A general packer works on bytes and finds repetitions; a model predicts, and costs more the more it
knows. So sizes stand beside the times, and the ratio is of processor time for the same text. Models
of files were made of the text that they code, and their own size is not counted.
"""

import os
import subprocess
import tempfile

from pairing import compare, program, skip, text

SIZE = 1_000_000


def shell(command):
    subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True, cwd=FOLDER)


def output(command):
    return subprocess.run(command, shell=True, check=True, capture_output=True, cwd=FOLDER).stdout


def size(command):
    return len(output(command))


source = text(SIZE)
with tempfile.TemporaryDirectory() as FOLDER:
    shell(f"head -c {SIZE} {source} > text; tokenize --bytes text > bytes; tokenize text > words")
    shell("bpe-learn --vocabulary 2000 text > bpe; tokenize -m bpe text > pieces")
    # A recurrent network takes longer: a tenth of the text.
    shell("head -c 100000 text > small; tokenize --characters small > characters")
    shell("count-ngrams -n 5 -b bytes | estimate-ngrams -q --smoothing witten-bell -b > bytes.lm")
    shell("count-ngrams -n 3 -b pieces | estimate-ngrams -q -b > pieces.lm")
    shell("train-rnn -q --hidden 64 --embed 32 --steps 100 characters > characters.rnn")
    shell("""awk 'BEGIN { s = 1; for (r = 0; r < 2000; r++) for (i = 0; i < 64; i++) {
      s = s * 16807 % 2147483647; printf "%d%s", s % 3 == 0, i < 63 ? " " : "\\n" } }' > pictures""")
    shell("train-masked -q --epochs 2 pictures > pictures.nn")
    rows = [
        ("adaptive, order 4, bytes", "--adaptive 4", "bytes", "text"),
        ("adaptive, order 8, learnt weights, bytes", "--adaptive 8 --learn-weights", "bytes", "text"),
        ("n-gram of bytes, order 5", "-m bytes.lm", "bytes", "text"),
        ("n-gram of 2000 subwords, order 3", "-m pieces.lm", "pieces", "text"),
        ("recurrent, 64 units, characters", "-m characters.rnn", "characters", "small"),
        ("masked network, pictures", "-m pictures.nn", "pictures", "pictures"),
    ]
    packers = [p for p in (("gzip", "-9"), ("zstd", "-19"), ("xz", "-9")) if program(p[0])]
    if not packers:
        skip("neither gzip nor zstd nor xz is here")
    for packer, level in packers:
        bits = size(f"{packer} {level} < text") * 8 / SIZE
        print(f"{packer} {level}: {bits:.3f} bits a byte of text")
    for name, how, tokens, plain in rows:
        byte_count = os.path.getsize(os.path.join(FOLDER, plain))
        count = int(output(f"wc -w < {tokens}"))
        bits = size(f"arith-code -j1 {how} {tokens}") * 8 / byte_count
        print(f"{name}: {count} tokens, {bits:.3f} bits a byte of text")
        packer, level = packers[-1]
        compare(f"  coding, tokens, beside {packer} {level}", f"cd {FOLDER}; arith-code -j1 {how} {tokens}",
                f"cd {FOLDER}; {packer} {level} -c {plain}", rounds=1, size=count, peer=packer)
        shell(f"arith-code -j1 {how} {tokens} > code; {packer} -c {plain} > packed")
        back = how if how.startswith("-m") else ""
        compare(f"  decoding, tokens, beside {packer} -d", f"cd {FOLDER}; arith-code -d {back} code",
                f"cd {FOLDER}; {packer} -dc packed", rounds=1, size=count, peer=packer)
