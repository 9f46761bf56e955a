# SPDX-License-Identifier: Apache-2.0
# Prints every sum of two numbers below 2^(bits - 1), as sums.awk does.
BEGIN {
  count = 2 ^ (bits - 1)
  for (x = 0; x < count; x++) for (y = 0; y < count; y++) {
    columns = ""; sum = ""; a = x; b = y; s = x + y
    for (d = 0; d < bits; d++) {
      columns = columns (d ? " " : "") a % 2 b % 2
      sum = sum (d ? " " : "") s % 2
      a = int(a / 2); b = int(b / 2); s = int(s / 2)
    }
    print columns "\t" sum
  }
}
