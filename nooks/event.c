/* See event.h: empty on purpose. */
#include <nooks/event.h>

#pragma clang section text = ".text.recovery"

noinline void nooks_event(u32 kind, const char *name, u32 detail) {
  __asm__ __volatile__("" : : "r"(kind), "r"(name), "r"(detail) : "memory");
}
