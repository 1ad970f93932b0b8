/*
 * A driver that does one wrong thing, for tests of the Nooks layer: `deed=NAME` in a timer, so in interrupt
 * context, once the clock has ticked `after` times since loading, and only before tick `until` of the
 * clock, so that it can come back in good health after a recovery.
 */
#include <asm/system.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timer.h>

static char *deed = "";
static int after = 10, until = 0x7fffffff, early;
MODULE_PARM(deed, "s");
MODULE_PARM(after, "i");
MODULE_PARM(until, "i");
MODULE_PARM(early, "i"); /* act in the init function instead */

static struct timer_list timer;
static char own_data[64];
static const char own_rodata[] = "read-only";

static void poke(u32 addr) { *(volatile u32 *)addr = 0xDEAD0000; }

static u32 table_base(bool gdt) {
  struct {
    u16 limit;
    u32 base;
  } __packed r;
  if (gdt) __asm__ __volatile__("sgdt %0" : "=m"(r));
  else __asm__ __volatile__("sidt %0" : "=m"(r));
  return r.base;
}

static u32 own_pgd(void) { return read_cr3() + PAGE_OFFSET; }

static void kernel_text(void) { poke((u32)(void *)memcpy); }
static void kernel_data(void) { poke((u32)&jiffies); }
static void kernel_stack(void) { poke((u32)current_task->kstack + 4096); }
static void page_directory(void) { poke(own_pgd() + 4 * (PAGE_OFFSET >> 22)); }
static void page_table(void) { poke((((u32 *)own_pgd())[ZONE_BASE >> 22] & 0xFFFFF000) + PAGE_OFFSET); }
static void idt(void) { poke(table_base(false) + 8 * 14); }
static void gdt(void) { poke(table_base(true) + 8); }
static void tss(void) { poke(0xFFFFF004); }
static void zone(void) { poke(ZONE_BASE + 0x3FF000); }
static void null(void) { poke(0); }
static void user(void) { poke(0x08048000); }
static void own_text(void) { poke((u32)(void *)poke); }
static void rodata(void) { poke((u32)own_rodata); }

static void freed_page(void) {
  u32 page = __get_free_page(GFP_ATOMIC);
  *(volatile u32 *)page = 1;
  free_page(page);
  poke(page);
}

static void freed_packet(void) {
  struct sk_buff *skb = dev_alloc_skb(100);
  u8 *data = skb_put(skb, 100);
  data[0] = 1;
  kfree_skb(skb);
  poke((u32)data);
}

static noinline u32 recurse(u32 n) {
  volatile u32 frame[32];
  frame[n & 31] = n;
  if (n == 0x7fffffff) return 0;
  return recurse(n + 1) + frame[(n + 1) & 31];
}
static void stack_overflow(void) { recurse(0); }
static void past_stack(void) { poke(((u32)__builtin_frame_address(0) & 0xFFFFF000) - 8); }

#define RUIN(value) __asm__ __volatile__("movl %0, %%esp; pushl %%eax" : : "r"(value) : "memory")
static void esp_wild(void) { RUIN(0x12345678); }
static void esp_kernel(void) { RUIN((u32)current_task->kstack + 4096); }
static void esp_heap(void) { RUIN((u32)own_data + 60); printk("unreachable?\n"); }
static void esp_top(void) { RUIN(0xFFFFF800); }
/* No fault of its own: an interrupt comes and finds the stack gone. */
static void esp_interrupted(void) {
  __asm__ __volatile__("movl $0x12345678, %%esp; 1: jmp 1b" : : : "memory");
}

