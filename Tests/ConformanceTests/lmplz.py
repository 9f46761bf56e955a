# SPDX-License-Identifier: Apache-2.0
"""Our counting and estimation beside KenLM's, and beside the definition in double precision.

    lmplz.py [--tokens 1000000] [text ...]      compares live, with the programs on the PATH
    lmplz.py record FOLDER                      writes the fixtures of KenLMTests.swift

Texts are those given, or licences and the King James Bible, headers, and manual pages of this machine. Of
each, orders 2 to 5, and order 3 pruned by `0 1 2`: the values of the ARPA files, n-gram by n-gram,
within 2e-6, and the perplexity of held-out lines within 1e-5 of lmplz's and 1e-7 of the oracle's. Order
10 on byte-pair ids has the oracle alone, since KenLM stops at order 6.

lmplz counts the last n-gram of each order raw in its statistics (KenLM issue 405), so its discounts
depend on the order of lines. Here the same is done to the oracle's statistics, which gives the discounts
that lmplz prints, in all digits: with these given to ours, ARPA values are compared. Perplexities
are compared with our own discounts, which follow the definition.
"""

import argparse
import collections
import glob
import gzip
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile


def run(command, **options):
    return subprocess.run(command, check=True, capture_output=True, **options)


def lines_of(paths, byte_count):
    """Lines of readable text files, up to so many bytes."""
    total = 0
    for path in paths:
        try:
            content = open(path, "rb").read()
            if path.endswith(".gz"):
                content = gzip.decompress(content)
            content.decode()
        except (OSError, ValueError):
            continue
        if b"\0" in content:
            continue
        for line in content.split(b"\n"):
            total += len(line) + 1
            yield line
            if total > byte_count:
                return


def texts(named, folder):
    """(name, path) of real texts, each a line a record."""
    for path in named:
        yield os.path.basename(path), path
    if named:
        return
    sources = {
        "licences and the Bible": sorted(glob.glob("/usr/share/common-licenses/*")),
        "headers": sorted(glob.glob("/usr/include/**/*.h", recursive=True)),
        "manual pages": sorted(glob.glob("/usr/share/man/man[1-8]/*.gz")),
    }
    for index, (name, paths) in enumerate(sources.items()):
        path = os.path.join(folder, f"text{index}")
        with open(path, "wb") as file:
            if "Bible" in name and shutil.which("bible"):
                file.write(run(["bible", "-f", "gen1:1-rev22:21"]).stdout)
            for line in lines_of(paths, 12_000_000):
                file.write(line + b"\n")
        if os.path.getsize(path) > 1_000_000:
            yield name, path


def tokenised(path, folder, token_count, options=("--words",)):
    """Token lines, every tenth apart as held-out text: two files, and the lines of the second."""
    tokens = run(["tokenize", *options, path]).stdout.split(b"\n")
    # KenLM has no escapes, and refuses its own marks; a line is a record to both.
    tokens = [line for line in tokens if line.strip() and b"<unk>" not in line]
    train, held, total = [], [], 0
    for number, line in enumerate(tokens):
        (held if number % 10 == 9 else train).append(line)
        total += len(line.split(b" "))
        if total >= token_count:
            break
    files = []
    for name, part in (("train", train), ("held", held)):
        files.append(os.path.join(folder, name))
        with open(files[-1], "wb") as file:
            file.write(b"".join(line + b"\n" for line in part))
    return files[0], files[1], total


