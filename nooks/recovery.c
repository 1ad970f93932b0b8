/*
 * The recovery manager: a kernel thread that takes a failed extension apart and starts it again.
 *
 * Interrupts of its devices are off and no call goes in since the failure was detected (detect.c). Here
 * the tasks that were in it unwind; its objects are released; the module is unloaded, loaded into a new
 * domain and started; its network interfaces get back their state and addresses. Programs keep their
 * sockets. An extension that fails too often stays unloaded.
 */
#include <asm/system.h>
#include <kernel/hooks.h>
#include <kernel/process.h>
#include <linux/errno.h>
#include <linux/if.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <net/ip.h>
#include <nooks/detect.h>
#include <nooks/event.h>
#include <nooks/object.h>
#include <nooks/wrapper.h>
#include <nooks/xpc.h>

#pragma clang section text = ".text.recovery"

#define MAX_INTERFACES 4
#define MAX_FAILURES 10       /* within the period */
#define FAILURE_PERIOD (60 * HZ)
#define MAX_HISTORY NOOKS_MAX_DOMAINS

/* What of an interface must survive its driver. */
struct interface {
  char name[IFNAMSIZ];
  u16 flags;
  u32 address, mask; /* 0 = none */
};

struct saved {
  char name[MODULE_NAME_LEN];
  char args[128];
  u32 count;
  struct interface interfaces[MAX_INTERFACES];
};

static DECLARE_WAIT_QUEUE_HEAD(work);
static volatile bool wanted;

static struct {
  char name[MODULE_NAME_LEN];
  unsigned long since; /* jiffies: start of the period */
  u32 failures;
} history[MAX_HISTORY];

void recovery_wake(void) {
  wanted = true;
  wake_up(&work);
}

/* ---- What is kept ---- */

static void save_interfaces(struct saved *s, struct nooks_domain *d) {
  struct nooks_object *o;
  list_for_each_entry(o, &d->objects[OBJ_NETDEV], list) {
    const struct net_device *dev = o->kernel;
    if (s->count == MAX_INTERFACES || !container_of(o, struct nooks_netdev, o)->registered) continue;
    struct interface *i = &s->interfaces[s->count++];
    memcpy(i->name, dev->name, IFNAMSIZ);
    i->flags = dev->flags;
    i->address = dev->ip_ptr ? dev->ip_ptr->address : 0;
    i->mask = dev->ip_ptr ? dev->ip_ptr->mask : 0;
  }
}

static void restore_interface(const struct interface *i) {
  int err = 0;
  rtnl_lock();
  struct net_device *dev = dev_get_by_name(i->name);
  if (dev) {
    if (i->address && !dev->ip_ptr) err = inet_set_address(dev, i->address, i->mask);
    if (!err) err = dev_change_flags(dev, i->flags);
  }
  rtnl_unlock();
  if (!dev || err) printk(KERN_ERR "nooks: interface %s does not come back: %d\n", i->name, dev ? err : -ENODEV);
}

/* ---- How often ---- */

/* False: it has failed too often. */
static bool may_restart(const char *name) {
  int i = 0, oldest = 0;
  for (; i < MAX_HISTORY && strcmp(history[i].name, name); i++)
    if (history[i].since < history[oldest].since) oldest = i;
  if (i == MAX_HISTORY || time_after(jiffies, history[i].since + FAILURE_PERIOD)) {
    if (i == MAX_HISTORY) i = oldest;
    strlcpy(history[i].name, name, MODULE_NAME_LEN);
    history[i].since = jiffies;
    history[i].failures = 0;
  }
  return ++history[i].failures <= MAX_FAILURES;
}

/* ---- Recovery ---- */

static void recover(struct nooks_domain *d) {
  struct saved s = { .count = 0 };
  struct nooks_stats *stats = d->stats;
  u64 start = rdtsc();
  strlcpy(s.name, d->name, sizeof s.name);
  strlcpy(s.args, d->args, sizeof s.args);
  nooks_event(EVENT_BEGIN, s.name, 0);
  save_interfaces(&s, d);
  if (unload_module(s.name, true)) return; /* somebody else did */
  if (!may_restart(s.name)) {
    printk(KERN_ERR "nooks: %s failed %u times, it stays unloaded\n", s.name, MAX_FAILURES);
    nooks_event(EVENT_GAVE_UP, s.name, 0);
    return;
  }
  int err = load_module(s.name, s.args);
  if (err) {
    printk(KERN_ERR "nooks: %s cannot be loaded again: %d\n", s.name, err);
    nooks_event(EVENT_GAVE_UP, s.name, 0);
    return;
  }
  nooks_event(EVENT_LOADED, s.name, 0);
  for (u32 i = 0; i < s.count; i++) restore_interface(&s.interfaces[i]);
  nooks_event(EVENT_RESTORED, s.name, 0);
  stats->recoveries++;
  nooks_event(EVENT_RECOVERED, s.name, 0);
  printk(KERN_WARNING "nooks: %s restarted after %u kilocycles\n", s.name, (u32)((rdtsc() - start) >> 10));
}

/* A module that fails while it is being loaded is cleared away by the loader. */
static struct nooks_domain *next_failed(void) {
  for (int i = 0; i < NOOKS_MAX_DOMAINS; i++) {
    struct nooks_domain *d = nooks_domains[i];
    if (d && d->state == DOMAIN_FAILED && d->module && d->module->state == MODULE_LIVE) return d;
  }
  return NULL;
}

static int recovery_thread(void *unused) {
  struct nooks_domain *d;
  (void)unused;
  for (;;) {
    wait_event(work, wanted);
    wanted = false;
    while ((d = next_failed())) recover(d);
  }
  return 0;
}

static int recovery_init(void) {
  int pid = nooks_isolation ? kernel_thread(recovery_thread, NULL, "nooksd") : 0;
  return pid < 0 ? pid : 0;
}
__initcall(recovery_init);

/* ---- Unwinding ---- */

static bool inside(const struct task_struct *task, const struct nooks_domain *d) {
  for (const struct xpc_frame *f = task->nooks; f; f = f->prev)
    if (f->domain == d) return true;
  return false;
}

/*
 * Tasks that sleep in the kernel on behalf of the extension: awake, they find that it is gone. Also those that
 * sleep uninterruptibly: whoever waits in this kernel looks at what it waits for again.
 */
u32 wake_sleepers(struct nooks_domain *d) {
  struct task_struct *task;
  u32 count = 0;
  list_for_each_entry(task, &all_tasks, tasks) {
    if (!inside(task, d)) continue;
    count++;
    if (task->state == TASK_INTERRUPTIBLE || task->state == TASK_UNINTERRUPTIBLE) wake_up_process(task);
  }
  return count;
}
