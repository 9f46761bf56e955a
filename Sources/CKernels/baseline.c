// SPDX-License-Identifier: Apache-2.0
// What every CPU of the architecture has: SSE2 on x86-64, NEON on arm64.

#define WIDTH 4
#if defined(__aarch64__)
#define ROWS 12
#else
#define ROWS 6
#endif
#define LEVEL kernel_baseline
#define TABLE kernels_baseline
#define INTERLEAVE_LOW 0, 4, 1, 5
#define INTERLEAVE_HIGH 2, 6, 3, 7
#include "template.h"
