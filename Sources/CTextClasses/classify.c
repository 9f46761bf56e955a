// SPDX-License-Identifier: Apache-2.0

#include "CTextClasses.h"

void classify_text_portably(const uint8_t *text, struct text_classes *classes) {
  struct text_classes found = {0};
  for (int i = 0; i < 64; i++) {
    uint8_t byte = text[i];
    uint64_t bit = UINT64_C(1) << i;
    if ((uint8_t)((byte | 0x20) - 'a') < 26) found.letters |= bit;
    if ((uint8_t)(byte - 'A') < 26) found.capitals |= bit;
    if ((uint8_t)(byte - '0') < 10) found.digits |= bit;
    if (byte == ' ' || (uint8_t)(byte - 9) < 5) found.white |= bit;
    if (byte == ' ') found.blanks |= bit;
    if (byte == '\n' || byte == '\r') found.breaks |= bit;
    if (byte == '\'') found.apostrophes |= bit;
    if (byte == '.' || byte == ',') found.points |= bit;
    if (byte == '<') found.angles |= bit;
    if (byte == '\\' || byte == 0x7F || (byte < ' ' && (uint8_t)(byte - 9) >= 5))
      found.escaped |= bit;
    if (byte >= 0x80) found.wide |= bit;
  }
  *classes = found;
}

#if defined(__x86_64__)
#include <immintrin.h>

// All bits of a byte where it is within `count` from `first`.
#define RANGE(v, first, count)                                                                   \
  _mm256_cmpeq_epi8(                                                                             \
      _mm256_min_epu8(_mm256_sub_epi8(v, _mm256_set1_epi8(first)), _mm256_set1_epi8(count - 1)), \
      _mm256_sub_epi8(v, _mm256_set1_epi8(first)))
#define IS(v, byte) _mm256_cmpeq_epi8(v, _mm256_set1_epi8(byte))
#define BITS(expression)                                              \
  ({                                                                  \
    __m256i v = low;                                                  \
    uint64_t first = (uint32_t)_mm256_movemask_epi8(expression);      \
    v = high;                                                         \
    first | (uint64_t)(uint32_t)_mm256_movemask_epi8(expression) << 32; \
  })

__attribute__((target("avx2"))) static void classify_avx2(
    const uint8_t *text, struct text_classes *classes) {
  __m256i low = _mm256_loadu_si256((const __m256i *)text);
  __m256i high = _mm256_loadu_si256((const __m256i *)(text + 32));
  classes->letters = BITS(RANGE(_mm256_or_si256(v, _mm256_set1_epi8(0x20)), 'a', 26));
  classes->capitals = BITS(RANGE(v, 'A', 26));
  classes->digits = BITS(RANGE(v, '0', 10));
  classes->blanks = BITS(IS(v, ' '));
  classes->white = classes->blanks | BITS(RANGE(v, 9, 5));
  classes->breaks = BITS(_mm256_or_si256(IS(v, '\n'), IS(v, '\r')));
  classes->apostrophes = BITS(IS(v, '\''));
  classes->points = BITS(_mm256_or_si256(IS(v, '.'), IS(v, ',')));
  classes->angles = BITS(IS(v, '<'));
  classes->escaped = (BITS(RANGE(v, 0, 32)) & ~classes->white)
                     | BITS(_mm256_or_si256(IS(v, '\\'), IS(v, 0x7F)));
  classes->wide = BITS(v);
}
#endif

void classify_text(const uint8_t *text, struct text_classes *classes) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) {
    classify_avx2(text, classes);
    return;
  }
#endif
  classify_text_portably(text, classes);
}
