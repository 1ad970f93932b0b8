/* printk, panic and the small things that everyone uses. */
#ifndef LINUX_KERNEL_H
#define LINUX_KERNEL_H

#include <stdarg.h>
#include <linux/compiler.h>
#include <linux/types.h>

#define KERN_EMERG "<0>"
#define KERN_ALERT "<1>"
#define KERN_CRIT "<2>"
#define KERN_ERR "<3>"
#define KERN_WARNING "<4>"
#define KERN_NOTICE "<5>"
#define KERN_INFO "<6>"
#define KERN_DEBUG "<7>"

/* To the serial console; messages above `loglevel=` (default 6) are dropped. Any context. */
int printk(const char *fmt, ...) __printf(1, 2);

/* The exit code that a panic leaves with (port 0xF4). */
#define PANIC_EXIT_CODE 99
void panic(const char *fmt, ...) __printf(1, 2) __noreturn;
void machine_exit(u32 code) __noreturn; /* ends the run through port 0xF4 */
void dump_stack(void);

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int sprintf(char *buf, const char *fmt, ...) __printf(2, 3);
unsigned long simple_strtoul(const char *s, char **end, unsigned base);
long simple_strtol(const char *s, char **end, unsigned base);

void __bug(const char *file, int line, const char *what) __noreturn;
#define BUG() __bug(__FILE__, __LINE__, "BUG")
#define BUG_ON(cond)                                    \
  do {                                                  \
    if (unlikely(cond)) __bug(__FILE__, __LINE__, #cond); \
  } while (0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#define ALIGN(x, a) (((x) + (a) - 1) & ~((__typeof__(x))(a) - 1))
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define min(x, y) ({ __typeof__(x) _x = (x); __typeof__(y) _y = (y); _x < _y ? _x : _y; })
#define max(x, y) ({ __typeof__(x) _x = (x); __typeof__(y) _y = (y); _x > _y ? _x : _y; })
#define min_t(type, x, y) ({ type _x = (x); type _y = (y); _x < _y ? _x : _y; })
#define max_t(type, x, y) ({ type _x = (x); type _y = (y); _x > _y ? _x : _y; })

#define INT_MAX 0x7fffffff
#define UINT_MAX 0xffffffffu
#define LONG_MAX 0x7fffffffL
#define ULONG_MAX 0xffffffffUL

#endif
