/*
 * A lightweight protection domain: ring 0, a page directory of its own in which all of the kernel is
 * read-only, and the pages that the extension may write (domain.c, pages.c, stack.c).
 *
 * Locks: all fields are the kernel's; they change with interrupts off or in process context as noted.
 */
#ifndef NOOKS_DOMAIN_H
#define NOOKS_DOMAIN_H

#include <asm/memlayout.h>
#include <linux/list.h>
#include <linux/module.h>
#include <nooks/limits.h>
#include <nooks/stats.h>

#define NOOKS_STACKS 16       /* a domain has at most, one page each */
#define NOOKS_HASH 1024       /* chains of the object table */
#define VMALLOC_TABLES ((VMALLOC_END - VMALLOC_BASE) / LARGE_PAGE_SIZE)

/* States of a domain. */
#define DOMAIN_RUNNING 1
#define DOMAIN_FAILED 2  /* detected: no call goes in any more; recovery has not begun */
#define DOMAIN_DYING 3   /* being taken apart */

/* Kinds of kernel objects that the tracker knows. */
enum object_type {
  OBJ_NETDEV,     /* net_device: copied */
  OBJ_SKB,        /* sk_buff: copied, its data page mapped */
  OBJ_PCI_DEV,    /* pci_dev: copied, until remove */
  OBJ_PCI_DRIVER, /* pci_driver: the kernel has a twin */
  OBJ_TIMER,      /* timer_list: a twin, until it has fired or was deleted */
  OBJ_TASKLET,    /* tasklet_struct: a twin, until killed */
  OBJ_WORK,       /* tq_struct: a twin, until it has run */
  OBJ_IRQ,        /* an interrupt handler */
  OBJ_IOREMAP,    /* a mapping of device memory */
  OBJ_REGIONS,    /* claimed regions of a PCI device */
  OBJ_CONSISTENT, /* memory shared with a device */
  OBJ_PAGES,      /* whole pages */
  OBJ_CACHE,      /* kmem_cache */
  OBJ_WAIT_QUEUE, /* head of a wait queue: a twin, while somebody waits */
  OBJ_WAIT,       /* entry of a wait queue: a twin, while it waits */
  OBJ_CHRDEV,     /* file_operations: a twin */
  OBJ_FILE,       /* file: copied, until released */
  OBJ_CALL,       /* an object of one call, on the task's table */
  OBJ_TYPES
};

struct checkpoint;
struct heap;
struct nooks_object;
struct nooks_packet;
struct nooks_queue;
struct recovery;
struct recovery_policy;

struct nooks_domain {
  u32 cr3; /* xpc.S: page directory, physical */
  u16 id;  /* 1 to NOOKS_MAX_DOMAINS; also page->owner of its pages */
  int state;
  u32 *pgd;                            /* direct map */
  u32 *zone;                           /* its page tables of the zone, entry by entry */
  unsigned zone_order;                 /* of the block that holds them */
  u32 *vmalloc_tables[VMALLOC_TABLES]; /* made when first needed */
  struct heap *heap;
  struct nooks_queue *queue;           /* deferred calls; a page that the domain writes */
  struct nooks_stats *stats;

  struct nooks_stack {
    u32 base; /* lowest linear address; the page before it is a guard page */
    struct nooks_stack *next;
  } stacks[NOOKS_STACKS], *free_stacks; /* interrupts off */
  u32 stack_count;

  /* Recovery: the manager's thread's, but for the first two. */
  const struct recovery_policy *policy; /* that was told of the failure (policy.h) */
  u8 trigger;                           /* enum nooks_trigger: why it failed */
  const struct recovery_policy *wish;   /* a program asked for this one */
  struct recovery *recovery;
  struct checkpoint *checkpoint;        /* checkpoint.c */
  char heir[MODULE_NAME_LEN]; /* not "": once unloaded, what its device may touch stays until this module has reset it */
  u32 changes;                /* of its memory's and objects' structure; packets and timers do not count */
  u32 limits[LIMITS];  /* of what it may use */
  u32 packets;         /* the most that it has held at one time; interrupts off */
  u32 object_count;    /* tracked, but packets; interrupts off */
  u32 timers;          /* pending; interrupts off */
  u32 extra_bytes;     /* pages and consistent memory, beside the heap */
  unsigned long took;  /* jiffies: when hard_start_xmit last took a packet */
  unsigned long freed; /* jiffies: when it last freed a packet, as after sending one; the heartbeat's */

