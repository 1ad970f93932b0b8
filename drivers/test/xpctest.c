/*
 * A driver that tests XPC, deferred work and the object tracker from inside, and prints `xpctest: NAME ok`
 * or `wrong` for each thing. It runs with isolation and without; tests compare both with what they expect.
 */
#include <asm/semaphore.h>
#include <asm/uaccess.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>

static void check(const char *name, int right) {
  printk("xpctest: %s %s\n", name, right ? "ok" : "wrong");
}

/* ---- Timers: until fired or deleted, and again ---- */

static struct timer_list timer;
static int fired;

static void fire(unsigned long data) {
  fired += (int)data;
  if (fired < 3) mod_timer(&timer, jiffies + 1); /* from its own function: it is not pending there */
}

static void test_timers(void) {
  init_timer(&timer);
  timer.function = fire;
  timer.data = 1;
  check("timer not pending", !timer_pending(&timer));
  timer.expires = jiffies + 2;
  add_timer(&timer);
  check("timer pending", timer_pending(&timer));
  check("timer deleted", del_timer(&timer) == 1 && !timer_pending(&timer));
  check("timer deleted once", del_timer(&timer) == 0);
  check("timer modified", mod_timer(&timer, jiffies + 100) == 0 && mod_timer(&timer, jiffies + 1) == 1);
  set_current_state(TASK_UNINTERRUPTIBLE);
  schedule_timeout(8);
  check("timer fired three times", fired == 3 && !timer_pending(&timer));
}

/* ---- Nesting: tasklets and work that schedule each other; calls from within calls ---- */

static struct tasklet_struct tasklet;
static struct tq_struct work;
static int tasklet_runs, work_runs, work_in_interrupt;

static void run_tasklet(unsigned long data) {
  tasklet_runs += (int)data;
  schedule_task(&work);
}

static void do_work(void *data) {
  work_in_interrupt |= in_interrupt();
  if (++work_runs < *(int *)data) tasklet_schedule(&tasklet);
}

static void test_nesting(void) {
  static int rounds = 5;
  tasklet_init(&tasklet, run_tasklet, 2);
  INIT_TQUEUE(&work, do_work, &rounds);
  tasklet_schedule(&tasklet); /* runs at once, before this call returns: a call in a call */
  check("tasklet ran inside the call", tasklet_runs == 2);
  set_current_state(TASK_UNINTERRUPTIBLE);
  schedule_timeout(5);
  check("tasklet and work took turns", tasklet_runs == 10 && work_runs == 5 && !work_in_interrupt);
  tasklet_kill(&tasklet);
}

/* ---- Memory and packets ---- */

static void test_memory(void) {
  char *a = kmalloc(100, GFP_KERNEL), *b = kmalloc(5000, GFP_KERNEL), *c = vmalloc(20000);
  unsigned long page = __get_free_page(GFP_KERNEL);
  memset(a, 1, 100);
  memset(b, 2, 5000);
  memset(c, 3, 20000);
  memset((void *)page, 4, PAGE_SIZE);
  check("memory is writable", a[99] == 1 && b[4999] == 2 && c[19999] == 3 && *(char *)page == 4);
  kfree(a);
  kfree(b);
  vfree(c);
  free_page(page);
}

static void test_packets(void) {
  struct sk_buff *skb[40];
  int right = 1;
  for (int i = 0; i < 40; i++) {
    skb[i] = dev_alloc_skb(1500);
    if (!skb[i]) right = 0;
    else memset(skb_put(skb[i], 1500), i, 1500);
  }
  for (int i = 0; i < 40; i++) right &= skb[i] && skb[i]->data[1499] == i && skb[i]->len == 1500;
  check("packets are apart", right);
  for (int i = 0; i < 40; i += 2) kfree_skb(skb[i]);
  for (int i = 1; i < 40; i += 2) right &= skb[i]->data[0] == i;
  for (int i = 1; i < 40; i += 2) dev_kfree_skb_any(skb[i]);
  check("packets outlive their neighbours", right);
}

/* ---- A character device: /dev/xpctest ---- */

#define XPCTEST_ADD 1    /* returns the minor number + 7 */
#define XPCTEST_FAULT 2  /* writes to address 0 */
#define XPCTEST_HANG 3   /* waits for what never comes */
#define XPCTEST_LOCK 4   /* takes the semaphore */
#define XPCTEST_UNLOCK 5

static char text[64];
static size_t text_size;
static DECLARE_WAIT_QUEUE_HEAD(readers);
static DECLARE_WAIT_QUEUE_HEAD(nobody);
static DECLARE_MUTEX(lock);

static int file_open(struct inode *inode, struct file *file) {
  file->private_data = (void *)(MINOR(inode->i_rdev) + 7);
  return 0;
}

/* The text, from f_pos on; waits until there is one. */
static ssize_t file_read(struct file *file, char *buf, size_t bytes, loff_t *ppos) {
  if (wait_event_interruptible(readers, text_size)) return -EINTR;
  if (*ppos >= (loff_t)text_size) return 0;
  bytes = min(bytes, text_size - (size_t)*ppos);
  if (copy_to_user(buf, text + *ppos, bytes)) return -EFAULT;
  *ppos += bytes;
  return file->private_data ? (ssize_t)bytes : -EINVAL;
}

static ssize_t file_write(struct file *file, const char *buf, size_t bytes, loff_t *ppos) {
  (void)file, (void)ppos;
  if (bytes > sizeof text) return -E2BIG;
  if (copy_from_user(text, buf, bytes)) return -EFAULT;
  for (size_t i = 0; i < bytes; i++) text[i] ^= 0x20;
  text_size = bytes;
  wake_up_interruptible(&readers);
  return (ssize_t)bytes;
}

static int file_ioctl(struct inode *inode, struct file *file, unsigned cmd, unsigned long arg) {
  (void)inode, (void)arg;
  switch (cmd) {
    case XPCTEST_ADD: return (int)file->private_data;
    case XPCTEST_FAULT: *(volatile int *)0 = 1; return 0;
    case XPCTEST_HANG: sleep_on(&nobody); return 0;
    case XPCTEST_LOCK: down(&lock); return 0;
    case XPCTEST_UNLOCK: up(&lock); return 0;
    default: return -ENOTTY;
  }
}

static struct file_operations fops = {
  .owner = THIS_MODULE, .open = file_open, .read = file_read, .write = file_write, .ioctl = file_ioctl,
};
static int major;

static int xpctest_init(void) {
  test_timers();
  test_nesting();
  test_memory();
  test_packets();
  check("in process context", !in_interrupt());
  major = register_chrdev(0, "xpctest", &fops);
  return major < 0 ? major : 0;
}

static void xpctest_exit(void) {
  unregister_chrdev((unsigned)major, "xpctest");
  printk("xpctest: bye\n");
}

module_init(xpctest_init);
module_exit(xpctest_exit);
