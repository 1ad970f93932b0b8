/*
 * A driver that calls each wrapper with bad arguments of every class: addresses that are not its own (the kernel's,
 * wild, a user's, its text), objects of another type, inside another, freed or given away, bad lengths, flags and
 * states, and in the wrong context. It prints `badargs: NAME` before each call; the kernel must refuse each, and the
 * driver then goes on, as the triggers' actions are set to `error` (/proc/nooks/triggers).
 *
 * Calls whose bad argument ends in a plain NULL or error code are printed as `badargs: NAME quiet`.
 */
#include <asm/io.h>
#include <asm/semaphore.h>
#include <asm/uaccess.h>
#include <linux/etherdevice.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>

#define BETWEEN 11 /* ticks: the kernel says at most ten refusals a second */

#define KERNEL ((void *)0xC0100000)
#define WILD ((void *)0x12345678)
#define USER ((void *)0x08048000)
#define TOP ((void *)0xFFFFFFF0)

static char own[256];
static void *block;                                    /* live, of the heap */
static struct net_device *dev, *registered;            /* live */
static struct sk_buff *skb;                            /* live */
static unsigned long page;                             /* live, of order 1 */
static kmem_cache_t *cache;
static struct timer_list timer;
static struct tasklet_struct tasklet;
static wait_queue_head_t queue;
static wait_queue_t entry;
static spinlock_t lock;
static struct pci_device_id endless[300];

static int nothing(struct net_device *d) {
  (void)d;
  return 0;
}
static int drop(struct sk_buff *s, struct net_device *d) {
  (void)d;
  dev_kfree_skb_any(s);
  return 0;
}
static void on_time(unsigned long unused) { (void)unused; }
static int probe(struct pci_dev *d, const struct pci_device_id *id) {
  (void)d, (void)id;
  return -ENODEV;
}
static void on_irq(int irq, void *id, struct pt_regs *regs) { (void)irq, (void)id, (void)regs; }

static void *freed_block(void) {
  void *p = kmalloc(40, GFP_KERNEL);
  kfree(p);
  return p;
}
static struct sk_buff *freed_packet(void) {
  struct sk_buff *s = dev_alloc_skb(100);
  kfree_skb(s);
  return s;
}
static struct net_device *freed_netdev(void) {
  struct net_device *d = alloc_etherdev(0);
  free_netdev(d);
  return d;
}
static struct timer_list *timer_with(void *function) {
  static struct timer_list t;
  init_timer(&t);
  t.function = (void (*)(unsigned long))function;
  t.expires = jiffies + 1000;
  return &t;
}
static struct tasklet_struct *tasklet_with(void *function) {
  static struct tasklet_struct t;
  tasklet_init(&t, (void (*)(unsigned long))function, 0);
  return &t;
}
static struct tq_struct *work_with(void *function) {
  static struct tq_struct w;
  INIT_TQUEUE(&w, (void (*)(void *))function, NULL);
  return &w;
}
static struct net_device *netdev_with(void *xmit) {
  dev->hard_start_xmit = (int (*)(struct sk_buff *, struct net_device *))xmit;
  return dev;
}
static struct net_device *netdev_header(unsigned short bytes) {
  dev->hard_start_xmit = drop;
  dev->hard_header_len = bytes;
  return dev;
}
static struct net_device *netdev_mtu(unsigned mtu) {
  dev->hard_header_len = ETH_HLEN;
  dev->mtu = mtu;
  return dev;
}
static struct pci_driver *driver_with(const struct pci_device_id *ids, void *function, const char *name) {
  static struct pci_driver d;
  d = (struct pci_driver){ .name = (char *)name, .id_table = ids,
                           .probe = (int (*)(struct pci_dev *, const struct pci_device_id *))function };
  return &d;
}
static struct file_operations *fops_with(void *function) {
  static struct file_operations f;
  f.read = (ssize_t (*)(struct file *, char *, size_t, loff_t *))function;
  return &f;
}
static const struct pci_device_id none[] = { { 0 } };

