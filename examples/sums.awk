# SPDX-License-Identifier: Apache-2.0
# Prints n random sums of two numbers of `bits` binary digits, least digit first: the columns to
# add, a TAB, the digits of the sum. The highest digits are 0, so that the sum has as many digits.
BEGIN {
  srand(seed)
  for (i = 0; i < n; i++) {
    carry = 0; columns = ""; sum = ""
    for (d = 0; d < bits; d++) {
      a = d < bits - 1 && rand() < 0.5; b = d < bits - 1 && rand() < 0.5
      total = a + b + carry
      carry = total > 1
      columns = columns (d ? " " : "") a b
      sum = sum (d ? " " : "") total % 2
    }
    print columns "\t" sum
  }
}
