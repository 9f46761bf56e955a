# SPDX-License-Identifier: Apache-2.0
"""Start-up of every program beside cat(1): --version, and the smallest real job.

Milliseconds are medians of processes that run in turns. Wanted is less than 5 ms of wall time; on a busy
machine processor time is the better figure, and is what the process costs the machine in any case.
"""

import os
import statistics
import subprocess
import tempfile

from pairing import once

TOKENS = "what do pigs eat ?\npigs eat corn .\n"


def jobs(folder):
    """A small job for each program that has one within a few milliseconds of work."""
    def path(name):
        return os.path.join(folder, name)

    def make(name, command, stdin=TOKENS):
        with open(path(name), "wb") as file:
            subprocess.run(["bash", "-c", command], input=stdin.encode(), stdout=file, check=True)
        return path(name)

    text = make("text", "cat")
    counts = make("counts", "count-ngrams -n 2")
    model = make("model", f"estimate-ngrams --smoothing witten-bell -b {counts}")
    merges = make("merges", "bpe-learn --merges 20")
    network = make("network", "train-rnn --hidden 8 --steps 1 -q")
    bits = make("bits", "cat", "0 1\n1 0\n")
    patterns = make("patterns", "cat", "1100\n1010\n")
    automaton = make("automaton", "cat", "A0 0 A0\n")
    zeros = make("zeros", "cat", "0 0\n")
    return {
        "tokenize": ["-m", merges, text], "bpe-learn": ["--merges", "20", text],
        "wordpiece-learn": ["--merges", "5", text], "unigram-learn": ["--vocabulary", "40", text],
        "count-ngrams": ["-n", "2", text], "estimate-ngrams": ["--smoothing", "witten-bell", counts],
        "mix-ngrams": ["-m", model, "-m", model, text], "train-rnn": ["--hidden", "8", "--steps", "1", "-q", text],
        "train-masked": ["--hidden", "2", "--epochs", "1", bits], "score": ["-m", model, text],
        "sample": ["-m", model, "-n", "2"], "beam": ["-m", network, "--max-tokens", "3"],
        "diverge": [counts, counts], "arith-code": ["-m", model, text],
        "transduce": ["--fsa", automaton, zeros],
        "probe-gradients": ["-m", network, "--lags", "1", text],
        "settle": ["--patterns", patterns, patterns],
    }


def main():
    with tempfile.TemporaryDirectory() as folder:
        commands = [["cat", "/dev/null"]]
        for program, arguments in jobs(folder).items():
            commands += [[program, "--version"], [program, *arguments]]
        runs = [[once(command) for command in commands] for _ in range(21)][1:]
        slow = 0
        for index, command in enumerate(commands):
            wall, processor, peak = (
                statistics.median(run[index][column] for run in runs) for column in range(3))
            what = "cat" if index == 0 else command[0] + (
                " --version" if command[1:] == ["--version"] else "")
            slow += processor >= 0.005
            print(f"{what:28} {processor * 1e3:5.2f} ms CPU {wall * 1e3:6.2f} ms wall "
                  f"{peak / 1e6:4.0f} MB")
        print(f"{slow} of {len(commands)} commands take 5 ms of CPU or more")


if __name__ == "__main__":
    main()
