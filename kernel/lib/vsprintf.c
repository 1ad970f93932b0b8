/*
 * Formatted output: %d %i %u %x %X %o %c %s %p %%, the length modifiers hh h l ll z, width and precision (also
 * `*`), and the flags `-` `0` `+` `#` and space. No floating point: the kernel has none.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/string.h>

struct out {
  char *p, *end; /* end: one past the last byte, which is kept for NUL */
  size_t length; /* what it would be without a limit */
};

struct spec {
  bool left, zero, plus, space, alternate, upper, is_signed;
  int width, precision; /* precision -1 = none */
  unsigned base;
};

static void put(struct out *o, char c) {
  if (o->p < o->end) *o->p++ = c;
  o->length++;
}

static void pad(struct out *o, char c, int n) {
  while (n-- > 0) put(o, c);
}

static void put_string(struct out *o, const char *s, const struct spec *f) {
  if (!s) s = "(null)";
  int n = (int)strnlen(s, f->precision < 0 ? (size_t)INT_MAX : (size_t)f->precision);
  if (!f->left) pad(o, ' ', f->width - n);
  for (int i = 0; i < n; i++) put(o, s[i]);
  if (f->left) pad(o, ' ', f->width - n);
}

static void put_number(struct out *o, u64 v, const struct spec *f) {
  char digits[24];
  int n = 0;
  char sign = 0;
  const char *alphabet = f->upper ? "0123456789ABCDEF" : "0123456789abcdef";
  bool prefix = f->alternate && f->base == 16 && v != 0;

  if (f->is_signed && (s64)v < 0) {
    sign = '-';
    v = -v;
  } else if (f->is_signed) {
    sign = f->plus ? '+' : f->space ? ' ' : 0;
  }
  for (; v >> 32; v /= f->base) digits[n++] = alphabet[v % f->base];
  for (u32 low = (u32)v; low; low /= f->base) digits[n++] = alphabet[low % f->base];
  if (n == 0 && f->precision != 0) digits[n++] = '0';

  int zeros = f->precision > n ? f->precision - n : 0;
  int length = n + zeros + (sign ? 1 : 0) + (prefix ? 2 : 0);
  bool zero_pad = f->zero && !f->left && f->precision < 0;
  if (!f->left && !zero_pad) pad(o, ' ', f->width - length);
  if (sign) put(o, sign);
  if (prefix) {
    put(o, '0');
    put(o, f->upper ? 'X' : 'x');
  }
  if (zero_pad) pad(o, '0', f->width - length);
  pad(o, '0', zeros);
  while (n > 0) put(o, digits[--n]);
  if (f->left) pad(o, ' ', f->width - length);
}

static const char *parse_flags(const char *s, struct spec *f) {
  for (;; s++) {
    if (*s == '-') f->left = true;
    else if (*s == '0') f->zero = true;
    else if (*s == '+') f->plus = true;
    else if (*s == ' ') f->space = true;
    else if (*s == '#') f->alternate = true;
    else return s;
  }
}

static const char *parse_count(const char *s, int *value) {
  for (*value = 0; *s >= '0' && *s <= '9'; s++) *value = *value * 10 + (*s - '0');
  return s;
}

/* Length modifier as a count: 0 int, 1 long, 2 long long, -1 short, -2 char. */
static const char *parse_length(const char *s, int *length) {
  *length = 0;
  for (;; s++) {
    if (*s == 'l') ++*length;
    else if (*s == 'h') --*length;
    else if (*s == 'z' || *s == 't') *length = 1;
    else return s;
  }
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args) {
  struct out o = { buf, size ? buf + size - 1 : buf, 0 };

  for (; *fmt; fmt++) {
    if (*fmt != '%') {
      put(&o, *fmt);
      continue;
    }
    struct spec f = { .precision = -1, .base = 10 };
    int length;
    fmt = parse_flags(fmt + 1, &f);
    if (*fmt == '*') {
      f.width = va_arg(args, int);
      if (f.width < 0) f.left = true, f.width = -f.width;
      fmt++;
    } else {
      fmt = parse_count(fmt, &f.width);
    }
    if (*fmt == '.') {
      if (fmt[1] == '*') {
        f.precision = va_arg(args, int);
        fmt += 2;
      } else {
        fmt = parse_count(fmt + 1, &f.precision);
      }
    }
    fmt = parse_length(fmt, &length);
    switch (*fmt) {
      case 'd':
      case 'i': {
        f.is_signed = true;
        s64 v = length >= 2 ? va_arg(args, s64) : va_arg(args, int);
        put_number(&o, (u64)(length == -1 ? (s16)v : length == -2 ? (s8)v : v), &f);
        break;
      }
      case 'X':
        f.upper = true; /* fall through */
      case 'x':
      case 'o':
      case 'u': {
        f.base = *fmt == 'u' ? 10 : *fmt == 'o' ? 8 : 16;
        u64 v = length >= 2 ? va_arg(args, u64) : va_arg(args, u32);
        put_number(&o, length == -1 ? (u16)v : length == -2 ? (u8)v : v, &f);
        break;
      }
      case 'p':
        f.base = 16;
        f.precision = 8;
        put_number(&o, va_arg(args, u32), &f);
        break;
      case 'c':
        if (!f.left) pad(&o, ' ', f.width - 1);
        put(&o, (char)va_arg(args, int));
        if (f.left) pad(&o, ' ', f.width - 1);
        break;
      case 's':
        put_string(&o, va_arg(args, const char *), &f);
        break;
      case '%':
        put(&o, '%');
        break;
      case 0:
        fmt--; /* a lone % at the end */
        break;
      default:
        put(&o, '%');
        put(&o, *fmt);
    }
  }
  if (size) *o.p = 0;
  return (int)o.length;
}

int snprintf(char *buf, size_t size, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(buf, size, fmt, args);
  va_end(args);
  return n;
}

int sprintf(char *buf, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(buf, INT_MAX, fmt, args);
  va_end(args);
  return n;
}

static int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

unsigned long simple_strtoul(const char *s, char **end, unsigned base) {
  unsigned long v = 0;
  if ((base == 0 || base == 16) && s[0] == '0' && (s[1] | 0x20) == 'x') {
    s += 2;
    base = 16;
  } else if (base == 0) {
    base = *s == '0' ? 8 : 10;
  }
  for (; (unsigned)digit_of(*s) < base; s++) v = v * base + (unsigned)digit_of(*s);
  if (end) *end = (char *)s;
  return v;
}

long simple_strtol(const char *s, char **end, unsigned base) {
  return *s == '-' ? -(long)simple_strtoul(s + 1, end, base) : (long)simple_strtoul(s, end, base);
}

EXPORT_SYMBOL(vsnprintf);
EXPORT_SYMBOL(snprintf);
EXPORT_SYMBOL(sprintf);
EXPORT_SYMBOL(simple_strtoul);
EXPORT_SYMBOL(simple_strtol);