static void divide(void) { __asm__ __volatile__("xorl %%ecx,%%ecx; xorl %%edx,%%edx; divl %%ecx" : : : "eax", "ecx", "edx"); }
static void undefined(void) { __asm__ __volatile__("ud2"); }
static void system_call(void) { __asm__ __volatile__("int $0x80" : : "a"(1)); }
static void breakpoint(void) { __asm__ __volatile__("int3"); }
static void wild_call(void) { ((void (*)(void))0xDEADBEEF)(); }
static void bad_segment(void) { __asm__ __volatile__("movl %0, %%ds" : : "r"(0x77)); }
static void free_twice(void) {
  void *p = kmalloc(40, GFP_ATOMIC);
  kfree(p);
  kfree(p);
}
static void free_wild(void) { kfree((void *)0xC0100000); }
static void free_others(void) { kfree_skb((struct sk_buff *)own_data); }
static void say_panic(void) { panic("the driver says so"); }
static void say_bug(void) { BUG(); }
static void sleep_in_interrupt(void) { schedule_timeout(10); }
static void wild_format(void) { printk("%s\n", (char *)0x10); }

/* ---- Loops, with interrupts on and off ---- */

static void loop(void) {
  for (;;) barrier();
}
static void loop_off(void) {
  local_irq_disable();
  loop();
}
static void halt_off(void) {
  for (;;) __asm__ __volatile__("cli; hlt");
}
/* A lock that it holds: a processor that spins waits for itself. */
static void deadlock(void) {
  static spinlock_t lock;
  local_irq_disable();
  while (!spin_trylock(&lock) || lock.locked) cpu_relax();
}
static void delay(void) { mdelay(100000); }
static void call_without_end(void) {
  for (;;) kfree(kmalloc(40, GFP_ATOMIC));
}
static void print_without_end(void) {
  for (;;) printk(KERN_DEBUG "x\n");
}

/* ---- Flags and debug registers that it leaves behind ---- */

#define POPF(bits) __asm__ __volatile__("pushfl; orl %0, (%%esp); popfl; nop; nop" : : "i"(bits) : "memory", "cc")
static void single_step(void) { POPF(0x100); }
static void nested_task(void) { __asm__ __volatile__("pushfl; orl $0x4000, (%%esp); popfl; iret" : : : "memory", "cc"); }
static void watchpoint(void) {
  __asm__ __volatile__("movl %0, %%dr0; movl %1, %%dr7" : : "r"(&own_data), "r"(0xD0002) : "memory");
  *(volatile u32 *)own_data = 1;
}
static void leave_flags(void) { POPF(0x44400); }
static void leave_irqs_off(void) { local_irq_disable(); }
static void leave_bh_off(void) { local_bh_disable(); }
static void leave_asleep(void) { set_current_state(TASK_UNINTERRUPTIBLE); }

/* ---- Wild privileged operations ---- */

static void software_nmi(void) { for (int i = 0; i < 20; i++) __asm__ __volatile__("int $2"); loop(); }
static void software_df(void) { __asm__ __volatile__("int $8"); }
static void software_pf(void) { __asm__ __volatile__("int $14"); }
static void software_irq(void) { __asm__ __volatile__("int $0x20"); undefined(); }
static void unknown_vector(void) { __asm__ __volatile__("int $0x99"); }
static void lift_protection(void) {
  write_cr0(read_cr0() & ~CR0_WP);
  loop();
}
static void to_user(void) {
  __asm__ __volatile__("pushl $0x23; pushl $0x1000; pushl $2; pushl $0x1B; pushl $0x8048000; iret" : : : "memory");
}
static void to_v86(void) {
  __asm__ __volatile__("pushl $0; pushl $0; pushl $0; pushl $0; pushl $0; pushl $0x1000; pushl $0x20002; pushl $0x100; pushl $0x100; iret"
                       : : : "memory");
}
static void far_jump(void) { __asm__ __volatile__("ljmp $0x1B, $0x8048000"); }
static void overflow(void) { __asm__ __volatile__("movb $127, %%al; addb $1, %%al; into" : : : "eax", "cc"); }
static void bounds(void) {
  static const int limits[2] = { 1, 2 };
  __asm__ __volatile__(".byte 0x62, 0x02" : : "a"(5), "d"(limits)); /* bound %eax, (%edx) */
}
static void bad_task(void) { __asm__ __volatile__("ljmp $0x28, $0"); } /* busy: itself */
static void bad_stack_segment(void) { __asm__ __volatile__("movl %0, %%ss" : : "r"(0x23)); }

