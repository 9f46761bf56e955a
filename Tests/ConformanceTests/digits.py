# SPDX-License-Identifier: Apache-2.0
"""The pictures' example on the handwritten digits that come with scikit-learn: bits a test picture
beside values computed once by other programs (tables in double precision, networks by numpy with Adam).
"""

import gzip
import importlib.util
import os
import subprocess
import sys
import tempfile

# Rows of table.txt, to the last digit, and of networks.txt, which initial weights move.
TABLES = ["387", "63.936", "52.869", "35.901", "35.586", "34.316", "32.894", "30.828", "28.506"]
NETWORKS = {"0 hidden units": 26.2, "128 hidden units": 25.4}
MARGIN = 0.5

HERE = os.path.dirname(os.path.abspath(__file__))
found = importlib.util.find_spec("sklearn")
if not found:
    print("digits.py: skipped: no module sklearn")
    sys.exit(0)
data = os.path.join(found.submodule_search_locations[0], "datasets/data/digits.csv.gz")
with tempfile.TemporaryDirectory() as folder:
    with gzip.open(data, "rt") as source, open(f"{folder}/digits.tok", "w") as sink:
        for line in source:
            pixels = line.split(",")[:64]
            sink.write(" ".join("1" if float(p) >= 8 else "0" for p in pixels) + "\n")
    subprocess.run(
        ["make", "-s", "-C", f"{HERE}/../../examples/02-pixels", f"DIGITS={folder}/digits.tok",
         f"OUT={folder}"], check=True)
    wrong = 0
    for row, expected in zip(open(f"{folder}/02-pixels/table.txt"), TABLES):
        name, value = row.rsplit(maxsplit=1)
        print(f"digits.py: {name}: {value}, expected {expected}")
        wrong += value != expected
    for row in open(f"{folder}/02-pixels/networks.txt"):
        name, value = row.rstrip("\n").split("\t")
        print(f"digits.py: {name}: {float(value):.3f}, expected {NETWORKS[name]} within {MARGIN}")
        wrong += abs(float(value) - NETWORKS[name]) > MARGIN
sys.exit(f"digits.py: {wrong} rows differ" if wrong else 0)
