/*
 * Wrappers of things that happen later: timers, tasklets, work for keventd, and sleeping. The extension's
 * own structures lie in its memory, where the kernel must not keep lists; the kernel has a twin of each,
 * which lives until the timer has fired, the work is done or the tasklet is killed.
 */
#include <linux/errno.h>
#include <linux/interrupt.h>
#include <linux/sched.h>
#include <linux/timer.h>
#include <nooks/wrapper.h>

#pragma clang section text = ".text.wrapper"

/* ---- Timers ---- */

/* timer_pending() reads the extension's list.next. The memory may have been freed since it was added. */
static void show_pending(struct nooks_domain *d, struct timer_list *own, struct timer_list *pending) {
  if (domain_can_write(d, own, sizeof *own)) own->list.next = (struct list_head *)pending;
}

static void fired(unsigned long data) {
  struct nooks_timer *t = (struct nooks_timer *)data;
  struct nooks_domain *d = t->o.domain;
  const void *function = t->function;
  u32 argument = t->data;
  show_pending(d, t->o.driver, NULL);
  object_drop(&t->o);
  nooks_driver_call(d, NULL, function, 1, argument);
}

static struct nooks_timer *find_timer(struct timer_list *own) {
  struct nooks_object *o = object_find(calling_domain(), OBJ_TIMER, own);
  return o ? container_of(o, struct nooks_timer, o) : NULL;
}

static void start(struct timer_list *own, unsigned long expires, const char *function) {
  writable_arg(own, sizeof *own, function);
  const void *code = code_arg((const void *)own->function, function);
  struct nooks_domain *d = calling_domain();
  struct nooks_timer *t = within_limit(d, LIMIT_TIMERS, d->timers + 1) ? object_wanted(d, sizeof *t) : NULL;
  if (!t) return; /* it is lost: nobody can be told */
  t->function = code;
  t->data = own->data;
  t->timer.expires = own->expires = expires;
  t->timer.function = fired;
  t->timer.data = (unsigned long)t;
  show_pending(calling_domain(), own, own);
  object_track(calling_domain(), &t->o, OBJ_TIMER, own, &t->timer);
  add_timer(&t->timer);
}

int timer_rearm(struct nooks_domain *d, struct timer_list *own, unsigned long first) {
  if (!domain_can_write(d, own, sizeof *own)) return 0;
  const u32 code = (u32)own->function;
  show_pending(d, own, NULL);
  if (code < d->module->text_start || code >= d->module->text_end) return 0;
  struct nooks_timer *t = object_new(sizeof *t);
  if (!t) return -ENOMEM;
  t->function = (const void *)code;
  t->data = own->data;
  t->timer.expires = time_after(own->expires, first) ? own->expires : first;
  t->timer.function = fired;
  t->timer.data = (unsigned long)t;
  show_pending(d, own, own);
  object_track(d, &t->o, OBJ_TIMER, own, &t->timer);
  add_timer(&t->timer);
  return 0;
}

static int stop(struct timer_list *own) {
  struct nooks_timer *t = find_timer(own);
  if (!t) return 0;
  del_timer_sync(&t->timer);
  show_pending(calling_domain(), own, NULL);
  object_drop(&t->o);
  return 1;
}

void wrap_add_timer(struct timer_list *own) {
  writable_arg(own, sizeof *own, "add_timer");
  if (find_timer(own)) nooks_bad_call(TRIGGER_ARGUMENT, "add_timer: %p is pending already", (void *)own);
  start(own, own->expires, "add_timer");
}

int wrap_mod_timer(struct timer_list *own, unsigned long expires) {
  struct nooks_timer *t = find_timer(own);
  if (!t) {
    start(own, expires, "mod_timer");
    return 0;
  }
  writable_arg(own, sizeof *own, "mod_timer");
  t->function = code_arg((const void *)own->function, "mod_timer");
  t->data = own->data;
  own->expires = expires;
  return mod_timer(&t->timer, expires);
}

int wrap_del_timer(struct timer_list *own) { return stop(own); }
int wrap_del_timer_sync(struct timer_list *own) { return stop(own); }

/* ---- Tasklets ---- */

