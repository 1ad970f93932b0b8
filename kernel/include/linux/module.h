/*
 * Loadable modules (core/module.c). A module is an ELF32 relocatable object. Its init function is
 * called after relocation against the exported symbols; each import may be bound to a wrapper instead
 * (kernel/hooks.h).
 */
#ifndef LINUX_MODULE_H
#define LINUX_MODULE_H

#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/types.h>

#define MODULE_NAME_LEN 28
#define MODULE_STRINGS 8

/* The host reads the first fields of each (contract: docs/architecture.md). */
struct module {
  struct module *next;
  char name[MODULE_NAME_LEN];
  u32 text_start, text_end; /* linear; page-aligned start; executable and never written */
  u32 base, size;           /* whole image, pages of the zone */
  u32 domain_id;            /* 0 = runs in the kernel; set by nooks/ */
  /* From here on for the kernel. */
  u32 ro_end;               /* base <= text, read-only data < ro_end <= data, bss < base + size */
  u32 *section_addr;        /* linear address of each ELF section by its number, 0 = not loaded */
  u32 section_count;
  int state;                /* MODULE_* */
  int use_count;
  int (*init)(void);
  void (*cleanup)(void);
  void *nooks;              /* for nooks/ */
  void *strings[MODULE_STRINGS]; /* values of its string parameters, freed with it */
};

_Static_assert(offsetof(struct module, name) == 4, "read by the host");
_Static_assert(offsetof(struct module, text_start) == 32, "read by the host");
_Static_assert(offsetof(struct module, base) == 40, "read by the host");
_Static_assert(offsetof(struct module, domain_id) == 48, "read by the host");
_Static_assert(offsetof(struct module, ro_end) == 52, "read by the host");
_Static_assert(offsetof(struct module, section_addr) == 56, "read by the host");

#define MODULE_LOADING 0
#define MODULE_LIVE 1
#define MODULE_GOING 2

extern struct module *module_list;
extern struct module __this_module; /* bound by the loader to the module's own record */
#define THIS_MODULE (&__this_module)

struct kernel_symbol {
  const char *name;
  void *value;
};

/* Makes a function or variable of the kernel available to modules, under its own name or another. */
#define EXPORT_SYMBOL_AS(as, sym) \
  static const struct kernel_symbol __ksym_##as __used __attribute__((section("__ksymtab"))) = { #as, (void *)&sym }
#define EXPORT_SYMBOL(sym) EXPORT_SYMBOL_AS(sym, sym)
#define EXPORT_SYMBOL_GPL EXPORT_SYMBOL

/* In a module: its entry and exit. */
#define module_init(fn) int init_module(void) __attribute__((alias(#fn)))
#define module_exit(fn) void cleanup_module(void) __attribute__((alias(#fn)))

/*
 * A parameter, set at load time by `name=value`. Types as in 2.4: "i" an int, "s" a string; a leading
 * "1-4" or so allows that many values, separated by commas.
 */
struct module_parm {
  const char *name, *type;
  void *addr;
};
#define MODULE_PARM(var, type) \
  static const struct module_parm __parm_##var __used __attribute__((section("__param"))) = { #var, type, &var }
#define MODULE_PARM_DESC(var, desc)

#define MODULE_INFO(tag, info) \
  static const char __modinfo_##tag[] __used __attribute__((section(".modinfo"))) = #tag "=" info
#define MODULE_AUTHOR(s) MODULE_INFO(author, s)
#define MODULE_DESCRIPTION(s) MODULE_INFO(description, s)
#define MODULE_LICENSE(s) MODULE_INFO(license, s)
#define MODULE_DEVICE_TABLE(type, table)

/* A module that is in use is not unloaded. */
void __module_get(struct module *mod);
void __module_put(struct module *mod);
#define MOD_INC_USE_COUNT __module_get(THIS_MODULE)
#define MOD_DEC_USE_COUNT __module_put(THIS_MODULE)

#endif
