#ifndef ASM_IRQ_H
#define ASM_IRQ_H

#define NR_IRQS 16
#define IRQ_TIMER 0
#define IRQ_CASCADE 2
#define IRQ_SERIAL 4
#define IRQ_VECTOR 0x20 /* IRQ n arrives at vector 0x20 + n */
#define SYSCALL_VECTOR 0x80

#endif
