/*
 * Interposition at load time: the module loader asks for each import what to bind it to. With isolation
 * that is a wrapper's stub, or the kernel's own function where the list of direct imports says so; an
 * import that is in neither is refused. The init function is called in the new domain.
 */
#include <kernel/hooks.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <nooks/detect.h>
#include <nooks/event.h>
#include <nooks/object.h>
#include <nooks/policy.h>
#include <nooks/wrapper.h>

static struct nooks_domain *domain_of_module(const struct module *mod) { return mod->nooks; }

int nooks_module_prepare(struct module *mod, const char *args) {
  struct nooks_domain *d;
  if (!nooks_isolation) return 0;
  d = domain_create(mod->name);
  if (!d) {
    printk(KERN_ERR "nooks: no domain for %s\n", mod->name);
    return -ENOMEM;
  }
  d->module = mod;
  strlcpy(d->args, args ? args : "", sizeof d->args);
  mod->nooks = d;
  mod->domain_id = d->id;
  return 0;
}

/* At loglevel=7 the console lists what was bound to what. */
void *module_bind_hook(struct module *mod, const char *name, void *kernel_addr) {
  const struct nooks_direct *direct;
  const void *stub;
  if (!domain_of_module(mod)) return kernel_addr;
  stub = wrapper_stub(name);
  if (stub) {
    printk(KERN_DEBUG "nooks: %s: %s: wrapper\n", mod->name, name);
    return (void *)stub;
  }
  direct = kernel_addr ? direct_import(name) : NULL;
  if (direct) {
    printk(KERN_DEBUG "nooks: %s: %s: direct: %s\n", mod->name, name, direct->why);
    return kernel_addr;
  }
  if (kernel_addr) printk(KERN_ERR "nooks: %s: no wrapper for %s\n", mod->name, name);
  return NULL;
}

int nooks_module_loaded(struct module *mod) {
  struct nooks_domain *d = domain_of_module(mod);
  if (d && mod->base + mod->size > mod->ro_end)
    domain_own(d, (void *)mod->ro_end, mod->base + mod->size - mod->ro_end);
  return 0;
}

int nooks_call_init(struct module *mod) {
  struct nooks_domain *d = domain_of_module(mod);
  u32 result = (u32)-EIO;
  if (!d) return mod->init();
  nooks_driver_call(d, &result, (const void *)mod->init, 0);
  recovery_wake(); /* it may want to be watched */
  return (int)result;
}

void nooks_call_cleanup(struct module *mod) {
  struct nooks_domain *d = domain_of_module(mod);
  if (!mod->cleanup) return;
  if (d) nooks_driver_call(d, NULL, (const void *)mod->cleanup, 0);
  else mod->cleanup();
}

void nooks_module_unload(struct module *mod) {
  struct nooks_domain *d = domain_of_module(mod);
  if (!d) return;
  d->state = DOMAIN_DYING;
  recovery_cancel(d);
  nooks_event(EVENT_UNWOUND, d->name, wait_for_calls(d));
  release_objects(d);
  nooks_event(EVENT_RELEASED, d->name, 0);
  if (mod->base + mod->size > mod->ro_end)
    domain_disown(d, (void *)mod->ro_end, mod->base + mod->size - mod->ro_end);
  mod->nooks = NULL;
  d->module = NULL;
  nooks_event(EVENT_UNLOADED, d->name, 0);
  if (d->heir[0]) domain_linger(d);
  else domain_bury(d);
}
