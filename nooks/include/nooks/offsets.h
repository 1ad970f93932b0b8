/* Offsets into C structures that xpc.S uses; xpc.c asserts them. */
#ifndef NOOKS_OFFSETS_H
#define NOOKS_OFFSETS_H

#define DOMAIN_CR3 0
#define FRAME_DOMAIN 4
#define FRAME_KERNEL_ESP 8
#define FRAME_EFLAGS 12
#define WRAPPER_REFUSED 16
#define FLAG_IF 0x200

#endif
