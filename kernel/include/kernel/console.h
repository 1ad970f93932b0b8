/* The serial console (char/serial.c). */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include <linux/types.h>

void serial_init(void);                       /* the first thing at boot */
void console_write(const char *s, size_t n);  /* any context; polls */

#endif