/* ---- Resources ---- */

static void hoard_memory(void) {
  void *p;
  u32 n = 0;
  while ((p = kmalloc(100000, GFP_ATOMIC))) n++;
  printk("misbehave: refused after %u blocks\n", n);
}
static void hoard_pages(void) {
  u32 n = 0;
  while (__get_free_page(GFP_ATOMIC)) n++;
  printk("misbehave: refused after %u pages\n", n);
}
static void hoard_packets(void) {
  while (dev_alloc_skb(100)) continue;
}
static void hoard_timers(void) {
  static struct timer_list many[200];
  u32 n = 0;
  for (u32 i = 0; i < ARRAY_SIZE(many); i++) {
    init_timer(&many[i]);
    many[i].function = (void (*)(unsigned long))loop;
    many[i].expires = jiffies + 100000;
    add_timer(&many[i]);
    n += timer_pending(&many[i]);
  }
  printk("misbehave: %u timers\n", n);
}

/* Leaves the user's data segments loaded; the next crossing puts that right. */
static void ruin_segments(void) {
  __asm__ __volatile__("movl %0, %%ds; movl %0, %%es" : : "r"(0x23) : "memory");
}

/* Leaves the flags as no caller wants them, but returns. */
static void ruin_flags(void) { __asm__ __volatile__("pushl $0x4402; popfl; std" : : : "memory", "cc"); }

static const struct {
  const char *name;
  void (*fn)(void);
} deeds[] = {
#define DEED(f) { #f, f }
  DEED(kernel_text), DEED(kernel_data), DEED(kernel_stack), DEED(page_directory), DEED(page_table), DEED(idt),
  DEED(gdt), DEED(tss), DEED(zone), DEED(null), DEED(user), DEED(own_text), DEED(rodata), DEED(freed_page),
  DEED(freed_packet), DEED(stack_overflow), DEED(past_stack), DEED(esp_wild), DEED(esp_kernel), DEED(esp_heap),
  DEED(esp_top), DEED(esp_interrupted), DEED(divide), DEED(undefined), DEED(system_call), DEED(breakpoint),
  DEED(wild_call), DEED(bad_segment), DEED(free_twice), DEED(free_wild), DEED(free_others), DEED(say_panic),
  DEED(say_bug), DEED(sleep_in_interrupt), DEED(wild_format), DEED(ruin_flags), DEED(ruin_segments),
  DEED(loop), DEED(loop_off), DEED(halt_off), DEED(deadlock), DEED(delay), DEED(call_without_end),
  DEED(print_without_end), DEED(single_step), DEED(nested_task), DEED(watchpoint), DEED(leave_flags),
  DEED(leave_irqs_off), DEED(leave_bh_off), DEED(leave_asleep), DEED(software_nmi), DEED(software_df),
  DEED(software_pf), DEED(software_irq), DEED(unknown_vector), DEED(lift_protection), DEED(to_user), DEED(to_v86),
  DEED(far_jump), DEED(overflow), DEED(bounds), DEED(bad_task), DEED(bad_stack_segment), DEED(hoard_memory),
  DEED(hoard_pages), DEED(hoard_packets), DEED(hoard_timers),
};

static void act(unsigned long unused) {
  (void)unused;
  if (time_after((long)jiffies, (long)until)) return;
  for (u32 i = 0; i < ARRAY_SIZE(deeds); i++) {
    if (strcmp(deeds[i].name, deed)) continue;
    deeds[i].fn();
    printk("misbehave: %s: nothing stopped it\n", deed);
  }
}

static int misbehave_init(void) {
  printk("misbehave: loaded\n");
  if (early) act(0);
  init_timer(&timer);
  timer.function = act;
  timer.expires = jiffies + after;
  add_timer(&timer);
  return 0;
}

static void misbehave_exit(void) { del_timer_sync(&timer); }

module_init(misbehave_init);
module_exit(misbehave_exit);
