/* The kernel's string functions, for ring 3. */
#include "../../kernel/lib/string.c"
