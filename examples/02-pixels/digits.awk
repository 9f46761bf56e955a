# SPDX-License-Identifier: Apache-2.0
# Draws n digits of 8x8 pixels, black on white: a seven-segment shape of 4 to 6 columns, moved, with
# some pixels flipped. A record a picture. Its own random numbers: the same pictures with any awk.
function random() { state = state * 16807 % 2147483647; return state / 2147483647 }
function line(x, y, dx, dy, count) {
  for (; count > 0; count--) { if (x >= 0 && x < 8) on[y, x] = 1; x += dx; y += dy }
}
BEGIN {
  state = 1 + seed
  # Segments: top, left and right of the upper half, middle, left and right of the lower, bottom.
  split("1110111 0010010 1011101 1011011 0111010 1101011 1101111 1010010 1111111 1111011", shape, " ")
  for (i = 0; i < n; i++) {
    split("", on)
    digit = shape[1 + int(10 * random())]
    w = 3 + int(3 * random()); x = 1 + int((6 - w) * random()); slant = random() < 0.4
    if (substr(digit, 1, 1) == 1) line(x + slant, 0, 1, 0, w + 1)
    if (substr(digit, 2, 1) == 1) line(x + slant, 0, 0, 1, 4)
    if (substr(digit, 3, 1) == 1) line(x + w + slant, 0, 0, 1, 4)
    if (substr(digit, 4, 1) == 1) line(x, 3, 1, 0, w + 1)
    if (substr(digit, 5, 1) == 1) line(x, 3, 0, 1, 5)
    if (substr(digit, 6, 1) == 1) line(x + w, 3, 0, 1, 5)
    if (substr(digit, 7, 1) == 1) line(x, 7, 1, 0, w + 1)
    for (p = 0; p < 64; p++)
      printf "%d%s", (((int(p / 8), p % 8) in on) != (random() < 0.015)), p < 63 ? " " : "\n"
  }
}
