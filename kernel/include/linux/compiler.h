#ifndef LINUX_COMPILER_H
#define LINUX_COMPILER_H

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define barrier() __asm__ __volatile__("" : : : "memory")

#define __packed __attribute__((packed))
#define __aligned(n) __attribute__((aligned(n)))
#define __weak __attribute__((weak))
#define __used __attribute__((used))
#define __unused __attribute__((unused))
#define __noreturn __attribute__((noreturn))
#define noinline __attribute__((__noinline__))
#define __printf(fmt, args) __attribute__((format(printf, fmt, args)))
#define asmlinkage /* IA-32 C calls pass everything on the stack, as assembly expects */

#endif
