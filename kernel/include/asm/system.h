/* Processor control: interrupt flag, control registers, time stamps. */
#ifndef ASM_SYSTEM_H
#define ASM_SYSTEM_H

#include <linux/compiler.h>
#include <linux/types.h>

#define EFLAGS_TF 0x100u
#define EFLAGS_IF 0x200u
#define EFLAGS_NT 0x4000u

static inline unsigned long __save_flags(void) {
  unsigned long flags;
  __asm__ __volatile__("pushfl; popl %0" : "=r"(flags) : : "memory");
  return flags;
}
static inline void __restore_flags(unsigned long flags) {
  __asm__ __volatile__("pushl %0; popfl" : : "r"(flags) : "memory", "cc");
}

#define local_irq_disable() __asm__ __volatile__("cli" : : : "memory")
#define local_irq_enable() __asm__ __volatile__("sti" : : : "memory")
#define local_irq_save(flags) do { (flags) = __save_flags(); local_irq_disable(); } while (0)
#define local_irq_restore(flags) __restore_flags(flags)
#define irqs_disabled() (!(__save_flags() & EFLAGS_IF))

/* The names that drivers of the 2.4 era use. */
#define cli() local_irq_disable()
#define sti() local_irq_enable()
#define save_flags(flags) ((flags) = __save_flags())
#define restore_flags(flags) __restore_flags(flags)

#define mb() __asm__ __volatile__("lock; addl $0,0(%%esp)" : : : "memory", "cc")
#define rmb() mb()
#define wmb() barrier()
#define smp_mb() barrier()
#define smp_rmb() barrier()
#define smp_wmb() barrier()

static inline u32 xchg(volatile u32 *p, u32 v) {
  __asm__ __volatile__("xchgl %0,%1" : "+r"(v), "+m"(*p) : : "memory");
  return v;
}
static inline u32 cmpxchg(volatile u32 *p, u32 old, u32 v) {
  u32 was;
  __asm__ __volatile__("lock; cmpxchgl %2,%1" : "=a"(was), "+m"(*p) : "r"(v), "0"(old) : "memory", "cc");
  return was;
}

#define CR0_WP 0x00010000u
#define CR0_PG 0x80000000u
#define CR4_PSE 0x10u
#define CR4_PGE 0x80u

static inline u32 read_cr0(void) { u32 v; __asm__ __volatile__("movl %%cr0,%0" : "=r"(v)); return v; }
static inline void write_cr0(u32 v) { __asm__ __volatile__("movl %0,%%cr0" : : "r"(v) : "memory"); }
static inline u32 read_cr2(void) { u32 v; __asm__ __volatile__("movl %%cr2,%0" : "=r"(v)); return v; }
static inline u32 read_cr3(void) { u32 v; __asm__ __volatile__("movl %%cr3,%0" : "=r"(v)); return v; }
static inline u32 read_cr4(void) { u32 v; __asm__ __volatile__("movl %%cr4,%0" : "=r"(v)); return v; }
static inline void write_cr3(u32 v) { __asm__ __volatile__("movl %0,%%cr3" : : "r"(v) : "memory"); }
static inline void write_cr4(u32 v) { __asm__ __volatile__("movl %0,%%cr4" : : "r"(v) : "memory"); }
static inline void write_dr6(u32 v) { __asm__ __volatile__("movl %0,%%dr6" : : "r"(v)); }
static inline void write_dr7(u32 v) { __asm__ __volatile__("movl %0,%%dr7" : : "r"(v)); }
static inline void invlpg(u32 addr) { __asm__ __volatile__("invlpg (%0)" : : "r"(addr) : "memory"); }
static inline u64 rdtsc(void) { u64 v; __asm__ __volatile__("rdtsc" : "=A"(v)); return v; }
static inline void cpu_relax(void) { __asm__ __volatile__("pause" : : : "memory"); }

#endif
