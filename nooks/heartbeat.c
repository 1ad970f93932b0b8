/*
 * The heartbeat of network drivers: is the service still there, though nothing else has been found wrong? Looked at
 * with each clock tick, from the kernel's side only:
 *
 *   transmit  packets were handed over, or wait, and the driver has freed none for a time, with a link
 *   packet    the driver has one that it was given to send for several times that long, though it sends others
 *   link      the driver says that there is no link, and packets come in all the same
 *   silence   nothing has come for a time: the neighbour that answered last, or one that is being looked for, is asked
 *             by ARP; if QUESTIONS stay without an answer, and a link is there, and somebody had answered on this
 *             interface before, then the driver is taken to be deaf. That can be wrong (a neighbour that is switched
 *             off), so it counts once: before the next time somebody must have answered again.
 *
 * A link that is really down, a network where nobody answers, and an interface that is down raise no alarm. Left
 * out: a driver that damages what it carries, which only those who send and receive can know.
 */
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/netdevice.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <net/arp.h>
#include <nooks/detect.h>
#include <nooks/heartbeat.h>
#include <nooks/object.h>

#pragma clang section text = ".text.recovery"

#define TICK (1000000u / HZ)
#define QUESTIONS 3
#define QUESTION_TICKS (HZ / 20) /* between them */
#define HEARD_OFF 2
#define OVERDUE_TICKS 4
#define FIRST_QUESTION 1 /* ticks after the interface came up */
#define MAX_NAMES 8

/* Interfaces on which ARP was answered; by name, for it is remembered across a reload. */
static char answered[MAX_NAMES][IFNAMSIZ];

static char *find_answered(const char *name) {
  for (u32 i = 0; i < MAX_NAMES; i++)
    if (!strncmp(answered[i], name, IFNAMSIZ)) return answered[i];
  return NULL;
}

static void note_answer(const char *name) {
  char *place = find_answered(name);
  if (!place) place = find_answered("");
  if (place) memcpy(place, name, IFNAMSIZ);
}

/* ---- Asking ---- */

static void ask(unsigned long unused) {
  (void)unused;
  for (int i = 0; i < NOOKS_MAX_DOMAINS; i++) {
    struct nooks_domain *d = nooks_domains[i];
    struct nooks_netdev *n;
    if (!d || d->state != DOMAIN_RUNNING) continue;
    list_for_each_entry(n, &d->objects[OBJ_NETDEV], o.list) {
      if (!n->beat.ask) continue;
      n->beat.ask = false;
      if (arp_ask(n->o.kernel)) n->beat.asked++;
      if (d->state != DOMAIN_RUNNING) break; /* sending the question has shown why */
    }
  }
}
static DECLARE_TASKLET(asker, ask, 0);

static void begin_asking(struct nooks_beat *b) {
  b->asked = 0;
  b->since = jiffies;
}

static void have_asked(struct nooks_beat *b) {
  b->ask = true;
  tasklet_schedule(&asker);
}

/* Once a second until somebody answers: silence means nothing else. */
static void look_for_neighbour(struct net_device *dev, struct nooks_beat *b) {
  if ((jiffies - b->up_since) % HZ == FIRST_QUESTION && netif_carrier_ok(dev) && !find_answered(dev->name)) have_asked(b);
}

static bool check_silence(struct nooks_domain *d, struct net_device *dev, struct nooks_beat *b) {
  u32 limit = d->limits[LIMIT_SILENCE];
  if ((long)(jiffies - dev->last_rx) <= 1) b->silent = 0;
  else b->silent += b->silent < 2 * limit ? TICK : 0;
  if (dev->arp_answered != b->answered) {
    b->answered = dev->arp_answered;
    note_answer(dev->name);
    begin_asking(b);
  }
  if (!limit || b->silent < limit) {
    begin_asking(b);
    return false;
  }
  if (b->asked >= QUESTIONS) {
    char *known = netif_carrier_ok(dev) ? find_answered(dev->name) : NULL;
    begin_asking(b);
    b->silent = 0;
    if (!known) return false;
    *known = 0;
    nooks_fail(d, TRIGGER_HEARTBEAT, "%s is deaf: %u questions without an answer", dev->name, QUESTIONS);
    return true;
  }
  if ((jiffies - b->since) % QUESTION_TICKS == 0 && !dev->queue.qlen) have_asked(b);
  return false;
}

/* ---- Looking ---- */

static bool check_transmit(struct nooks_domain *d, struct net_device *dev, struct nooks_beat *b) {
  bool waits = time_after(d->took, d->freed) || dev->queue.qlen;
  if (!waits || !netif_carrier_ok(dev) || b->freed != d->freed) {
    b->stalled = 0;
    b->freed = d->freed;
    return false;
  }
  b->stalled += TICK;
  u32 limit = d->limits[LIMIT_TRANSMIT];
  if (!limit || b->stalled <= limit) return false;
  b->stalled = 0;
  nooks_fail(d, TRIGGER_HEARTBEAT, "%s sends nothing: the last packet was taken %lu ticks ago, freed %lu ago, %u wait",
             dev->name, jiffies - d->took, jiffies - d->freed, dev->queue.qlen);
  return true;
}

/* All packets are looked at, so not each time; and twice, since a link may just have come up. */
static bool check_overdue(struct nooks_domain *d, struct net_device *dev, struct nooks_beat *b) {
  u32 limit = d->limits[LIMIT_TRANSMIT];
  if (!limit || jiffies % OVERDUE_TICKS) return false;
  b->overdue = netif_carrier_ok(dev) && packet_overdue(d, limit / TICK + 2) ? b->overdue + 1 : 0;
  if (b->overdue < 2) return false;
  b->overdue = 0;
  nooks_fail(d, TRIGGER_HEARTBEAT, "%s keeps a packet that it was given to send", dev->name);
  return true;
}

static bool check_link(struct nooks_domain *d, struct net_device *dev, struct nooks_beat *b) {
  if (netif_carrier_ok(dev)) b->heard_off = 0;
  else if (dev->last_rx == jiffies - 1 && ++b->heard_off > HEARD_OFF) {
    b->heard_off = 0;
    nooks_fail(d, TRIGGER_HEARTBEAT, "%s has no link, and receives", dev->name);
    return true;
  }
  return false;
}

static void check(struct nooks_domain *d, struct nooks_netdev *n) {
  struct net_device *dev = n->o.kernel;
  struct nooks_beat *b = &n->beat;
  if (!n->registered || !netif_running(dev)) {
    b->up = false;
    return;
  }
  if (!b->up) {
    *b = (struct nooks_beat){ .up = true, .since = jiffies, .up_since = jiffies, .answered = dev->arp_answered };
    return;
  }
  if (check_transmit(d, dev, b) || check_overdue(d, dev, b) || check_link(d, dev, b)) return;
  look_for_neighbour(dev, b);
  check_silence(d, dev, b);
}

void nooks_heartbeat(void) {
  for (int i = 0; i < NOOKS_MAX_DOMAINS; i++) {
    struct nooks_domain *d = nooks_domains[i];
    struct nooks_netdev *n;
    if (!d || d->state != DOMAIN_RUNNING) continue;
    list_for_each_entry(n, &d->objects[OBJ_NETDEV], o.list) check(d, n);
  }
}
