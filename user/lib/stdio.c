/* printf and reading small files; the formatting is the kernel's, built again for ring 3 (lib/vsprintf.c). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX 1024

static int print(int fd, const char *fmt, va_list args) {
  char line[LINE_MAX];
  int n = vsnprintf(line, sizeof line, fmt, args);
  int length = n < LINE_MAX ? n : LINE_MAX - 1;
  return write(fd, line, (size_t)length) == length ? n : -1;
}

int printf(const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int n = print(1, fmt, args);
  va_end(args);
  return n;
}

int dprintf(int fd, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int n = print(fd, fmt, args);
  va_end(args);
  return n;
}

int puts(const char *s) { return printf("%s\n", s); }

int read_file(const char *name, char *buf, size_t size) {
  size_t used = 0;
  int fd = open(name, O_RDONLY);
  if (fd < 0) return -1;
  while (used < size - 1) {
    ssize_t n = read(fd, buf + used, size - 1 - used);
    if (n <= 0) break;
    used += (size_t)n;
  }
  close(fd);
  buf[used] = 0;
  return (int)used;
}

unsigned long long find_number(const char *text, const char *key) {
  size_t n = strlen(key);
  for (const char *p = text; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
    if (strncmp(p, key, n) || (p[n] != ' ' && p[n] != ':')) continue;
    unsigned long long v = 0;
    for (p += n; *p == ' ' || *p == ':'; p++) continue;
    for (; *p >= '0' && *p <= '9'; p++) v = v * 10 + (unsigned)(*p - '0');
    return v;
  }
  return 0;
}
