# SPDX-License-Identifier: Apache-2.0
"""The general category of every code point, as the regular expressions of `tokenizers` and `tiktoken`
see it: Sources/Tokenization/Unicode/UnicodeTable.swift.

  unicode-table.py write   writes the file
  unicode-table.py         compares it with what the `tokenizers` here says
"""

import io, os, sys
try:
    import tokenizers
except ImportError as error:
    print(f"unicode-table.py: skipped: {error}")
    sys.exit(0)
from tokenizers import Regex, pre_tokenizers

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "../../Sources/Tokenization/Unicode/UnicodeTable.swift")

CATEGORIES = "Cn Cc Cf Co Cs Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp".split()
text = "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)
table = [0] * 0x110000
for number, category in enumerate(CATEGORIES):
    if category == "Cs":
        for c in range(0xD800, 0xE000): table[c] = number
        continue
    split = pre_tokenizers.Split(Regex(r"\p{%s}" % category), "removed", invert=True)
    for piece, _ in split.pre_tokenize_str(text):
        for c in piece: table[ord(c)] = number
SIZE = 128
blocks, index = {}, []
for start in range(0, 0x110000, SIZE):
    index.append(blocks.setdefault(tuple(table[start:start + SIZE]), len(blocks)))
out = io.StringIO()
letters = "".join(chr(0x41 + v) for block in blocks for v in block)
assert len(blocks) < 64 * 64
digits = "".join(chr(0x30 + (b >> 6)) + chr(0x30 + (b & 63)) for b in index)
assert not any(c in letters + digits for c in '"')
def literal(name, doc, value):
    out.write(f"  /// {doc}\n  static let {name}: StaticString = \"\"\"\n")
    lines = [value[i:i + 90].replace("\\", "\\\\") for i in range(0, len(value), 90)]
    out.write("\\\n".join("    " + line for line in lines) + "\n")
    out.write("    \"\"\"\n")
out.write("""// SPDX-License-Identifier: Apache-2.0

// Written by Tests/ConformanceTests/unicode-table.py; not edited.

// swift-format-ignore-file
""")
out.write(f"""/// General categories of Unicode 16.0, in two levels: what the regular expressions of `tokenizers`
/// {tokenizers.__version__} and of `tiktoken` answer for each code point.
enum UnicodeTable {{
  static let version = "16.0"
  static let blockShift: UInt32 = {SIZE.bit_length() - 1}
  static let blockCount = {len(blocks)}
""")
literal("blocks", f"[{len(blocks)}, {SIZE}], one letter a code point: 'A' + number of the category.", letters)
literal("index", f"[{len(index)}], two digits of base 64, '0' + digit: the block of each {SIZE} code points.", digits)
out.write("}\n")
if sys.argv[1:] == ["write"]:
    open(PATH, "w").write(out.getvalue())
else:
    lines = zip(out.getvalue().splitlines(), open(PATH).read().splitlines())
    # The version named in the comment may differ.
    assert all(a == b or a.startswith("/// ") for a, b in lines), "categories differ"
    print(f"categories of {0x110000} code points: as tokenizers {tokenizers.__version__} has them")
