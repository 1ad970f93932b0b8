/* Port and memory-mapped I/O. */
#ifndef ASM_IO_H
#define ASM_IO_H

#include <asm/memlayout.h>
#include <linux/types.h>

static inline u8 inb(u16 port) { u8 v; __asm__ __volatile__("inb %1,%0" : "=a"(v) : "Nd"(port)); return v; }
static inline u16 inw(u16 port) { u16 v; __asm__ __volatile__("inw %1,%0" : "=a"(v) : "Nd"(port)); return v; }
static inline u32 inl(u16 port) { u32 v; __asm__ __volatile__("inl %1,%0" : "=a"(v) : "Nd"(port)); return v; }
static inline void outb(u8 v, u16 port) { __asm__ __volatile__("outb %0,%1" : : "a"(v), "Nd"(port)); }
static inline void outw(u16 v, u16 port) { __asm__ __volatile__("outw %0,%1" : : "a"(v), "Nd"(port)); }
static inline void outl(u32 v, u16 port) { __asm__ __volatile__("outl %0,%1" : : "a"(v), "Nd"(port)); }

static inline u8 readb(const volatile void *addr) { return *(const volatile u8 *)addr; }
static inline u16 readw(const volatile void *addr) { return *(const volatile u16 *)addr; }
static inline u32 readl(const volatile void *addr) { return *(const volatile u32 *)addr; }
static inline void writeb(u8 v, volatile void *addr) { *(volatile u8 *)addr = v; }
static inline void writew(u16 v, volatile void *addr) { *(volatile u16 *)addr = v; }
static inline void writel(u32 v, volatile void *addr) { *(volatile u32 *)addr = v; }

/* Maps `size` bytes of device memory, uncached; NULL for RAM or when the range is full. May sleep. */
void *ioremap(unsigned long phys, unsigned long size);
#define ioremap_nocache ioremap
void iounmap(void *addr);

#endif