class Oracle:
    """Interpolated modified Kneser-Ney smoothing by its definition, in double precision."""

    def __init__(self, path, order):
        self.order = order
        counts = [collections.Counter() for _ in range(order + 1)]
        for line in open(path, "rb"):
            tokens = [b"<s>"] * (order - 1) + line.split() + [b"</s>"]
            for end in range(order - 1, len(tokens)):
                gram = tokens[end - order + 1 : end + 1]
                start = 0
                while start < order - 1 and gram[start + 1] == b"<s>":
                    start += 1
                counts[order - start][tuple(gram[start:])] += 1
        for length in range(order, 1, -1):
            for gram in counts[length]:
                counts[length - 1][gram[1:]] += 1
        self.counts = counts
        words = {gram[0] for gram in counts[1]}
        self.statistics = [None] + [
            collections.Counter(count for count in counts[k].values() if count < 5)
            for k in range(1, order + 1)]
        self.discounts = [None] + [self.discount(n) for n in self.statistics[1:]]
        self.total = [None] + [collections.Counter() for _ in range(order)]
        self.left = [None] + [collections.Counter() for _ in range(order)]
        for length in range(1, order + 1):
            for gram, count in counts[length].items():
                self.total[length][gram[:-1]] += count
                self.left[length][gram[:-1]] += self.discounts[length][min(count, 3)]
        self.base = 1 / (len(words) + 1)
        self.words = words

    @staticmethod
    def discount(n):
        if not all(n[j] for j in (1, 2, 3)):
            return [0, 0.5, 1, 1.5]
        y = n[1] / (n[1] + 2 * n[2])
        found = [0] + [j - (j + 1) * y * n[j + 1] / n[j] for j in (1, 2, 3)]
        return found if all(0 <= found[j] <= j for j in (1, 2, 3)) else [0, 0.5, 1, 1.5]

    def discounts_of_lmplz(self, path):
        """Its discounts as a discounts file: of orders below the highest, the n-gram that its stream ends
        with counts as often as it occurs."""
        numbers = {b"<s>": 1, b"</s>": 2}
        lines = [[b"<s>"] * (self.order - 1) + line.split() + [b"</s>"] for line in open(path, "rb")]
        for line in lines:
            for word in line:
                numbers.setdefault(word, len(numbers) + 1)
        padded = [(b"<s>",) * (self.order - length) + gram for length in range(1, self.order + 1)
                  for gram in self.counts[length] if length == self.order or gram[0] == b"<s>"]
        last = max(padded, key=lambda gram: [numbers[word] for word in reversed(gram)])
        found = []
        for length in range(1, self.order + 1):
            n, gram = self.statistics[length].copy(), list(last[self.order - length :])
            if length < self.order and tuple(gram) in self.counts[length]:
                n[self.counts[length][tuple(gram)]] -= 1
                n[sum(line[end - length : end] == gram for line in lines
                      for end in range(self.order, len(line) + 1) if line[end - 1] == gram[-1])] += 1
            _, a, b, c = self.discount(n)
            found.append(f"order {length}: discounts {a} {b} {c}\n")
        return "".join(found)

    def probability(self, gram):
        result = self.base
        for length in range(1, len(gram) + 1):
            part = gram[len(gram) - length :]
            total = self.total[length].get(part[:-1])
            if not total:
                break
            count = self.counts[length].get(part, 0)
            own = (count - self.discounts[length][min(count, 3)]) / total if count else 0
            result = own + self.left[length][part[:-1]] / total * result
        return result

    def perplexity(self, path):
        total, count = 0.0, 0
        for line in open(path, "rb"):
            context = (b"<s>",)
            for word in line.split() + [b"</s>"]:
                known = word if word in self.words else b"<unk>"
                context = (context + (known,))[-self.order :]
                total += math.log(self.probability(context))
                count += 1
        return math.exp(-total / count)


def read_arpa(path):
    values = {}
    for line in open(path, "rb"):
        fields = line.rstrip(b"\n").split(b"\t")
        if len(fields) > 1:
            values[fields[1]] = (float(fields[0]), float(fields[2]) if len(fields) > 2 else 0.0)
    return values


def our_perplexity(model, held):
    table = run(["score", "-m", model, held]).stdout.decode()
    return float(re.search(r"^perplexity\t(\S+)", table, re.M)[1])


def kenlm_perplexity(model, held):
    import kenlm

    loaded = kenlm.Model(model)
    total = count = 0
    for line in open(held, "rb"):
        words = line.decode().split()
        total += loaded.score(" ".join(words), bos=True, eos=True)
        count += len(words) + 1
    return 10 ** (-total / count)


def lmplz(train, order, output, more=()):
    """Runs lmplz, and returns its discounts in the form of a discounts file."""
    outcome = run(
        ["lmplz", "-o", str(order), "-S", "20%", "--text", train, "--arpa", output,
         "--discount_fallback", *more])
    found = re.findall(r"^(\d+) \d+.*? D1=(\S+) D2=(\S+) D3\+=(\S+)", outcome.stderr.decode(), re.M)
    return "".join(f"order {k}: discounts {a} {b} {c}\n" for k, a, b, c in found)


def estimate(train, order, output, *options):
    counts = subprocess.Popen(
        ["count-ngrams", "-n", str(order), "-b", train], stdout=subprocess.PIPE)
    run(["estimate-ngrams", "-q", "-o", output, *options], stdin=counts.stdout)
    if counts.wait():
        sys.exit("count-ngrams failed")


failures = 0


def check(title, difference, bound):
    global failures
    good = difference <= bound
    failures += not good
    print(f"{title}: {difference:.1e} (at most {bound:.0e}){'' if good else '  FAILED'}", flush=True)


