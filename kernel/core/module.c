/* Loadable modules: their list, loading and unloading. core/module_elf.c reads the object file. */
#include <asm/semaphore.h>
#include <asm/uaccess.h>
#include <kernel/boot.h>
#include <kernel/calls.h>
#include <kernel/hooks.h>
#include <kernel/module_elf.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#define FORCE 0x200u /* sys_delete_module's O_TRUNC, as in Linux */

struct module *module_list;

/* One module is loaded or unloaded at a time; nooks/ does so by itself after a failure. */
static DECLARE_MUTEX(module_lock);

/* The host hooks this address to read module_list. */
noinline void module_event(void) { __asm__ __volatile__("" : : : "memory"); }

struct module *find_module(const char *name) {
  struct module *mod = module_list;
  while (mod && strcmp(mod->name, name)) mod = mod->next;
  return mod;
}

struct module *module_of_address(u32 addr) {
  struct module *mod = module_list;
  while (mod && addr - mod->base >= mod->size) mod = mod->next;
  return mod;
}

static void list_module(struct module *mod) {
  mod->next = module_list;
  module_list = mod;
  module_event();
}

static void unlist_module(struct module *mod) {
  struct module **link = &module_list;
  while (*link != mod) link = &(*link)->next;
  *link = mod->next;
  module_event();
}

static void free_module(struct module *mod) {
  if (mod->base) free_pages(mod->base, get_order(mod->size));
  for (u32 i = 0; i < MODULE_STRINGS; i++) kfree(mod->strings[i]);
  kfree(mod->section_addr);
  kfree(mod);
}

/* "e1000" or "e1000.ko" -> the Multiboot module. */
static const struct boot_module *find_image(const char *name) {
  char file[MODULE_NAME_LEN + 4];
  const struct boot_module *m = find_boot_module(name);
  if (m) return m;
  snprintf(file, sizeof file, "%s.ko", name);
  return find_boot_module(file);
}

static void set_name(struct module *mod, const char *file) {
  strlcpy(mod->name, file, sizeof mod->name);
  size_t n = strlen(mod->name);
  if (n > 3 && !strcmp(mod->name + n - 3, ".ko")) mod->name[n - 3] = 0;
}

static int run_init(struct module *mod) {
  int err = nooks_call_init(mod);
  if (err) {
    printk(KERN_ERR "module %s: its init function returned %d\n", mod->name, err);
    nooks_module_unload(mod);
    unlist_module(mod);
    free_module(mod);
    return err < 0 ? err : -EINVAL;
  }
  mod->state = MODULE_LIVE;
  return 0;
}

static int load_locked(const char *name, const char *args) {
  const struct boot_module *image = find_image(name);
  if (!image) return -ENOENT;
  struct module *mod = kzalloc(sizeof *mod, GFP_KERNEL);
  if (!mod) return -ENOMEM;
  set_name(mod, image->name);
  mod->state = MODULE_LOADING;
  int err = find_module(mod->name) ? -EEXIST : 0;
  if (!err) err = module_read(mod, image->data, image->size, args ? args : image->args);
  if (err) {
    free_module(mod);
    return err;
  }
  list_module(mod);
  return run_init(mod);
}

int load_module(const char *name, const char *args) {
  down(&module_lock);
  int err = load_locked(name, args);
  up(&module_lock);
  return err;
}

static int unload_locked(const char *name, bool force) {
  struct module *mod = find_module(name);
  if (!mod) return -ENOENT;
  if (mod->use_count && !force) return -EBUSY;
  mod->state = MODULE_GOING;
  if (!force) nooks_call_cleanup(mod);
  nooks_module_unload(mod);
  unlist_module(mod);
  free_module(mod);
  return 0;
}

int unload_module(const char *name, bool force) {
  down(&module_lock);
  int err = unload_locked(name, force);
  up(&module_lock);
  return err;
}

void __module_get(struct module *mod) { mod->use_count++; }

void __module_put(struct module *mod) {
  BUG_ON(mod->use_count <= 0);
  mod->use_count--;
}

/* args NULL: those that the Multiboot module was given. */
long sys_init_module(const char *user_name, const char *user_args) {
  char name[MODULE_NAME_LEN], args[256];
  long n = strncpy_from_user(name, user_name, sizeof name);
  if (n < 0) return n;
  if (n == (long)sizeof name) return -ENAMETOOLONG;
  if (!user_args) return load_module(name, NULL);
  n = strncpy_from_user(args, user_args, sizeof args);
  if (n < 0) return n;
  return n < (long)sizeof args ? load_module(name, args) : -E2BIG;
}

long sys_delete_module(const char *user_name, u32 flags) {
  char name[MODULE_NAME_LEN];
  long n = strncpy_from_user(name, user_name, sizeof name);
  if (n < 0) return n;
  return n < (long)sizeof name ? unload_module(name, flags & FORCE) : -ENAMETOOLONG;
}

EXPORT_SYMBOL(__module_get);
EXPORT_SYMBOL(__module_put);
