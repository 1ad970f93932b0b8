/*
 * Interrupt handlers and deferred work (arch/irq.c, core/softirq.c).
 *
 * A handler runs in interrupt context: it may not sleep. Without SA_INTERRUPT it runs with
 * interrupts on, its own line masked. Soft interrupts run when the last handler has returned, and
 * when local_bh_enable drops to zero, with interrupts on.
 */
#ifndef LINUX_INTERRUPT_H
#define LINUX_INTERRUPT_H

#include <asm/irq.h>
#include <asm/ptrace.h>
#include <asm/system.h>
#include <linux/list.h>

#define SA_INTERRUPT 0x20000000u /* run with interrupts off */
#define SA_SHIRQ 0x04000000u     /* the line may be shared; dev_id tells the handlers apart */
#define SA_SAMPLE_RANDOM 0

/* Returns 0, -EINVAL or -EBUSY. May sleep. */
int request_irq(unsigned irq, void (*handler)(int irq, void *dev_id, struct pt_regs *regs),
                unsigned long flags, const char *name, void *dev_id);
void free_irq(unsigned irq, void *dev_id); /* the handler does not run any more on return */
void disable_irq(unsigned irq);            /* nests */
void disable_irq_nosync(unsigned irq);
void enable_irq(unsigned irq);
void synchronize_irq(void);

int in_interrupt(void); /* in a handler or a soft interrupt */
int in_irq(void);       /* in a handler: how many, one in the other */
int interrupts_nest(void); /* in a handler: it has interrupted a handler or a soft interrupt */
void local_bh_disable(void);
void local_bh_enable(void);

/* Soft interrupts, most urgent first. */
#define HI_SOFTIRQ 0
#define TIMER_SOFTIRQ 1
#define NET_TX_SOFTIRQ 2
#define NET_RX_SOFTIRQ 3
#define TASKLET_SOFTIRQ 4
#define NR_SOFTIRQS 5
struct softirq_action;
void open_softirq(int nr, void (*action)(struct softirq_action *), void *data);
void raise_softirq(int nr);   /* any context */
void __cpu_raise_softirq(int nr); /* interrupts are off, or no matter if it runs late */
struct softirq_action {
  void (*action)(struct softirq_action *);
  void *data;
};

/* A function that runs once, soon, in soft-interrupt context, after each schedule. */
struct tasklet_struct {
  struct tasklet_struct *next;
  u32 state;   /* bit 0: scheduled, bit 1: running */
  int count;   /* disabled while not 0 */
  void (*func)(unsigned long);
  unsigned long data;
};
#define DECLARE_TASKLET(name, func, data) struct tasklet_struct name = { NULL, 0, 0, func, data }
#define DECLARE_TASKLET_DISABLED(name, func, data) struct tasklet_struct name = { NULL, 0, 1, func, data }
void tasklet_init(struct tasklet_struct *t, void (*func)(unsigned long), unsigned long data);
void tasklet_schedule(struct tasklet_struct *t);
void tasklet_hi_schedule(struct tasklet_struct *t);
void tasklet_disable(struct tasklet_struct *t);
void tasklet_enable(struct tasklet_struct *t);
void tasklet_kill(struct tasklet_struct *t); /* waits until it neither runs nor will */

/* Work that needs process context: run by the kernel thread `keventd`. */
struct tq_struct {
  struct list_head list;
  unsigned long sync; /* queued */
  void (*routine)(void *);
  void *data;
};
#define INIT_TQUEUE(tq, _routine, _data) \
  do { INIT_LIST_HEAD(&(tq)->list); (tq)->sync = 0; (tq)->routine = (_routine); (tq)->data = (_data); } while (0)
int schedule_task(struct tq_struct *task); /* 0 if it was queued already */
void flush_scheduled_tasks(void);          /* waits; process context */

#endif
