/* Where the BIOS keeps things; shared by C and assembly. */
#ifndef LAYOUT_H
#define LAYOUT_H

#define BIOS_SEGMENT 0xf000
/* The extended BIOS data area: the last 4 KiB of conventional memory. */
#define EBDA_SEGMENT 0x9f00
#define EBDA_KIB 4
#define BASE_MEMORY_KIB (640 - EBDA_KIB)

/* Three stacks at the end of the EBDA: for a service, and for services that interrupt handlers call meanwhile. */
#define STACK_SIZE 0x300
#define STACK_TOP 0x1000
#define STACK_LIMIT 0x700

#endif