  u32 handlers; /* interrupt lines that were disabled when it failed, a bit each */
  u32 masters;  /* devices that were bus masters then, a bit each in the list's order */

  struct nooks_object *by_driver[NOOKS_HASH]; /* interrupts off */
  struct list_head objects[OBJ_TYPES];        /* interrupts off */
  struct nooks_packet *free_packets;          /* copies of sk_buffs to use again, by o.next; interrupts off */

  struct module *module;
  char name[MODULE_NAME_LEN];
  char args[128]; /* of the module, to load it again */
};

extern struct nooks_domain *nooks_domains[NOOKS_MAX_DOMAINS];
extern bool nooks_isolation; /* isolation=nooks */

/* Process context. */
struct nooks_domain *domain_create(const char *name);
void domain_destroy(struct nooks_domain *d);
/* Unloaded, but with all that its device may still touch; it gets another number, so that its heir can have it. */
void domain_linger(struct nooks_domain *d);
void domain_bury(struct nooks_domain *d); /* frees that too */
struct nooks_domain *domain_find(const char *name); /* that has a module; NULL = none */
u32 domain_bytes(const struct nooks_domain *d); /* of memory that it has, but stacks and packets */
struct nooks_domain *domain_of_cr3(u32 cr3); /* NULL: not a domain's */

/*
 * Rights to pages of the zone: owned pages are writable by the domain. No TLB entry needs to be dropped,
 * as long as domain entries are never global: the kernel runs while they change, and the MOV CR3 back
 * into the domain drops all that the TLB had of it.
 */
void domain_own(struct nooks_domain *d, const void *addr, u32 bytes);
void domain_disown(struct nooks_domain *d, const void *addr, u32 bytes);
void domain_own_page(struct nooks_domain *d, const void *page);    /* one page, known to be of the zone */
void domain_disown_page(struct nooks_domain *d, const void *page);
void domain_hide(struct nooks_domain *d, const void *addr); /* a guard page: not even readable */
/* Device memory that ioremap mapped: readable and writable, in this domain only. 0 or -ENOMEM. */
int domain_map_device(struct nooks_domain *d, const void *addr, u32 bytes);
/* May the domain itself read or write all of [addr, addr + bytes)? Write: ordinary memory only. */
bool domain_can_read(const struct nooks_domain *d, const void *addr, u32 bytes);
bool domain_can_write(const struct nooks_domain *d, const void *addr, u32 bytes);

static inline bool domain_writes_page(const struct nooks_domain *d, u32 addr) {
  return d->zone[(addr - ZONE_BASE) >> PAGE_SHIFT] & 2;
}

/* pages.c, for domain.c only. */
int domain_tables_init(struct nooks_domain *d);
void domain_tables_free(struct nooks_domain *d);
void nooks_page_changed(u32 addr, u32 old_entry, u32 new_entry, int level);

/* stack.c: one-page stacks. Interrupts off. NULL = none left. */
struct nooks_stack *stack_new(struct nooks_domain *d);
static inline struct nooks_stack *stack_get(struct nooks_domain *d) {
  struct nooks_stack *s = d->free_stacks;
  if (!s) return stack_new(d);
  d->free_stacks = s->next;
  return s;
}
static inline void stack_put(struct nooks_domain *d, struct nooks_stack *s) {
  s->next = d->free_stacks;
  d->free_stacks = s;
}
void stacks_free(struct nooks_domain *d);

#endif
