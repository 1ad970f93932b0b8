/* Output, unbuffered but for the length of one call. */
#ifndef STDIO_H
#define STDIO_H

#include <stdarg.h>
#include <linux/types.h>

int printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int dprintf(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int puts(const char *s);
int snprintf(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args);

/* A whole small file, such as one of /proc; NUL-terminated. Bytes read, or -1. */
int read_file(const char *name, char *buf, size_t size);
/* The number after `key` and blanks at the start of a line, 0 if there is none. */
unsigned long long find_number(const char *text, const char *key);

#endif
