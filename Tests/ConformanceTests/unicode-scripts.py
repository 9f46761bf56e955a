# SPDX-License-Identifier: Apache-2.0
"""The script of every code point, as the regular expressions of `tokenizers` see it:
Sources/Tokenization/Unicode/UnicodeScriptTable.swift. The names come from the module `regex`.

  unicode-scripts.py write   writes the file
  unicode-scripts.py         compares it with what the `tokenizers` here says
"""

import io, os, sys

sys.path.pop(0)
try:
    import regex, tokenizers
except ImportError as error:
    print(f"unicode-scripts.py: skipped: {error}")
    sys.exit(0)
from regex import _regex_core as core
from tokenizers import Regex, pre_tokenizers

text = "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)
table = [None] * 0x110000
longest = {}
for alias, value in core.PROPERTIES["SCRIPT"][1].items():
    # Codes have four letters; a name that has four is its own code.
    longest[value] = max(longest.get(value, ""), alias, key=lambda name: (len(name) != 4, len(name)) if name else (False, 0))
names = sorted(longest.values())
for name in names:
    try: split = pre_tokenizers.Split(Regex(r"\p{%s}" % name), "removed", invert=True)
    except Exception: continue
    for piece, _ in split.pre_tokenize_str(text):
        for c in piece: table[ord(c)] = table[ord(c)] or name
ranges = {}
for c in range(0x110000):
    if not table[c]: continue
    runs = ranges.setdefault(table[c], [])
    if runs and runs[-1][1] == c - 1: runs[-1][1] = c
    else: runs.append([c, c])
PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "../../Sources/Tokenization/Unicode/UnicodeScriptTable.swift")
out = io.StringIO()
out.write(f"""// SPDX-License-Identifier: Apache-2.0

// Written by Tests/ConformanceTests/unicode-scripts.py; not edited.

// swift-format-ignore-file
/// Scripts of Unicode 16.0 as ranges: what the regular expressions of `tokenizers` {tokenizers.__version__} answer.
enum UnicodeScriptTable {{
  /// A line a script: its name, then first code points and lengths in base 36, each counted from the
  /// end of the range before.
  static let lines: StaticString = \"\"\"
""")
def base36(n):
    digits = ""
    while True:
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[n % 36] + digits
        n //= 36
        if not n: return digits
for name in sorted(ranges):
    if name in ("UNKNOWN",): continue
    words, last = [name.lower().replace("_", "")], 0
    for a, b in ranges[name]:
        words.append(base36(a - last) + "+" + base36(b - a + 1))
        last = b + 1
    line = "    "
    for word in words:
        if len(line) + len(word) > 94:
            out.write(line + " \\\n"); line = "    "
        line += (" " if line.strip() else "") + word
    out.write(line + "\n")
out.write('    """\n}\n')
if sys.argv[1:] == ["write"]:
    open(PATH, "w").write(out.getvalue())
elif open(PATH).read() != out.getvalue():
    sys.exit("unicode-scripts.py: the table differs from what tokenizers says")
print(f"unicode-scripts.py: {len(ranges)} scripts, tokenizers {tokenizers.__version__}")
