#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""faults.py [--quick | --all] [KIND ...]: tries every program against faults of the machine.

A program survives a fault when it ends with status 0 and the bytes of a run without the fault, or
fails in one line with the old file in place, or dies of the signal that it was sent; and leaves no
other file behind. Anything else is a loss. Prints a table; ends with 1 if anything was lost.
Programs are found on PATH. --all tries every bit, byte and budget instead of some drawn at random.
"""
import collections, os, random, resource, shutil, signal, subprocess, sys, tempfile, time

QUICK, EVERY = "--quick" in sys.argv, "--all" in sys.argv
KINDS = [a for a in sys.argv[1:] if not a.startswith("-")]
EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples")
RANDOM = random.Random(7)

PREPARE = r"""
set -euo pipefail
cp "$E/pigs.txt" small; for i in $(seq 60); do cat small; done > text
tokenize --words small > tokens; tokenize --words -b small > tokens.bin
tokenize --words text > many; tokenize --words -b text > many.bin
tokenize --bytes small > bytes
bpe-learn -n 20 text > merges; unigram-learn --vocabulary 60 --format model text > unigram.model
wordpiece-learn -n 20 text > vocab.txt
count-ngrams -n 2 tokens > counts; count-ngrams -n 2 -b tokens > counts.bin
estimate-ngrams -q counts > arpa; estimate-ngrams -q -b counts > ngrams
estimate-ngrams --smoothing witten-bell counts > smooth
printf '0 1 1 0\n1 1 0 0\n0 0 1 1\n1 0 1 1\n' > masks
train-masked --hidden 4 --epochs 2 -q masks -o masked
train-rnn --hidden 8 --embed 4 --epochs 2 -q tokens -o rnn
arith-code --adaptive 2 tokens > adaptive.code; arith-code -m smooth tokens > model.code
printf '00 01 11 10\n11 11 00\n' > columns; printf '1100\n1010\n' > patterns
printf '1101\n1010\n0100\n' > noisy; cp "$E/adder.fsa" fsa
mkdir out
"""

# Every program, each with what it reads last: an operand, or a model.
ROWS = [r.split() for r in """
tokenize --words text
tokenize --words -b text
tokenize -m merges text
tokenize -m vocab.txt text
tokenize -m unigram.model text
tokenize -d --bytes bytes
bpe-learn -n 20 text
unigram-learn --vocabulary 60 text
wordpiece-learn -n 20 text
count-ngrams -n 3 many
count-ngrams -n 3 -b many.bin
count-ngrams --merge counts.bin
estimate-ngrams -q counts
estimate-ngrams -q -b counts.bin
estimate-ngrams --smoothing laplace=1 counts
mix-ngrams -m arpa -m ngrams
train-masked --hidden 4 --epochs 20 -q masks
train-rnn --hidden 8 --embed 4 --epochs 20 -q many
score -m smooth --per-token many
score tokens -m rnn
sample -n 200 -m rnn
sample -n 500 -m ngrams
sample -n 50 -m masked
beam --width 3 -n 3 -m ngrams
diverge counts --uniform 1000000
diverge counts counts
arith-code --adaptive 2 many
arith-code -m smooth tokens
arith-code -d adaptive.code
arith-code -d -m smooth model.code
transduce --fsa fsa columns
probe-gradients --singular-values -m rnn
probe-gradients --orthogonal 20
settle --patterns patterns noisy
settle --ising 8x8 -T 1,2,3 --sweeps 200
""".strip().splitlines()]

# What reads a binary file last, and that file: these are cut and altered.
BINARY = [r.split() for r in """
tokenize -d tokens.bin
count-ngrams -n 2 tokens.bin
count-ngrams --merge counts.bin
estimate-ngrams -q counts.bin
score -m smooth tokens.bin
score tokens -m ngrams
score tokens -m rnn
sample -n 5 -m masked
arith-code -d adaptive.code
arith-code -d -m smooth model.code
""".strip().splitlines()]


class Table:
    def __init__(self):
        self.rows = collections.OrderedDict()
        self.remarks = []

    def count(self, kind, survived, remark):
        row = self.rows.setdefault(kind, [0, 0, 0])
        row[0] += 1
        row[1 if survived else 2] += 1
        if not survived and row[2] <= 10:
            print("faults: lost:", kind + ":", remark, file=sys.stderr, flush=True)

    def show(self):
        print("%-58s %7s %9s %5s" % ("fault", "tried", "survived", "lost"))
        for kind, row in self.rows.items():
            print("%-58s %7d %9d %5d" % (kind, *row))
        print("%-58s %7d %9d %5d" % ("all", *map(sum, zip(*self.rows.values()))))
        for remark in self.remarks:
            print(remark)


TABLE = Table()
Outcome = collections.namedtuple("Outcome", "status output errors")


def run(command, before=None):
    """Runs a command within 2 GiB and a minute; `before` is called in the child."""
    def prepare():
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        if before:
            before()
    try:
        process = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=prepare, timeout=60)
    except subprocess.TimeoutExpired:
        return Outcome(-signal.SIGALRM, b"", b"hangs")
    return Outcome(process.returncode, process.stdout, process.stderr)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def fresh(folder):
    """A folder that holds the old output, and nothing else."""
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    path = os.path.join(folder, "file")
    with open(path, "wb") as file:
        file.write(b"old")
    return path


def judge(kind, command, status, errors, path, expected, signals=()):
    """Counts one trial of a command that wrote to `path`."""
    problem = None
    new = content(path)
    lines = errors.decode(errors="replace").splitlines()
    others = sorted(set(os.listdir(os.path.dirname(path))) - {"file"})
    if status == 0:
        if new != expected:
            problem = "status 0 with other bytes (%d for %d)" % (len(new), len(expected))
    elif status == 1:
        if new != b"old":
            problem = "status 1 and the old file is gone"
        elif not lines or not lines[-1].startswith(command[0] + ": ") or not all(
                line.startswith(command[0] + ": warning: ") for line in lines[:-1]):
            problem = "status 1 and the message %r" % lines[:3]
    elif -status in signals:
        if new not in (b"old", expected):
            problem = "death by signal and a file of %d bytes" % len(new)
    else:
        problem = "status %d, %r" % (status, lines[:3])
    if others and not (-status == signal.SIGKILL):
        problem = "%s left behind" % others
    TABLE.count(kind, problem is None, "%s: %s" % (" ".join(command), problem))


def without_fault(command):
    outcome = run(command)
    if outcome.status:
        sys.exit("faults: %s: %s" % (" ".join(command), outcome.errors.decode()))
    return outcome.output


def chosen(values, count):
    """All of the values, or so many of them, drawn at random."""
    return values if len(values) <= count or EVERY else sorted(RANDOM.sample(values, count))


def rows():
    return chosen(ROWS, 8) if QUICK else ROWS


# --- the kinds ---------------------------------------------------------------------------------


def budgets():
    """A limit on the size of a file: every number of bytes, the write past it fails."""
    for command in rows():
        expected = without_fault(command)
        for budget in chosen(range(len(expected)), 3 if QUICK else 300):
            path = fresh("out")
            limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (budget, budget))

            outcome = run(command + ["-o", path], limit)
            judge("output byte budget (file size limit)", command, outcome.status,
                  outcome.errors, path, expected)


def mounted(size, body):
    """Runs body in a folder that is a small file system; needs a mount name space."""
    os.makedirs("disk", exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", "disk"],
                      stderr=subprocess.DEVNULL).returncode:
        return False
    try:
        body("disk")
    finally:
        subprocess.run(["umount", "disk"])
    return True


def disks():
    """A small file system with 0, 1, 2, ... free pages."""
    kind = "output to a full file system"
    for command in rows():
        expected = without_fault(command)
        pages = len(expected) // 4096 + 1
        for free in chosen(range(pages + 1), 2 if QUICK else 12):
            def body(folder):
                path = fresh(folder)  # takes one page
                outcome = run(command + ["-o", path])
                judge(kind, command, outcome.status, outcome.errors, path, expected)
            if not mounted("size=%d" % (4096 * (1 + free) or 1), body):
                TABLE.remarks.append("skipped: %s: a file system cannot be mounted here" % kind)
                return


def temporary_folders():
    """The folder of -T fills while counts are spilled; or is not there."""
    kind = "temporary folder that fills"
    command = ["count-ngrams", "-n", "5", "-S", "1M", "-j", "1", "wide"]
    with open("wide", "w") as file:
        for i in range(20000 if QUICK else 60000):
            file.write(" ".join("w%d" % (i * k % 9973) for k in range(1, 9)) + "\n")
    expected = without_fault(command)
    for pages in chosen(range(1, 200), 2 if QUICK else 40):
        def body(folder):
            path = fresh("out")
            outcome = run(command + ["-T", folder, "-o", path])
            judge(kind, command, outcome.status, outcome.errors, path, expected)
            if os.listdir(folder):
                TABLE.count(kind, False, "%s left in the folder" % os.listdir(folder))
        if not mounted("size=%d" % (4096 * pages), body):
            TABLE.remarks.append("skipped: %s: a file system cannot be mounted here" % kind)
            break
    path = fresh("out")
    outcome = run(command + ["-T", "nowhere", "-o", path])
    judge("temporary folder that is missing", command, outcome.status, outcome.errors, path,
          expected)


def pipes():
    """The reader closes its end after some bytes."""
    for command in rows():
        expected = without_fault(command)
        for ignored in (signal.SIG_DFL, signal.SIG_IGN):
            for limit in chosen([0, 1, len(expected) // 2], 2 if QUICK else 3):
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    preexec_fn=lambda: signal.signal(signal.SIGPIPE, ignored),
                    restore_signals=False)
                if limit:
                    process.stdout.read(limit)
                process.stdout.close()
                errors = process.stderr.read()
                status = process.wait(60)
                # A short output may be written before the reader goes.
                good = status == -signal.SIGPIPE or status == 0
                TABLE.count("closed pipe", good and not errors,
                            "%s: status %d, %r" % (" ".join(command), status, errors))


def signals():
    """SIGTERM, SIGINT and SIGKILL at random moments: the file is old or new."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
    shutil.copyfile("text", "long")
    with open("long", "ab") as file:
        file.write(content("text") * 20)
    for number in numbers:
        for trial in range(6 if QUICK else 170):
            command = RANDOM.choice(ROWS) if QUICK else list(ROWS[trial % len(ROWS)])
            if trial % (2 * len(ROWS)) >= len(ROWS):
                command = ["long" if word in ("text", "many") else word for word in command]
            start = time.monotonic()
            expected = without_fault(command)
            duration = time.monotonic() - start
            path = fresh("out")
            process = subprocess.Popen(
                command + ["-o", path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE)
            time.sleep(RANDOM.uniform(0, 1.2 * duration))
            process.send_signal(number)
            errors = process.stderr.read()
            judge("%s at a random moment" % number.name, command, process.wait(60), errors, path,
                  expected, signals=(number,))


def resumes():
    """train-rnn is killed at random moments and resumed until it is done: the same bytes."""
    command = ["train-rnn", "--hidden", "16", "--embed", "8", "--epochs", "12", "-q", "-j", "1",
               "--window", "16", "many"]
    expected = without_fault(command)
    start = time.monotonic()
    without_fault(command)
    duration = time.monotonic() - start
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        kind = "train-rnn: %s, then --resume" % number.name
        done = 0
        while done < (1 if QUICK else 100):
            path = fresh("out")
            checkpoint = os.path.abspath("checkpoint")
            if os.path.exists(checkpoint):
                os.unlink(checkpoint)
            for attempt in range(100):
                process = subprocess.Popen(
                    command + ["--checkpoint", checkpoint, "--resume", "-o", path],
                    stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
                if attempt < 3:
                    time.sleep(RANDOM.uniform(0, 0.8 * duration))
                    process.send_signal(number)
                errors = process.stderr.read()
                status = process.wait(60)
                judge(kind, command, status, errors, path, expected, signals=(number,))
                done += status == -number
                if status == 0:
                    break


def inputs():
    """Files that are missing, folders, forbidden, of a failing device, or gone when their turn comes."""
    if os.geteuid() == 0:
        os.chmod(".", 0o755)
    for command in rows():
        expected = without_fault(command)
        at = max((i for i, word in enumerate(command) if os.path.isfile(word)), default=None)
        if at is None:
            continue
        original = command[at]
        forbidden = lambda: os.geteuid() == 0 and os.setuid(65534)
        shutil.copyfile(original, "secret")
        os.chmod("secret", 0)
        cases = [("missing input", "nowhere", None), ("folder as input", "out", None),
                 ("unreadable input", "secret", forbidden),
                 ("input device that fails", "/proc/self/mem", None)]
        for kind, name, before in cases:
            path = fresh("out")
            if before:  # another user has no folder to write to
                outcome = run(command[:at] + [name] + command[at + 1:], before)
                good = outcome.status == 1 and not outcome.output and name.encode() in outcome.errors
                TABLE.count(kind, good, "%s: %s" % (" ".join(command), outcome))
                continue
            outcome = run(command[:at] + [name] + command[at + 1:] + ["-o", path])
            judge(kind, command, outcome.status, outcome.errors, path, b"\0never")
        # The next file vanishes while the one before is read.
        if "-m" in command[at - 1:at] or command[0] in ("transduce", "settle", "diverge"):
            continue
        shutil.copyfile(original, "gone")
        path = fresh("out")
        process = subprocess.Popen(
            command[:at] + ["-", "gone"] + command[at + 1:] + ["-o", path], stdin=subprocess.PIPE,
            stderr=subprocess.PIPE)
        time.sleep(0.02)
        os.unlink("gone")
        errors = process.communicate(content(original))[1]
        judge("input that vanishes", command, process.returncode, errors, path, b"\0never")


def truncations():
    """Binary files cut at every byte but the first, which is the text «(» by itself."""
    for command in chosen(BINARY, 4 if QUICK else len(BINARY)):
        whole = content(command[-1])
        for size in chosen(range(2, len(whole)), 8 if QUICK else 1500):
            with open("spoilt", "wb") as file:
                file.write(whole[:size])
            path = fresh("out")
            outcome = run(command[:-1] + ["spoilt", "-o", path])
            judge("binary file cut short", command, outcome.status, outcome.errors, path,
                  b"\0never")


def flips():
    """One bit of a binary file is flipped: an error, or the same bytes as before."""
    for command in chosen(BINARY, 4 if QUICK else len(BINARY)):
        whole = content(command[-1])
        expected = without_fault(command)
        for bit in chosen(range(8 * len(whole)), 24 if QUICK else 3000):
            spoilt = bytearray(whole)
            spoilt[bit // 8] ^= 1 << bit % 8
            with open("spoilt", "wb") as file:
                file.write(spoilt)
            path = fresh("out")
            outcome = run(command[:-1] + ["spoilt", "-o", path])
            judge("one bit of a binary file flipped", command, outcome.status, outcome.errors, path,
                  expected)


def memory():
    """An address space that -S fits in: the same counts; one that nothing fits in: no wrong file."""
    with open("wide", "w") as file:
        for i in range(40000 if QUICK else 200000):
            file.write(" ".join("w%d" % (i * k % 99991) for k in range(1, 9)) + "\n")
    for budget, space in [("16M", 400), ("64M", 400), ("64M", 300)]:
        command = ["count-ngrams", "-n", "4", "-S", budget, "-j", "2", "wide"]
        expected = without_fault(command)
        path = fresh("out")
        limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (space << 20, space << 20))
        outcome = run(command + ["-o", path], limit)
        judge("memory limit (address space)", command, outcome.status, outcome.errors, path,
              expected)
        if outcome.status:
            TABLE.count("memory limit: -S within it works", False, str(outcome.errors))


def control_group(limit):
    """A new memory control group below this process's own, of version 1 or 2; None if forbidden."""
    for line in open("/proc/self/cgroup"):
        _, controllers, path = line.rstrip("\n").split(":", 2)
        if "memory" in controllers.split(","):
            folder, name = "/sys/fs/cgroup/memory" + path, "memory.limit_in_bytes"
        elif not controllers:
            folder, name = "/sys/fs/cgroup" + path, "memory.max"
        else:
            continue
        group = os.path.join(folder, "chainrule-%d" % os.getpid())
        try:
            os.mkdir(group)
        except OSError:
            continue
        try:
            with open(os.path.join(group, name), "w") as file:
                file.write(str(limit))
            return group
        except OSError:
            os.rmdir(group)
    return None


def control_groups():
    """A memory control group, which -S is a half of when it is not given: the same bytes."""
    kind = "memory limit (control group)"
    with open("wide", "w") as file:
        for i in range(40000 if QUICK else 200000):
            file.write(" ".join("w%d" % (i * k % 99991) for k in range(1, 9)) + "\n")
    count = ["count-ngrams", "-n", "4", "wide"]
    subprocess.run([*count, "-b", "-o", "wide.counts"], check=True)
    for command in [count, ["estimate-ngrams", "-q", "wide.counts"]]:
        expected = without_fault(command)
        for megabytes in [48, 96, 192]:
            group = control_group(megabytes << 20)
            if not group:
                TABLE.remarks.append("skipped: %s: no group can be made here" % kind)
                return

            def enter():
                with open(os.path.join(group, "cgroup.procs"), "w") as file:
                    file.write(str(os.getpid()))

            path = fresh("out")
            outcome = run(command + ["-o", path], enter)
            judge(kind, command, outcome.status, outcome.errors, path, expected)
            if outcome.status == 1:
                TABLE.count(kind + ": -S fits", False, str(outcome.errors))
            os.rmdir(group)


ALL = [budgets, disks, temporary_folders, pipes, signals, resumes, inputs, truncations, flips,
       memory, control_groups]


def main():
    # A mount name space of its own, for small file systems; without it those are skipped.
    if os.environ.get("FAULTS_UNSHARED") is None and shutil.which("unshare"):
        options = ["-m"] if os.geteuid() == 0 else ["-r", "-m"]
        if subprocess.run(["unshare", *options, "true"], stderr=subprocess.DEVNULL).returncode == 0:
            os.environ["FAULTS_UNSHARED"] = "1"
            os.execvp("unshare", ["unshare", *options, sys.executable, *sys.argv])
    with tempfile.TemporaryDirectory(prefix="chainrule-faults.") as folder:
        os.chdir(folder)
        subprocess.run(["bash", "-c", PREPARE], check=True, env={**os.environ, "E": EXAMPLES})
        for kind in ALL:
            if not KINDS or kind.__name__ in KINDS:
                start = time.monotonic()
                kind()
                print("faults: %s: %.0f s" % (kind.__name__, time.monotonic() - start),
                      file=sys.stderr, flush=True)
        os.chdir("/")
    TABLE.show()
    sys.exit(any(row[2] for row in TABLE.rows.values()))


main()
