/*
 * 64-bit division for code compiled for a 32-bit processor: the functions that clang calls for `/` and `%` on
 * long long. Ours instead of compiler-rt's, because that one is a single object with x87 code in it, and because
 * division must be charged to the region that asks for it (section .text.inherit).
 * Division by zero traps (#DE), as the instruction does.
 */
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long s64;

#define INHERIT __attribute__((section(".text.inherit")))
#define INLINE inline __attribute__((always_inline))

_Static_assert(sizeof(u64) == 8 && sizeof(u32) == 4, "ILP32 with a 64-bit long long");

/* (high:low) / by, where high < by; the quotient fits in 32 bits. */
static INLINE u32 divide_step(u32 high, u32 low, u32 by, u32 *rest)
{
	u32 quotient;

	__asm__("divl %4" : "=a"(quotient), "=d"(*rest) : "0"(low), "1"(high), "rm"(by) : "cc");
	return quotient;
}

/* Divisor below 2^32: two steps of schoolbook division. */
static INLINE u64 divide_short(u64 n, u32 d, u64 *rest)
{
	u32 r = 0;
	u32 high = divide_step(0, (u32)(n >> 32), d, &r);
	u32 low = divide_step(r, (u32)n, d, &r);

	*rest = r;
	return (u64)high << 32 | low;
}

/*
 * Divisor of 2^32 or more: divide the top bits of both, normalised so that the divisor's top bit is set; the
 * estimate is at most one too large (Knuth, TAOCP 2, 4.3.1, theorem B with one digit).
 */
static INLINE u64 divide_long(u64 n, u64 d, u64 *rest)
{
	u32 shift = (u32)__builtin_clz((u32)(d >> 32));
	u32 top = (u32)(d << shift >> 32);
	u64 half = n >> 1;
	u32 ignored;
	u64 q = divide_step((u32)(half >> 32), (u32)half, top, &ignored);

	q = q >> (31 - shift);
	if (q)
		q--;
	*rest = n - q * d;
	if (*rest >= d) {
		q++;
		*rest -= d;
	}
	return q;
}

INHERIT u64 __udivmoddi4(u64 n, u64 d, u64 *rest)
{
	u64 ignored;

	if (!rest)
		rest = &ignored;
	return d >> 32 ? divide_long(n, d, rest) : divide_short(n, (u32)d, rest);
}

INHERIT u64 __udivdi3(u64 n, u64 d)
{
	return __udivmoddi4(n, d, 0);
}

INHERIT u64 __umoddi3(u64 n, u64 d)
{
	u64 rest;

	__udivmoddi4(n, d, &rest);
	return rest;
}

static INLINE u64 magnitude(s64 v)
{
	return v < 0 ? -(u64)v : (u64)v;
}

INHERIT s64 __divdi3(s64 n, s64 d)
{
	u64 q = __udivmoddi4(magnitude(n), magnitude(d), 0);

	return (s64)((n < 0) != (d < 0) ? -q : q);
}

INHERIT s64 __moddi3(s64 n, s64 d)
{
	u64 rest;

	__udivmoddi4(magnitude(n), magnitude(d), &rest);
	return (s64)(n < 0 ? -rest : rest);
}
