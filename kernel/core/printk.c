/* printk and panic: the kernel's last words go to the serial console and then to the exit port. */
#include <asm/io.h>
#include <asm/system.h>
#include <kernel/boot.h>
#include <kernel/console.h>
#include <kernel/traps.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/sched.h>

#define EXIT_PORT 0xF4
#define DEFAULT_LOGLEVEL 6 /* up to KERN_INFO */
#define DEFAULT_MESSAGE 4  /* KERN_WARNING, as in 2.4 */
#define LINE_MAX 512

static u32 loglevel = DEFAULT_LOGLEVEL;
static bool panicking;

void printk_init(void) {
  loglevel = boot_option_u32("loglevel", DEFAULT_LOGLEVEL);
}

static const char *strip_level(const char *s, u32 *level) {
  *level = DEFAULT_MESSAGE;
  if (s[0] == '<' && s[1] >= '0' && s[1] <= '7' && s[2] == '>') {
    *level = (u32)(s[1] - '0');
    s += 3;
  }
  return s;
}

int printk(const char *fmt, ...) {
  char line[LINE_MAX];
  u32 level;
  va_list args;
  va_start(args, fmt);
  fmt = strip_level(fmt, &level);
  int n = vsnprintf(line, sizeof line, fmt, args);
  va_end(args);
  if (level <= loglevel) console_write(line, min_t(size_t, (size_t)n, sizeof line - 1));
  return n;
}

void machine_exit(u32 code) {
  local_irq_disable();
  outl(code, EXIT_PORT);
  /* No exit port (a QEMU without isa-debug-exit, or real hardware): stop here. */
  for (;;) __asm__ __volatile__("cli; hlt");
}

void dump_stack(void) {
  dump_frames((u32)__builtin_frame_address(0));
}

static void panic_tail(void) __noreturn;
static void panic_tail(void) {
  if (current) printk(KERN_EMERG "task: %d (%s)\n", current->pid, current->comm);
  dump_stack();
  machine_exit(PANIC_EXIT_CODE);
}

void panic(const char *fmt, ...) {
  char line[256];
  va_list args;
  local_irq_disable();
  if (panicking) machine_exit(PANIC_EXIT_CODE);
  panicking = true;
  va_start(args, fmt);
  vsnprintf(line, sizeof line, fmt, args);
  va_end(args);
  printk(KERN_EMERG "Kernel panic: %s\n", line);
  panic_tail();
}

void __bug(const char *file, int line, const char *what) {
  panic("%s at %s:%d", what, file, line);
}

EXPORT_SYMBOL(printk);
EXPORT_SYMBOL(panic);
EXPORT_SYMBOL(dump_stack);
EXPORT_SYMBOL(__bug);
