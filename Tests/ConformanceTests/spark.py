# SPDX-License-Identifier: Apache-2.0
"""The programs under Spark beside one process: the same bytes. Needs pyspark and Java."""

import glob
import os
import shutil
import subprocess
import sys
import tempfile

try:
    import pyspark
except ImportError as error:
    print(f"spark.py: skipped: {error}")
    sys.exit(0)
if not shutil.which("java"):
    print("spark.py: skipped: no Java")
    sys.exit(0)

HERE = os.path.dirname(os.path.abspath(__file__))
JOB = os.path.join(HERE, "../../examples/21-distributed/spark/count_ngrams.py")


def bash(script):
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True)


def spark(*arguments):
    """Runs the job on two workers; its result in one file."""
    shutil.rmtree("parts", ignore_errors=True)
    done = subprocess.run(
        [sys.executable, JOB, "-o", "parts", *arguments], stderr=subprocess.PIPE,
        env={**os.environ, "PYSPARK_SUBMIT_ARGS": "--master local[2] pyspark-shell",
             "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"})
    with open("result", "wb") as result:
        for part in sorted(glob.glob("parts/part-*")):
            with open(part, "rb") as file:
                shutil.copyfileobj(file, result)
    return done


def check(title, expected, *arguments):
    done = spark(*arguments)
    if done.returncode:
        sys.exit(f"spark.py: {title}: {done.stderr.decode()[-2000:]}")
    bash(f"{expected} | cmp - result")
    print(f"spark.py: {title}: the bytes of one process")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    # CR, NEL, bytes that are not UTF-8, an empty line, an empty shard, a compressed one.
    licences = sorted(p for p in glob.glob("/usr/share/common-licenses/*") if not os.path.islink(p))
    text = b"".join(open(path, "rb").read() for path in licences)
    text += "pigs\r\n\nf\xe9lin \x85\u2028x\n".encode() + b"\xff\xfe caf\xe9\r eat\n"
    lines = text.split(b"\n")[:-1]
    names = [f"shard.{i}" for i in range(5)]
    for i, name in enumerate(names):
        with open(name, "wb") as file:
            file.writelines(line + b"\n" for line in lines[i::4] if i < 4)
    bash("cat shard.* > whole; zstd -q --rm shard.1")
    names[1] += ".zst"

    check("words by path", "tokenize --pattern gpt2 whole | count-ngrams -n 1 --no-eos",
          "-n", "1", "--no-eos", "--pattern", "gpt2", *names)
    bash("bpe-learn --weighted --bytes --pattern gpt2 -n 300 -o merges result; "
         "bpe-learn --pattern gpt2 -n 300 whole | cmp - merges")
    print("spark.py: merges learnt from merged counts: the bytes of one process")
    check("subwords by path", "tokenize -m merges whole | count-ngrams -n 3",
          "-n", "3", "--model", "merges", *names)
    bash("tokenize -m merges -o tokens whole")
    check("subwords by line", "count-ngrams -n 3 tokens", "-n", "3", "--lines", "tokens")

    # A program that fails fails the job.
    if spark("-n", "3", "--model", "merges", names[0], "nowhere").returncode == 0:
        sys.exit("spark.py: a missing shard passed unseen")
    print("spark.py: a missing shard fails the job")
