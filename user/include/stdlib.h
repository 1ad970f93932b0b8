#ifndef STDLIB_H
#define STDLIB_H

#include <linux/types.h>

void exit(int code) __attribute__((noreturn));
void abort(void) __attribute__((noreturn));
void *malloc(size_t size); /* aligned to 16 bytes; NULL when there is no memory */
void *calloc(size_t n, size_t size);
void free(void *p);
int atoi(const char *s);
unsigned long strtoul(const char *s, char **end, int base); /* base 10 or 16 or 0 */
unsigned rand(void); /* a fixed sequence, different after srand */
void srand(unsigned seed);

#endif
