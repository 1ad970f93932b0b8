/*
 * start_kernel: brings everything up in order and becomes the idle task. The first process is the Multiboot
 * module that `init=NAME` names (default "init"); its exit ends the run with its exit code.
 */
#include <asm/system.h>
#include <kernel/boot.h>
#include <kernel/console.h>
#include <kernel/multiboot.h>
#include <kernel/process.h>
#include <kernel/traps.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>

#define MIN_MEMORY 0xF00000u /* bytes: 16 MiB, of which a PC's firmware may have kept some */

extern const initcall_t __start_initcall[], __stop_initcall[];
extern const char _kernel_start[], _end[];

void start_kernel(u32 magic, u32 info);
void cpu_idle(void) __noreturn;

static void do_initcalls(void) {
  for (const initcall_t *call = __start_initcall; call < __stop_initcall; call++) {
    int err = (*call)();
    if (err) panic("initialisation of %p failed: %d", (void *)*call, err);
  }
}

/* The first process, still in ring 0: finish what needs a process, then become the init program. */
static int init_thread(void *unused) {
  (void)unused;
  const char *name = boot_option("init");
  if (!name) name = "init";
  do_initcalls();
  const struct boot_module *m = find_boot_module(name);
  if (!m) panic("no init: no Multiboot module is called \"%s\"", name);
  int err = exec_init(m);
  panic("cannot run init \"%s\": error %d", name, -err);
}

void start_kernel(u32 magic, u32 info) {
  serial_init();
  if (magic != MULTIBOOT_LOADED) panic("not loaded by Multiboot (magic %#x)", magic);
  boot_reserve((u32)_kernel_start - KERNEL_BASE, (u32)_end - KERNEL_BASE);
  if (info >= DIRECT_MAX - PAGE_SIZE) panic("Multiboot data at %#x lie beyond the direct map", info);
  multiboot_read(direct_map(info));
  printk(KERN_INFO "nooks86 kernel, %u MiB of memory\n", (ram_end + 0xFFFFF) >> 20);
  if (ram_end < MIN_MEMORY) panic("%u MiB of memory are too small, 16 are needed", (ram_end + 0xFFFFF) >> 20);

  pgtable_init();
  gdt_init();
  double_fault_init();
  idt_init();
  page_alloc_init();
  heap_init();
  irq_init();
  softirq_init();
  timers_init();
  sched_init();
  time_init();
  spawn_init(init_thread);
  keventd_init();
  local_irq_enable();
  cpu_idle();
}
