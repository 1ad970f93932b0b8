/* Bit operations on arrays of 32-bit words, atomic against interrupts. */
#ifndef ASM_BITOPS_H
#define ASM_BITOPS_H

#include <linux/types.h>

static inline void set_bit(int nr, volatile void *addr) {
  __asm__ __volatile__("btsl %1,%0" : "+m"(*(volatile u32 *)addr) : "Ir"(nr) : "memory", "cc");
}
static inline void clear_bit(int nr, volatile void *addr) {
  __asm__ __volatile__("btrl %1,%0" : "+m"(*(volatile u32 *)addr) : "Ir"(nr) : "memory", "cc");
}
static inline void change_bit(int nr, volatile void *addr) {
  __asm__ __volatile__("btcl %1,%0" : "+m"(*(volatile u32 *)addr) : "Ir"(nr) : "memory", "cc");
}
static inline int test_and_set_bit(int nr, volatile void *addr) {
  int old;
  __asm__ __volatile__("btsl %2,%1; sbbl %0,%0" : "=r"(old), "+m"(*(volatile u32 *)addr) : "Ir"(nr) : "memory", "cc");
  return old != 0;
}
static inline int test_and_clear_bit(int nr, volatile void *addr) {
  int old;
  __asm__ __volatile__("btrl %2,%1; sbbl %0,%0" : "=r"(old), "+m"(*(volatile u32 *)addr) : "Ir"(nr) : "memory", "cc");
  return old != 0;
}
static inline int test_bit(int nr, const volatile void *addr) {
  return ((const volatile u32 *)addr)[nr >> 5] >> (nr & 31) & 1;
}
static inline int ffs(int x) { return __builtin_ffs(x); }
static inline int fls(u32 x) { return x ? 32 - __builtin_clz(x) : 0; }

#endif
