# SPDX-License-Identifier: Apache-2.0
"""Two commands beside each other: what every benchmark here is made of.

A benchmark is a file of this folder, run without arguments by `make benchmark`. It calls

    compare("word tokens", [ours, "--words", text], [peer, text], wanted=1.0, size=100_000_000)

for each title, and for a peer in Python `module("tokenizers")` first, which ends the script with one
line and status 0 where the module is absent. Commands are lists, or strings for bash; both run with
standard input from `stdin` and output into /dev/null, alternating, after one run each to warm up.

The figure that counts on a shared machine is processor time (user and system, of the command and all
its children); wall time and peak memory stand beside it. A ratio above 1 is in our favour. Peak memory
is never below this interpreter's (about 15 MB): the kernel counts from the fork.
"""

import glob
import importlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.build/release")
os.environ["PATH"] = os.path.abspath(BIN) + ":" + os.environ["PATH"]


def skip(what):
    """Ends the script as skipped, with status 0."""
    print(f"{os.path.basename(sys.argv[0])}: skipped: {what}")
    sys.exit(0)


def module(name):
    """The module of a peer; without it the script is skipped."""
    try:
        return importlib.import_module(name)
    except ImportError:
        skip(f"{sys.executable} has no module {name}")


def program(name):
    """The path of a peer's program, or None after a line that says so."""
    path = shutil.which(name)
    if not path:
        print(f"{os.path.basename(sys.argv[0])}: skipped in part: no {name} on the PATH")
    return path


def text(size):
    """The path of real text, `size` bytes of it: the file named by TEXT in the environment, or the
    licences and the King James Bible of this machine; repeated where it is short."""
    named = os.environ.get("TEXT")
    parts = [named] if named else sorted(glob.glob("/usr/share/common-licenses/*"))
    content = b"".join(open(part, "rb").read(size) for part in parts if os.path.isfile(part))
    if not named and shutil.which("bible"):
        verses = subprocess.run(["bible", "-f", "gen1:1-rev22:21"], capture_output=True).stdout
        content += verses
    file = tempfile.NamedTemporaryFile(prefix="benchmark-", suffix=".txt")
    while file.tell() < size:
        file.write(content[: size - file.tell()])
    file.flush()
    kept.append(file)
    return file.name


kept = []


def once(command, stdin=None):
    """(wall seconds, processor seconds, peak bytes) of one run; a failing command ends the script."""
    arguments = ["bash", "-o", "pipefail", "-c", command] if isinstance(command, str) else command
    with open(stdin or os.devnull, "rb") as source, open(os.devnull, "wb") as sink:
        start = time.perf_counter()
        child = subprocess.Popen([str(a) for a in arguments], stdin=source, stdout=sink)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{os.path.basename(sys.argv[0])}: status {child.returncode}: {command}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def compare(title, ours, theirs, rounds=5, stdin=None, wanted=None, size=None, peer="peer"):
    """Runs the two alternating, prints a line of medians, and returns peer's processor time over ours.

    - size: bytes or tokens of the input, to print our rate per processor second.
    """
    runs = ([], [])
    for count in range(rounds + 1):
        for command, kept_runs in zip((ours, theirs), runs):
            run = once(command, stdin)
            if count:
                kept_runs.append(run)
    mine, other = ([statistics.median(column) for column in zip(*side)] for side in runs)
    ratio = other[1] / max(mine[1], 1e-6)
    rate = f", {size / max(mine[1], 1e-6) / 1e6:.1f} M/s" if size else ""
    goal = f", wanted {wanted}" if wanted else ""
    print(
        f"{title}: ours {mine[1]:.3f} s CPU {mine[0]:.3f} s wall {mine[2] / 1e6:.0f} MB{rate}; "
        f"{peer} {other[1]:.3f} s CPU {other[0]:.3f} s wall {other[2] / 1e6:.0f} MB; "
        f"ratio {ratio:.2f} (wall {other[0] / mine[0]:.2f}, memory {other[2] / mine[2]:.2f}){goal}",
        flush=True)
    return ratio