#define PROCESS_CASES(C)                                                                  \
  C("kfree: kernel's", kfree(KERNEL))                                                     \
  C("kfree: wild", kfree(WILD))                                                           \
  C("kfree: user's", kfree(USER))                                                         \
  C("kfree: own data", kfree(own))                                                        \
  C("kfree: own text", kfree((void *)nothing))                                            \
  C("kfree: inside", kfree((char *)block + 4))                                            \
  C("kfree: freed", kfree(freed_block()))                                                 \
  C("kfree: net_device", kfree(dev))                                                      \
  C("kfree: packet", kfree(skb))                                                          \
  C("kfree: spare packet", kfree(freed_packet()))                                         \
  C("kfree: packet data", kfree(skb->data))                                               \
  C("kfree: cache", kfree(cache))                                                         \
  C("kfree: task", kfree(current_task))                                                   \
  C("ksize: kernel's", ksize(KERNEL))                                                     \
  C("vfree: wild", vfree(WILD))                                                           \
  C("vfree: inside", vfree((char *)block + 8))                                            \
  C("free_pages: kernel's", free_pages(0xC0200000, 0))                                    \
  C("free_pages: order", free_pages(page, 0))                                             \
  C("free_pages: inside", free_pages(page + PAGE_SIZE, 0))                                \
  C("free_pages: heap", free_pages((unsigned long)block, 0))                              \
  C("kmem_cache_create: constructor", kmem_cache_create("c", 32, 0, 0, (void (*)(void *, kmem_cache_t *, unsigned long))(void *)nothing, NULL)) \
  C("kmem_cache_create: name", kmem_cache_create(WILD, 32, 0, 0, NULL, NULL))             \
  C("kmem_cache_destroy: none", kmem_cache_destroy((kmem_cache_t *)own))                  \
  C("kmem_cache_alloc: none", kmem_cache_alloc(WILD, 0))                                  \
  C("kmem_cache_free: none", kmem_cache_free(block, block))                               \
  C("kmem_cache_free: kernel's", kmem_cache_free(cache, KERNEL))                          \
  C("copy_to_user: wild", !copy_to_user(USER, WILD, 8))                                   \
  C("copy_to_user: length", !copy_to_user(USER, own, 0xFFFFFFFF))                         \
  C("copy_from_user: kernel's", !copy_from_user(KERNEL, USER, 8))                         \
  C("copy_from_user: text", !copy_from_user((void *)nothing, USER, 8))                    \
  C("copy_from_user: length", !copy_from_user(own, USER, 0x10000000))                     \
  C("kfree_skb: none", kfree_skb((struct sk_buff *)own))                                  \
  C("kfree_skb: freed", kfree_skb(freed_packet()))                                        \
  C("kfree_skb: net_device", kfree_skb((struct sk_buff *)dev))                            \
  C("dev_kfree_skb_any: kernel's", dev_kfree_skb_any(KERNEL))                             \
  C("dev_kfree_skb_irq: freed", dev_kfree_skb_irq(freed_packet()))                        \
  C("alloc_etherdev: negative", alloc_etherdev(-1))                                       \
  C("alloc_etherdev: huge", alloc_etherdev(0x7FFFFFFF))                                   \
  C("free_netdev: none", free_netdev((struct net_device *)own))                           \
  C("free_netdev: freed", free_netdev(freed_netdev()))                                    \
  C("free_netdev: registered", free_netdev(registered))                                   \
  C("register_netdev: none", register_netdev((struct net_device *)block))                 \
  C("register_netdev: again", register_netdev(registered))                                \
  C("register_netdev: function of the kernel", register_netdev(netdev_with(KERNEL)))      \
  C("register_netdev: function in data", register_netdev(netdev_with(own)))               \
  C("register_netdev: short header", register_netdev(netdev_header(2)))                   \
  C("register_netdev: long header", register_netdev(netdev_header(4000)))                 \
  C("register_netdev: mtu", register_netdev(netdev_mtu(0x80000000)))                      \
  C("unregister_netdev: not registered", unregister_netdev(dev))                          \
  C("unregister_netdev: wild", unregister_netdev(WILD))                                   \
  C("pci_enable_device: none", pci_enable_device((struct pci_dev *)own))                  \
  C("pci_set_master: wild", pci_set_master(WILD))                                         \
  C("pci_disable_device: kernel's", pci_disable_device(KERNEL))                           \
  C("pci_request_regions: none", pci_request_regions((struct pci_dev *)own, "x"))         \
  C("pci_release_regions: none", pci_release_regions((struct pci_dev *)own))              \
  C("pci_read_config_dword: none", pci_read_config_dword(WILD, 0, (u32 *)own))            \
  C("pci_write_config_dword: none", pci_write_config_dword((struct pci_dev *)dev, 4, 7))  \
  C("pci_set_drvdata: none", pci_set_drvdata((struct pci_dev *)own, own))                 \
  C("pci_register_driver: wild", pci_register_driver(TOP))                                \
  C("pci_register_driver: no table", pci_register_driver(driver_with(WILD, probe, "b")))  \
  C("pci_register_driver: endless table", pci_register_driver(driver_with(endless, probe, "b"))) \
  C("pci_register_driver: function", pci_register_driver(driver_with(none, KERNEL, "b"))) \
  C("pci_register_driver: name", pci_register_driver(driver_with(none, probe, WILD)))     \
  C("pci_unregister_driver: none", pci_unregister_driver((struct pci_driver *)own))       \
  C("ioremap: memory", ioremap(0x100000, 4096))                                           \
  C("ioremap: nothing", ioremap(0xFE000000, 0))                                           \
  C("ioremap: wraps", ioremap(0xFFFFF000, 0x2000))                                        \
  C("iounmap: none", iounmap(WILD))                                                       \
  C("pci_free_consistent: none", pci_free_consistent((struct pci_dev *)own, 10, own, 0))  \
  C("request_irq: function", request_irq(5, (void (*)(int, void *, struct pt_regs *))KERNEL, 0, "b", NULL)) \
  C("request_irq: name", request_irq(5, on_irq, 0, WILD, NULL))                           \
  C("free_irq: none", free_irq(5, own))                                                   \
  C("free_irq: other's", free_irq(0, NULL))                                               \
  C("disable_irq: other's", disable_irq(0))                                               \
  C("enable_irq: other's", enable_irq(1))                                                 \
  C("disable_irq: wild", disable_irq(77))                                                 \
  C("enable_irq: enabled", enable_irq(9))                                                 \
  C("add_timer: wild", add_timer(WILD))                                                   \
  C("add_timer: kernel's", add_timer(KERNEL))                                             \
  C("add_timer: function", add_timer(timer_with(KERNEL)))                                 \
  C("add_timer: function in data", add_timer(timer_with(own)))                            \
  C("add_timer: pending", add_timer(&timer))                                              \
  C("mod_timer: function", mod_timer(timer_with(WILD), jiffies + 5))                      \
  C("tasklet_schedule: function", tasklet_schedule(tasklet_with(KERNEL)))                 \
  C("tasklet_schedule: wild", tasklet_schedule(WILD))                                     \
  C("tasklet_enable: enabled", tasklet_enable(&tasklet))                                  \
  C("schedule_task: function", schedule_task(work_with(own)))                             \
  C("schedule_task: kernel's", schedule_task(KERNEL))                                     \
  C("schedule_timeout: negative", schedule_timeout(-5))                                   \
  C("set_current_state: none", set_current_state(77))                                     \
  C("prepare_to_wait: state", prepare_to_wait(&queue, &entry, 0))                         \
  C("add_wait_queue: kernel's", add_wait_queue(KERNEL, &entry))                           \
  C("sleep_on_timeout: negative", sleep_on_timeout(&queue, -1))                           \
  C("sleep_on: wild", sleep_on(WILD))                                                     \
  C("down: kernel's", down(KERNEL))                                                       \
  C("up: text", up((struct semaphore *)(void *)nothing))                                  \
  C("down_trylock: wild", down_trylock(WILD))                                             \
  C("spin_lock_bh: kernel's", spin_lock_bh(KERNEL))                                       \
  C("spin_unlock_bh: not taken", spin_unlock_bh(&lock))                                   \
  C("local_bh_enable: enabled", local_bh_enable())                                        \
  C("register_chrdev: wild", register_chrdev(0, "b", TOP))                                \
  C("register_chrdev: function", register_chrdev(0, "b", fops_with(KERNEL)))              \
  C("register_chrdev: name", register_chrdev(0, WILD, fops_with(NULL)))                   \
  C("__module_get: none", __module_get((struct module *)own))                             \
  C("__module_put: not in use", __module_put(THIS_MODULE))

