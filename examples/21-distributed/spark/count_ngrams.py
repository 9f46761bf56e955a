# SPDX-License-Identifier: Apache-2.0
"""count_ngrams.py [--lines] [--model FILE | --pattern NAME] -n ORDER -o FOLDER input ...

Counts n-grams under Spark; the parts in FOLDER joined are the bytes of one process.

Path mode: the inputs are files of text, raw or compressed by zstd, that every worker can read; their
names travel through Spark, their bytes do not. Line mode (--lines): the inputs are token text, which
Spark reads itself. (Its reader ends lines at CR and repairs UTF-8: raw text must not go that way.)

Programs start with an empty environment, so they are named by their path; pipe() looks at their
status only with checkCode, and a shell at all of a pipe only with pipefail.
"""
import argparse, os, shlex, shutil
from pyspark import SparkContext, SparkFiles

parser = argparse.ArgumentParser()
parser.add_argument("--lines", action="store_true")
parser.add_argument("--model")
parser.add_argument("--pattern")
parser.add_argument("--no-eos", action="store_true")
parser.add_argument("-n", type=int, default=3)
parser.add_argument("-o", required=True)
parser.add_argument("inputs", nargs="+")
options = parser.parse_args()


def program(name):
    return shlex.quote(os.path.abspath(shutil.which(name)))


def pipe(lines, script):
    command = shlex.join(["bash", "-o", "pipefail", "-c", script])
    return lines.pipe(command, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, checkCode=True)


context = SparkContext()
count = program("count-ngrams") + " -j 1 -S 1G -T /tmp -n %d" % options.n
count += " --no-eos" if options.no_eos else ""
if options.lines:
    counts = pipe(context.textFile(",".join(options.inputs)), count)
else:
    tokenize = program("tokenize") + " -j 1"
    if options.model:
        context.addFile(options.model)
        tokenize += " -m " + shlex.quote(SparkFiles.get(os.path.basename(options.model)))
    elif options.pattern:
        tokenize += " --pattern " + options.pattern
    shards = context.parallelize([os.path.abspath(path) for path in options.inputs], len(options.inputs))
    counts = pipe(shards, 'while IFS= read -r f; do %s "$f"; done | %s' % (tokenize, count))
# Equal n-grams meet in one partition, in byte order; there they are added.
by_gram = counts.keyBy(lambda line: line.rsplit("\t", 1)[0]).sortByKey().values()
pipe(by_gram, program("count-ngrams") + " --merge -j 1").saveAsTextFile(options.o)
