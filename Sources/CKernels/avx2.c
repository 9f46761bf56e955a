// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)

#include <math.h>
#include <string.h>
#include "CKernels.h"

#define WIDTH 8
#define ROWS 6
#define LEVEL kernel_avx2
#define TABLE kernels_avx2
#define INTERLEAVE_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define INTERLEAVE_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#define FEATURES target("avx2,fma")
#pragma clang attribute push(__attribute__((FEATURES)), apply_to = function)
#include "template.h"
#pragma clang attribute pop

#endif
