/* Argument checks of wrapper bodies. Whatever fails one ends the call and the extension. */
#include <linux/kernel.h>
#include <linux/string.h>
#include <nooks/wrapper.h>

#pragma clang section text = ".text.wrapper"

static const char *const type_names[OBJ_TYPES] = {
  "net_device", "packet", "PCI device", "PCI driver", "timer", "tasklet", "work", "interrupt handler",
  "mapping of device memory", "claimed region", "consistent memory", "block of pages", "cache", "wait queue", "waiter",
  "character device", "file", "object",
};

struct nooks_object *object_arg(enum object_type type, const void *driver, const char *function) {
  struct nooks_object *o = object_find(calling_domain(), type, driver);
  if (unlikely(!o)) nooks_bad_call(TRIGGER_ARGUMENT, "%s: %p is not a live %s of the extension", function, driver, type_names[type]);
  return o;
}

void readable_arg(const void *p, u32 bytes, const char *function) {
  if (unlikely(!domain_can_read(calling_domain(), p, bytes)))
    nooks_bad_call(TRIGGER_ARGUMENT, "%s: cannot read %u bytes at %p", function, bytes, p);
}

void writable_arg(const void *p, u32 bytes, const char *function) {
  if (unlikely(!domain_can_write(calling_domain(), p, bytes)))
    nooks_bad_call(TRIGGER_ARGUMENT, "%s: %u bytes at %p are not the extension's", function, bytes, p);
}

const void *code_arg(const void *fn, const char *function) {
  const struct module *mod = calling_domain()->module;
  if (unlikely((u32)fn < mod->text_start || (u32)fn >= mod->text_end))
    nooks_bad_call(TRIGGER_ARGUMENT, "%s: %p is no function of the extension", function, fn);
  return fn;
}

void string_arg(char *to, const char *from, u32 size, const char *function) {
  u32 i = 0;
  for (; i < size - 1; i++) {
    if (i == 0 || !((u32)(from + i) & ~PAGE_MASK)) readable_arg(from + i, 1, function);
    if (!(to[i] = from[i])) return;
  }
  to[i] = 0;
}