def relative(a, b):
    return abs(a / b - 1)


def compare_arpa(title, ours, theirs):
    ours, theirs = read_arpa(ours), read_arpa(theirs)
    theirs.pop(b"<s>", None), ours.pop(b"<s>", None)
    if ours.keys() != theirs.keys():
        check(f"{title}: n-grams that one of the two lacks", len(ours.keys() ^ theirs.keys()), 0)
    worst = max(
        max(abs(a - b) for a, b in zip(ours[gram], theirs[gram])) for gram in ours.keys() & theirs)
    check(f"{title}: {len(ours)} n-grams, values", worst, 2e-6)


def compare(name, path, folder, token_count):
    train, held, total = tokenised(path, folder, token_count)
    print(f"== {name}: {total} tokens")
    ours, theirs, given = (os.path.join(folder, f) for f in ("ours", "theirs", "discounts"))
    for order in (2, 3, 4, 5):
        printed = lmplz(train, order, theirs)
        oracle = Oracle(train, order)
        exact = oracle.discounts_of_lmplz(train)
        open(given, "w").write(exact)
        check(f"order {order}: lmplz's discounts as they follow from its statistics",
              max(abs(float(a) / float(b) - 1) for a, b in zip(exact.split(), printed.split())
                  if "." in a and float(b)), 1e-5)
        estimate(train, order, ours)
        perplexity = our_perplexity(ours, held)
        check(f"order {order}: perplexity {perplexity:.6f}, relative to the oracle's",
              relative(perplexity, oracle.perplexity(held)), 1e-7)
        check(f"order {order}: relative to lmplz's",
              relative(perplexity, kenlm_perplexity(theirs, held)), 1e-5)
        estimate(train, order, ours, "--discounts", given)
        compare_arpa(f"order {order}, lmplz's discounts", ours, theirs)
        if order != 3:
            continue
        lmplz(train, order, theirs, ["--prune", "0", "1", "2"])
        estimate(train, order, ours, "--prune", "0,1,2", "--discounts", given)
        compare_arpa("order 3 pruned by 0 1 2, lmplz's discounts", ours, theirs)
        estimate(train, order, ours, "--prune", "0,1,2")
        check("order 3 pruned by 0 1 2: perplexity relative to lmplz's",
              relative(our_perplexity(ours, held), kenlm_perplexity(theirs, held)), 1e-5)


def compare_subwords(path, folder, token_count):
    """Order 10 on byte-pair ids, against the oracle."""
    merges, ours = os.path.join(folder, "merges"), os.path.join(folder, "ours")
    run(["bpe-learn", "-n", "1000", path, "-o", merges])
    train, held, total = tokenised(path, folder, token_count, ("-m", merges, "--ids"))
    estimate(train, 10, ours)
    check(f"== byte-pair ids, {total} tokens, order 10: perplexity relative to the oracle's",
          relative(our_perplexity(ours, held), Oracle(train, 10).perplexity(held)), 1e-7)


def record(folder):
    """A small corpus that needs nothing but this script, with what lmplz makes of it."""
    words = ["the", "cow", "pig", "dog", "eats", "sees", "grass", "corn", "a", "and", "old"]
    state, lines = 1, []
    for _ in range(250):
        line = []
        for _ in range(3 + state % 7):
            state = (state * 1103515245 + 12345) % 2**31
            line.append(words[min(state >> 16 & 15, state >> 20 & 15) % len(words)])
        lines.append(" ".join(line) + "\n")
    text = os.path.join(folder, "kenlm.txt")
    open(text, "w").writelines(lines)
    for name, more in (("kenlm.arpa", []), ("kenlm-pruned.arpa", ["--prune", "0", "1", "2"])):
        discounts = lmplz(text, 3, os.path.join(folder, name), more)
        open(os.path.join(folder, name.replace("arpa", "discounts")), "w").write(discounts)


def main():
    if sys.argv[1:2] == ["record"]:
        return record(sys.argv[2])
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("text", nargs="*")
    options = parser.parse_args()
    try:
        import kenlm  # noqa: F401
    except ImportError:
        return print("lmplz.py: skipped: no module kenlm")
    if not shutil.which("lmplz"):
        return print("lmplz.py: skipped: no lmplz on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        found = list(texts(options.text, folder))
        for name, path in found:
            compare(name, path, folder, options.tokens)
        compare_subwords(found[0][1], folder, options.tokens // 5)
    if failures:
        sys.exit(f"{failures} comparisons failed")


main()
