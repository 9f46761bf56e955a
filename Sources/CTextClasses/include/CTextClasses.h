// SPDX-License-Identifier: Apache-2.0
// Which of 64 bytes are of which class: a comparison of vectors and its bits, which Swift's vectors do
// one lane at a time.
#ifndef CHAINRULE_CTEXTCLASSES_H
#define CHAINRULE_CTEXTCLASSES_H

#include <stdint.h>

/// A bit for each of 64 bytes, the first the lowest. Only ASCII has classes.
struct text_classes {
  uint64_t letters, capitals, digits;
  /// Space, and 09 to 0D.
  uint64_t white;
  /// Space alone.
  uint64_t blanks;
  /// LF and CR.
  uint64_t breaks;
  uint64_t apostrophes;
  /// Full stops and commas.
  uint64_t points;
  /// `<`, with which special tokens begin.
  uint64_t angles;
  /// What token text does not spell as it stands: backslashes, and control characters but white space.
  uint64_t escaped;
  /// Bytes above 7F.
  uint64_t wide;
};

/// Classes of the 64 bytes at `text`, by AVX2 where the machine has it.
void classify_text(const uint8_t *text, struct text_classes *classes);

/// The same without asking for the machine: for tests.
void classify_text_portably(const uint8_t *text, struct text_classes *classes);

#endif
