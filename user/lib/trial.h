/*
 * What the programs of a fault-injection trial share (user/trial/): the page in which each tells the host how it fares.
 * The host finds the page in RAM by its magic words, so that it can be read whatever has become of the kernel
 * (inject/trial/report.ts has the same layout).
 *
 * A system call that fails though it would not without a failure of the driver is counted, and the program goes on: it
 * conceals nothing.
 */
#ifndef TRIAL_H
#define TRIAL_H

#include <linux/types.h>
#include "message.h"

#define TRIAL_NOTES 8
#define TRIAL_NAME 16

struct trial_report {
  u32 magic[4]; /* made at run time, so that no program file holds them */
  char name[TRIAL_NAME];
  u32 rounds;  /* of the main loop */
  u32 done;    /* units of work */
  u32 errors;  /* failed system calls */
  u32 damaged; /* wrong data, or a wrong answer */
  u32 lost;    /* gaps in the numbering of what arrived */
  u32 notes;   /* of the errors, the first ones */
  struct {
    u32 what;  /* TRIAL_* */
    u32 error; /* errno; 0: the answer was wrong */
  } note[TRIAL_NOTES];
};

_Static_assert(__builtin_offsetof(struct trial_report, rounds) == 32, "read by the host");
_Static_assert(__builtin_offsetof(struct trial_report, note) == 56, "read by the host");

/* What failed; the host has names for them. */
enum {
  TRIAL_SEND,
  TRIAL_RECEIVE,
  TRIAL_DOWN,
  TRIAL_UP,
  TRIAL_STATS,
  TRIAL_SETTINGS,
  TRIAL_LINK,
  TRIAL_DRIVER_INFO,
  TRIAL_MII,
  TRIAL_MULTICAST,
  TRIAL_ADDRESS,
  TRIAL_MTU,
  TRIAL_PROMISCUOUS,
  TRIAL_LOOPBACK,
  TRIAL_DATA,
};

extern struct trial_report trial;

/* Bytes of the messages of the four kinds: one frame, a full one, three, five. */
extern const u32 trial_bytes[MESSAGE_KINDS];

/* Makes the page known. */
void trial_begin(const char *name);

/* A failed system call (errno is read), and data that are wrong. */
void trial_error(u32 what);
void trial_damage(u32 what);

/* The four messages of a seed. */
void trial_messages(struct message made[MESSAGE_KINDS], u32 seed);

#endif
