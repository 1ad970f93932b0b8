/*
 * Releasing what an extension had of the kernel: by its unloading or by recovery, the same way, from what
 * the object tracker knows. In two parts: what a device cannot touch, then its interrupt lines and the memory
 * that it may still write, which by recovery is done when the next incarnation has reset it. No call goes into
 * the extension any more (the domain's state says so). Process context.
 */
#include <asm/io.h>
#include <kernel/hooks.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <nooks/object.h>
#include <nooks/policy.h>
#include <nooks/shadow.h>

#pragma clang section text = ".text.recovery"

#define RECORD(o, type) container_of(o, type, o)

static void release_irq(struct nooks_object *o) {
  struct nooks_irq *i = RECORD(o, struct nooks_irq);
  struct nooks_domain *d = o->domain;
  while (i->disabled) i->disabled--, enable_irq(i->irq);
  free_irq(i->irq, i);
  if (!(d->handlers & 1u << i->irq)) return;
  d->handlers &= ~(1u << i->irq);
  enable_irq(i->irq); /* for others on the line; without any it stays masked */
}

static void release_timer(struct nooks_object *o) { del_timer_sync(o->kernel); }
static void release_tasklet(struct nooks_object *o) { tasklet_kill(o->kernel); }

static void release_wait(struct nooks_object *o) {
  struct nooks_wait *w = RECORD(o, struct nooks_wait);
  remove_wait_queue(&w->queue->head, &w->wait);
}

static void release_nothing(struct nooks_object *o) { (void)o; }

/* Under a shadow driver the interface stays for the next incarnation. */
static void release_netdev(struct nooks_object *o) {
  if (shadow_net_keeps(RECORD(o, struct nooks_netdev))) return;
  if (RECORD(o, struct nooks_netdev)->registered) unregister_netdev(o->kernel);
  free_netdev(o->kernel);
}

static void release_regions(struct nooks_object *o) { pci_release_regions(o->kernel); }
static void release_pci_driver(struct nooks_object *o) { pci_unregister_driver(o->kernel); }
static void release_pci_dev(struct nooks_object *o) { ((struct pci_dev *)o->kernel)->driver_data = NULL; }
static void release_ioremap(struct nooks_object *o) { iounmap(o->kernel); }

static void release_consistent(struct nooks_object *o) {
  struct nooks_memory *m = RECORD(o, struct nooks_memory);
  domain_disown(o->domain, o->kernel, m->size);
  pci_free_consistent(NULL, m->size, o->kernel, m->handle);
}

static void release_pages(struct nooks_object *o) {
  u32 order = RECORD(o, struct nooks_memory)->size;
  domain_disown(o->domain, o->kernel, PAGE_SIZE << order);
  free_pages((unsigned long)o->kernel, order);
}

/* Its kernel's end stays: it is the policy's. */
static bool kept(struct nooks_domain *d, struct nooks_object *o) {
  const struct recovery *r = d->recovery;
  return r && r->policy->keep && r->policy->keep(d->recovery, o);
}

/* Releases the newest first, as an orderly extension would. */
static void release_type(struct nooks_domain *d, enum object_type type, void (*release)(struct nooks_object *)) {
  struct nooks_object *o;
  while ((o = object_first(d, type))) {
    if (kept(d, o)) {
      object_untrack(o);
      continue;
    }
    release(o);
    object_drop(o);
  }
}

static void stop_devices(struct nooks_domain *d) {
  struct nooks_object *o;
  list_for_each_entry(o, &d->objects[OBJ_PCI_DEV], list) pci_disable_device(o->kernel);
}

void release_transient(struct nooks_domain *d) {
  release_type(d, OBJ_TIMER, release_timer);
  release_type(d, OBJ_TASKLET, release_tasklet);
  if (object_first(d, OBJ_WORK)) flush_scheduled_tasks(); /* each drops itself */
  release_type(d, OBJ_WAIT, release_wait);
  release_type(d, OBJ_WAIT_QUEUE, release_nothing);
}

void release_objects(struct nooks_domain *d) {
  stop_devices(d);
  release_transient(d);
  release_type(d, OBJ_CACHE, release_nothing); /* the heap frees it */
  release_type(d, OBJ_FILE, release_file);
  release_type(d, OBJ_CHRDEV, release_chrdev);
  release_type(d, OBJ_NETDEV, release_netdev);
  release_type(d, OBJ_REGIONS, release_regions);
  release_type(d, OBJ_PCI_DRIVER, release_pci_driver);
  release_type(d, OBJ_PCI_DEV, release_pci_dev);
  release_type(d, OBJ_IOREMAP, release_ioremap);
}

void release_device_memory(struct nooks_domain *d) {
  release_type(d, OBJ_IRQ, release_irq);
  packets_release(d);
  release_type(d, OBJ_CONSISTENT, release_consistent);
  release_type(d, OBJ_PAGES, release_pages);
}

/*
 * Its device is silent by then: a driver asks for its line when it has reset the device, or can handle what it says.
 * Handlers of both on a line that is not shared could not be.
 */
void release_line_to(struct nooks_domain *d, unsigned irq) {
  for (int n = 0; n < NOOKS_MAX_DOMAINS; n++) {
    struct nooks_domain *old = nooks_domains[n];
    struct nooks_irq *i, *next;
    if (!old || strcmp(old->heir, d->name)) continue;
    list_for_each_entry_safe(i, next, &old->objects[OBJ_IRQ], o.list) {
      if (i->irq != irq) continue;
      release_irq(&i->o);
      object_drop(&i->o);
    }
  }
}
