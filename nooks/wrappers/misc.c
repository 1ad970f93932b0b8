/*
 * The rest: printk, panic, the use count. printk formats in the domain, where a wild pointer among its
 * arguments faults like any other; only the finished line crosses.
 */
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/string.h>
#include <nooks/wrapper.h>

#pragma clang section text = ".text.wrapper"

#define LINE_MAX 256
#define MAX_BH 200u /* xpc_frame.bh_disabled holds it */

int nooks_printk(const char *fmt, ...) __printf(1, 2);
int nooks_stub_printk_line(const char *line, u32 length);

/* In the domain, on its stack. */
int nooks_printk(const char *fmt, ...) {
  char line[LINE_MAX];
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(line, sizeof line, fmt, args);
  va_end(args);
  return nooks_stub_printk_line(line, (u32)n < LINE_MAX ? (u32)n : LINE_MAX - 1);
}

int wrap_printk_line(const char *line, u32 length) {
  char copy[LINE_MAX], format[] = KERN_WARNING "%s"; /* with the line's own level */
  if (length >= LINE_MAX) nooks_bad_call(TRIGGER_ARGUMENT, "printk: a line of %u bytes", length);
  readable_arg(line, length, "printk");
  memcpy(copy, line, length);
  copy[length] = 0;
  if (copy[0] != '<' || copy[1] < '0' || copy[1] > '7' || copy[2] != '>') return printk("%s", copy);
  format[1] = copy[1];
  return printk(format, copy + 3);
}

void wrap_panic(const char *fmt) {
  char text[LINE_MAX];
  string_arg(text, fmt, sizeof text, "panic");
  nooks_bad_call(TRIGGER_PANIC, "panic: %s", text);
}

void wrap___bug(const char *file, int line, const char *what) {
  char where[64], text[64];
  string_arg(where, file, sizeof where, "BUG");
  string_arg(text, what, sizeof text, "BUG");
  nooks_bad_call(TRIGGER_PANIC, "%s at %s:%d", text, where, line);
}

void wrap_dump_stack(void) { dump_stack(); }

static struct module *own_module(const struct module *mod, const char *function) {
  if (mod != calling_domain()->module) nooks_bad_call(TRIGGER_ARGUMENT, "%s: %p is not the extension's module", function, (const void *)mod);
  return calling_domain()->module;
}

void wrap___module_get(struct module *mod) { __module_get(own_module(mod, "__module_get")); }

void wrap___module_put(struct module *mod) {
  mod = own_module(mod, "__module_put");
  if (mod->use_count <= 0) nooks_bad_call(TRIGGER_ARGUMENT, "__module_put: %s is not in use", mod->name);
  __module_put(mod);
}

/* ---- Soft interrupts: the kernel's count, and ours of what an unwinding would have to undo ---- */

void wrap_local_bh_disable(void) {
  if (xpc_frame()->bh_disabled == MAX_BH) nooks_bad_call(TRIGGER_ARGUMENT, "local_bh_disable: %u times in one call", MAX_BH);
  xpc_frame()->bh_disabled++;
  local_bh_disable();
}

void wrap_local_bh_enable(void) {
  if (!xpc_frame()->bh_disabled) nooks_bad_call(TRIGGER_ARGUMENT, "local_bh_enable: soft interrupts are not disabled by this call");
  xpc_frame()->bh_disabled--;
  local_bh_enable();
}

void wrap_spin_lock_bh(spinlock_t *lock) {
  writable_arg(lock, sizeof *lock, "spin_lock_bh");
  if (lock->locked) nooks_bad_call(TRIGGER_ARGUMENT, "spin_lock_bh: %p is taken already", (void *)lock);
  wrap_local_bh_disable();
  lock->locked = 1;
}

void wrap_spin_unlock_bh(spinlock_t *lock) {
  writable_arg(lock, sizeof *lock, "spin_unlock_bh");
  if (!lock->locked) nooks_bad_call(TRIGGER_ARGUMENT, "spin_unlock_bh: %p is not taken", (void *)lock);
  lock->locked = 0;
  wrap_local_bh_enable();
}
