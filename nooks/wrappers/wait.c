/*
 * Wrappers of wait queues and semaphores. Their heads lie in the extension's memory, where the kernel must
 * keep no list; a head has a twin in the kernel for as long as somebody waits, and so has an entry. The
 * extension's own head then is not empty, so that waitqueue_active() tells the truth.
 */
#include <asm/semaphore.h>
#include <linux/errno.h>
#include <linux/interrupt.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <nooks/wrapper.h>

#pragma clang section text = ".text.wrapper"

/* ---- The twin of a head, counted by those who wait ---- */

static struct nooks_waitq *find_queue(struct nooks_domain *d, wait_queue_head_t *own) {
  struct nooks_object *o = object_find(d, OBJ_WAIT_QUEUE, own);
  return o ? container_of(o, struct nooks_waitq, o) : NULL;
}

static struct nooks_waitq *get_queue(wait_queue_head_t *own, const char *function) {
  struct nooks_domain *d = calling_domain();
  writable_arg(own, sizeof *own, function);
  struct nooks_waitq *q = find_queue(d, own);
  if (!q) {
    q = object_wanted(d, sizeof *q);
    if (!q) nooks_bad_call(TRIGGER_OBJECTS, "%s: no memory", function);
    init_waitqueue_head(&q->head);
    object_track(d, &q->o, OBJ_WAIT_QUEUE, own, &q->head);
    own->task_list.next = (struct list_head *)q; /* not empty */
  }
  q->users++;
  return q;
}

static void put_queue(struct nooks_waitq *q) {
  wait_queue_head_t *own = q->o.driver;
  if (--q->users) return;
  if (domain_can_write(q->o.domain, own, sizeof *own)) INIT_LIST_HEAD(&own->task_list);
  object_drop(&q->o);
}

/* ---- Entries: from prepare_to_wait to finish_wait ---- */

static struct nooks_wait *find_entry(wait_queue_t *own) {
  struct nooks_object *o = object_find(calling_domain(), OBJ_WAIT, own);
  return o ? container_of(o, struct nooks_wait, o) : NULL;
}

static struct nooks_wait *get_entry(wait_queue_head_t *own_queue, wait_queue_t *own, const char *function) {
  struct nooks_wait *w = find_entry(own);
  if (w) return w;
  struct nooks_waitq *q = get_queue(own_queue, function);
  w = object_wanted(calling_domain(), sizeof *w);
  if (!w) {
    put_queue(q);
    nooks_bad_call(TRIGGER_OBJECTS, "%s: no memory", function);
  }
  w->wait.task = current_task;
  INIT_LIST_HEAD(&w->wait.task_list);
  w->queue = q;
  object_track(calling_domain(), &w->o, OBJ_WAIT, own, &w->wait);
  return w;
}

static void put_entry(struct nooks_wait *w) {
  struct nooks_waitq *q = w->queue;
  object_drop(&w->o);
  put_queue(q);
}

void wrap_add_wait_queue(wait_queue_head_t *queue, wait_queue_t *own) {
  struct nooks_wait *w = get_entry(queue, own, "add_wait_queue");
  if (list_empty(&w->wait.task_list)) add_wait_queue(&w->queue->head, &w->wait);
}

void wrap_remove_wait_queue(wait_queue_head_t *queue, wait_queue_t *own) {
  struct nooks_wait *w = find_entry(own);
  (void)queue;
  if (!w) return;
  remove_wait_queue(&w->queue->head, &w->wait);
  put_entry(w);
}

static bool sleep_state(int state) { return state == TASK_INTERRUPTIBLE || state == TASK_UNINTERRUPTIBLE; }

void wrap_prepare_to_wait(wait_queue_head_t *queue, wait_queue_t *own, int state) {
  if (!sleep_state(state)) nooks_bad_call(TRIGGER_ARGUMENT, "prepare_to_wait: state %d", state);
  if (in_interrupt()) nooks_bad_call(TRIGGER_CONTEXT, "prepare_to_wait: in an interrupt");
  xpc_frame()->state_set = true;
  struct nooks_wait *w = get_entry(queue, own, "prepare_to_wait");
  prepare_to_wait(&w->queue->head, &w->wait, state);
}

void wrap_finish_wait(wait_queue_head_t *queue, wait_queue_t *own) {
  struct nooks_wait *w = find_entry(own);
  (void)queue;
  if (in_interrupt()) nooks_bad_call(TRIGGER_CONTEXT, "finish_wait: in an interrupt");
  set_current_state(TASK_RUNNING);
  if (!w) return;
  finish_wait(&w->queue->head, &w->wait);
  put_entry(w);
}

/* A queue without a twin has nobody to wake. */
void wrap___wake_up(wait_queue_head_t *own, int states) {
  struct nooks_waitq *q = find_queue(calling_domain(), own);
  if (q) __wake_up(&q->head, states & (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE));
}

/* ---- Sleeping in one call ---- */

static long sleep_in(wait_queue_head_t *own, int state, long timeout, const char *function) {
  if (timeout < 0) nooks_bad_call(TRIGGER_ARGUMENT, "%s: timeout %ld", function, timeout);
  struct nooks_waitq *q = get_queue(own, function);
  DECLARE_WAITQUEUE(wait, current_task);
  prepare_to_wait(&q->head, &wait, state);
  timeout = schedule_timeout(timeout);
  finish_wait(&q->head, &wait);
  put_queue(q);
  return timeout;
}

void wrap_sleep_on(wait_queue_head_t *q) { sleep_in(q, TASK_UNINTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT, "sleep_on"); }
void wrap_interruptible_sleep_on(wait_queue_head_t *q) {
  sleep_in(q, TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT, "interruptible_sleep_on");
}
long wrap_sleep_on_timeout(wait_queue_head_t *q, long timeout) {
  return sleep_in(q, TASK_UNINTERRUPTIBLE, timeout, "sleep_on_timeout");
}
long wrap_interruptible_sleep_on_timeout(wait_queue_head_t *q, long timeout) {
  return sleep_in(q, TASK_INTERRUPTIBLE, timeout, "interruptible_sleep_on_timeout");
}

/* ---- Semaphores: the count stays in the extension's memory, the waiting is done on a twin ---- */

/* True when there is nothing more to wait for: taken, or the extension is gone, or has given the memory away. */
static bool try_take(struct nooks_domain *d, struct semaphore *sem) {
  return d->state != DOMAIN_RUNNING || !domain_can_write(d, sem, sizeof *sem) || !down_trylock(sem);
}

static int take(struct semaphore *sem, bool interruptible, const char *function) {
  struct nooks_domain *d = calling_domain();
  int err = 0;
  writable_arg(sem, sizeof *sem, function);
  if (!down_trylock(sem)) return 0;
  struct nooks_waitq *q = get_queue(&sem->wait, function);
  if (interruptible) err = wait_event_interruptible(q->head, try_take(d, sem)) ? -EINTR : 0;
  else wait_event(q->head, try_take(d, sem));
  put_queue(q);
  return err;
}

void wrap_down(struct semaphore *sem) { take(sem, false, "down"); }
int wrap_down_interruptible(struct semaphore *sem) { return take(sem, true, "down_interruptible"); }

int wrap_down_trylock(struct semaphore *sem) {
  writable_arg(sem, sizeof *sem, "down_trylock");
  return down_trylock(sem);
}

void wrap_up(struct semaphore *sem) {
  unsigned long flags;
  writable_arg(sem, sizeof *sem, "up");
  local_irq_save(flags);
  sem->count++;
  irq_restore(flags);
  wrap___wake_up(&sem->wait, TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE);
}