/* Refused without a word: nothing was asked for that could do harm. */
#define QUIET_CASES(C)                                                                    \
  C("kmalloc: huge", kmalloc(0xFFFFFFFF, 0))                                              \
  C("kmalloc: too large", kmalloc(KMALLOC_MAX + 1, 0))                                    \
  C("kzalloc: huge", kzalloc(0xFFFFFFF0, 0))                                              \
  C("vmalloc: huge", vmalloc(0xFFFFF001))                                                 \
  C("vmalloc: nothing", vmalloc(0))                                                       \
  C("__get_free_pages: order", (void *)__get_free_pages(0, 0xFFFFFFFF))                   \
  C("dev_alloc_skb: wraps", dev_alloc_skb(0xFFFFFFF8))                                    \
  C("alloc_skb: wraps", alloc_skb(0xFFFFFFFF, 0))                                         \
  C("kmem_cache_create: size", kmem_cache_create("c", 0xFFFFFFFF, 0, 0, NULL, NULL))

/* In a timer: these may sleep, or change the state of a task that is not the driver's. */
#define CONTEXT_CASES(C)                                                                  \
  C("alloc_etherdev: in an interrupt", alloc_etherdev(0))                                 \
  C("register_netdev: in an interrupt", register_netdev(dev))                             \
  C("request_irq: in an interrupt", request_irq(5, on_irq, 0, "b", NULL))                 \
  C("free_irq: in an interrupt", free_irq(9, own))                                        \
  C("ioremap: in an interrupt", ioremap(0xFE000000, 4096))                                \
  C("schedule: in an interrupt", schedule())                                              \
  C("schedule_timeout: in an interrupt", schedule_timeout(1))                             \
  C("yield: in an interrupt", yield())                                                    \
  C("down: in an interrupt", down((struct semaphore *)own))                               \
  C("sleep_on: in an interrupt", sleep_on(&queue))                                        \
  C("copy_from_user: in an interrupt", !copy_from_user(own, USER, 8))                     \
  C("vmalloc: in an interrupt", vmalloc(100))                                             \
  C("tasklet_kill: in an interrupt", tasklet_kill(&tasklet))                              \
  C("flush_scheduled_tasks: in an interrupt", flush_scheduled_tasks())                    \
  C("kmem_cache_create: in an interrupt", kmem_cache_create("c", 32, 0, 0, NULL, NULL))   \
  C("register_chrdev: in an interrupt", register_chrdev(0, "b", fops_with(NULL)))         \
  C("set_current_state: in an interrupt", set_current_state(TASK_UNINTERRUPTIBLE))        \
  C("prepare_to_wait: in an interrupt", prepare_to_wait(&queue, &entry, TASK_INTERRUPTIBLE))

