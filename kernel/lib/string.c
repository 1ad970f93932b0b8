/* String functions. memcpy and memset are also what clang calls for structure copies. */
#include <linux/module.h>
#include <linux/section.h>
#include <linux/string.h>

/* Words first, then the rest; forward. */
static inline void copy_forward(void *to, const void *from, size_t n) {
  size_t words = n >> 2;
  __asm__ __volatile__("rep; movsl; movl %3,%%ecx; andl $3,%%ecx; rep; movsb"
                       : "+D"(to), "+S"(from), "+c"(words)
                       : "r"(n)
                       : "memory", "cc");
}

__inherit void *memcpy(void *to, const void *from, size_t n) {
  copy_forward(to, from, n);
  return to;
}

__inherit void *memmove(void *to, const void *from, size_t n) {
  if ((u32)to - (u32)from >= n) {
    copy_forward(to, from, n);
    return to;
  }
  const u8 *last_from = (const u8 *)from + n - 1;
  u8 *last_to = (u8 *)to + n - 1;
  __asm__ __volatile__("std; rep; movsb; cld" : "+D"(last_to), "+S"(last_from), "+c"(n) : : "memory", "cc");
  return to;
}

__inherit void *memset(void *to, int c, size_t n) {
  u32 fill = (u8)c * 0x01010101u;
  void *p = to;
  size_t words = n >> 2;
  __asm__ __volatile__("rep; stosl; movl %3,%%ecx; andl $3,%%ecx; rep; stosb"
                       : "+D"(p), "+c"(words)
                       : "a"(fill), "r"(n)
                       : "memory", "cc");
  return to;
}

__inherit int memcmp(const void *a, const void *b, size_t n) {
  const u8 *x = a, *y = b;
  for (; n; n--, x++, y++)
    if (*x != *y) return *x - *y;
  return 0;
}

__inherit void *memchr(const void *s, int c, size_t n) {
  const u8 *p = s;
  for (; n; n--, p++)
    if (*p == (u8)c) return (void *)p;
  return NULL;
}

__inherit size_t strlen(const char *s) {
  const char *p = s;
  while (*p) p++;
  return (size_t)(p - s);
}

__inherit size_t strnlen(const char *s, size_t max) {
  size_t n = 0;
  while (n < max && s[n]) n++;
  return n;
}

__inherit char *strcpy(char *to, const char *from) {
  char *p = to;
  while ((*p++ = *from++)) continue;
  return to;
}

__inherit char *strncpy(char *to, const char *from, size_t n) {
  size_t i = 0;
  for (; i < n && from[i]; i++) to[i] = from[i];
  for (; i < n; i++) to[i] = 0;
  return to;
}

__inherit size_t strlcpy(char *to, const char *from, size_t size) {
  size_t n = strlen(from);
  if (size) {
    size_t copied = n < size ? n : size - 1;
    copy_forward(to, from, copied);
    to[copied] = 0;
  }
  return n;
}

__inherit char *strcat(char *to, const char *from) {
  char *p = to;
  while (*p) p++;
  while ((*p++ = *from++)) continue;
  return to;
}

__inherit int strcmp(const char *a, const char *b) {
  for (; *a && *a == *b; a++, b++) continue;
  return (u8)*a - (u8)*b;
}

__inherit int strncmp(const char *a, const char *b, size_t n) {
  for (; n && *a && *a == *b; n--, a++, b++) continue;
  return n ? (u8)*a - (u8)*b : 0;
}

__inherit char *strchr(const char *s, int c) {
  for (;; s++) {
    if (*s == (char)c) return (char *)s;
    if (!*s) return NULL;
  }
}

__inherit char *strrchr(const char *s, int c) {
  const char *found = NULL;
  for (;; s++) {
    if (*s == (char)c) found = s;
    if (!*s) return (char *)found;
  }
}

__inherit char *strstr(const char *s, const char *find) {
  size_t n = strlen(find);
  for (; *s; s++)
    if (!strncmp(s, find, n)) return (char *)s;
  return n ? NULL : (char *)s;
}

char *strsep(char **s, const char *separators) {
  char *word = *s, *p = word;
  if (!word) return NULL;
  while (*p && !strchr(separators, *p)) p++;
  *s = *p ? p + 1 : NULL;
  *p = 0;
  return word;
}

EXPORT_SYMBOL(memcpy);
EXPORT_SYMBOL(memmove);
EXPORT_SYMBOL(memset);
EXPORT_SYMBOL(memcmp);
EXPORT_SYMBOL(memchr);
EXPORT_SYMBOL(strlen);
EXPORT_SYMBOL(strnlen);
EXPORT_SYMBOL(strcpy);
EXPORT_SYMBOL(strncpy);
EXPORT_SYMBOL(strlcpy);
EXPORT_SYMBOL(strcat);
EXPORT_SYMBOL(strcmp);
EXPORT_SYMBOL(strncmp);
EXPORT_SYMBOL(strchr);
EXPORT_SYMBOL(strrchr);
EXPORT_SYMBOL(strstr);
