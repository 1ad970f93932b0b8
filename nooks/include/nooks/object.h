/*
 * The object tracker (tracker.c): which kernel objects an extension may use. Each record ties the kernel's
 * object to the extension's copy of it (or, for a handle, to the address by which the extension names it),
 * and lives as long as the extension may use it: one call (OBJ_CALL, on the task's table), until it is
 * freed or given away, or until a timer has fired.
 */
#ifndef NOOKS_OBJECT_H
#define NOOKS_OBJECT_H

#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/skbuff.h>
#include <linux/timer.h>
#include <linux/wait.h>
#include <nooks/domain.h>
#include <nooks/heartbeat.h>

struct nooks_object {
  struct nooks_object *next;        /* hash chain by driver address; interrupts off */
  struct nooks_object *next_kernel; /* hash chain by kernel address */
  struct list_head list;            /* of the domain's objects of this type, newest first; not packets */
  struct nooks_domain *domain;
  void *driver; /* the extension's address */
  void *kernel; /* the kernel's */
  u8 type;
  u8 in_kernel_table;
};

/* ---- Records with more than the two addresses ---- */

struct nooks_packet {
  struct nooks_object o;
  struct sk_buff *copy; /* in the domain; kept for the next packet when this one is gone */
  unsigned long given;  /* jiffies, never 0: hard_start_xmit was given it then; 0: the extension made it itself */
};
_Static_assert(offsetof(struct nooks_packet, o) == 0, "a record is found by its object");

struct nooks_netdev {
  struct nooks_object o;
  bool registered;
  struct shadow_net *shadow; /* NULL: its driver has none */
  /* The extension's functions, called by netdev.c's in their place. */
  const void *open, *stop, *hard_start_xmit, *tx_timeout, *do_ioctl, *get_stats;
  const void *set_multicast_list, *set_mac_address, *change_mtu;
  struct net_device_stats stats; /* what get_stats last said */
  struct nooks_beat beat;
};

struct nooks_pci_driver {
  struct nooks_object o;
  struct pci_driver driver; /* the kernel's twin */
  const void *probe, *remove;
  char name[32];
  struct pci_device_id ids[];
};

struct nooks_timer {
  struct nooks_object o;
  struct timer_list timer; /* the kernel's twin */
  const void *function;
  u32 data;
};

struct nooks_tasklet {
  struct nooks_object o;
  struct tasklet_struct tasklet;
};

struct nooks_work {
  struct nooks_object o;
  struct tq_struct work;
  const void *routine;
  u32 data;
};

struct nooks_irq {
  struct nooks_object o; /* driver: dev_id */
  unsigned irq;
  const void *handler;
  /* The storm watch (wrappers/irq.c): what the last interrupt interrupted, and how often in a row. */
  u32 eip, frame, idle, progress;
  unsigned long tick;
  u32 same;
  u32 disabled; /* times by the extension */
  char name[IFNAMSIZ];
};

struct nooks_waitq {
  struct nooks_object o;
  wait_queue_head_t head;
  u32 users; /* entries and sleepers */
};

struct nooks_wait {
  struct nooks_object o;
  wait_queue_t wait;
  struct nooks_waitq *queue;
};

struct nooks_chrdev {
  struct nooks_object o;       /* driver: the extension's file_operations */
  struct file_operations fops; /* the kernel's twin; open files point to it */
  const void *open, *release, *read, *write, *ioctl;
  unsigned major;
  char name[24];
};

/* Memory of some size: OBJ_IOREMAP, OBJ_CONSISTENT, OBJ_PAGES. */
struct nooks_memory {
  struct nooks_object o;
  u32 size; /* bytes; OBJ_PAGES: order */
  dma_addr_t handle;
};

/* ---- Records. Any context. ---- */

/* Begins to track; the record is the caller's, from object_new or a list of its own. */
void object_track(struct nooks_domain *d, struct nooks_object *o, enum object_type type, void *driver, void *kernel);
void object_track_both(struct nooks_domain *d, struct nooks_object *o, enum object_type type, void *driver, void *kernel);
void object_untrack(struct nooks_object *o);
/*
 * The table alone, for packets, which are not on a list: interrupts off. unlink also finds; NULL = none.
 */
void object_link(struct nooks_domain *d, struct nooks_object *o, enum object_type type, void *driver, void *kernel);
struct nooks_object *object_unlink(struct nooks_domain *d, enum object_type type, const void *driver);
/* Zeroed memory for a record, NULL without memory; object_drop untracks and frees one. */
void *object_new(u32 size);
void *object_wanted(struct nooks_domain *d, u32 size); /* also NULL at the domain's limit of objects */
void object_drop(struct nooks_object *o);

struct nooks_object *object_find(struct nooks_domain *d, enum object_type type, const void *driver);
struct nooks_object *object_of_kernel(enum object_type type, const void *kernel); /* of object_track_both */
/* The newest of a type, NULL when there is none; for releasing them all. */
struct nooks_object *object_first(struct nooks_domain *d, enum object_type type);

/* wrappers/netdev.c: queue or carrier of the extension's copy have changed. */
void netdev_changed(struct nooks_object *o);

/* ---- Packets (packet.c) ---- */

/* Lends a packet to the extension: a copy of the sk_buff, its data page writable. NULL without memory. */
struct sk_buff *packet_lend(struct nooks_domain *d, struct sk_buff *skb, struct net_device *driver_dev);
/* Has it one that it was given to send `ticks` ago or earlier? Interrupts off. */
bool packet_overdue(const struct nooks_domain *d, unsigned long ticks);
/* Takes it back: nothing of it is the extension's any more. The kernel's; NULL = it has no such packet. */
struct sk_buff *packet_return(struct nooks_domain *d, const struct sk_buff *copy);
/* netif_rx of the extension's copy. False if it was none, or not a sound one: the extension has failed. */
bool receive_packet(struct nooks_domain *d, struct sk_buff *copy, int *result);
void packets_release(struct nooks_domain *d); /* all that the extension still has */
void packets_free(struct nooks_domain *d);    /* the spare copies */
/* For checkpoints: which it has, and empty ones under the same addresses in place of those that it has now. */
u32 packets_list(struct nooks_domain *d, void **addresses, u32 most);
int packets_replace(struct nooks_domain *d, void *const *addresses, u32 count);
bool packet_spare(struct nooks_domain *d, const void *copy); /* is it one? */

/*
 * Releases all that the extension has; the domain's state lets no call in (release.c). Process context. First what its
 * device cannot touch; interrupts and memory that it may last, when somebody has reset it.
 */
void release_objects(struct nooks_domain *d);
void release_device_memory(struct nooks_domain *d);
/* Timers, tasklets, works and waiters only: what is for now, and does not outlive a failure. */
void release_transient(struct nooks_domain *d);
/* wrappers/timer.c: arms the extension's timer, if it is sound, for its own time but not before `first`. 0, -ENOMEM. */
int timer_rearm(struct nooks_domain *d, struct timer_list *own, unsigned long first);
/* `d` asks for an interrupt line that its lingering predecessor still has: that one's handler goes. */
void release_line_to(struct nooks_domain *d, unsigned irq);
/* wrappers/chrdev.c */
void release_file(struct nooks_object *o);
void release_chrdev(struct nooks_object *o);

#endif