/* Each case is its place in the list: __COUNTER__ counts on from where the list begins. */
enum { PROCESS_BASE = __COUNTER__ + 1 };
#define C(text, call) case __COUNTER__ - PROCESS_BASE: printk("badargs: " text "\n"); (void)(call); break;
static void process_case(int n) {
  switch (n) { PROCESS_CASES(C) }
}
#undef C
enum { PROCESS_END = __COUNTER__ };

enum { CONTEXT_BASE = __COUNTER__ + 1 };
#define C(text, call) case __COUNTER__ - CONTEXT_BASE: printk("badargs: " text "\n"); (void)(call); break;
static void context_case(int n) {
  switch (n) { CONTEXT_CASES(C) }
}
#undef C
enum { CONTEXT_END = __COUNTER__ };

static void quiet_cases(void) {
#define C(text, call) printk("badargs: %s %s\n", text, (call) ? "granted" : "quiet");
  QUIET_CASES(C)
#undef C
}

static int context_next;
static struct timer_list context_timer;

static void next_in_interrupt(unsigned long count) {
  context_case(context_next);
  if (++context_next < (int)count) mod_timer(&context_timer, jiffies + BETWEEN);
}

static void pause(int ticks) {
  set_current_state(TASK_UNINTERRUPTIBLE);
  schedule_timeout(ticks);
}

static int prepare(void) {
  block = kmalloc(100, GFP_KERNEL);
  dev = alloc_etherdev(16);
  registered = alloc_etherdev(0);
  skb = dev_alloc_skb(100);
  page = __get_free_pages(GFP_KERNEL, 1);
  cache = kmem_cache_create("badargs", 64, 0, 0, NULL, NULL);
  if (!block || !dev || !registered || !skb || !page || !cache) return -ENOMEM;
  registered->hard_start_xmit = drop;
  registered->open = registered->stop = nothing;
  init_timer(&timer);
  timer.function = on_time;
  timer.expires = jiffies + 100000;
  add_timer(&timer);
  tasklet_init(&tasklet, on_time, 0);
  init_waitqueue_head(&queue);
  memset(endless, 1, sizeof endless);
  return request_irq(9, on_irq, 0, "badargs", own) ? -EBUSY : register_netdev(registered);
}

static int badargs_init(void) {
  const int count = PROCESS_END - PROCESS_BASE, contexts = CONTEXT_END - CONTEXT_BASE;
  int err = prepare();
  if (err) return err;
  for (int i = 0; i < count; i++) {
    process_case(i);
    pause(BETWEEN);
  }
  quiet_cases();
  init_timer(&context_timer);
  context_timer.function = next_in_interrupt;
  context_timer.data = (unsigned long)contexts;
  context_timer.expires = jiffies + 1;
  add_timer(&context_timer);
  pause((contexts + 1) * BETWEEN);
  printk("badargs: %d cases done\n", count + contexts);
  return 0;
}

static void badargs_exit(void) {
  unregister_netdev(registered);
  free_netdev(registered);
  free_netdev(dev);
  free_irq(9, own);
  kfree_skb(skb);
  free_pages(page, 1);
  kfree(block);
  kmem_cache_destroy(cache);
  del_timer_sync(&timer);
  tasklet_kill(&tasklet);
}

module_init(badargs_init);
module_exit(badargs_exit);
