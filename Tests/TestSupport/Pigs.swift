// SPDX-License-Identifier: Apache-2.0

/// The toy corpus of the lecture, `examples/pigs.txt`.
public let pigs = [
  "what do cows eat ?", "what do dogs eat ?", "what do pigs like ?", "pigs eat corn .",
  "cows eat grass .", "do pigs eat apples ?", "what do dogs like ?", "dogs eat meat .",
]
