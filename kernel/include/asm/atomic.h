#ifndef ASM_ATOMIC_H
#define ASM_ATOMIC_H

#include <linux/types.h>

/* One CPU: an instruction is atomic against interrupts without a LOCK prefix, as in 2.4 UP kernels. */
typedef struct {
  volatile int counter;
} atomic_t;

#define ATOMIC_INIT(i) { (i) }
#define atomic_read(v) ((v)->counter)
#define atomic_set(v, i) ((v)->counter = (i))

static inline void atomic_add(int i, atomic_t *v) { __asm__ __volatile__("addl %1,%0" : "+m"(v->counter) : "ir"(i) : "cc"); }
static inline void atomic_sub(int i, atomic_t *v) { __asm__ __volatile__("subl %1,%0" : "+m"(v->counter) : "ir"(i) : "cc"); }
static inline void atomic_inc(atomic_t *v) { __asm__ __volatile__("incl %0" : "+m"(v->counter) : : "cc"); }
static inline void atomic_dec(atomic_t *v) { __asm__ __volatile__("decl %0" : "+m"(v->counter) : : "cc"); }
static inline int atomic_sub_and_test(int i, atomic_t *v) {
  u8 zero;
  __asm__ __volatile__("subl %2,%0; sete %1" : "+m"(v->counter), "=q"(zero) : "ir"(i) : "memory", "cc");
  return zero;
}
static inline int atomic_dec_and_test(atomic_t *v) { return atomic_sub_and_test(1, v); }
static inline int atomic_inc_and_test(atomic_t *v) { return atomic_sub_and_test(-1, v); }

#endif
