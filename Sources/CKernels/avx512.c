// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)

#include <math.h>
#include <string.h>
#include "CKernels.h"

#define WIDTH 16
#define ROWS 12
#define LEVEL kernel_avx512
#define TABLE kernels_avx512
#define INTERLEAVE_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define INTERLEAVE_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define FEATURES target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#pragma clang attribute push(__attribute__((FEATURES)), apply_to = function)
#include "template.h"
#pragma clang attribute pop

#endif
