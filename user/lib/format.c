/* The kernel's formatting, for ring 3. */
#include "../../kernel/lib/vsprintf.c"

unsigned long strtoul(const char *s, char **end, int base);
unsigned long strtoul(const char *s, char **end, int base) { return simple_strtoul(s, end, (unsigned)base); }
