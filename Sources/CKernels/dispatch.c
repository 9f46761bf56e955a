// SPDX-License-Identifier: Apache-2.0

#include "CKernels.h"

extern const struct kernel_table kernels_baseline, kernels_avx2, kernels_avx512;

const struct kernel_table *kernels_at(int level) {
  if (level == kernel_baseline) return &kernels_baseline;
#if defined(__x86_64__)
  if (level == kernel_avx2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return &kernels_avx2;
  if (level == kernel_avx512 && __builtin_cpu_supports("avx512f") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return &kernels_avx512;
#endif
  return 0;
}
