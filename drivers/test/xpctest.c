/*
 * A driver that tests XPC, deferred work and the object tracker from inside, and prints `xpctest: NAME ok`
 * or `wrong` for each thing. It runs with isolation and without; tests compare both with what they expect.
 */
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

static int xpctest_init(void) {
  test_timers();
  test_nesting();
  test_memory();
  test_packets();
  check("in process context", !in_interrupt());
  return 0;
}

static void xpctest_exit(void) {
  printk("xpctest: bye\n");
}

module_init(xpctest_init);
module_exit(xpctest_exit);
