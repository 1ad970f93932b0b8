#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

void abort(void) {
  for (;;) __asm__ __volatile__("ud2");
}

int atoi(const char *s) {
  int negative = *s == '-', v = 0;
  for (s += negative; *s >= '0' && *s <= '9'; s++) v = v * 10 + (*s - '0');
  return negative ? -v : v;
}

static unsigned seed = 1;

void srand(unsigned value) { seed = value ? value : 1; }

/* xorshift32 (Marsaglia 2003). */
unsigned rand(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}
