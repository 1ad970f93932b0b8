/* Exports of what has no C file in the kernel: assembly (arch/uaccess.S), the compiler's division (guest/rt/div64.c). */
#include <asm/uaccess.h>
#include <linux/module.h>

EXPORT_SYMBOL(copy_to_user);
EXPORT_SYMBOL(copy_from_user);
EXPORT_SYMBOL(clear_user);
EXPORT_SYMBOL(strncpy_from_user);

u64 __udivdi3(u64 n, u64 d);
u64 __umoddi3(u64 n, u64 d);
s64 __divdi3(s64 n, s64 d);
s64 __moddi3(s64 n, s64 d);

EXPORT_SYMBOL(__udivdi3);
EXPORT_SYMBOL(__umoddi3);
EXPORT_SYMBOL(__divdi3);
EXPORT_SYMBOL(__moddi3);
