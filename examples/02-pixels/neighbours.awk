# SPDX-License-Identifier: Apache-2.0
# Writes before each pixel of an 8x8 picture the first n of its neighbours left, above, above left and
# above right (0 beyond the edge): positional (n+1)-grams of that are conditionals in two dimensions.
BEGIN { split("0 -1 -1 0 -1 -1 -1 1", offset, " ") }
{
  record = ""
  for (y = 0; y < 8; y++) for (x = 0; x < 8; x++) {
    for (k = 0; k < n; k++) {
      v = y + offset[2 * k + 1]; u = x + offset[2 * k + 2]
      record = record (v < 0 || u < 0 || u > 7 ? 0 : $(8 * v + u + 1)) " "
    }
    record = record $(8 * y + x + 1) " "
  }
  print record
}
