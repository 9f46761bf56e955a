// SPDX-License-Identifier: Apache-2.0
// What the C library declares only under _GNU_SOURCE or as macros that Swift cannot import.
#ifndef CHAINRULE_CSYSTEM_H
#define CHAINRULE_CSYSTEM_H

#ifdef __linux__
// Kernel numbers only: a C library header here would take its types over from Swift's Glibc module.
#include <asm/unistd.h>

/// Fills `mask` with one bit for each processor that the calling thread may run on.
/// Returns the number of bytes filled, or -1.
static inline long system_affinity(void *mask, unsigned long byte_count) {
  extern long syscall(long number, ...);
  return syscall(__NR_sched_getaffinity, 0, byte_count, mask);
}

/// Sets how much freed memory at its end the heap keeps, and from which size on a block of memory is
/// mapped by itself. glibc has that, musl has not.
static inline void system_set_heap(int kept_byte_count, int mapped_byte_count) {
  extern int mallopt(int parameter, int value) __attribute__((weak));
  if (!mallopt) return;
  mallopt(-1 /* M_TRIM_THRESHOLD */, kept_byte_count);
  mallopt(-3 /* M_MMAP_THRESHOLD */, mapped_byte_count);
}
#endif

/// Asks for the cache line at `address`, which is about to be read; changes nothing else.
static inline void prefetch_for_read(const void *address) { __builtin_prefetch(address); }

#endif