static void run_tasklet(unsigned long data) {
  struct nooks_tasklet *t = (struct nooks_tasklet *)data;
  struct nooks_domain *d = t->o.domain;
  const struct tasklet_struct *own = t->o.driver;
  if (!domain_can_read(d, own, sizeof *own)) return;
  nooks_driver_call(d, NULL, (const void *)own->func, 1, own->data);
}

static struct tasklet_struct *twin_of_tasklet(struct tasklet_struct *own, const char *function) {
  struct nooks_domain *d = calling_domain();
  struct nooks_object *o = object_find(d, OBJ_TASKLET, own);
  if (o) return o->kernel;
  writable_arg(own, sizeof *own, function);
  code_arg((const void *)own->func, function);
  struct nooks_tasklet *t = object_wanted(d, sizeof *t);
  if (!t) nooks_bad_call(TRIGGER_OBJECTS, "%s: no memory for a tasklet", function);
  tasklet_init(&t->tasklet, run_tasklet, (unsigned long)t);
  t->tasklet.count = own->count;
  object_track(d, &t->o, OBJ_TASKLET, own, &t->tasklet);
  return &t->tasklet;
}

void wrap_tasklet_schedule(struct tasklet_struct *own) { tasklet_schedule(twin_of_tasklet(own, "tasklet_schedule")); }
void wrap_tasklet_hi_schedule(struct tasklet_struct *own) {
  tasklet_hi_schedule(twin_of_tasklet(own, "tasklet_hi_schedule"));
}
void wrap_tasklet_disable(struct tasklet_struct *own) { tasklet_disable(twin_of_tasklet(own, "tasklet_disable")); }

void wrap_tasklet_enable(struct tasklet_struct *own) {
  struct tasklet_struct *twin = twin_of_tasklet(own, "tasklet_enable");
  if (!twin->count) nooks_bad_call(TRIGGER_ARGUMENT, "tasklet_enable: %p is not disabled", (void *)own);
  tasklet_enable(twin);
}

void wrap_tasklet_kill(struct tasklet_struct *own) {
  struct nooks_object *o = object_find(calling_domain(), OBJ_TASKLET, own);
  if (!o) return;
  tasklet_kill(o->kernel);
  object_drop(o);
}

/* ---- Work in process context ---- */

static void do_work(void *data) {
  struct nooks_work *w = data;
  struct nooks_domain *d = w->o.domain;
  const void *routine = w->routine;
  u32 argument = w->data;
  struct tq_struct *own = w->o.driver;
  if (domain_can_write(d, own, sizeof *own)) own->sync = 0;
  object_drop(&w->o);
  nooks_driver_call(d, NULL, routine, 1, argument);
}

int wrap_schedule_task(struct tq_struct *own) {
  struct nooks_domain *d = calling_domain();
  if (object_find(d, OBJ_WORK, own)) return 0;
  writable_arg(own, sizeof *own, "schedule_task");
  code_arg((const void *)own->routine, "schedule_task");
  struct nooks_work *w = object_wanted(d, sizeof *w);
  if (!w) return 0;
  w->routine = (const void *)own->routine;
  w->data = (u32)own->data;
  own->sync = 1;
  INIT_TQUEUE(&w->work, do_work, w);
  object_track(d, &w->o, OBJ_WORK, own, &w->work);
  return schedule_task(&w->work);
}

void wrap_flush_scheduled_tasks(void) { flush_scheduled_tasks(); }

/* ---- Sleeping ---- */

long wrap_schedule_timeout(long timeout) {
  if (timeout < 0) nooks_bad_call(TRIGGER_ARGUMENT, "schedule_timeout: %ld", timeout);
  return schedule_timeout(timeout);
}

void wrap_schedule(void) { schedule(); }
void wrap_yield(void) { yield(); }

void wrap_set_current_state(int state) {
  if (state != TASK_RUNNING && state != TASK_INTERRUPTIBLE && state != TASK_UNINTERRUPTIBLE)
    nooks_bad_call(TRIGGER_ARGUMENT, "set_current_state: %d", state);
  if (in_interrupt()) nooks_bad_call(TRIGGER_CONTEXT, "set_current_state: in an interrupt");
  xpc_frame()->state_set = true;
  set_current_state(state);
}
